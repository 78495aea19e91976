"""Unwrapping: whole numbers of cell vectors that make the path of every atom continuous."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
        self._shift = np.zeros((n_atoms, 3), dtype=np.int64)
        self._frame = 0
        self._changes: dict[int, tuple[NDArray[np.intp], Integers]] = {}
        self.n_frames = 1

    def append(self, change: Integers) -> None:
        """Add the next frame, whose shifts differ from those of the last by `change` (N, 3)."""
        atoms = np.flatnonzero(change.any(axis=1))
        if atoms.size:
            self._changes[self.n_frames] = (atoms, change[atoms])
        self.n_frames += 1

    def at(self, frame: int) -> Integers:
        """Return the shifts (N, 3) of a frame below `n_frames`; valid until the next call."""
        while self._frame < frame:
            self._frame += 1
            self._apply(self._frame, 1)
        while self._frame > frame:
            self._apply(self._frame, -1)
            self._frame -= 1
        return self._shift

    def _apply(self, frame: int, sign: int) -> None:
        if frame in self._changes:
            atoms, change = self._changes[frame]
            self._shift[atoms] += sign * change


def minimum_image_change(before: Floats, after: Floats, box: Box, ids: Integers, where: str) -> tuple[Integers, Floats]:
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
    change : (N, 3) ndarray of int
        Whole cell vectors to add to `after`.
    move : (N,) ndarray, Å
        Distances between the frames.

    Raises
    ------
    InputError
        If an atom moves more than 0.4 of the smallest height of the cell: its image cannot be told.
    """
    step = np.where(box.periodic, after - before, 0.0)
    change = -np.rint(step)
    move = np.linalg.norm((step + change) @ box.cell, axis=1)
    limit = LARGEST_MOVE * box.smallest_height() if box.periodic.any() else np.inf
    worst = int(move.argmax())
    if move[worst] > limit:
        raise InputError(
            f"{where}: atom {ids[worst]} moves {move[worst]:.2f} Å since the frame before, more than {LARGEST_MOVE} of "
            f"the smallest height of the cell ({limit:.2f} Å), so that it cannot be unwrapped; dump xu yu zu or "
            "ix iy iz, or more often"
        )
    return change.astype(np.int64), move


def flag_change(before: Floats, after: Floats) -> Integers:
    """Return the multiples of 1024 (N, 3) that undo the overflow of 32-bit image flags between two frames."""
    turns: Integers = np.rint((after - before) / FLAG_PERIOD).astype(np.int64)
    return -FLAG_PERIOD * turns
