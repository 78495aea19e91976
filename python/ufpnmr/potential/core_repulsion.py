"""The repulsive core: what a pair potential does at distances that no training structure holds.

Rule. Let r0 be the lower end of the first knot interval of a pair that holds at least `MINIMUM` training distances (a
few strays at its far end do not determine a curve, and the fit then turns over below them). Below r0 the pair term
continues with its slope at r0 where that is repulsive (else with slope zero), plus half the universal nuclear repulsion
U of Ziegler, Biersack and Littmark without its value and slope at r0,

    V2(r) = V2(r0) + min(V2'(r0), 0) (r - r0) + [U(r) - U(r0) - U'(r0) (r - r0)] / 2,      r < r0,

half because each bond counts twice. The coefficients whose basis functions end at or below r0 are set from it, each as
f(g) - f''(g) (a^2 + b^2 + d^2) / 12 at its Greville abscissa g, the mean of its three inner knots g + a, g + b, g + d
(exact for quadratics; at a clamped end the coefficient is the value). No other coefficient is touched: those that data
reach keep their fitted values, so that in the last three intervals below r0 the curve blends from the fit into the
rule. Knot intervals without distances above r0 stay as the regularisation fills them, and so do three-body columns;
`Coverage.gaps` and the notes of the solution list them. Where the curve still attracts below r0, because a coefficient
that data hardly reach says so, the report gives the distances.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline

from ufpnmr import _core
from ufpnmr.errors import InputError
from ufpnmr.potential.columns import ColumnBlock, ColumnLayout
from ufpnmr.units import COULOMB_EV_ANGSTROM

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MINIMUM", "Core", "Coverage", "coverage", "extend", "nuclear_repulsion"]

Vector = NDArray[np.float64]

MINIMUM = 10
"""Distances that a knot interval needs to count as covered."""

# J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Solids, vol. 1, Pergamon, New York 1985:
# universal screening function sum_k A_k exp(-B_k r/a), a = 0.8854 a0 / (Z1^0.23 + Z2^0.23), here with the rounded
# 0.46850 Å for 0.8854 a0 and the digits that `pair_style zbl` of LAMMPS documents.
_AMPLITUDE = np.array([0.18175, 0.50986, 0.28022, 0.02817])
_DECAY = np.array([3.19980, 0.94229, 0.40290, 0.20162])
_LENGTH = 0.46850
_EXPONENT = 0.23


@dataclasses.dataclass(frozen=True)
class Coverage:
    """Training distances of one pair of elements.

    Attributes
    ----------
    pair : str
        ``"Li-S"``.
    edges : tuple of float
        Ends of the knot intervals, Å.
    counts : tuple of int
        Distances in each interval; each bond counts once.
    closest : float
        Smallest distance, Å; infinite if there is none.
    """

    pair: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    closest: float = float("inf")

    def __add__(self, other: Coverage) -> Coverage:
        if self.pair != other.pair or self.edges != other.edges:
            raise InputError(f"coverage: expected the knots of {self.pair}, found other ones of {other.pair}")
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Coverage(self.pair, self.edges, counts, min(self.closest, other.closest))

    def start(self, minimum: int = MINIMUM) -> float | None:
        """Return r0: the lower end of the first interval with at least `minimum` distances; None if there is none."""
        for edge, count in zip(self.edges, self.counts, strict=False):
            if count >= minimum:
                return edge
        return None

    def gaps(self, minimum: int = MINIMUM) -> list[tuple[float, float]]:
        """Return the ranges (Å) above r0 with fewer than `minimum` distances in each interval."""
        start, out = self.start(minimum), list[tuple[float, float]]()
        for low, high, count in zip(self.edges, self.edges[1:], self.counts, strict=False):
            if start is None or low < start or count >= minimum:
                continue
            if out and out[-1][1] == low:
                out[-1] = (out[-1][0], high)
            else:
                out.append((low, high))
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        closest = self.closest if np.isfinite(self.closest) else None
        return {"pair": self.pair, "edges": list(self.edges), "counts": list(self.counts), "closest": closest}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Coverage:
        """Return what `to_dict` described."""
        closest = float("inf") if values["closest"] is None else float(values["closest"])
        return cls(values["pair"], tuple(values["edges"]), tuple(values["counts"]), closest)


@dataclasses.dataclass(frozen=True)
class Core:
    """What `extend` did to one pair.

    Attributes
    ----------
    pair : str
        ``"Li-S"``.
    start : float or None
        r0, Å; None if there are no distances at all, so that nothing was done.
    slope : float
        Slope at r0 with which the curve continues, eV/Å; zero where the fit attracts.
    changed : int
        How many coefficients were set.
    attractive : tuple of (float, float)
        Ranges below r0, Å, in which the curve still attracts.
    """

    pair: str
    start: float | None
    slope: float
    changed: int
    attractive: tuple[tuple[float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return {**dataclasses.asdict(self), "attractive": [list(part) for part in self.attractive]}


def nuclear_repulsion(a: str, b: str, r: ArrayLike) -> tuple[Vector, Vector, Vector]:
    """Universal screened nuclear repulsion of Ziegler, Biersack and Littmark (1985).

    Parameters
    ----------
    a, b : str
        Elements.
    r : (M,) array
        Å, above zero.

    Returns
    -------
    value, slope, curvature : (M,) arrays
        eV, eV/Å, eV/Å².
    """
    from ase.data import atomic_numbers

    z1, z2 = atomic_numbers[a], atomic_numbers[b]
    distance = np.asarray(r, dtype=np.float64)
    decay = _DECAY * (z1**_EXPONENT + z2**_EXPONENT) / _LENGTH
    terms = _AMPLITUDE * np.exp(-np.multiply.outer(distance, decay))
    screening, first, second = terms.sum(-1), -(terms @ decay), terms @ decay**2
    charge = COULOMB_EV_ANGSTROM * z1 * z2
    value = charge * screening / distance
    slope = charge * (first / distance - screening / distance**2)
    curvature = charge * (second / distance - 2 * first / distance**2 + 2 * screening / distance**3)
    return value, slope, curvature


def coverage(layout: ColumnLayout, structures: Iterable[Atoms]) -> dict[str, Coverage]:
    """Count the distances of structures in the knot intervals of every pair block.

    Parameters
    ----------
    layout : SplineBasis or other ColumnLayout
        Whose pair blocks say the knots.
    structures : iterable of ase.Atoms
        Training structures.

    Returns
    -------
    dict
        Name of the pair block -> Coverage. Distances below the first knot count in `closest` only.
    """
    blocks = [block for block in layout.blocks if block.order == 2]
    counts = {block.name: np.zeros(len(_edges(block)) - 1, dtype=np.int64) for block in blocks}
    closest = dict.fromkeys(counts, float("inf"))
    reach = max(block.cutoffs[0] for block in blocks)
    for atoms in structures:
        i, j, _, _, distance = _core.neighbor_list(atoms.positions, atoms.cell.array, list(atoms.pbc), reach)
        symbols = np.array([str(symbol) for symbol in atoms.symbols])
        first, second = symbols[i], symbols[j]
        for block in blocks:
            a, b = block.elements
            found = distance[(first == a) & (second == b)]
            if not len(found):
                continue
            number = np.histogram(found, _edges(block))[0]
            counts[block.name] += number // 2 if a == b else number
            closest[block.name] = min(closest[block.name], float(found.min()))
    return {
        block.name: Coverage(
            block.name, tuple(_edges(block).tolist()), tuple(counts[block.name].tolist()), closest[block.name]
        )
        for block in blocks
    }


def extend(
    layout: ColumnLayout, coefficients: Vector, covered: Mapping[str, Coverage], *, minimum: int = MINIMUM
) -> tuple[Vector, dict[str, Core]]:
    """Extend pair terms to a repulsive core below the distances of the data, by the rule of the module.

    Parameters
    ----------
    layout : SplineBasis or other ColumnLayout
        Names the columns.
    coefficients : (P,) array
        Fitted, eV.
    covered : dict
        Name of the pair block -> Coverage, from `coverage`.
    minimum : int
        Distances that an interval needs to count as covered.

    Returns
    -------
    coefficients : (P,) array
        A changed copy.
    cores : dict
        Name of the pair block -> what was done.
    """
    out, cores = np.array(coefficients, dtype=np.float64), {}
    for block in layout.blocks:
        if block.order != 2:
            continue
        if block.name not in covered:
            raise InputError(f"coverage: expected pair {block.name}, found {', '.join(covered) or 'none'}")
        start = covered[block.name].start(minimum)
        if start is None:
            cores[block.name] = Core(block.name, None, 0.0, 0, ())
        else:
            out[block.columns], cores[block.name] = _extended(block, out[block.columns], start)
    return out, cores


def _edges(block: ColumnBlock) -> Vector:
    """Return the ends of the knot intervals between the first knot and the cutoff."""
    inner = np.unique(block.knots[0])
    return np.append(inner[inner < block.cutoffs[0]], block.cutoffs[0])


def _extended(block: ColumnBlock, values: Vector, start: float) -> tuple[Vector, Core]:
    knots = block.knots[0]
    spline = BSpline(knots, block.expand(values), 3)
    level, slope = float(spline(start)), min(float(spline(start, 1)), 0.0)
    a, b = block.elements
    u0, du0, _ = nuclear_repulsion(a, b, start)
    number = block.index[:, 0]
    free = knots[number + 4] <= start
    inner = knots[number[free][:, None] + np.arange(1, 4)]
    centre = inner.mean(axis=1)
    u, _, curvature = nuclear_repulsion(a, b, np.maximum(centre, 1e-3))
    rule = level + slope * (centre - start) + 0.5 * (u - u0 - du0 * (centre - start))
    spread = ((inner - centre[:, None]) ** 2).sum(axis=1) / 12
    out = values.copy()
    out[free] = rule - 0.5 * curvature * spread
    curve = BSpline(knots, block.expand(out), 3)
    return out, Core(block.name, start, slope, int(free.sum()), _attractive(curve, float(knots[0]), start))


def _attractive(curve: BSpline, first: float, start: float) -> tuple[tuple[float, float], ...]:
    if start <= first:
        return ()
    r = np.linspace(first, start, 401)
    pulls = np.asarray(curve(r, 1)) > 1e-9
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pulls, [False]]).astype(int)))
    return tuple((float(r[a]), float(r[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True))
