"""From labelled structures to a potential, its posterior and a record of both."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.potential.accuracy import Comparison, compare
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.core_repulsion import Core, Coverage, coverage, extend
from ufpnmr.potential.dataset import Dataset, by_atomic_number, check_dataset, elements_of, folds, targets
from ufpnmr.potential.fit_config import FitConfig, Search, basis_of
from ufpnmr.potential.gram import Kind, NormalEquations, Target, accumulate
from ufpnmr.potential.gram_dask import accumulate_with_dask
from ufpnmr.potential.gram_file import read_equations
from ufpnmr.potential.model import Potential
from ufpnmr.potential.posterior import Posterior, evidence_scale
from ufpnmr.potential.regularisation import Regularisation, penalty
from ufpnmr.potential.selection import Candidate, coordinate_search, learning_curve
from ufpnmr.potential.selection import Search as RegularisationSearch
from ufpnmr.potential.solve import solve
from ufpnmr.potential.validation import cross_validate, judge

__all__ = ["Fit", "fit"]

Vector = NDArray[np.float64]
Say = Callable[[str], None]
_CORE_ROUNDS = 2  # the core begins where the fit ends, and the fit answers to the core


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A fitted potential and how it came about.

    Attributes
    ----------
    potential : Potential
        With the essentials of `record` as its training record.
    basis : SplineBasis
        Its columns.
    posterior : Posterior
        What the data leave open; calibrated where structures were withheld.
    covered : dict
        Pair -> distances of the training structures, those of the files that the fit started from included.
    equations : NormalEquations
        Of the training structures and of the files that the fit started from.
    train : Comparison
        Predictions beside labels of the training structures.
    withheld : Comparison or None
        The same for structures that the fit did not see: those of `data.test` and `data.withhold`, else the folds of a
        search, each predicted without itself.
    record : dict
        Everything a report says; JSON can hold it.
    """

    potential: Potential
    basis: SplineBasis
    posterior: Posterior
    covered: dict[str, Coverage]
    equations: NormalEquations
    train: Comparison
    withheld: Comparison | None
    record: dict[str, Any]


def fit(
    config: FitConfig, dataset: Dataset, *, threads: int = 0, dask: str | None = None, say: Say = lambda message: None
) -> Fit:
    """Fit a potential.

    Parameters
    ----------
    config : FitConfig
        Splines, noise, regularisation.
    dataset : Dataset
        From `ufpnmr.potential.dataset.read_dataset`.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
    dask : str, optional
        Address of a Dask scheduler whose workers add up the normal equations.
    say : callable
        Takes lines of progress.

    Raises
    ------
    InputError
        Structures that cannot be fitted to, or columns that neither data nor regularisation determine.
    """
    started = time.perf_counter()
    elements = by_atomic_number(config.splines.elements or elements_of(dataset.train))
    basis = basis_of(config.splines, elements)
    check_dataset(dataset, basis)
    say(f"{len(dataset.train)} structures to train on, {len(dataset.test)} withheld; {basis.n_columns} coefficients")

    sigma = _sigmas(config)
    parts = folds(dataset.train, config.search.folds, config.data.group) if config.search else []

    def summed_up(some: list[Target]) -> NormalEquations:
        if dask is not None:
            return accumulate_with_dask(basis, some, dask, threads=threads)
        return accumulate(basis, some, threads=threads)

    labelled = targets(dataset.train, config.weights, stress=config.noise.stress is not None)
    equations = NormalEquations.empty(basis)
    totals: list[Kind] = []
    for number, part in enumerate(parts or [range(len(labelled))], 1):
        sums = summed_up([labelled[i] for i in part])
        if parts:
            totals.append(sums.total(sigma))
            say(f"part {number} of {len(parts)} summed")
        equations += sums
    covered = coverage(basis, [s.atoms for s in dataset.train])
    for path in config.start_from:
        earlier, seen = read_equations(path, basis)
        equations += earlier
        covered |= {name: covered[name] + more for name, more in seen.items()}
        say(f"added {earlier.structures} structures of {path.name}")
    summed = time.perf_counter()

    prior = None if config.prior is None else _prior_mean(basis, config)
    fixed = _fixed_one_body(config, dataset, basis)
    record: dict[str, Any] = {
        "title": config.title,
        "elements": list(elements),
        "columns": {block.name: block.n_columns for block in basis.blocks},
        "sigma": {kind: value for kind, value in sigma.items() if math.isfinite(value)},
    }
    regularisation = config.regularisation.regularisation()
    judged = None
    if config.search is not None:
        search = _search(config.search, totals, basis, regularisation, prior, fixed, say)
        regularisation = search.chosen.regularisation
        curve = learning_curve(totals[:-1], totals[-1], basis, regularisation, prior_mean=prior, fixed=fixed)
        structures = [[dataset.train[i] for i in part] for part in parts]
        judged = cross_validate(basis, totals, structures, regularisation, prior, fixed, threads=threads)
        record["search"] = {"folds": len(parts), **search.to_dict()}
        record["learning_curve"] = [
            {"structures": sum(map(len, parts[: point.parts])), "rows": point.rows, "error": point.error}
            for point in curve
        ]
        record |= _errors("cross_validation", judged.comparison)
    searched = time.perf_counter()

    total = equations.total(sigma)
    blocks = penalty(basis, regularisation)
    solution = solve(total.gram, total.rhs, blocks, basis, prior_mean=prior, fixed=fixed, overwrite=True)
    for note in solution.notes:
        say(note)
    sigma0 = evidence_scale(solution, total.yy, total.rows)
    coefficients = solution.coefficients
    cores: dict[str, Core] = {}
    core: dict[int, float] = {}
    for _ in range(_CORE_ROUNDS if prior is None else 0):  # an earlier potential says itself how it goes on
        extended, cores = extend(basis, coefficients, covered)
        core |= {int(c): float(extended[c]) for c in np.flatnonzero(extended != coefficients)}
        total = equations.total(sigma)
        # what was fitted together with the replaced coefficients no longer matches them
        coefficients = solve(
            total.gram, total.rhs, blocks, basis, prior_mean=prior, fixed={**core, **fixed}, overwrite=True
        ).coefficients
    posterior = Posterior.of(solution, sigma0=sigma0, coefficients=coefficients)
    solved = time.perf_counter()

    if dataset.test:
        judged = judge(basis, posterior, dataset.test, threads=threads)
        record |= _errors("test", judged.comparison)
    if judged is not None:
        posterior = posterior.calibrated(judged.calibrations(sigma0))
    potential = basis.potential(coefficients, author=config.author, citation=config.citation)
    train = compare(potential, dataset.train, threads=threads)
    record |= _errors("train", train) | {
        "regularisation": regularisation.to_dict(),
        "sigma0": sigma0,
        "calibration": {kind: c.to_dict() for kind, c in posterior.calibration.items()},
        "coverage": {name: c.to_dict() for name, c in covered.items()},
        "repulsive_core": {name: core.to_dict() for name, core in cores.items()},
        "condition": solution.condition,
        "notes": list(solution.notes),
        "seconds": {
            "features and sums": round(summed - started, 2),
            "search": round(searched - summed, 2),
            "solving": round(solved - searched, 2),
        },
    }
    keep = ("title", "train", "test", "cross_validation", "regularisation", "sigma", "calibration")
    potential = dataclasses.replace(potential, training={key: record[key] for key in keep if key in record})
    withheld = None if judged is None else judged.comparison
    return Fit(potential, basis, posterior, covered, equations, train, withheld, record)


