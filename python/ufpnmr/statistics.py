"""Correlation sums and error estimates: arrays in, arrays out.

Default error of every number in the package: the scatter of about ten time blocks, with a log-t interval for positive
quantities. Standard errors over ions, exact Poisson intervals and fit covariances miss concerted motion or correlated
lags and are only ever printed beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError

__all__ = [
    "Interval",
    "autocorrelation",
    "autocorrelation_sums",
    "block_edges",
    "block_interval",
    "bootstrap",
    "bootstrap_interval",
    "chi_square_tail",
    "fano_test",
    "lag_one_correlation",
    "log_spaced",
    "poisson_interval",
    "poisson_upper_bound",
    "ratio_interval",
    "student_interval",
    "student_quantile",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LARGEST_EXPONENT = 700.0
_WORKING_BYTES = 64 << 20


class Interval(NamedTuple):
    """A value with its two-sided interval and standard error, all in the unit of the input."""

    value: float
    low: float
    high: float
    std_error: float


def autocorrelation_sums(x: npt.ArrayLike, y: npt.ArrayLike | None = None, *, axis: int = 0) -> FloatArray:
    """Return the unnormalised correlation of equally spaced series at every lag.

    S(k) = sum over t = 0 ... T-1-k of x(t) y(t+k), by one zero-padded real FFT per series (Wiener-Khinchin), in float64
    whatever the precision of the input. Divide by T - k for the average over all time origins.

    Parameters
    ----------
    x : array_like (..., T, ...)
        Series; every other axis runs over independent series.
    y : array_like, optional
        Second factor, shape of `x`; default `x` itself. Zeroing `x` outside a block of origins gives that block's sums.
    axis : int
        The time axis.

    Returns
    -------
    ndarray, shape of `x`, float64, unit of x times unit of y
        Sums at lags 0 ... T-1 along `axis`.

    Notes
    -----
    Round-off is about 1e-16 of S(0), not of S(k): subtract a large constant offset first.
    """
    from scipy import fft

    first = np.moveaxis(np.asarray(x), axis, -1)
    second = first if y is None else np.moveaxis(np.asarray(y), axis, -1)
    if first.shape != second.shape:
        raise InputError(f"expected two series of one shape, found {first.shape} and {second.shape}")
    n_frames = first.shape[-1]
    if n_frames == 0:
        raise InputError("expected at least one frame, found none")
    length = fft.next_fast_len(2 * n_frames - 1, real=True)
    shape = first.shape
    first = first.reshape(-1, n_frames)
    second = second.reshape(-1, n_frames)
    sums = np.empty(first.shape)
    rows = max(1, _WORKING_BYTES // (32 * length))
    for start in range(0, len(first), rows):
        part = slice(start, start + rows)
        transform = fft.rfft(np.asarray(first[part], dtype=np.float64), length, axis=-1)
        other = transform if y is None else fft.rfft(np.asarray(second[part], dtype=np.float64), length, axis=-1)
        sums[part] = fft.irfft(transform.conj() * other, length, axis=-1)[:, :n_frames]
    return np.moveaxis(sums.reshape(shape), -1, axis)


def autocorrelation(x: npt.ArrayLike, *, axis: int = 0) -> FloatArray:
    """Return the all-origin autocorrelation C(k) = S(k)/(T - k) of equally spaced series.

    Parameters
    ----------
    x : array_like (..., T, ...)
        Series along `axis`.
    axis : int
        The time axis.

    Returns
    -------
    ndarray, shape of `x`, float64, unit of x squared
        Correlation at lags 0 ... T-1; see `autocorrelation_sums`.
    """
    sums = np.moveaxis(autocorrelation_sums(x, axis=axis), axis, -1)
    return np.moveaxis(sums / np.arange(sums.shape[-1], 0, -1), -1, axis)


def log_spaced(n_max: int, count: int, n_min: int = 1) -> IntArray:
    """Return at most `count` different integers from `n_min` to `n_max`, both included, evenly spaced in the logarithm.

    Small integers that the logarithmic grid would repeat are kept once, so fewer than `count` may come back.
    """
    if n_min < 1 or n_max < n_min or count < 1:
        raise InputError(
            f"expected 1 <= n_min <= n_max and count >= 1, found n_min {n_min}, n_max {n_max}, count {count}"
        )
    if count == 1 or n_min == n_max:
        return np.array([n_max], dtype=np.int64)
    return np.unique(np.rint(np.geomspace(n_min, n_max, count)).astype(np.int64))


def block_edges(n: int, blocks: int) -> IntArray:
    """Return the `blocks` + 1 edges that cut ``range(n)`` into contiguous blocks of nearly equal length."""
    if blocks < 1 or n < blocks:
        raise InputError(f"expected at least one sample per block, found {n} samples for {blocks} blocks")
    return np.rint(np.linspace(0, n, blocks + 1)).astype(np.int64)


def student_quantile(dof: float, confidence: float = 0.95) -> float:
    """Return the half-width factor t of a two-sided Student interval: P(abs(T) < t) = `confidence`."""
    from scipy import special

    if dof <= 0 or not 0 < confidence < 1:
        raise InputError(f"expected dof > 0 and 0 < confidence < 1, found {dof} and {confidence}")
    return float(special.stdtrit(dof, 0.5 + confidence / 2))


def student_interval(
    value: float, std_error: float, dof: float, positive: bool = True, confidence: float = 0.95
) -> Interval:
    """Interval of an estimate with a standard error: value exp(± t_dof s/value) if positive, else value ± t_dof s.

    Parameters
    ----------
    value, std_error : float
        Estimate and its standard error s, one unit.
    dof : float
        Degrees of freedom of the standard error.
    positive : bool
        Whether the quantity cannot be negative. A value that is not positive then gets (0, max(0, value + t s)),
        because its logarithm does not exist.
    confidence : float
        Nominal coverage.
    """
    half = student_quantile(dof, confidence) * std_error
    if not positive:
        return Interval(value, value - half, value + half, std_error)
    if value <= 0:
        return Interval(value, 0.0, max(0.0, value + half), std_error)
    return Interval(value, *_log_interval(value, half / value), std_error)


def block_interval(values: npt.ArrayLike, positive: bool = True, confidence: float = 0.95) -> Interval:
    """Mean of block estimates with an interval from their scatter.

    With mean m of B blocks and s = sd(values)/sqrt(B): m exp(± t_{B-1} s/m) for positive quantities, m ± t_{B-1} s
    otherwise (spec analysis 4).

    Parameters
    ----------
    values : array_like (B,)
        One estimate per contiguous time block (or per independent run), all of one weight.
    positive : bool
        Whether the quantity cannot be negative. A mean that is not positive then gets (0, max(0, m + t s)), because its
        logarithm does not exist.
    confidence : float
        Nominal coverage.

    Returns
    -------
    Interval
        value, low, high, std_error in the unit of `values`.
    """
    blocks = np.asarray(values, dtype=np.float64)
    if blocks.ndim != 1 or len(blocks) < 2:
        raise InputError(f"expected at least two block values, found an array of shape {blocks.shape}")
    mean = float(blocks.mean())
    std_error = float(blocks.std(ddof=1)) / math.sqrt(len(blocks))
    return student_interval(mean, std_error, len(blocks) - 1, positive, confidence)


def ratio_interval(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, positive: bool = True, confidence: float = 0.95
) -> Interval:
    """Ratio of two sums over blocks, with the interval of the delete-one-block jackknife.

    Parameters
    ----------
    numerators, denominators : array_like (B,)
        Block sums; every denominator that remains after leaving out one block must be positive.
    positive : bool
        Log-t interval, as `block_interval`.
    confidence : float
        Nominal coverage.
    """
    top, bottom = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    rest = bottom.sum() - bottom
    if len(top) < 2 or top.shape != bottom.shape or (rest <= 0).any():
        raise InputError("expected at least two blocks with a denominator each")
    ratio = float(top.sum() / bottom.sum())
    left_out = (top.sum() - top) / rest
    n = len(top)
    std_error = math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
    return student_interval(ratio, std_error, n - 1, positive, confidence)


def _log_interval(value: float, exponent: float) -> tuple[float, float]:
    if exponent > _LARGEST_EXPONENT:
        return 0.0, math.inf
    return value * math.exp(-exponent), value * math.exp(exponent)


def poisson_interval(n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact (Garwood 1936) two-sided interval of a Poisson mean after `n` events.

    Valid only for independent events; see `fano_test`.
    """
    from scipy import special

    if n < 0:
        raise InputError(f"expected a count >= 0, found {n}")
    tail = (1 - confidence) / 2
    low = float(special.gammaincinv(n, tail)) if n else 0.0
    return low, float(special.gammaincinv(n + 1, 1 - tail))


