"""MDAnalysis reader of LAMMPS text dumps, plain, .gz or .zst, over the parser of the core."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from MDAnalysis.lib.util import store_init_arguments
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Box, Floats, restricted
from ufpnmr.trajectory.dump_columns import (
    VELOCITIES,
    check_choice,
    check_counts,
    choose_columns,
    coarse_digits,
    newest_branch,
)
from ufpnmr.trajectory.index_file import open_indexed
from ufpnmr.trajectory.reader import FrameReader, RawFrame, turned
from ufpnmr.trajectory.time_axis import PS_PER_UNIT, check_timestep, check_units, times_of_steps
from ufpnmr.trajectory.unwrap import Integers

NOT_FINITE = "not a finite number"


def open_dump(path: str) -> Any:
    """Index a dump; InputError if it cannot be read or holds no complete frame."""
    file = open_indexed(path)
    if file.frames.size == 0:
        found = f"{len(file.damage)} incomplete" if len(file.damage) else "none"
        raise InputError(f"{path}: expected a LAMMPS dump with at least one complete frame, found {found}")
    return file


class DumpReader(FrameReader):
    """Reader of LAMMPS text dumps (format ``UFPDUMP``).

    Parameters
    ----------
    filename : str or Path
        Dump of style ``custom`` or ``atom``; gzip and zstd compression are recognised by content.
    timestep : float, optional
        MD timestep, ps.
    units : {"metal", "real"}, optional
        Unit style of the run, if known otherwise than from ``ITEM: UNITS``.
    assume_order : bool
        Accept a dump without ids, whose atoms keep their order; frames in which more than 1 % of the atoms move
        further than a quarter of the cell contradict that and are refused.
    on_nan : {"error", "drop"}
        Refuse NaN and infinity when their frame is read, or leave out such frames; for that all are read at once.
    on_change : {"error", "stop"}
        Refuse a number of atoms that changes, or end there.

    Attributes
    ----------
    n_repeated, n_discarded : int
        Frames superseded after a restart: same step written again, older branch.
    n_not_finite : int
        Frames left out by ``on_nan="drop"``.
    n_after_change : int
        Frames left out by ``on_change="stop"``.
    file_units : str or None
        Unit style.
    """

    format = "UFPDUMP"
    steps: Integers

    @store_init_arguments  # type: ignore[untyped-decorator]
    def __init__(
        self,
        filename: Any,
        timestep: float | None = None,
        units: str | None = None,
        assume_order: bool = False,
        on_nan: str = "error",
        on_change: str = "error",
        **kwargs: Any,
    ) -> None:
        super().__init__(filename, **kwargs)
        self._timestep, self._units, self._assume_order = check_timestep(timestep), units, assume_order
        self._on_nan = check_choice("on_nan", on_nan, ("error", "drop"))
        self._on_change = check_choice("on_change", on_change, ("error", "stop"))
        self._file = open_dump(self.filename)
        self._coarse: set[int] = set()
        self._box_text, self._box = b"", Box(np.zeros((3, 3)), np.zeros(3), np.zeros(3, dtype=bool))
        self._survey()
        self._warn_of_losses()
        self._coarse = {0, self._kept.size - 1}  # frames whose digits are looked at
        self._start(self.ids.size, self._kept.size)

    def _survey(self) -> None:
        """Work out which frames, columns and times there are."""
        self.n_dropped = len(self._file.damage)
        self._kept, self.n_repeated, self.n_discarded = newest_branch(self._file.frames["step"])
        frames = self._file.frames[self._kept]
        usable = check_counts(frames["count"], frames["step"], self._on_change, self.filename)
        self.n_after_change = frames.size - usable
        self._kept, frames = self._kept[:usable], frames[:usable]
        self._columns = choose_columns(self._file.column_lists, frames["columns"], frames["step"], self.filename)
        self._numeric = list(self._columns.numeric)
        self.ids = self._ask(self._file.ids, int(self._kept[0]))
        self.n_not_finite = 0
        if self._on_nan == "drop":
            finite = np.array([self._is_finite(frame) for frame in self._kept])
            self.n_not_finite = int((~finite).sum())
            self._kept, frames = self._kept[finite], frames[finite]
            if self._kept.size == 0:
                raise InputError(f"{self.filename}: expected finite numbers, found none such in any frame")
        self.steps = frames["step"]
        self.file_units = self._find_units()
        self.times = self._find_times(frames["time"])
        if "id" not in self.columns:
            self._check_order()

    @property
    def left_out(self) -> dict[str, int]:
        """Number of frames of the file that are left out, by reason."""
        return {
            "incomplete": self.n_dropped,
            "written_again": self.n_repeated,
            "of_an_older_branch": self.n_discarded,
            "not_finite": self.n_not_finite,
            "after_a_change_of_atoms": self.n_after_change,
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that every frame has."""
        return self._columns.present

    def refresh(self) -> int:
        """Look for frames that LAMMPS has appended since; return how many there are now.

        A frame that is being written is not there yet. Frames known before keep their numbers unless the run has gone
        back to an earlier step.
        """
        before = self._kept
        self._ask(self._file.refresh)
        self._survey()
        if self._kept.size < before.size or not np.array_equal(before, self._kept[: before.size]):
            self._forget_shifts()
        self._lengthen(self._kept.size)
        return self.n_frames

    def _warn_of_losses(self) -> None:
        if self.n_dropped:
            damage = self._file.damage[-1]
            step = "step unknown" if damage["step"] < 0 else f"step {damage['step']}"
            self._warn(f"{self.n_dropped} incomplete frame(s) dropped, the last at byte {damage['offset']} ({step})")
        if self.n_discarded:
            self._warn(
                f"the run went back to an earlier step; {self.n_discarded} frames of the older branch are left out"
            )
        if self.n_not_finite:
            self._warn(f"{self.n_not_finite} frame(s) with numbers that are not finite left out")
        if self.n_after_change:
            self._warn(
                f"the number of atoms changes after step {self.steps[-1]}; {self.n_after_change} frame(s) left out"
            )

    def _warn(self, text: str) -> None:
        warnings.warn(f"{self.filename}: {text}", stacklevel=4)

    def _ask(self, question: Any, *arguments: Any) -> Any:
        """Ask the parser; its refusals become InputError."""
        try:
            return question(*arguments)
        except (_core.ParseError, _core.DomainError) as error:
            raise InputError(str(error).replace(":0:", ":")) from error

    def _is_finite(self, frame: np.int64) -> bool:
        try:
            self._file.read(int(frame), self._numeric, self.ids)
        except _core.DomainError as error:
            if NOT_FINITE not in str(error):
                raise InputError(str(error)) from error
            return False
        except _core.ParseError as error:
            raise InputError(str(error)) from error
        return True

    def _find_units(self) -> str | None:
        found = {*self._file.units, *([self._units] if self._units else [])}
        if len(found) > 1:
            raise InputError(f"{self.filename}: expected one unit style, found {', '.join(sorted(found))}")
        return check_units(found.pop(), self.filename) if found else None

    def _find_times(self, written: Floats) -> Floats | None:
        if np.isfinite(written).all() and self.file_units is None:
            self.time_hint = "ITEM: TIME has no unit; give --timestep or --log, or dump_modify units yes"
        return times_of_steps(self.steps, written, self.file_units, self._timestep, self.filename)

    def _check_order(self) -> None:
        if not self._assume_order:
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

    def read_column(self, name: str, frame: int = 0) -> NDArray[Any]:
        """Values (N,) of one column of a frame, sorted by id; text for ``element`` and ``typelabel``, else float64."""
        if name in ("element", "typelabel"):
            return np.array(self._ask(self._file.read_text, int(self._kept[frame]), name))
        return np.asarray(self._ask(self._file.read, int(self._kept[frame]), [name], self.ids)[:, 0])

    def iter_chunks(
        self, n_frames: int = 256, columns: tuple[str, ...] | None = None, ids: Any = None
    ) -> Iterator[tuple[range, Floats]]:
        """Read numbers as written, many frames at once and without the work that a timestep needs.

        Parameters
        ----------
        n_frames : int
            Frames per chunk.
        columns : tuple of str, optional
            Names of numeric columns; by default the positions.
        ids : sequence of int, optional
            Atoms, by default all.

        Yields
        ------
        frames : range
            Numbers of the frames.
        values : (F, N, C) ndarray
            In the file's own units, sorted by id; neither unwrapped nor turned.

        Raises
        ------
        InputError
            If an atom or column is not there or the file is damaged.
        """
        names = list(self._columns.style.columns if columns is None else columns)
        place = None if ids is None else np.searchsorted(self.ids, ids)
        if place is not None and not np.array_equal(self.ids[np.minimum(place, self.ids.size - 1)], ids):
            raise InputError(f"{self.filename}: some of the atom ids asked for are not in it")
        for first in range(0, self.n_frames, n_frames):
            frames = range(first, min(first + n_frames, self.n_frames))
            values = self._ask(self._file.read_frames, self._kept[frames.start : frames.stop], names, self.ids)
            yield frames, values if place is None else values[:, place]

    def _find_box(self, frame: int) -> Box:
        number = int(self._kept[frame])
        text = self._file.box_text(number)
        if text != self._box_text:
            cell, origin, periodic, general = self._ask(self._file.box, number)
            rotation = None
            if general:
                cell, rotation = restricted(cell, self.describe(frame))
            elif not (np.diag(cell) > 0.0).all():
                raise InputError(f"{self.describe(frame)}: expected a box with a volume, found bounds in reverse")
            for array in (cell, origin, periodic):
                array.flags.writeable = False  # shared by the frames with this box
            self._box, self._box_text = Box(cell, origin, periodic, rotation), text
        return self._box

    def _raw(self, frame: int) -> RawFrame:
        try:
            values = self._file.read(int(self._kept[frame]), self._numeric, self.ids)
        except (_core.ParseError, _core.DomainError) as error:
            raise InputError(str(error).replace(":0:", ":")) from error
        box, columns, style = self._find_box(frame), self._columns, self._columns.style
        written = values[:, :3]
        if frame in self._coarse:
            self._check_digits(frame, written, box)
        positions = box.origin + written @ box.cell if style.fractional else turned(written, box)
        velocities, read = None, 3
        images = values[:, 3:6] if columns.flags else None
        read += len(columns.flags)
        data: dict[str, Floats] = {}
        if columns.velocities:
            as_written = values[:, read : read + 3]
            data.update(zip(VELOCITIES, as_written.T, strict=True))
            read += 3
            if self.file_units is not None:
                velocities = as_written / PS_PER_UNIT[self.file_units]
                if box.rotation is not None:
                    velocities = velocities @ box.rotation.T
        if columns.extra:
            data.update(zip(columns.extra, values[:, read:].T, strict=True))
        return RawFrame(box, positions, style.unwrapped, images, velocities, data)

    def _check_digits(self, frame: int, written: Floats, box: Box) -> None:
        """Warn once if the default format of LAMMPS, %g, rounds the positions."""
        self._coarse.discard(frame)
        scale = float(np.linalg.norm(box.cell, axis=1).max()) if self._columns.style.fractional else 1.0
        error = coarse_digits(written, scale)
        if error > 0.0:
            self._coarse.clear()
            self._warn(
                f"step {self.steps[frame]}: six significant digits round positions by up to {error:g} Å; "
                "dump_modify ID format float %.8g"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_file"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._file = open_dump(self.filename)

    @classmethod
    def parse_n_atoms(cls, filename: Any, **kwargs: Any) -> int:
        """Return the number of atoms of the first frame."""
        return int(open_dump(str(filename)).frames["count"][0])
