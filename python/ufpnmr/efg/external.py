"""Tensors that other programs predicted, carried by a trajectory: into a tensor series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr import provenance
from ufpnmr.efg.frames import frame_cell
from ufpnmr.efg.labels import UNITS, check_gradients
from ufpnmr.efg.tensors import to_matrix, to_voigt6, traceless
from ufpnmr.errors import InputError, nearest
from ufpnmr.results.tensor_writer import TensorSeriesWriter

if TYPE_CHECKING:
    from MDAnalysis import Universe

__all__ = ["COLUMN", "import_series"]

Array = NDArray[np.float64]

COLUMN = "c_efg"
"""Columns c_efg[1] ... c_efg[6] of a dump: `compute efg efg/atom`, in V/Å² by definition."""
_BLOCK = 128


def import_series(
    universe: Universe,
    output: str | Path = "efg.h5",
    selection: str | None = None,
    *,
    column: str = COLUMN,
    units: str | None = None,
    origin: str = "",
    axes: str = "",
    start_time: float = 0.0,
    overwrite: bool = False,
    inputs: tuple[str | Path, ...] = (),
    progress: Callable[[int], object] | None = None,
) -> tuple[int, int]:
    """Write the tensors that a trajectory carries as a `TensorSeries`; return the numbers of frames and ions.

    Parameters
    ----------
    universe : MDAnalysis.Universe
        From `ufpnmr.trajectory.open`: extxyz with the per-atom array ``efg:R:9`` (row by row) and ``efg_units`` in the
        header, or a LAMMPS dump with the columns ``COLUMN[1]`` to ``COLUMN[6]``, xx yy zz xy xz yz.
    output : path
    selection : str, optional
        Ions, in MDAnalysis's selection language; those that have a tensor in the first frame if not given: nine
        numbers in extxyz, not all zero in a dump, where LAMMPS writes zeros for atoms outside the group of a compute.
    column : str
        Of a dump, e.g. ``f_mean`` of a ``fix ave/atom``.
    units : str, optional
        "V/Ang^2" or "au", for files that do not say it. One that says otherwise is refused.
    origin : str
        What computed the tensors: the `engine` of the series. The names of file and columns if empty.
    axes, start_time, overwrite, inputs, progress
        As `ufpnmr.efg.write_series`.

    Raises
    ------
    InputError
        No tensors, no unit, an ion without a tensor, tensors that are no field gradients, a frame without a cell, time
        axis unknown, `output` exists.

    Warns
    -----
    UserWarning
        A trace or antisymmetric part above 1e-3 of ‖V‖ and 1e-5 a.u. (removed); of the first such frame.
    """
    from ufpnmr.trajectory import time_axis
    from ufpnmr.trajectory.paths import select

    output = Path(output)
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists; give another name or allow overwriting")
    if units is not None and units not in UNITS:
        raise InputError(f"units of field gradients: expected V/Ang^2 or au, found {units!r}{nearest(units, UNITS)}")
    times = start_time + time_axis(universe)
    filename = Path(universe.trajectory.filename).name
    first = universe.trajectory[0]
    present = _present(_tensors(first, column, filename))
    if selection is None:
        ions = universe.atoms[np.flatnonzero(present)]
        if not len(ions):
            raise InputError(f"{filename}: frame 0: expected tensors, found none but zeros or NaN")
    else:
        ions = select(universe, selection)
    unit = _unit(first, column, units, filename)
    what = "efg" if first.data.get("efg") is not None else f"{column}[1..6]"
    described = provenance.collect(inputs, column=what, units=unit, selection=selection or "ions with a tensor")
    with TensorSeriesWriter(
        output,
        time=times,
        ids=ions.ids,
        engine=origin or f"imported from {filename} ({what}, {unit})",
        axes=axes,
        key={"origin": "import"},
        provenance=described,
        resume=False,
    ) as writer:
        for V, cells in _blocks(universe, ions, column, units, filename):
            writer.write(V, cells)
            if progress is not None:
                progress(len(V))
        return writer.n_frames, len(ions)


def _blocks(
    universe: Universe, ions: Any, column: str, units: str | None, filename: str
) -> Iterator[tuple[Array, Array]]:
    """Tensors (F, n, 6) V/Å² in the axes of the trajectory and cells (F, 3, 3) Å."""
    warned = False
    V, cells = [], []
    for ts in universe.trajectory:
        where = f"{filename}: frame {ts.frame}"
        tensors = _tensors(ts, column, filename)[ions.ix]
        lacking = np.flatnonzero(~np.isfinite(tensors).all(axis=(1, 2)))
        if lacking.size:
            raise InputError(f"{where}: expected a tensor of atom {ions.ids[lacking[0]]}, found NaN or infinity")
        tensors = tensors * UNITS[_unit(ts, column, units, filename)]
        warned = check_gradients(where, tensors, quiet=warned) or warned
        if (turn := ts.data.get("rotation")) is not None:
            tensors = turn @ tensors @ turn.T
        V.append(traceless(to_voigt6(tensors)))
        cells.append(frame_cell(ts))
        if len(V) == _BLOCK:
            yield np.array(V), np.array(cells)
            V, cells = [], []
    if V:
        yield np.array(V), np.array(cells)


def _tensors(ts: Any, column: str, filename: str) -> Array:
    """Tensors (N, 3, 3) of all atoms, unit and axes of the file."""
    names = [f"{column}[{k}]" for k in range(1, 7)]
    if all(name in ts.data for name in names):
        return to_matrix(np.column_stack([ts.data[name] for name in names]))
    if ts.data.get("efg") is None:
        found = ", ".join(name for name in ts.data if name.startswith(("c_", "f_"))) or "no column of a compute or fix"
        raise InputError(
            f"{filename}: frame {ts.frame}: expected the array efg:R:9 (extxyz) or columns {names[0]} to {names[-1]} "
            f"(dump; another name with --column), found {found}"
        )
    tensors = np.asarray(ts.data["efg"], dtype=np.float64)
    if tensors.shape[1:] not in ((9,), (3, 3)):
        raise InputError(f"{filename}: frame {ts.frame}: efg: expected nine numbers per atom, found {tensors.shape}")
    return tensors.reshape(-1, 3, 3)


def _present(tensors: Array) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(tensors).all(axis=(1, 2)) & (tensors != 0).any(axis=(1, 2)))


def _unit(ts: Any, column: str, given: str | None, filename: str) -> str:
    stated = ts.data.get("efg_units")
    if ts.data.get("efg") is None and column == COLUMN:
        stated = "V/Ang^2"
    where = f"{filename}: frame {ts.frame}"
    if stated is None and given is None:
        raise InputError(f"{where}: its tensors have no unit; give --efg-units V/Ang^2 or au (`units=`)")
    if stated is not None and stated not in UNITS:
        raise InputError(f"{where}: expected efg_units=V/Ang^2 or au, found {stated!r}")
    if stated is not None and given is not None and stated != given:
        raise InputError(f"{where}: its tensors are in {stated}, but {given} was given; which is it?")
    return str(stated if stated is not None else given)
