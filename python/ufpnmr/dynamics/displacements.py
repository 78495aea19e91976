"""Sums of squared displacements over time origins: by FFT at every lag, directly over blocks of origins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.series import Paths, ion_series

__all__ = ["DIRECT_LAGS", "block_sums", "displacement_curve", "ion_curves"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DIRECT_LAGS = 32
"""Lags below this are summed directly: the terms of the FFT formula cancel there."""


def ion_curves(paths: Paths, threads: int = 0) -> FloatArray:
    """Return the mean-square displacement of each ion over all origins at every lag.

    Parameters
    ----------
    paths : IonPaths
        Positions (T, N, 3), Å.
    threads : int
        Threads of transforms and direct sums; 0 for all.

    Returns
    -------
    ndarray (N, T)
        Lags 0 ... T-1, Å².

    Notes
    -----
    MSD(k) = [sum over t of x(t)² + x(t+k)² - 2 x(t) x(t+k)]/(T - k), the product by one real FFT per component and one
    inverse per ion; the first 32 lags, where the terms cancel, directly.
    """
    n_frames, n_ions = paths.positions.shape[:2]
    curves = np.empty((n_ions, n_frames))
    for ions, series in ion_series(paths.positions):
        for row, one in zip(curves[ions], series, strict=True):
            kept, power = _ends_and_power(one, threads)
            row[:] = kept.sum(axis=0) - 2 * _inverse(power.sum(axis=0), n_frames)
        curves[ions] /= np.arange(n_frames, 0, -1)
        direct = _direct(series, threads)
        curves[ions, : direct.shape[1]] = direct.sum(axis=2)
    return np.maximum(curves, 0.0, out=curves)


def displacement_curve(paths: Paths, threads: int = 0) -> FloatArray:
    """Return the mean-square displacement over all ions and origins along each axis at every lag.

    As `ion_curves`, but power spectra are summed over ions before one inverse transform per axis.

    Returns
    -------
    ndarray (T, 3)
        Along each axis, lags 0 ... T-1, Å².
    """
    n_frames, n_ions = paths.positions.shape[:2]
    direct = np.zeros((min(DIRECT_LAGS, n_frames), 3))
    kept, power = np.zeros((3, n_frames)), np.zeros(0)
    for _, series in ion_series(paths.positions):
        direct += _direct(series, threads).sum(axis=0)
        for one in series:
            ends, spectrum = _ends_and_power(one, threads)
            kept += ends
            power = spectrum if not power.size else power + spectrum
    sums = kept - 2 * _inverse(power, n_frames)
    curve: FloatArray = np.maximum(sums / np.arange(n_frames, 0, -1), 0.0).T
    curve[: len(direct)] = direct
    curve /= n_ions
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


def _direct(series: FloatArray, threads: int) -> FloatArray:
    """Return means (n, K, 3) over all origins at the first lags."""
    n_frames = series.shape[2]
    lags = np.arange(min(DIRECT_LAGS, n_frames))
    edges = np.stack([np.zeros_like(lags), n_frames - lags], axis=1)
    sums: FloatArray = _core.displacement_sums(series, lags, edges, threads)[:, :, 0, :3]
    sums /= (n_frames - lags)[:, None]
    return sums


def _ends_and_power(series: FloatArray, threads: int) -> tuple[FloatArray, FloatArray]:
    """Return the sums (3, T) of x(t)² + x(t+k)² and the power spectra (3, F) of one ion's series (3, T)."""
    from scipy import fft

    n_frames = series.shape[1]
    # centred: what is subtracted in the end is then as small as it can be
    centred = series - series.mean(axis=1, keepdims=True)
    squares = np.zeros((3, n_frames + 1))
    np.cumsum(centred**2, axis=1, out=squares[:, 1:])
    ends = squares[:, n_frames:0:-1] + squares[:, -1:] - squares[:, :n_frames]
    transform = fft.rfft(centred, fft.next_fast_len(2 * n_frames - 1, real=True), axis=1, workers=threads or None)
    return ends, transform.real**2 + transform.imag**2


def _inverse(power: FloatArray, n_frames: int) -> FloatArray:
    from scipy import fft

    sums: FloatArray = fft.irfft(power, fft.next_fast_len(2 * n_frames - 1, real=True), axis=-1)[..., :n_frames]
    return sums
