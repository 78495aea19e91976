"""MDAnalysis reader of extxyz and every other format of ASE; the frames are held in memory."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from MDAnalysis.lib.util import store_init_arguments

from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Box, Floats, restricted
from ufpnmr.trajectory.reader import FrameReader, RawFrame, turned
from ufpnmr.trajectory.time_axis import check_timestep
from ufpnmr.trajectory.unwrap import Integers

LARGEST_IN_MEMORY = 2 * 2**30
"""Bytes of positions that are read into memory at most."""


def read_frames(path: str) -> tuple[list[Any], int]:
    """Read every complete frame and the number of incomplete ones at the end (0 or 1)."""
    import ase.io

    frames: list[Any] = []
    n_bytes = 0
    try:
        for atoms in ase.io.iread(path, index=":"):
            n_bytes += atoms.positions.nbytes
            if n_bytes > LARGEST_IN_MEMORY:
                raise InputError(f"{path}: more than {LARGEST_IN_MEMORY >> 30} GiB of positions; convert it to a dump")
            frames.append(atoms)
    except InputError:
        raise
    except Exception as error:
        # the formats of ASE raise what they like on a cut or foreign file
        if not frames:
            raise InputError(f"{path}: cannot be read by ASE: {type(error).__name__}: {error}") from error
        return frames, 1
    if _cut_in_last_line(path):
        frames.pop()
        if not frames:
            raise InputError(f"{path}: expected a newline at the end, found none: its last number may be cut")
        return frames, 1
    if not frames:
        raise InputError(f"{path}: expected at least one frame, found none")
    return frames, 0


def _cut_in_last_line(path: str) -> bool:
    """Tell whether an (ext)xyz file ends without a newline, so that its last number may lack digits."""
    if not path.endswith((".xyz", ".extxyz")):
        return False
    with open(path, "rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


class AseReader(FrameReader):
    """Reader of extxyz and other ASE formats (format ``UFPASE``).

    The time is ``info["time"]`` in ps; else ``info["step"]`` times the timestep; else, with a timestep given, frames
    are one step apart.

    Parameters
    ----------
    filename : str or Path
        File.
    timestep : float, optional
        MD timestep, ps.

    The per-atom array ``efg`` and the header key ``efg_units`` are kept in ``ts.data`` (None if a frame has none), in
    the axes of the file.

    Attributes
    ----------
    elements : (N,) ndarray of str
        Element symbols.
    """

    format = "UFPASE"

    @store_init_arguments  # type: ignore[untyped-decorator]
    def __init__(self, filename: Any, timestep: float | None = None, **kwargs: Any) -> None:
        super().__init__(filename, **kwargs)
        self.time_hint = 'give --timestep, or info["time"] in ps'
        frames, self.n_dropped = read_frames(self.filename)
        if self.n_dropped:
            warnings.warn(f"{self.filename}: an incomplete frame after frame {len(frames) - 1} dropped", stacklevel=2)
        first = frames[0]
        self.elements = np.array(first.get_chemical_symbols())
        self.ids, order = self._ids(first)
        self.elements = self.elements[order]
        self._boxes: list[Box] = []
        self._gradients: list[dict[str, Any]] = []
        self._positions = np.empty((len(frames), len(first), 3))
        for i, atoms in enumerate(frames):
            self._store(i, atoms)
        self.steps = self._integers(frames, "step")
        self.times = self._find_times(frames, check_timestep(timestep))
        self._start(len(first), len(frames))

    @staticmethod
    def _ids(atoms: Any) -> tuple[Integers, Any]:
        ids = np.asarray(atoms.arrays.get("id", np.arange(1, len(atoms) + 1)), dtype=np.int64)
        order = np.argsort(ids, kind="stable")
        return ids[order], order

    def _store(self, i: int, atoms: Any) -> None:
        where = f"{self.filename}: frame {i}"
        if len(atoms) != self.ids.size:
            raise InputError(f"{where}: expected {self.ids.size} atoms as in the first frame, found {len(atoms)}")
        ids, order = self._ids(atoms)
        if not np.array_equal(ids, self.ids):
            raise InputError(f"{where}: expected the atom ids of the first frame, found others")
        elements = np.array(atoms.get_chemical_symbols())[order]
        if not np.array_equal(elements, self.elements):
            raise InputError(f"{where}: expected the elements of the first frame, found others")
        positions = atoms.positions[order]
        broken = np.flatnonzero(~np.isfinite(positions).all(axis=1))
        if broken.size:
            raise InputError(f"{where}, atom {self.ids[broken[0]]}: its position is not a finite number")
        cell, rotation = np.array(atoms.cell.array, dtype=np.float64), None
        if cell.any():
            cell, rotation = restricted(cell, where)
        periodic = np.array(atoms.pbc, dtype=bool) & cell.any(axis=1)
        box = Box(cell, np.zeros(3), periodic, rotation)
        self._boxes.append(box)
        efg = atoms.arrays.get("efg")
        self._gradients.append({"efg": None if efg is None else efg[order], "efg_units": atoms.info.get("efg_units")})
        self._positions[i] = turned(positions, box)

    @staticmethod
    def _integers(frames: list[Any], key: str) -> Integers | None:
        if not all(isinstance(atoms.info.get(key), (int, np.integer)) for atoms in frames):
            return None
        values = np.array([atoms.info[key] for atoms in frames], dtype=np.int64)
        return values if (np.diff(values) > 0).all() else None

    def _find_times(self, frames: list[Any], timestep: float | None) -> Floats | None:
        written = [atoms.info.get("time") for atoms in frames]
        if all(isinstance(value, (int, float, np.integer, np.floating)) for value in written):
            times = np.array(written, dtype=np.float64)
            if not (np.diff(times) > 0).all():
                raise InputError(f'{self.filename}: expected ascending info["time"], found it going back')
            return np.asarray(times - times[0])
        if timestep is None:
            return None
        steps = np.arange(len(frames)) if self.steps is None else self.steps
        return np.asarray((steps - steps[0]) * timestep)

    def _raw(self, frame: int) -> RawFrame:
        return RawFrame(box=self._boxes[frame], positions=self._positions[frame], data=self._gradients[frame])
