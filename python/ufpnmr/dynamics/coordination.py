"""Coordination numbers of ions over time with two bond radii."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.series import frame_interval
from ufpnmr.errors import InputError

__all__ = [
    "Bonds",
    "CoordinationPaths",
    "bond_radius",
    "continuous_numbers",
    "coordination_numbers",
    "first_minimum",
    "paths_from_universe",
]

FloatArray = npt.NDArray[np.float64]

SMALLEST_HALF_GAP = 0.15
LARGEST_HALF_GAP = 0.5
AMPLITUDES = 4.0
RDF_FRAMES = 100
RDF_RANGE = (1.0, 6.0)
RDF_STEP = 0.05
RISE = 0.1
PROBE_IONS = 24
PROBE_BYTES = 128 << 20
LARGEST_WIDTH = 0.25
REACH_WIDTHS = 16.0
"""Beyond R + 16 w a ligand counts 1e-7."""


@dataclasses.dataclass(frozen=True)
class CoordinationPaths:
    """Ions and the atoms that may coordinate them.

    Attributes
    ----------
    time : ndarray (T,)
        ps.
    ids : ndarray (N,)
        Atom ids of the ions.
    ions, ligands : ndarray (T, N, 3), (T, M, 3)
        Positions, wrapped or not, Å.
    cell : ndarray (T, 3, 3)
        Rows a, b, c, Å.
    left_out : dict
        Number of frames of the trajectory that are left out, by reason.
    """

    time: FloatArray
    ids: npt.NDArray[np.int64]
    ions: npt.NDArray[np.floating[Any]]
    ligands: npt.NDArray[np.floating[Any]]
    cell: FloatArray
    left_out: dict[str, int] = dataclasses.field(default_factory=dict)

    def check(self) -> float:
        """Check shapes and values and return the time between frames, ps."""
        interval = frame_interval(self.time)
        frames = len(self.time)
        for name, found, expected in (
            ("ions", np.shape(self.ions), (frames, len(self.ids), 3)),
            ("ligands", np.shape(self.ligands), (frames, *np.shape(self.ligands)[1:2], 3)),
            ("cell", np.shape(self.cell), (frames, 3, 3)),
        ):
            if found != expected:
                raise InputError(f"expected {name} of shape {expected}, found {found}")
        if self.ions.shape[1] == 0 or self.ligands.shape[1] == 0:
            raise InputError(f"expected ions and ligands, found {self.ions.shape[1]} and {self.ligands.shape[1]} atoms")
        for name, values in (("ion", self.ions), ("ligand", self.ligands)):
            bad = ~np.isfinite(values).all(axis=(1, 2))
            if bad.any():
                raise InputError(
                    f"a position of an {name} in frame {int(np.flatnonzero(bad)[0])} is not a finite number"
                )
        if (np.abs(np.linalg.det(self.cell)) < 1e-6).any():
            raise InputError("expected a periodic cell with a volume in every frame; the trajectory holds no box")
        return interval


@dataclasses.dataclass(frozen=True)
class Bonds:
    """Radius R and half gap δ (Å) of the bond rule, the amplitude behind δ, and where R came from."""

    radius: float
    half_gap: float
    amplitude: float | None
    source: str
    notice: str


def paths_from_universe(universe: Any, ion: str, ligand: str) -> CoordinationPaths:
    """Read the ions and ligands of a universe from `ufpnmr.trajectory.open`.

    Instantaneous positions, not ion paths: sums of displacements in a changing cell would not keep distances.
    """
    from ufpnmr.trajectory import time_axis

    time = time_axis(universe)
    atoms = {element: universe.select_atoms(f"element {element}") for element in (ion, ligand)}
    for element, group in atoms.items():
        if group.n_atoms == 0:
            raise InputError(f"expected atoms of element {element}, found {sorted(set(universe.atoms.elements))}")
    positions = {element: np.empty((len(time), group.n_atoms, 3), np.float32) for element, group in atoms.items()}
    cell = np.empty((len(time), 3, 3))
    for k, frame in enumerate(universe.trajectory):
        for element, group in atoms.items():
            positions[element][k] = group.positions
        box = frame.data.get("cell", frame.triclinic_dimensions)
        cell[k] = 0.0 if box is None else box
    ids = np.asarray(atoms[ion].ids, dtype=np.int64)
    left_out = dict(getattr(universe.trajectory, "left_out", {}))
    return CoordinationPaths(time, ids, positions[ion], positions[ligand], cell, left_out)


def coordination_numbers(
    arrays: CoordinationPaths, bonds: Bonds, half: int, threads: int = 0
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return coordination numbers (T, N): raw with one radius, and of smoothed distances with two."""
    inverse = np.linalg.inv(arrays.cell)
    ligands = _series(arrays.ligands)
    raw, settled = _core.coordination(
        _series(arrays.ions), ligands, arrays.cell, inverse, half, bonds.radius, bonds.half_gap, threads
    )
    return np.ascontiguousarray(raw.T), np.ascontiguousarray(settled.T)


