"""Folds by group, the search over regularisation against refits from rows, learning curves."""

import dataclasses
import json

import numpy as np
import pytest

import synthetic_fit
from ufpnmr.errors import InputError
from ufpnmr.potential import regularisation, selection
from ufpnmr.potential.regularisation import Regularisation

LAYOUT = synthetic_fit.small_layout()
START = Regularisation(ridge={1: 1e-2, 2: 1.0, 3: 25.0}, curvature={2: 0.1, 3: 0.1})


@pytest.fixture(scope="module")
def rows():
    return synthetic_fit.rows(24, 11)


@pytest.fixture(scope="module")
def labels(rows):
    """Coefficients of the size that START expects, unit noise."""
    generator = np.random.default_rng(0)
    matrix = np.zeros((LAYOUT.n_columns,) * 2)
    for where, block in regularisation.penalty(LAYOUT, START):
        matrix[where, where] = block
    c = np.linalg.solve(np.linalg.cholesky(matrix).T, generator.normal(size=LAYOUT.n_columns))
    return rows.x @ c + generator.normal(size=len(rows.x))


def parts(rows, labels, count=4):
    return [synthetic_fit.part(rows.x[rows.group % count == k], labels[rows.group % count == k]) for k in range(count)]


def refitted(rows, labels, settings, count=4):
    """Withheld error of each fold by least squares on rows."""
    matrix = np.zeros((LAYOUT.n_columns,) * 2)
    for where, block in regularisation.penalty(LAYOUT, settings):
        matrix[where, where] = block
    out = []
    for k in range(count):
        held = rows.group % count == k
        x, y = rows.x[~held], labels[~held]
        c = np.linalg.solve(x.T @ x + matrix, x.T @ y)
        out.append(((labels[held] - rows.x[held] @ c) ** 2).mean())
    return out


def test_grid_search_is_the_refit_of_every_fold(rows, labels):
    grid = selection.candidates(START, {("ridge", 3): (0.01, 1, 100), ("curvature", 2): (1, 1000)})
    assert len(grid) == 6
    assert grid[0].ridge[3] == 0.25
    assert grid[1].curvature[2] == 100
    seen = []
    out = selection.grid_search(parts(rows, labels), LAYOUT, grid, progress=seen.append)
    assert out.solves == 24
    assert len(seen) == len(out.table) == 6
    for candidate in out.table:
        errors = refitted(rows, labels, candidate.regularisation)
        np.testing.assert_allclose(candidate.folds, errors, rtol=1e-6)
        sizes = [(rows.group % 4 == k).sum() for k in range(4)]
        assert candidate.error == pytest.approx(np.average(errors, weights=sizes), rel=1e-6)
    assert out.chosen is out.table[0]
    assert [c.error for c in out.table] == sorted(c.error for c in out.table)
    assert json.loads(json.dumps(out.to_dict()))["chosen"]["regularisation"]["form"] == "differences"


def test_the_search_finds_the_prior_of_the_labels(rows, labels):
    """From strengths a thousand times too weak and too strong back to the truth, within a factor ten."""
    folds = parts(rows, labels)
    for factor in (1e-3, 1e3):
        start = START.scaled("ridge", 3, factor)
        out = selection.coordinate_search(folds, LAYOUT, start, [("ridge", 3), ("curvature", 3)])
        assert 2.5 <= out.chosen.regularisation.ridge[3] <= 250
        first = selection.grid_search(folds, LAYOUT, [start])
        assert out.chosen.error < first.chosen.error
        tried = [json.dumps(c.regularisation.to_dict()) for c in out.table]
        assert len(set(tried)) == len(tried)
        assert out.solves == 4 * len(tried)


def test_one_standard_error_smooths_more(rows, labels):
    grid = selection.candidates(START, {("ridge", 3): (0.1, 0.3, 1, 3, 10)})
    folds = parts(rows, labels)
    least = selection.grid_search(folds, LAYOUT, grid)
    wide = selection.grid_search(folds, LAYOUT, grid, rule="one-standard-error")
    assert wide.chosen.error <= least.chosen.error + least.chosen.standard_error
    assert wide.chosen.strength >= least.chosen.strength
    assert wide.chosen.strength == max(
        c.strength for c in least.table if c.error <= least.chosen.error + least.chosen.standard_error
    )


def test_a_singular_candidate_is_no_choice(rows, labels):
    bare = Regularisation(ridge={1: 0, 2: 0, 3: 0}, curvature={2: 0, 3: 0})
    folds = parts(rows, labels)
    out = selection.grid_search(folds, LAYOUT, [bare, START])
    assert out.chosen.regularisation == START
    assert out.table[1].note.startswith("without fold 0: singular fit")
    assert out.table[1].to_dict()["error"] is None
    with pytest.raises(InputError, match="no candidate can be solved; without fold 0"):
        selection.grid_search(folds, LAYOUT, [bare])


def test_prior_mean_and_fixed_reach_the_fits(rows, labels):
    folds, mean = parts(rows, labels), np.full(LAYOUT.n_columns, 0.1)
    plain = selection.grid_search(folds, LAYOUT, [START]).chosen.error
    assert selection.grid_search(folds, LAYOUT, [START], prior_mean=mean).chosen.error != plain
    assert selection.grid_search(folds, LAYOUT, [START], fixed={0: 5.0}).chosen.error > 2 * plain


def test_learning_curve_is_nested_refits(rows, labels):
    every = parts(rows, labels, 6)
    points = selection.learning_curve(every[1:], every[0], LAYOUT, START)
    assert [p.parts for p in points] == [1, 2, 3, 4, 5]
    held = rows.group % 6 == 0
    assert [p.rows for p in points] == np.cumsum([p.rows for p in every[1:]]).tolist()
    last = refitted(rows, labels, START, 6)[0]
    assert points[-1].error == pytest.approx(last, rel=1e-6)
    own = ((labels[held] - rows.x[held] @ points[2].coefficients) ** 2).mean()
    assert points[2].error == pytest.approx(own, rel=1e-6)
    assert points[-1].error < points[0].error


def test_what_does_not_fit(rows, labels):
    folds = parts(rows, labels)
    with pytest.raises(InputError, match="2 or more folds, found 1"):
        selection.grid_search(folds[:1], LAYOUT, [START])
    with pytest.raises(InputError, match="one or more candidates"):
        selection.grid_search(folds, LAYOUT, [])
    with pytest.raises(InputError, match="none in fold 1"):
        selection.grid_search([folds[0], dataclasses.replace(folds[1], rows=0)], LAYOUT, [START])
    with pytest.raises(InputError, match="step factor above 1"):
        selection.coordinate_search(folds, LAYOUT, START, [("ridge", 3)], factor=1.0)
    with pytest.raises(InputError, match="rule of the search"):
        selection.grid_search(folds, LAYOUT, [START], rule="best")
