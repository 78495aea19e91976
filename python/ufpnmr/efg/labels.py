"""Field gradients from electronic-structure calculations: extxyz with ``efg:R:9``, or magres."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.magres import read_magres
from ufpnmr.efg.point_charges import unit_charge_gradients
from ufpnmr.efg.tensors import to_voigt6, traceless
from ufpnmr.errors import InputError, nearest
from ufpnmr.structures import content_uid, read_atoms
from ufpnmr.units import EFG_AU_IN_V_PER_A2

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "UNITS",
    "Labelled",
    "LabelledColumns",
    "LabelledTensors",
    "check_gradients",
    "check_units",
    "coordination_names",
    "outliers",
    "read_columns",
    "read_tensors",
]

Array = NDArray[np.float64]

UNITS = {"V/Ang^2": 1.0, "au": EFG_AU_IN_V_PER_A2}
"""Units of a label file, in V/Å²."""
_ALLOWED = 0.3
"""Trace or antisymmetric part, relative to the rms tensor, beyond which an array is no field gradient."""
_OUTLIER = 8.0


class Labelled(Protocol):
    """A structure with labels at some atoms; see `LabelledTensors`."""

    @property
    def atoms(self) -> Atoms:
        """The structure."""

    @property
    def centres(self) -> NDArray[np.intp]:
        """Atoms with a label."""

    @property
    def group(self) -> str:
        """What a split never divides."""

    @property
    def config_type(self) -> str | None:
        """Kind of configuration."""


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledTensors:
    """A structure and the field gradients at some of its atoms.

    Attributes
    ----------
    atoms : ase.Atoms
    centres : (n,) int
        Atoms with a label.
    V : (n, 6) V/Å²
        Labels xx yy zz xy xz yz, symmetrised and traceless.
    group : str
        Run, melt or structure: what a split never divides.
    config_type : str or None
        Kind of configuration.
    site : (n,) str or None
        Kind of site, if the file says so.
    source, index
        File and number of the structure in it.
    """

    atoms: Atoms
    centres: NDArray[np.intp]
    V: Array
    group: str
    config_type: str | None = None
    site: NDArray[np.str_] | None = None
    source: str = "<memory>"
    index: int = 0

    @property
    def where(self) -> str:
        """How messages name this structure."""
        return f"{self.source}: structure {self.index}"


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
    columns: Array
    V: Array
    group: NDArray[np.str_]
    structure: NDArray[np.int64]

    @classmethod
    def from_tensors(
        cls, structures: Sequence[LabelledTensors], species: tuple[str, ...] | None = None
    ) -> LabelledColumns:
        """Sum the columns of the point-charge fit; `species` are those of the structures if not given."""
        if species is None:
            species = tuple(sorted({str(symbol) for s in structures for symbol in s.atoms.symbols}))
        columns = [
            unit_charge_gradients(
                s.atoms.cell.array, s.atoms.positions, list(map(str, s.atoms.symbols)), species, s.centres
            )
            for s in structures
        ]
        counts = [len(s.centres) for s in structures]
        return cls(
            species,
            np.concatenate(columns),
            np.concatenate([s.V for s in structures]),
            np.repeat([s.group for s in structures], counts),
            np.repeat(np.arange(len(structures)), counts),
        )


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
    structures = read_tensors(path, [centre])
    for structure in structures:
        if "group" not in structure.atoms.info:
            raise InputError(f"{structure.where}: expected group=NAME (run or melt it was taken from), found none")
    return LabelledColumns.from_tensors(structures)


def read_tensors(
    path: str | Path,
    centres: Sequence[str],
    *,
    units: str | None = None,
    sign: int = 1,
    group: str = "group",
    site: str = "site",
    allow_missing: bool = False,
) -> list[LabelledTensors]:
    """Read structures with field gradients.

    Parameters
    ----------
    path : path
        magres, or extxyz (plain or compressed) with the per-atom array ``efg:R:9``, row by row, NaN at atoms without a
        label, and the unit in the header key ``efg_units``.
    centres : sequence of str
        Elements whose labels are read.
    units : str, optional
        "au" or "V/Ang^2", for extxyz files that do not say so themselves. A file that says otherwise is refused.
    sign : int
        -1 for codes whose tensors have the opposite sign: a positive charge on z must give V_zz > 0.
    group : str
        Header key of the run that a structure was taken from; without it a structure is a group of its own, equal
        ones together.
    site : str
        Per-atom array that names the kind of site.
    allow_missing : bool
        Whether some atoms of the centre species may lack a label in a magres file.

    Raises
    ------
    InputError
        A file that cannot be read; a structure without labels or unit; tensors of a wrong shape, with NaN among
        numbers, or that are no field gradients.

    Warns
    -----
    UserWarning
        A trace or antisymmetric part above 1e-3 of ‖V‖ and 1e-5 a.u. (removed).
    """
    path = Path(path)
    if units is not None and units not in UNITS:
        raise InputError(f"units of field gradients: expected V/Ang^2 or au, found {units!r}{nearest(units, UNITS)}")
    if sign not in (1, -1):
        raise InputError(f"sign: expected 1 or -1, found {sign}")
    magres = path.suffix == ".magres"
    frames = [read_magres(path, centres, allow_missing=allow_missing)] if magres else read_atoms(path)
    structures = []
    for number, atoms in enumerate(frames):
        where = f"{path}: structure {number}"
        tensors = sign * _unit(where, atoms, units) * _matrices(where, atoms)
        elements = list(map(str, atoms.symbols))
        known = np.isfinite(tensors).all(axis=(1, 2))
        if (partly := ~known & np.isfinite(tensors).any(axis=(1, 2))).any():
            raise InputError(f"{where}: efg of atom {int(partly.argmax())}: NaN among numbers; expected nine or none")
        chosen = np.array([i for i in np.flatnonzero(known) if elements[i] in centres], dtype=np.intp)
        if not len(chosen):
            raise InputError(f"{where}: expected labels on {' '.join(centres)}, found none")
        check_gradients(where, tensors[chosen])
        sites = atoms.arrays.get(site)
        structures.append(
            LabelledTensors(
                atoms,
                chosen,
                traceless(to_voigt6(tensors[chosen])),
                str(atoms.info.get(group, content_uid(atoms))),
                None if "config_type" not in atoms.info else str(atoms.info["config_type"]),
                None if sites is None else sites[chosen].astype(np.str_),
                str(path),
                number,
            )
        )
    return structures


def coordination_names(structures: Sequence[LabelledTensors], ligand: str, radius: float) -> list[str]:
    """Name the site of every labelled atom by its ligands within `radius` (Å): "LiS4", "LiS6"; structure by structure.

    Raises
    ------
    InputError
        A radius that is not positive, or a structure without that element.
    """
    from ase.neighborlist import neighbor_list

    if not radius > 0:
        raise InputError(f"expected a radius above 0 Å, found {radius:g}")
    names = []
    for structure in structures:
        atoms = structure.atoms
        elements = np.array(atoms.symbols, dtype=str)
        if ligand not in elements:
            raise InputError(f"{structure.where}: expected {ligand} among {', '.join(sorted(set(elements)))}")
        centre, neighbour = neighbor_list("ij", atoms, radius)  # type: ignore[no-untyped-call]
        counts = np.bincount(centre[elements[neighbour] == ligand], minlength=len(atoms))
        names += [f"{elements[k]}{ligand}{counts[k]}" for k in structure.centres]
    return names


def check_units(structures: Sequence[LabelledTensors]) -> None:
    """Refuse structures whose tensors are larger or smaller than the others by about what au and V/Å² differ by.

    Raises
    ------
    InputError
        Names them and asks: the unit is not guessed.
    """
    factor = EFG_AU_IN_V_PER_A2
    size = np.array([float(np.sqrt(np.mean(s.V**2))) for s in structures])
    typical = float(np.median(size[size > 0])) if (size > 0).any() else 0.0
    for name, unit in (("larger", factor), ("smaller", 1 / factor)):
        odd = [s for s, value in zip(structures, size, strict=True) if 0.35 < value / (typical or 1.0) / unit < 2.8]
        if odd:
            raise InputError(
                f"{odd[0].where}: its tensors are {factor:.0f} times {name} than those of most others (so are those of "
                f"{len(odd) - 1} more), which is what 1 au has in V/Å²; which unit are they in? Correct efg_units "
                "there, or set check_units = false if they are right"
            )


def outliers(structures: Sequence[LabelledTensors]) -> list[str]:
    """Return the atoms whose tensor is more than eight times the median, as text for a report."""
    norm = [np.linalg.norm(s.V * [1, 1, 1, 2**0.5, 2**0.5, 2**0.5], axis=1) for s in structures]
    limit = _OUTLIER * float(np.median(np.concatenate(norm)))
    return [
        f"{s.where}: atom {atom}: |V| = {value:.3g} V/Å², {_OUTLIER:g} times the median is {limit:.3g}"
        for s, values in zip(structures, norm, strict=True)
        for atom, value in zip(s.centres, values, strict=True)
        if value > limit
    ]


def _unit(where: str, atoms: Atoms, given: str | None) -> float:
    stated = atoms.info.get("efg_units")
    if stated is None and given is None:
        raise InputError(f"{where}: expected efg_units=V/Ang^2 or au, found none; say it in the file or with the units")
    if stated is not None and stated not in UNITS:
        raise InputError(f"{where}: expected efg_units=V/Ang^2 or au, found {stated!r}")
    if stated is not None and given is not None and stated != given:
        raise InputError(f"{where}: the file says efg_units={stated}, but {given} was given; which is it?")
    return UNITS[str(stated if stated is not None else given)]


def _matrices(where: str, atoms: Atoms) -> Array:
    """Per-atom tensors (N, 3, 3), unit of the file."""
    if "efg" not in atoms.arrays:
        raise InputError(f"{where}: expected per-atom labels efg:R:9, found {', '.join(atoms.arrays)}")
    try:
        tensors = np.asarray(atoms.arrays["efg"], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where}: efg: expected numbers, found text") from None
    if tensors.size != 9 * len(atoms) or tensors.ndim < 2:
        raise InputError(
            f"{where}: efg: expected nine numbers per atom (efg:R:9, row by row), found shape {tensors.shape}"
        )
    return tensors.reshape(-1, 3, 3)


def check_gradients(where: str, V: Array, *, quiet: bool = False) -> bool:
    """Refuse tensors (n, 3, 3) V/Å² that are no field gradients, and warn of what rounding does not explain.

    Parameters
    ----------
    where : str
        File and structure, for messages.
    V : (n, 3, 3) V/Å²
    quiet : bool
        Do not warn.

    Returns
    -------
    Whether there was something to warn of.

    Raises
    ------
    InputError
        A trace or antisymmetric part above 30 % of their rms norm.

    Warns
    -----
    UserWarning
        One above 1e-3 of ‖V‖ and 1e-5 a.u.
    """
    norm = np.linalg.norm(V, axis=(1, 2))
    trace = np.abs(np.trace(V, axis1=1, axis2=2))
    skew = np.linalg.norm(V - np.swapaxes(V, 1, 2), axis=(1, 2)) / 2
    worst = np.maximum(trace, skew)
    text = f"{where}: expected symmetric traceless tensors, found a trace or skew part of {worst.max():.2g} V/Å²"
    if worst.max() > _ALLOWED * np.sqrt(np.mean(norm**2)) and worst.max() > 1e-3 * EFG_AU_IN_V_PER_A2:
        raise InputError(f"{text}, which is no rounding; are these field gradients, row by row?")
    unclean = bool(np.any(worst > np.maximum(1e-3 * norm, 1e-5 * EFG_AU_IN_V_PER_A2)))
    if unclean and not quiet:
        warnings.warn(f"{text} (removed)", stacklevel=3)
    return unclean