def continuous_numbers(
    arrays: CoordinationPaths, bonds: Bonds, half: int, threads: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return continuous coordination numbers (T, N) of raw and of smoothed distances.

    n = sum over ligands of 1/(1 + exp((d - R)/w)) with w such that a ligand counts 3/4 at R - δ and 1/4 at R + δ, but
    at most 0.25 Å, so that the next shell does not count.
    """
    inverse = np.linalg.inv(arrays.cell)
    ligands = _series(arrays.ligands)
    width = min(bonds.half_gap / math.log(3), LARGEST_WIDTH)
    shape = arrays.ions.shape[:2]
    numbers = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    per_call = max(1, PROBE_BYTES // (8 * shape[0]))
    for k in range(shape[1]):
        ion = _series(arrays.ions[:, k : k + 1])
        for start in range(0, len(ligands), per_call):
            distance = _core.distances(ion, ligands[start : start + per_call], arrays.cell, inverse, threads)[0]
            near = distance[distance.min(axis=1) < bonds.radius + REACH_WIDTHS * width]
            for total, lengths in zip(numbers, (near, _core.running_median(near, half, threads)), strict=True):
                total[:, k] += (1 / (1 + np.exp((lengths - bonds.radius) / width))).sum(axis=0)
    return numbers


def bond_radius(
    arrays: CoordinationPaths, radius: float | None, half_gap: float | None, half: int, threads: int = 0
) -> Bonds:
    """Choose the radii of the bond rule; given ones are kept."""
    source, notices = "user", []
    if radius is None:
        found = first_minimum(*_pair_correlation(arrays))
        source = "first minimum of g(r)"
        if found is None:
            raise InputError(
                "the pair correlation of ions and ligands has no clear first minimum; give the bond radius in Å"
            )
        radius = found
    amplitude = None
    if half_gap is None:
        amplitude = _rim_amplitude(arrays, radius, half, threads)
        half_gap = min(max(SMALLEST_HALF_GAP, AMPLITUDES * amplitude), LARGEST_HALF_GAP)
        if half_gap == LARGEST_HALF_GAP:
            notices.append(
                f"distances at the bond radius fluctuate by {amplitude:.2f} Å within the minimum residence: half gap "
                f"limited to {LARGEST_HALF_GAP} Å, sites are not well separated"
            )
    if not 0 <= half_gap < radius:
        raise InputError(f"expected 0 <= half gap < radius, found {half_gap:.3g} and {radius:.3g} Å")
    return Bonds(radius, half_gap, amplitude, source, "; ".join(notices))


def first_minimum(r: FloatArray, g: FloatArray) -> float | None:
    """Return the first minimum of a pair correlation after its first peak, or None if it is not below half the peak.

    Parameters
    ----------
    r, g : ndarray (R,)
        Bin centres, Å, and g(r).
    """
    smooth = np.convolve(np.pad(g, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    above = np.flatnonzero(smooth > 1)
    if not len(above):
        return None
    falls = np.flatnonzero(np.diff(smooth[above[0] :]) < 0)
    if not len(falls):
        return None
    peak = int(above[0] + falls[0])
    trough = smooth[peak:]
    # the next shell begins where g has risen by a tenth of the peak, so that noise in a deep gap does not count
    risen = np.flatnonzero(trough > np.minimum.accumulate(trough) + RISE * smooth[peak])
    if not len(risen):
        return None
    lowest = trough[: risen[0]].min()
    if lowest > smooth[peak] / 2:
        return None
    flat = np.flatnonzero(trough[: risen[0]] == lowest)
    return float(r[peak + flat[len(flat) // 2]])


def _pair_correlation(arrays: CoordinationPaths) -> tuple[FloatArray, FloatArray]:
    frames = np.unique(np.linspace(0, len(arrays.time) - 1, RDF_FRAMES).astype(int))
    edges = np.arange(RDF_RANGE[0], RDF_RANGE[1] + RDF_STEP / 2, RDF_STEP)
    shells = 4 * math.pi / 3 * np.diff(edges**3)
    g = np.zeros(len(shells))
    for t in frames:
        cell = arrays.cell[t]
        apart = np.asarray(arrays.ligands[t][None] - arrays.ions[t][:, None], dtype=np.float64)
        fractional = apart @ np.linalg.inv(cell)
        distance = np.linalg.norm((fractional - np.rint(fractional)) @ cell, axis=2)
        density = distance.size / abs(np.linalg.det(cell))
        g += np.histogram(distance, bins=edges)[0] / (shells * density)
    return (edges[1:] + edges[:-1]) / 2, g / len(frames)


def _rim_amplitude(arrays: CoordinationPaths, radius: float, half: int, threads: int) -> float:
    """Return the typical standard deviation (Å) of smoothed distances that cross `radius`; 0 if none does.

    From differences between windows of the filter that touch, by the median, so that hops do not count.
    """
    n_frames = len(arrays.time)
    lag = min(2 * half + 1, max(1, n_frames // 4))
    step = max(1, len(arrays.ids) // PROBE_IONS)
    ligands = _series(arrays.ligands)
    inverse = np.linalg.inv(arrays.cell)
    per_call = max(1, PROBE_BYTES // (8 * n_frames))
    spreads: list[float] = []
    for k in range(0, len(arrays.ids), step):
        ion = _series(arrays.ions[:, k : k + 1])
        for start in range(0, len(ligands), per_call):
            distance = _core.distances(ion, ligands[start : start + per_call], arrays.cell, inverse, threads)[0]
            smooth = _core.running_median(distance, half, threads)
            crossing = smooth[(smooth.min(axis=1) < radius) & (smooth.max(axis=1) > radius)]
            change = np.abs(crossing[:, lag:] - crossing[:, :-lag])
            spreads += (np.median(change, axis=1) * 1.4826 / math.sqrt(2)).tolist()
    return float(np.median(spreads)) if spreads else 0.0


def _series(positions: npt.NDArray[np.floating[Any]]) -> FloatArray:
    return np.ascontiguousarray(np.moveaxis(positions, 0, -1), dtype=np.float64)
