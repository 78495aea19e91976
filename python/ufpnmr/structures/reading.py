"""Labelled structures from every file that ASE reads."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ufpnmr.errors import InputError, nearest
from ufpnmr.structures.labelled import LabelledStructure, text_or_none

__all__ = ["read_atoms", "read_structures"]

_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
LABELS = ("energy", "forces", "stress")
_LOOKS_LIKE_A_LABEL = re.compile(r"energy|force|stress|virial", re.IGNORECASE)
_KNOWN = {"free_energy", "energies", "stresses"}
"""Results of ASE that are no label of ours and need no word."""


def read_atoms(path: str | Path) -> list[Atoms]:
    """Read every structure of a file in any format of ASE, plain or compressed (``.xz``, ``.gz``).

    Raises
    ------
    InputError
        No such file, not readable, no structure in it, or cut at its end.
    """
    from ase.io import read

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected structures in a format that ASE reads")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: expected structures, found an empty file")
    try:
        compressed = _OPENERS.get(path.suffix) if path.stem.endswith(("xyz", "extxyz")) else None
        if compressed is None:
            frames = read(path, index=":")
        else:  # ASE would decompress the file again for every frame
            with compressed(path, "rt", encoding="utf-8") as stream:
                frames = read(io.StringIO(stream.read()), index=":", format="extxyz")
    except Exception as error:
        # the formats of ASE raise what they like on a cut or foreign file
        raise InputError(f"{path}: cannot be read by ASE: {type(error).__name__}: {error}") from error
    if not isinstance(frames, list) or not frames:
        raise InputError(f"{path}: expected at least one structure, found none")
    return frames


def read_structures(path: str | Path, keys: Mapping[str, str] | None = None) -> list[LabelledStructure]:
    """Read structures with their labels.

    Labels are what ASE's calculator of a structure holds under ``energy``, ``forces`` and ``stress``; nothing is
    converted. Nothing is refused here for what it is: `check` does that.

    Parameters
    ----------
    path : path
        extxyz (also ``.xz``), vasprun.xml, OUTCAR, CASTEP, Quantum ESPRESSO or any other format of ASE.
    keys : mapping, optional
        Other names of labels, e.g. ``{"energy": "free_energy", "forces": "dft_forces"}``.

    Raises
    ------
    InputError
        The file cannot be read, or `keys` names something that is no label.

    Warns
    -----
    UserWarning
        The file has per-structure or per-atom data whose name looks like a label and that is not read.
    """
    names = {key: key for key in LABELS}
    for key, name in (keys or {}).items():
        if key not in names:
            raise InputError(f"keys: expected energy, forces or stress, found {key!r}{nearest(key, LABELS)}")
        names[key] = name
    frames = read_atoms(path)
    _warn_of_unread(path, frames, set(names.values()))
    return [_structure(atoms, str(path), index, names) for index, atoms in enumerate(frames)]


def _structure(atoms: Atoms, source: str, index: int, names: Mapping[str, str]) -> LabelledStructure:
    results: dict[str, Any] = dict(atoms.calc.results) if atoms.calc is not None else {}
    found = {key: _find(name, atoms, results) for key, name in names.items()}
    where = f"{source}: structure {index}"
    energy = _floats(found["energy"], f"{where}: {names['energy']}")
    if energy is not None and energy.size != 1:
        raise InputError(f"{where}: {names['energy']}: expected one number, found an array of shape {energy.shape}")
    bare = atoms.copy()  # type: ignore[no-untyped-call]  # leaves the calculator behind
    bare.set_constraint()
    for name in names.values():
        bare.info.pop(name, None)
        if name in bare.arrays:
            del bare.arrays[name]
    free = results.get("free_energy")
    if free is not None and names["energy"] != "free_energy" and (energy is None or float(free) != energy.item()):
        bare.info["free_energy"] = float(free)
    return LabelledStructure(
        atoms=bare,
        energy=None if energy is None else energy.item(),
        forces=_floats(found["forces"], f"{where}: {names['forces']}"),
        stress=_voigt(_floats(found["stress"], f"{where}: {names['stress']}")),
        config_type=text_or_none(bare.info.get("config_type")),
        group=text_or_none(bare.info.get("group")),
        uid=text_or_none(bare.info.get("uid")),
        source=source,
        index=index,
    )


def _find(name: str, atoms: Atoms, results: Mapping[str, Any]) -> Any:
    for place in (results, atoms.info, atoms.arrays):
        if place.get(name) is not None:
            return place[name]
    return None


def _floats(value: Any, where: str) -> NDArray[np.float64] | None:
    if value is None:
        return None
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected numbers, found {str(value)[:40]!r}") from None


def _voigt(stress: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Six components of a stress given as 3 × 3 or 9 numbers, where it is symmetric; anything else stays as it is."""
    if stress is None or stress.size != 9:
        return stress
    matrix = stress.reshape(3, 3)
    if not np.allclose(matrix, matrix.T, rtol=1e-3, atol=1e-6, equal_nan=True):
        return stress
    half = (matrix + matrix.T) / 2
    return np.asarray(half[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]])


def _warn_of_unread(path: str | Path, frames: list[Atoms], read: set[str]) -> None:
    counts: dict[str, int] = {}
    for atoms in frames:
        for name in {*atoms.info, *atoms.arrays}:
            if _LOOKS_LIKE_A_LABEL.search(name) and name not in read | _KNOWN:
                counts[name] = counts.get(name, 0) + 1
    if counts:
        listing = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
        warnings.warn(
            f"{path}: not read as labels, in so many of {len(frames)} structures: {listing}; labels are named energy, "
            "forces and stress, or name them with keys",
            stacklevel=3,
        )
