"""What an EFG fit reads, what it holds back, and how it splits: always by group, never by structure or atom."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ufpnmr.efg.fit_config import FitConfig
from ufpnmr.efg.labels import Labelled, LabelledTensors, check_units, outliers, read_tensors
from ufpnmr.errors import InputError, nearest
from ufpnmr.structures import groups

__all__ = ["Dataset", "by_group", "deal", "read_dataset"]


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled structures of a fit.

    Attributes
    ----------
    train, test : tuple of LabelledTensors
        Those the fit sees, and those that judge it.
    species : tuple of str
        Elements of the model, by atomic number.
    outliers : tuple of str
        Labels far above the median; they are trained on.
    """

    train: tuple[LabelledTensors, ...]
    test: tuple[LabelledTensors, ...]
    species: tuple[str, ...]
    outliers: tuple[str, ...] = ()


def read_dataset(config: FitConfig) -> Dataset:
    """Read the files of a fit, check them together and hold groups back.

    Raises
    ------
    InputError
        See `ufpnmr.efg.labels.read_tensors` and `check_units`; a type to exclude that does not occur; a species or a
        centre that no training structure has; a group in both sets; too few groups.
    """
    data, centres = config.data, config.model.centres

    def read(paths: Sequence[object]) -> list[LabelledTensors]:
        return [
            s
            for path in paths
            for s in read_tensors(
                str(path),
                centres,
                units=data.efg_units,
                sign=data.sign,
                group=data.group,
                site=data.site,
                allow_missing=data.allow_missing,
            )
        ]

    train, test = read(data.train), read(data.test)
    types = {s.config_type for s in (*train, *test) if s.config_type is not None}
    for name in data.exclude:
        if name not in types:
            known = ", ".join(sorted(types))
            raise InputError(f"data.exclude: no structure of type {name!r}{nearest(name, types)}; there are {known}")
    train, test = ([s for s in part if s.config_type not in data.exclude] for part in (train, test))
    if not train:
        raise InputError("data.train: expected at least one structure, found none that is not excluded")
    if data.check_units:
        check_units([*train, *test])
    if both := {s.group for s in train} & {s.group for s in test}:
        raise InputError(
            f"data.test: group {min(both)} is in the training files too, so the test would not be one; remove it there"
        )
    if data.withhold is not None:
        held = groups.withheld(by_group(train), [s.config_type for s in train], data.withhold, data.seed)
        test += [s for i, s in enumerate(train) if i in held]
        train = [s for i, s in enumerate(train) if i not in held]
    return Dataset(tuple(train), tuple(test), _species(config, train, test), tuple(outliers([*train, *test])))


def deal(structures: Sequence[Labelled], count: int) -> NDArray[np.int64]:
    """Return the shard of each structure, 0 to `count` - 1: sets of whole groups with about equally many labels.

    Raises
    ------
    InputError
        Fewer groups than shards.
    """
    types, sizes = [s.config_type for s in structures], [len(s.centres) for s in structures]
    shard = np.empty(len(structures), dtype=np.int64)
    for number, members in enumerate(groups.deal(by_group(structures), types, sizes, count)):
        shard[members] = number
    return shard


def by_group(structures: Sequence[Labelled]) -> dict[str, list[int]]:
    """Return the numbers of the structures of each group."""
    out: dict[str, list[int]] = {}
    for number, s in enumerate(structures):
        out.setdefault(s.group, []).append(number)
    return out


def _species(config: FitConfig, train: Sequence[LabelledTensors], test: Sequence[LabelledTensors]) -> tuple[str, ...]:
    trained = {str(symbol) for s in train for symbol in s.atoms.symbols}
    for name in config.model.species or ():
        if name not in trained:
            raise InputError(f"model.species: {name} occurs in no training structure{nearest(name, trained)}")
    species = set(config.model.species or trained)
    for s in (*train, *test):
        if unseen := {str(symbol) for symbol in s.atoms.symbols} - species:
            raise InputError(f"{s.where}: {', '.join(sorted(unseen))}: expected {', '.join(sorted(species))} only")
    for name in config.model.centres:
        if not any(str(s.atoms.symbols[i]) == name for s in train for i in s.centres):
            raise InputError(f"model.centres: no training label on {name}; found {', '.join(sorted(trained))}")
    return tuple(sorted(species, key=lambda symbol: int(atomic_numbers[symbol])))
