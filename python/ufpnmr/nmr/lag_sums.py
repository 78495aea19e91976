"""Sums of x(t) y(t + lag): at every lag by FFT, and over blocks of time origins on a ladder of lags (multiple tau).

The ladder (Magatti and Ferri, Appl. Opt. 40, 4011 (2001); Ramírez et al., J. Chem. Phys. 133, 154103 (2010)): every lag
up to 24 frames, then 12 per octave on series whose neighbours are averaged in pairs. The means are at most lag/12
frames wide.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr.statistics import block_edges

__all__ = ["block_sums", "ladder", "ladder_lags", "lagged_sums", "origin_counts"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Series = npt.NDArray[np.floating]

PER_OCTAVE = 12


def ladder(longest: int, n_blocks: int) -> list[tuple[int, IntArray]]:
    """Return the levels of the ladder: frames per mean, and lags in means, from 0 frames up to `longest`.

    Parameters
    ----------
    longest : int
        Longest lag, frames, half the series; the last lag lies within one mean of it.
    n_blocks : int
        Means that must be left as origins.
    """
    fewest = max(PER_OCTAVE + 1, n_blocks)
    width, levels, first = 1, [], 0
    while longest // (2 * width) >= fewest:
        levels.append((width, np.arange(first, 2 * PER_OCTAVE + 1)))
        width, first = 2 * width, PER_OCTAVE + 1
    levels.append((width, np.arange(first, longest // width + 1)))
    return levels


def ladder_lags(longest: int, n_blocks: int) -> IntArray:
    """Return all lags of the ladder, frames."""
    return np.concatenate([width * lags for width, lags in ladder(longest, n_blocks)])


def lagged_sums(x: Series, y: Series | None, n_lags: int) -> Series:
    """Return the sum over t and components of x(t) y(t + lag) at lags 0 ... n_lags - 1, by FFT.

    Parameters
    ----------
    x, y : ndarray (n, C, T)
        Series; y is x if None. Single precision is kept (an error of 2e-7 of the value at lag 0).
    n_lags : int

    Returns
    -------
    ndarray (n, n_lags)
    """
    from scipy import fft

    n_frames = x.shape[-1]
    length = fft.next_fast_len(n_frames + n_lags - 1, real=True)
    power: npt.NDArray[Any] | None = None
    for i in range(len(x)):  # one ion at a time stays in the cache
        first = fft.rfft(x[i], length)
        if y is None:
            spectrum = np.einsum("cf,cf->f", first.real, first.real) + np.einsum("cf,cf->f", first.imag, first.imag)
        else:
            spectrum = np.einsum("cf,cf->f", first.conj(), fft.rfft(y[i], length))
        if power is None:
            power = np.empty((len(x), len(spectrum)), dtype=spectrum.dtype)
        power[i] = spectrum
    assert power is not None
    return np.asarray(fft.irfft(power, length)[:, :n_lags])


def block_sums(x: Series, y: Series | None, longest: int, n_blocks: int) -> tuple[FloatArray, FloatArray]:
    """Return means of x(t) y(t + lag) over blocks of time origins at the lags of the ladder.

    Parameters
    ----------
    x, y : ndarray (n, C, T)
        Series; y is x if None.
    longest : int
        Longest lag, frames.
    n_blocks : int

    Returns
    -------
    means : ndarray (B, n, F)
    weights : ndarray (B, F)
        Share of each block in the mean over all origins.
    """
    levels = ladder(longest, n_blocks)
    n_lags = sum(len(lags) for _, lags in levels)
    means, weights = np.zeros((n_blocks, len(x), n_lags)), np.zeros((n_blocks, n_lags))
    f, width = 0, 1
    for level_width, lags in levels:
        while width < level_width:
            x, y = _pairs(x), None if y is None else _pairs(y)
            width *= 2
        later = x if y is None else y
        for lag in lags:
            n_origins = x.shape[-1] - int(lag)
            edges = block_edges(n_origins, n_blocks)
            for b, (start, stop) in enumerate(itertools.pairwise(edges)):
                products = np.einsum("nct,nct->n", x[..., start:stop], later[..., start + lag : stop + lag])
                means[b, :, f] = products / (stop - start)
            weights[:, f] = np.diff(edges) / n_origins
            f += 1
    return means, weights


def origin_counts(mask: npt.NDArray[np.bool_], lags: IntArray) -> FloatArray:
    """Return how many origins t with t + lag in the series a mask (n, T) leaves at each lag, (n, L)."""
    total = np.zeros((len(mask), mask.shape[1] + 1))
    np.cumsum(mask, axis=1, out=total[:, 1:])
    return total[:, mask.shape[1] - lags]


def _pairs(x: Series) -> Series:
    even = x[..., : x.shape[-1] // 2 * 2]
    return np.asarray((even[..., ::2] + even[..., 1::2]) * even.dtype.type(0.5))
