"""Field gradients from electronic-structure calculations, as an extxyz file holds them."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.point_charges import unit_charge_gradients
from ufpnmr.efg.tensors import to_voigt6, traceless
from ufpnmr.errors import InputError
from ufpnmr.units import EFG_AU_IN_V_PER_A2

__all__ = ["LabelledColumns", "read_columns"]

_UNIT_IN_V_PER_A2 = {"V/Ang^2": 1.0, "au": EFG_AU_IN_V_PER_A2}


@dataclasses.dataclass(frozen=True)
class LabelledColumns:
    """Labels and the columns of the linear fit, one row per labelled atom.

    Attributes
    ----------
    species : tuple of str
        One column each.
    columns : (M, S, 6) V/Å² per e
        E^(a) of `ufpnmr.efg.point_charges.unit_charge_gradients`.
    V : (M, 6) V/Å²
        Labels, symmetrised and traceless.
    group : (M,) str
        Structures of one run or melt share a group; a split never divides one.
    structure : (M,) int
        Number of the structure in the file.
    """

    species: tuple[str, ...]
    columns: NDArray[np.float64]
    V: NDArray[np.float64]
    group: NDArray[np.str_]
    structure: NDArray[np.int64]


def read_columns(path: str | Path, centre: str) -> LabelledColumns:
    """Read ``efg:R:9`` labels (NaN where an atom has none) and sum the columns of the point-charge fit.

    Parameters
    ----------
    path : path
        extxyz, plain or compressed. Each structure names its unit (``efg_units`` = ``V/Ang^2`` or ``au``) and its
        ``group``.
    centre : str
        Element whose labels are read.

    Raises
    ------
    InputError
        A structure without labels, unit or group.

    Warns
    -----
    UserWarning
        A trace or an antisymmetric part above 1e-3 of ‖V‖ and 1e-5 a.u.: more than the rounding of printed files.
    """
    from ase.io import read

    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected labelled structures (extxyz)")
    structures = read(path, index=":", format="extxyz")
    species = tuple(sorted({element for atoms in structures for element in atoms.get_chemical_symbols()}))
    columns, labels, group, structure = [], [], [], []
    for number, atoms in enumerate(structures):
        where = f"{path}: structure {number}"
        if "efg" not in atoms.arrays:
            raise InputError(f"{where}: expected per-atom labels efg:R:9, found {', '.join(atoms.arrays)}")
        if atoms.info.get("efg_units") not in _UNIT_IN_V_PER_A2:
            raise InputError(f"{where}: expected efg_units=V/Ang^2 or au, found {atoms.info.get('efg_units')!r}")
        if "group" not in atoms.info:
            raise InputError(f"{where}: expected group=NAME (run or melt it was taken from), found none")
        tensors = atoms.arrays["efg"].reshape(-1, 3, 3) * _UNIT_IN_V_PER_A2[atoms.info["efg_units"]]
        elements = atoms.get_chemical_symbols()
        centres = [i for i, V in enumerate(tensors) if elements[i] == centre and np.isfinite(V).all()]
        if not centres:
            raise InputError(f"{where}: expected labels on {centre}, found none")
        _warn_if_not_a_gradient(where, tensors[centres])
        columns.append(unit_charge_gradients(atoms.cell.array, atoms.positions, elements, species, centres))
        labels.append(traceless(to_voigt6(tensors[centres])))
        group += [str(atoms.info["group"])] * len(centres)
        structure += [number] * len(centres)
    return LabelledColumns(
        species, np.concatenate(columns), np.concatenate(labels), np.array(group), np.array(structure)
    )


def _warn_if_not_a_gradient(where: str, V: NDArray[np.float64]) -> None:
    norm = np.linalg.norm(V, axis=(1, 2))
    trace = np.abs(np.trace(V, axis1=1, axis2=2))
    skew = np.linalg.norm(V - np.swapaxes(V, 1, 2), axis=(1, 2)) / 2
    worst = np.maximum(trace, skew)
    if np.any(worst > np.maximum(1e-3 * norm, 1e-5 * EFG_AU_IN_V_PER_A2)):
        warnings.warn(
            f"{where}: expected symmetric traceless tensors, found a trace or antisymmetric part of "
            f"{worst.max():.2g} V/Å² (removed)",
            stacklevel=3,
        )
