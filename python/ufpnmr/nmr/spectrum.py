"""Static and magic-angle-spinning powder spectra, first order, of tensors averaged by fast motion.

The transition m -> m - 1 lies at κ b·V·b · 3(2m - 1)/[4I(2I - 1)] with intensity I(I + 1) - m(m - 1). Motion is fast or
absent: exchange at rates comparable with the width is not in these lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError
from ufpnmr.isotopes import Isotope
from ufpnmr.isotopes import isotope as find_isotope
from ufpnmr.nmr.frequencies import coupling, quadrupolar_product
from ufpnmr.nmr.quadrature import sphere_rule
from ufpnmr.results.spectrum import SpectrumResult

if TYPE_CHECKING:
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["powder_lines", "spectrum", "spinning_lines", "transitions"]

FloatArray = npt.NDArray[np.float64]

_STATIC_DEGREE = 200
_SPINNING_DEGREE = 47
_POINTS = 2048
_FWHM = 2 * math.sqrt(2 * math.log(2))
_MARGIN = 1.25


def transitions(spin: float) -> tuple[FloatArray, FloatArray]:
    """Return shifts over κ b·V·b (2I,) and normalised intensities (2I,) of m -> m - 1, m = I ... 1 - I."""
    m = spin - np.arange(round(2 * spin))
    intensity = spin * (spin + 1) - m * (m - 1)
    return np.asarray(3 * (2 * m - 1) / (4 * spin * (2 * spin - 1))), np.asarray(intensity / intensity.sum())


def powder_lines(tensors: FloatArray, kappa: float, degree: int = _STATIC_DEGREE) -> tuple[FloatArray, FloatArray]:
    """Return κ b·V·b over field directions, (N, D) kHz, and the weights of the directions (D,).

    Parameters
    ----------
    tensors : ndarray (N, 6), V/Å²
    kappa : float
        kHz per V/Å².
    degree : int
        Of the sphere rule.
    """
    b, weights = sphere_rule(degree)
    x, y, z = b.T
    return kappa * tensors @ np.array([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z]), weights


def spinning_lines(
    tensors: FloatArray, kappa: float, factor: float, spinning: float, degree: int = _SPINNING_DEGREE
) -> tuple[FloatArray, FloatArray]:
    """Return orders n (J,) and intensities (J,), of sum 1, of the spinning sidebands at n ν_r of one transition.

    In the rotor b(t) = (n + √2 e1 cos ω_r t + √2 e2 sin ω_r t)/√3; averaged over the third Euler angle the intensity of
    a sideband is ``|∫ exp(iΦ) exp(-i n ω_r t) dt|²`` with Φ the phase of the transition (Levitt, J. Magn. Reson. 82,
    427 (1989)).

    Parameters
    ----------
    tensors : ndarray (N, 6), V/Å²
    kappa : float
        kHz per V/Å².
    factor : float
        Shift of the transition over κ b·V·b.
    spinning : float
        ν_r, kHz.
    degree : int
        Of the rule for the rotor axis in the axes of V.
    """
    axis, weights = sphere_rule(degree)
    helper = np.where(np.abs(axis[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    e1 = np.cross(axis, helper)
    e1 /= np.linalg.norm(e1, axis=1)[:, None]
    e2 = np.cross(axis, e1)
    largest = abs(kappa * factor) * float(np.sqrt(np.max(tensors**2 @ [1, 1, 1, 2, 2, 2.0])))
    n = 1 << max(4, math.ceil(math.log2(8 * (largest / spinning + 2))))
    turn = 2 * math.pi * np.arange(n) / n
    total = np.zeros(n)
    for v in tensors:
        matrix = v[[[0, 3, 4], [3, 1, 5], [4, 5, 2]]] * kappa * factor
        c1 = np.einsum("da,ab,db->d", axis, matrix, e1) * (2 * math.sqrt(2) / 3)
        s1 = np.einsum("da,ab,db->d", axis, matrix, e2) * (2 * math.sqrt(2) / 3)
        c2 = (np.einsum("da,ab,db->d", e1, matrix, e1) - np.einsum("da,ab,db->d", e2, matrix, e2)) / 3
        s2 = np.einsum("da,ab,db->d", e1, matrix, e2) * (2 / 3)
        phase = np.outer(c1, np.sin(turn)) + np.outer(s1, 1 - np.cos(turn))
        phase += (np.outer(c2, np.sin(2 * turn)) + np.outer(s2, 1 - np.cos(2 * turn))) / 2
        bands = np.abs(np.fft.fft(np.exp(1j * phase / spinning), axis=1) / n) ** 2
        total += weights @ bands
    return np.asarray(np.fft.fftfreq(n, 1 / n)), np.asarray(total / len(tensors))


def _lines(
    tensors: FloatArray, nucleus: Isotope, spinning: float
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Return positions (J,) kHz, intensities (J,) of sum 1, and which of them belong to the central line."""
    positions, intensities, central = [], [], []
    for factor, intensity in zip(*transitions(nucleus.spin), strict=True):
        if factor == 0:
            where, height = np.zeros(1), np.ones(1)
        elif spinning:
            order, height = spinning_lines(tensors, nucleus.coupling_khz, factor, spinning)
            where = order * spinning
        else:
            frequencies, weights = powder_lines(tensors, nucleus.coupling_khz)
            where = (frequencies * factor).ravel()
            height = np.tile(weights / len(tensors), len(tensors))
        positions.append(where)
        intensities.append(height * intensity)
        central.append(np.full(len(where), factor == 0))
    return np.concatenate(positions), np.concatenate(intensities), np.concatenate(central)


