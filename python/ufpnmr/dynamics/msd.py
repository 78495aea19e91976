"""Mean-square displacement over all time origins (Kaiser & Egger 2024, eqs 6 and 7)."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.charge import charge_transport
from ufpnmr.dynamics.diffusion import BLOCKS, diffusion_coefficient
from ufpnmr.dynamics.displacements import block_sums, displacement_curve
from ufpnmr.dynamics.series import Paths, check_paths, frames_left_out, ion_series
from ufpnmr.provenance import collect
from ufpnmr.results.msd import MSDResult
from ufpnmr.units import ANGSTROM2_PER_PS_IN_CM2_PER_S

__all__ = ["mean_square_displacement"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

TABLE_LAGS = 60


def mean_square_displacement(
    paths: Paths,
    *,
    origins: Literal["all", "first"] = "all",
    first_lag: float | None = None,
    last_lag: float | None = None,
    hop_length: float = 2.0,
    charge: npt.ArrayLike | None = None,
    temperature: float | None = None,
    threads: int = 0,
) -> MSDResult:
    """Return the mean-square displacement per ion, axis and mean, and the diffusion coefficient with its interval.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped, drift-free paths (`ufpnmr.trajectory.ion_paths`): positions (T, N, 3) Å, time (T,) ps.
    origins : {"all", "first"}
        "all": every frame is a time origin. "first": curves of one origin, eqs 6 and 7 as printed, and
        MSD(t_max)/(6 t_max) as ``parameters["one_origin_diffusion"]``: for comparison, without an interval, because
        none holds for it when ions move together. D itself is the slope over all origins in either case.
    first_lag, last_lag : float, optional
        Window of the fit, ps. Default: from the first lag past the vibrational plateau, at least T/100, to T/20.
    hop_length : float
        Length that turns the diffusive displacement into a number of hops, Å; decides only whether there are enough.
    charge : float or array_like (N,), optional
        Charge of each ion, e: adds the displacement of the charge, the Haven ratio and, with a temperature, the
        conductivity (`ufpnmr.dynamics.charge.charge_transport`).
    temperature : float, optional
        K; stored, and needed for a conductivity.
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
    n_frames, n_ions = paths.positions.shape[:2]
    found = diffusion_coefficient(paths, first_lag=first_lag, last_lag=last_lag, hop_length=hop_length, threads=threads)
    lags = statistics.log_spaced(n_frames - 1, TABLE_LAGS)
    one_origin = origins == "first"
    edges = np.array([[0, 1]] * len(lags) if one_origin else [_table_edges(n_frames, int(lag)) for lag in lags])
    sums = block_sums(paths, lags, edges, threads)[..., :3]
    ion_axis = sums.sum(axis=2) / (edges[:, -1] - edges[:, 0])[:, None]
    msd_ion = ion_axis.sum(axis=2)
    if one_origin:
        full_axis, blocks = _first_origin_curve(paths), msd_ion.T
    else:
        full_axis, size = displacement_curve(paths, threads), np.diff(edges, axis=1)
        blocks = sums.sum(axis=(0, 3)) / (n_ions * np.maximum(size, 1))
        blocks[(size == 0).any(axis=1)] = np.nan
    msd = msd_ion.mean(axis=0)
    alpha, alpha_error = _local_exponent(lags, msd, blocks)
    parameters: dict[str, Any] = {
        "origins": origins,
        "frame_interval_ps": interval,
        "n_frames": n_frames,
        "n_ions": n_ions,
        "temperature_K": temperature,
        "drift": paths.drift_mode,
        "selection": paths.selection,
        **frames_left_out(paths),
        **found.parameters,
    }
    if one_origin:
        parameters["one_origin_diffusion"] = float(msd[-1] / (6 * lags[-1] * interval) * ANGSTROM2_PER_PS_IN_CM2_PER_S)
    carried: dict[str, Any] = {}
    if charge is not None:
        frames = found.parameters.get("window_frames", [1])
        transport = charge_transport(paths, charge, temperature, first=frames[0], threads=threads)
        parameters["charge"] = transport.parameters
        carried = {
            "charge": transport.records,
            "charge_lag": transport.lag,
            "charge_msd": transport.msd,
            "charge_msd_std_error": transport.std_error,
        }
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
        diffusion_tensor=found.tensor,
        diffusion_tensor_std_error=found.tensor_std_error,
        diffusion=found.record,
        diffusion_axis=found.axes,
        parameters=parameters,
        provenance=collect(source=str(paths.source), analysis="msd"),
        **carried,
    )


def _table_edges(n_frames: int, lag: int) -> IntArray:
    return np.rint(np.linspace(0, n_frames - lag, BLOCKS + 1)).astype(np.int64)


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
