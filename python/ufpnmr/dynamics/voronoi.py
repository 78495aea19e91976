"""Coordination by Voronoi cells: an ion among the periodic images of its ligands, faces by solid angle or area.

The cell of an ion at the origin is the polar dual of the convex hull of the inverted neighbours 2 q/|q|²: every facet
of the hull is a vertex of the cell, every corner of the hull a face. Weights as O'Keeffe, Acta Cryst. A 1979, 35, 772.
"""

from __future__ import annotations

import itertools
import math
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
    squared = (q**2).sum(axis=1)
    if not (squared > 0).all():
        raise InputError("expected neighbours away from the ion, found one at its place")
    try:
        hull = ConvexHull(2 * q / squared[:, None])
    except (QhullError, ValueError):
        raise InputError("the neighbours do not enclose the ion") from None
    normal, offset = hull.equations[:, :3], hull.equations[:, 3]
    if not (offset < -1e-12).all():
        raise InputError("the neighbours do not enclose the ion")
    corners = -normal / offset[:, None]
    count = np.zeros(len(q))
    centre = np.zeros_like(q)
    for column in hull.simplices.T:
        np.add.at(count, column, 1)
        np.add.at(centre, column, corners)
    centre /= np.maximum(count, 1)[:, None]
    # edges of the cell: pairs of facets of the hull, in the faces of the two neighbours that the facets share
    facet = np.repeat(np.arange(len(hull.simplices)), 3)
    across = hull.neighbors.ravel()
    faces = hull.simplices[:, [[1, 2], [0, 2], [0, 1]]].reshape(-1, 2)
    once = facet < across
    first, second = corners[facet[once]], corners[across[once]]
    weights = np.zeros(len(q))
    for face in faces[once].T:
        np.add.at(weights, face, _triangles(centre[face], first, second, weight))
    return weights, float(np.sqrt((corners**2).sum(axis=1).max()))


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
        for k, near in zip(missing, cKDTree(images).query_ball_point(at[missing], reach), strict=True):
            offsets = images[near] - at[k]
            away = (offsets**2).sum(axis=1) > 1e-12
            try:
                weights, radius = voronoi_cell(offsets[away], weight)
            except InputError:
                continue
            if 2 * radius <= reach:
                order = np.argsort(-weights, kind="stable")[: np.count_nonzero(weights > 1e-9 * weights.max())]
                found[k] = index[np.asarray(near)[away]][order], weights[order]
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
