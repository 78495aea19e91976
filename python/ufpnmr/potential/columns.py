"""Which coefficients of a spline block are free, and which column of the regression each of them is.

The coefficient grid of a block is larger than what can be fitted. Its free columns are what remains after, in this
order (spec uf3 5):

1. symmetry: a triplet block whose neighbours are one element is symmetric in its first two axes, so (l, m, n) with
   l <= m stands for (m, l, n) too;
2. trims: the first `leading_trim` and last `trailing_trim` coefficients of every axis are zero;
3. reach: a basis function whose support begins at or beyond the cutoff never acts;
4. triangle inequality: a product B_l(r_ij) B_m(r_ik) B_n(r_jk) acts only if some triangle has its sides inside the
   three supports.

With S the matrix that `ColumnBlock.expand` applies (columns -> grid), features and penalties of the grid become
S^T x (`ColumnBlock.fold`) and S^T M S.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError

__all__ = ["ColumnBlock", "ColumnLayout", "describe", "locate", "stack", "triangle_mask"]

Vector = NDArray[np.float64]
Integers = NDArray[np.intp]
Mask = NDArray[np.bool_]

_AXES = {2: ("r",), 3: ("r_ij", "r_ik", "r_jk")}
_TOUCH = 1e-9  # Å; intervals that overlap by less than the rounding of knots in files do not overlap


@dataclasses.dataclass(frozen=True, eq=False)
class ColumnBlock:
    """The columns of one block: one-body energies, a pair of elements, or a triplet.

    Attributes
    ----------
    name : str
        ``"one-body"``, ``"Li-S"``, ``"P-S-S"`` (centre first).
    elements : tuple of str
        All elements for the one-body block, else the elements of the pair or triplet.
    order : int
        1, 2 or 3.
    knots : tuple of (K,) arrays
        Å, one per axis: none, r, or r_ij r_ik r_jk.
    cutoffs : tuple of float
        Å, one per axis.
    index : (n, A) int array
        Grid index of each column along the A = 0, 1 or 3 axes; l <= m for a symmetric triplet block.
    symmetric : bool
        Column (l, m, n) with l < m also stands for (m, l, n).
    leading_trim, trailing_trim : int
        How many coefficients at each end of every axis are held at zero.
    start : int
        Number of the first column among those of all blocks.
    """

    name: str
    elements: tuple[str, ...]
    order: int
    knots: tuple[Vector, ...]
    cutoffs: tuple[float, ...]
    index: Integers
    symmetric: bool = False
    leading_trim: int = 0
    trailing_trim: int = 0
    start: int = 0

    @classmethod
    def one_body(cls, elements: Sequence[str]) -> ColumnBlock:
        """Return the block of one-body energies: one column per element, its feature the number of such atoms."""
        return cls("one-body", tuple(elements), 1, (), (), np.empty((len(elements), 0), dtype=np.intp))

    @classmethod
    def pair(
        cls,
        elements: tuple[str, str],
        knots: Vector,
        cutoff: float | None = None,
        *,
        leading_trim: int = 0,
        trailing_trim: int = 3,
    ) -> ColumnBlock:
        """Return the free columns of a two-body block.

        Parameters
        ----------
        elements : (str, str)
            Element symbols.
        knots : (K,) array
            Å, not decreasing; there are K - 4 coefficients.
        cutoff : float
            Å; the last knot if not given.
        leading_trim, trailing_trim : int
            Coefficients held at zero at each end.

        Raises
        ------
        InputError
            Fewer than 5 knots, decreasing knots, or trims that leave nothing.
        """
        name = "-".join(elements)
        axes, cutoffs = _axes(name, (knots,), None if cutoff is None else (cutoff,))
        keep = _reachable(axes[0], cutoffs[0], leading_trim, trailing_trim)
        _check_any(name, keep, leading_trim, trailing_trim)
        return cls(name, elements, 2, axes, cutoffs, np.argwhere(keep), False, leading_trim, trailing_trim)

    @classmethod
    def triplet(
        cls,
        elements: tuple[str, str, str],
        knots: tuple[Vector, Vector, Vector],
        cutoffs: tuple[float, float, float] | None = None,
        *,
        leading_trim: int = 0,
        trailing_trim: int = 3,
    ) -> ColumnBlock:
        """Return the free columns of a three-body block.

        Parameters
        ----------
        elements : (str, str, str)
            Centre i, neighbours j and k.
        knots : three (K,) arrays
            Å, of r_ij, r_ik, r_jk.
        cutoffs : (float, float, float)
            Å; the last knots if not given.
        leading_trim, trailing_trim : int
            Coefficients held at zero at each end of every axis.

        Raises
        ------
        InputError
            As for a pair; also neighbours of one element whose two legs have different knots or cutoffs.
        """
        name = "-".join(elements)
        axes, limits = _axes(name, knots, cutoffs)
        symmetric = elements[1] == elements[2]
        if symmetric and (not np.array_equal(axes[0], axes[1]) or limits[0] != limits[1]):
            raise InputError(
                f"block {name}: expected the same knots and cutoff for r_ij and r_ik, because both neighbours are "
                f"{elements[1]}; found two different axes"
            )
        legs = [_reachable(axis, limit, leading_trim, trailing_trim) for axis, limit in zip(axes, limits, strict=True)]
        keep = legs[0][:, None, None] & legs[1][:, None] & legs[2]
        keep &= triangle_mask(*(_supports(axis, limit) for axis, limit in zip(axes, limits, strict=True)))
        if symmetric:
            keep &= np.arange(len(legs[0]))[:, None, None] <= np.arange(len(legs[1]))[:, None]
        _check_any(name, keep, leading_trim, trailing_trim)
        return cls(name, elements, 3, axes, limits, np.argwhere(keep), symmetric, leading_trim, trailing_trim)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.index)

    @property
    def stop(self) -> int:
        """One past the last column."""
        return self.start + self.n_columns

    @property
    def columns(self) -> slice:
        """The columns of this block among those of all blocks."""
        return slice(self.start, self.stop)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the coefficient grid: (), (K,) or (L, M, N)."""
        return tuple(len(axis) - 4 for axis in self.knots)

    @cached_property
    def column_map(self) -> Integers:
        """Column (counted from the start of the block) of every grid point, or -1; the grid's shape."""
        out = np.full(self.shape, -1, dtype=np.intp)
        numbers = np.arange(self.n_columns)
        if self.order == 1:
            return numbers
        out[tuple(self.index.T)] = numbers
        if self.symmetric:
            out[self.index[:, 1], self.index[:, 0], self.index[:, 2]] = numbers
        out.setflags(write=False)
        return out

    def expand(self, coefficients: Vector) -> Vector:
        """Return the coefficient grid of (n,) column values: zero where nothing is free. One-body: a copy."""
        padded = np.append(np.asarray(coefficients, dtype=np.float64), 0.0)
        out: Vector = padded[self.column_map]
        return out

    def compress(self, grid: Vector) -> Vector:
        """Return the (n,) column values of a coefficient grid; what lies outside the columns is dropped."""
        out: Vector = np.array(grid, dtype=np.float64)
        return out if self.order == 1 else out[tuple(self.index.T)]

    def fold(self, features: Vector) -> Vector:
        """Return the (..., n) column features of (..., *shape) grid features: a column sums its grid points."""
        if self.order == 1:
            return np.array(features, dtype=np.float64)
        axes = tuple(self.index.T)
        representatives = (Ellipsis, *axes)
        out: Vector = features[representatives]
        if self.symmetric:
            first, second, third = axes
            out = out + np.where(first == second, 0.0, features[..., second, first, third])
        return out

    def support(self, column: int) -> tuple[tuple[float, float], ...]:
        """Return the distance range (Å) along each axis in which a column (counted from the block's start) acts."""
        return tuple(
            (float(axis[i]), float(min(axis[i + 4], cutoff)))
            for axis, cutoff, i in zip(self.knots, self.cutoffs, self.index[column], strict=True)
        )


