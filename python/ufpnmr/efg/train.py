"""From labelled field gradients to a model and the record of how it came about."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.baseline import Baseline, ChargeBaseline
from ufpnmr.efg.baseline_fit import BaselineFit, fit_polarisable
from ufpnmr.efg.building import build_features, select_features, surroundings
from ufpnmr.efg.committee import halves
from ufpnmr.efg.dataset import Dataset, deal
from ufpnmr.efg.descriptor import Descriptor, SelectedFeatures
from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.fit import fit_charges
from ufpnmr.efg.fit_config import FitConfig, Soap, candidates
from ufpnmr.efg.labels import LabelledColumns, LabelledTensors
from ufpnmr.efg.metrics import tensor_metrics
from ufpnmr.efg.model import Check, EFGModel
from ufpnmr.efg.primal import PrimalSolver
from ufpnmr.efg.selection import farthest_points
from ufpnmr.efg.sparse import SparseSolver
from ufpnmr.efg.tensors import from_spherical, to_spherical
from ufpnmr.efg.validation import Scan, Solver, calibrated, learning_curve, scan
from ufpnmr.errors import InputError
from ufpnmr.isotopes import isotope

__all__ = ["Training", "train"]

Array = NDArray[np.float64]
Say = Callable[[str], None]
_SHARDS_PER_FOLD = {"primal": 4, "sparse": 2}
_CHECKS = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """A trained model and how it came about.

    Attributes
    ----------
    model : EFGModel
    record : dict
        Everything a report says about the training; JSON can hold it.
    predicted : (M, 6) V/Å²
        Cross-validated predictions of the training labels: each without its fold.
    reference : (M, 6) V/Å²
    """

    model: EFGModel
    record: dict[str, Any]
    predicted: Array
    reference: Array


@dataclasses.dataclass(frozen=True, eq=False)
class _Labels:
    """Labels in the unit of the regression, what was taken off before, and the point charges beside them."""

    y: list[Array]
    scale: float
    charges: dict[str, float]
    baseline: Baseline | None
    subtracted: list[Array]
    record: dict[str, Any] | None
    fit: BaselineFit | None

    def beneath(self, shards: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return coefficients of the baseline fitted to the chosen shards, and what it adds to what was subtracted.

        The latter (M, 5) in units of the regression, structures ordered by shard as its features are.
        """
        assert self.fit is not None
        coefficients, tensors = self.fit.refitted(np.flatnonzero(np.isin(shards, chosen)))
        order = np.argsort(shards, kind="stable")
        added = np.concatenate([tensors[k] - self.subtracted[k] for k in order])
        return coefficients, to_spherical(added) / self.scale


@dataclasses.dataclass(frozen=True, eq=False)
class _Candidate:
    """One point of the grid, cross-validated."""

    descriptor: Descriptor
    zeta: int
    tensors: SelectedFeatures
    invariants: SelectedFeatures
    features: FeatureSet
    solver: Solver
    scan: Scan

    @property
    def error(self) -> float:
        return float(self.scan.error.min())


