"""Where sites are: atoms of a reference crystal, or maxima of the density of the ions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr.dynamics.series import Paths, check_paths
from ufpnmr.errors import InputError

__all__ = ["Sites", "constant_cell", "density_sites", "reference_sites"]

FloatArray = npt.NDArray[np.float64]

SPACING = 0.25
SMOOTHING = 0.35
CONTRAST = 0.7
ABOVE_MEAN = 3.0
SMALLEST_OCCUPATION = 0.02
NEIGHBOUR_PEAKS = 5.0
CELL_TOLERANCE = 0.03
_FRAMES_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class Sites:
    """Places in a periodic cell.

    Attributes
    ----------
    fractional : ndarray (S, 3)
        In units of the cell vectors, 0 to 1.
    kind : ndarray (S,)
        Positive integers.
    names : dict
        Name of each kind.
    source : str
        Where they came from.
    """

    fractional: FloatArray
    kind: npt.NDArray[np.int64]
    names: dict[int, str]
    source: str


def constant_cell(paths: Paths) -> FloatArray:
    """Return the cell (3, 3) of all frames, Å; InputError if it changes or has no volume."""
    cell = np.asarray(paths.cell, dtype=np.float64)
    if not np.allclose(cell, cell[0], rtol=1e-6, atol=1e-6):
        raise InputError("sites in space need a constant cell; found one that changes: use a run at constant volume")
    if abs(np.linalg.det(cell[0])) < 1e-6:
        raise InputError("expected a periodic cell with a volume; the trajectory holds no box")
    first: FloatArray = cell[0]
    return first


def reference_sites(structure: Any, cell: npt.ArrayLike, element: str, array: str | None = None) -> Sites:
    """Return the atoms of one element of a crystal as sites, repeated to fill the cell of the run.

    Parameters
    ----------
    structure : ase.Atoms or path
        Crystal whose axes and origin are those of the run; a unit cell is repeated.
    cell : array_like (3, 3)
        Cell of the run, rows a, b, c, Å; an integer number of crystal cells along each vector to 3 %.
    element : str
        Element that marks the sites, e.g. that of the ions; "X" for ghosts.
    array : str, optional
        Per-atom array of the structure that tells kinds of sites apart, e.g. a column of an extxyz file.

    Raises
    ------
    InputError
        No such atom or array, cells that do not fit.
    """
    from ase import Atoms
    from ase.io import read

    atoms: Any = structure if isinstance(structure, Atoms) else read(Path(structure))
    name = "reference" if isinstance(structure, Atoms) else Path(structure).name
    chosen = np.array(atoms.get_chemical_symbols()) == element
    if not chosen.any():
        found = sorted(set(atoms.get_chemical_symbols()))
        raise InputError(f"{name}: expected atoms of element {element} as sites, found {', '.join(found)}")
    run, small = np.asarray(cell, dtype=np.float64), np.asarray(atoms.cell.array)
    if abs(np.linalg.det(small)) < 1e-6:
        raise InputError(f"{name}: expected a crystal with a cell, found none")
    repeat = np.maximum(1, np.rint(np.linalg.norm(run, axis=1) / np.linalg.norm(small, axis=1)).astype(int))
    misfit = np.linalg.norm(repeat[:, None] * small - run, axis=1) / np.linalg.norm(run, axis=1)
    if misfit.max() > CELL_TOLERANCE:
        raise InputError(
            f"{name}: expected a cell that fills that of the run when repeated, found {repeat.tolist()} repeats to "
            f"differ by {100 * misfit.max():.1f} % (limit {100 * CELL_TOLERANCE:g} %)"
        )
    kinds = np.full(len(atoms), element)
    if array is not None:
        if array not in atoms.arrays or atoms.arrays[array].ndim != 1:
            raise InputError(f"{name}: expected a per-atom array {array!r}, found {', '.join(sorted(atoms.arrays))}")
        kinds = atoms.arrays[array].astype(str)
    texts, kind = np.unique(kinds[chosen], return_inverse=True)
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in repeat], indexing="ij"), axis=-1).reshape(-1, 3)
    scaled = atoms.get_scaled_positions()[chosen]
    fractional = ((scaled[None] + shifts[:, None]) / repeat).reshape(-1, 3)
    return Sites(
        fractional=fractional % 1.0,
        kind=np.tile(kind + 1, len(shifts)).astype(np.int64),
        names={k + 1: str(text) for k, text in enumerate(texts)},
        source=f"{name}: {element}" + (f" by {array}" if array else ""),
    )


def density_sites(
    paths: Paths, *, spacing: float = SPACING, smoothing: float = SMOOTHING, contrast: float = CONTRAST
) -> Sites:
    """Find sites as maxima of the time-averaged density of the ions.

    The density on a grid is smoothed by a Gaussian. Maxima above three times the mean density are candidates; two of
    them are one site unless the density between them (on the line through both) falls below `contrast` times that of
    the lower. The higher survives. Sites that hold less than 0.02 ions within half the distance to their neighbour are
    dropped.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped paths relative to the framework in a constant cell: positions (T, N, 3) Å.
    spacing : float
        Of the grid, Å.
    smoothing : float
        Standard deviation of the Gaussian, Å.
    contrast : float
        0 to 1.

    Raises
    ------
    InputError
        A cell that changes, parameters out of range, no maximum.
    """
    check_paths(paths)
    if not (spacing > 0 and smoothing > 0 and 0 < contrast < 1):
        raise InputError(
            "expected positive spacing and smoothing (Å) and a contrast between 0 and 1, "
            f"found {spacing}, {smoothing}, {contrast}"
        )
    from scipy import ndimage

    cell = constant_cell(paths)
    lengths = np.linalg.norm(cell, axis=1)
    shape = np.maximum(4, np.rint(lengths / spacing).astype(int))
    density = _smooth_density(paths, cell, shape, smoothing)
    top = ndimage.maximum_filter(density, size=3, mode="wrap")
    where = np.argwhere((density == top) & (density > ABOVE_MEAN * density.mean()))
    if not len(where):
        raise InputError("the density of the ions has no maxima above three times its mean: they move like a liquid")
    height = density[tuple(where.T)]
    order = np.argsort(-height, kind="stable")
    peaks, height = (where[order] + 0.5) / shape, height[order]
    kept: list[int] = []
    for k, peak in enumerate(peaks):
        apart = peaks[kept] - peak
        apart -= np.rint(apart)
        near = np.linalg.norm(apart @ cell, axis=1) < NEIGHBOUR_PEAKS
        if not any(_lowest_between(density, peak, step) > contrast * height[k] for step in apart[near]):
            kept.append(k)
    fractional, held = _refined(paths, cell, peaks[kept])
    fractional = fractional[held >= SMALLEST_OCCUPATION]
    return Sites(fractional % 1.0, np.ones(len(fractional), dtype=np.int64), {1: "site"}, "density of the ions")


def _smooth_density(paths: Paths, cell: FloatArray, shape: npt.NDArray[np.int64], smoothing: float) -> FloatArray:
    """Return the density on a grid, smoothed by a Gaussian in reciprocal space (exact in any cell)."""
    from scipy import fft

    inverse = np.linalg.inv(cell)
    counts = np.zeros(int(np.prod(shape)))
    for start in range(0, len(paths.time), _FRAMES_AT_ONCE):
        fractional = np.asarray(paths.positions[start : start + _FRAMES_AT_ONCE]).reshape(-1, 3) @ inverse
        index = np.minimum((fractional % 1.0 * shape).astype(np.int64), shape - 1)
        counts += np.bincount(np.ravel_multi_index(tuple(index.T), tuple(shape)), minlength=len(counts))
    waves = [fft.fftfreq(n, 1 / n) for n in shape[:2]] + [fft.rfftfreq(shape[2], 1 / shape[2])]
    k = 2 * np.pi * np.stack(np.meshgrid(*waves, indexing="ij"), axis=-1) @ inverse.T
    damping = np.exp(-0.5 * smoothing**2 * (k**2).sum(axis=-1))
    smooth = fft.irfftn(fft.rfftn(counts.reshape(shape)) * damping, s=tuple(shape))
    return np.asarray(np.maximum(smooth, 0.0), dtype=np.float64)


def _lowest_between(density: FloatArray, start: FloatArray, step: FloatArray) -> float:
    from scipy import ndimage

    shape = np.array(density.shape)
    line = (start + np.linspace(0, 1, 25)[:, None] * step) * shape - 0.5
    return float(ndimage.map_coordinates(density, line.T, order=1, mode="grid-wrap").min())


def _refined(paths: Paths, cell: FloatArray, fractional: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean position of the ions at each site (within half the distance to its neighbour) and how many."""
    from ufpnmr.dynamics.site_assignment import nearest_sites, neighbour_distance

    reach = neighbour_distance(fractional, cell) / 2
    inverse = np.linalg.inv(cell)
    total, sums = np.zeros(len(fractional)), np.zeros((len(fractional), 3))
    for start in range(0, len(paths.time), _FRAMES_AT_ONCE):
        places = np.asarray(paths.positions[start : start + _FRAMES_AT_ONCE], dtype=np.float64).reshape(-1, 3) @ inverse
        nearest, distance = nearest_sites(places, fractional, cell)
        use = distance < reach
        apart = places[use] - fractional[nearest[use]]
        apart -= np.rint(apart)
        np.add.at(sums, nearest[use], apart)
        total += np.bincount(nearest[use], minlength=len(total))
    moved = fractional + sums / np.maximum(total, 1)[:, None]
    return moved, total / len(paths.time)