def _errors(name: str, comparison: Comparison) -> dict[str, Any]:
    return {name: comparison.errors(), f"{name}_by_config_type": comparison.by_config_type()}


def _search(
    settings: Search,
    totals: Sequence[Kind],
    basis: SplineBasis,
    start: Regularisation,
    prior: Vector | None,
    fixed: Mapping[int, float],
    say: Say,
) -> RegularisationSearch:
    def progress(candidate: Candidate) -> None:
        strengths = candidate.regularisation.to_dict()
        say(f"ridge {strengths['ridge']}, curvature {strengths['curvature']}: withheld error {candidate.error:.4f}")

    names: list[Any] = [(name.split("_")[0], int(name[-2])) for name in settings.strengths]
    return coordinate_search(
        totals,
        basis,
        start,
        names,
        factor=settings.factor,
        rounds=settings.rounds,
        rule=settings.rule,
        prior_mean=prior,
        fixed=fixed,
        progress=progress,
    )


def _sigmas(config: FitConfig) -> dict[str, float]:
    noise = config.noise
    return {
        "energy": noise.energy,
        "forces": noise.forces,
        "stress": math.inf if noise.stress is None else noise.stress,  # no weight
    }


def _prior_mean(basis: SplineBasis, config: FitConfig) -> Vector:
    """Return the coefficients of the earlier potential; blocks of elements that it lacks stay at zero."""
    assert config.prior is not None
    earlier = Potential.read(config.prior.potential)
    known = set(earlier.elements)
    out = np.zeros(basis.n_columns)
    for block in basis.blocks:
        if block.order == 1:
            out[block.columns] = [earlier.one_body.get(element, 0.0) for element in block.elements]
        elif set(block.elements) <= known:
            out[block.columns] = basis.block_coefficients(block, earlier)
    return out


def _fixed_one_body(config: FitConfig, dataset: Dataset, basis: SplineBasis) -> dict[int, float]:
    """Return column -> energy of the one-body energies that are not fitted."""
    if config.one_body.mode == "fitted":
        return {}
    energies = config.one_body.energies
    if config.one_body.mode == "isolated":
        alone = [s for s in dataset.train if len(s.atoms) == 1 and s.energy is not None]
        energies = {str(s.atoms.symbols[0]): float(s.energy or 0.0) for s in alone}
    missing = set(basis.elements) - set(energies)
    if missing:
        where = "one_body.energies" if config.one_body.mode == "fixed" else "structures of one atom"
        raise InputError(f"one_body: {where}: expected an energy of each element, found none of {sorted(missing)[0]}")
    return {basis.elements.index(element): energies[element] for element in basis.elements}
