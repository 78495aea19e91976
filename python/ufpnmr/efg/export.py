"""A tensor series and its trajectory as extended XYZ, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.efg.frames import frame_cell, frame_positions
from ufpnmr.efg.labels import UNITS
from ufpnmr.efg.tensors import to_matrix

if TYPE_CHECKING:
    from MDAnalysis import Universe

__all__ = ["write_extxyz"]


def write_extxyz(series: str | Path, universe: Universe, output: str | Path, units: str) -> None:
    """Write the frames with ``efg:R:9`` (row by row, NaN where an atom has none), ``efg_units``, ``id`` and ``time``.

    ``indices`` counts the atoms of each element from 1, as magres files do; `soprano nmr` asks for it.

    Parameters
    ----------
    series : path
        `TensorSeries` of this trajectory, all frames; read frame by frame.
    universe : MDAnalysis.Universe
    output : path
        An existing file is replaced whole.
    units : str
        "au", which ASE and Soprano take efg to be in, or "V/Ang^2".
    """
    import h5py
    from ase import Atoms
    from ase.io.extxyz import write_extxyz as write

    output = Path(output)
    partial = output.with_name(output.name + ".partial")
    elements, ids = list(map(str, universe.atoms.elements)), np.asarray(universe.atoms.ids, dtype=np.int64)
    indices = np.empty(len(elements), dtype=np.int64)
    for element in set(elements):
        mine = np.array(elements) == element
        indices[mine] = np.arange(1, mine.sum() + 1)
    with h5py.File(series, "r") as file, open(partial, "w", encoding="utf-8") as stream:
        centres = np.searchsorted(ids, file["ids"][()])
        for ts in universe.trajectory:
            atoms = Atoms(elements, frame_positions(ts), cell=frame_cell(ts), pbc=True)
            tensors = np.full((len(atoms), 9), np.nan)
            V = to_matrix(file["V"][ts.frame].astype(np.float64)) / UNITS[units]
            tensors[centres] = V.reshape(-1, 9)
            atoms.arrays |= {"id": ids, "indices": indices, "efg": tensors}
            atoms.info = {"efg_units": units, "time": float(file["time"][ts.frame])}
            write(stream, [atoms], columns=["symbols", "positions", "id", "indices", "efg"])
    partial.replace(output)
