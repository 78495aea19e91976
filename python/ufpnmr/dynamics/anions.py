"""Thiophosphate anions: which ones a structure holds, and which P-S bonds a trajectory breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError

__all__ = ["AnionCensus", "BrokenBonds", "anion_census", "broken_bonds"]


@dataclass(frozen=True)
class AnionCensus:
    """Anions of one structure.

    Attributes
    ----------
    anions : dict
        Number of anions by formula: ``PS4``, ``P2S7`` (corner-sharing), ``P2S6`` (P-P bond or edge-sharing), ``S``
        (bonded to no P) and whatever else there is, e.g. ``PS3``.
    phosphorus : dict
        Fraction of the P atoms in each kind of anion.
    free_sulphur : float
        Fraction of the S atoms bonded to no P.
    bridging_sulphur : float
        Fraction of the S atoms bonded to more than one P.
    cutoff : float
        Longest bond, Å.
    """

    anions: dict[str, int]
    phosphorus: dict[str, float]
    free_sulphur: float
    bridging_sulphur: float
    cutoff: float

    def to_dict(self) -> dict[str, Any]:
        """Return the census as plain numbers for JSON."""
        return {
            "anions": dict(self.anions),
            "phosphorus_fraction": {name: round(value, 6) for name, value in self.phosphorus.items()},
            "free_sulphur_fraction": round(self.free_sulphur, 6),
            "bridging_sulphur_fraction": round(self.bridging_sulphur, 6),
            "bond_cutoff_A": self.cutoff,
        }


def anion_census(atoms: Any, cutoff: float = 2.6) -> AnionCensus:
    """Count the thiophosphate anions of one structure.

    Anions are the connected components of the graph whose edges are P-S and P-P distances below `cutoff`
    (P-S bonds are 2.0 to 2.2 Å, the P-P bond of P2S6 is 2.25 Å, the next P-S shell starts above 3.3 Å).

    Parameters
    ----------
    atoms : ase.Atoms
        Structure with its cell (Å) and periodic boundary conditions.
    cutoff : float
        Longest bond, Å.

    Returns
    -------
    AnionCensus
    """
    from ase.neighborlist import neighbor_list
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not cutoff > 0:
        raise InputError(f"anion census: expected a positive bond cutoff in Å, found {cutoff}")
    symbols = np.array(atoms.get_chemical_symbols())
    is_p, is_s = symbols == "P", symbols == "S"
    if not is_p.any() or not is_s.any():
        raise InputError(f"anion census: expected P and S atoms, found {atoms.get_chemical_formula()}")
    first, second = neighbor_list("ij", atoms, cutoff)  # type: ignore[no-untyped-call]
    bonded = (is_p[first] & (is_p | is_s)[second]) | (is_s[first] & is_p[second])
    first, second = first[bonded], second[bonded]
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(len(atoms), len(atoms)))
    n_components, component = connected_components(graph, directed=False)

    n_p = np.bincount(component[is_p], minlength=n_components)
    n_s = np.bincount(component[is_s], minlength=n_components)
    anions: dict[str, int] = {}
    p_atoms: dict[str, int] = {}
    for p, s in zip(n_p.tolist(), n_s.tolist(), strict=True):
        if p or s:
            name = _formula(p, s)
            anions[name] = anions.get(name, 0) + 1
            p_atoms[name] = p_atoms.get(name, 0) + p
    p_neighbours = np.bincount(first[is_s[first]], minlength=len(atoms))[is_s]
    return AnionCensus(
        anions=dict(sorted(anions.items())),
        phosphorus={name: n / int(is_p.sum()) for name, n in sorted(p_atoms.items()) if n},
        free_sulphur=float(np.mean(p_neighbours == 0)),
        bridging_sulphur=float(np.mean(p_neighbours > 1)),
        cutoff=cutoff,
    )


def _formula(n_p: int, n_s: int) -> str:
    return "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in (("P", n_p), ("S", n_s)) if n)


@dataclass(frozen=True)
class BrokenBonds:
    """P-S bonds of the first frame and when they broke.

    Attributes
    ----------
    bonds : (B, 2) int array
        Indices of P and S.
    time_broken : (B,) float array
        Centre of the first window whose mean length exceeds `limit`, ps; NaN for a bond that never broke.
    longest_mean : (B,) float array
        Largest running mean of the length, Å.
    window : float
        Length of the running mean, ps.
    limit : float
        Å.
    """

    bonds: NDArray[np.int64]
    time_broken: NDArray[np.float64]
    longest_mean: NDArray[np.float64]
    window: float
    limit: float

    @property
    def n_broken(self) -> int:
        """Number of broken bonds."""
        return int(np.isfinite(self.time_broken).sum())


def broken_bonds(
    time: NDArray[np.float64],
    positions: NDArray[np.floating[Any]],
    cell: NDArray[np.floating[Any]],
    elements: NDArray[np.str_],
    *,
    cutoff: float = 2.6,
    window: float = 1.0,
    limit: float = 3.0,
) -> BrokenBonds:
    """Find the P-S bonds of the first frame that break: the running mean over `window` exceeds `limit`.

    The mean separates a broken bond from a vibration: a single long distance is none.

    Parameters
    ----------
    time : (T,) array
        Equally spaced, ps.
    positions : (T, N, 3) array
        Unwrapped, Å.
    cell : (T, 3, 3) array
        Rows a, b, c, Å.
    elements : (N,) array of str
        Element symbols.
    cutoff : float
        Longest P-S bond in the first frame, Å.
    window : float
        Length of the running mean, ps.
    limit : float
        A longer mean is a broken bond, Å.

    Returns
    -------
    BrokenBonds
    """
    from ase import Atoms
    from ase.neighborlist import neighbor_list

    if len(time) < 2:
        raise InputError(f"broken bonds: expected at least 2 frames, found {len(time)}")
    interval = float(time[1] - time[0])
    width = round(window / interval)
    if width < 1 or width > len(time):
        raise InputError(
            f"broken bonds: expected a running mean between one frame ({interval:g} ps) and the trajectory "
            f"({time[-1] - time[0] + interval:g} ps), found window {window:g} ps"
        )
    elements = np.asarray(elements)
    start = Atoms(elements, positions=positions[0], cell=cell[0], pbc=True)
    pairs = {("P", "S"): cutoff}
    phosphorus, sulphur, image = neighbor_list("ijS", start, pairs)  # type: ignore[no-untyped-call]
    keep = elements[phosphorus] == "P"
    phosphorus, sulphur, image = phosphorus[keep], sulphur[keep], image[keep]
    if not len(phosphorus):
        raise InputError(f"broken bonds: expected P-S bonds below {cutoff:g} Å in the first frame, found none")

    vectors = positions[:, sulphur] - positions[:, phosphorus] + image @ cell
    total = np.cumsum(np.linalg.norm(vectors, axis=2), axis=0, dtype=np.float64)
    total = np.concatenate([np.zeros_like(total[:1]), total])
    mean = (total[width:] - total[:-width]) / width
    centre = np.asarray(time)[: len(mean)] + 0.5 * (width - 1) * interval
    too_long = mean > limit
    first = np.argmax(too_long, axis=0)
    return BrokenBonds(
        bonds=np.column_stack([phosphorus, sulphur]).astype(np.int64),
        time_broken=np.where(too_long.any(axis=0), centre[first], np.nan),
        longest_mean=mean.max(axis=0),
        window=width * interval,
        limit=limit,
    )
