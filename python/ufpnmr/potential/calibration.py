"""How honest predicted standard deviations are: factor and coverage on withheld labels.

The posterior of a linear model knows nothing of correlated rows and of what a spline potential cannot represent, so its
deviations are too small. On labels that took no part in the fit (spec uf3 5)

    s^2 = mean (error^2 / variance)

by kind of label; the calibrated variance is s^2 times that of the posterior. With a floor f the variance is
s^2 variance + f^2, both by maximum likelihood: f holds the misfit that no further data would remove.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from ufpnmr.errors import InputError

__all__ = ["Calibration", "calibrate"]

Vector = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Calibration of one kind of label.

    Attributes
    ----------
    factor : float
        s, by which standard deviations of the posterior are multiplied.
    floor : float
        f, in the unit of the labels; zero unless it was asked for.
    within_one, within_two : float
        Fraction of errors within one and two calibrated standard deviations; 0.683 and 0.954 for Gaussian errors. Each
        group of rows is judged with the calibration of all others.
    count : int
        Number of withheld rows.
    groups : int
        Number of groups they fall into.
    """

    factor: float
    floor: float
    within_one: float
    within_two: float
    count: int
    groups: int

    def apply(self, variance: ArrayLike) -> Vector:
        """Return the calibrated variance."""
        return self.factor**2 * np.asarray(variance, dtype=np.float64) + self.floor**2

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self)


def calibrate(
    error: ArrayLike, variance: ArrayLike, groups: ArrayLike | None = None, *, floor: bool = False
) -> Calibration:
    """Calibrate the variances of withheld labels.

    Parameters
    ----------
    error : (M,) array
        Label minus prediction.
    variance : (M,) array
        Of the posterior, without calibration.
    groups : (M,) array
        What rows are correlated (structure or run); each row on its own if not given.
    floor : bool
        Also fit a floor.

    Raises
    ------
    InputError
        Fewer than two groups, or a variance that is not positive.
    """
    residual = np.ravel(np.asarray(error, dtype=np.float64))
    spread = np.ravel(np.asarray(variance, dtype=np.float64))
    labels = np.arange(len(residual)) if groups is None else np.ravel(np.asarray(groups))
    if not len(residual) == len(spread) == len(labels):
        raise InputError(
            f"calibration: expected as many errors as variances and groups, found {len(residual)}, {len(spread)} and "
            f"{len(labels)}"
        )
    names, number = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise InputError(
            f"calibration: expected withheld rows of 2 or more groups, found {len(names)}; withhold more structures"
        )
    if not (spread > 0).all():
        raise InputError(
            f"calibration: expected positive variances, found {spread.min():g}; rows whose columns are all held "
            "have none"
        )
    if floor:
        fits = [_fit(residual, spread, number != g) for g in range(len(names))]
        whole = _fit(residual, spread, np.ones(len(residual), dtype=bool))
    else:
        ratio = residual**2 / spread
        sums, counts = np.bincount(number, ratio), np.bincount(number)
        others = np.sqrt((sums.sum() - sums) / (counts.sum() - counts))
        fits = [(float(s), 0.0) for s in others]
        whole = math.sqrt(float(ratio.mean())), 0.0
    factors, floors = np.array(fits).T
    deviation = np.sqrt(factors[number] ** 2 * spread + floors[number] ** 2)
    return Calibration(
        factor=whole[0],
        floor=whole[1],
        within_one=float((np.abs(residual) <= deviation).mean()),
        within_two=float((np.abs(residual) <= 2 * deviation).mean()),
        count=len(residual),
        groups=len(names),
    )


def _fit(error: Vector, variance: Vector, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Return s and f that maximise the likelihood of Gaussian errors."""
    square, spread = error[chosen] ** 2, variance[chosen]
    unit = float(square.mean())
    if unit == 0:
        return 0.0, 0.0

    def cost(logarithms: Vector) -> float:
        total = math.exp(logarithms[0]) * spread + math.exp(logarithms[1])
        return float((np.log(total) + square / total).mean())

    start = np.log([0.5 * float((square / spread).mean()), 0.5 * unit])
    best = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-10, "maxiter": 2000})
    return math.exp(best.x[0] / 2), math.exp(best.x[1] / 2)
