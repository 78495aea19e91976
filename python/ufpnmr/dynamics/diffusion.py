"""Diffusion coefficient from the slope of the mean-square displacement, with blocks of time origins."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.rates import halves_differ
from ufpnmr.errors import InputError

__all__ = ["FitWindow", "SlopeEstimate", "block_slopes", "choose_window", "default_last_lag", "judge_slope"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FIT_LAGS = 12
RUN_OVER_LAST_LAG = 20
BLOCKS = 10
FEWEST_BLOCKS = 5
BLOCK_OVER_LAST_LAG = 1.8
SHORTEST_LAST_LAG = 4
ALPHA_RANGE = (0.8, 1.2)
PLATEAU_TOLERANCE = 0.2


@dataclasses.dataclass(frozen=True)
class FitWindow:
    """Lags of the fit and blocks of time origins, in frames."""

    lags: IntArray
    edges: IntArray


@dataclasses.dataclass(frozen=True)
class SlopeEstimate:
    """Slope of the mean-square displacement in the window.

    Attributes
    ----------
    blocks : ndarray (B,)
        Slope of each block of origins, Å² per frame.
    tensor : ndarray (B, 3, 3)
        Slopes of <Δa Δb>, Å² per frame.
    intercept : float
        Vibrational offset, Å².
    alpha : float
        Exponent between the lower and the upper half of the window, offset removed by differences; nan if a half falls.
    status : str
        ok, not_diffusive or not_stationary; events are judged by the caller.
    reason : str
        Why not ok.
    """

    blocks: FloatArray
    tensor: FloatArray
    intercept: float
    alpha: float
    status: str
    reason: str


def default_last_lag(n_frames: int) -> int:
    """Return the longest lag of the fit, T/20 in frames: with ten blocks of twice that the interval covers 95 %."""
    return n_frames // RUN_OVER_LAST_LAG


def choose_window(n_frames: int, first: int, last: int) -> FitWindow:
    """Return 12 log-spaced lags from `first` to `last` frames and the blocks of origins common to all of them.

    Raises
    ------
    InputError
        Not 1 <= first < last, or fewer than 5 blocks of 1.8 times the last lag fit into the run.
    """
    if not 1 <= first < last:
        raise InputError(f"expected 1 <= first lag < last lag in frames, found {first} and {last}")
    origins = n_frames - last
    blocks = min(BLOCKS, int(origins / (BLOCK_OVER_LAST_LAG * last)))
    if blocks < FEWEST_BLOCKS:
        raise InputError(
            f"expected a last lag of at most about {n_frames // 10} frames (a tenth of the run), found {last}"
        )
    return FitWindow(statistics.log_spaced(last, FIT_LAGS, first), statistics.block_edges(origins, blocks))


def block_slopes(lags: IntArray, means: FloatArray) -> FloatArray:
    """Return the least-squares slope, intercept free, of `means` (L, ...) over `lags` (L,)."""
    centred = lags - lags.mean()
    return np.tensordot(centred / (centred @ centred), means, axes=1)


def judge_slope(lags: IntArray, means: FloatArray) -> SlopeEstimate:
    """Estimate the slope and decide whether the window is diffusive.

    Parameters
    ----------
    lags : ndarray (L,)
        Lags in frames.
    means : ndarray (L, B, 6)
        Mean of xx yy zz xy xz yz of the displacements over ions and the origins of each block, Å².

    Notes
    -----
    With secant slopes s1, s2 of the lower and upper half of the window, centred at t1 and t2, a power law gives
    s2/s1 = (t2/t1)^(alpha - 1) whatever the offset. The window is refused if s2 - s1 (t2/t1)^(±0.2) is beyond 0 by more
    than t_{B-1} standard errors over blocks, or if the slope itself is not significantly positive.
    """
    squared = means[:, :, :3].sum(axis=2)
    slopes = block_slopes(lags, squared)
    tensor = block_slopes(lags, means)[:, [[0, 3, 4], [3, 1, 5], [4, 5, 2]]]
    intercept = float((squared.mean(axis=1) - lags * slopes.mean()).mean())
    lower, upper, ratio = _halves(lags, squared)
    alpha = math.nan
    if lower.mean() > 0 and upper.mean() > 0:
        alpha = 1 + math.log(upper.mean() / lower.mean()) / math.log(ratio)
    status, reason = "ok", ""
    if _beyond_zero(slopes) <= 0:
        status, reason = "not_diffusive", "no significant growth of the mean-square displacement in the window"
    elif _beyond_zero(upper - lower * ratio ** (ALPHA_RANGE[1] - 1)) > 0:
        status, reason = "not_diffusive", f"exponent {alpha:.2f} in the window, above {ALPHA_RANGE[1]}"
    elif _beyond_zero(lower * ratio ** (ALPHA_RANGE[0] - 1) - upper) > 0:
        status, reason = "not_diffusive", f"exponent {alpha:.2f} in the window, below {ALPHA_RANGE[0]}"
    elif halves_differ(slopes):
        status, reason = "not_stationary", "first and second half of the run differ by more than 3 standard errors"
    return SlopeEstimate(slopes, tensor, intercept, alpha, status, reason)


def first_diffusive_lag(lags: IntArray, squared: FloatArray) -> int:
    """Return the first lag past the vibrational plateau.

    A lag qualifies if the secant slope from it to the lag about three times as long does not differ from that of the
    upper half of the table by more than 20 % and t standard errors over blocks.

    Parameters
    ----------
    lags : ndarray (L,)
        Log-spaced lags in frames up to the last of the fit.
    squared : ndarray (L, B)
        Mean-square displacement of each block of origins, Å².
    """
    last = int(lags[-1])
    middle = int(np.searchsorted(lags, last / 2))
    reference = (squared[-1] - squared[middle]) / (last - lags[middle])
    for k, lag in enumerate(lags):
        if 3 * lag > last / 2:
            break
        other = int(np.searchsorted(lags, 3 * lag))
        slope = (squared[other] - squared[k]) / (lags[other] - lag)
        steeper = _beyond_zero(slope - (1 + PLATEAU_TOLERANCE) * reference) > 0
        flatter = _beyond_zero((1 - PLATEAU_TOLERANCE) * reference - slope) > 0
        if not steeper and not flatter:
            return int(lag)
    return max(1, last // 6)


def _halves(lags: IntArray, squared: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return secant slopes (B,) below and above the middle of the window and the ratio of their centres."""
    first, last = int(lags[0]), int(lags[-1])
    k = min(max(int(np.searchsorted(lags, (first + last) / 2)), 1), len(lags) - 2)
    middle = int(lags[k])
    lower = (squared[k] - squared[0]) / (middle - first)
    upper = (squared[-1] - squared[k]) / (last - middle)
    return lower, upper, (middle + last) / (first + middle)


def _beyond_zero(blocks: FloatArray) -> float:
    """Return the lower end of the symmetric 95 % interval of the mean of `blocks`."""
    return statistics.block_interval(blocks, positive=False).low
