"""Field gradient tensors of selected ions along a trajectory."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.results.storage import StoredResult, array

if TYPE_CHECKING:
    import h5py

__all__ = ["TensorSeries", "later_runs"]

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
    provenance : dict
        Of the run that began the series; those that continued it after an interruption are in ``continued``.
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
                continued = later_runs(file)
            series = super().read(path)
            return dataclasses.replace(
                series, provenance={**series.provenance, "continued": continued} if continued else series.provenance
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


def later_runs(file: h5py.File) -> list[dict[str, Any]]:
    """Return what `TensorSeriesWriter` noted of the runs that continued a series."""
    if "runs" not in file:
        return []
    whole, _, _ = file["runs"][()].tobytes().rpartition(b"\n")  # a kill may have cut the last note
    return [json.loads(line) for line in whole.splitlines()]


def _parts(series: TensorSeries) -> list[Any]:
    parts = series.provenance.get("parts")
    return list(parts) if isinstance(parts, list) else [series.provenance]
