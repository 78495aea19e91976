"""MDAnalysis reader of LAMMPS text dumps, plain or .gz, over the parser of the core."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from MDAnalysis.lib.util import store_init_arguments
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Box, Floats, restricted
from ufpnmr.trajectory.reader import FrameReader, RawFrame, turned
from ufpnmr.trajectory.time_axis import PS_PER_UNIT, check_timestep, check_units, times_of_steps
from ufpnmr.trajectory.unwrap import Integers

FLAGS = ("ix", "iy", "iz")
VELOCITIES = ("vx", "vy", "vz")
KEPT = (*VELOCITIES, "fx", "fy", "fz", "q")
KEPT_PREFIXES = ("c_", "f_", "v_", "i_", "d_", "i2_", "d2_")


class PositionStyle(NamedTuple):
    """How a dump writes positions: column names, whether fractional, whether unwrapped."""

    columns: tuple[str, str, str]
    fractional: bool
    unwrapped: bool


STYLES = (
    PositionStyle(("xu", "yu", "zu"), False, True),
    PositionStyle(("xsu", "ysu", "zsu"), True, True),
    PositionStyle(("x", "y", "z"), False, False),
    PositionStyle(("xs", "ys", "zs"), True, False),
)


def open_dump(path: str) -> Any:
    """Index a dump; InputError if it cannot be read or holds no complete frame."""
    try:
        file = _core.DumpFile(path)
    except (_core.ParseError, _core.DomainError) as error:
        raise InputError(str(error).replace(":0:", ":")) from error
    if file.steps.size == 0:
        found = f"{len(file.damage)} incomplete" if file.damage else "none"
        raise InputError(f"{path}: expected a LAMMPS dump with at least one complete frame, found {found}")
    return file


def newest_branch(steps: NDArray[np.int64]) -> tuple[NDArray[np.intp], int, int]:
    """Frames that remain when a restart repeats steps: what was written last counts.

    Parameters
    ----------
    steps : (F,) ndarray of int
        MD steps in the order of the file.

    Returns
    -------
    kept : (T,) ndarray of int
        Frames with ascending steps.
    n_repeated : int
        Frames written again with the same step.
    n_discarded : int
        Frames of an older branch, beyond the step the run went back to.
    """
    kept: list[int] = []
    n_repeated = n_discarded = 0
    for frame, step in enumerate(steps.tolist()):
        while kept and steps[kept[-1]] >= step:
            if steps[kept.pop()] == step:
                n_repeated += 1
            else:
                n_discarded += 1
        kept.append(frame)
    return np.array(kept, dtype=np.intp), n_repeated, n_discarded


class DumpReader(FrameReader):
    """Reader of LAMMPS text dumps (format ``UFPDUMP``).

    Parameters
    ----------
    filename : str or Path
        Dump of style ``custom`` or ``atom``; gzip compression is recognised by content.
    timestep : float, optional
        MD timestep, ps.
    units : {"metal", "real"}, optional
        Unit style of the run, if known otherwise than from ``ITEM: UNITS``.
    assume_order : bool
        Accept a dump without ids, whose atoms keep their order; frames in which more than 1 % of the atoms move
        further than a quarter of the cell contradict that and are refused.

    Attributes
    ----------
    n_repeated, n_discarded : int
        Frames superseded after a restart: same step written again, older branch.
    file_units : str or None
        Unit style.
    """

    format = "UFPDUMP"

    @store_init_arguments  # type: ignore[untyped-decorator]
    def __init__(
        self,
        filename: Any,
        timestep: float | None = None,
        units: str | None = None,
        assume_order: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(filename, **kwargs)
        self._file = open_dump(self.filename)
        self._warn_of_damage()
        steps = self._file.steps
        self._kept, self.n_repeated, self.n_discarded = newest_branch(steps)
        if self.n_discarded:
            warnings.warn(
                f"{self.filename}: the run went back to an earlier step; {self.n_discarded} frames of the older "
                "branch are left out",
                stacklevel=2,
            )
        self.steps = steps = steps[self._kept]
        self._check_counts(steps)
        self._choose_columns(steps)
        self.file_units = self._find_units(units)
        self.times = self._find_times(steps, check_timestep(timestep))
        self.ids = self._read(0, ())[0]
        if "id" not in self.columns:
            self._check_order(assume_order)
        self._start(self.ids.size, self._kept.size)

    def _warn_of_damage(self) -> None:
        self.n_dropped = len(self._file.damage)
        if self.n_dropped:
            step, offset = self._file.damage[-1]
            warnings.warn(
                f"{self.filename}: {self.n_dropped} incomplete frame(s) dropped, the last at byte {offset} "
                f"({'step unknown' if step < 0 else f'step {step}'})",
                stacklevel=3,
            )

    def _check_counts(self, steps: Integers) -> None:
        counts = self._file.counts[self._kept]
        changed = np.flatnonzero(counts != counts[0])
        if changed.size:
            step = steps[changed[0]]
            raise InputError(
                f"{self.filename}: step {step}: expected {counts[0]} atoms as in the first frame, found "
                f"{counts[changed[0]]}; dump a static group"
            )
        if counts[0] == 0:
            raise InputError(f"{self.filename}: expected atoms, found frames without any")

    def _choose_columns(self, steps: Integers) -> None:
        """Choose the positions, flags and further columns that every frame has."""
        lists, used = self._file.column_lists, self._file.column_list_of_frame[self._kept]
        first = lists[used[0]]
        common = [name for name in first if all(name in lists[i] for i in np.unique(used))]
        self.columns = tuple(common)
        flags = all(name in common for name in FLAGS)
        usable = [style for style in STYLES if all(name in common for name in style.columns)]
        if not usable:
            lacking = (i for i, c in enumerate(used) if not any(set(s.columns) <= set(lists[c]) for s in STYLES))
            where = next(lacking, None)
            found = f"step {steps[0 if where is None else where]}: found {' '.join(lists[used[where or 0]])}"
            if where is None:
                found = "the style of positions changes within the file"
            raise InputError(f"{self.filename}: expected xu yu zu, xsu ysu zsu, x y z or xs ys zs; {found}")
        self._style = usable[0]
        self._flags = FLAGS if flags and not self._style.unwrapped else ()
        self._extra = tuple(name for name in common if name in KEPT or name.startswith(KEPT_PREFIXES))

    def _find_units(self, units: str | None) -> str | None:
        found = {*self._file.units, *([units] if units else [])}
        if len(found) > 1:
            raise InputError(f"{self.filename}: expected one unit style, found {', '.join(sorted(found))}")
        return check_units(found.pop(), self.filename) if found else None

    def _find_times(self, steps: Integers, timestep: float | None) -> Floats | None:
        written = self._file.times[self._kept]
        if np.isfinite(written).all() and self.file_units is None:
            self.time_hint = "ITEM: TIME has no unit; give --timestep or --log, or dump_modify units yes"
        return times_of_steps(steps, written, self.file_units, timestep, self.filename)

    def _check_order(self, assume_order: bool) -> None:
        if not assume_order:
            raise InputError(
                f"{self.filename}: expected a column id, found {' '.join(self.columns)}; dump the id, or pass "
                "assume_order=True if the atoms keep their order (dump_modify sort)"
            )
        before = None
        for frame in range(self._kept.size):
            raw = self._raw(frame)
            now = (raw.positions - raw.box.origin) @ raw.box.inverse
            if before is not None:
                step = now - before
                step -= np.where(raw.box.periodic, np.rint(step), 0.0)
                if (np.abs(step).max(axis=1) > 0.25).mean() > 0.01:
                    raise InputError(
                        f"{self.describe(frame)}: more than 1 % of the atoms move over a quarter of the cell since the "
                        "frame before: they do not keep their order; dump the id"
                    )
            before = now

    def _read(self, frame: int, columns: tuple[str, ...]) -> tuple[Integers, Floats]:
        try:
            ids, values = self._file.read(int(self._kept[frame]), list(columns))
        except (_core.ParseError, _core.DomainError) as error:
            raise InputError(str(error)) from error
        return ids, values

    def read_column(self, name: str, frame: int = 0) -> NDArray[Any]:
        """Values (N,) of one column of a frame, sorted by id; text for ``element``, else float64."""
        if name in ("element", "typelabel"):
            return np.array(self._file.read_text(int(self._kept[frame]), name))
        return self._read(frame, (name,))[1][:, 0]

    def _box(self, frame: int) -> Box:
        try:
            cell, origin, periodic, general = self._file.box(int(self._kept[frame]))
        except (_core.ParseError, _core.DomainError) as error:
            raise InputError(str(error)) from error
        if not general:
            if not (np.diag(cell) > 0.0).all():
                raise InputError(f"{self.describe(frame)}: expected a box with a volume, found bounds in reverse")
            return Box(cell, origin, periodic)
        cell, rotation = restricted(cell, self.describe(frame))
        return Box(cell, origin, periodic, rotation)

    def _raw(self, frame: int) -> RawFrame:
        ids, values = self._read(frame, (*self._style.columns, *self._flags, *self._extra))
        if not np.array_equal(ids, self.ids):
            raise InputError(f"{self.describe(frame)}: expected the atom ids of the first frame, found others")
        box = self._box(frame)
        positions = values[:, :3]
        positions = box.origin + positions @ box.cell if self._style.fractional else turned(positions, box)
        extra = dict(zip(self._extra, values[:, 3 + len(self._flags) :].T, strict=True))
        velocities = None
        if self.file_units is not None and all(name in extra for name in VELOCITIES):
            velocities = np.column_stack([extra[name] for name in VELOCITIES]) / PS_PER_UNIT[self.file_units]
            if box.rotation is not None:
                velocities = velocities @ box.rotation.T
        return RawFrame(
            box=box,
            positions=positions,
            unwrapped=self._style.unwrapped,
            images=values[:, 3:6].astype(np.int64) if self._flags else None,
            velocities=velocities,
            data=extra,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_file"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._file = open_dump(self.filename)

    @classmethod
    def parse_n_atoms(cls, filename: Any, **kwargs: Any) -> int:
        """Return the number of atoms of the first frame."""
        return int(open_dump(str(filename)).counts[0])
