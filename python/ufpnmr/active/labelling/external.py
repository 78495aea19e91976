"""Labels made elsewhere: structures out to one folder each, outputs back in."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr import provenance
from ufpnmr.active.labelling.castep import read_castep
from ufpnmr.active.labelling.cp2k import CP2K
from ufpnmr.active.labelling.espresso import read_espresso
from ufpnmr.active.labelling.labeller import LabelError, Labels, checked, create
from ufpnmr.active.labelling.ledger import LabelLedger
from ufpnmr.active.labelling.programs import FileLabeller, labels_of_file
from ufpnmr.active.labelling.queue import file_name
from ufpnmr.active.labelling.recording import labelled_atoms
from ufpnmr.active.labelling.vasp import read_vasp
from ufpnmr.errors import InputError
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.structures import read_atoms, unique_uids
from ufpnmr.structures.labelled import extxyz_text

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MANIFEST", "Exported", "Imported", "export_structures", "import_labels"]

MANIFEST = "manifest.json"
"""File in an exported folder that says which structure lies where."""
STRUCTURE = "structure.extxyz"


@dataclasses.dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes
    ----------
    written : tuple of str
        uids.
    kept : tuple of str
        uids that were there already.
    refused : dict
        Reason by uid, where the labeller cannot write input for a structure.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    refused: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Imported:
    """What an import found.

    Attributes
    ----------
    new, earlier : tuple of str
        uids labelled by this import and before it.
    missing : tuple of str
        uids without any output so far.
    refused : dict
        Reason by uid, where there is output that cannot be used.
    """

    new: tuple[str, ...]
    earlier: tuple[str, ...]
    missing: tuple[str, ...]
    refused: dict[str, str]


def export_structures(
    structures: str | Path, folder: str | Path, labeller: str | None = None, options: Mapping[str, Any] | None = None
) -> Exported:
    """Write one folder per structure with ``structure.extxyz`` and, for a labeller, its input files.

    Parameters
    ----------
    structures : path
        In any format of ASE.
    folder : path
        Made if it is not there. Structures that are there already are kept; others are added.
    labeller : str, optional
        "cp2k", "espresso", "castep" or "vasp".
    options : mapping
        Of the labeller.

    Raises
    ------
    InputError
        Wrong structures, labeller or option; two uids with one file name; a folder written for another labeller.
    """
    folder = Path(folder)
    frames = read_atoms(structures)
    uids = unique_uids(frames, structures)
    writer = None if labeller is None else create(labeller, options)
    if writer is not None and not isinstance(writer, FileLabeller):
        raise InputError(f"labeller {labeller}: writes no input files; export without it or for another")
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _read_manifest(folder) if (folder / MANIFEST).is_file() else {"structures": {}}
    made_for = {"labeller": labeller, "options": dict(options or {})}
    if manifest["structures"] and {key: manifest[key] for key in made_for} != made_for:
        raise InputError(f"{folder}: written for {manifest['labeller']} with other options; give another folder")
    places: dict[str, str] = manifest["structures"]
    written, kept, refused = [], [], {}
    for uid, atoms in zip(uids, frames, strict=True):
        name = file_name(uid)
        if places.get(uid) == name and (folder / name / STRUCTURE).is_file():
            kept.append(uid)
            continue
        if name in places.values():
            raise InputError(f"{structures}: uid {uid!r}: its folder {name} belongs to another uid; rename one of them")
        place = folder / name
        place.mkdir(exist_ok=True)
        bare = atoms.copy()  # type: ignore[no-untyped-call]
        bare.info["uid"] = uid
        try:
            if writer is not None:
                writer.write_input(bare, place)
        except LabelError as error:
            refused[uid] = str(error)
            continue
        write_text_atomically(place / STRUCTURE, extxyz_text(bare))
        places[uid] = name
        written.append(uid)
    document = {**made_for, "structures": places, "provenance": provenance.collect([structures])}
    write_text_atomically(folder / MANIFEST, json.dumps(document, indent=1) + "\n")
    return Exported(tuple(written), tuple(kept), refused)


def import_labels(folder: str | Path, output: str | Path, pattern: str | None = None) -> Imported:
    """Read the outputs in an exported folder and append the labels to `output`.

    An output is taken only if its cell, species and positions are those of the exported structure; the order of its
    atoms may be another. VASP, CASTEP, Quantum ESPRESSO and CP2K outputs must have converged.

    Parameters
    ----------
    folder : path
        As `export_structures` wrote it.
    output : path
        Labelled extxyz; structures that it has are not read again.
    pattern : str, optional
        Name of the output files, e.g. ``"*.out"``, read by ASE. Known names are found without it: vasprun.xml, OUTCAR,
        ``*.castep``, ``*.pwo``, label.out (CP2K), labelled.extxyz.

    Raises
    ------
    InputError
        No exported folder, or an output file that is damaged.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    readers = _readers(manifest, pattern)
    ledger = LabelLedger(output)
    try:
        done = ledger.done()
        new, earlier, missing, refused = [], [], [], {}
        for uid, name in manifest["structures"].items():
            if uid in done:
                earlier.append(uid)
                continue
            place = folder / name
            found = next(((r, f) for p, r in readers for f in sorted(place.glob(p)) if f.name != STRUCTURE), None)
            if found is None:
                missing.append(uid)
                continue
            reader, path = found
            atoms = read_atoms(place / STRUCTURE)[-1]
            try:
                labels = checked(reader(atoms, path), atoms)
            except LabelError as error:
                refused[uid] = str(error)
                continue
            by, options = manifest["labeller"] or "external", manifest["options"]
            ledger.append(labelled_atoms(atoms, uid, labels, by=by, options=options, file=f"{name}/{path.name}"))
            new.append(uid)
    finally:
        ledger.close()
    return Imported(tuple(new), tuple(earlier), tuple(missing), refused)


def _readers(manifest: Mapping[str, Any], pattern: str | None) -> list[tuple[str, Callable[[Atoms, Path], Labels]]]:
    """File name pattern and reader, in the order in which they are looked for."""
    if pattern is not None:
        return [(pattern, _read_any)]
    cp2k = CP2K(**manifest["options"]) if manifest["labeller"] == "cp2k" else CP2K()
    return [
        ("vasprun.xml", lambda atoms, path: read_vasp(atoms, path.parent)),
        ("OUTCAR", lambda atoms, path: read_vasp(atoms, path.parent)),
        ("*.castep", read_castep),
        ("*.pwo", read_espresso),
        (CP2K.output_name, lambda atoms, path: cp2k.read_output(atoms, path.parent)),
        ("labelled.extxyz", _read_any),
    ]


def _read_any(atoms: Atoms, path: Path) -> Labels:
    return labels_of_file(path, atoms, None)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file; expected a folder that `ufp active export` wrote") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON: {error.msg}; export again into a new folder") from None
    return manifest
