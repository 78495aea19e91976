"""Coordination by Voronoi cells: an ion among the periodic images of its ligands, faces by solid angle or area.

The cell of an ion at the origin is the polar dual of the convex hull of the inverted neighbours 2 q/|q|²: every facet
of the hull is a vertex of the cell, every corner of the hull a face. Weights as O'Keeffe, Acta Cryst. A 1979, 35, 772.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError, cKDTree

from ufpnmr import _core
from ufpnmr.dynamics.coordination import CoordinationPaths
from ufpnmr.dynamics.visits import hold
from ufpnmr.errors import InputError

__all__ = ["HALF_SHARE", "SHARE", "Weight", "voronoi_cell", "voronoi_faces", "voronoi_numbers"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Weight = Literal["solid angle", "area"]

SHARE, HALF_SHARE = 0.4, 0.1
"""A face counts from 0.5 of the largest on, until it falls below 0.3 of it (ours).

In β-Li3PS4 the faces of bonds have 0.68 to 1 of the largest, all others less than 0.2.
"""
FIRST_REACH = 2.5
"""In units of the mean distance of ligands: where neighbours are first looked for."""
LARGEST_REACH = 40.0


def voronoi_cell(neighbours: npt.ArrayLike, weight: Weight = "solid angle") -> tuple[FloatArray, float]:
    """Return the weight of each neighbour's face of the Voronoi cell of the origin, and the radius of the cell.

    Parameters
    ----------
    neighbours : array_like (K, 3)
        Positions relative to the ion, Å. Those that share no face get 0.
    weight : {"solid angle", "area"}
        Steradian (the sum is 4π) or Å².

    Returns
    -------
    weights : ndarray (K,)
        Weight of each face.
    radius : float
        Distance of the farthest corner, Å: a neighbour beyond twice of it shares no face.

    Raises
    ------
    InputError
        The neighbours do not enclose the origin.
    """
    q = np.asarray(neighbours, dtype=np.float64)
    if not (q**2).sum(axis=1).all():
        raise InputError("expected neighbours away from the ion, found one at its place")
    (found,) = _cells([q], weight)
    if found is None:
        raise InputError("the neighbours do not enclose the ion")
    return found


def voronoi_faces(
    ions: npt.ArrayLike, ligands: npt.ArrayLike, cell: npt.ArrayLike, weight: Weight = "solid angle"
) -> list[tuple[IntArray, FloatArray]]:
    """Return, for each ion, the ligands that share a face with it and the weights of the faces.

    Parameters
    ----------
    ions, ligands : array_like (N, 3), (M, 3)
        Positions, Å; a ligand at the place of an ion is that ion and skipped. Other ions do not cut the cell.
    cell : array_like (3, 3)
        Rows a, b, c, Å. Periodic images are enumerated: a ligand appears as often as images of it share a face.
    weight : {"solid angle", "area"}
        See `voronoi_cell`.

    Returns
    -------
    list of (indices (K,), weights (K,))
        Largest weight first.
    """
    box = np.asarray(cell, dtype=np.float64)
    inverse = np.asarray(np.linalg.inv(box), dtype=np.float64)
    at = np.asarray(ions, dtype=np.float64) @ inverse
    others = np.asarray(ligands, dtype=np.float64) @ inverse
    at = (at - np.floor(at)) @ box
    inside: FloatArray = (others - np.floor(others)) @ box
    reach = FIRST_REACH * float(abs(np.linalg.det(box)) / len(inside)) ** (1 / 3)
    found: list[tuple[IntArray, FloatArray] | None] = [None] * len(at)
    while True:
        images, index = _images(inside, box, inverse, reach)
        missing = [k for k, done in enumerate(found) if done is None]
        members, offsets = [], []
        for k, near in zip(missing, cKDTree(images).query_ball_point(at[missing], reach), strict=True):
            offset = images[near] - at[k]
            away = (offset**2).sum(axis=1) > 1e-12
            members.append(index[near][away])
            offsets.append(offset[away])
        for k, member, cell_of_k in zip(missing, members, _cells(offsets, weight), strict=True):
            if cell_of_k is not None and 2 * cell_of_k[1] <= reach:
                weights = cell_of_k[0]
                order = np.argsort(-weights, kind="stable")[: np.count_nonzero(weights > 1e-9 * weights.max())]
                found[k] = member[order], weights[order]
        if all(done is not None for done in found):
            return [done for done in found if done is not None]
        reach *= 1.5
        if reach > LARGEST_REACH:
            raise InputError(f"an ion is not enclosed by ligands within {LARGEST_REACH:g} Å; give other ligands")


def voronoi_numbers(
    arrays: CoordinationPaths, half: int, weight: Weight = "solid angle", threads: int = 0
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return coordination numbers (T, N): raw, and of smoothed faces with hysteresis.

    Raw: faces of at least 0.4 of the weight of the largest. Settled: the ratio of each ligand's face to the largest is
    smoothed by a running median over 2 `half` + 1 frames; a ligand counts from 0.5 on until the ratio is below 0.3. Of
    several images of a ligand the largest face is taken.
    """
    n_frames, n_ions = arrays.ions.shape[:2]
    n_ligands = arrays.ligands.shape[1]
    ratios: list[dict[int, npt.NDArray[np.float32]]] = [{} for _ in range(n_ions)]
    raw = np.zeros((n_frames, n_ions), np.int16)
    for t in range(n_frames):
        cells = voronoi_faces(arrays.ions[t], arrays.ligands[t], arrays.cell[t], weight)
        for k, (index, weights) in enumerate(cells):
            largest = np.zeros(n_ligands)
            np.maximum.at(largest, index, weights / weights[0])
            for ligand in np.flatnonzero(largest):
                ratios[k].setdefault(int(ligand), np.zeros(n_frames, np.float32))[t] = largest[ligand]
            raw[t, k] = np.count_nonzero(largest >= SHARE)
    settled = np.zeros_like(raw)
    for k, of_ligand in enumerate(ratios):
        smooth = _core.running_median(np.array(list(of_ligand.values()), dtype=np.float64), half, threads).T
        captured = (smooth >= SHARE + HALF_SHARE).astype(np.int8)
        settled[:, k] = hold(captured, smooth <= SHARE - HALF_SHARE).sum(axis=1)
    return raw, settled


