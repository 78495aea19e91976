"""MDAnalysis reader of DCD files written by LAMMPS."""

from __future__ import annotations

from typing import Any

import numpy as np
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.util import store_init_arguments

from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Box
from ufpnmr.trajectory.reader import FrameReader, RawFrame
from ufpnmr.trajectory.time_axis import PS_PER_UNIT, check_timestep, check_units, times_of_steps


class LammpsDCDReader(FrameReader):
    """Reader of LAMMPS DCD files (format ``UFPDCD``).

    The header holds the MD timestep in the run's own unit of time, which common readers take for the unit of CHARMM
    (0.0489 ps); the unit style is not in the file. Positions may be wrapped or not (``dump_modify unwrap``): minimum
    images leave unwrapped ones as they are.

    Parameters
    ----------
    filename : str or Path
        DCD file; its atoms are in the order of their ids.
    timestep : float, optional
        MD timestep, ps; must be that of the header.
    units : {"metal", "real"}, optional
        Unit style of the run.
    ids : (N,) array of int
        Atom ids, ascending.

    Attributes
    ----------
    header_timestep : float
        MD timestep in the unit of time of the run.
    """

    format = "UFPDCD"

    @store_init_arguments  # type: ignore[untyped-decorator]
    def __init__(
        self,
        filename: Any,
        timestep: float | None = None,
        units: str | None = None,
        ids: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(filename, **kwargs)
        self._open()
        header = self._file.header
        if "LAMMPS" not in str(header["remarks"]):
            raise InputError(
                f"{self.filename}: expected a DCD file of LAMMPS, found {str(header['remarks']).strip()!r}"
            )
        n_atoms, n_frames = int(header["natoms"]), len(self._file)
        if n_frames == 0:
            raise InputError(f"{self.filename}: expected at least one complete frame, found none")
        self.ids = np.arange(1, n_atoms + 1) if ids is None else np.asarray(ids, dtype=np.int64)
        if self.ids.size != n_atoms:
            raise InputError(f"{self.filename}: expected {self.ids.size} atoms as in the topology, found {n_atoms}")
        self.steps = int(header["istart"]) + int(header["nsavc"]) * np.arange(n_frames, dtype=np.int64)
        self.header_timestep = float(header["delta"])
        self.times = times_of_steps(
            self.steps, None, None, self._timestep(check_timestep(timestep), units), self.filename
        )
        self._start(n_atoms, n_frames)

    def _open(self) -> None:
        try:
            self._file = DCDFile(self.filename)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.filename}: cannot be read as DCD: {error}") from error

    def _timestep(self, timestep: float | None, units: str | None) -> float | None:
        self.time_hint = (
            f"the header holds a timestep of {self.header_timestep:g} without its unit; give --timestep or --log"
        )
        if units is not None:
            in_ps = {units: self.header_timestep * PS_PER_UNIT[check_units(units, self.filename)]}
        else:
            in_ps = {name: self.header_timestep * factor for name, factor in PS_PER_UNIT.items()}
        if timestep is None:
            return in_ps[units] if units is not None else None
        # the header is float32
        if not any(np.isclose(timestep, value, rtol=1e-6) for value in in_ps.values()):
            raise InputError(
                f"{self.filename}: expected the timestep of the header, "
                f"{' or '.join(f'{value:g} ps ({name})' for name, value in in_ps.items())}, found {timestep:g} ps"
            )
        return timestep

    def _raw(self, frame: int) -> RawFrame:
        self._file.seek(frame)
        read = self._file.read()
        a, cos_gamma, b, cos_beta, cos_alpha, c = np.asarray(read.unitcell, dtype=np.float64)
        sin_gamma = np.sqrt(1.0 - cos_gamma**2)
        c_y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma
        cell = np.array(
            [
                [a, 0.0, 0.0],
                [b * cos_gamma, b * sin_gamma, 0.0],
                [c * cos_beta, c * c_y, c * np.sqrt(1.0 - cos_beta**2 - c_y**2)],
            ]
        )
        box = Box(cell, np.zeros(3), np.ones(3, dtype=bool))
        return RawFrame(box=box, positions=np.asarray(read.xyz, dtype=np.float64))

    def close(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            self._file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_file"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()
