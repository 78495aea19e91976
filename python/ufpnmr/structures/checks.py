"""What can be wrong with labelled structures; every message names file, structure and key."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ufpnmr.errors import InputError, nearest
from ufpnmr.structures import suspicions
from ufpnmr.structures.labelled import LabelledStructure
from ufpnmr.structures.matching import closest_contact, duplicates

__all__ = ["KINDS", "REFUSED", "Problem", "check", "find_problems"]

KINDS = {
    "missing": "neither energy nor forces",
    "numbers": "NaN or infinity in labels, positions or cell",
    "shape": "labels of a wrong shape",
    "cell": "a stress without a periodic cell, or a periodic direction without a cell vector",
    "contact": "atoms on one point or closer than allowed",
    "duplicate": "the same structure twice",
    "periodicity": "periodic in one or two directions only",
    "units": "the force or energy scale of a file against the others looks like another unit",
    "zero": "energies of one composition differ between files by more than a level of theory can",
    "stress": "sign or unit of the stress looks wrong",
}
"""Kinds of problems and what they mean."""

REFUSED = ("missing", "numbers", "shape", "cell", "contact", "duplicate")
"""Refused unless told otherwise; the others warn."""

_NAMED = 3
"""Messages of one kind that are shown."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    message : str
        Names file, structure and key; what was expected and found.
    structures : tuple of int
        Positions in the checked sequence.
    """

    kind: str
    message: str
    structures: tuple[int, ...]


def check(
    structures: Sequence[LabelledStructure],
    *,
    minimum_distance: float | Mapping[str, float] = 0.5,
    tolerance: float = 1e-3,
    refuse: Collection[str] = REFUSED,
    ignore: Collection[str] = (),
) -> None:
    """Refuse structures that cannot be fitted to and warn of suspicious ones.

    Parameters
    ----------
    structures : sequence of LabelledStructure
        Of all files of a fit together: units are compared between files.
    minimum_distance : float or mapping
        Å, smallest allowed distance, for all pairs or by pair ("Li-S"; pairs that are not named: 0.5 Å).
    tolerance : float
        Å; structures that agree in cell and positions to this are the same.
    refuse : collection of str
        Kinds (`KINDS`) that are errors.
    ignore : collection of str
        Kinds that are not looked for.

    Raises
    ------
    InputError
        A problem of a refused kind.

    Warns
    -----
    UserWarning
        Problems of the other kinds, one warning per kind.
    """
    for name in [*refuse, *ignore]:
        if name not in KINDS:
            raise InputError(f"no kind of problem {name!r}{nearest(name, KINDS)}; there are {', '.join(KINDS)}")
    problems = find_problems(structures, minimum_distance=minimum_distance, tolerance=tolerance, ignore=ignore)
    refused = [problem for problem in problems if problem.kind in refuse]
    if refused:
        raise InputError(_summary(refused))
    for kind in KINDS:
        if same := [problem for problem in problems if problem.kind == kind]:
            warnings.warn(_summary(same), stacklevel=2)


def find_problems(
    structures: Sequence[LabelledStructure],
    *,
    minimum_distance: float | Mapping[str, float] = 0.5,
    tolerance: float = 1e-3,
    ignore: Collection[str] = (),
) -> list[Problem]:
    """Return every problem; parameters as `check`."""
    limits = minimum_distance
    if isinstance(limits, Mapping):
        limits = {"-".join(sorted(name.split("-"))): value for name, value in limits.items()}
    problems: list[Problem] = []
    sound = []
    for number, structure in enumerate(structures):
        found = _of_one(structure, number)
        problems += found
        if not {"numbers", "shape", "cell"} & {problem.kind for problem in found}:
            sound.append(number)
            if "contact" not in ignore:
                problems += _contact(structure, number, limits)
    if "duplicate" not in ignore:
        for i, j in duplicates([structures[k].atoms for k in sound], tolerance):
            a, b = structures[sound[i]], structures[sound[j]]
            text = f"{b.where}: the same cell, species and positions (to {tolerance:g} Å) as {a.where}; remove one"
            problems.append(Problem("duplicate", text, (sound[i], sound[j])))
    chosen = [structures[k] for k in sound]
    for kind, rule in suspicions.RULES:
        if kind not in ignore:
            problems += [Problem(kind, text, tuple(sound[k] for k in members)) for text, members in rule(chosen)]
    return [problem for problem in problems if problem.kind not in ignore]


def _summary(problems: Sequence[Problem]) -> str:
    text = "; ".join(problem.message for problem in problems[:_NAMED])
    rest = len(problems) - _NAMED
    return text if rest <= 0 else f"{text}; and {rest} more"


def _of_one(structure: LabelledStructure, number: int) -> list[Problem]:
    atoms, where = structure.atoms, structure.where
    found: list[tuple[str, str]] = []
    labels = {"energy": structure.energy, "forces": structure.forces, "stress": structure.stress}
    if structure.energy is None and structure.forces is None:
        stress_too = "" if structure.stress is None else ", only a stress"
        found.append(
            ("missing", f"{where}: energy, forces: expected at least one of them, found neither{stress_too}; label it")
        )
    for key, value in {**labels, "positions": atoms.positions, "cell": atoms.cell.array}.items():
        if value is not None and not np.isfinite(value).all():
            found.append(("numbers", f"{where}: {key}: expected finite numbers, found NaN or infinity"))
    for key, shape in (("forces", (len(atoms), 3)), ("stress", (6,))):
        value = labels[key]
        if value is not None and np.shape(value) != shape:
            hint = " (3 × 3 is accepted where symmetric)" if key == "stress" else ""
            found.append(("shape", f"{where}: {key}: expected shape {shape}{hint}, found {np.shape(value)}"))
    if len(atoms) == 0:
        found.append(("shape", f"{where}: positions: expected atoms, found none"))
    found += [(kind, f"{where}: {text}") for kind, text in _cell_problems(structure)]
    return [Problem(kind, text, (number,)) for kind, text in found]


def _cell_problems(structure: LabelledStructure) -> list[tuple[str, str]]:
    atoms = structure.atoms
    pbc, cell = np.asarray(atoms.pbc), atoms.cell.array
    if not np.isfinite(cell).all():
        return []
    flags = " ".join("T" if flag else "F" for flag in pbc)
    if (pbc & ~cell.any(axis=1)).any():
        return [("cell", f"pbc: {flags}, but a periodic direction has no cell vector; give the cell")]
    if pbc.all() and abs(np.linalg.det(cell)) < 1e-6 * np.prod(np.linalg.norm(cell, axis=1)):
        return [("cell", "cell: its vectors lie in one plane; a periodic cell needs a volume")]
    found = []
    if structure.stress is not None and not pbc.all():
        found.append(("cell", f"stress: needs a cell periodic in all directions, found pbc {flags}; remove the stress"))
    if pbc.any() and not pbc.all():
        found.append(("periodicity", f"pbc: {flags}: periodic in part; taken as written"))
    return found


def _contact(structure: LabelledStructure, number: int, limits: float | Mapping[str, float]) -> list[Problem]:
    worst = closest_contact(structure.atoms, limits)
    if worst is None:
        return []
    i, j, distance, limit = worst
    a, b = structure.atoms.symbols[i], structure.atoms.symbols[j]
    what = "lie on one point" if distance < 1e-3 else f"are {distance:.3f} Å apart"
    text = f"{structure.where}: positions: {a} {i} and {b} {j} {what}; expected at least {limit:.3g} Å"
    return [Problem("contact", text, (number,))]
