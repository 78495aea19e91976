"""Choice of the regularisation by cross-validation, and learning curves, from Gram matrices alone.

Structures are dealt into folds by group (a run, a composition; `ufpnmr.potential.dataset.folds`), never splitting one.
With the normal equations of each fold, the fit without fold k has the sum of the others, and its withheld weighted
squared error follows from those of the fold, y^T y - 2 c . b_k + c^T G_k c: no structure is featurised twice. One
candidate costs one Cholesky factorisation per fold (0.5 s for 3,420 columns on one core of an EPYC Zen 5), one buffer
of the size of a Gram matrix, and the matrices of the folds themselves.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.potential import regularisation, solve
from ufpnmr.potential.columns import ColumnLayout
from ufpnmr.potential.regularisation import Regularisation

__all__ = [
    "Candidate",
    "LearningPoint",
    "Search",
    "candidates",
    "coordinate_search",
    "grid_search",
    "learning_curve",
]

Vector = NDArray[np.float64]
_GAIN = 1e-3  # relative gain below which a strength is left where it is
Rule = Literal["minimum", "one-standard-error"]
Strength = tuple[Literal["ridge", "curvature"], int]


class Equations(Protocol):
    """Normal equations of some structures, e.g. `gram.NormalEquations`."""

    def total(self) -> tuple[Vector, Vector, float, int]:
        """Return G (P, P; the lower triangle counts), b (P,), y^T y and the number of rows, scaled by 1/sigma."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One regularisation and its withheld error.

    Attributes
    ----------
    regularisation : Regularisation
        The strengths.
    error : float
        Withheld squared error in units of sigma^2, per row; infinite where a fit was singular.
    standard_error : float
        Of `error`, from its scatter over the folds.
    folds : tuple of float
        The same for each fold.
    strength : float
        Mean logarithm of the strengths: how strongly it smooths.
    note : str
        Why there is no error, if there is none.
    """

    regularisation: Regularisation
    error: float
    standard_error: float
    folds: tuple[float, ...]
    strength: float
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        finite = bool(np.isfinite(self.error))
        return {
            "regularisation": self.regularisation.to_dict(),
            "error": self.error if finite else None,
            "standard_error": self.standard_error if finite else None,
            "folds": list(self.folds),
            "note": self.note,
        }


@dataclasses.dataclass(frozen=True)
class Search:
    """Result of a search.

    Attributes
    ----------
    table : tuple of Candidate
        All that were tried, best first.
    chosen : Candidate
        By the rule.
    rule : {"minimum", "one-standard-error"}
        Least error; or the strongest smoothing whose error is within one standard error of the least.
    solves : int
        Cholesky factorisations that it took.
    """

    table: tuple[Candidate, ...]
    chosen: Candidate
    rule: Rule
    solves: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return {
            "table": [candidate.to_dict() for candidate in self.table],
            "chosen": self.chosen.to_dict(),
            "rule": self.rule,
            "solves": self.solves,
        }


@dataclasses.dataclass(frozen=True)
class LearningPoint:
    """Withheld error of a fit to the first `parts` parts.

    Attributes
    ----------
    parts : int
        Parts in the fit.
    rows : int
        Labels in the fit.
    error : float
        Withheld squared error in units of sigma^2, per row.
    coefficients : (P,) array
        Of the fit, for errors by kind or element.
    """

    parts: int
    rows: int
    error: float
    coefficients: Vector


def candidates(start: Regularisation, factors: Mapping[Strength, Sequence[float]]) -> list[Regularisation]:
    """Return the grid of all products of factors on the strengths of `start`.

    Parameters
    ----------
    start : Regularisation
        Strengths at factor one.
    factors : dict
        ("ridge" or "curvature", body order) -> factors, e.g. {("ridge", 3): (0.1, 1, 10)}.
    """
    out = []
    for chosen in itertools.product(*factors.values()):
        settings = start
        for (kind, order), factor in zip(factors, chosen, strict=True):
            settings = settings.scaled(kind, order, factor)
        out.append(settings)
    return out


def grid_search(
    folds: Sequence[Equations],
    layout: ColumnLayout,
    grid: Sequence[Regularisation],
    *,
    rule: Rule = "minimum",
    prior_mean: Vector | None = None,
    fixed: Mapping[int, float] | None = None,
    progress: Callable[[Candidate], None] | None = None,
) -> Search:
    """Cross-validate every regularisation of a grid: len(grid) x len(folds) solves.

    Parameters
    ----------
    folds : sequence
        Normal equations of each fold.
    layout : SplineBasis or other ColumnLayout
        Their columns.
    grid : sequence of Regularisation
        E.g. from `candidates`.
    rule : {"minimum", "one-standard-error"}
        How to choose.
    prior_mean, fixed
        As for `solve.solve`.
    progress : callable
        Called with each candidate when it is done.

    Raises
    ------
    InputError
        Fewer than two folds, an empty grid, or no candidate that can be solved.
    """
    validation = _Validation(folds, layout, prior_mean, fixed, progress)
    if not grid:
        raise InputError("regularisation search: expected one or more candidates, found none")
    return validation.result([validation.candidate(settings) for settings in grid], rule)


def coordinate_search(
    folds: Sequence[Equations],
    layout: ColumnLayout,
    start: Regularisation,
    strengths: Sequence[Strength],
    *,
    factor: float = 10.0,
    rounds: int = 4,
    rule: Rule = "minimum",
    prior_mean: Vector | None = None,
    fixed: Mapping[int, float] | None = None,
    progress: Callable[[Candidate], None] | None = None,
) -> Search:
    """Walk along one strength at a time, by `factor` up or down while the withheld error falls.

    Nothing is solved twice; at most about rounds x len(strengths) x 3 candidates, each of len(folds) solves.

    Parameters
    ----------
    start : Regularisation
        Where to begin.
    strengths : sequence of (kind, order)
        What may change, e.g. [("ridge", 3), ("curvature", 3)].
    factor : float
        Step, above one.
    rounds : int
        Most passes over all strengths.
    folds, layout, rule, prior_mean, fixed, progress
        As for `grid_search`.
    """
    if factor <= 1:
        raise InputError(f"regularisation search: expected a step factor above 1, found {factor}")
    validation = _Validation(folds, layout, prior_mean, fixed, progress)
    known: dict[tuple[int, ...], Candidate] = {}

    def at(steps: tuple[int, ...]) -> Candidate:
        if steps not in known:
            settings = start
            for (kind, order), step in zip(strengths, steps, strict=True):
                settings = settings.scaled(kind, order, factor**step)
            known[steps] = validation.candidate(settings)
        return known[steps]

    here = (0,) * len(strengths)
    for _ in range(rounds):
        before = here
        for axis, direction in itertools.product(range(len(strengths)), (1, -1)):
            while True:
                there = tuple(s + direction * (a == axis) for a, s in enumerate(here))
                if not at(there).error < (1 - _GAIN) * at(here).error:
                    break
                here = there
        if here == before:
            break
    return validation.result(list(known.values()), rule)


def learning_curve(
    parts: Sequence[Equations],
    withheld: Equations,
    layout: ColumnLayout,
    settings: Regularisation,
    *,
    prior_mean: Vector | None = None,
    fixed: Mapping[int, float] | None = None,
) -> list[LearningPoint]:
    """Fit nested subsets, part by part, and judge each on withheld structures: one solve per part.

    Parameters
    ----------
    parts : sequence
        Normal equations of each part of the training set, in the order in which they are added.
    withheld : Equations
        Of structures in no part.
    layout, prior_mean, fixed
        As for `grid_search`.
    settings : Regularisation
        The same for all points.
    """
    blocks = regularisation.penalty(layout, settings)
    gram, rhs, rows = np.zeros((layout.n_columns,) * 2), np.zeros(layout.n_columns), 0
    test_gram, test_rhs, test_yy, test_rows = withheld.total()
    out = []
    for number, part in enumerate(parts, 1):
        more, more_rhs, _, more_rows = part.total()
        gram += more
        rhs = rhs + more_rhs
        rows += more_rows
        fit = solve.solve(gram, rhs, blocks, layout, prior_mean=prior_mean, fixed=fixed)
        error = solve.residual_square(test_gram, test_rhs, test_yy, fit.coefficients) / test_rows
        out.append(LearningPoint(number, rows, error, fit.coefficients))
    return out


class _Validation:
    """Fits without one fold and their errors on it, in one buffer."""

    def __init__(
        self,
        folds: Sequence[Equations],
        layout: ColumnLayout,
        prior_mean: Vector | None,
        fixed: Mapping[int, float] | None,
        progress: Callable[[Candidate], None] | None,
    ) -> None:
        if len(folds) < 2:
            raise InputError(f"cross-validation: expected 2 or more folds, found {len(folds)}")
        self.layout, self.prior_mean, self.fixed, self.progress = layout, prior_mean, fixed, progress
        self.folds = [fold.total() for fold in folds]
        empty = [number for number, fold in enumerate(self.folds) if fold[3] == 0]
        if empty:
            raise InputError(f"cross-validation: expected labels in every fold, found none in fold {empty[0]}")
        self.buffer = np.empty((layout.n_columns,) * 2)
        self.solves = 0

    def candidate(self, settings: Regularisation) -> Candidate:
        blocks = regularisation.penalty(self.layout, settings)
        errors, note = [], ""
        for left_out in range(len(self.folds)):
            rhs = self._without(left_out)
            self.solves += 1
            try:
                fit = solve.solve(
                    self.buffer,
                    rhs,
                    blocks,
                    self.layout,
                    prior_mean=self.prior_mean,
                    fixed=self.fixed,
                    overwrite=True,
                )
            except solve.SingularFit as error:
                note = f"without fold {left_out}: {error}"
                break
            gram, rhs, yy, rows = self.folds[left_out]
            errors.append(solve.residual_square(gram, rhs, yy, fit.coefficients) / rows)
        sizes = np.array([fold[3] for fold in self.folds], dtype=float)
        strengths = [*settings.ridge.values(), *settings.curvature.values()]
        smoothing = float(np.mean(np.log(np.maximum(strengths, 1e-300))))
        if note:
            out = Candidate(settings, float("inf"), float("inf"), tuple(errors), smoothing, note)
        else:
            each, weights = np.array(errors), sizes / sizes.sum()
            mean = float(weights @ each)
            scatter = float(np.sqrt(weights @ (each - mean) ** 2 / (len(each) - 1)))
            out = Candidate(settings, mean, scatter, tuple(errors), smoothing)
        if self.progress is not None:
            self.progress(out)
        return out

    def result(self, table: list[Candidate], rule: Rule) -> Search:
        ordered = sorted(table, key=lambda candidate: candidate.error)
        best = ordered[0]
        if not np.isfinite(best.error):
            raise InputError(f"regularisation search: no candidate can be solved; {best.note}")
        chosen = best
        if rule == "one-standard-error":
            limit = best.error + best.standard_error
            chosen = max((c for c in ordered if c.error <= limit), key=lambda candidate: candidate.strength)
        elif rule != "minimum":
            raise InputError(f"rule of the search: expected minimum or one-standard-error, found {rule!r}")
        return Search(tuple(ordered), chosen, rule, self.solves)

    def _without(self, left_out: int) -> Vector:
        """Fill the buffer with the sum of the other Gram matrices; return that of the right-hand sides."""
        self.buffer[...] = 0
        rhs = np.zeros(len(self.buffer))
        for number, (gram, b, _, _) in enumerate(self.folds):
            if number != left_out:
                self.buffer += gram
                rhs += b
        return rhs
