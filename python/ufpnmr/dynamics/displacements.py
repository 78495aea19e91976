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
    origins = np.arange(n_frames, 0, -1)
    for ions, series in ion_series(paths.positions):
        direct = _direct(series, threads).sum(axis=2)
        # centred: what is subtracted below is then as small as it can be
        series -= series.mean(axis=2, keepdims=True)
        for row, one in zip(curves[ions], series, strict=True):
            squares = np.einsum("at,at->t", one, one)
            products = _products(_squared_transform(one, threads).sum(axis=0), n_frames)
            np.subtract(_ends(squares), 2 * products, out=row)
            row /= origins
        curves[ions, : direct.shape[1]] = direct
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
    squares, power = np.zeros((3, n_frames)), np.zeros(0)
    for _, series in ion_series(paths.positions):
        direct += _direct(series, threads).sum(axis=0)
        series -= series.mean(axis=2, keepdims=True)
        squares += np.einsum("iat,iat->at", series, series)
        for one in series:
            spectrum = _squared_transform(one, threads)
            power = spectrum if not power.size else np.add(power, spectrum, out=power)
    sums = _ends(squares) - 2 * _products(power, n_frames)
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


def _ends(squares: FloatArray) -> FloatArray:
    """Return the sums over origins of x(t)² + x(t+k)² at every lag k from squares (..., T)."""
    total = np.zeros((*squares.shape[:-1], squares.shape[-1] + 1))
    np.cumsum(squares, axis=-1, out=total[..., 1:])
    return np.asarray(total[..., :0:-1] + total[..., -1:] - total[..., :-1], dtype=np.float64)


def _squared_transform(series: FloatArray, threads: int) -> FloatArray:
    """Return squared real and imaginary parts, alternating, of the padded transform of each component (3, 2 F)."""
    from scipy import fft

    length = fft.next_fast_len(2 * series.shape[1] - 1, real=True)
    parts: FloatArray = fft.rfft(series, length, axis=1, workers=threads or None).view(np.float64)
    return np.multiply(parts, parts, out=parts)


def _products(squared: FloatArray, n_frames: int) -> FloatArray:
    """Return the sums over origins of x(t) x(t+k) from what `_squared_transform` gives."""
    from scipy import fft

    power = squared[..., ::2] + squared[..., 1::2]
    sums: FloatArray = fft.irfft(power, fft.next_fast_len(2 * n_frames - 1, real=True), axis=-1)[..., :n_frames]
    return sums
