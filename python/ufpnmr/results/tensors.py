"""Field gradient tensors of selected ions along a trajectory, and a writer that survives being killed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr.errors import InputError
from ufpnmr.results.storage import StoredResult, array

if TYPE_CHECKING:
    import h5py

__all__ = ["TensorSeries", "TensorSeriesWriter", "partial_path"]

_TIME_TOLERANCE = 1e-3
"""Of a frame interval: time axes that agree to this are the same (formats round times to six digits)."""
_SEAM_TOLERANCE = 0.01
"""Relative rms difference allowed at a frame that both parts of a continued run hold."""


@dataclasses.dataclass(frozen=True, repr=False)
class TensorSeries(StoredResult):
    """Electric field gradient tensors V_ab = ∂²φ/∂x_a∂x_b of N ions at T times.

    Attributes
    ----------
    time : (T,) float64, ps
    ids : (N,) int64
        Atom identities of the trajectory, in the order of `V`.
    V : (T, N, 6) float32, V/Å²
        Components xx yy zz xy xz yz, symmetric and traceless.
    cell : (T, 3, 3) float64, Å
        Rows a, b, c.
    engine : str
        What computed the tensors.
    axes : str
        Which crystal axes the box axes are, e.g. ``"x=a y=b z=c (Pnma)"``; empty if nobody said.
    """

    schema: ClassVar[str] = "ufpnmr.TensorSeries"

    time: NDArray[np.float64] = array("ps", "(T,)")
    ids: NDArray[np.int64] = array("1", "(N,)")
    V: NDArray[np.float32] = array("V/Å²", "(T, N, 6)")
    cell: NDArray[np.float64] = array("Å", "(T, 3, 3)")
    engine: str = ""
    axes: str = ""

    def __post_init__(self) -> None:
        for name, dtype in (("time", np.float64), ("ids", np.int64), ("V", np.float32), ("cell", np.float64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        n_frames, n_ions = self.time.size, self.ids.size
        for name, shape in (("time", (n_frames,)), ("V", (n_frames, n_ions, 6)), ("cell", (n_frames, 3, 3))):
            if getattr(self, name).shape != shape:
                raise InputError(f"expected {name} of shape {shape}, found {getattr(self, name).shape}")
        if np.any(np.diff(self.time) <= 0):
            frame = int(np.argmax(np.diff(self.time) <= 0)) + 1
            raise InputError(
                f"expected times that increase, found {self.time[frame]} ps after {self.time[frame - 1]} ps"
            )

    @classmethod
    def read(cls, path: str | Path) -> TensorSeries:
        """Read a finished series.

        Raises
        ------
        InputError
            No such file, another schema, a newer version, or a series that is not finished.
        """
        import h5py

        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                if "frames_done" in file and file["frames_done"][0] < len(file["time"]):
                    raise InputError(
                        f"{path}: unfinished, {file['frames_done'][0]} of {len(file['time'])} frames; repeat "
                        "the command that wrote it, it continues there"
                    )
        return super().read(path)

    @property
    def interval(self) -> float:
        """Time between frames, ps.

        Raises
        ------
        InputError
            Fewer than two frames, or frames that are not evenly spaced.
        """
        if self.time.size < 2:
            raise InputError(f"expected at least two frames to know the interval, found {self.time.size}")
        steps = np.diff(self.time)
        usual = float(np.median(steps))
        uneven = np.abs(steps - usual) > _TIME_TOLERANCE * usual
        if uneven.any():
            frame = int(np.argmax(uneven))
            raise InputError(f"expected frames every {usual:.6g} ps, found {steps[frame]:.6g} ps after frame {frame}")
        return float(steps.mean())

    def append(self, later: TensorSeries) -> TensorSeries:
        """Join the continuation of the same run.

        A first frame of `later` that repeats the last one here (a restart writes it again) is compared and dropped.

        Parameters
        ----------
        later : TensorSeries
            Same ions, engine and axes; its times continue this time axis at the same interval.

        Raises
        ------
        InputError
            Anything that shows that `later` is not the continuation.
        """
        for name in ("engine", "axes"):
            here, there = getattr(self, name), getattr(later, name)
            if here != there:
                raise InputError(f"expected a continuation with {name} {here!r}, found {there!r}")
        if not np.array_equal(self.ids, later.ids):
            raise InputError(f"expected a continuation with the same {self.ids.size} atom ids in the same order")
        step = self.interval
        gap = float(later.time[0] - self.time[-1]) if later.time.size else step
        skip = 0
        if abs(gap) < _TIME_TOLERANCE * step:
            difference = np.linalg.norm(later.V[0] - self.V[-1]) / (np.linalg.norm(self.V[-1]) or 1.0)
            if difference > _SEAM_TOLERANCE:
                raise InputError(
                    f"both parts hold a frame at {self.time[-1]:.6g} ps, but their tensors differ by "
                    f"{100 * difference:.2g} % (expected below {100 * _SEAM_TOLERANCE:g} %): not the same run"
                )
            skip = 1
        elif abs(gap - step) > _TIME_TOLERANCE * step:
            raise InputError(
                f"expected a continuation that starts at {self.time[-1] + step:.6g} ps, found {later.time[0]:.6g} ps"
            )
        joined = dataclasses.replace(
            self,
            time=np.concatenate([self.time, later.time[skip:]]),
            V=np.concatenate([self.V, later.V[skip:]]),
            cell=np.concatenate([self.cell, later.cell[skip:]]),
            provenance={"parts": [*_parts(self), *_parts(later)]},
        )
        if joined.time.size > self.time.size:
            _ = joined.interval
        return joined


def _parts(series: TensorSeries) -> list[Any]:
    parts = series.provenance.get("parts")
    return list(parts) if isinstance(parts, list) else [series.provenance]


def partial_path(path: str | Path) -> Path:
    """Return where `TensorSeriesWriter` keeps an unfinished series: ``PATH.partial``."""
    path = Path(path)
    return path.with_name(path.name + ".partial")


class TensorSeriesWriter:
    """Write a `TensorSeries` block by block; after a kill the same call continues behind the last block.

    The unfinished file is ``PATH.partial``. All its space is laid out when it is created, and that file appears under
    its name only when complete; afterwards only numbers inside arrays change, the count of finished frames last.
    So a kill at any point leaves a file that can be continued. `close` renames it to `path` once every frame is there.

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
        See `ufpnmr.provenance.collect`.
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
        if not self.partial.exists():
            self._create(engine, axes, provenance or {})
        self._file: h5py.File | None = _locked(self.partial)

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
        new.replace(self.partial)

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
