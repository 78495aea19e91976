"""Ions around polyanions: distance from a ligand and angle at it (Kaiser & Egger 2024, Figs 7 and 10)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.blocks import block_record, frame_blocks, standard_error
from ufpnmr.dynamics.rdf import shell_edges
from ufpnmr.dynamics.series import frames_left_out
from ufpnmr.dynamics.tetrahedra import bond_cutoff, bonded_ligands, nearest_images
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results.angles import IonDensity
from ufpnmr.trajectory.frames import Frames

__all__ = ["ion_density"]

FloatArray = npt.NDArray[np.float64]


def ion_density(
    frames: Frames,
    centre: str,
    ligand: str,
    ion: str,
    *,
    r_min: float = 2.0,
    r_max: float = 6.0,
    dr: float = 0.05,
    dphi: float = 1.0,
    cutoff: float | None = None,
    threads: int = 0,
) -> IonDensity:
    """Return the joint density of r = |ligand-ion| and φ = angle centre-ligand-ion.

    Parameters
    ----------
    frames : Frames
        Positions (T, N, 3) Å and cells (T, 3, 3) Å.
    centre, ligand, ion : str
        Elements A, S and M. The angle is at S, between A and M: three atoms (called a dihedral angle in the paper).
    r_min, r_max, dr : float
        Window and bin of the distance, Å.
    dphi : float
        Bin of the angle, degrees.
    cutoff : float, optional
        Longest bond A-S, Å; default 1.25 times the first peak of their g(r). Bonds are those of the first frame.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Returns
    -------
    IonDensity
        Density and the same over r² sin φ, which is flat for an ideal gas.

    Raises
    ------
    InputError
        No such elements or bonds, a window that its bins do not divide, no ion in it.
    """
    if not 0 <= r_min < r_max:
        raise InputError(f"expected 0 <= r_min < r_max, found {r_min} and {r_max} Å")
    edges = shell_edges(r_max, dr)
    skipped = round(r_min / dr)
    turns = round(180.0 / dphi) if dphi > 0 else 0
    if turns < 1 or abs(turns * dphi - 180.0) > 1e-6 or abs(skipped * dr - r_min) > 1e-6:
        raise InputError(f"expected bins that divide r_min and 180°, found dr {dr} Å for {r_min} Å, dphi {dphi}°")
    longest = bond_cutoff(frames, centre, ligand) if cutoff is None else cutoff
    bonded = bonded_ligands(frames, centre, ligand, longest)
    a = np.repeat(frames.of(centre), [len(row) for row in bonded])
    s = np.concatenate(bonded).astype(np.int64)
    if len(s) == 0:
        raise InputError(f"{frames.source}: no {ligand} within {longest:.2f} Å of a {centre}; give --cutoff")
    centres = frames.positions[:, a]
    ligands = centres + nearest_images(centres, frames.positions[:, s], frames.cell[:, None])
    broken = float((np.linalg.norm(ligands - centres, axis=-1) > longest * 1.25).mean())
    blocks = frame_blocks(len(centres))
    counted = _core.bond_angle_histogram(
        centres,
        ligands,
        frames.positions[:, frames.of(ion)],
        frames.cell,
        blocks,
        r_max,
        len(edges) - 1,
        turns,
        threads,
    )[:, skipped:]
    total = counted.sum(axis=0)
    if total.sum() == 0:
        raise InputError(f"{frames.source}: no {ion} between {r_min:g} and {r_max:g} Å of a bonded {ligand}")
    edges = edges[skipped:]
    phi_edges = np.linspace(0.0, 180.0, turns + 1)
    area = dr * dphi
    per_block = counted.sum(axis=(1, 2), keepdims=True)
    block_density = counted[per_block[:, 0, 0] > 0] / (per_block[per_block[:, 0, 0] > 0] * area)
    r, phi = (edges[1:] + edges[:-1]) / 2, (phi_edges[1:] + phi_edges[:-1]) / 2
    ideal = np.outer(np.diff(edges**3), -np.diff(np.cos(np.radians(phi_edges))))
    tops = [np.unravel_index(np.argmax(_blurred(block)), block.shape) for block in block_density]
    method = "maximum of the density, smoothed over 5 bins"
    return IonDensity(
        r=r,
        phi=phi,
        counts=total,
        density=total / (total.sum() * area),
        density_std_error=standard_error(block_density),
        reduced=(total / total.sum()) / (ideal / ideal.sum()),
        values={
            "r of the maximum": block_record(r[[top[0] for top in tops]], "angstrom", method),
            "phi of the maximum": block_record(phi[[top[1] for top in tops]], "degree", method),
        },
        parameters={
            **frames_left_out(frames),
            "centre": centre,
            "ligand": ligand,
            "ion": ion,
            "bond_cutoff_A": longest,
            "n_bonds": len(s),
            "bonds_stretched": broken,
            "n_frames": len(centres),
        },
        provenance=collect(source=frames.source, analysis="angles"),
    )


def _blurred(density: FloatArray) -> FloatArray:
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(density, 5, mode="nearest"))