def train(config: FitConfig, dataset: Dataset, *, threads: int = 0, say: Say = lambda message: None) -> Training:
    """Train a model.

    Parameters
    ----------
    config : FitConfig
    dataset : Dataset
        From `ufpnmr.efg.dataset.read_dataset`; only its training structures are looked at.
    threads : int
        OpenMP threads of the descriptor; 0 follows OMP_NUM_THREADS.
    say : callable
        Takes lines of progress.

    Raises
    ------
    InputError
        Fewer groups than folds, or labels that determine nothing.
    """
    started = time.perf_counter()
    structures = dataset.train
    count = sum(len(s.centres) for s in structures)
    method = config.solver.method or ("primal" if config.model.zeta == 2 and set(config.grid.zeta) <= {2} else "sparse")
    groups = len({s.group for s in structures})
    if groups < config.folds:
        raise InputError(f"expected at least {config.folds} groups (runs, melts), one per fold, found {groups}")
    shards = deal(structures, min(_SHARDS_PER_FOLD[method] * config.folds, groups))
    labels = _labels(config, dataset, shards % config.folds)
    if labels.record is not None:
        error = labels.record["cross_validation"]["relative_tensor_rmse"]
        say(f"baseline of {labels.record['columns']} columns: cross-validated error {error:.2%}")
    say(f"{len(structures)} structures, {count} labels; unit of the regression {labels.scale:.3g} V/Å²")

    table, best = [], None
    for soap, zeta in candidates(config):
        candidate = _candidate(config, dataset, labels, shards, soap, zeta, method, threads)
        table.append(_row(candidate))
        say(f"{_name(soap, zeta)}: cross-validated error {candidate.error:.2%} at {candidate.scan.best:g}")
        if best is None or candidate.error < best.error:
            best, worse = candidate, best
        else:
            worse = candidate
        if worse is not None:
            worse.features.close()
    assert best is not None
    with best.features as features:
        mu, everything = best.scan.best, features.shards
        path = best.solver.path(everything, mu)
        model = EFGModel(
            descriptor=best.descriptor,
            centres=config.model.centres,
            tensors=best.tensors,
            invariants=best.invariants,
            coefficients=path.coefficients([mu])[0],
            zeta=best.zeta,
            scale=features.scale,
            active=best.solver.active0 if best.zeta > 2 else None,
            label_scale=labels.scale,
            baseline=labels.baseline,
            metadata=dict(config.metadata),
        )
        record: dict[str, Any] = {
            "title": config.title,
            "structures": len(structures),
            "environments": count,
            "groups": groups,
            "centres": list(config.model.centres),
            "species": list(dataset.species),
            "label_scale": labels.scale,
            "solver": {"method": method, "iterations": path.iterations, "residual": path.residual},
            "descriptor": best.descriptor.to_dict(),
            "zeta": best.zeta,
            "features": {"tensors": best.tensors.size, "invariants": best.invariants.size},
            "regularisation": mu,
            "scan": _scan(best.scan),
            "grid": table,
            "folds": {"count": config.folds, "of_structures": (shards % config.folds).tolist()},
            "point_charges": labels.charges,
            "seed": config.seed,
            "notes": _notes(best.scan),
            "outliers": list(dataset.outliers),
        }
        if labels.record is not None:
            record["baseline"] = labels.record
        if isinstance(best.solver, SparseSolver):
            record["solver"] |= {"active": len(best.solver.active0), "rank": best.solver.rank}
        if config.committee is not None:
            model, record["calibration"] = _committee(config, model, best, mu, labels, shards)
            say(f"committee of {config.committee.members}, calibration {model.alpha:.2f}")
        if config.report.learning_curve:
            record["learning_curve"] = learning_curve(features, best.solver, config.folds, mu, seed=config.seed)
    model = dataclasses.replace(model, checks=_checks(model, structures))
    predicted, reference = _withheld(best, labels, structures, shards)
    record["cross_validation"] = tensor_metrics(predicted, reference, _moment(config))
    record["seconds"] = round(time.perf_counter() - started, 1)
    return Training(dataclasses.replace(model, training=record), record, predicted, reference)


def _labels(config: FitConfig, dataset: Dataset, fold: NDArray[np.int64]) -> _Labels:
    """Fit the baseline and take it off the labels.

    Point charges are a few numbers. A polarisable baseline has so many that it leaves less on what it has seen than on
    what it has not: from each label a fit without its fold is taken off, and the regression learns such residuals.
    """
    data = LabelledColumns.from_tensors(dataset.train, dataset.species)
    fitted = fit_charges(data)
    charges = {name: float(charge) for name, charge in zip(dataset.species, fitted, strict=True)}
    sizes = np.cumsum([len(s.centres) for s in dataset.train])[:-1]
    withheld = np.split(np.einsum("s,msc->mc", fitted, data.columns), sizes)
    baseline: Baseline = ChargeBaseline(charges)
    record, fit = None, None
    if config.baseline.kind == "polarisable":
        fit = fit_polarisable(config.baseline, dataset.train, charges, fold, config.solver.scratch)
        baseline, withheld = fit.baseline, fit.withheld
        record = {**fit.record, "cross_validation": tensor_metrics(np.concatenate(withheld), data.V, _moment(config))}
    subtracted = withheld if config.baseline.subtract else [np.zeros_like(part) for part in withheld]
    y = to_spherical(data.V - np.concatenate(subtracted))
    scale = float(np.sqrt(np.mean(y**2)))
    if scale == 0:
        raise InputError("expected labels to train on, found zero tensors only")
    beneath = baseline if config.baseline.subtract else None
    fit = fit if config.baseline.subtract else None
    return _Labels(np.split(y / scale, sizes), scale, charges, beneath, subtracted, record, fit)


def _moment(config: FitConfig) -> float:
    return isotope(config.report.isotope, config.report.quadrupole_moment).quadrupole_moment_mb


