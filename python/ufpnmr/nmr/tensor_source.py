"""Tensors of a few ions at a time, checked and averaged over vibrations, from memory or from a file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError

__all__ = ["AVERAGING", "TensorSource", "even_interval"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

AVERAGING = ("blocks", "running")
_TIME_TOLERANCE = 1e-3  # of a frame interval; text formats round times
_TRACE_TOLERANCE = 1e-3
_BYTES_PER_NUMBER = 40
"""Working memory per ion, frame and component: series, transforms of twice the length, tensors as read."""


def even_interval(time: FloatArray) -> float:
    """Return the spacing of equally spaced frames, ps.

    Raises
    ------
    InputError
        Frames that are not equally spaced.
    """
    steps = np.diff(time)
    step = float(np.median(steps))
    bad = np.flatnonzero(np.abs(steps - step) > _TIME_TOLERANCE * abs(step))
    if step <= 0 or len(bad):
        k = int(bad[0]) if len(bad) else 0
        raise InputError(
            f"expected equally spaced frames, found {len(bad)} of {len(steps)} steps that differ from {step:g} ps, "
            f"the first from frame {k} at {time[k]:g} ps to frame {k + 1} at {time[k + 1]:g} ps; "
            "correlate the segments on their own (segments) or ask for resampling (resample)"
        )
    return step


class TensorSource:
    """The tensors that are correlated.

    Parameters
    ----------
    series : TensorSeries or TensorFile
        time (T,) ps, ids (N,), V (T, N, 6) V/Å², in memory or in a file.
    ions : sequence of int or None
        Atom ids; None for all.
    average : float or None
        Window of the mean over vibrations, ps.
    averaging : {"blocks", "running"}
        One mean per window, or one per frame over the window around it.
    """

    def __init__(self, series: Any, ions: Sequence[int] | None, average: float | None, averaging: str) -> None:
        if len(series.time) < 2:
            raise InputError(f"expected a series of frames, found {len(series.time)}")
        if averaging not in AVERAGING:
            raise InputError(f"expected averaging to be one of {', '.join(AVERAGING)}, found {averaging!r}")
        self._tensors = series.V
        self._time = np.asarray(series.time, dtype=np.float64)
        interval = even_interval(self._time)
        self.window = _frames_per_average(average, interval)
        self._running = averaging == "running"
        n_frames = len(self._time)
        self.n_frames = n_frames - self.window + 1 if self._running else n_frames // self.window
        self.interval = interval if self._running else interval * self.window
        self.correlated_lag = self.window - 1 if self._running else 0
        """Lags up to this share frames of one mean, in frames of the averaged series."""
        all_ids = np.asarray(series.ids)
        self.shape = (n_frames, len(all_ids))
        self.chosen = _chosen(all_ids, ions)
        self.ids = all_ids[self.chosen]
        self.n_ions = len(self.chosen)

    def parts(self, components: int, memory: int) -> Iterator[tuple[slice, npt.NDArray[np.floating]]]:
        """Yield a slice of the chosen ions and their tensors (T, n, 6), V/Å².

        Parameters
        ----------
        components : int
            Numbers per tensor that will be made from them.
        memory : int
            Working memory, bytes; at least one ion is yielded.
        """
        size = max(1, memory // (_BYTES_PER_NUMBER * (components + 1) * len(self._time)))
        for start in range(0, self.n_ions, size):
            part = slice(start, min(start + size, self.n_ions))
            tensors = self._read(self.chosen[part])
            self._check(tensors, self.ids[part])
            yield part, self._averaged(tensors)

    def times(self, mask: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return a mask (T, N) of frames at the frames of the averaged series (the middle of each mean), (n, T')."""
        middle = np.arange(self.n_frames) * (1 if self._running else self.window) + self.window // 2
        return np.ascontiguousarray(np.asarray(mask, dtype=bool)[middle][:, self.chosen].T)

    def _read(self, ions: IntArray) -> npt.NDArray[np.floating]:
        if len(ions) == self._tensors.shape[1]:
            return np.asarray(self._tensors[:])
        if ions[-1] - ions[0] + 1 == len(ions):  # a range is one read from a file, a list of ions is not
            return np.asarray(self._tensors[:, int(ions[0]) : int(ions[-1]) + 1])
        return np.asarray(self._tensors[:, ions])

    def _check(self, tensors: npt.NDArray[np.floating], ids: IntArray) -> None:
        trace = tensors[..., 0] + tensors[..., 1] + tensors[..., 2]
        sum_of_rest = tensors[..., 3].sum() + tensors[..., 4].sum() + tensors[..., 5].sum()
        if not (np.isfinite(trace).all() and np.isfinite(sum_of_rest)):
            bad = np.argwhere(~np.isfinite(tensors))
            if len(bad):
                raise InputError(f"tensor that is not finite {self._where(bad[0], ids)}")
        size = max(float(tensors[..., k].max()) - float(tensors[..., k].min()) for k in range(3))
        size = max(size, float(np.abs(tensors[0]).max()))
        largest = np.unravel_index(int(np.argmax(np.abs(trace))), trace.shape)
        if abs(float(trace[largest])) > _TRACE_TOLERANCE * size:
            raise InputError(
                f"expected traceless tensors, found a trace of {float(trace[largest]):.3g} V/Å² "
                f"{self._where(np.asarray(largest), ids)}; subtract a third of it from xx, yy, zz"
            )

    def _where(self, index: npt.NDArray[Any], ids: IntArray) -> str:
        return f"at frame {index[0]} ({self._time[index[0]]:g} ps), atom {ids[index[1]]}"

    def _averaged(self, tensors: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        if self.window == 1:
            return tensors
        if not self._running:
            used = tensors[: self.n_frames * self.window]
            return np.asarray(used.reshape(self.n_frames, self.window, -1, 6).mean(axis=1, dtype=np.float64))
        total = np.zeros((len(tensors) + 1, *tensors.shape[1:]))
        np.cumsum(tensors, axis=0, dtype=np.float64, out=total[1:])
        return (total[self.window :] - total[: -self.window]) / self.window


def _frames_per_average(average: float | None, interval: float) -> int:
    if average is None:
        return 1
    frames = round(average / interval) if math.isfinite(average) else 0
    if frames < 1 or abs(average - frames * interval) > 0.01 * interval:
        raise InputError(f"expected average as a multiple of the frame interval {interval:g} ps, found {average:g} ps")
    return frames


def _chosen(ids: IntArray, ions: Sequence[int] | None) -> IntArray:
    if len(ids) == 0:
        raise InputError("expected at least one ion in the tensor series, found none")
    if ions is None:
        return np.arange(len(ids))
    wanted = np.asarray(ions, dtype=np.int64)
    if wanted.size == 0:
        raise InputError("expected at least one ion, found an empty selection")
    missing = np.setdiff1d(wanted, ids)
    if len(missing):
        raise InputError(
            f"no ion {missing[0]} in the tensor series ({len(missing)} of {len(wanted)} ids are not there)"
        )
    return np.flatnonzero(np.isin(ids, wanted))
