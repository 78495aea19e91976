"""Distributions of tetrahedral angles and angular velocities (Kaiser & Egger 2024, eqs 4 and 5)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.blocks import block_record, frame_blocks, standard_error
from ufpnmr.dynamics.series import frame_interval, frames_left_out
from ufpnmr.dynamics.tetrahedra import Kind, Tetrahedra, angle_triples
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.angles import AngleResult
from ufpnmr.trajectory.frames import Frames
from ufpnmr.units import THZ_IN_PER_CM

__all__ = ["angle_distributions", "low_pass"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LONGEST_INTERVAL = 0.005
"""ps between frames for angular velocities."""
SHORTEST_RUN = 3
"""Periods of the cutoff that a filtered run must hold."""
TRACES = 4
_WORKING_BYTES = 64 << 20
_FS_PER_PS = 1e3


def angle_distributions(
    frames: Frames,
    tetrahedra: Tetrahedra,
    *,
    kind: Kind = "face",
    reference: float | None = None,
    cutoff: float = 5.0,
    filtered: bool = False,
    theta_bin: float = 0.5,
    omega_bin: float = 0.005,
    omega_max: float = 2.0,
    threads: int = 0,
) -> AngleResult:
    """Return the densities of the angles of tetrahedra and of their velocities, with moments.

    Parameters
    ----------
    frames : Frames
        Positions (T, N, 3) Å, equally spaced, at most 5 fs apart for the velocities.
    tetrahedra : Tetrahedra
        From `bonded_tetrahedra`, `lattice_tetrahedra` or `listed_tetrahedra`.
    kind, reference
        Which angles; see `angle_triples`.
    cutoff : float
        Of the low-pass filter of the traces, cm⁻¹ (Kaiser & Egger: 5).
    filtered : bool
        Take the distributions, too, from filtered angles.
    theta_bin, omega_bin, omega_max : float
        Bin widths, degrees and degrees/fs, and the largest velocity in the histogram, degrees/fs.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Returns
    -------
    AngleResult

    Raises
    ------
    InputError
        Frames not equally spaced, run too short for the filter, bins that do not divide their range.

    Notes
    -----
    ω(t) = [θ(t + dt) - θ(t - dt)]/(2 dt) damps a mode of wavenumber ν by sin(x)/x with x = 2πν dt; x is reported for
    the wavenumber below which 99 % of the power of ω lies.
    """
    if frames.time is None:
        raise InputError(f"{frames.source}: time unknown; angular velocities need it")
    interval = frame_interval(frames.time)
    n_frames = len(frames.positions)
    if n_frames < 3:
        raise InputError(f"{frames.source}: expected at least 3 frames for angular velocities, found {n_frames}")
    theta_edges = _edges(0.0, 180.0, theta_bin, "theta_bin")
    omega_edges = _edges(-omega_max, omega_max, omega_bin, "omega_bin")
    triples = angle_triples(frames, tetrahedra, kind, reference)
    if filtered:
        low_pass(np.zeros((n_frames, 1)), interval, cutoff)  # refuse before the long loop
    blocks, inner = frame_blocks(n_frames), frame_blocks(n_frames - 2)
    theta_counts = np.zeros((len(blocks) - 1, len(theta_edges) - 1), dtype=np.int64)
    omega_counts = np.zeros((len(inner) - 1, len(omega_edges) - 1), dtype=np.int64)
    theta_sums, omega_sums = np.zeros((len(blocks) - 1, 5)), np.zeros((len(inner) - 1, 5))
    traces: FloatArray | None = None
    top = 0.0
    for part in _angles(frames, triples, threads):
        if traces is None:
            traces = part[:, :TRACES].copy()
        theta = low_pass(part, interval, cutoff) if filtered else part
        omega = (theta[2:] - theta[:-2]) / (2 * interval * _FS_PER_PS)
        _add(theta, blocks, theta_edges, theta_counts, theta_sums, origin=60.0)
        _add(omega, inner, omega_edges, omega_counts, omega_sums, origin=0.0)
        top = top or _top_wavenumber(omega, interval)
    assert traces is not None
    rho_theta, theta_error = _density(theta_counts, theta_sums, theta_edges)
    rho_omega, omega_error = _density(omega_counts, omega_sums, omega_edges)
    x = 2 * math.pi * top / THZ_IN_PER_CM * interval
    fast = interval > LONGEST_INTERVAL * (1 + 1e-6)
    values = {f"theta {name}": record for name, record in _moments(theta_sums, 60.0, "degree").items()}
    values |= {f"omega {name}": record for name, record in _moments(omega_sums, 0.0, "degree/fs", fast).items()}
    return AngleResult(
        theta=(theta_edges[1:] + theta_edges[:-1]) / 2,
        rho_theta=rho_theta,
        rho_theta_std_error=theta_error,
        omega=(omega_edges[1:] + omega_edges[:-1]) / 2,
        rho_omega=rho_omega,
        rho_omega_std_error=omega_error,
        trace_time=np.asarray(frames.time - frames.time[0]),
        trace_theta=traces.T,
        trace_filtered=_filtered_traces(traces, interval, cutoff).T,
        values=values,
        parameters={
            **frames_left_out(frames),
            "angles": f"{kind} angles, {tetrahedra.name}" + (f", {reference:g}° ± 5°" if reference else ""),
            "n_tetrahedra": len(tetrahedra.corners),
            "n_angles": len(triples),
            "membership_changed": tetrahedra.changed,
            "cutoff_cm": cutoff,
            "filtered": filtered,
            "frame_interval_ps": interval,
            "n_frames": n_frames,
            "top_wavenumber_cm": top,
            "damping_x": x,
            "damping_of_top_mode": math.sin(x) / x if x else 1.0,
            "omega_outside": int(omega_sums[:, 0].sum() - omega_counts.sum()),
        },
        provenance=collect(source=frames.source, analysis="angles"),
    )


def low_pass(series: FloatArray, interval: float, cutoff: float) -> FloatArray:
    """Keep what is slower than a wavenumber.

    The mean is taken off, half a period of the cutoff is reflected at each end, Fourier components above the cutoff are
    set to zero, and the padding is cut off again.

    Parameters
    ----------
    series : ndarray (T, M)
        Equally spaced.
    interval : float
        ps.
    cutoff : float
        cm⁻¹.

    Raises
    ------
    InputError
        The run holds fewer than three periods of the cutoff.
    """
    from scipy import fft

    if not cutoff > 0:
        raise InputError(f"expected a positive cutoff in cm⁻¹, found {cutoff}")
    period = THZ_IN_PER_CM / cutoff
    n_frames = len(series)
    if n_frames * interval < SHORTEST_RUN * period * (1 - 1e-9):
        raise InputError(
            f"a cutoff of {cutoff:g} cm⁻¹ needs a run of three periods, {SHORTEST_RUN * period:.3g} ps; found "
            f"{n_frames * interval:.3g} ps; raise --cutoff or give a longer run"
        )
    pad = round(period / 2 / interval)
    mean = series.mean(axis=0)
    padded = np.pad(series - mean, ((pad, pad), (0, 0)), mode="reflect")
    transform = fft.rfft(padded, axis=0)
    transform[np.fft.rfftfreq(len(padded), interval) * THZ_IN_PER_CM > cutoff] = 0.0
    return np.asarray(fft.irfft(transform, len(padded), axis=0)[pad : pad + n_frames] + mean)


def _angles(frames: Frames, triples: IntArray, threads: int) -> Iterator[FloatArray]:
    """Angles (T, m) in degrees, a bounded number of triples at a time."""
    step = max(TRACES, _WORKING_BYTES // (8 * len(frames.positions)))
    for start in range(0, len(triples), step):
        part = _core.triple_angles(frames.positions, triples[start : start + step], frames.cell, threads)
        yield np.degrees(part)


def _edges(low: float, high: float, width: float, name: str) -> FloatArray:
    bins = round((high - low) / width) if width > 0 else 0
    if bins < 1 or abs(bins * width - (high - low)) > 1e-6 * (high - low):
        raise InputError(f"{name}: expected a width that divides {low:g} to {high:g}, found {width:g}")
    return np.linspace(low, high, bins + 1)


def _add(
    series: FloatArray, blocks: IntArray, edges: FloatArray, counts: IntArray, sums: FloatArray, origin: float
) -> None:
    """Add histogram (B, K) and power sums 0 to 4 about `origin` (B, 5) of series (T, M)."""
    bins = len(edges) - 1
    for b in range(len(blocks) - 1):
        part = series[blocks[b] : blocks[b + 1]].ravel()
        place = np.floor((part - edges[0]) * (bins / (edges[-1] - edges[0]))).astype(np.int64)
        place[part == edges[-1]] = bins - 1
        inside = (place >= 0) & (place < bins)
        counts[b] += np.bincount(place[inside], minlength=bins)
        centred = part - origin
        powers = centred.copy()
        sums[b, 0] += len(part)
        for order in range(1, 5):
            sums[b, order] += powers.sum()
            powers *= centred


def _density(counts: IntArray, sums: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    width = edges[1] - edges[0]
    blocks = counts / (sums[:, :1] * width)
    return counts.sum(axis=0) / (sums[:, 0].sum() * width), standard_error(blocks)


def _moments(sums: FloatArray, origin: float, unit: str, undersampled: bool = False) -> dict[str, Record]:
    """Mean, standard deviation, skewness and excess kurtosis from the power sums of each block."""
    numbers = np.array([_shape(row, origin) for row in sums])
    whole = _shape(sums.sum(axis=0), origin)
    records = {}
    for k, (name, kind) in enumerate(
        {"mean": unit, "standard deviation": unit, "skewness": "1", "excess kurtosis": "1"}.items()
    ):
        if undersampled:
            records[name] = Record(None, kind, "refused: frames more than 5 fs apart", status="undersampled")
            continue
        # the moment of the whole run; the blocks give its error
        blocks = numbers[:, k] - numbers[:, k].mean() + whole[k]
        records[name] = block_record(blocks, kind, "moment of the whole run")
    return records


def _shape(sums: FloatArray, origin: float) -> tuple[float, float, float, float]:
    n = sums[0]
    m1, m2, m3, m4 = sums[1:] / n
    variance = max(m2 - m1**2, 0.0)
    deviation = math.sqrt(variance)
    if deviation < 1e-9:
        return origin + m1, deviation, 0.0, 0.0
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    return origin + m1, deviation, third / deviation**3, fourth / variance**2 - 3.0


def _top_wavenumber(omega: FloatArray, interval: float) -> float:
    """Wavenumber below which 99 % of the power of the angular velocities lies, cm⁻¹."""
    from scipy import fft

    part = omega[:, :64] - omega[:, :64].mean(axis=0)
    taper = np.sin(np.pi * np.arange(len(part)) / len(part)) ** 2
    power = (np.abs(fft.rfft(part * taper[:, None], axis=0)) ** 2).sum(axis=1)
    if not power.sum() > 0:
        return 0.0
    place = int(np.searchsorted(np.cumsum(power) / power.sum(), 0.99))
    return float(np.fft.rfftfreq(len(part), interval)[min(place, len(power) - 1)] * THZ_IN_PER_CM)


def _filtered_traces(traces: FloatArray, interval: float, cutoff: float) -> FloatArray:
    try:
        return low_pass(traces, interval, cutoff)
    except InputError:
        return np.full_like(traces, np.nan)
