"""Pair correlation functions by pair of elements (Kaiser & Egger 2024, eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.blocks import block_means, block_record, frame_blocks, standard_error
from ufpnmr.dynamics.series import frames_left_out
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.rdf import RDFResult
from ufpnmr.trajectory.frames import Frames

__all__ = ["pair_correlation", "shell_edges"]

FloatArray = npt.NDArray[np.float64]
Norm = Literal["g", "paper", "density"]

NORMS = ("g", "paper", "density")
SHOULDER = 1.2
"""The first peak is the first maximum of g that is this far above 1 (of the largest, where none is)."""


def pair_correlation(
    frames: Frames,
    *,
    r_max: float = 10.0,
    dr: float = 0.05,
    pairs: Sequence[tuple[str, str]] | None = None,
    norm: Norm = "g",
    threads: int = 0,
) -> RDFResult:
    """Return g(r) and the running coordination number n(r) of pairs of elements.

    Parameters
    ----------
    frames : Frames
        Positions (T, N, 3) Å and cells (T, 3, 3) Å; wrapped or not.
    r_max : float
        Largest distance, Å. It may exceed half of the cell: periodic images are enumerated.
    dr : float
        Width of a shell, Å.
    pairs : sequence of (str, str), optional
        Elements A and B; default every pair.
    norm : {"g", "paper", "density"}
        "g": tends to 1. "paper": eq. 1 as printed, without the volume, in Å⁻³: tends to 1/V. "density": number density
        of B at a distance from A, ρ_B g, in Å⁻³.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Returns
    -------
    RDFResult
        Curves with the standard error of ten time blocks, first peak, first minimum and coordination number.

    Raises
    ------
    InputError
        No such element, r_max or dr not positive or of no whole number of shells.

    Notes
    -----
    g_AB(r_k) = <V n_k>/(N_A N_B' V_k) with the pairs n_k in shell k, V_k = 4π/3 (r_{k+1}³ - r_k³), the volume V of
    the frame, and N_B' = N_B - δ_AB. An atom is not its own neighbour at zero distance; its images are.
    """
    edges = shell_edges(r_max, dr)
    if norm not in NORMS:
        raise InputError(f"norm: expected one of {', '.join(NORMS)}, found {norm!r}")
    named = _pairs(frames, pairs)
    n_frames = len(frames.positions)
    blocks = frame_blocks(n_frames)
    shells = 4 * np.pi / 3 * np.diff(edges**3)
    middle = (edges[1:] + edges[:-1]) / 2
    size = (len(named), len(middle))
    g, g_error, n, n_error = (np.empty(size) for _ in range(4))
    values: dict[str, Record] = {}
    for row, (a, b) in enumerate(named):
        counts = _core.pair_histogram(
            frames.positions[:, frames.of(a)],
            frames.positions[:, frames.of(b)],
            frames.cell,
            a == b,
            r_max,
            len(middle),
            threads,
        )
        n_a, n_b = len(frames.of(a)), len(frames.of(b)) - (a == b)
        scale = {"g": frames.volume, "paper": np.ones(n_frames), "density": np.full(n_frames, float(n_b))}[norm]
        per_pair = 1 / (n_a * n_b) if n_b else 0.0
        weighted, within = counts * scale[:, None] * per_pair / shells, np.cumsum(counts, axis=1) / n_a
        g[row], n[row] = weighted.mean(axis=0), within.mean(axis=0)
        block_g, block_n = block_means(weighted, blocks), block_means(within, blocks)
        g_error[row], n_error[row] = standard_error(block_g), standard_error(block_n)
        flat = n_b / frames.volume.mean() if norm == "density" else 1.0 if norm == "g" else 1 / frames.volume.mean()
        values.update(_first_shell(f"{a}-{b}", middle, edges, block_g / flat, block_n))
    return RDFResult(
        pairs=np.array(named),
        r=middle,
        g=g,
        g_std_error=g_error,
        n=n,
        n_std_error=n_error,
        values=values,
        parameters={
            **frames_left_out(frames),
            "norm": norm,
            "norm_unit": "1" if norm == "g" else "angstrom^-3",
            "r_max": r_max,
            "dr": dr,
            "n_frames": n_frames,
            "n_blocks": len(blocks) - 1,
            "atoms": {str(e): int((frames.elements == e).sum()) for e in np.unique(frames.elements)},
            "mean_volume_A3": float(frames.volume.mean()),
        },
        provenance=collect(source=frames.source, analysis="rdf"),
    )


def shell_edges(r_max: float, dr: float) -> FloatArray:
    """Return the edges (R + 1,) of shells of width `dr` from 0 to `r_max`, Å."""
    if not (np.isfinite([r_max, dr]).all() and 0 < dr < r_max):
        raise InputError(f"expected 0 < dr < r_max, found dr {dr}, r_max {r_max} Å")
    bins = round(r_max / dr)
    if abs(bins * dr - r_max) > 1e-6 * r_max:
        raise InputError(f"expected r_max to be a multiple of dr, found {r_max} and {dr} Å")
    return np.linspace(0.0, r_max, bins + 1)


def _pairs(frames: Frames, pairs: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    if pairs is None:
        return list(combinations_with_replacement(np.unique(frames.elements).tolist(), 2))
    if not pairs:
        raise InputError("expected at least one pair of elements, found none")
    for element in {element for pair in pairs for element in pair}:
        frames.of(element)
    return [(a, b) for a, b in pairs]


def _first_shell(
    name: str, r: FloatArray, edges: FloatArray, block_g: FloatArray, block_n: FloatArray
) -> dict[str, Record]:
    """First peak, first minimum and coordination number from the blocks' own extrema; nothing where g has no peak."""
    mean = block_g.mean(axis=0)
    peak = _first_peak(mean)
    method = "local parabola of g(r)"
    if peak is None:
        return {}
    found = {f"{name} first peak": _extremum(r, block_g, peak, 1, method)}
    dip = _first_dip(mean, peak)
    if dip is None:
        return found
    found[f"{name} first minimum"] = _extremum(r, block_g, dip, -1, method)
    inside = np.array([np.interp(r[dip], edges[1:], n) for n in block_n])
    found[f"{name} coordination"] = block_record(inside, "1", f"n(r) at the first minimum, {r[dip]:.2f} Å")
    return found


def _first_peak(mean: FloatArray) -> int | None:
    """First local maximum that towers over an ideal gas and over the noise of the neighbouring shells."""
    threshold = SHOULDER if mean.max(initial=0.0) > SHOULDER else 0.999 * mean.max(initial=0.0)
    smooth = np.convolve(mean, np.ones(5) / 5, mode="same")
    inner = np.arange(2, len(mean) - 2)
    tops = [k for k in inner if smooth[k] >= threshold and smooth[k] >= smooth[k - 2 : k + 3].max() and smooth[k] > 0]
    if not tops:
        return None
    return int(tops[0] - 2 + np.argmax(mean[tops[0] - 2 : tops[0] + 3]))


def _first_dip(mean: FloatArray, peak: int) -> int | None:
    """Lowest shell between the first peak and the first return to the mean of the two after it."""
    after = mean[peak:]
    smooth = np.convolve(after, np.ones(5) / 5, mode="same")
    for k in range(2, len(after) - 4):
        if smooth[k] < 0.9 * after[0] and smooth[k] <= smooth[k - 2 : k + 5].min():
            low = max(k - 2, 0)
            return peak + low + int(np.argmin(after[low : k + 3]))
    return None


def _extremum(r: FloatArray, block_g: FloatArray, at: int, sign: int, method: str) -> Record:
    """Vertex of the parabola through the shells around `at`, in each block."""
    half = 3
    window = slice(max(at - half, 0), at + half + 1)
    x = r[window] - r[at]

    def vertex(curve: FloatArray) -> float:
        square, slope, _ = np.polyfit(x, sign * curve[window], 2)
        return float(np.clip(-slope / (2 * square), x[0], x[-1])) if square < 0 else 0.0

    return block_record(r[at] + np.array([vertex(curve) for curve in block_g]), "angstrom", method)