def _cells(neighbours: Sequence[FloatArray], weight: Weight) -> list[tuple[FloatArray, float] | None]:
    """Return what `voronoi_cell` does for the neighbours of each ion; None where they do not enclose it.

    Only the hulls are made one by one: their facets and edges are then handled together, because NumPy takes longer to
    begin with one small array than to work through it.
    """
    hulls = [_hull(2 * q / (q**2).sum(axis=1)[:, None]) for q in neighbours]
    whole = [hull for hull in hulls if hull is not None]
    if not whole:
        return [None] * len(hulls)
    sizes = np.array([len(hull.points) for hull in whole])
    facets = np.array([len(hull.simplices) for hull in whole])
    first_point = np.repeat(np.cumsum(sizes) - sizes, facets)[:, None]
    first_facet = np.repeat(np.cumsum(facets) - facets, facets)[:, None]
    simplices = np.concatenate([hull.simplices for hull in whole]) + first_point
    equations = np.concatenate([hull.equations for hull in whole])
    corners = -equations[:, :3] / equations[:, 3:]
    count = np.bincount(simplices.T.ravel(), minlength=sizes.sum())
    centre = _sums(simplices.T, np.tile(corners, (3, 1)), sizes.sum()) / np.maximum(count, 1)[:, None]
    # edges of the cell: pairs of facets of the hull, in the faces of the two neighbours that the facets share
    facet = np.repeat(np.arange(len(simplices)), 3)
    across = (np.concatenate([hull.neighbors for hull in whole]) + first_facet).ravel()
    faces = simplices[:, [[1, 2], [0, 2], [0, 1]]].reshape(-1, 2)
    once = facet < across
    first, second = corners[facet[once]], corners[across[once]]
    ends = faces[once].T
    triangles = np.concatenate([_triangles(centre[end], first, second, weight) for end in ends])
    weights = _sums(ends, triangles[:, None], sizes.sum())[:, 0]
    radius = np.sqrt(np.maximum.reduceat((corners**2).sum(axis=1), np.cumsum(facets) - facets))
    of_cells = zip(np.split(weights, np.cumsum(sizes)[:-1]), radius.tolist(), strict=True)
    return [None if hull is None else next(of_cells) for hull in hulls]


def _hull(points: FloatArray) -> ConvexHull | None:
    """Return the hull of points if it holds the origin inside."""
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        return None
    return hull if (hull.equations[:, 3] < -1e-12).all() else None


def _sums(into: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Add rows of values (K, C) into rows (size, C)."""
    index = into.ravel()
    return np.stack([np.bincount(index, weights=column, minlength=size) for column in values.T], axis=1)


def _images(others: FloatArray, box: FloatArray, inverse: FloatArray, reach: float) -> tuple[FloatArray, IntArray]:
    """Return all images (K, 3) within `reach` of the cell that starts at the origin, and which ligand each is."""
    heights = 1 / np.linalg.norm(inverse, axis=0)
    repeats = [range(-math.ceil(reach / h), math.ceil(reach / h) + 1) for h in heights]
    shifts = np.array(list(itertools.product(*repeats)), dtype=np.float64) @ box
    images = (others[None] + shifts[:, None]).reshape(-1, 3)
    fraction = images @ inverse
    near = ((fraction > -reach / heights) & (fraction < 1 + reach / heights)).all(axis=1)
    index = np.tile(np.arange(len(others)), len(shifts))
    return images[near], index[near]


def _triangles(a: FloatArray, b: FloatArray, c: FloatArray, weight: Weight) -> Any:
    """Return solid angles seen from the origin (Van Oosterom & Strackee 1983) or areas of triangles (E, 3)."""
    if weight == "area":
        return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    la, lb, lc = (np.linalg.norm(x, axis=1) for x in (a, b, c))
    volume = np.abs((a * np.cross(b, c)).sum(axis=1))
    ab, ac, bc = (a * b).sum(axis=1), (a * c).sum(axis=1), (b * c).sum(axis=1)
    return 2 * np.arctan2(volume, la * lb * lc + ab * lc + ac * lb + bc * la)
