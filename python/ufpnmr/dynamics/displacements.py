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
    cosine transform of the summed power spectra per ion; the first 32 lags, where the terms cancel, directly.
    """
    n_frames, n_ions = paths.positions.shape[:2]
    curves = np.empty((n_ions, n_frames))
    origins = np.arange(n_frames, 0, -1)
    for ions, series in ion_series(paths.positions):
        rows, direct = curves[ions], _direct(series, threads).sum(axis=2)
        # centred: what is subtracted below is then as small as it can be
        series -= series.mean(axis=2, keepdims=True)
        for some in _groups(len(series)):
            products = _products(_power("iaf,iaf->if", series[some], threads), n_frames)
            products *= -2
            products += _ends(np.square(series[some]).sum(axis=1))
            np.divide(products, origins, out=rows[some])
        rows[:, : direct.shape[1]] = direct
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
    squares, power = np.zeros((3, n_frames)), np.zeros(())
    for _, series in ion_series(paths.positions):
        direct += _direct(series, threads).sum(axis=0)
        series -= series.mean(axis=2, keepdims=True)
        for some in _groups(len(series)):
            squares += np.square(series[some]).sum(axis=0)
            power = power + _power("iaf,iaf->af", series[some], threads)
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


def _groups(n_ions: int) -> list[slice]:
    """Return slices of the ions transformed together: an even number of rows, which the FFT takes two at a time."""
    return [slice(first, first + 4) for first in range(0, n_ions, 4)]


def _power(indices: str, series: FloatArray, threads: int) -> FloatArray:
    """Return power spectra of padded series (n, 3, T), contracted over ions (i), axes (a) or neither as einsum does."""
    from scipy import fft

    # twice a length with small factors, so that it is even and one half of it holds the whole spectrum
    length = 2 * fft.next_fast_len(series.shape[-1], real=True)
    parts = fft.rfft(series, length, axis=-1, workers=threads or _core.threads()).view(np.float64)
    squared: FloatArray = np.einsum(indices, parts, parts)  # real and imaginary parts in turn
    return np.asarray(squared[..., ::2] + squared[..., 1::2], dtype=np.float64)


def _products(power: FloatArray, n_frames: int) -> FloatArray:
    """Return the sums over origins of x(t) x(t+k) from power spectra (..., F): both are even, a cosine transform."""
    from scipy import fft

    sums: FloatArray = fft.dct(power, type=1, axis=-1)[..., :n_frames]
    sums /= 2 * (power.shape[-1] - 1)
    return sums
