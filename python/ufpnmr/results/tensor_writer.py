"""A writer of tensor series that survives being killed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ufpnmr.errors import InputError
from ufpnmr.results.tensors import TensorSeries, later_runs

if TYPE_CHECKING:
    import h5py

__all__ = ["TensorSeriesWriter", "partial_path"]

_NOTES = 1 << 16
"""Bytes laid out for notes of later runs, 100 to 300 of them; further ones are not noted."""


def partial_path(path: str | Path) -> Path:
    """Return where `TensorSeriesWriter` keeps an unfinished series: ``PATH.partial``."""
    path = Path(path)
    return path.with_name(path.name + ".partial")


class TensorSeriesWriter:
    """Write a `TensorSeries` block by block; after a kill the same call continues behind the last block.

    The unfinished file is ``PATH.partial``. All its space is laid out when it is created, and that file appears under
    its name only when complete; afterwards only numbers inside arrays change, the count of finished frames last.
    So a kill at any point leaves a file that can be continued. `close` renames it to `path` once every frame is there.
    Runs that continue are noted in the file, see `TensorSeries.provenance`.

    Parameters
    ----------
    path : path
        File to write.
    time : (T,) ps
        Times of all frames.
    ids : (N,)
        Atom identities.
    engine, axes : str
        As in `TensorSeries`.
    key : mapping of str to str
        What the tensors depend on (hash of the model, fingerprint of the trajectory ...). An unfinished file with
        another key is refused.
    provenance : dict, optional
        See `ufpnmr.provenance.collect`. That of a later run is noted without inputs and parameters, which are the same.
    resume : bool
        Continue an unfinished file; if False it is thrown away.
    overwrite : bool
        Throw an unfinished file of other work away instead of refusing it.

    Raises
    ------
    InputError
        An unfinished file of other work is in the way.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        time: ArrayLike,
        ids: ArrayLike,
        engine: str,
        axes: str = "",
        key: Mapping[str, str],
        provenance: dict[str, Any] | None = None,
        resume: bool = True,
        overwrite: bool = False,
    ) -> None:
        self.path, self.partial = Path(path), partial_path(path)
        self._time = np.asarray(time, dtype=np.float64)
        self._ids = np.asarray(ids, dtype=np.int64)
        self._key = dict(key)
        if not resume:
            self.partial.unlink(missing_ok=True)
        if self.partial.exists():
            differing = self._differences()
            if differing and not overwrite:
                raise InputError(
                    f"{self.partial}: unfinished work with another {', another '.join(differing)}; remove it, force "
                    "overwriting or give another output name"
                )
            if differing:
                self.partial.unlink()
        new = not self.partial.exists()
        if new:
            self._create(engine, axes, provenance or {})
        self._file: h5py.File | None = _locked(self.partial)
        if not new:
            self._note_run(provenance or {})

    def _create(self, engine: str, axes: str, provenance: dict[str, Any]) -> None:
        import h5py

        n_frames, n_ions = self._time.size, self._ids.size
        new = self.partial.with_name(self.partial.name + ".new")
        with h5py.File(new, "w") as file:
            file.attrs["schema"] = TensorSeries.schema
            file.attrs["schema_version"] = TensorSeries.schema_version
            for name, value in {"engine": engine, "axes": axes, "provenance": provenance, "key": self._key}.items():
                file.attrs[name] = json.dumps(value)
            units = TensorSeries._array_fields()
            file.create_dataset("time", data=self._time).attrs.update(units["time"])
            file.create_dataset("ids", data=self._ids).attrs.update(units["ids"])
            for name, shape, dtype in (("V", (n_frames, n_ions, 6), "f4"), ("cell", (n_frames, 3, 3), "f8")):
                dataset = _laid_out(file, name, shape, dtype)
                dataset.attrs.update(units[name])
            file.create_dataset("frames_done", data=np.zeros(1, dtype=np.int64))
            file.create_dataset("runs", data=np.zeros(_NOTES, dtype=np.uint8))
        new.replace(self.partial)

    def _note_run(self, provenance: dict[str, Any]) -> None:
        """Add a line to the notes."""
        note = {name: value for name, value in provenance.items() if name not in ("inputs", "parameters")}
        notes = [*later_runs(self._open), {"first_frame": self.frames_done, **note}]
        text = "".join(json.dumps(each) + "\n" for each in notes).encode()
        if len(text) <= _NOTES:
            self._open["runs"][()] = np.frombuffer(text.ljust(_NOTES, b"\0"), dtype=np.uint8)
            self._open.flush()

    def _differences(self) -> list[str]:
        """Names of what the unfinished file has different from this work."""
        import h5py

        if not h5py.is_hdf5(self.partial):
            return ["format"]
        with _locked(self.partial) as file:
            if file.attrs.get("schema") != TensorSeries.schema or "key" not in file.attrs:
                return ["schema"]
            found = json.loads(file.attrs["key"])
            differing = [name for name in {**found, **self._key} if found.get(name) != self._key.get(name)]
            if not np.array_equal(file["ids"][()], self._ids):
                differing.append("list of atom ids")
            if not np.array_equal(file["time"][()], self._time):
                differing.append("time axis")
        return differing

    @property
    def _open(self) -> h5py.File:
        if self._file is None:
            raise ValueError("the writer is closed")
        return self._file

    @property
    def n_frames(self) -> int:
        """Number of frames of the finished series."""
        return int(self._time.size)

    @property
    def frames_done(self) -> int:
        """Number of frames on disk; the next block starts there."""
        return int(self._open["frames_done"][0])

    def write(self, V: ArrayLike, cell: ArrayLike) -> None:
        """Add the next frames.

        Parameters
        ----------
        V : (B, N, 6) V/Å²
            Components xx yy zz xy xz yz.
        cell : (B, 3, 3) Å
            Rows a, b, c.
        """
        V = np.asarray(V, dtype=np.float32)
        cell = np.asarray(cell, dtype=np.float64)
        file, start = self._open, self.frames_done
        stop = start + len(V)
        if V.shape[1:] != (self._ids.size, 6) or cell.shape != (len(V), 3, 3) or stop > self.n_frames:
            raise ValueError(
                f"expected at most {self.n_frames - start} frames of shape ({self._ids.size}, 6) with their cells, "
                f"found {V.shape} and {cell.shape}"
            )
        file["V"][start:stop] = V
        file["cell"][start:stop] = cell
        file.flush()
        file["frames_done"][0] = stop
        file.flush()

    def close(self) -> None:
        """Close; a complete series gets its final name."""
        if self._file is None:
            return
        complete = self.frames_done == self.n_frames
        self._file.close()
        self._file = None
        if complete:
            self.partial.replace(self.path)

    def __enter__(self) -> TensorSeriesWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _locked(path: Path) -> h5py.File:
    import h5py

    try:
        return h5py.File(path, "r+")
    except BlockingIOError:
        raise InputError(f"{path}: another process is writing it; wait or give another name") from None


def _laid_out(file: h5py.File, name: str, shape: tuple[int, ...], dtype: str) -> h5py.Dataset:
    """Chunked data set whose space is all allocated now: writing to it later changes no structure of the file."""
    import h5py

    frame = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
    chunk = (max(1, min(shape[0], (1 << 20) // max(frame, 1))), *shape[1:])
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(chunk)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple(shape)
    identifier = h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, properties)
    return h5py.Dataset(identifier)