def _candidate(
    config: FitConfig,
    dataset: Dataset,
    labels: _Labels,
    shards: NDArray[np.int64],
    soap: Soap,
    zeta: int,
    method: str,
    threads: int,
) -> _Candidate:
    settings = soap.model_dump()
    descriptor = Descriptor(dataset.species, **{**settings, "scaling": settings["scaling"] or None})
    tensors, invariants = select_features(
        descriptor,
        dataset.train,
        (config.model.tensors, config.model.invariants),
        config.model.selection_environments,
        threads,
    )
    features = build_features(
        descriptor,
        tensors,
        invariants,
        dataset.train,
        labels.y,
        shards,
        scratch=config.solver.scratch,
        threads=threads,
    )
    solver: Solver
    if method == "primal":
        solver = PrimalSolver(features, iterations=config.solver.iterations)
    else:
        count = min(config.solver.active, len(features))
        solver = SparseSolver(features, farthest_points(features.invariants(), count, strict=False), zeta)
    result = scan(features, solver, config.folds, config.solver.regularisation)
    return _Candidate(descriptor, zeta, tensors, invariants, features, solver, result)


def _committee(
    config: FitConfig, model: EFGModel, best: _Candidate, mu: float, labels: _Labels, shards: NDArray[np.int64]
) -> tuple[EFGModel, dict[str, Any]]:
    """Train the members; beneath each lies a baseline of its own half, or the spread would not know its error."""
    assert config.committee is not None
    members, folds, use = config.committee.members, config.folds, config.committee.calibration_folds
    beneath = None if labels.fit is None else lambda half: labels.beneath(shards, half)[1]
    found = calibrated(best.features, best.solver, folds, mu, members, use, config.seed, beneath)
    sets = halves(best.features.shards, members, np.random.default_rng(config.seed + 1))
    committee = np.concatenate([best.solver.path(part, mu).coefficients([mu]) for part in sets])
    lower = None if labels.fit is None else np.stack([labels.beneath(shards, part)[0] for part in sets])
    record = {**dataclasses.asdict(found), "members": members, "halves": [part.tolist() for part in sets]}
    return dataclasses.replace(model, committee=committee, alpha=found.alpha, baseline_members=lower), record


def _checks(model: EFGModel, structures: Sequence[LabelledTensors]) -> tuple[Check, ...]:
    only = np.zeros(1, dtype=np.intp)
    return tuple(
        Check(cluster, only, model.regressed(cluster, only, "double")[0])
        for cluster in surroundings(structures, model.descriptor.cutoff, _CHECKS)
    )


def _withheld(
    best: _Candidate, labels: _Labels, structures: Sequence[LabelledTensors], shards: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Cross-validated predictions and labels in the order of the structures, V/Å²."""
    sizes = [len(s.centres) for s in structures]
    order = np.argsort(shards, kind="stable")
    parts = np.split(best.scan.predictions, np.cumsum([sizes[k] for k in order])[:-1])
    y: list[Array] = [np.empty(0)] * len(sizes)
    for k, part in zip(order, parts, strict=True):
        y[k] = from_spherical(part * labels.scale) + labels.subtracted[k]
    return np.concatenate(y), np.concatenate([s.V for s in structures])


def _row(candidate: _Candidate) -> dict[str, Any]:
    d = candidate.descriptor
    return {
        **{name: getattr(d, name) for name in ("cutoff", "sigma", "n_max", "l_max")},
        "scaling": list(d.scaling) if d.scaling else False,
        "zeta": candidate.zeta,
        "regularisation": candidate.scan.best,
        "relative_tensor_rmse": candidate.error,
    }


def _scan(result: Scan) -> list[dict[str, Any]]:
    return [
        {"regularisation": float(mu), "relative_tensor_rmse": float(error), "by_fold": folds.tolist()}
        for mu, error, folds in zip(result.regularisation, result.error, result.by_fold.T, strict=True)
    ]


def _notes(result: Scan) -> list[str]:
    notes = []
    if len(result.regularisation) > 1 and result.best == result.regularisation.min():
        notes.append(f"the best regularisation {result.best:g} is the smallest of those tried: try smaller ones")
    elif len(result.regularisation) > 1 and result.best == result.regularisation.max():
        notes.append(
            f"the best regularisation {result.best:g} is the largest of those tried: from these labels the regression "
            "learns next to nothing beyond what lies beneath it"
        )
    if result.residual > 1e-4:
        notes.append(
            f"the normal equations of the smallest regularisation hold to {result.residual:.1g} only: allow more "
            "iterations"
        )
    return notes


def _name(soap: Soap, zeta: int) -> str:
    return f"cutoff {soap.cutoff:g} Å, sigma {soap.sigma:g} Å, n_max {soap.n_max}, l_max {soap.l_max}, zeta {zeta}"
