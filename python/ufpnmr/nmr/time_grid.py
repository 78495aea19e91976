"""Tensor series whose frames are not equally spaced: even segments, or an even grid on request."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["resampled", "segments"]

_TIME_TOLERANCE = 1e-3


def resampled(series: TensorSeries, interval: float | None = None, longest_gap: float | None = None) -> TensorSeries:
    """Return the series on equally spaced frames, by linear interpolation of V between neighbours.

    Interpolation averages neighbouring frames and so removes part of the vibrations at the new frames: for a few lost
    frames or a changed output interval, not for a finer one.

    Parameters
    ----------
    series : TensorSeries
    interval : float, optional
        New frame interval, ps; default the median of the present ones.
    longest_gap : float, optional
        Longest gap that may be bridged, ps; default three intervals.

    Raises
    ------
    InputError
        A gap longer than allowed, an interval that is finer than the frames, or fewer than two frames.
    """
    if len(series.time) < 2:
        raise InputError(f"expected at least two frames to resample, found {len(series.time)}")
    steps = np.diff(series.time)
    usual = float(np.median(steps))
    step = usual if interval is None else float(interval)
    if not step >= usual * (1 - _TIME_TOLERANCE):
        raise InputError(f"expected an interval of at least {usual:g} ps, that of the frames, found {step:g} ps")
    allowed = 3 * step if longest_gap is None else longest_gap
    widest = int(np.argmax(steps))
    if steps[widest] > allowed * (1 + _TIME_TOLERANCE):
        raise InputError(
            f"gap of {steps[widest]:g} ps after frame {widest} ({series.time[widest]:g} ps), at most {allowed:g} ps "
            "are bridged; correlate the segments and merge them, or allow a longer gap"
        )
    n_frames = int((series.time[-1] - series.time[0]) / step * (1 + 1e-12) + 1e-6) + 1
    time = series.time[0] + step * np.arange(n_frames)
    right = np.clip(np.searchsorted(series.time, time), 1, len(series.time) - 1)
    share = (time - series.time[right - 1]) / steps[right - 1]

    def between(values: np.ndarray) -> np.ndarray:
        weight = share.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray((1 - weight) * values[right - 1] + weight * values[right])

    return dataclasses.replace(
        series,
        time=time,
        V=between(series.V),
        cell=between(series.cell),
        provenance={**series.provenance, "resampled_to_ps": step},
    )


def segments(series: TensorSeries, shortest: int = 2) -> list[TensorSeries]:
    """Return the stretches of equally spaced frames between gaps.

    Parameters
    ----------
    series : TensorSeries
    shortest : int
        Segments with fewer frames are left out.
    """
    steps = np.diff(series.time)
    usual = float(np.median(steps)) if len(steps) else 0.0
    cuts = np.flatnonzero(np.abs(steps - usual) > _TIME_TOLERANCE * usual) + 1
    edges = [0, *(int(cut) for cut in cuts), len(series.time)]
    parts = [slice(a, b) for a, b in itertools.pairwise(edges) if b - a >= shortest]
    return [dataclasses.replace(series, time=series.time[p], V=series.V[p], cell=series.cell[p]) for p in parts]
