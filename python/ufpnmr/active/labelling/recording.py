"""One structure labelled, and what is stored with its labels."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr.active.labelling.labeller import LabelError, Labeller, Labels, checked
from ufpnmr.errors import InputError
from ufpnmr.provenance import package_version

if TYPE_CHECKING:
    from ase import Atoms

    from ufpnmr.active.labelling.queue import Queue

__all__ = ["label_one", "labelled_atoms"]


def labelled_atoms(atoms: Atoms, uid: str, labels: Labels, **provenance: Any) -> Atoms:
    """Return a copy of `atoms` with labels, uid and where they come from, as it is written.

    Parameters
    ----------
    atoms : ase.Atoms
    uid : str
    labels : Labels
    **provenance
        Stored in ``info`` under ``label_NAME``.
    """
    from ase.calculators.singlepoint import SinglePointCalculator

    result: Atoms = atoms.copy()  # type: ignore[no-untyped-call]
    result.set_constraint()  # type: ignore[no-untyped-call]
    result.info["uid"] = uid
    notes = dict(labels.notes)
    values = {"energy": labels.energy, "forces": labels.forces, "stress": labels.stress}
    if "free_energy" in notes:
        values["free_energy"] = notes.pop("free_energy")
    provenance["ufpnmr"] = package_version("ufpnmr")
    provenance["date"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    for key, value in {**provenance, **notes}.items():
        if value not in (None, {}, []):
            result.info[f"label_{key}"] = value
    if labels.efg is not None:
        result.set_array("efg", labels.efg.reshape(-1, 9))  # type: ignore[no-untyped-call]
        result.info["efg_units"] = "V/Ang^2"
    result.calc = SinglePointCalculator(result, **{k: v for k, v in values.items() if v is not None})  # type: ignore[no-untyped-call]
    return result


def label_one(labeller: Labeller, queue: Queue, version: str, uid: str, atoms: Atoms, folder: Path) -> Atoms:
    """Label one structure in `folder` and return it as it is written.

    Raises
    ------
    LabelError
        It could not be labelled.
    """
    begin = time.monotonic()
    try:
        labels = checked(labeller.label(atoms, folder), atoms)
    except (LabelError, InputError):
        raise
    except Exception as error:
        # labellers of others raise what they like; the queue must not stop for one structure
        raise LabelError(f"{type(error).__name__}: {error}") from error
    seconds = round(time.monotonic() - begin, 2)
    return labelled_atoms(
        atoms, uid, labels, by=queue.labeller, version=version, options=dict(queue.options), seconds=seconds
    )
