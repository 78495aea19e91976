"""Frames of all or some atoms as arrays: what the analyses of structure and vibrations start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Floats
from ufpnmr.trajectory.identities import masses
from ufpnmr.trajectory.paths import select
from ufpnmr.trajectory.reader import FrameReader
from ufpnmr.trajectory.time_axis import time_axis

__all__ = ["Frames", "read_frames"]


@dataclass(frozen=True, repr=False)
class Frames:
    """Positions, and velocities if asked for, of atoms in the course of time.

    Attributes
    ----------
    ids : (N,) ndarray of int
        Atom ids.
    elements : (N,) ndarray of str
        Element symbols.
    positions : (T, N, 3) ndarray, Å
        As the reader gives them; unwrapped by the readers of this package.
    cell : (T, 3, 3) ndarray, Å
        Rows a, b, c.
    time : (T,) ndarray, ps, or None
        None where the time is unknown.
    velocities : (T, N, 3) ndarray, Å/ps, float32, or None
        None unless asked for and there.
    source : str
        Trajectory file.
    left_out : dict
        Number of frames of the file that are left out, by reason.
    """

    ids: NDArray[np.int64]
    elements: NDArray[np.str_]
    positions: Floats
    cell: Floats
    time: Floats | None
    velocities: NDArray[np.float32] | None
    source: str
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def masses(self) -> Floats:
        """Standard atomic weights (N,), u."""
        return masses(self.elements)

    @property
    def volume(self) -> Floats:
        """Volumes of the cell (T,), Å³."""
        return np.asarray(np.abs(np.linalg.det(self.cell)))

    def of(self, element: str) -> NDArray[np.int64]:
        """Return the indices of the atoms of one element; InputError, with the elements there are, if there is none."""
        found = np.flatnonzero(self.elements == element)
        if found.size == 0:
            there = ", ".join(np.unique(self.elements).tolist())
            raise InputError(f"{self.source}: no atom of element {element!r}; there are {there}")
        return found

    def __repr__(self) -> str:
        return f"Frames({self.source}: {self.ids.size} atoms, {len(self.positions)} frames)"


def read_frames(
    universe: Any, *, selection: str = "all", most: int | None = None, velocities: bool = False, timed: bool = True
) -> Frames:
    """Read frames of a trajectory into memory.

    Parameters
    ----------
    universe : MDAnalysis.Universe
        From `ufpnmr.trajectory.open`, or any other with a box.
    selection : str
        MDAnalysis selection of the atoms.
    most : int, optional
        At most so many frames, evenly spaced; default all.
    velocities : bool
        Read velocities where the trajectory has them.
    timed : bool
        Whether the time of the frames is needed.

    Raises
    ------
    InputError
        No such atoms, no box, no velocity in a later frame, or an unknown time that is needed.
    """
    reader = universe.trajectory
    if most is not None and most < 1:
        raise InputError(f"expected at least one frame, found {most}")
    atoms = select(universe, selection)
    ours = isinstance(reader, FrameReader)
    time = _times(universe, timed)
    total = len(reader)
    chosen = np.arange(total) if most is None or most >= total else np.linspace(0, total - 1, most).round().astype(int)
    positions = np.empty((len(chosen), atoms.n_atoms, 3))
    cell = np.empty((len(chosen), 3, 3))
    moving = np.empty(positions.shape, dtype=np.float32) if velocities and reader.ts.has_velocities else None
    frame_before = reader.ts.frame
    row = 0
    for ts in reader:
        if row == len(chosen) or ts.frame != chosen[row]:
            continue
        exact = ours and not reader.transformations
        box = ts.data["cell"] if ours else ts.triclinic_dimensions
        if box is None or not np.linalg.det(box):
            raise InputError(f"{reader.filename}: frame {ts.frame} has no cell; distances need one")
        cell[row] = box
        positions[row] = (ts.data["positions"] if exact else ts.positions)[atoms.ix]
        if moving is not None:
            if not ts.has_velocities:
                raise InputError(f"{reader.filename}: frame {ts.frame} has no velocities, the first one has")
            moving[row] = ts.velocities[atoms.ix]
        row += 1
    reader[frame_before]
    return Frames(
        ids=np.asarray(atoms.ids, dtype=np.int64),
        elements=np.asarray(atoms.elements, dtype=np.str_),
        positions=positions,
        cell=cell,
        time=None if time is None else time[chosen],
        velocities=moving,
        source=str(reader.filename),
        left_out=dict(getattr(reader, "left_out", {})),
    )


def _times(universe: Any, needed: bool) -> Floats | None:
    try:
        return time_axis(universe)
    except InputError:
        if needed:
            raise
        return None
