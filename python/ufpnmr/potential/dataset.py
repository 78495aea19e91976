"""What a fit reads, what it holds back, and how it splits: always by group, never by structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ase.data import atomic_numbers

from ufpnmr.errors import InputError, nearest
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.fit_config import Data, TypeWeights
from ufpnmr.potential.gram import Target
from ufpnmr.structures import LabelledStructure, check, read_structures
from ufpnmr.structures.groups import deal, withheld

__all__ = ["Dataset", "by_atomic_number", "check_dataset", "elements_of", "folds", "read_dataset", "targets"]


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled structures of a fit.

    Attributes
    ----------
    train, test : tuple of LabelledStructure
        Those the fit sees, and those that judge it.
    """

    train: tuple[LabelledStructure, ...]
    test: tuple[LabelledStructure, ...]


def read_dataset(data: Data) -> Dataset:
    """Read the files of a fit and hold groups back.

    Raises
    ------
    InputError
        A file that cannot be read, a type to exclude that does not occur, or fewer than two groups to hold back from.
    """
    train = [s for path in data.train for s in read_structures(path, data.keys)]
    test = [s for path in data.test for s in read_structures(path, data.keys)]
    types = {s.config_type for s in (*train, *test) if s.config_type is not None}
    for name in data.exclude:
        if name not in types:
            known = ", ".join(sorted(types))
            raise InputError(f"data.exclude: no structure of type {name!r}{nearest(name, types)}; there are {known}")
    train, test = ([s for s in part if s.config_type not in data.exclude] for part in (train, test))
    if not train:
        raise InputError("data.train: expected at least one structure, found none that is not excluded")
    if data.withhold is not None:
        held = withheld(_groups(train, data.group), [s.config_type for s in train], data.withhold, data.seed)
        test += [s for i, s in enumerate(train) if i in held]
        train = [s for i, s in enumerate(train) if i not in held]
    return Dataset(tuple(train), tuple(test))


def check_dataset(dataset: Dataset, basis: SplineBasis) -> None:
    """Refuse what cannot be fitted to: labels, cells, contacts below the first knots, elements without training data.

    Raises
    ------
    InputError
        With file, index and key of the structure.

    Warns
    -----
    UserWarning
        Units or signs that look wrong; see `ufpnmr.structures.check`.
    """
    known = set(basis.elements)
    trained = set(elements_of(dataset.train))
    for structure in (*dataset.train, *dataset.test):
        for symbol in dict.fromkeys(map(str, structure.atoms.symbols)):
            if symbol not in known:
                raise InputError(f"{structure.where}: expected elements {' '.join(basis.elements)}, found {symbol}")
            if symbol not in trained:
                raise InputError(f"{structure.where}: element {symbol} occurs in no training structure")
    limits = {"-".join(b.elements): float(b.knots[0][0]) for b in basis.blocks if b.order == 2}
    check([*dataset.train, *dataset.test], minimum_distance=limits)


def elements_of(structures: Sequence[LabelledStructure]) -> tuple[str, ...]:
    """Return the elements of some structures by atomic number."""
    return by_atomic_number({str(symbol) for structure in structures for symbol in structure.atoms.symbols})


def by_atomic_number(symbols: Iterable[str]) -> tuple[str, ...]:
    """Return element symbols in the order in which potential files list them.

    Raises
    ------
    InputError
        Not an element.
    """
    names = list(symbols)
    for name in names:
        if name not in atomic_numbers or name == "X":
            raise InputError(f"expected element symbols, found {name!r}")
    return tuple(sorted(names, key=lambda symbol: atomic_numbers[symbol]))


def targets(
    structures: Sequence[LabelledStructure], weights: Mapping[str, TypeWeights], *, stress: bool = True
) -> list[Target]:
    """Return structures with the weights of their configuration types.

    Raises
    ------
    InputError
        Weights for a type that does not occur.
    """
    types = {s.config_type for s in structures if s.config_type is not None}
    for name in weights:
        if name not in types:
            raise InputError(
                f"weights: no structure of type {name!r}{nearest(name, types)}; there are {', '.join(sorted(types))}"
            )
    out = []
    for s in structures:
        w = weights.get(s.config_type or "", TypeWeights())
        out.append(Target(s, {"energy": w.energy, "forces": w.forces, "stress": w.stress if stress else 0.0}))
    return out


def folds(structures: Sequence[LabelledStructure], count: int, group: str = "group") -> list[list[int]]:
    """Return `count` sets of structures of about equal numbers of atoms; a group is in one of them.

    Groups are dealt out by configuration type, the largest first, each to the fold with the fewest atoms of that type.

    Raises
    ------
    InputError
        Fewer groups than folds.
    """
    types, sizes = [s.config_type for s in structures], [len(s.atoms) for s in structures]
    return deal(_groups(structures, group), types, sizes, count)


def _groups(structures: Sequence[LabelledStructure], key: str) -> dict[str, list[int]]:
    """Return group -> structures; a structure without a group is one of its own."""
    groups: dict[str, list[int]] = {}
    for number, s in enumerate(structures):
        value = s.atoms.info.get(key, s.group if key == "group" else None)
        groups.setdefault(f"{s.source}:{s.index}" if value is None else f"group {value}", []).append(number)
    return groups
