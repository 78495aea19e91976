"""Diffusion coefficient from the slope of the mean-square displacement, with blocks of time origins."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.displacements import block_sums
from ufpnmr.dynamics.rates import finite, halves_differ
from ufpnmr.dynamics.series import Paths, check_paths
from ufpnmr.errors import InputError
from ufpnmr.results import Record
from ufpnmr.units import ANGSTROM2_PER_PS_IN_CM2_PER_S

__all__ = ["Diffusion", "FitWindow", "SlopeEstimate", "choose_window", "diffusion_coefficient", "judge_slope", "slopes"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FIT_LAGS = 12
RUN_OVER_LAST_LAG = 20
BLOCKS = 10
FEWEST_BLOCKS = 5
BLOCK_OVER_LAST_LAG = 1.8
LAST_OVER_FIRST_LAG = 5
"""Ions that jump back bias the slope at short lags, and lags below a fifth of the last add no precision."""
SHORTEST_LAST_LAG = 4
ALPHA_RANGE = (0.8, 1.2)
PLATEAU_TOLERANCE = 0.2
FEW_HOPS = 20
TOO_FEW_HOPS = 5


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


@dataclasses.dataclass(frozen=True)
class Diffusion:
    """Diffusion coefficient of a set of ions.

    Attributes
    ----------
    record : Record
        D, cm²/s.
    axes : dict of Record
        D along x, y, z, cm²/s; empty without a window.
    tensor, tensor_std_error : ndarray (3, 3) or None
        cm²/s.
    parameters : dict
        Window, blocks and diagnostics.
    """

    record: Record
    axes: dict[str, Record]
    tensor: FloatArray | None
    tensor_std_error: FloatArray | None
    parameters: dict[str, Any]


def diffusion_coefficient(
    paths: Paths,
    *,
    first_lag: float | None = None,
    last_lag: float | None = None,
    hop_length: float = 2.0,
    threads: int = 0,
) -> Diffusion:
    """Return D from the slope of the mean-square displacement; see `mean_square_displacement` for the rule.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped, drift-free paths: positions (T, N, 3) Å, time (T,) ps.
    first_lag, last_lag : float, optional
        Window of the fit, ps. Default: from the first lag past the vibrational plateau, at least T/100, to T/20.
    hop_length : float
        Length that turns the diffusive displacement into a number of hops, Å; decides only whether there are enough.
    threads : int
        Threads; 0 for all. The result does not depend on it.
    """
    interval = check_paths(paths)
    if not hop_length > 0:
        raise InputError(f"expected a positive hop length in Å, found {hop_length}")
    n_frames, n_ions = paths.positions.shape[:2]
    # T/20: with ten blocks of twice that the interval covers 95 %
    last = n_frames // RUN_OVER_LAST_LAG if last_lag is None else round(last_lag / interval)
    if last < SHORTEST_LAST_LAG and last_lag is None:
        needed = RUN_OVER_LAST_LAG * SHORTEST_LAST_LAG
        method = f"slope: at least {needed} frames needed, found {n_frames}"
        return Diffusion(Record(None, "cm2/s", method, status="window_too_short"), {}, None, None, {})
    if first_lag is None:
        first = max(_first_lag(paths, last, threads), last // LAST_OVER_FIRST_LAG)
    else:
        first = round(first_lag / interval)
    window = choose_window(n_frames, first, last)
    slope = judge_slope(window.lags, _block_means(paths, window.lags, window.edges, threads))
    record, numbers = _record(slope, interval, n_ions, n_frames, hop_length)
    to_cm2 = ANGSTROM2_PER_PS_IN_CM2_PER_S / (2 * interval)
    return Diffusion(
        record=record,
        axes={name: _axis_record(slope.tensor[:, k, k] * to_cm2, record) for k, name in enumerate("xyz")},
        tensor=slope.tensor.mean(axis=0) * to_cm2,
        tensor_std_error=slope.tensor.std(axis=0, ddof=1) / math.sqrt(len(slope.tensor)) * to_cm2,
        parameters={
            **numbers,
            "hop_length": hop_length,
            "window_ps": [float(window.lags[0] * interval), float(window.lags[-1] * interval)],
            "window_frames": [int(window.lags[0]), int(window.lags[-1])],
        },
    )


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


def slopes(lags: IntArray, means: FloatArray) -> FloatArray:
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
    per_block = slopes(lags, squared)
    tensor = slopes(lags, means)[:, [[0, 3, 4], [3, 1, 5], [4, 5, 2]]]
    intercept = float((squared.mean(axis=1) - lags * per_block.mean()).mean())
    lower, upper, ratio = _halves(lags, squared)
    alpha = math.nan
    if lower.mean() > 0 and upper.mean() > 0:
        alpha = 1 + math.log(upper.mean() / lower.mean()) / math.log(ratio)
    status, reason = "ok", ""
    if _beyond_zero(per_block) <= 0:
        status, reason = "not_diffusive", "no significant growth of the mean-square displacement in the window"
    elif _beyond_zero(upper - lower * ratio ** (ALPHA_RANGE[1] - 1)) > 0:
        status, reason = "not_diffusive", f"exponent {alpha:.2f} in the window, above {ALPHA_RANGE[1]}"
    elif _beyond_zero(lower * ratio ** (ALPHA_RANGE[0] - 1) - upper) > 0:
        status, reason = "not_diffusive", f"exponent {alpha:.2f} in the window, below {ALPHA_RANGE[0]}"
    elif halves_differ(per_block):
        status, reason = "not_stationary", "first and second half of the run differ by more than 3 standard errors"
    return SlopeEstimate(per_block, tensor, intercept, alpha, status, reason)


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


def _first_lag(paths: Paths, last: int, threads: int) -> int:
    window = choose_window(len(paths.time), 1, last)
    lags = statistics.log_spaced(last, 3 * len(window.lags))
    return first_diffusive_lag(lags, _block_means(paths, lags, window.edges, threads)[..., :3].sum(axis=2))


def _block_means(paths: Paths, lags: IntArray, edges: IntArray, threads: int) -> FloatArray:
    """Return means (L, B, 6) over ions and the origins of each block."""
    sums = block_sums(paths, lags, np.tile(edges, (len(lags), 1)), threads).sum(axis=0)
    means: FloatArray = sums / (paths.positions.shape[1] * np.diff(edges)[:, None])
    return means


def _record(
    slope: SlopeEstimate, interval: float, n_ions: int, n_frames: int, hop_length: float
) -> tuple[Record, dict[str, Any]]:
    blocks = slope.blocks * ANGSTROM2_PER_PS_IN_CM2_PER_S / (6 * interval)
    found = statistics.block_interval(blocks)
    hops = max(0.0, n_ions * slope.blocks.mean() * n_frames / hop_length**2)
    status, reason = slope.status, slope.reason
    if status != "not_diffusive" and hops < TOO_FEW_HOPS:
        status, reason = "too_few_events", f"about {hops:.1f} hops of {hop_length:g} Å"
    elif status == "ok" and hops < FEW_HOPS:
        status = "few_events"
    claimed = status in ("ok", "few_events")
    bounded = claimed or status == "too_few_events"
    flat = slope.status == "not_diffusive" and "growth" in slope.reason
    method = f"slope of 12 log-spaced lags over 6, all origins; 95 %: log-t over {len(blocks)} blocks of origins"
    record = Record(
        found.value if claimed else None,
        "cm2/s",
        f"{method}; refused: {reason}" if reason else method,
        ci_low=found.low if bounded else None,
        ci_high=finite(found.high) if bounded or flat else None,
        std_error=found.std_error if claimed else None,
        n_events=hops,
        status=status,
    )
    numbers = {
        "intercept": slope.intercept,
        "window_alpha": finite(slope.alpha),
        "implied_hops": hops,
        "block_diffusion": blocks.tolist(),
        "slope_diffusion": found.value,
        "slope_ci_low": found.low,
        "slope_ci_high": finite(found.high),
        "relative_error_he2018": 3.43 / math.sqrt(hops) + 0.04 if hops > 0 else None,
        "reason": reason,
    }
    return record, numbers


def _axis_record(blocks: FloatArray, mean: Record) -> Record:
    """Return D along one axis; an axis along which nothing moves gets an upper bound."""
    found = statistics.block_interval(blocks)
    method = f"slope of 12 log-spaced lags over 2, all origins; 95 %: log-t over {len(blocks)} blocks of origins"
    if not mean.trustworthy:
        return Record(None, "cm2/s", f"{method}; refused with the mean of the axes", status=mean.status)
    if _beyond_zero(blocks) <= 0:
        high = max(0.0, statistics.block_interval(blocks, positive=False).high)
        return Record(None, "cm2/s", f"{method}; no significant growth", ci_high=high, status="not_diffusive")
    return Record(
        found.value, "cm2/s", method, found.low, finite(found.high), found.std_error, mean.n_events, status=mean.status
    )


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
