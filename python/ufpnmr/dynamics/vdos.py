"""Vibrational density of states and band centre (Kaiser & Egger 2024, eqs 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ufpnmr import _core, statistics
from ufpnmr.dynamics.blocks import block_means, frame_blocks, standard_error
from ufpnmr.dynamics.series import frame_interval, frames_left_out
from ufpnmr.dynamics.velocities import mass_centred
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.vdos import VDOSResult
from ufpnmr.trajectory.frames import Frames
from ufpnmr.units import BOLTZMANN_EV, EV_PER_U_ANGSTROM2_PER_PS2, THZ_IN_PER_CM

__all__ = ["smooth", "vibrational_density_of_states"]

FloatArray = npt.NDArray[np.float64]
Norm = Literal["dof", "paper", "unit"]

NORM_UNITS = {"dof": "states per cm^-1", "paper": "u/(angstrom ps)", "unit": "cm"}
LONGEST_INTERVAL = 0.010
"""ps between frames: Nyquist's 1668 cm⁻¹ is then more than twice the highest mode of these solids."""


def vibrational_density_of_states(
    frames: Frames,
    *,
    elements: Sequence[str] | None = None,
    norm: Norm = "dof",
    temperature: float | None = None,
    segment: float = 16.7,
    limits: tuple[float, float] | None = None,
    smoothing: float = 15.0,
    order: int = 3,
    threads: int = 0,
) -> VDOSResult:
    """Return the spectrum of the velocities of each element and its mean wavenumber.

    Parameters
    ----------
    frames : Frames
        All atoms, at most 10 fs apart; with velocities (Å/ps), else central differences of the positions are taken.
    elements : sequence of str, optional
        Default all.
    norm : {"dof", "paper", "unit"}
        "dof": g = 2 m P/(k_B T), whose integral over 0 to infinity is 3 N and whose value at zero is 12 m N D/(k_B T),
        per cm⁻¹. "paper": N m F{VACF}/V, eq. 2 as printed, u/(Å ps). "unit": integral 1.
    temperature : float, optional
        K, for "dof"; default the kinetic temperature of the atoms. Needed with positions alone.
    segment : float
        Length of a segment, ps; bins are 33.36/segment cm⁻¹ wide.
    limits : (float, float), optional
        Limits of the band centre, cm⁻¹; default 0 to the end of the spectrum.
    smoothing : float
        Window of the Savitzky-Golay filter, cm⁻¹ (Kaiser & Egger: 15).
    order : int
        Order of its polynomial (not given there; ours).
    threads : int
        Threads of the Fourier transforms; 0 for all.

    Returns
    -------
    VDOSResult
        Spectra with block errors, smoothed copies, autocorrelation functions, band centres.

    Raises
    ------
    InputError
        Frames not equally spaced, run shorter than a segment, segment too short for the filter, no temperature,
        positions too coarse.

    Notes
    -----
    P is the two-sided power per frequency summed over atoms and components: the mean periodogram of Hann-tapered
    segments that overlap by half, which equals the transform of the tapered autocorrelation (Wiener-Khinchin). The
    velocity of the centre of mass is subtracted first. Central differences damp the amplitude by sin(x)/x with
    x = 2πν dt; that is divided out and the spectrum ends at half of Nyquist's frequency.
    """
    if frames.time is None:
        raise InputError(f"{frames.source}: time unknown; a spectrum needs it")
    if norm not in NORM_UNITS:
        raise InputError(f"norm: expected one of {', '.join(NORM_UNITS)}, found {norm!r}")
    interval = frame_interval(frames.time)
    moving = mass_centred(frames, interval, temperature)
    if norm == "dof" and moving.temperature is None:
        raise InputError(
            f"{frames.source}: no velocities to take the temperature from, or none of known unit (--log or "
            "`dump_modify ID units yes` tells it); give --temperature"
        )
    length = round(segment / interval)
    n_frames = len(moving.values)
    if length < 8 or n_frames < length:
        raise InputError(
            f"expected at least one segment of {segment:g} ps ({length} frames), found {n_frames} frames; "
            "give a shorter --segment or a longer run"
        )
    nu = np.fft.rfftfreq(length, interval) * THZ_IN_PER_CM
    kept = nu <= 0.5 * nu[-1] if moving.differenced else np.ones(len(nu), dtype=bool)
    nu = nu[kept]
    low, high = _limits(limits, nu)
    smooth(nu, nu, smoothing, order)  # refuse before the long loop
    names = list(elements) if elements is not None else np.unique(frames.elements).tolist()
    spectra, errors, correlations = [], [], []
    values: dict[str, Record] = {}
    parameters: dict[str, Any] = {}
    for name in names:
        atoms = frames.of(name)
        mass = float(frames.masses[atoms[0]])
        part = moving.values[:, atoms]
        power = np.stack(list(_periodograms(part, length, interval, threads)))[:, kept]
        if moving.differenced:
            power /= np.sinc(2 * nu / THZ_IN_PER_CM * interval) ** 2
        g = power * _factor(norm, mass, moving.temperature, frames, nu, power)
        blocks = frame_blocks(len(g))
        g_blocks = block_means(g, blocks)
        spectra.append(g.mean(axis=0))
        errors.append(standard_error(g_blocks))
        correlations.append(_autocorrelation(part, length))
        undersampled = interval > LONGEST_INTERVAL * (1 + 1e-6)
        values[f"{name} band centre"] = _band_centre(nu, g_blocks, low, high, undersampled)
        values[f"{name} band centre, half the limit"] = _band_centre(nu, g_blocks, low, high / 2, undersampled)
        tail = values[f"{name} band centre"].value, values[f"{name} band centre, half the limit"].value
        if tail[0] is not None and tail[1] is not None:
            parameters[f"{name}_change_when_limit_halved_cm"] = tail[1] - tail[0]
    g_all = np.array(spectra)
    return VDOSResult(
        elements=np.array(names),
        nu=nu,
        g=g_all,
        g_std_error=np.array(errors),
        g_smooth=smooth(nu, g_all, smoothing, order),
        lag=np.asarray(np.arange(length) * interval, dtype=np.float64),
        vacf=np.array(correlations),
        values=values,
        parameters={
            **frames_left_out(frames),
            "norm": norm,
            "norm_unit": NORM_UNITS[norm],
            "velocities": "central differences of positions" if moving.differenced else "from the trajectory",
            "temperature_K": moving.temperature,
            "frame_interval_ps": interval,
            "n_frames": n_frames,
            "n_segments": len(g),
            "segment_ps": length * interval,
            "bin_cm": float(nu[1]),
            "limits_cm": [low, high],
            "smoothing_cm": smoothing,
            "smoothing_order": order,
            **parameters,
        },
        provenance=collect(source=frames.source, analysis="vdos"),
    )


