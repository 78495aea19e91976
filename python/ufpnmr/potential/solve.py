"""The regularised normal equations (G + Lambda) c = b + Lambda c0, solved by Cholesky after diagonal scaling.

Everything happens in one square buffer: its lower triangle becomes the Cholesky factor, its strict upper triangle keeps
the scaled matrix, so that residuals, refinement and the search for what is singular need no second one. A matrix that
cannot be factorised is never made definite by adding something to its diagonal: either the columns that cannot be told
from others are named and the fit stops, or, if asked to, they are held at the prior mean, and the report says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from ufpnmr.errors import InputError
from ufpnmr.potential import columns, regularisation
from ufpnmr.potential.columns import ColumnBlock, ColumnLayout
from ufpnmr.potential.regularisation import Penalty

__all__ = ["SingularFit", "Solution", "lower_product", "residual_square", "solve"]

Vector = NDArray[np.float64]
Integers = NDArray[np.intp]

_ILL = 1e-10  # reciprocal condition number below which the report names the weakest combination of columns
_SINGULAR = float(np.finfo(float).eps)
_LISTED = 8
_TILE = 512


class SingularFit(InputError):
    """Columns that neither the data nor the regularisation determine.

    Attributes
    ----------
    columns : tuple of int
        Their numbers.
    """

    def __init__(self, message: str, columns: Iterable[int]) -> None:
        super().__init__(message)
        self.columns = tuple(int(c) for c in columns)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """Coefficients that minimise ‖(y - X c) / sigma‖² + (c - c0)^T Lambda (c - c0).

    Attributes
    ----------
    coefficients : (P,) array
        eV.
    cholesky : (P, P) array
        Lower triangle: L of S A S = L L^T, with A = G + Lambda and S the diagonal of `scale`. Strict upper triangle:
        S A S itself.
    scale : (P,) array
        One over the square roots of the diagonal of A; zero for a column that is held, which therefore has no variance.
    prior_mean : (P,) array
        c0, eV.
    fixed : (M,) int array
        Columns held at given values.
    held : (M,) int array
        Columns held at the prior mean because they could not be determined.
    untouched : (M,) int array
        Columns on which no data act: what they hold comes from the prior.
    condition : float
        Estimated condition number (1-norm) of S A S.
    residual : float
        ‖S (A c - b - Lambda c0)‖ over ‖S (b + Lambda c0)‖ after refinement.
    objective : float
        The minimum reached, less y^T y.
    notes : tuple of str
        What a user should know, in words.
    """

    coefficients: Vector
    cholesky: Vector
    scale: Vector
    prior_mean: Vector
    fixed: Integers
    held: Integers
    untouched: Integers
    condition: float
    residual: float
    objective: float
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        head = f"Solution: {len(self.coefficients)} coefficients, condition number {self.condition:.1e}"
        return "\n  ".join([head, *self.notes])


def solve(
    gram: Vector,
    rhs: Vector,
    penalty: Penalty,
    layout: ColumnLayout,
    *,
    prior_mean: Vector | None = None,
    fixed: Mapping[int, float] | None = None,
    on_singular: Literal["error", "hold"] = "error",
    overwrite: bool = False,
) -> Solution:
    """Solve for the coefficients.

    Parameters
    ----------
    gram : (P, P) array
        G = sum of x x^T / sigma^2; the lower triangle counts.
    rhs : (P,) array
        b = sum of x y / sigma^2.
    penalty : list
        Lambda, from `regularisation.penalty`.
    layout : SplineBasis or other ColumnLayout
        Names the columns.
    prior_mean : (P,) array
        c0, eV; zero if not given.
    fixed : dict
        Column -> value (eV) at which it is held, e.g. one-body energies of isolated atoms.
    on_singular : {"error", "hold"}
        What to do with columns that cannot be determined: stop, or hold them at the prior mean.
    overwrite : bool
        Work in the buffer of `gram` (if it is a writeable C-contiguous array of doubles) instead of in a copy.

    Raises
    ------
    SingularFit
        Columns that cannot be determined: which, their distances, and what they cannot be told from.
    InputError
        Wrong shapes, or numbers that are not finite.
    """
    count = layout.n_columns
    _check(gram, rhs, count)
    prior = np.zeros(count) if prior_mean is None else np.array(prior_mean, dtype=np.float64)
    if prior.shape != (count,):
        raise InputError(f"prior mean: expected {count} coefficients, found {prior.shape}")
    given = dict(fixed or {})
    pinned = np.array(sorted(given), dtype=np.intp)
    reference = prior.copy()
    reference[pinned] = [given[int(c)] for c in pinned]
    product = lower_product(gram, reference)
    drift = regularisation.apply(penalty, reference - prior)
    gradient = rhs - product - drift
    objective = float(reference @ (product - 2 * rhs) + (reference - prior) @ drift)
    size = rhs + regularisation.apply(penalty, prior)

    untouched = np.flatnonzero(np.diagonal(gram) <= 0)
    work = gram if overwrite else np.array(gram, dtype=np.float64, order="C")
    work = np.require(work, dtype=np.float64, requirements=["C", "W"])
    for where, matrix in penalty:
        work[where, where] += matrix
    diagonal = np.diagonal(work).copy()
    dead = np.setdiff1d(np.flatnonzero(diagonal <= 0), pinned)
    if len(dead) and on_singular == "error":
        raise SingularFit(_message(layout.blocks, dead, {}), dead)
    scale = np.zeros(count)
    alive = diagonal > 0
    scale[alive] = 1 / np.sqrt(diagonal[alive])
    work *= scale[:, None]
    work *= scale
    held = dead
    _mirror(work)
    reciprocal = _factorise(work, scale, np.union1d(pinned, held))
    while reciprocal < _SINGULAR:
        dependent = _dependent(work)
        if on_singular == "error":
            raise SingularFit(_message(layout.blocks, np.array(list(dependent)), dependent), dependent)
        held = np.union1d(held, list(dependent))
        reciprocal = _factorise(work, scale, np.union1d(pinned, held))

    target = scale * gradient
    step, residual = _refined(work, target)
    change = scale * step
    reference_size = float(np.linalg.norm(scale * size))
    return Solution(
        coefficients=reference + change,
        cholesky=work,
        scale=scale,
        prior_mean=prior,
        fixed=pinned,
        held=held,
        untouched=untouched,
        condition=1 / reciprocal,
        residual=residual / reference_size if reference_size > 0 else residual,
        objective=objective - float(gradient @ change),
        notes=_notes(layout.blocks, work, 1 / reciprocal, pinned, held, untouched),
    )


def lower_product(gram: Vector, vector: Vector) -> Vector:
    """Return G v of a symmetric (P, P) matrix of which the lower triangle counts."""
    if not np.any(vector):
        return np.zeros(len(vector))
    return np.asarray(blas.dsymv(1.0, np.ascontiguousarray(gram).T, vector, lower=0))


def residual_square(gram: Vector, rhs: Vector, square: float, coefficients: Vector) -> float:
    """Return sum ((y - x c) / sigma)^2 from the Gram matrix, b and y^T y."""
    return max(float(square + coefficients @ (lower_product(gram, coefficients) - 2 * rhs)), 0.0)


def _check(gram: Vector, rhs: Vector, count: int) -> None:
    if gram.shape != (count, count) or rhs.shape != (count,):
        raise InputError(
            f"normal equations: expected a Gram matrix of {count} x {count} and {count} right-hand sides for this "
            f"basis, found {gram.shape} and {rhs.shape}"
        )
    if not (np.isfinite(np.diagonal(gram)).all() and np.isfinite(rhs).all()):
        raise InputError("normal equations: expected finite numbers, found others; check the labels and their sigmas")


def _mirror(work: Vector) -> None:
    """Copy the lower triangle to the upper one."""
    for first in range(0, len(work), _TILE):
        tile = slice(first, first + _TILE)
        below = slice(first + _TILE, None)
        work[tile, below] = work[below, tile].T
        square = np.tril(work[tile, tile])
        work[tile, tile] = square + np.tril(square, -1).T


def _factorise(work: Vector, scale: Vector, out: Integers) -> float:
    """Factorise the matrix in the upper triangle, columns `out` decoupled; return its reciprocal condition, or 0."""
    scale[out] = 0
    work[out, :] = 0
    work[:, out] = 0
    norm = 0.0
    for first in range(0, len(work), _TILE):
        tile, below = slice(first, first + _TILE), slice(first + _TILE, None)
        square = np.triu(work[tile, tile], 1)
        work[tile, tile] = square + square.T + np.eye(len(square))
        work[below, tile] = work[tile, below].T
    for first in range(0, len(work), _TILE):
        norm = max(norm, float(np.abs(work[first : first + _TILE]).sum(axis=1).max()))
    _, info = lapack.dpotrf(work.T, lower=0, overwrite_a=1, clean=0)
    if info:
        return 0.0
    reciprocal, _ = lapack.dpocon(work.T, norm)
    return float(reciprocal)


def _refined(work: Vector, target: Vector) -> tuple[Vector, float]:
    """Solve with the factor, then refine while that helps; return the solution and the norm of its residual."""
    solution = np.asarray(lapack.dpotrs(work.T, target, lower=0)[0])
    remainder = target - _scaled_product(work, solution)
    error = float(np.linalg.norm(remainder))
    for _ in range(3):
        trial = solution + lapack.dpotrs(work.T, remainder, lower=0)[0]
        after = target - _scaled_product(work, trial)
        size = float(np.linalg.norm(after))
        if size >= error:
            break
        solution, remainder, error = trial, after, size
    return solution, error


def _scaled_product(work: Vector, vector: Vector) -> Vector:
    """Return S A S v from the upper triangle, whose diagonal is one (the buffer holds that of L)."""
    out: Vector = blas.dsymv(1.0, work.T, vector, lower=1)
    out += (1 - np.diagonal(work)) * vector
    return out


def _dependent(work: Vector) -> dict[int, Integers]:
    """Return the columns that a pivoted Cholesky factorisation cannot separate, and from which each depends."""
    matrix = np.triu(work, 1)
    np.fill_diagonal(matrix, 1.0)
    tolerance = len(work) * _SINGULAR
    rank = len(work)
    while rank == len(work):  # the plain factorisation failed by a hair
        factor, pivots, rank, _ = lapack.dpstrf(matrix.T, tol=tolerance, lower=1)
        tolerance *= 4
    order = np.asarray(pivots) - 1
    lower = np.tril(factor)
    weights = lapack.dtrtrs(lower[:rank, :rank], lower[rank:, :rank].T, lower=1, trans=1)[0]
    out = {}
    for column, combination in zip(order[rank:], weights.T, strict=True):
        largest = np.argsort(-np.abs(combination))[:_LISTED]
        out[int(column)] = order[largest[np.abs(combination[largest]) > 0.1 * np.abs(combination).max()]]
    return out


def _message(blocks: tuple[ColumnBlock, ...], lost: Integers, dependent: Mapping[int, Integers]) -> str:
    lines = []
    for column in lost[:_LISTED]:
        what = "no data and no penalty act on it"
        if int(column) in dependent:
            others = "; ".join(columns.describe(blocks, int(c)) for c in dependent[int(column)])
            what = f"cannot be told from {others}"
        lines.append(f"  {columns.describe(blocks, int(column))}: {what}")
    if len(lost) > _LISTED:
        lines.append(f"  and {len(lost) - _LISTED} more: {_summary(blocks, lost[_LISTED:])}")
    return "\n".join(
        [
            f"singular fit: {len(lost)} of {blocks[-1].stop} columns are determined by neither data nor regularisation;"
            " give them a ridge or a curvature, hold them at a value, or add structures:",
            *lines,
        ]
    )


def _summary(blocks: tuple[ColumnBlock, ...], chosen: Integers) -> str:
    """Say in a line how many columns of which blocks, and the distances they span."""
    parts = []
    for block in blocks:
        local = chosen[(chosen >= block.start) & (chosen < block.stop)] - block.start
        if not len(local):
            continue
        if block.order == 1:
            parts.append(f"one-body {', '.join(block.elements[i] for i in local)}")
            continue
        ranges = np.array([block.support(int(i)) for i in local])
        low, high = ranges[:, :, 0].min(axis=0), ranges[:, :, 1].max(axis=0)
        spans = ", ".join(f"{a:.4g}-{b:.4g} Å" for a, b in zip(low, high, strict=True))
        parts.append(f"{block.name} {len(local)} of {block.n_columns} ({spans})")
    return "; ".join(parts)


def _notes(
    blocks: tuple[ColumnBlock, ...],
    work: Vector,
    condition: float,
    pinned: Integers,
    held: Integers,
    untouched: Integers,
) -> tuple[str, ...]:
    notes = []
    if condition > 1 / _ILL:
        weakest = ", ".join(columns.describe(blocks, int(c)) for c in _weakest(work))
        notes.append(f"ill-conditioned (condition number {condition:.0e}); least determined: {weakest}")
    for label, chosen in (
        ("held at given values", pinned),
        ("held at the prior mean, because data and regularisation do not determine them", held),
        ("without data, filled by the prior", np.setdiff1d(untouched, np.union1d(pinned, held))),
    ):
        if len(chosen):
            notes.append(f"{label}: {_summary(blocks, chosen)}")
    return tuple(notes)


def _weakest(work: Vector) -> Integers:
    """Return the columns of the smallest eigenvector of S A S, by inverse iteration."""
    vector = np.random.default_rng(0).normal(size=len(work))
    for _ in range(5):
        vector = np.asarray(lapack.dpotrs(work.T, vector, lower=0)[0])
        vector /= np.linalg.norm(vector)
    largest = np.argsort(-np.abs(vector))[:_LISTED]
    out: Integers = largest[np.abs(vector[largest]) > 0.3 * np.abs(vector).max()]
    return out
