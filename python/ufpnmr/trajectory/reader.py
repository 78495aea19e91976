"""What all readers of this package share: exact cells, unwrapped positions, honest time."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from MDAnalysis.coordinates.base import ReaderBase
from numpy.typing import NDArray

from ufpnmr.trajectory.cells import Box, Floats
from ufpnmr.trajectory.unwrap import FLAG_PERIOD, Integers, ShiftTable, flag_change, minimum_image_change


@dataclass(frozen=True)
class RawFrame:
    """One frame as the file holds it, turned into the frame of its `Box`.

    Attributes
    ----------
    box : Box
        Cell, corner, periodicity, rotation.
    positions : (N, 3) ndarray, Å
        Coordinates, sorted by id.
    unwrapped : bool
        Whether the file says that they are unwrapped.
    images : (N, 3) ndarray or None
        Image flags, whole numbers.
    velocities : (N, 3) ndarray, Å/ps, or None
        Velocities, if their unit is known.
    data : dict
        Further columns by name, and what the header says of them.
    """

    box: Box
    positions: Floats
    unwrapped: bool = False
    images: Floats | None = None
    velocities: Floats | None = None
    data: dict[str, Any] = field(default_factory=dict)


class FrameReader(ReaderBase):  # type: ignore[misc]
    """Reader that unwraps; subclasses give `_raw`.

    Every timestep carries in ``ts.data``: ``positions`` (N, 3) in Å, float64, unwrapped (``ts.positions`` rounds them
    to float32); ``cell`` (3, 3) in Å, rows a, b, c, exact; ``origin`` (3,) in Å; ``periodic`` (3,) bool;
    ``rotation`` (3, 3) if the file orients its cell otherwise; ``step`` if known.

    Attributes
    ----------
    ids : (N,) ndarray of int
        Atom ids, ascending.
    steps : (T,) ndarray of int or None
        MD step of each frame.
    times : (T,) ndarray or None
        Time since the first frame, ps.
    time_hint : str
        Why the time is unknown and what would make it known.
    n_dropped : int
        Incomplete frames left out.
    """

    ids: Integers
    steps: Integers | None = None
    times: Floats | None = None
    time_hint: str = "give --timestep or --log"
    n_dropped: int = 0
    units: ClassVar[dict[str, str]] = {"time": "ps", "length": "Angstrom", "velocity": "Angstrom/ps"}

    @abc.abstractmethod
    def _raw(self, frame: int) -> RawFrame:
        """Read one frame."""

    def _start(self, n_atoms: int, n_frames: int) -> None:
        """Read the first frame; the last act of a subclass's constructor."""
        self.n_atoms = n_atoms
        self._lengthen(n_frames)
        self._forget_shifts()
        self.ts = self._Timestep(n_atoms, **self._ts_kwargs)
        self._read_frame(0)

    def _lengthen(self, n_frames: int) -> None:
        self.n_frames = n_frames
        self._interval = _common_gap(self.times)

    def _forget_shifts(self) -> None:
        self._shifts = ShiftTable(self.n_atoms)
        self._last: Floats | None = None

    @property
    def left_out(self) -> dict[str, int]:
        """Number of frames of the file that are left out, by reason."""
        return {"incomplete": self.n_dropped}

    @property
    def has_time(self) -> bool:
        """Whether the time axis is known."""
        return self.times is not None

    @property
    def dt(self) -> float:
        """Time between frames in ps; NaN if it is unknown or not the same throughout."""
        return self._interval

    @property
    def totaltime(self) -> float:
        """Time from the first frame to the last in ps; NaN if unknown."""
        return float("nan") if self.times is None else float(self.times[-1] - self.times[0])

    def box(self, frame: int) -> Box:
        """Cell of one frame, without unwrapping the frames before it."""
        return self._raw(frame).box

    def describe(self, frame: int) -> str:
        """File and step (or frame) for messages."""
        return f"{self.filename}: " + (f"frame {frame}" if self.steps is None else f"step {self.steps[frame]}")

    def _unwrapped(self, frame: int, raw: RawFrame) -> Floats:
        if raw.unwrapped:
            return raw.positions
        if raw.images is not None:
            images = raw.images
            if images.max() > FLAG_PERIOD // 4 or images.min() < -FLAG_PERIOD // 4:
                images = images + self._shift(frame, raw)
            return raw.positions + images @ raw.box.cell
        if not raw.box.periodic.any():
            return raw.positions
        return raw.positions + self._shift(frame, raw) @ raw.box.cell

    def _shift(self, frame: int, raw: RawFrame) -> Floats:
        """Shifts of a frame; reads the frames before it that no one has asked for yet."""
        known = self._shifts.n_frames - 1
        if self._last is None:
            self._last = self._trace(raw if frame == known else self._raw(known))
        for number in range(known + 1, frame + 1):
            there = raw if number == frame else self._raw(number)
            now = self._trace(there)
            if there.images is not None:
                change = flag_change(self._last, now)
            else:
                change = minimum_image_change(self._last, now, there.box, self.ids, self.describe(number))
            self._shifts.append(change)
            self._last = now
        return self._shifts.at(frame)

    @staticmethod
    def _trace(raw: RawFrame) -> Floats:
        """Whose jumps tell that an atom has left through a face: image flags, or fractional coordinates."""
        return raw.images if raw.images is not None else (raw.positions - raw.box.origin) @ raw.box.inverse

    def _read_frame(self, frame: int) -> Any:
        raw = self._raw(frame)
        ts, data, box = self.ts, self.ts.data, raw.box
        positions = self._unwrapped(frame, raw)
        ts.frame = frame
        ts.positions = positions
        ts.dimensions = box.dimensions
        if raw.velocities is not None:
            ts.velocities = raw.velocities
        data.update(raw.data)
        data["positions"], data["cell"], data["origin"], data["periodic"] = (
            positions,
            box.cell,
            box.origin,
            box.periodic,
        )
        if box.rotation is not None:
            data["rotation"] = box.rotation
        if self.steps is not None:
            data["step"] = int(self.steps[frame])
        ts.time = math.nan if self.times is None else float(self.times[frame])
        data["dt"] = self._interval
        return ts

    def _read_next_timestep(self, ts: Any = None) -> Any:
        if self.ts.frame + 1 >= self.n_frames:
            raise EOFError
        return self._read_frame(self.ts.frame + 1)

    def _reopen(self) -> None:
        self.ts.frame = -1

    def close(self) -> None:
        """Nothing to close between reads."""


def _common_gap(times: Floats | None) -> float:
    if times is None:
        return float("nan")
    gaps = np.diff(times)
    if gaps.size == 0:
        return 0.0
    return float(gaps.mean()) if np.allclose(gaps, gaps.mean(), rtol=1e-6, atol=0.0) else float("nan")


def turned(positions: NDArray[np.float64], box: Box) -> Floats:
    """Positions (N, 3) of the file in the frame of `box`, Å."""
    if box.rotation is None:
        return positions
    return np.asarray(box.origin + (positions - box.origin) @ box.rotation.T)