class ColumnLayout(Protocol):
    """What has columns in blocks, one after the other."""

    @property
    def blocks(self) -> tuple[ColumnBlock, ...]:
        """All blocks; that of order 1 first."""

    @property
    def n_columns(self) -> int:
        """Number of columns of all blocks."""


def stack(blocks: Iterable[ColumnBlock]) -> tuple[ColumnBlock, ...]:
    """Return the blocks with their columns numbered one after the other."""
    out: list[ColumnBlock] = []
    for block in blocks:
        out.append(dataclasses.replace(block, start=out[-1].stop if out else 0))
    return tuple(out)


def locate(blocks: Sequence[ColumnBlock], column: int) -> tuple[ColumnBlock, int]:
    """Return the block that holds a column, and the column counted from that block's start."""
    for block in blocks:
        if block.start <= column < block.stop:
            return block, column - block.start
    raise IndexError(f"column {column} is in no block; there are {blocks[-1].stop if blocks else 0}")


def describe(blocks: Sequence[ColumnBlock], column: int) -> str:
    """Say in words what a column is: ``P-S-S (2, 3, 4): r_ij 1.7-4.5 Å, r_ik 2.4-4.5 Å, r_jk 4.2-7.4 Å``."""
    block, local = locate(blocks, column)
    if block.order == 1:
        return f"one-body {block.elements[local]}"
    grid = ", ".join(str(i) for i in block.index[local])
    ranges = ", ".join(
        f"{axis} {low:.4g}-{high:.4g} Å"
        for axis, (low, high) in zip(_AXES[block.order], block.support(local), strict=True)
    )
    return f"{block.name} ({grid}): {ranges}"


