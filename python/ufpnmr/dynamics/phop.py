"""Hops by the displacement between two windows (Candelier et al., Phys. Rev. Lett. 2010, 105, 135702).

An independent check of the anchored state machine: no anchor, no hysteresis. It fires on excursions shorter than a
window, so it is not the default.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["counts", "events", "hop_function"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def hop_function(series: FloatArray, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return p(t) and the means of the windows before and after t.

    p = sqrt(<|x - mean_B|²>_A <|x - mean_A|²>_B) with A the `window` frames before t and B those from t on: the squared
    length of a hop at t, plus vibration.

    Parameters
    ----------
    series : ndarray (n, 3, T)
        Å.
    window : int
        Frames on either side.

    Returns
    -------
    p : ndarray (n, M)
        Å²; t = window ... T - window, so M = T - 2 window + 1.
    before, after : ndarray (n, 3, M)
        Å.
    """
    sums = np.zeros((*series.shape[:2], series.shape[2] + 1))
    np.cumsum(series, axis=2, out=sums[..., 1:])
    squares = np.zeros((len(series), series.shape[2] + 1))
    np.cumsum((series**2).sum(axis=1), axis=1, out=squares[:, 1:])
    mean = (sums[..., window:] - sums[..., :-window]) / window
    variance = (squares[:, window:] - squares[:, :-window]) / window - (mean**2).sum(axis=1)
    before, after = mean[..., :-window], mean[..., window:]
    apart = ((after - before) ** 2).sum(axis=1)
    spread = np.maximum(variance, 0.0)
    return np.sqrt((spread[:, :-window] + apart) * (spread[:, window:] + apart)), before, after


def counts(series: FloatArray, window: int, thresholds: FloatArray) -> IntArray:
    """Return the number of hops (R,) longer than each threshold (Å)."""
    p, _, _ = hop_function(series, window)
    peaks = np.sort(p[_peaks(p, window)])
    return np.asarray(len(peaks) - np.searchsorted(peaks, thresholds**2, side="right"), dtype=np.int64)


def events(series: FloatArray, window: int, outer: float, inner: float) -> dict[str, npt.NDArray[Any]]:
    """Return the hops longer than `outer` (Å) in the columns of the core's detector; `inner` (Å) decides on returns."""
    p, before, after = hop_function(series, window)
    ion, at = np.nonzero(_peaks(p, window) & (p > outer**2))
    start, end = before[ion, :, at], after[ion, :, at]
    is_return = np.zeros(len(ion), dtype=bool)
    same = ion[1:] == ion[:-1]
    is_return[1:] = same & (np.linalg.norm(end[1:] - start[:-1], axis=1) <= inner)
    none = np.zeros(len(series), dtype=np.int64)
    return {
        "ion": ion,
        "leave": at + window - 1,
        "arrive": at + window,
        "from": start,
        "displacement": end - start,
        "is_return": is_return,
        "excursions": none,
        "pending": none,
    }


def _peaks(p: FloatArray, window: int) -> npt.NDArray[np.bool_]:
    """Return where p (n, M) is the largest within a window on either side."""
    from scipy.ndimage import maximum_filter1d

    return np.asarray((p > 0) & (p == maximum_filter1d(p, 2 * window + 1, axis=1, mode="nearest")))
