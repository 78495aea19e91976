"""Mean-square displacement over all time origins (Kaiser & Egger 2024, eqs 6 and 7)."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ufpnmr import _core, statistics
from ufpnmr.dynamics.diffusion import (
    BLOCKS,
    SHORTEST_LAST_LAG,
    SlopeEstimate,
    choose_window,
    default_last_lag,
    first_diffusive_lag,
    judge_slope,
)
from ufpnmr.dynamics.rates import finite
from ufpnmr.dynamics.series import Paths, check_paths, ion_series
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.msd import MSDResult
from ufpnmr.units import ANGSTROM2_PER_PS_IN_CM2_PER_S

__all__ = ["displacement_curve", "mean_square_displacement"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DIRECT_LAGS = 32
TABLE_LAGS = 60
FEW_HOPS = 20
TOO_FEW_HOPS = 5


def mean_square_displacement(
    paths: Paths,
    *,
    origins: Literal["all", "first"] = "all",
    first_lag: float | None = None,
    last_lag: float | None = None,
    hop_length: float = 2.0,
    threads: int = 0,
) -> MSDResult:
    """Return the mean-square displacement per ion, axis and mean, and the diffusion coefficient with its interval.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped, drift-free paths (`ufpnmr.trajectory.ion_paths`): positions (T, N, 3) Å, time (T,) ps.
    origins : {"all", "first"}
        "all": every frame is a time origin and D is the slope in a window of lags. "first": eqs 6 and 7 as printed, one
        origin and D = MSD(t_max)/(6 t_max), which the vibrational offset biases upwards.
    first_lag, last_lag : float, optional
        Window of the fit, ps. Default: from the first lag past the vibrational plateau to T/20.
    hop_length : float
        Length that turns the diffusive displacement into a number of hops, Å; decides only whether there are enough.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Returns
    -------
    MSDResult
        Curves, local exponent, D.

    Raises
    ------
    InputError
        Frames not equally spaced, window outside the run.

    Notes
    -----
    D = sum over lags of w(lag) MSD(lag) / 6 with the least-squares slope weights w of 12 log-spaced lags. Contiguous
    blocks of time origins, about twice the last lag long, give the standard error s and D exp(± t_{B-1} s/D).
    """
    interval = check_paths(paths)
    if not hop_length > 0:
        raise InputError(f"expected a positive hop length in Å, found {hop_length}")
    n_frames = len(paths.time)
    lags = statistics.log_spaced(n_frames - 1, TABLE_LAGS)
    first_origin = origins == "first"
    edges = np.array([[0, 1]] * len(lags) if first_origin else [_table_edges(n_frames, int(lag)) for lag in lags])
    sums = block_sums(paths, lags, edges, threads)
    ion_axis = sums[..., :3].sum(axis=2) / (edges[:, -1] - edges[:, 0])[:, None]
    msd_ion = ion_axis.sum(axis=2)
    if first_origin:
        full_axis = _first_origin_curve(paths)
        blocks = msd_ion.T
    else:
        full_axis = displacement_curve(paths, threads)
        size = np.diff(edges, axis=1)
        blocks = sums[..., :3].sum(axis=(0, 3)) / (len(paths.ids) * np.maximum(size, 1))
        blocks[(size == 0).any(axis=1)] = np.nan
    msd = msd_ion.mean(axis=0)
    alpha, alpha_error = _local_exponent(lags, msd, blocks)
    parameters: dict[str, Any] = {
        "origins": origins,
        "frame_interval_ps": interval,
        "n_frames": n_frames,
        "n_ions": len(paths.ids),
        "hop_length": hop_length,
        "drift": paths.drift_mode,
        "selection": paths.selection,
    }
    tensor = tensor_error = None
    if first_origin:
        diffusion = _one_origin_diffusion(msd_ion[:, -1], lags[-1] * interval)
    else:
        last = default_last_lag(n_frames) if last_lag is None else round(last_lag / interval)
        if last < SHORTEST_LAST_LAG and last_lag is None:
            diffusion = Record(
                None,
                "cm2/s",
                f"slope: at least {20 * SHORTEST_LAST_LAG} frames needed, found {n_frames}",
                status="window_too_short",
            )
        else:
            first = _first_lag(paths, last, threads) if first_lag is None else round(first_lag / interval)
            window = choose_window(n_frames, first, last)
            per_block = block_sums(paths, window.lags, np.tile(window.edges, (len(window.lags), 1)), threads).sum(
                axis=0
            )
            means = per_block / (len(paths.ids) * np.diff(window.edges)[:, None])
            slope = judge_slope(window.lags, means)
            diffusion, numbers = _diffusion(slope, interval, len(paths.ids), n_frames, hop_length)
            parameters.update(numbers)
            parameters["window_ps"] = [float(window.lags[0] * interval), float(window.lags[-1] * interval)]
            to_cm2 = ANGSTROM2_PER_PS_IN_CM2_PER_S / (2 * interval)
            tensor = slope.tensor.mean(axis=0) * to_cm2
            tensor_error = slope.tensor.std(axis=0, ddof=1) / math.sqrt(len(slope.tensor)) * to_cm2
    return MSDResult(
        ids=np.asarray(paths.ids, dtype=np.int64),
        lag=np.asarray(lags * interval, dtype=np.float64),
        msd=msd,
        msd_axis=ion_axis.mean(axis=0),
        std_error=np.fmax(_standard_error(blocks), _standard_error(msd_ion.T)),
        alpha=alpha,
        alpha_std_error=alpha_error,
        msd_ion=msd_ion.astype(np.float32),
        full_lag=np.arange(n_frames, dtype=np.float64) * interval,
        full_msd=full_axis.sum(axis=1),
        full_msd_axis=full_axis,
        diffusion_tensor=tensor,
        diffusion_tensor_std_error=tensor_error,
        diffusion=diffusion,
        parameters=parameters,
        provenance=collect(source=str(paths.source), analysis="msd"),
    )


def displacement_curve(paths: Paths, threads: int = 0) -> FloatArray:
    """Return the mean-square displacement over all ions and origins at every lag.

    MSD(k) = [sum over t of x(t)² + x(t+k)² - 2 x(t) x(t+k)]/(T - k), the product by FFT; the first 32 lags, where the
    terms cancel, are summed directly.

    Parameters
    ----------
    paths : IonPaths
        Positions (T, N, 3), Å.
    threads : int
        Threads of the direct sums; 0 for all.

    Returns
    -------
    ndarray (T, 3)
        Along each axis, lags 0 ... T-1, Å².
    """
    n_frames, n_ions = np.shape(paths.positions)[:2]
    sums = np.zeros((3, n_frames))
    for _, series in ion_series(paths.positions):
        centred = series - series.mean(axis=2, keepdims=True)
        squares = np.concatenate([np.zeros((3, 1)), np.cumsum((centred**2).sum(axis=0), axis=1)], axis=1)
        kept = squares[:, n_frames:0:-1] + squares[:, -1:] - squares[:, :n_frames]
        sums += kept - 2 * statistics.autocorrelation_sums(centred, axis=2).sum(axis=0)
    curve: FloatArray = np.maximum(sums / np.arange(n_frames, 0, -1), 0.0).T / n_ions
    lags = np.arange(min(DIRECT_LAGS, n_frames))
    edges = np.stack([np.zeros_like(lags), n_frames - lags], axis=1)
    direct = block_sums(paths, lags, edges, threads)[..., :3].sum(axis=(0, 2))
    curve[: len(lags)] = direct / (n_ions * (n_frames - lags))[:, None]
    return curve


def block_sums(paths: Paths, lags: IntArray, edges: IntArray, threads: int = 0) -> FloatArray:
    """Sum displacement products over blocks of time origins.

    Parameters
    ----------
    paths : IonPaths
        Positions (T, N, 3), Å.
    lags : ndarray (L,)
        Lags in frames.
    edges : ndarray (L, B + 1)
        First origins of the blocks of each lag and the end of the last.
    threads : int
        Threads; 0 for all.

    Returns
    -------
    ndarray (N, L, B, 6)
        Sums of xx yy zz xy xz yz, Å².
    """
    parts = [_core.displacement_sums(series, lags, edges, threads) for _, series in ion_series(paths.positions)]
    return np.concatenate(parts)


def _table_edges(n_frames: int, lag: int) -> IntArray:
    return np.rint(np.linspace(0, n_frames - lag, BLOCKS + 1)).astype(np.int64)


def _first_lag(paths: Paths, last: int, threads: int) -> int:
    window = choose_window(len(paths.time), 1, last)
    lags = statistics.log_spaced(last, 3 * len(window.lags))
    sums = block_sums(paths, lags, np.tile(window.edges, (len(lags), 1)), threads)[..., :3].sum(axis=(0, 3))
    return first_diffusive_lag(lags, sums / (len(paths.ids) * np.diff(window.edges)))


def _first_origin_curve(paths: Paths) -> FloatArray:
    curve = np.zeros((len(paths.time), 3))
    for _, series in ion_series(paths.positions):
        curve += (series**2).sum(axis=0).T
    return curve / len(paths.ids)


def _standard_error(samples: FloatArray) -> FloatArray:
    """Return the standard error of the mean over the last axis, nan for a single sample."""
    n = samples.shape[1]
    return samples.std(axis=1, ddof=1) / math.sqrt(n) if n > 1 else np.full(len(samples), np.nan)


def _local_exponent(lags: IntArray, msd: FloatArray, blocks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return d ln MSD / d ln t by differences of the table and its delete-one-block jackknife standard error."""
    undefined = np.full(len(lags), np.nan)
    if len(lags) < 3 or (msd <= 0).any():
        return undefined, undefined
    log_lag = np.log(lags)
    alpha = np.gradient(np.log(msd), log_lag)
    n = blocks.shape[1]
    if n < 2:
        return alpha, undefined
    left_out = (blocks.sum(axis=1, keepdims=True) - blocks) / (n - 1)
    if (left_out <= 0).any():
        return alpha, undefined
    replicas = np.gradient(np.log(left_out), log_lag, axis=0)
    spread = ((replicas - replicas.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return alpha, np.sqrt((n - 1) / n * spread)


def _one_origin_diffusion(squared: FloatArray, time: float) -> Record:
    method = "MSD(t_max)/(6 t_max), one origin; 95 %: log-t over ions, which misses concerted motion"
    if len(squared) < 2:
        return Record(None, "cm2/s", f"{method}: one ion", status="too_few_events")
    value, low, high, error = statistics.block_interval(squared / (6 * time) * ANGSTROM2_PER_PS_IN_CM2_PER_S)
    return Record(value, "cm2/s", method, low, finite(high), error, n_eff=len(squared))


def _diffusion(
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
