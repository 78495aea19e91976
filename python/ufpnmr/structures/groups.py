"""How structures are split: by group (a run, a melt), balanced over configuration types, never through a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ufpnmr.errors import InputError

__all__ = ["deal", "withheld"]

Groups = Mapping[str, Sequence[int]]


def deal(groups: Groups, types: Sequence[str | None], sizes: Sequence[int], count: int) -> list[list[int]]:
    """Deal groups out to `count` sets of about equal size.

    The largest group first, each to the set that has least of its configuration type, of several to the smallest.

    Parameters
    ----------
    groups : mapping
        Group -> numbers of its structures.
    types : sequence of (str or None)
        Configuration type of each structure; that of its first structure counts for a group.
    sizes : sequence of int
        Of each structure: atoms or labels.
    count : int
        Number of sets.

    Raises
    ------
    InputError
        Fewer groups than sets.
    """
    if len(groups) < count:
        raise InputError(f"expected at least {count} groups for {count} folds, found {len(groups)}")
    of_group = {name: sum(sizes[i] for i in members) for name, members in groups.items()}
    out: list[list[int]] = [[] for _ in range(count)]
    total = np.zeros(count)
    of_types: dict[str | None, np.ndarray] = {}
    for name in sorted(groups, key=lambda g: (-of_group[g], g)):
        of_type = of_types.setdefault(types[groups[name][0]], np.zeros(count))
        chosen = int(np.lexsort((np.arange(count), total, of_type))[0])
        out[chosen] += groups[name]
        total[chosen] += of_group[name]
        of_type[chosen] += of_group[name]
    return [sorted(members) for members in out]


def withheld(groups: Groups, types: Sequence[str | None], fraction: float, seed: int) -> set[int]:
    """Choose groups at random, type by type, until about `fraction` of the structures of each type are chosen.

    Returns
    -------
    set of int
        Numbers of the structures.

    Raises
    ------
    InputError
        Fewer than two groups, or nothing left to train on or to test with.
    """
    if len(groups) < 2:
        raise InputError(f"data.withhold: expected at least two groups (runs, melts), found {len(groups)}")
    random = np.random.default_rng(seed)
    by_type: dict[str, list[str]] = {}
    for name, members in groups.items():
        by_type.setdefault(types[members[0]] or "", []).append(name)
    out: set[int] = set()
    for kind in sorted(by_type):
        wanted = fraction * sum(len(groups[g]) for g in by_type[kind])
        taken = 0
        for name in random.permutation(by_type[kind]):
            size = len(groups[str(name)])
            if taken + size / 2 <= wanted:  # nearer to the wanted number with it than without
                out.update(groups[str(name)])
                taken += size
    if not out or len(out) == sum(map(len, groups.values())):
        raise InputError(
            f"data.withhold: {fraction:g} of {len(groups)} groups leaves nothing to train on or to test with; change "
            "the fraction or add groups"
        )
    return out
