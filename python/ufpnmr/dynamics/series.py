"""Ion-major series for the kernels, a bounded part of the ions at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError

__all__ = ["Paths", "check_paths", "frame_interval", "frames_left_out", "ion_series"]

_WORKING_BYTES = 256 << 20
_TILE = 512
_UNEVEN = 1e-3


class Positions(Protocol):
    """Positions (T, N, 3) on disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, ions, 3."""

    def __getitem__(self, key: Any) -> npt.NDArray[np.float64]:
        """Read what NumPy would return."""


class Paths(Protocol):
    """What the analyses need of `ufpnmr.trajectory.IonPaths`."""

    @property
    def time(self) -> npt.NDArray[np.float64]:
        """Times (T,), ps."""

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """Atom ids (N,)."""

    @property
    def positions(self) -> npt.NDArray[np.floating[Any]] | Positions:
        """Unwrapped, drift-free positions (T, N, 3), Å: an array, or one that is read from disk where it is indexed."""

    @property
    def cell(self) -> npt.NDArray[np.float64]:
        """Cells (T, 3, 3), rows a, b, c, Å."""

    @property
    def drift_mode(self) -> str:
        """What was subtracted."""

    @property
    def selection(self) -> str:
        """Which ions."""

    @property
    def source(self) -> str:
        """File the paths came from."""


def frame_interval(time: npt.ArrayLike) -> float:
    """Return the time between frames, ps; equally spaced frames are required.

    Raises
    ------
    InputError
        Fewer than two frames, times that do not increase, or a step that differs from the median by more than 0.1 %.
    """
    values = np.asarray(time, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise InputError(f"expected at least 2 frames, found {values.size}; write more frames")
    steps = np.diff(values)
    step = float(np.median(steps))
    if step <= 0:
        raise InputError("expected increasing times, found frames out of order or repeated; check the trajectory")
    wrong = np.flatnonzero(np.abs(steps - step) > _UNEVEN * step)
    if len(wrong):
        frame = int(wrong[0]) + 1
        raise InputError(
            f"expected equally spaced frames ({step:g} ps), found {steps[frame - 1]:g} ps before frame {frame}; "
            "cut the trajectory at the gap"
        )
    return float((values[-1] - values[0]) / (len(values) - 1))


def frames_left_out(source: Any) -> dict[str, dict[str, int]]:
    """Return ``{"frames_left_out": {reason: number}}`` for the parameters of a result; none for synthetic paths.

    Parameters
    ----------
    source : IonPaths, Frames, CoordinationPaths or other paths
        What was read from a trajectory has ``left_out``.
    """
    return {"frames_left_out": {name: int(n) for name, n in getattr(source, "left_out", {}).items() if n}}


def check_paths(paths: Paths) -> float:
    """Check shapes and values of ion paths and return the time between frames, ps."""
    interval = frame_interval(paths.time)
    shape = paths.positions.shape
    expected = (len(paths.time), len(paths.ids), 3)
    if shape != expected:
        raise InputError(f"expected positions of shape (T, N, 3) = {expected}, found {shape}")
    if expected[1] == 0:
        raise InputError(f"the selection {paths.selection!r} holds no atom; select at least one")
    if isinstance(paths.positions, np.ndarray):  # those on disk were checked when they were written
        bad = ~np.isfinite(paths.positions).all(axis=(1, 2))
        if bad.any():
            frame = int(np.flatnonzero(bad)[0])
            atom = int(np.flatnonzero(~np.isfinite(paths.positions[frame]).all(axis=1))[0])
            raise InputError(f"position of atom {paths.ids[atom]} in frame {frame} is not a finite number")
    return interval


def ion_series(
    positions: npt.NDArray[np.floating[Any]] | Positions,
) -> Iterator[tuple[slice, npt.NDArray[np.float64]]]:
    """Yield slices of ions and their series relative to the first frame.

    Parameters
    ----------
    positions : ndarray (T, N, 3)
        Å.

    Yields
    ------
    ions : slice
        Which ions.
    series : ndarray (n, 3, T), float64, contiguous
        Displacement of each ion from its first position, Å.
    """
    n_frames, n_ions = positions.shape[:2]
    step = max(1, _WORKING_BYTES // (24 * n_frames))
    for start in range(0, n_ions, step):
        ions = slice(start, min(start + step, n_ions))
        part = positions[:, ions]
        series = np.empty((part.shape[1], 3, n_frames))
        for first in range(0, n_frames, _TILE):  # a transpose by parts that stay in the cache
            tile = slice(first, first + _TILE)
            series[:, :, tile] = np.moveaxis(part[tile], 0, -1)
        series -= series[:, :, :1].copy()
        yield ions, series
