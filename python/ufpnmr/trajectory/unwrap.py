"""Unwrapping: whole numbers of cell vectors that make the path of every atom continuous."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Box, Floats

Integers = NDArray[np.int64]

LARGEST_MOVE = 0.4
"""Refuse minimum images if an atom moves more than this fraction of the smallest height of the cell per frame."""

FLAG_PERIOD = 1024
"""32-bit image flags of LAMMPS hold -512 to 511 and start again."""


class ShiftTable:
    """Shifts (N, 3) of every frame, kept as the rare changes from one frame to the next.

    Parameters
    ----------
    n_atoms : int
        Number of atoms, N.
    """

    def __init__(self, n_atoms: int) -> None:
        self._shift = np.zeros((n_atoms, 3))
        self._frame = 0
        self._changes: dict[int, NDArray[np.int32]] = {}  # rows: atom, whole cells along a, b, c
        self.n_frames = 1

    def append(self, change: Integers | None) -> None:
        """Add the next frame, whose shifts differ from those of the last by `change` (N, 3), if at all."""
        if change is not None:
            atoms = np.flatnonzero(change.any(axis=1))
            if atoms.size:
                self._changes[self.n_frames] = np.column_stack([atoms, change[atoms]]).astype(np.int32)
        self.n_frames += 1

    def at(self, frame: int) -> Floats:
        """Return the shifts (N, 3), whole numbers, of a frame below `n_frames`; valid until the next call."""
        while self._frame < frame:
            self._frame += 1
            self._apply(self._frame, 1)
        while self._frame > frame:
            self._apply(self._frame, -1)
            self._frame -= 1
        return self._shift

    def _apply(self, frame: int, sign: int) -> None:
        changes = self._changes.get(frame)
        if changes is not None:
            self._shift[changes[:, 0]] += sign * changes[:, 1:]


def minimum_image_change(before: Floats, after: Floats, box: Box, ids: Integers, where: str) -> Integers | None:
    """Shifts that take every atom to the image nearest to where it was.

    Parameters
    ----------
    before, after : (N, 3) ndarray
        Fractional coordinates of two successive frames, wrapped or not.
    box : Box
        Cell of the second frame.
    ids : (N,) ndarray
        Atom ids, for the message.
    where : str
        File and step, for the message.

    Returns
    -------
    (N, 3) ndarray of int or None
        Whole cell vectors to add to `after`; None if there are none.

    Raises
    ------
    InputError
        If an atom moves more than 0.4 of the smallest height of the cell: its image cannot be told.
    """
    change, changed, atom, length = _core.nearest_images(before, after, box.cell, box.periodic.tolist())
    limit = LARGEST_MOVE * box.smallest_height
    if length > limit:
        raise InputError(
            f"{where}: atom {ids[atom]} moves {length:.2f} Å since the frame before, more than {LARGEST_MOVE} of "
            f"the smallest height of the cell ({limit:.2f} Å), so that it cannot be unwrapped; dump xu yu zu or "
            "ix iy iz, or more often"
        )
    return np.asarray(change) if changed else None


def flag_change(before: Floats, after: Floats) -> Integers | None:
    """Return the multiples of 1024 (N, 3) that undo the overflow of 32-bit image flags between two frames, if any."""
    turns: Integers = np.rint((after - before) / FLAG_PERIOD).astype(np.int64)
    return -FLAG_PERIOD * turns if turns.any() else None