def triangle_mask(ij: Vector, ik: Vector, jk: Vector) -> Mask:
    """Say which boxes of three distance ranges hold a triangle.

    A box holds one if and only if no side must be at least as long as the two others can be together.

    Parameters
    ----------
    ij, ik, jk : (L, 2), (M, 2), (N, 2) arrays
        Lower and upper ends, Å.

    Returns
    -------
    (L, M, N) bool array
    """
    low, high = ([axis[:, end] for axis in (ij, ik, jk)] for end in (0, 1))
    x0, y0, z0 = low[0][:, None, None], low[1][:, None], low[2]
    x1, y1, z1 = high[0][:, None, None], high[1][:, None], high[2]
    out: Mask = (x1 + y1 > z0 + _TOUCH) & (x1 + z1 > y0 + _TOUCH) & (y1 + z1 > x0 + _TOUCH)
    return out


def _axes(
    name: str, knots: Sequence[Vector], cutoffs: Sequence[float] | None
) -> tuple[tuple[Vector, ...], tuple[float, ...]]:
    axes = []
    for label, values in zip(_AXES[2 if len(knots) == 1 else 3], knots, strict=True):
        axis = np.array(values, dtype=np.float64)
        if axis.ndim != 1 or len(axis) < 5 or not np.isfinite(axis).all() or (np.diff(axis) < 0).any():
            raise InputError(f"block {name}: expected at least 5 knots of {label} that do not decrease, found {values}")
        axis.setflags(write=False)
        axes.append(axis)
    limits = [float(axis[-1]) for axis in axes]
    if cutoffs is not None:
        limits = [min(limit, float(cutoff)) for limit, cutoff in zip(limits, cutoffs, strict=True)]
    return tuple(axes), tuple(limits)


def _supports(axis: Vector, cutoff: float) -> Vector:
    """Range of each basis function of an axis, (K - 4, 2)."""
    return np.stack([axis[:-4], np.minimum(axis[4:], cutoff)], axis=1)


def _reachable(axis: Vector, cutoff: float, lead: int, trail: int) -> Mask:
    count = len(axis) - 4
    number = np.arange(count)
    out: Mask = (number >= lead) & (number < count - trail) & (axis[:-4] < cutoff - _TOUCH)
    return out


def _check_any(name: str, keep: Mask, lead: int, trail: int) -> None:
    if lead < 0 or trail < 0:
        raise InputError(f"block {name}: expected trims of 0 or more, found leading {lead} and trailing {trail}")
    if not keep.any():
        raise InputError(
            f"block {name}: no free coefficient left of {' x '.join(map(str, keep.shape))} after leading trim {lead} "
            f"and trailing trim {trail}; use more intervals or smaller trims"
        )
