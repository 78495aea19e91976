"""Train a model of a per-atom number: the mathematics of `ufpnmr.efg.train` with one component."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ufpnmr.efg.building import select_of_rank, surroundings
from ufpnmr.efg.dataset import by_group, deal
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.fit_config import FitConfig, candidates
from ufpnmr.efg.model import Check
from ufpnmr.efg.primal import PrimalSolver
from ufpnmr.efg.scalar import ScalarModel
from ufpnmr.efg.selection import farthest_points
from ufpnmr.efg.sparse import SparseSolver
from ufpnmr.efg.validation import Solver, scan
from ufpnmr.errors import InputError
from ufpnmr.structures import content_uid, groups, read_atoms

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["LabelledScalars", "read_scalars", "train_scalar"]

Array = NDArray[np.float64]
_SHARDS_PER_FOLD = 2
_CHECKS = 8


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledScalars:
    """A structure and a number at some of its atoms.

    Attributes
    ----------
    atoms : ase.Atoms
    centres : (n,) int
        Atoms with a label.
    y : (n,)
        Labels, in the unit of the property.
    group : str
        Run, melt or structure: what a split never divides.
    config_type : str or None
    """

    atoms: Atoms
    centres: NDArray[np.intp]
    y: Array
    group: str
    config_type: str | None = None


def read_scalars(config: FitConfig) -> tuple[list[LabelledScalars], list[LabelledScalars]]:
    """Read the training and test structures of a fit, and hold groups back.

    Raises
    ------
    InputError
        No such array, other than one number per atom, no labels on the centres, a species that the test only has.
    """
    train, test = _read(config, config.data.train), _read(config, config.data.test)
    if both := {s.group for s in train} & {s.group for s in test}:
        raise InputError(f"data.test: group {min(both)} is in the training files too; remove it there")
    if config.data.withhold is not None:
        types = [s.config_type for s in train]
        held = groups.withheld(by_group(train), types, config.data.withhold, config.data.seed)
        test += [s for i, s in enumerate(train) if i in held]
        train = [s for i, s in enumerate(train) if i not in held]
    unseen = _species(test) - _species(train)
    if unseen:
        raise InputError(f"{', '.join(sorted(unseen))}: in the test, but in no training structure")
    return train, test


def train_scalar(
    config: FitConfig,
    train: Sequence[LabelledScalars],
    test: Sequence[LabelledScalars] = (),
    *,
    threads: int = 0,
    say: Callable[[str], None] = lambda message: None,
) -> ScalarModel:
    """Train a model; its `training` holds the cross-validation and, if there is a test set, the withheld errors.

    Parameters
    ----------
    config : FitConfig
        With ``model.property`` and ``model.unit``; ``model.tensors`` has no meaning here.
    train, test : sequence of LabelledScalars
    threads : int
        OpenMP threads of the descriptor; 0 follows OMP_NUM_THREADS.
    say : callable
        Takes lines of progress.

    Raises
    ------
    InputError
        Fewer groups than folds, or labels that are all equal.
    """
    count = len(by_group(train))
    if count < config.folds:
        raise InputError(f"expected at least {config.folds} groups (runs, melts), one per fold, found {count}")
    shards = deal(train, min(_SHARDS_PER_FOLD * config.folds, count))
    labels = np.concatenate([s.y for s in train])
    mean, scale = float(labels.mean()), float(labels.std())
    if scale == 0:
        raise InputError(f"expected labels that differ, found {labels.size} times {mean:g}")
    best, smallest = None, np.inf
    for soap, zeta in candidates(config):
        settings = soap.model_dump()
        species = config.model.species or sorted(_species(train), key=lambda name: int(atomic_numbers[name]))
        descriptor = Descriptor(tuple(species), **{**settings, "scaling": settings["scaling"] or None})
        selected = select_of_rank(
            descriptor, train, 0, config.model.invariants, config.model.selection_environments, threads
        )
        with _features(descriptor, selected, train, [(s.y - mean) / scale for s in train], shards, threads) as features:
            solver = _solver(config, features, zeta)
            found = scan(features, solver, config.folds, config.solver.regularisation)
            error = float(found.error.min())
            say(
                f"cutoff {soap.cutoff:g} Å, n_max {soap.n_max}, l_max {soap.l_max}, zeta {zeta}: {error:.2%} of the rms"
            )
            if error >= smallest:
                continue
            smallest = error
            path = solver.path(features.shards, found.best)
            best = ScalarModel(
                descriptor=descriptor,
                centres=config.model.centres,
                features=selected,
                coefficients=path.coefficients([found.best])[0],
                zeta=zeta,
                active=solver.active0 if zeta > 2 else None,
                mean=mean,
                scale=scale,
                name=config.model.property,
                unit=config.model.unit or "",
                metadata=dict(config.metadata),
                training={
                    "title": config.title,
                    "structures": len(train),
                    "environments": labels.size,
                    "groups": count,
                    "descriptor": descriptor.to_dict(),
                    "zeta": zeta,
                    "invariants": selected.size,
                    "regularisation": found.best,
                    "seed": config.seed,
                    "cross_validation": _errors(scale * found.predictions[:, 0], scale * features.y[:, 0]),
                },
            )
    assert best is not None
    if test:
        predicted = np.concatenate([best.of_centres(Frame.from_atoms(s.atoms), s.centres) for s in test]) + mean
        best.training["withheld"] = _errors(predicted, np.concatenate([s.y for s in test]))
    only = np.zeros(1, dtype=np.intp)
    clusters = surroundings(train, best.descriptor.cutoff, _CHECKS)
    checks = tuple(Check(cluster, only, best.of_centres(cluster, only)) for cluster in clusters)
    return dataclasses.replace(best, checks=checks)


def _read(config: FitConfig, paths: Iterable[Path]) -> list[LabelledScalars]:
    name, out = config.model.property, []
    for path in paths:
        for number, atoms in enumerate(read_atoms(path)):
            where = f"{path}: structure {number}"
            if name not in atoms.arrays:
                raise InputError(f"{where}: expected the per-atom array {name}, found {', '.join(atoms.arrays)}")
            y = np.asarray(atoms.arrays[name], dtype=np.float64)
            if y.ndim != 1:
                raise InputError(f"{where}: {name}: expected one number per atom, found shape {y.shape}")
            known = np.isfinite(y) & np.isin(list(map(str, atoms.symbols)), config.model.centres)
            if not known.any():
                raise InputError(f"{where}: expected labels on {' '.join(config.model.centres)}, found none")
            centres = np.flatnonzero(known)
            kind = atoms.info.get("config_type")
            group = str(atoms.info.get(config.data.group, content_uid(atoms)))
            out.append(LabelledScalars(atoms, centres, y[centres], group, None if kind is None else str(kind)))
    return [s for s in out if s.config_type not in config.data.exclude]


def _species(structures: Sequence[LabelledScalars]) -> set[str]:
    return {str(symbol) for s in structures for symbol in s.atoms.symbols}


def _features(
    descriptor: Descriptor,
    selected: SelectedFeatures,
    structures: Sequence[LabelledScalars],
    labels: Sequence[Array],
    shards: NDArray[np.int64],
    threads: int,
) -> FeatureSet:
    out = FeatureSet(selected.size, selected.size, components=1)
    for number in np.argsort(shards, kind="stable"):
        s = structures[number]
        P0 = descriptor.evaluate(Frame.from_atoms(s.atoms), s.centres, selected, threads)[:, 0]
        P0 = P0 / np.linalg.norm(P0, axis=1, keepdims=True)
        out.append(P0[:, None], P0, labels[number][:, None], int(shards[number]))
    out.finish()
    return out


def _solver(config: FitConfig, features: FeatureSet, zeta: int) -> Solver:
    if zeta == 2 and config.solver.method != "sparse":
        return PrimalSolver(features, iterations=config.solver.iterations)
    active = farthest_points(features.invariants(), min(config.solver.active, len(features)), strict=False)
    return SparseSolver(features, active, zeta)


def _errors(predicted: Array, reference: Array) -> dict[str, Any]:
    error = predicted - reference
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "r2": float(1 - np.mean(error**2) / np.var(reference)),
        "environments": len(reference),
    }
