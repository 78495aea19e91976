"""MDAnalysis reader of extxyz and every other format of ASE; the frames are held in memory."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from MDAnalysis.lib.util import store_init_arguments

from ufpnmr.errors import InputError
from ufpnmr.trajectory.ase_formats import AseFrames, read_frames
from ufpnmr.trajectory.cells import Box, Floats, restricted
from ufpnmr.trajectory.reader import FrameReader, RawFrame, turned
from ufpnmr.trajectory.time_axis import check_timestep
from ufpnmr.trajectory.unwrap import Integers


class AseReader(FrameReader):
    """Reader of extxyz and other ASE formats (format ``UFPASE``).

    The time is ``info["time"]`` in ps (CASTEP .md: the file's own, converted; vasprun.xml: POTIM); else the step
    (``info["step"]``, or the number of the configuration in an XDATCAR) times the timestep; else, with a timestep
    given, frames are one step apart.

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
        found = read_frames(self.filename)
        frames, self.n_dropped, self.time_hint = found.images, found.n_dropped, found.time_hint
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
        self.steps = found.steps
        self.times = self._find_times(found, check_timestep(timestep))
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

    def _find_times(self, found: AseFrames, timestep: float | None) -> Floats | None:
        interval = found.interval if timestep is None else timestep
        if found.interval is not None and timestep is not None and not np.isclose(timestep, found.interval, rtol=1e-6):
            raise InputError(
                f"{self.filename}: expected the timestep of the file, {found.interval:g} ps, found {timestep:g} ps"
            )
        if found.times is not None:
            return np.asarray(found.times - found.times[0])
        if interval is None:
            return None
        steps = np.arange(len(found.images)) if self.steps is None else self.steps
        return np.asarray((steps - steps[0]) * interval)

    def _raw(self, frame: int) -> RawFrame:
        return RawFrame(box=self._boxes[frame], positions=self._positions[frame], data=self._gradients[frame])
