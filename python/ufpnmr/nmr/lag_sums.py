"""Sums of x(t) y(t + lag): at every lag by FFT, and over blocks of time origins on a ladder of lags (multiple tau).

The ladder (Magatti and Ferri, Appl. Opt. 40, 4011 (2001); Ramírez et al., J. Chem. Phys. 133, 154103 (2010)): every lag
up to 24 frames, then 12 per octave on series whose neighbours are averaged in pairs. The means are at most lag/12
frames wide.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from ufpnmr.statistics import block_edges

__all__ = ["block_sums", "ladder", "ladder_lags", "lagged_sums", "origin_counts"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Series = npt.NDArray[np.floating]

PER_OCTAVE = 12
_TOGETHER = 4
"""Ions whose transforms are made in one call: enough to fill the vector registers, few enough to stay in the cache."""


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

    length = 2 * fft.next_fast_len((x.shape[-1] + n_lags) // 2, real=True)
    if y is None:
        power = np.empty((len(x), length // 2 + 1), dtype=fft.rfft(x[:1, :1, :1]).real.dtype)
        for i in range(0, len(x), _TOGETHER):
            spectrum = fft.rfft(x[i : i + _TOGETHER], length)
            parts = spectrum.view(power.dtype)
            squares = np.einsum("ncf,ncf->nf", parts, parts)
            np.add(squares[:, ::2], squares[:, 1::2], out=power[i : i + _TOGETHER])
        # the spectrum is real, its inverse transform a cosine transform of half the length
        return np.asarray(fft.dct(power, type=1)[:, :n_lags] / power.dtype.type(length))
    cross = [
        np.einsum("cf,cf->f", fft.rfft(first, length).conj(), fft.rfft(second, length))
        for first, second in zip(x, y, strict=True)
    ]
    return np.asarray(fft.irfft(np.stack(cross), length)[:, :n_lags])


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
