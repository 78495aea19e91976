"""Paths of ions kept on disk, ion by ion, so that long runs need little memory.

A trajectory comes frame by frame, analyses of motion want one ion at all times. The frames are transposed once, in
parts, into an HDF5 file: displacements from the first frame in single precision, 12 bytes per ion and frame.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Floats
from ufpnmr.trajectory.paths import drift_weights, relative_frames, select
from ufpnmr.trajectory.time_axis import time_axis

__all__ = ["BYTES_PER_ION_FRAME", "ScratchPaths", "ScratchPositions", "ScratchWriter", "scratch_paths"]

BYTES_PER_ION_FRAME = 12
FRAMES_AT_ONCE = 8192
_PROBE = 1 << 16


class ScratchPositions:
    """Positions (T, N, 3) in Å on disk; indexed by frames and ions they are read as an array of doubles."""

    def __init__(self, path: Path) -> None:
        self._file = h5py.File(path, "r")
        self._displacement = self._file["displacement"]
        self._start: Floats = self._file["start"][()]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, ions, 3."""
        n_ions, _, n_frames = self._displacement.shape
        return n_frames, n_ions, 3

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Floats:
        frames, ions, *rest = (*key, slice(None))[:3] if isinstance(key, tuple) else (key, slice(None))
        rows = np.arange(self.shape[1])[ions]
        steps = np.arange(self.shape[0])[frames]
        if not steps.size or not rows.size:
            empty: Floats = np.zeros((*np.shape(steps), *np.shape(rows), 3))
            return empty
        low, high = int(steps.min()), int(steps.max()) + 1
        first, last = int(rows.min()), int(rows.max()) + 1
        part = self._displacement[first:last, :, low:high].astype(np.float64)
        part += self._start[first:last, :, None]
        found: Floats = np.moveaxis(part, -1, 0)
        if np.shape(steps) != (high - low,) or np.shape(rows) != (last - first,) or steps[0] != low or rows[0] != first:
            found = found[steps - low][..., rows - first, :]
        return found[(..., rest[0])] if rest else found

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


@dataclasses.dataclass(frozen=True)
class ScratchPaths:
    """What `IonPaths` holds, with the positions on disk.

    Attributes
    ----------
    time : (T,) ndarray, ps
    ids : (N,) ndarray of int
    positions : ScratchPositions
        (T, N, 3), Å; unwrapped, drift removed.
    cell : (T, 3, 3) ndarray, Å
    drift_mode, selection, source : str
        As in `IonPaths`.
    left_out : dict
        Number of frames of the trajectory that are left out, by reason.
    file : Path
        Delete it when it is no longer needed.
    """

    time: Floats
    ids: NDArray[np.int64]
    positions: ScratchPositions
    cell: Floats
    drift_mode: str
    selection: str
    source: str
    left_out: dict[str, int]
    file: Path

    @classmethod
    def open(cls, file: Path) -> ScratchPaths:
        """Open what a `ScratchWriter` has finished."""
        with h5py.File(file, "r") as stored:
            values: dict[str, Any] = {name: stored[name][()] for name in ("time", "ids", "cell")}
            values |= {name: str(stored.attrs[name]) for name in ("drift_mode", "selection", "source")}
            values["left_out"] = json.loads(stored.attrs.get("left_out", "{}"))
        return cls(positions=ScratchPositions(file), file=file, **values)


