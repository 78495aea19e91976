"""One structure with its labels, and how it reaches an extxyz file."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import lzma
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from numpy.typing import NDArray

from ufpnmr.errors import InputError

__all__ = ["LabelledStructure", "content_uid", "extxyz_text", "unique_uids", "write_structures"]


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledStructure:
    """A structure and what an electronic-structure calculation says about it.

    Attributes
    ----------
    atoms : ase.Atoms
        Without calculator and constraints. ``info`` keeps what the file says beside the labels.
    energy : float or None
        eV. As ASE names it: for VASP "energy(sigma->0)", for CASTEP "NB est. 0K energy" where there is smearing, for
        Quantum ESPRESSO and CP2K the total energy they print. A free energy that differs stays in
        ``atoms.info["free_energy"]``; it is what forces are the derivative of where there is smearing.
    forces : (N, 3) eV/Å, or None
        Unconstrained: constraints of the file do not zero them.
    stress : (6,) eV/Å³, or None
        xx yy zz yz xz xy, ASE's sign: dE/d(strain)/volume, positive under tension.
    config_type, group : str or None
        Kind of configuration; run, melt or trajectory that structures share (a split never divides a group).
    uid : str or None
        Name that stays with the structure from queue to fit.
    source : str
        File it was read from.
    index : int
        Its number in that file, from 0.
    """

    atoms: Atoms
    energy: float | None = None
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None
    config_type: str | None = None
    group: str | None = None
    uid: str | None = None
    source: str = "<memory>"
    index: int = 0

    @property
    def where(self) -> str:
        """How messages name this structure."""
        return f"{self.source}: structure {self.index}" + (f" (uid {self.uid})" if self.uid is not None else "")

    def to_atoms(self) -> Atoms:
        """Return the structure as ASE holds labels: a copy with a `SinglePointCalculator`."""
        atoms: Atoms = self.atoms.copy()  # type: ignore[no-untyped-call]
        for key in ("uid", "config_type", "group"):
            if (value := getattr(self, key)) is not None:
                atoms.info[key] = value
        labels = {key: getattr(self, key) for key in ("energy", "forces", "stress") if getattr(self, key) is not None}
        if "free_energy" in atoms.info:
            labels["free_energy"] = atoms.info.pop("free_energy")
        if labels:
            atoms.calc = SinglePointCalculator(atoms, **labels)  # type: ignore[no-untyped-call]
        return atoms

    def __repr__(self) -> str:
        labels = [key for key in ("energy", "forces", "stress") if getattr(self, key) is not None]
        return (
            f"LabelledStructure({self.atoms.get_chemical_formula()}, {' '.join(labels) or 'no labels'}, {self.where})"  # type: ignore[no-untyped-call]
        )


def content_uid(atoms: Atoms) -> str:
    """Return a uid made of what the structure is: "s" and 16 digits of a SHA-256.

    Species, cell and positions (to 1e-6 Å) and periodicity decide it; labels and names do not. It is for files that
    are copied, not for positions that were written with other digits.
    """
    digest = hashlib.sha256()
    digest.update(np.asarray(atoms.numbers, dtype="<i8").tobytes())
    for values in (atoms.cell.array, atoms.positions):
        digest.update((np.rint(np.asarray(values) * 1e6) + 0.0).astype("<i8").tobytes())
    digest.update(np.asarray(atoms.pbc, dtype="u1").tobytes())
    return "s" + digest.hexdigest()[:16]


def unique_uids(frames: Sequence[Atoms], source: str | Path) -> list[str]:
    """Return the uid of every structure, its content's where ``info`` has none, and refuse one that occurs twice.

    Raises
    ------
    InputError
        Two structures share a uid, or one is empty or neither text nor integer (0.5, true).
    """
    uids: list[str] = []
    seen: dict[str, int] = {}
    for index, atoms in enumerate(frames):
        value = atoms.info.get("uid")
        if isinstance(value, (float, bool, np.floating, np.bool_)) or (value is not None and not str(value).strip()):
            raise InputError(
                f"{source}: structure {index}: uid: expected a name such as md-0042, found {value!r}; give it a name"
            )
        uid = content_uid(atoms) if value is None else str(value)
        if uid in seen:
            how = "the same content" if value is None else f"uid {uid!r}"
            raise InputError(
                f"{source}: structures {seen[uid]} and {index} have {how}; remove one or give each a uid of its own"
            )
        seen[uid] = index
        uids.append(uid)
    return uids


def extxyz_text(atoms: Atoms) -> str:
    """Return one structure as extended XYZ, labels of its calculator included."""
    stream = io.StringIO()
    write(stream, atoms, format="extxyz")
    return stream.getvalue()


def write_structures(path: str | Path, structures: Iterable[LabelledStructure]) -> None:
    """Write extxyz (compressed if the name ends in ``.xz``); an existing file is replaced whole.

    Parameters
    ----------
    path : path
    structures : iterable of LabelledStructure
    """
    path = Path(path)
    text = "".join(extxyz_text(structure.to_atoms()) for structure in structures).encode()
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(lzma.compress(text) if path.suffix == ".xz" else text)
    partial.replace(path)


def text_or_none(value: Any) -> str | None:
    """Return names as text; numbers that ASE made of them are turned back."""
    return None if value is None else str(value)
