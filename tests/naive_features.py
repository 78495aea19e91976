"""Regression features of a structure by the plainest loops there are: the oracle of the C++ featuriser.

"y = x . c": the energy (eV), every force component (eV/Å) and every component of the virial W = -dE/d(strain) (eV) of
a structure is a row x times the free coefficients c, in the order of `ufpnmr.potential.columns`. Basis functions come
from SciPy, periodic images from a triple loop, and nothing is shared between pairs and triplets. Distances below the
first knot are outside of its domain and refused.
"""

import dataclasses
import itertools

import numpy as np
from scipy.interpolate import BSpline

from uf3_reference import images
from ufpnmr.potential import columns
from ufpnmr.potential.columns import ColumnBlock

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  # xx yy zz yz xz xy


@dataclasses.dataclass(frozen=True)
class Layout:
    """Blocks of columns, as the regression needs them: the stand-in for a basis."""

    blocks: tuple

    @property
    def n_columns(self):
        return self.blocks[-1].stop

    @property
    def elements(self):
        return self.blocks[0].elements


@dataclasses.dataclass(frozen=True)
class Rows:
    """Features: energy (P,), forces (N, 3, P), virial (6, P)."""

    energy: np.ndarray
    forces: np.ndarray
    virial: np.ndarray


def layout(elements, pair_knots, trio_knots=None, lead=(0, 0), trail=(3, 3)):
    """Return the layout of all pairs and centre-neighbour triplets of some elements, all with the same knots.

    `pair_knots` is one vector, `trio_knots` a leg's and the opposite side's (or None: no triplets); `lead` and `trail`
    are the trims of pairs and triplets.
    """
    blocks = [ColumnBlock.one_body(elements)]
    for pair in itertools.combinations_with_replacement(elements, 2):
        blocks.append(ColumnBlock.pair(pair, pair_knots, leading_trim=lead[0], trailing_trim=trail[0]))
    for centre in elements if trio_knots else ():
        leg, far = trio_knots
        for trio in itertools.combinations_with_replacement(elements, 2):
            blocks.append(
                ColumnBlock.triplet((centre, *trio), (leg, leg, far), leading_trim=lead[1], trailing_trim=trail[1])
            )
    return Layout(columns.stack(blocks))


def layout_of(model, lead=(0, 0), trail=(3, 3)):
    """Return the layout with the blocks of a `uf3_reference.Model`."""
    elements = tuple(dict.fromkeys(e for pair in model.pairs for e in pair))
    blocks = [ColumnBlock.one_body(elements)]
    blocks += [
        ColumnBlock.pair(pair, knots, rc, leading_trim=lead[0], trailing_trim=trail[0])
        for pair, (knots, _, rc) in model.pairs.items()
    ]
    blocks += [
        ColumnBlock.triplet(trio, knots, rc, leading_trim=lead[1], trailing_trim=trail[1])
        for trio, (knots, _, rc) in model.triplets.items()
    ]
    return Layout(columns.stack(blocks))


def coefficients_of(model, of):
    """Return the (P,) coefficients of a `uf3_reference.Model` in a layout."""
    parts = []
    for block in of.blocks:
        if block.order == 1:
            parts.append([model.onebody.get(element, 0.0) for element in block.elements])
        else:
            parts.append(block.compress((model.pairs if block.order == 2 else model.triplets)[block.elements][1]))
    return np.concatenate(parts)


def basis(knots, r):
    """All cubic basis functions of a knot vector and their derivatives at `r`, half-open at the right end.

    Ends that are not clamped are clamped by repeating the end knot; the basis functions this adds are left out.
    """
    front, back = (4 - np.count_nonzero(knots == end) for end in (knots[0], knots[-1]))
    clamped = np.concatenate([[knots[0]] * front, knots, [knots[-1]] * back])
    count = len(clamped) - 4
    value, slope = np.zeros(count), np.zeros(count)
    for n in range(count):
        spline = BSpline(clamped, np.eye(count)[n], 3, extrapolate=False)
        value[n], slope[n] = spline(r), spline.derivative()(r)
    kept = slice(front, count - back)
    return value[kept], slope[kept]


def features(of, symbols, positions, cell=None):
    """Return the `Rows` of a structure.

    `of` is a layout, `symbols` the N elements, `positions` (N, 3) in Å, `cell` (3, 3) with rows a, b, c or None for an
    isolated cluster; with a cell all three directions are periodic.
    """
    positions = np.asarray(positions, dtype=float)
    count, total = len(symbols), of.n_columns
    rows = Rows(np.zeros(total), np.zeros((count, 3, total)), np.zeros((6, total)))
    one_body = of.blocks[0]
    for symbol in symbols:
        rows.energy[one_body.start + one_body.elements.index(symbol)] += 1
    pairs = [block for block in of.blocks if block.order == 2]
    trios = [block for block in of.blocks if block.order == 3]
    reach = max(cutoff for block in pairs + trios for cutoff in block.cutoffs[: 2 if block.order == 3 else 1])
    for i in range(count):
        neighbours = []
        for shift in images(cell, reach):
            for j in range(count):
                d = positions[j] + shift - positions[i]
                r = np.sqrt(d @ d)
                if 1e-12 < r < reach:
                    neighbours.append((j, d, r))
        for j, d, r in neighbours:
            for block in pairs:
                if sorted(block.elements) == sorted((symbols[i], symbols[j])) and r < block.cutoffs[0]:
                    value, slope = basis(block.knots[0], checked(r, block.knots[0]))
                    add(rows, block, value, [(i, j, d, r, slope)])
        for (j, dj, rj), (k, dk, rk) in itertools.combinations(neighbours, 2):
            for block in trios:
                if block.elements == (symbols[i], symbols[j], symbols[k]):
                    add_triplet(rows, block, i, (j, dj, rj), (k, dk, rk))
                elif block.elements == (symbols[i], symbols[k], symbols[j]):
                    add_triplet(rows, block, i, (k, dk, rk), (j, dj, rj))
    return rows


def add_triplet(rows, block, i, first, second):
    (j, dj, rj), (k, dk, rk) = first, second
    djk = dk - dj
    rjk = np.sqrt(djk @ djk)
    if rj >= block.cutoffs[0] or rk >= block.cutoffs[1] or rjk >= block.cutoffs[2]:
        return
    (x, dx), (y, dy), (z, dz) = (
        basis(knots, checked(r, knots)) for knots, r in zip(block.knots, (rj, rk, rjk), strict=True)
    )

    def outer(a, b, c):
        return a[:, None, None] * b[:, None] * c

    legs = [(i, j, dj, rj, outer(dx, y, z)), (i, k, dk, rk, outer(x, dy, z)), (j, k, djk, rjk, outer(x, y, dz))]
    add(rows, block, outer(x, y, z), legs)


def add(rows, block, value, legs):
    """Add one pair or triplet: `value` on the coefficient grid, `legs` of (a, b, vector a to b, length, dvalue/dr)."""
    where = block.columns
    rows.energy[where] += block.fold(value)
    for a, b, d, r, slope in legs:
        gradient = np.multiply.outer(d / r, block.fold(slope))  # of the feature by the position of b
        rows.forces[b, :, where] -= gradient
        rows.forces[a, :, where] += gradient
        for row, (p, q) in enumerate(VOIGT):
            rows.virial[row, where] -= d[p] * gradient[q]


def checked(r, knots):
    if r < knots[0]:
        raise ValueError(f"distance {r} below the first knot {knots[0]}")
    return r
