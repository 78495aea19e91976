"""When two structures are the same: contacts, matching of atoms, search for duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ufpnmr import _core

__all__ = ["closest_contact", "duplicates", "match", "pair_name"]

_WAVES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1], [2, 1, 0]])


def pair_name(a: str, b: str) -> str:
    """Return the name of a pair of elements in alphabetical order, e.g. "Li-S"."""
    return "-".join(sorted((a, b)))


def match(a: Atoms, b: Atoms, tolerance: float = 1e-3) -> NDArray[np.int64] | None:
    """Return the atoms of `b` in the order of `a`, or None where they are different structures.

    The same cell and the same atoms at the same places up to `tolerance` and lattice vectors, in any order. A crystal
    that is shifted, turned or described by another cell is not recognised.

    Parameters
    ----------
    a, b : ase.Atoms
    tolerance : float
        Å, of cell vectors and positions.

    Returns
    -------
    (N,) int or None
        ``b[order]`` lies on `a`.
    """
    if len(a) != len(b) or (a.pbc != b.pbc).any() or np.abs(a.cell.array - b.cell.array).max() > tolerance:
        return None
    if sorted(a.numbers) != sorted(b.numbers):
        return None
    cell = a.cell.complete().array
    inverse = np.linalg.inv(cell)
    order = np.full(len(a), -1)
    for number in set(a.numbers.tolist()):
        of_a, of_b = np.flatnonzero(a.numbers == number), np.flatnonzero(b.numbers == number)
        fractional = (b.positions[of_b][None] - a.positions[of_a][:, None]) @ inverse
        fractional -= np.rint(fractional) * np.asarray(a.pbc)
        distance = np.linalg.norm(fractional @ cell, axis=2)
        best = distance.argmin(axis=1)
        if distance[np.arange(len(of_a)), best].max() > tolerance or np.unique(best).size != best.size:
            return None
        order[of_a] = of_b[best]
    return order


def duplicates(frames: Sequence[Atoms], tolerance: float = 1e-3) -> list[tuple[int, int]]:
    """Return the pairs (i, j), i < j, of structures that `match`, one pair per repeated structure.

    Candidates come from a tree over cell and structure factors of a few waves, which move by no more than the atoms do.
    """
    buckets: dict[tuple[str, bytes], list[int]] = {}
    for index, atoms in enumerate(frames):
        if np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all():
            buckets.setdefault((atoms.get_chemical_formula(), atoms.pbc.tobytes()), []).append(index)  # type: ignore[no-untyped-call]
    found: dict[int, int] = {}
    for members in buckets.values():
        if len(members) < 2:
            continue
        prints = np.array([_fingerprint(frames[i]) for i in members])
        for p, q in sorted(cKDTree(prints).query_pairs(2 * tolerance, p=np.inf)):
            i, j = members[p], members[q]
            if j not in found and match(frames[i], frames[j], tolerance) is not None:
                found[j] = i
    return sorted((i, j) for j, i in found.items())


def _fingerprint(atoms: Atoms) -> NDArray[np.float64]:
    cell = atoms.cell.complete().array
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    weights = atoms.numbers / atoms.numbers.max() / len(atoms)
    phases = np.exp(2j * np.pi * (atoms.positions @ np.linalg.inv(cell)) @ _WAVES.T)
    factors = weights @ phases / (2 * np.pi * (_WAVES / heights).sum(axis=1))
    return np.concatenate([atoms.cell.array.ravel(), factors.real, factors.imag])


def closest_contact(atoms: Atoms, below: float | Mapping[str, float]) -> tuple[int, int, float, float] | None:
    """Return (i, j, distance, limit) of the contact furthest below its limit, or None.

    Parameters
    ----------
    atoms : ase.Atoms
    below : float or mapping
        Å, for all pairs of elements or by `pair_name`; pairs that are not named have the limit 0.5 Å.
    """
    limits = {"": 0.5, **below} if isinstance(below, Mapping) else {"": below}
    largest = max(limits.values())
    if largest <= 0 or len(atoms) == 0:
        return None
    i, j, _, _, distance = _core.neighbor_list(atoms.positions, atoms.cell.complete().array, atoms.pbc, largest)
    if len(i) == 0:
        return None
    symbols = atoms.get_chemical_symbols()  # type: ignore[no-untyped-call]
    limit = np.array([limits.get(pair_name(symbols[p], symbols[q]), limits[""]) for p, q in zip(i, j, strict=True)])
    short = distance - limit
    worst = int(short.argmin())
    if short[worst] >= 0:
        return None
    return int(i[worst]), int(j[worst]), float(distance[worst]), float(limit[worst])
