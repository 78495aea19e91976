"""Which atoms form tetrahedra: bonded ones, those of a lattice without centre atoms, or a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.rdf import pair_correlation
from ufpnmr.errors import InputError
from ufpnmr.trajectory.frames import Frames

__all__ = [
    "Tetrahedra",
    "angle_triples",
    "bond_cutoff",
    "bonded_ligands",
    "bonded_tetrahedra",
    "lattice_tetrahedra",
    "listed_tetrahedra",
    "nearest_images",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Kind = Literal["face", "bond"]

CUTOFF_OVER_PEAK = 1.25
CHECKED_FRAMES = 100
REFERENCE_TOLERANCE = 5.0
"""Degrees by which an angle of the mean structure may miss the reference angle it is selected by."""


@dataclass(frozen=True)
class Tetrahedra:
    """Corners of tetrahedra as indices of atoms, fixed for the whole run.

    Attributes
    ----------
    corners : ndarray (K, 4)
        Indices of the corner atoms.
    centres : ndarray (K,) or None
        Indices of the centre atoms, if there are any.
    name : str
        How they were found.
    changed : float
        Fraction of (frame, tetrahedron) whose four nearest ligands are no longer these; 0 without centres.
    """

    corners: IntArray
    centres: IntArray | None
    name: str
    changed: float = 0.0


def bond_cutoff(frames: Frames, centre: str, ligand: str) -> float:
    """Return 1.25 times the first peak of g(r) of two elements over 20 frames, Å."""
    few = _thinned(frames, 20)
    name = f"{centre}-{ligand}"
    peak = pair_correlation(few, pairs=[(centre, ligand)], r_max=6.0).values.get(f"{name} first peak")
    if peak is None or peak.value is None:
        raise InputError(f"{frames.source}: g(r) of {name} has no peak within 6 Å; give --cutoff")
    return CUTOFF_OVER_PEAK * peak.value


def bonded_ligands(frames: Frames, centre: str, ligand: str, cutoff: float, frame: int = 0) -> list[IntArray]:
    """Return the indices of the ligands within `cutoff` (Å) of each centre in one frame, nearest first."""
    a, b = frames.of(centre), frames.of(ligand)
    if centre == ligand:
        raise InputError(f"expected two elements for centre and ligand, found {centre} twice")
    gap = nearest_images(frames.positions[frame, a][:, None], frames.positions[frame, b][None], frames.cell[frame])
    distance = np.linalg.norm(gap, axis=-1)
    order = np.argsort(distance, axis=1, kind="stable")
    return [b[row[distance[k, row] < cutoff]] for k, row in enumerate(order)]


def bonded_tetrahedra(frames: Frames, centre: str, ligand: str, cutoff: float | None = None) -> Tetrahedra:
    """Return the four nearest ligands of each centre in the first frame.

    Parameters
    ----------
    frames : Frames
    centre, ligand : str
        Elements.
    cutoff : float, optional
        Longest bond, Å; default 1.25 times the first peak of their g(r). Centres with another number of ligands within
        it are left out.

    Raises
    ------
    InputError
        No centre has four ligands.
    """
    longest = bond_cutoff(frames, centre, ligand) if cutoff is None else cutoff
    centres = frames.of(centre)
    first = bonded_ligands(frames, centre, ligand, longest)
    whole = [k for k, found in enumerate(first) if len(found) == 4]
    if not whole:
        sizes = sorted({len(found) for found in first})
        raise InputError(
            f"{frames.source}: no {centre} has four {ligand} within {longest:.2f} Å (found {sizes}); give --cutoff"
        )
    corners = np.array([first[k] for k in whole])
    checked = np.linspace(0, len(frames.positions) - 1, min(CHECKED_FRAMES, len(frames.positions))).astype(int)
    changes = 0
    for frame in checked:
        now = bonded_ligands(frames, centre, ligand, np.inf, int(frame))
        changes += sum(set(now[k][:4].tolist()) != set(corners[row].tolist()) for row, k in enumerate(whole))
    name = f"{centre}{ligand}4 by the bonds of the first frame"
    return Tetrahedra(corners, centres[whole], name, changes / (len(checked) * len(whole)))


def lattice_tetrahedra(frames: Frames, element: str) -> Tetrahedra:
    """Return the Delaunay tetrahedra of the mean positions of one element, for lattices without centre atoms.

    In body-centred cubic iodide these are the 12 congruent tetrahedra per cubic cell around its interstices.

    Raises
    ------
    InputError
        The cell is so small that a tetrahedron holds an atom and its own image.
    """
    from scipy.spatial import Delaunay

    atoms = frames.of(element)
    cell = frames.cell.mean(axis=0)
    fraction = frames.positions[:, atoms].mean(axis=0) @ np.linalg.inv(cell)
    home = fraction - np.floor(fraction)
    shifts = np.array(list(product((-1, 0, 1), repeat=3)))
    images = (home[None] + shifts[:, None]).reshape(-1, 3)
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    margin = 3 * (abs(np.linalg.det(cell)) / len(atoms)) ** (1 / 3) / heights
    near = ((images > -margin) & (images < 1 + margin)).all(axis=1)
    index = np.tile(np.arange(len(atoms)), len(shifts))[near]
    inside = (np.repeat(shifts, len(atoms), axis=0)[near] == 0).all(axis=1)
    simplices = Delaunay(images[near] @ cell).simplices
    simplices = simplices[inside[simplices].any(axis=1)]
    corners = np.unique(np.sort(index[simplices], axis=1), axis=0)
    if (np.diff(corners, axis=1) == 0).any():
        raise InputError(f"{frames.source}: the cell is too small for tetrahedra of four different {element}")
    return Tetrahedra(atoms[corners], None, f"{element} lattice, Delaunay tetrahedra of the mean positions")


def listed_tetrahedra(frames: Frames, rows: Sequence[Sequence[int]], name: str) -> Tetrahedra:
    """Tetrahedra from atom ids: four corners per row, or a centre and four corners."""
    width = {len(row) for row in rows}
    if width not in ({4}, {5}):
        raise InputError(f"{name}: expected rows of 4 ids (corners) or of 5 (centre, corners), found {sorted(width)}")
    ids = np.array(rows, dtype=np.int64)
    place = np.searchsorted(frames.ids, ids)
    known = (place < len(frames.ids)) & (frames.ids[np.minimum(place, len(frames.ids) - 1)] == ids)
    if not known.all():
        raise InputError(f"{name}: no atom with id {ids[~known][0]} in {frames.source}")
    if any(len(set(row)) != len(row) for row in rows):
        raise InputError(f"{name}: expected different atoms in a row")
    return Tetrahedra(place[:, -4:], place[:, 0] if place.shape[1] == 5 else None, f"list {name}")


def angle_triples(
    frames: Frames, tetrahedra: Tetrahedra, kind: Kind = "face", reference: float | None = None
) -> IntArray:
    """Return the angles of tetrahedra as triples (M, 3): vertex, end, end.

    Parameters
    ----------
    frames : Frames
    tetrahedra : Tetrahedra
    kind : {"face", "bond"}
        "face": corner-corner-corner, 12 per tetrahedron (60° if regular), the angle of Kaiser & Egger, eq. 4. "bond":
        corner-centre-corner, 6 (109.47°).
    reference : float, optional
        Keep only the angles that are this large (within 5°) in the mean structure, degrees: 70.53 takes the four larger
        of the 12 in body-centred cubic iodide.

    Raises
    ------
    InputError
        Bond angles without centres, no angle at the reference.
    """
    corners = tetrahedra.corners
    if kind == "bond":
        if tetrahedra.centres is None:
            raise InputError("bond angles need centre atoms; these tetrahedra have none (--kind face)")
        triples = np.concatenate(
            [np.stack([tetrahedra.centres, corners[:, i], corners[:, j]], axis=1) for i, j in combinations(range(4), 2)]
        )
    else:
        triples = np.concatenate(
            [corners[:, [i, j, k]] for i in range(4) for j, k in combinations([c for c in range(4) if c != i], 2)]
        )
    if reference is not None:
        mean = frames.positions.mean(axis=0)[None]
        angles = np.degrees(_core.triple_angles(mean, triples, frames.cell.mean(axis=0)[None], 1)[0])
        triples = triples[np.abs(angles - reference) < REFERENCE_TOLERANCE]
        if len(triples) == 0:
            found = ", ".join(f"{a:.1f}" for a in np.unique(np.round(angles, 1))[:8])
            raise InputError(f"no angle of the mean structure within 5° of {reference:g}°; there are {found} …")
    return np.asarray(triples, dtype=np.int64)


def nearest_images(a: FloatArray, b: FloatArray, cell: FloatArray) -> FloatArray:
    """Return b - a (..., 3) by minimum images in `cell` (..., 3, 3), Å."""
    fraction = np.einsum("...k,...kl->...l", b - a, np.linalg.inv(cell))
    return np.asarray(np.einsum("...k,...kl->...l", fraction - np.rint(fraction), cell))


def _thinned(frames: Frames, most: int) -> Frames:
    import dataclasses

    keep = np.unique(np.linspace(0, len(frames.positions) - 1, most).astype(int))
    return dataclasses.replace(
        frames,
        positions=frames.positions[keep],
        cell=frames.cell[keep],
        time=None if frames.time is None else frames.time[keep],
        velocities=None,
    )