def poisson_upper_bound(n: int, confidence: float = 0.95) -> float:
    """Return the exact one-sided upper bound of a Poisson mean after `n` events (2.996 for none)."""
    from scipy import special

    if n < 0:
        raise InputError(f"expected a count >= 0, found {n}")
    return float(special.gammaincinv(n + 1, confidence))


def chi_square_tail(value: float, dof: float) -> float:
    """Return the probability of a chi-square variable of `dof` degrees of freedom to be at least `value`."""
    from scipy import special

    return float(special.chdtrc(dof, value))


def fano_test(counts: npt.ArrayLike) -> tuple[float, float]:
    """Test whether block counts scatter more than independent events would.

    F = var/mean is 1 for a Poisson process; (B - 1) F follows chi-square with B - 1 degrees of freedom.

    Parameters
    ----------
    counts : array_like (B,)
        Events in equally long blocks.

    Returns
    -------
    fano : float
        F, nan without events.
    p_value : float
        Probability of an F at least this large for independent events; 1 without events.
    """
    blocks = np.asarray(counts, dtype=np.float64)
    if blocks.ndim != 1 or len(blocks) < 2:
        raise InputError(f"expected at least two block counts, found an array of shape {blocks.shape}")
    mean = float(blocks.mean())
    if mean == 0:
        return math.nan, 1.0
    fano = float(blocks.var(ddof=1)) / mean
    dof = len(blocks) - 1
    return fano, chi_square_tail(dof * fano, dof)


