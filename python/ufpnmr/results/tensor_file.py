"""A finished tensor series that stays on disk: what does not fit into memory is read a few ions at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.results.tensors import TensorSeries

if TYPE_CHECKING:
    import h5py

__all__ = ["TensorFile"]


class TensorFile:
    """An open tensor series, with the attributes of `TensorSeries`; use it in a ``with`` block.

    Attributes
    ----------
    time : (T,) float64, ps
    ids : (N,) int64
    V : h5py.Dataset (T, N, 6) float32, V/Å²
        Read when it is sliced.
    cell : (T, 3, 3) float64, Å
    engine, axes : str

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    InputError
        No such file, another schema, a newer version, or a series that is not finished.
    """

    def __init__(self, path: str | Path) -> None:
        import h5py

        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a {TensorSeries.schema} file")
        if not h5py.is_hdf5(path):
            raise InputError(f"{path}: expected a {TensorSeries.schema} file (HDF5), found another format")
        self._file: h5py.File = h5py.File(path, "r")
        attributes = self._file.attrs
        try:
            TensorSeries._check(path, attributes.get("schema"), attributes.get("schema_version", 0))
            done, total = int(self._file.get("frames_done", [len(self._file["time"])])[0]), len(self._file["time"])
            if done < total:
                raise InputError(
                    f"{path}: unfinished, {done} of {total} frames; repeat the command that wrote it, "
                    "it continues there"
                )
        except BaseException:
            self._file.close()
            raise
        self.time: NDArray[np.float64] = self._file["time"][()]
        self.ids: NDArray[np.int64] = self._file["ids"][()]
        self.cell: NDArray[np.float64] = self._file["cell"][()]
        self.V: h5py.Dataset = self._file["V"]
        self.engine: str = json.loads(attributes.get("engine", '""'))
        self.axes: str = json.loads(attributes.get("axes", '""'))

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
