"""A labeller that looks labels up: learning curves on a labelled set as pool, without any new calculation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ufpnmr.active.labelling.labeller import LabelError, Labels
from ufpnmr.errors import InputError
from ufpnmr.provenance import file_hash
from ufpnmr.structures import content_uid, read_structures

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["KnownLabels"]


class KnownLabels:
    """Labels of a file, found by the content of the structure.

    Parameters
    ----------
    file : path
        Labelled structures; relative to the working directory.
    """

    def __init__(self, file: str | Path) -> None:
        self._file = Path(file)
        self._known = {content_uid(s.atoms): s for s in read_structures(self._file)}

    def version(self) -> str:
        """Return the hash of the file; see `Labeller`."""
        return f"{self._file.name} sha256:{file_hash(self._file)[:12]}"

    def ready(self) -> None:
        """Refuse a file in which a structure has no labels; see `Labeller`."""
        for structure in self._known.values():
            if structure.energy is None or structure.forces is None:
                raise InputError(f"{structure.where}: expected energy and forces, found not both")

    def label(self, atoms: Atoms, folder: Path) -> Labels:
        """Look one structure up; see `Labeller`."""
        found = self._known.get(content_uid(atoms))
        if found is None or found.energy is None or found.forces is None:
            raise LabelError(f"{self._file}: this structure is not in it")
        efg = found.atoms.arrays.get("efg")
        if efg is not None and found.atoms.info.get("efg_units") != "V/Ang^2":
            raise LabelError(f"{found.where}: efg: expected efg_units=V/Ang^2")
        return Labels(found.energy, found.forces, found.stress, efg=None if efg is None else efg.reshape(-1, 3, 3))
