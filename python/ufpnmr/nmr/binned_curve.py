"""A correlation function at few points with the covariance of their errors.

Points: means of neighbouring lags over at most 24 bins of the logarithm of the lag. Their covariance comes from the
curves of single ions (or blocks, whichever scatter more), shrunk towards its diagonal (O. Ledoit and M. Wolf, J.
Multivar. Anal. 88, 365 (2004)), because neighbouring lags share their noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.nmr.decay import Curves

__all__ = ["BinnedCurve", "binned_curve"]

FloatArray = npt.NDArray[np.float64]

_POINTS = 24


class BinnedCurve(NamedTuple):
    """P points of a correlation function over C(0)."""

    lag: FloatArray
    """(P,) ps."""
    mean: FloatArray
    """(P,)."""
    whitener: FloatArray
    """(P, P): whitener times the errors are independent and of variance 1."""
    units: FloatArray
    """(n, P) curves whose mean is `mean`, of ions or blocks, for resampling."""
    unit: str
    """"ions" or "blocks"."""


def binned_curve(curves: Curves) -> BinnedCurve:
    """Bin the curve of an estimate (`ufpnmr.nmr.decay.estimate`)."""
    edges = np.geomspace(curves.lag[0] * 0.999, curves.lag[-1] * 1.001, _POINTS + 1)
    bins = np.unique(np.digitize(curves.lag, edges), return_inverse=True)[1]
    average = np.equal.outer(np.arange(bins.max() + 1), bins).astype(np.float64)
    average /= average.sum(axis=1, keepdims=True)
    lag = np.exp(average @ np.log(curves.lag))
    mean = average @ curves.mean
    of_ions = (curves.cells - curves.shares[:, None, :] * curves.mean).sum(axis=0) @ average.T
    of_blocks = (curves.of_blocks - curves.mean) @ average.T
    choices = []
    for unit, deviations in (("ions", of_ions), ("blocks", of_blocks)):
        if len(deviations) > 1:
            covariance = _shrunk_covariance(deviations) / len(deviations)
            choices.append((float(np.trace(covariance)), unit, deviations, covariance))
    _, unit, deviations, covariance = max(choices, key=lambda choice: choice[0])
    whitener = np.linalg.inv(np.linalg.cholesky(covariance))
    return BinnedCurve(lag, mean, whitener, mean + deviations, unit)


def _shrunk_covariance(units: FloatArray) -> FloatArray:
    n = len(units)
    centred = units - units.mean(axis=0)
    sample = centred.T @ centred / (n - 1)
    target = np.diag(np.diag(sample))
    spread = sum(float(np.sum((np.outer(row, row) - sample) ** 2)) for row in centred) / n**2
    distance = float(np.sum((sample - target) ** 2))
    share = min(1.0, spread / distance) if distance > 0 else 1.0
    matrix = share * target + (1 - share) * sample
    return np.asarray(matrix + 1e-9 * np.trace(matrix) * np.eye(len(matrix)))
