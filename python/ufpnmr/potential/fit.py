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
from ufpnmr.potential.calibration import Calibration, calibrate
from ufpnmr.potential.core_repulsion import coverage, extend
from ufpnmr.potential.dataset import Dataset, by_atomic_number, check_dataset, elements_of, folds, targets
from ufpnmr.potential.fit_config import FitConfig, basis_of
from ufpnmr.potential.gram import Kind, NormalEquations, accumulate
from ufpnmr.potential.gram_file import read_equations
from ufpnmr.potential.model import Potential
from ufpnmr.potential.posterior import Posterior, evidence_scale
from ufpnmr.potential.regularisation import Regularisation, penalty
from ufpnmr.potential.solve import Solution, solve
from ufpnmr.structures import LabelledStructure

__all__ = ["Fit", "fit"]

Vector = NDArray[np.float64]
Say = Callable[[str], None]


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
    equations : NormalEquations
        Of the training structures and of the files that the fit started from.
    train : Comparison
        Predictions beside labels of the training structures.
    test : Comparison or None
        The same for structures that the fit did not see.
    record : dict
        Everything a report says; JSON can hold it.
    """

    potential: Potential
    basis: SplineBasis
    posterior: Posterior
    equations: NormalEquations
    train: Comparison
    test: Comparison | None
    record: dict[str, Any]


def fit(config: FitConfig, dataset: Dataset, *, threads: int = 0, say: Say = lambda message: None) -> Fit:
    """Fit a potential.

    Parameters
    ----------
    config : FitConfig
        Splines, noise, regularisation.
    dataset : Dataset
        From `ufpnmr.potential.dataset.read_dataset`.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
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
    equations, totals = _sums(config, dataset, basis, parts or [list(range(len(dataset.train)))], sigma, threads, say)
    regularisation = config.regularisation.regularisation()
    summed = time.perf_counter()

    prior = None if config.prior is None else _prior_mean(basis, config)
    fixed = _fixed_one_body(config, dataset, basis)
    total = equations.total(sigma)
    solution = _solve(total, basis, regularisation, prior, fixed)
    for note in solution.notes:
        say(note)
    sigma0 = evidence_scale(solution, total.yy, total.rows)
    covered = coverage(basis, [s.atoms for s in dataset.train])
    coefficients, cores = extend(basis, solution.coefficients, covered)
    posterior = Posterior.of(solution, sigma0=sigma0, coefficients=coefficients)
    solved = time.perf_counter()

    potential = basis.potential(coefficients, author=config.author, citation=config.citation)
    train = compare(potential, dataset.train, threads=threads)
    test = compare(potential, dataset.test, threads=threads) if dataset.test else None
    calibration = _calibration(basis, posterior, dataset.test, test)
    posterior = posterior.calibrated(calibration)
    record = {
        "title": config.title,
        "elements": list(elements),
        "columns": {block.name: block.n_columns for block in basis.blocks},
        "train": train.errors(),
        "train_by_config_type": train.by_config_type(),
        "test": None if test is None else test.errors(),
        "test_by_config_type": None if test is None else test.by_config_type(),
        "regularisation": regularisation.to_dict(),
        "sigma": {kind: value for kind, value in sigma.items() if math.isfinite(value)},
        "sigma0": sigma0,
        "calibration": {kind: c.to_dict() for kind, c in calibration.items()},
        "coverage": {name: c.to_dict() for name, c in covered.items()},
        "repulsive_core": {name: core.to_dict() for name, core in cores.items()},
        "condition": solution.condition,
        "notes": list(solution.notes),
        "seconds": {"features and sums": round(summed - started, 2), "solving": round(solved - summed, 2)},
    }
    essentials = {key: record[key] for key in ("title", "train", "test", "regularisation", "sigma")}
    potential = dataclasses.replace(potential, training=essentials)
    return Fit(potential, basis, posterior, equations, train, test, record)


def _sigmas(config: FitConfig) -> dict[str, float]:
    noise = config.noise
    return {
        "energy": noise.energy,
        "forces": noise.forces,
        "stress": math.inf if noise.stress is None else noise.stress,  # no weight
    }


def _sums(
    config: FitConfig,
    dataset: Dataset,
    basis: SplineBasis,
    parts: Sequence[Sequence[int]],
    sigma: Mapping[str, float],
    threads: int,
    say: Say,
) -> tuple[NormalEquations, list[Kind]]:
    """Return the normal equations of everything, and the weighted totals of each part."""
    whole = NormalEquations.empty(basis)
    totals = []
    labelled = targets(dataset.train, config.weights, stress=config.noise.stress is not None)
    for number, part in enumerate(parts, 1):
        sums = accumulate(basis, [labelled[i] for i in part], threads=threads)
        if len(parts) > 1:
            totals.append(sums.total(sigma))
            say(f"part {number} of {len(parts)} summed")
        whole += sums
    for path in config.start_from:
        whole += read_equations(path, basis)
        say(f"added {path.name}")
    return whole, totals


def _solve(
    total: Kind,
    basis: SplineBasis,
    regularisation: Regularisation,
    prior: Vector | None,
    fixed: Mapping[int, float],
) -> Solution:
    return solve(
        total.gram, total.rhs, penalty(basis, regularisation), basis, prior_mean=prior, fixed=fixed, overwrite=True
    )


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


def _calibration(
    basis: SplineBasis, posterior: Posterior, structures: Sequence[LabelledStructure], test: Comparison | None
) -> dict[str, Calibration]:
    """Return the calibration of each kind of label on withheld structures."""
    if test is None:
        return {}
    variance: dict[str, list[Vector]] = {"energy": [], "forces": [], "stress": []}
    for s in structures:
        x, n = basis.features(s.atoms), len(s.atoms)
        if s.energy is not None:
            variance["energy"].append(posterior.variance(x.energy[None] / n))
        if s.forces is not None:
            variance["forces"].append(posterior.variance(x.forces.reshape(3 * n, -1)))
        if s.stress is not None:
            variance["stress"].append(posterior.variance(x.virial / abs(np.linalg.det(s.atoms.cell.array))))
    errors = {
        "energy": (test.energy_label - test.energy, test.energy_structure),
        "forces": ((test.forces_label - test.forces).ravel(), np.repeat(test.force_structure, 3)),
        "stress": ((test.stress_label - test.stress).ravel(), np.repeat(test.stress_structure, 6)),
    }
    return {
        kind: calibrate(error, np.concatenate(variance[kind]), groups, floor=kind == "forces")
        for kind, (error, groups) in errors.items()
        if len(np.unique(groups)) >= 2
    }
