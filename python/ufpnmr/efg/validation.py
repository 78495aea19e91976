"""Cross-validation, learning curve and committee on shards of whole groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.committee import Calibration, calibrate, halves
from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.kernels import contract, scalars

__all__ = ["Path", "Scan", "Solver", "calibrated", "learning_curve", "predict_rows", "scan", "split"]

Array = NDArray[np.float64]
Shards = NDArray[np.int64]


class Path(Protocol):
    """Solutions of one training set for any regularisation."""

    @property
    def iterations(self) -> int:
        """Steps of an iterative solver; 0 for a direct one."""

    @property
    def residual(self) -> float:
        """Relative residual of the normal equations at the smallest regularisation; 0 for a direct solver."""

    def coefficients(self, regularisation: Sequence[float]) -> Array:
        """Return C of each regularisation; see `ufpnmr.efg.kernels`."""


class Solver(Protocol):
    """Trains on any set of shards."""

    @property
    def zeta(self) -> int:
        """Power of the scalar kernel plus one."""

    @property
    def active0(self) -> Array | None:
        """Invariants of the active environments, if there are any."""

    def path(self, shards: Shards, smallest: float) -> Path:
        """Train on some shards; `smallest` is the smallest regularisation that will be asked for."""


@dataclasses.dataclass(frozen=True, eq=False)
class Scan:
    """Cross-validation of the regularisation.

    Attributes
    ----------
    regularisation : (R,)
    error : (R,)
        Relative tensor RMSE over all withheld environments.
    by_fold : (F, R)
    predictions : (N, 5)
        Of the best regularisation, each environment predicted without its fold.
    iterations, residual
        Most steps and largest residual of the solver.
    """

    regularisation: Array
    error: Array
    by_fold: Array
    predictions: Array
    iterations: int
    residual: float

    @property
    def best(self) -> float:
        """Regularisation with the smallest error."""
        return float(self.regularisation[self.error.argmin()])


def split(features: FeatureSet, folds: int, fold: int) -> tuple[Shards, Shards]:
    """Return (training shards, withheld shards) of a fold: shard s is withheld in fold s modulo `folds`."""
    shards = features.shards
    held = shards % folds == fold
    return shards[~held], shards[held]


def predict_rows(features: FeatureSet, shards: Shards, solver: Solver, C: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the environments of some shards and predictions (K, n, 5) of several coefficients (K, A, Q2)."""
    rows = features.rows(shards)
    out = np.empty((len(C), len(rows), features.components))
    done = 0
    for _, P2, P0 in features.blocks(shards):
        s = scalars(P0, solver.zeta, solver.active0)
        for y, c in zip(out, C, strict=True):
            y[done : done + len(P2)] = contract(P2, s @ c)
        done += len(P2)
    return rows, out


def scan(features: FeatureSet, solver: Solver, folds: int, regularisation: Sequence[float]) -> Scan:
    """Cross-validate all regularisations, training once per fold."""
    mu = np.sort(np.asarray(regularisation, dtype=np.float64))
    predictions = np.zeros((len(mu), *features.y.shape))
    iterations, residual, by_fold = 0, 0.0, []
    for fold in range(folds):
        train, held = split(features, folds, fold)
        path = solver.path(train, float(mu[0]))
        rows, y = predict_rows(features, held, solver, path.coefficients(mu.tolist()))
        predictions[:, rows] = y
        by_fold.append(_relative(y, features.y[rows]))
        iterations, residual = max(iterations, path.iterations), max(residual, path.residual)
    error = _relative(predictions, features.y)
    return Scan(mu, error, np.array(by_fold), predictions[error.argmin()], iterations, residual)


def learning_curve(
    features: FeatureSet, solver: Solver, folds: int, regularisation: float, sizes: int = 5, seed: int = 0
) -> list[dict[str, float]]:
    """Return withheld errors of training sets of up to `sizes` sizes, nested subsets of each fold's training shards.

    Each entry has ``environments`` (mean over the folds) and ``relative_tensor_rmse`` over all withheld environments.
    """
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(split(features, folds, fold)[0]) for fold in range(folds)]
    smallest = min(map(len, orders))
    counts = np.unique(np.geomspace(1, smallest, sizes).round().astype(int))
    curve = []
    for count in counts:
        predictions, environments = np.zeros(features.y.shape), []
        for fold, order in enumerate(orders):
            train = np.sort(order if count == smallest else order[:count])
            C = solver.path(train, regularisation).coefficients([regularisation])
            rows, y = predict_rows(features, split(features, folds, fold)[1], solver, C)
            predictions[rows] = y[0]
            environments.append(len(features.rows(train)))
        error = float(_relative(predictions[None], features.y)[0])
        curve.append({"environments": float(np.mean(environments)), "relative_tensor_rmse": error})
    return curve


def calibrated(
    features: FeatureSet,
    solver: Solver,
    folds: int,
    regularisation: float,
    members: int,
    use: int,
    seed: int = 0,
    beneath: Callable[[NDArray[np.int64]], Array] | None = None,
) -> Calibration:
    """Return the calibration of committees trained without a fold, on that fold, for the first `use` folds.

    The prediction that the spread is compared with is that of the model of all training shards, as in the final model.

    `beneath` returns, for the shards of a member, what a baseline fitted to them says of every row (N, 5) beyond what
    has been taken off the labels.
    """
    rng = np.random.default_rng(seed)
    spreads, predictions, references = [], [], []
    for fold in range(min(use, folds)):
        train, held = split(features, folds, fold)
        sets = [train, *halves(train, members, rng)]
        C = np.concatenate([solver.path(part, regularisation).coefficients([regularisation]) for part in sets])
        rows, y = predict_rows(features, held, solver, C)
        predictions.append(y[0])
        if beneath is not None:
            y[1:] += np.stack([beneath(part)[rows] for part in sets[1:]])
        spreads.append(y[1:])
        references.append(features.y[rows])
    return calibrate(np.concatenate(spreads, axis=1), np.concatenate(references), np.concatenate(predictions))


def _relative(predictions: Array, reference: Array) -> Array:
    error = np.sum((predictions - reference) ** 2, axis=(-2, -1))
    return np.asarray(np.sqrt(error / np.sum(reference**2)))