def smooth(nu: FloatArray, g: FloatArray, window: float, order: int) -> FloatArray:
    """Savitzky-Golay filter of spectra (..., F) over `window` cm⁻¹: the nearest odd number of bins, at least order + 2.

    Raises
    ------
    InputError
        The spectrum has fewer bins than that, or the window is narrower than the smallest filter by more than half.
    """
    from scipy.signal import savgol_filter

    width = float(nu[1] - nu[0])
    smallest = order + 2 if (order + 2) % 2 else order + 3
    bins = 2 * round((window / width - 1) / 2) + 1
    if order < 0 or bins < smallest or bins > len(nu):
        raise InputError(
            f"a filter of {window:g} cm⁻¹ and order {order} needs bins of at most {window / smallest:.2g} cm⁻¹, found "
            f"{width:.2g}; give a longer --segment (33.36 ps per cm⁻¹)"
        )
    return np.asarray(savgol_filter(g, bins, order, axis=-1))


def _periodograms(part: npt.NDArray[Any], length: int, interval: float, threads: int) -> Iterator[FloatArray]:
    """Two-sided power per THz (F,) of each segment, summed over atoms and components, Å²/ps."""
    from scipy import fft

    taper = np.sin(np.pi * np.arange(length) / length) ** 2
    weight = interval / float((taper**2).sum())
    for start in range(0, len(part) - length + 1, max(1, length // 2)):
        tapered = part[start : start + length] * taper[:, None, None]
        transform = fft.rfft(tapered, axis=0, workers=threads or _core.threads())
        yield weight * (transform.real**2 + transform.imag**2).sum(axis=(1, 2))


def _factor(
    norm: str, mass: float, temperature: float | None, frames: Frames, nu: FloatArray, power: FloatArray
) -> float:
    if norm == "paper":
        return mass / float(frames.volume.mean())
    if norm == "unit":
        return 1 / float(_integral(nu, power.mean(axis=0), nu[0], nu[-1])[0])
    assert temperature is not None
    return 2 * mass * EV_PER_U_ANGSTROM2_PER_PS2 / (BOLTZMANN_EV * temperature) / THZ_IN_PER_CM


def _limits(limits: tuple[float, float] | None, nu: FloatArray) -> tuple[float, float]:
    if limits is None:
        return 0.0, float(nu[-1])
    low, high = limits
    if not (0 <= low < high <= nu[-1] * (1 + 1e-9)):
        raise InputError(f"limits: expected 0 <= low < high <= {nu[-1]:.6g} cm⁻¹, found {low:g} and {high:g}")
    return float(low), float(high)


def _integral(nu: FloatArray, g: FloatArray, low: float, high: float) -> tuple[float, float]:
    """Return ∫ g dν and ∫ ν g dν between the limits by trapezia, the ends interpolated."""
    inside = (nu > low) & (nu < high)
    x = np.concatenate([[low], nu[inside], [high]])
    y = np.interp(x, nu, g)
    return float(np.trapezoid(y, x)), float(np.trapezoid(x * y, x))


def _band_centre(nu: FloatArray, blocks: FloatArray, low: float, high: float, undersampled: bool) -> Record:
    method = f"mean wavenumber of the unsmoothed spectrum from {low:g} to {high:g} cm⁻¹"
    sums = np.array([_integral(nu, g, low, high) for g in blocks])
    if undersampled:
        return Record(None, "cm^-1", f"{method}; refused: frames more than 10 fs apart", status="undersampled")
    if len(sums) < 3:
        value = float(sums[:, 1].sum() / sums[:, 0].sum())
        return Record(value, "cm^-1", f"{method}; too few segments for an interval", status="few_events")
    found = statistics.ratio_interval(sums[:, 1], sums[:, 0])
    method = f"{method}; 95 %: jackknife over {len(sums)} time blocks, log-t"
    return Record(found.value, "cm^-1", method, found.low, found.high, found.std_error, n_eff=len(sums))


def _autocorrelation(part: npt.NDArray[Any], length: int) -> FloatArray:
    """Mean over atoms and origins of v(t + lag) v(t) at lags below the segment's length, Å²/ps²."""
    n_frames, n_atoms = part.shape[:2]
    sums = np.zeros(length)
    for atom in range(n_atoms):
        sums += statistics.autocorrelation_sums(part[:, atom], axis=0)[:length].sum(axis=1)
    return np.asarray(sums / (n_atoms * np.arange(n_frames, n_frames - length, -1)))
