"""Van Hove correlation functions (Kaiser & Egger 2024, eqs 8 and 9), non-Gaussian parameter, concerted motion."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from ufpnmr import _core, statistics
from ufpnmr.dynamics.blocks import N_BLOCKS, block_record, standard_error
from ufpnmr.dynamics.rdf import shell_edges
from ufpnmr.dynamics.series import Paths, check_paths, frames_left_out, ion_series
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.van_hove import VanHoveResult

__all__ = ["van_hove"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LAGS_PER_DECADE = 20
LINEAR_LAGS = 60
SAME_PLACE = 1.0
"""Å: an ion this close to where another one was has followed it."""
SIGNIFICANT = 5.0
"""Standard errors by which a second maximum must rise above the dip before it."""


def van_hove(
    paths: Paths,
    *,
    r_max: float = 8.0,
    dr: float = 0.05,
    max_lag: float | None = None,
    spacing: Literal["log", "linear"] = "log",
    origins: int = 500,
    relative: bool = False,
    threads: int = 0,
) -> VanHoveResult:
    """Return the self part over all time origins and the distinct part over evenly spaced ones.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped, drift-free paths of one kind of ion: positions (T, N, 3) Å, cells (T, 3, 3) Å.
    r_max, dr : float
        Largest distance and width of a shell, Å. Images are enumerated; r_max may exceed half of the cell.
    max_lag : float, optional
        Longest lag, ps; default a quarter of the run.
    spacing : {"log", "linear"}
        20 lags per decade (the grid does not depend on the length of the run), or 60 evenly spaced ones for maps.
    origins : int
        At most so many time origins of the distinct part.
    relative : bool
        Divide the distinct part by the density of the other ions, ρ (N - 1)/N.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Returns
    -------
    VanHoveResult

    Raises
    ------
    InputError
        Frames not equally spaced, a lag outside the run, shells that do not divide r_max.

    Notes
    -----
    G_s = counts/(N V_k), G_d = pairs/(N V_k) with exact shell volumes V_k; positions at both times are compared in the
    cell of the origin. An ion's own images count as other ions, so that G_d(r, 0) is ρ_B g(r).
    """
    interval = check_paths(paths)
    edges = shell_edges(r_max, dr)
    n_frames, n_ions = np.shape(paths.positions)[:2]
    longest = _longest_lag(max_lag, interval, n_frames)
    lags = _lags(longest, spacing)
    if origins < 1:
        raise InputError(f"expected at least one time origin, found {origins}")
    shells = 4 * np.pi / 3 * np.diff(edges**3)
    self_counts, moments, sizes = _self_part(paths, lags, r_max, len(shells), threads)
    starts = np.unique(np.linspace(0, n_frames - 1 - longest, min(origins, n_frames - longest)).astype(np.int64))
    blocks = statistics.block_edges(len(starts), min(N_BLOCKS, len(starts)))
    positions = np.asarray(paths.positions, dtype=np.float64)
    pairs = _core.distinct_histogram(positions, paths.cell, starts, blocks, lags, r_max, len(shells), threads)

    density = n_ions / float(np.abs(np.linalg.det(paths.cell)).mean())
    others = density * (n_ions - 1) / n_ions
    with np.errstate(invalid="ignore", divide="ignore"):
        gs_blocks = self_counts / (n_ions * sizes.T[..., None] * shells)
        alpha_blocks = _non_gaussian(moments / sizes.T[..., None])
    gs, gs_error = _mean_and_error(self_counts, n_ions * sizes.sum(axis=1)[:, None] * shells, gs_blocks)
    scale = 1 / others if relative else 1.0
    per_block = n_ions * np.diff(blocks)[:, None, None] * shells / scale
    gd, gd_error = _mean_and_error(pairs, n_ions * len(starts) * shells / scale, pairs / per_block)
    near = edges[1:] <= SAME_PLACE + 1e-9
    ball = shells[near].sum()
    concerted_blocks = pairs[..., near].sum(axis=2) / (n_ions * np.diff(blocks)[:, None] * ball * others)
    return VanHoveResult(
        lag=np.asarray(lags * interval, dtype=np.float64),
        r=(edges[1:] + edges[:-1]) / 2,
        edges=edges,
        gs=gs,
        gs_std_error=gs_error,
        gd=gd,
        gd_std_error=gd_error,
        alpha2=_non_gaussian(moments.sum(axis=0) / sizes.sum(axis=1)[:, None]),
        alpha2_std_error=standard_error(alpha_blocks),
        concerted=pairs[..., near].sum(axis=(0, 2)) / (n_ions * len(starts) * ball * others),
        concerted_std_error=standard_error(concerted_blocks),
        values=_numbers(gs_blocks * shells / dr, edges, lags, interval, concerted_blocks),
        parameters={
            **frames_left_out(paths),
            "relative": relative,
            "drift": paths.drift_mode,
            "selection": paths.selection,
            "n_ions": n_ions,
            "n_frames": n_frames,
            "frame_interval_ps": interval,
            "distinct_origins": len(starts),
            "density_A-3": density,
            "inside_last_shell": (gs * shells).sum(axis=1).tolist(),
        },
        provenance=collect(source=str(paths.source), analysis="vanhove"),
    )


def _longest_lag(max_lag: float | None, interval: float, n_frames: int) -> int:
    longest = (n_frames - 1) // 4 if max_lag is None else round(max_lag / interval)
    if not 1 <= longest < n_frames:
        raise InputError(
            f"expected a longest lag from {interval:g} to {interval * (n_frames - 1):g} ps, found "
            f"{longest * interval:g} ps; change --max-lag or give a longer run"
        )
    return int(longest)


def _lags(longest: int, spacing: str) -> IntArray:
    if spacing == "linear":
        return np.unique(np.linspace(0, longest, min(LINEAR_LAGS, longest) + 1).round().astype(np.int64))
    if spacing != "log":
        raise InputError(f"spacing: expected log or linear, found {spacing!r}")
    grid = np.rint(10 ** (np.arange(0, 12 * LAGS_PER_DECADE) / LAGS_PER_DECADE)).astype(np.int64)
    return np.concatenate([[0], np.unique(grid[grid <= longest])])


def _self_part(
    paths: Paths, lags: IntArray, r_max: float, bins: int, threads: int
) -> tuple[IntArray, FloatArray, IntArray]:
    """Return counts (B, L, R), sums of r² and r⁴ over ions (B, L, 2), and numbers of origins (L, B)."""
    n_frames, n_ions = np.shape(paths.positions)[:2]
    edges = np.array([np.rint(np.linspace(0, n_frames - lag, N_BLOCKS + 1)) for lag in lags]).astype(np.int64)
    counts: IntArray = np.zeros((len(lags), N_BLOCKS, bins), dtype=np.int64)
    moments = np.zeros((len(lags), N_BLOCKS, 2))
    for _, series in ion_series(np.asarray(paths.positions)):
        part, sums = _core.displacement_histogram(series, lags, edges, r_max, bins, threads)
        counts += part
        moments += sums.sum(axis=0)
    return counts.transpose(1, 0, 2), moments.transpose(1, 0, 2) / n_ions, np.diff(edges, axis=1)


def _non_gaussian(moments: FloatArray) -> FloatArray:
    """3<r⁴>/(5<r²>²) - 1 of mean moments (..., 2); nan without motion."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(3 * moments[..., 1] / (5 * moments[..., 0] ** 2) - 1)