def lag_one_correlation(values: npt.ArrayLike) -> float:
    """Return the correlation coefficient of neighbouring values, 0 if they do not vary.

    Parameters
    ----------
    values : array_like (B,)
        Block values in time order.
    """
    centred = np.asarray(values, dtype=np.float64)
    centred = centred - centred.mean()
    variance = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / variance if variance > 0 else 0.0


def bootstrap(
    statistic: Callable[[IntArray], Any], n: int, replicas: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Evaluate `statistic` on resampled units (ions, blocks, runs).

    Parameters
    ----------
    statistic : callable
        Takes the indices (n,) of one resample, drawn with replacement, and returns a number or an array.
    n : int
        Number of units.
    replicas : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness, so that the result can be repeated.

    Returns
    -------
    ndarray (replicas, ...)
        The statistic of each resample.
    """
    if n < 2:
        raise InputError(f"expected at least two units to resample, found {n}")
    return np.array([statistic(rng.integers(0, n, n)) for _ in range(replicas)], dtype=np.float64)


def bootstrap_interval(
    value: float, samples: npt.ArrayLike, positive: bool = True, confidence: float = 0.95
) -> Interval:
    """Interval of `value` from the spread of its bootstrap `samples`: log-normal for positive quantities, else normal.

    Parameters
    ----------
    value : float
        Estimate from all data.
    samples : array_like (R,)
        Estimates from resamples; those that are not finite (or not positive) are left out.
    positive : bool
        Whether the quantity cannot be negative: value exp(± z sd(ln samples)), std_error = value sd(ln samples).
    confidence : float
        Nominal coverage.
    """
    from scipy import special

    usable = np.asarray(samples, dtype=np.float64)
    usable = usable[np.isfinite(usable)]
    z = float(special.ndtri(0.5 + confidence / 2))
    if positive:
        if value <= 0:
            raise InputError(f"expected a positive value for a log-normal interval, found {value}")
        usable = np.log(usable[usable > 0])
    if len(usable) < 2:
        raise InputError(f"expected at least two usable bootstrap samples, found {len(usable)}")
    spread = float(usable.std(ddof=1))
    if positive:
        return Interval(value, *_log_interval(value, z * spread), value * spread)
    return Interval(value, value - z * spread, value + z * spread, spread)
