"""MDAnalysis reader of XTC files."""

from __future__ import annotations

import struct
import warnings
from typing import Any

import numpy as np
from MDAnalysis.lib.formats.libmdaxdr import XTCFile
from MDAnalysis.lib.util import store_init_arguments

from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Box, Floats, restricted
from ufpnmr.trajectory.reader import FrameReader, RawFrame
from ufpnmr.trajectory.time_axis import check_timestep
from ufpnmr.trajectory.unwrap import Integers

HEADER = struct.Struct(">iiif")  # magic number, atoms, step, time in ps
ANGSTROM_PER_NM = 10.0


class XtcReader(FrameReader):
    """Reader of XTC files (format ``UFPXTC``), as ``dump xtc`` of LAMMPS and GROMACS write them.

    Times are float32 in the file, which is too coarse for a long run: they are counted in steps, with the length of a
    step from the first and the last frame. Positions are rounded (0.005 Å at the usual precision), so that no
    velocities are made of them.

    Parameters
    ----------
    filename : str or Path
        XTC file; its atoms are in the order of their ids.
    timestep : float, optional
        MD timestep, ps; must be that of the file.
    ids : (N,) array of int
        Atom ids, ascending.
    """

    format = "UFPXTC"
    steps: Integers

    @store_init_arguments  # type: ignore[untyped-decorator]
    def __init__(self, filename: Any, timestep: float | None = None, ids: Any = None, **kwargs: Any) -> None:
        super().__init__(filename, **kwargs)
        self._open()
        self._count_frames()
        n_atoms = int(self._file.n_atoms)
        self.ids = np.arange(1, n_atoms + 1) if ids is None else np.asarray(ids, dtype=np.int64)
        if self.ids.size != n_atoms:
            raise InputError(f"{self.filename}: expected {self.ids.size} atoms as in the topology, found {n_atoms}")
        self.steps, written = self._headers()
        if not (np.diff(self.steps) > 0).all():
            raise InputError(f"{self.filename}: expected ascending steps, found them going back; cut it at the restart")
        self.times = self._find_times(written, check_timestep(timestep))
        self._start(n_atoms, self._readable)

    def _open(self) -> None:
        try:
            self._file = XTCFile(self.filename)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.filename}: cannot be read as XTC: {error}") from error

    def _count_frames(self) -> None:
        """Leave out the last frame if it is cut; it is counted by its header."""
        self._readable = len(self._file)
        while self._readable > 0:
            try:
                self._file.seek(self._readable - 1)
                self._file.read()
                break
            except (OSError, StopIteration):
                self._readable -= 1
                self.n_dropped += 1
        if self._readable == 0:
            raise InputError(f"{self.filename}: expected at least one complete frame, found none")
        if self.n_dropped:
            warnings.warn(f"{self.filename}: {self.n_dropped} incomplete frame(s) at the end dropped", stacklevel=3)

    def _headers(self) -> tuple[Integers, Floats]:
        """Return steps and times (ps) of all frames."""
        found = np.empty((self._readable, 2))
        with open(self.filename, "rb") as stream:
            for frame, offset in enumerate(self._file.offsets[: self._readable].tolist()):
                stream.seek(offset)
                found[frame] = HEADER.unpack(stream.read(HEADER.size))[2:]
        return found[:, 0].astype(np.int64), found[:, 1]

    def _find_times(self, written: Floats, timestep: float | None) -> Floats | None:
        self.time_hint = "the times in the file do not ascend; give --timestep or --log"
        since = self.steps - self.steps[0]
        if self.steps.size < 2:
            return np.zeros(1)
        told = (written[-1] - written[0]) / since[-1] if (np.diff(written) >= 0).all() else 0.0
        if timestep is None:
            return np.asarray(since * told) if told > 0.0 else None
        tolerance = 1e-6 * max(abs(written[-1]), abs(written[0])) + 1e-12
        if told > 0.0 and abs(since[-1] * (timestep - told)) > tolerance:
            raise InputError(f"{self.filename}: expected the timestep of the file, {told:g} ps, found {timestep:g} ps")
        return np.asarray(since * timestep)

    def _raw(self, frame: int) -> RawFrame:
        self._file.seek(frame)
        read = self._file.read()
        cell, rotation = restricted(np.asarray(read.box, dtype=np.float64) * ANGSTROM_PER_NM, self.describe(frame))
        positions = np.asarray(read.x, dtype=np.float64) * ANGSTROM_PER_NM
        if rotation is not None:
            positions = positions @ rotation.T
        return RawFrame(box=Box(cell, np.zeros(3), np.ones(3, dtype=bool), rotation), positions=positions)

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_file"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()
