"""Runs of equal labels: visits of ions to sites, and the removal of visits too short to count."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr.results.sites import TRANSIT

__all__ = ["Visits", "count_changes", "hold", "settle", "visits"]

IntArray = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Visits:
    """Visits of all ions, ordered by ion, then time.

    Attributes
    ----------
    ion, label, start, end : ndarray (M,)
        Ion index, label, first frame and the frame after the last.
    """

    ion: IntArray
    label: IntArray
    start: IntArray
    end: IntArray


def visits(label: npt.NDArray[Any]) -> Visits:
    """Cut labels (T, N) into runs of equal label."""
    n_frames, n_ions = label.shape
    by_ion = np.ascontiguousarray(label.T).astype(np.int64)
    begins = np.ones((n_ions, n_frames), dtype=bool)
    begins[:, 1:] = by_ion[:, 1:] != by_ion[:, :-1]
    ion, start = np.nonzero(begins)
    end = np.append(start[1:], 0)
    end[end == 0] = n_frames
    return Visits(ion, by_ion[ion, start], start, end)


def count_changes(label: npt.NDArray[Any]) -> int:
    """Return how often a label of (T, N) differs from that of the frame before."""
    return int(np.count_nonzero(label[1:] != label[:-1]))


def hold(captured: npt.NDArray[Any], released: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[Any]:
    """Return labels with hysteresis: each holds from its capture until its release or the next capture.

    Parameters
    ----------
    captured : ndarray (T, ...)
        Label in frames in which the ion is caught, 0 in others.
    released : ndarray (T, ...), optional
        Whether the ion is beyond the reach of the label held; by default it never is.

    Returns
    -------
    ndarray (T, ...)
        0 before the first capture and after a release.
    """
    frame = np.arange(1, len(captured) + 1).reshape(-1, *[1] * (captured.ndim - 1))
    last = np.maximum.accumulate(np.where(captured != TRANSIT, frame, 0), axis=0)
    held = np.where(last > 0, np.take_along_axis(captured, np.maximum(last - 1, 0), axis=0), TRANSIT)
    if released is None:
        return held
    gone = np.maximum.accumulate(np.where(released & (captured == TRANSIT), frame, 0), axis=0)
    return np.where(gone > last, TRANSIT, held)


def settle(label: npt.NDArray[Any], residence: int) -> npt.NDArray[Any]:
    """Give transit frames and visits shorter than `residence` frames to the last settled label.

    A run of one label interrupted only by shorter visits counts as a whole. Frames before the first settled visit get
    its label; an ion that never settles stays in transit.

    Parameters
    ----------
    label : ndarray (T, N)
        Labels, 0 for transit.
    residence : int
        Shortest visit that counts, frames. Visits cut by the ends of the run count only if they are long enough.

    Returns
    -------
    ndarray (T, N), type of `label`
    """
    n_frames, n_ions = label.shape
    runs = visits(label)
    long = (runs.label != TRANSIT) & (runs.end - runs.start >= residence)
    settled = np.zeros((n_ions, n_frames), dtype=label.dtype)
    marker = np.zeros((n_ions, n_frames), dtype=np.int64)
    marker[runs.ion[long], runs.start[long]] = runs.start[long] + 1
    last = np.maximum.accumulate(marker, axis=1)
    first = np.argmax(marker > 0, axis=1)
    ever = (marker > 0).any(axis=1)
    source = np.where(last > 0, last - 1, first[:, None])
    by_ion = np.ascontiguousarray(label.T)
    settled[ever] = np.take_along_axis(by_ion, source, axis=1)[ever]
    return np.ascontiguousarray(settled.T)
