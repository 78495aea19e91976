"""Deterministic farthest-point sampling: the most different rows first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError

__all__ = ["farthest_points"]

Array = NDArray[np.float64]


def farthest_points(points: Array, count: int, *, strict: bool = True) -> NDArray[np.intp]:
    """Return indices of `count` points, each the farthest from all before it.

    The first is the one of largest norm; ties go to the lowest index, so the result depends on nothing but the points.

    Parameters
    ----------
    points : (N, D)
        Environments (rows of P⁰), or features: one row per feature, its weighted values in all environments and
        components.
    count : int
        At most N.
    strict : bool
        Whether it is an error that fewer points differ; otherwise fewer are returned.

    Returns
    -------
    (count,) int, in the order of selection.

    Raises
    ------
    InputError
        More points asked for than differ from each other.
    """
    if not 1 <= count <= len(points):
        raise InputError(f"expected to select between 1 and {len(points)} points, found {count}")
    squared = np.einsum("nd,nd->n", points, points)
    chosen = np.empty(count, dtype=np.intp)
    distance = np.full(len(points), np.inf)
    candidate = int(squared.argmax())
    same = 1e-14 * squared[candidate]  # rounding of the distances
    for k in range(count):
        if k and distance[candidate] <= same:
            if not strict:
                return chosen[:k]
            raise InputError(f"expected {count} points that differ, found {k}; select fewer or add structures")
        chosen[k] = candidate
        new = squared + squared[candidate] - 2 * (points @ points[candidate])
        np.minimum(distance, new, out=distance)
        distance[chosen[: k + 1]] = 0.0
        candidate = int(distance.argmax())
    return chosen