def _mean_and_error(counts: IntArray, norm: FloatArray, blocks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (L, R) and the larger of the standard error over blocks and that of the counts."""
    total = counts.sum(axis=0)
    poisson = np.sqrt(np.maximum(total, 1)) / norm
    return total / norm, np.fmax(standard_error(blocks), poisson)


def _numbers(
    radial: FloatArray, edges: FloatArray, lags: IntArray, interval: float, concerted: FloatArray
) -> dict[str, Record]:
    """Hop distance and dip where 4πr²G_s (B, L, R) has two maxima, and the largest concerted signal."""
    values: dict[str, Record] = {}
    r = (edges[1:] + edges[:-1]) / 2
    best: tuple[float, int, int, int] | None = None
    usable = np.isfinite(radial).all(axis=(0, 2))
    for row in np.flatnonzero(usable & (lags > 0)).tolist():
        found = _second_maximum(radial[:, row])
        if found is not None and (best is None or found[0] > best[0]):
            best = (found[0], row, found[1], found[2])
    if best is not None:
        _, row, dip, top = best
        at = f"4πr²G_s at {lags[row] * interval:g} ps"
        blocks = np.array([r[max(top - 8, 0) : top + 9][np.argmax(curve)] for curve in _window(radial[:, row], top, 8)])
        values["hop distance"] = block_record(blocks, "angstrom", f"second maximum of {at}")
        ratio = _window(radial[:, row], dip, 2).mean(axis=1) / _window(radial[:, row], top, 2).mean(axis=1)
        values["dip before the hop distance"] = block_record(ratio, "1", f"minimum over second maximum of {at}")
    signal = concerted.mean(axis=0)
    row = int(np.argmax(signal))
    values["largest concerted signal"] = block_record(
        concerted[:, row], "1", f"G_d within {SAME_PLACE:g} Å over the density, at {lags[row] * interval:g} ps"
    )
    return values


def _window(curves: FloatArray, middle: int, half: int) -> FloatArray:
    return curves[:, max(middle - half, 0) : middle + half + 1]


def _second_maximum(blocks: FloatArray) -> tuple[float, int, int] | None:
    """Significance, dip and top of the second maximum of block curves (B, R), if there is one."""
    kernel = np.ones(7) / 7
    smooth = np.array([np.convolve(curve, kernel, mode="same") for curve in blocks])
    mean = smooth.mean(axis=0)
    rising = np.flatnonzero((mean[1:-1] > mean[:-2]) & (mean[1:-1] >= mean[2:])) + 1
    if len(rising) == 0:
        return None
    first = int(rising[0])
    rest = mean[first:-3]
    for dip in first + np.flatnonzero((rest[1:-1] <= rest[:-2]) & (rest[1:-1] < rest[2:])) + 1:
        top = int(dip + np.argmax(mean[dip:-3]))
        error = standard_error(smooth[:, [top]] - smooth[:, [dip]])[0]
        rise = float(mean[top] - mean[dip])
        if top > dip and rise > SIGNIFICANT * error and rise > 0.05 * mean[top]:
            return rise / max(float(error), 1e-300), int(dip), top
    return None
