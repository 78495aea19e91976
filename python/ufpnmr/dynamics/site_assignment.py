"""Which site an ion is at: nearest site with two radii."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.series import Paths, ion_series
from ufpnmr.dynamics.visits import hold
from ufpnmr.errors import InputError

__all__ = ["assign", "nearest_sites", "neighbour_distance"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_IMAGES = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def nearest_sites(places: FloatArray, fractional: FloatArray, cell: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return index of and distance (Å) to the nearest site.

    Parameters
    ----------
    places : ndarray (M, 3)
        Fractional coordinates, any image.
    fractional : ndarray (S, 3)
        Sites.
    cell : ndarray (3, 3)
        Å.
    """
    from scipy.spatial import cKDTree

    inside = fractional % 1.0
    images = (inside[None] + _IMAGES[:, None]).reshape(-1, 3)
    # no point is farther from its nearest site than half the sum of the cell vectors
    margin = 0.5 + 1e-9
    close = ((images > -margin) & (images < 1 + margin)).all(axis=1)
    owner = np.tile(np.arange(len(fractional)), len(_IMAGES))[close]
    tree = cKDTree(images[close] @ cell)
    distance, index = tree.query((places % 1.0) @ cell)
    return np.asarray(owner[index], dtype=np.int64), np.asarray(distance, dtype=np.float64)


def neighbour_distance(fractional: FloatArray, cell: FloatArray) -> float:
    """Return the shortest distance between two sites, images of one site included, Å."""
    apart = fractional[:, None] - fractional[None]
    apart -= np.rint(apart)
    shifted = (apart[:, :, None] + _IMAGES) @ cell
    lengths = np.linalg.norm(shifted, axis=-1)
    return float(lengths[lengths > 1e-6].min())


def assign(
    paths: Paths,
    fractional: FloatArray,
    cell: FloatArray,
    capture: float,
    release: float,
    residence: int,
    threads: int = 0,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return 1 + index of the site of each ion, 0 for none.

    Positions are smoothed by a running median over the minimum residence. An ion belongs to a site from when it comes
    closer than `capture` until it is farther than `release` or captured by another.

    Parameters
    ----------
    paths : IonPaths
        Positions (T, N, 3), Å.
    fractional : ndarray (S, 3)
        Sites.
    cell : ndarray (3, 3)
        Å.
    capture, release : float
        Å, capture <= release.
    residence : int
        Frames.
    threads : int
        Threads; 0 for all.

    Returns
    -------
    smooth, raw : ndarray (T, N)
        By that rule; and the nearest site within `capture` of the unsmoothed position.
    """
    if not 0 < capture <= release:
        raise InputError(f"expected 0 < capture radius <= release radius in Å, found {capture:.3g} and {release:.3g}")
    n_frames, n_ions = paths.positions.shape[:2]
    smooth, raw = np.zeros((n_frames, n_ions), np.int32), np.zeros((n_frames, n_ions), np.int32)
    inverse = np.linalg.inv(cell)
    start = np.asarray(paths.positions[:1], dtype=np.float64)[0]
    for ions, series in ion_series(paths.positions):
        for k, one in zip(range(ions.start, ions.stop), series, strict=True):
            places = (one.T + start[k]) @ inverse
            filtered = (_core.running_median(one, residence // 2, threads).T + start[k]) @ inverse
            index, distance = nearest_sites(places, fractional, cell)
            raw[:, k] = np.where(distance < capture, index + 1, 0)
            index, distance = nearest_sites(filtered, fractional, cell)
            captured = np.where(distance < capture, index + 1, 0)
            held = hold(captured)
            apart = filtered - fractional[held - 1]
            apart -= np.rint(apart)
            far = np.linalg.norm(apart @ cell, axis=1) > release
            smooth[:, k] = hold(captured, far)
    return smooth, raw
