"""Which element every atom is: from names in the file, a map of types, or a companion file; never from numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError, nearest

Elements = str | Sequence[str] | Mapping[int, str]

TYPE_COLUMN = {"atomic": 1, "charge": 1, "sphere": 1, "spin": 1, "full": 2, "molecular": 2, "bond": 2, "angle": 2}
"""Column of the type in section Atoms of a data file, by atom style."""

MASS_TOLERANCE = 0.05
"""A mass in a data file names the one element whose standard weight is this close, u."""


@dataclass(frozen=True)
class Identities:
    """Atoms in ascending order of id.

    Attributes
    ----------
    ids : (N,) ndarray of int
        Atom ids.
    elements : (N,) ndarray of str
        Element symbols.
    types : (N,) ndarray of str
        LAMMPS types, or the elements where there are none.
    units : str or None
        Unit style of the run, if the file states it.
    """

    ids: NDArray[np.int64]
    elements: NDArray[np.str_]
    types: NDArray[np.str_]
    units: str | None = None


def symbol(name: str, where: str) -> str:
    """Return the element symbol; InputError, with the nearest one, if there is no such element."""
    from ase.data import chemical_symbols

    if name not in chemical_symbols[1:]:
        raise InputError(f"{where}: unknown element {name!r}{nearest(name, chemical_symbols[1:])}")
    return name


def element_map(elements: Elements) -> dict[int, str]:
    """Element of each LAMMPS type.

    Parameters
    ----------
    elements : str, sequence or mapping
        ``"Li P S"`` or ``["Li", "P", "S"]`` for types 1, 2, 3, or ``{1: "Li", 2: "P", 3: "S"}``.
    """
    if isinstance(elements, Mapping):
        named = {int(number): name for number, name in elements.items()}
    else:
        names = re.split(r"[\s,]+", elements.strip()) if isinstance(elements, str) else elements
        named = dict(enumerate(names, start=1))
    return {number: symbol(name, f"elements, type {number}") for number, name in named.items()}


def by_type(types: NDArray[np.int64], elements: Elements, where: str) -> NDArray[np.str_]:
    """Element symbols (N,) of LAMMPS types (N,); InputError if a type has no element."""
    named = element_map(elements)
    missing = sorted(set(types.tolist()) - set(named))
    if missing:
        raise InputError(f"{where}: expected an element for type {missing[0]}, found {len(named)} elements; name all")
    return np.array([named[number] for number in types.tolist()])


def masses(elements: NDArray[np.str_]) -> NDArray[np.float64]:
    """Return the standard atomic weights (N,), u (ASE's table)."""
    from ase.data import atomic_masses, atomic_numbers

    return np.array([atomic_masses[atomic_numbers[name]] for name in elements])


def element_of_mass(mass: float) -> str | None:
    """Return the only element whose standard weight is within 0.05 u, else None."""
    from ase.data import atomic_masses, chemical_symbols

    close = np.flatnonzero(np.abs(atomic_masses[1:] - mass) < MASS_TOLERANCE)
    return chemical_symbols[1:][close[0]] if close.size == 1 else None


def read_data_file(path: str | Path, elements: Elements | None = None) -> Identities:
    """Read ids, types and elements from a LAMMPS data file.

    Parameters
    ----------
    path : str or Path
        Data file (``write_data`` or ``read_data``).
    elements : str, sequence or mapping, optional
        Element of each type; else the type labels, the comments of section Masses (``1 6.94 # Li``) or the masses
        themselves tell.

    Raises
    ------
    InputError
        If a section is missing or an element cannot be told.
    """
    from ase.data import chemical_symbols

    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    sections = _sections(lines)
    if "Atoms" not in sections:
        raise InputError(f"{path}: expected a LAMMPS data file with a section Atoms, found none")
    labels = {int(words[0]): words[1] for _, words, _ in sections.get("Atom Type Labels", ("", []))[1]}
    numbers = {label: number for number, label in labels.items()}

    style, rows = sections["Atoms"]
    atoms = sorted((_atom(path, line, words, style, numbers) for line, words, _ in rows), key=lambda atom: atom[0])
    ids = np.array([atom[0] for atom in atoms], dtype=np.int64)
    types = np.array([atom[1] for atom in atoms], dtype=np.int64)
    if np.unique(ids).size != ids.size:
        raise InputError(f"{path}: an atom id appears twice in section Atoms")
    if elements is None:
        named = {number: label for number, label in labels.items() if label in chemical_symbols[1:]}
        for line, words, comment in sections.get("Masses", ("", []))[1]:
            number = numbers.get(words[0]) or _number(path, line, words[0])
            told = comment if comment in chemical_symbols[1:] else element_of_mass(float(words[1]))
            if told is not None:
                named.setdefault(number, told)
        missing = sorted(set(types.tolist()) - set(named))
        if missing:
            raise InputError(f"{path}: the element of type {missing[0]} is not told; give --elements 'Li P S'")
        elements = named
    units = re.search(r"units = (\w+)", lines[0])
    return Identities(ids, by_type(types, elements, str(path)), types.astype(str), units.group(1) if units else None)


def _sections(lines: list[str]) -> dict[str, tuple[str, list[tuple[int, list[str], str]]]]:
    """Style comment and rows (line number, words, comment) of each section."""
    found: dict[str, tuple[str, list[tuple[int, list[str], str]]]] = {}
    rows: list[tuple[int, list[str], str]] | None = None
    for number, line in enumerate(lines[1:], start=2):
        text, _, comment = (part.strip() for part in line.partition("#"))
        if not text:
            continue
        if (
            text[0].isalpha()
            and re.fullmatch(r"[A-Za-z][A-Za-z ]*", text)
            and (len(text.split()) > 1 or text.istitle())
        ):
            is_label = rows is not None and found.get("Atom Type Labels", ("", None))[1] is rows and not text.istitle()
            if not is_label:
                rows = []
                found[text] = (comment, rows)
                continue
        if rows is not None:
            rows.append((number, text.split(), comment))
    return found


def _number(path: Path, line: int, word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise InputError(f"{path}:{line}: expected a whole number, found {word!r}") from None


def _atom(path: Path, line: int, words: list[str], style: str, numbers: Mapping[str, int]) -> tuple[int, int]:
    """Id and type of one row of section Atoms."""
    if not style and len(words) in (5, 8):
        style = "atomic"
    if style not in TYPE_COLUMN:
        raise InputError(
            f"{path}:{line}: expected 'Atoms # STYLE' with one of {', '.join(TYPE_COLUMN)}, found "
            + (repr(style) if style else "no style")
        )
    column = TYPE_COLUMN[style]
    if len(words) <= column:
        raise InputError(f"{path}:{line}: expected an atom of style {style}, found {' '.join(words)!r}")
    word = words[column]
    return _number(path, line, words[0]), numbers[word] if word in numbers else _number(path, line, word)