def _folded(grid: FloatArray, positions: FloatArray, intensities: FloatArray, fwhm: float) -> FloatArray:
    """Return lines on a grid, shared linearly between neighbouring points and folded with a Gaussian."""
    from scipy.ndimage import gaussian_filter1d

    step = grid[1] - grid[0]
    index = (positions - grid[0]) / step
    left = np.floor(index).astype(int)
    part = index - left
    out = np.bincount(left, intensities * (1 - part), len(grid)) + np.bincount(left + 1, intensities * part, len(grid))
    return np.asarray(gaussian_filter1d(out, fwhm / _FWHM / step, mode="constant") / step)


def _half_width(grid: FloatArray, intensity: FloatArray) -> float:
    above = grid[intensity >= intensity.max() / 2]
    return float(above[-1] - above[0])


def spectrum(
    series: Sequence[TensorSeries],
    *,
    isotope: str | Isotope = "7Li",
    temperatures: Sequence[float] | None = None,
    spinning: float = 0.0,
    broadening: float | None = None,
    average: float | None = None,
) -> SpectrumResult:
    """Return the powder spectrum of each tensor series, all transitions, first order.

    Parameters
    ----------
    series : sequence of TensorSeries
        One per temperature.
    isotope : str or Isotope
    temperatures : sequence of float, optional
        K.
    spinning : float
        Magic-angle spinning frequency, kHz; 0 for a static powder.
    broadening : float, optional
        Gaussian full width, kHz; default 1 % of the largest P_Q (static) or a tenth of the spinning frequency.
    average : float, optional
        Time over which motion averages a tensor, ps; default the whole series.

    Returns
    -------
    SpectrumResult
    """
    if not series:
        raise InputError("expected at least one tensor series")
    kelvin = np.full(len(series), np.nan) if temperatures is None else np.asarray(temperatures, dtype=np.float64)
    if kelvin.shape != (len(series),) or (kelvin <= 0).any():
        raise InputError(f"expected one temperature above 0 K per series, found {temperatures} for {len(series)}")
    if not spinning >= 0 or not math.isfinite(spinning):
        raise InputError(f"expected a spinning frequency of at least 0 kHz, found {spinning}")
    nucleus = find_isotope(isotope)
    sets = [_averaged(one, average) for one in series]
    products = [quadrupolar_product(v, nucleus) for v in sets]
    largest = max(float(np.abs(p).max()) for p in products)
    if largest == 0:
        raise InputError("expected tensors that do not vanish on average, found none")
    fwhm = broadening if broadening is not None else (spinning / 10 if spinning else largest / 100)
    if not fwhm > 0:
        raise InputError(f"expected a broadening above 0 kHz, found {broadening}")
    lines = [_lines(v, nucleus, spinning) for v in sets]
    edge = max(float(np.abs(p[h > 1e-9 * h.max()]).max()) for p, h, _ in lines) * _MARGIN + 5 * fwhm
    points = max(_POINTS, 2 * math.ceil(8 * edge / fwhm))
    grid = np.linspace(-edge, edge, points)
    seen = [np.abs(p) < edge - fwhm for p, _, _ in lines]
    whole = [_folded(grid, p[s], h[s], fwhm) for (p, h, _), s in zip(lines, seen, strict=True)]
    satellites = [_folded(grid, p[s & ~c], h[s & ~c], fwhm) for (p, h, c), s in zip(lines, seen, strict=True)]
    c_q, eta = coupling(sets[0], nucleus)
    averaging = "the whole series" if average is None else f"blocks of {average:g} ps"
    parameters = {"average_ps": average, "n_tensors": [len(v) for v in sets], "engine": series[0].engine}
    n_ions = len(series[0].ids)
    return SpectrumResult(
        isotope={
            "name": nucleus.name,
            "spin": nucleus.spin,
            "quadrupole_moment_mb": nucleus.quadrupole_moment_mb,
            "source": nucleus.source,
        },
        spinning=float(spinning),
        broadening=fwhm,
        averaging=averaging,
        warnings=["first order; motion much faster than the width, or none: no exchange line shapes"],
        temperature=kelvin,
        frequency=grid,
        intensity=np.array(whole),
        second_moment=np.array([float(h @ p**2) for p, h, _ in lines]),
        width=np.array([_half_width(grid, s) for s in satellites]),
        rms_coupling=np.array([math.sqrt(float(np.mean(p**2))) for p in products]),
        c_q=c_q,
        eta=eta,
        ids=np.tile(np.asarray(series[0].ids), len(sets[0]) // n_ions),
        parameters=parameters,
        provenance=provenance.collect(**parameters),  # type: ignore[arg-type]
    )


def _averaged(series: TensorSeries, average: float | None) -> FloatArray:
    """Return mean tensors (n, 6) of every ion, over the series or over blocks of `average` ps."""
    V = np.asarray(series.V)
    if not V.size or not np.isfinite(V).all():
        raise InputError("expected finite tensors of at least one ion")
    frames = len(V) if average is None else round(average / series.interval)
    if not 1 <= frames <= len(V):
        raise InputError(
            f"expected an averaging time between one frame and the series of {len(V)} frames, found {average} ps"
        )
    blocks = len(V) // frames
    means = V[: blocks * frames].reshape(blocks, frames, -1, 6).mean(axis=1, dtype=np.float64)
    return np.asarray(means.reshape(-1, 6))
