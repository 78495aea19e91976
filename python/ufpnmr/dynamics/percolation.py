"""In how many dimensions a periodic network of paths connects a cell with its images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["dimension", "percolation"]

IntArray = npt.NDArray[np.int64]


def dimension(start: IntArray, end: IntArray, shift: IntArray, n_sites: int) -> tuple[int, int]:
    """Return the largest number of independent directions in which a connected part of the network runs through.

    Along a spanning tree every site gets the cell it is reached in; each path outside the tree then closes a loop whose
    cells do not add up to zero if it leads to another image of its start. The rank of these vectors is the dimension.

    Parameters
    ----------
    start, end : ndarray (E,)
        Site indices; direction does not matter.
    shift : ndarray (E, 3)
        Cells from the image of `start` to that of `end`.
    n_sites : int
        Number of sites.

    Returns
    -------
    dimension, sites : int
        0 to 3, and the number of sites of that part.
    """
    neighbours: list[list[tuple[int, IntArray]]] = [[] for _ in range(n_sites)]
    for a, b, cells in zip(start.tolist(), end.tolist(), shift, strict=True):
        neighbours[a].append((b, cells))
        neighbours[b].append((a, -cells))
    reached: dict[int, IntArray] = {}
    best = (0, 0)
    for root in range(n_sites):
        if root in reached or not neighbours[root]:
            continue
        reached[root] = np.zeros(3, dtype=np.int64)
        stack, size, loops = [root], 0, []
        while stack:
            here = stack.pop()
            size += 1
            for there, cells in neighbours[here]:
                arrival = reached[here] + cells
                if there not in reached:
                    reached[there] = arrival
                    stack.append(there)
                elif (reached[there] != arrival).any():
                    loops.append(arrival - reached[there])
        rank = int(np.linalg.matrix_rank(np.unique(loops, axis=0))) if loops else 0
        best = max(best, (rank, size))
    return best


def percolation(start: IntArray, end: IntArray, shift: IntArray, count: IntArray, n_sites: int) -> list[dict[str, Any]]:
    """Return what it takes to run through in one, two and three dimensions.

    Paths are admitted from the most to the least used; the count at which a dimension is first reached is that of its
    bottleneck.

    Parameters
    ----------
    start, end, shift, n_sites
        As for `dimension`.
    count : ndarray (E,)
        How often each path was used.

    Returns
    -------
    list of dict
        One per dimension reached: ``dimension``, ``count``, ``sites``.
    """
    found: list[dict[str, Any]] = []
    for level in np.unique(count)[::-1]:
        used = count >= level
        rank, sites = dimension(start[used], end[used], shift[used], n_sites)
        for reached in range(len(found) + 1, rank + 1):
            found.append({"dimension": reached, "count": int(level), "sites": sites})
        if rank == 3:
            break
    return found