class ScratchWriter:
    """Transpose frames into a scratch file; a context manager. The file has its name only once it is complete."""

    def __init__(self, file: Path, n_frames: int, ids: NDArray[np.int64]) -> None:
        self._target = file
        self._partial = file.with_name(file.name + ".partial")
        self._file = h5py.File(self._partial, "w")
        self._n_frames, self._n_ions, self._done = n_frames, len(ids), 0
        self._file["ids"] = ids
        # one ion per chunk: what is read together lies together
        self._displacement = self._file.create_dataset(
            "displacement",
            (self._n_ions, 3, n_frames),
            np.float32,
            chunks=(1, 3, min(FRAMES_AT_ONCE, n_frames)),
        )
        self._cell = self._file.create_dataset("cell", (n_frames, 3, 3), np.float64)
        self._start: Floats | None = None

    def append(self, positions: Floats, cell: Floats) -> None:
        """Add frames: positions (t, N, 3) and cells (t, 3, 3), Å."""
        if self._start is None:
            self._start = np.array(positions[0], dtype=np.float64)
            self._file["start"] = self._start
        bad = np.argwhere(~np.isfinite(positions).all(axis=2))
        if len(bad):
            frame, ion = bad[0]
            atom = int(self._file["ids"][ion])
            raise InputError(f"position of atom {atom} in frame {self._done + frame} is not a finite number")
        end = self._done + len(positions)
        part = (positions - self._start).astype(np.float32)
        self._displacement[:, :, self._done : end] = np.moveaxis(part, 0, -1)
        self._cell[self._done : end] = cell
        self._done = end

    def finish(
        self, time: Floats, drift_mode: str, selection: str, source: str, left_out: dict[str, int] | None = None
    ) -> None:
        """Store what belongs to the paths; the file is complete."""
        if self._done != self._n_frames:
            raise InputError(f"{source}: expected {self._n_frames} frames, found {self._done}")
        self._file["time"] = time
        self._file.attrs.update(drift_mode=drift_mode, selection=selection, source=source)
        self._file.attrs["left_out"] = json.dumps(left_out or {})
        self._file.close()
        self._partial.replace(self._target)

    def __enter__(self) -> ScratchWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file.id.valid:
            self._file.close()
            self._partial.unlink()


def scratch_paths(universe: Any, selection: str, drift: str, folder: str | Path) -> ScratchPaths:
    """Read the paths of selected ions as `ion_paths` does, into a file of `folder`.

    The file is named after the trajectory (size, time of change, head and tail), its time axis, the selection and the
    drift: what is there already is not read again.

    Parameters
    ----------
    universe : MDAnalysis.Universe
        From `ufpnmr.trajectory.open`.
    selection : str
        MDAnalysis selection of the ions.
    drift : {"framework", "com", "none"}
        What is subtracted.
    folder : path
        Must exist and hold 12 bytes per ion and frame.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; create it first")
    time = time_axis(universe)
    ions = select(universe, selection)
    weights, mode = drift_weights(universe, ions, drift)
    file = folder / f"paths-{_address(universe, time, selection, mode)}.h5"
    if not file.is_file():
        source = str(universe.trajectory.filename)
        frames = max(1, min(FRAMES_AT_ONCE, (64 << 20) // (24 * ions.n_atoms)))
        positions, cells = np.empty((frames, ions.n_atoms, 3)), np.empty((frames, 3, 3))
        with ScratchWriter(file, len(time), np.asarray(ions.ids, dtype=np.int64)) as writer:
            held = 0
            for now, cell, _ in relative_frames(universe, ions, weights):
                positions[held], cells[held] = now, cell
                held += 1
                if held == frames:
                    writer.append(positions, cells)
                    held = 0
            if held:
                writer.append(positions[:held], cells[:held])
            writer.finish(time, mode, selection, source, dict(getattr(universe.trajectory, "left_out", {})))
    return ScratchPaths.open(file)


def _address(universe: Any, time: Floats, selection: str, mode: str) -> str:
    digest = hashlib.sha256()
    names = universe.trajectory.filename
    for name in [names] if isinstance(names, (str, Path)) else names or []:
        path = Path(name)
        if not path.is_file():
            continue
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns} ".encode())
        with open(path, "rb") as stream:
            digest.update(stream.read(_PROBE))
            stream.seek(max(0, state.st_size - _PROBE))
            digest.update(stream.read(_PROBE))
    digest.update(time.tobytes())
    digest.update(f"{universe.atoms.n_atoms} {selection} {mode}".encode())
    return digest.hexdigest()[:16]
