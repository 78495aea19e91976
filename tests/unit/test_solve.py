"""The regularised solve: against dense linear algebra, fixed columns, prior mean, and what it says when singular."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import synthetic_fit
from uf3_reference import clamped
from ufpnmr.errors import InputError
from ufpnmr.potential import columns, regularisation, solve
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.potential.regularisation import Regularisation

LAYOUT = synthetic_fit.small_layout()
NONE = Regularisation(ridge={1: 0, 2: 0, 3: 0}, curvature={2: 0, 3: 0})


def dense(of, settings):
    out = np.zeros((of.n_columns,) * 2)
    for where, matrix in regularisation.penalty(of, settings):
        out[where, where] = matrix
    return out


def truth(seed=0):
    return 0.3 * np.random.default_rng(seed).normal(size=LAYOUT.n_columns)


@pytest.fixture(scope="module")
def data():
    x = synthetic_fit.rows().x
    return x, x @ truth()


def test_equals_dense_algebra(data):
    x, y = data
    settings, prior = Regularisation(), truth(5)
    part = synthetic_fit.part(x, y)
    kept = part.gram.copy()
    out = solve.solve(part.gram, part.rhs, regularisation.penalty(LAYOUT, settings), LAYOUT, prior_mean=prior)
    np.testing.assert_array_equal(part.gram, kept)
    penalty = dense(LAYOUT, settings)
    matrix = x.T @ x + penalty
    expected = np.linalg.solve(matrix, x.T @ y + penalty @ prior)
    np.testing.assert_allclose(out.coefficients, expected, rtol=1e-9, atol=1e-9)
    lower = np.tril(out.cholesky)
    np.testing.assert_allclose(lower @ lower.T, matrix * np.outer(out.scale, out.scale), atol=1e-12)
    scaled = matrix * np.outer(out.scale, out.scale)
    assert out.condition == pytest.approx(np.linalg.cond(scaled, 1), rel=0.7)
    assert out.residual < 1e-13
    gap = expected - prior
    objective = ((y - x @ expected) ** 2).sum() + gap @ penalty @ gap
    assert part.yy + out.objective == pytest.approx(objective, rel=1e-9, abs=1e-9 * part.yy)
    chi = solve.residual_square(part.gram, part.rhs, part.yy, out.coefficients)
    assert chi == pytest.approx(((y - x @ expected) ** 2).sum(), rel=1e-6, abs=1e-10 * part.yy)


def test_in_place_uses_the_buffer(data):
    part = synthetic_fit.part(*data)
    penalty = regularisation.penalty(LAYOUT, Regularisation())
    out = solve.solve(part.gram, part.rhs, penalty, LAYOUT)
    again = solve.solve(part.gram, part.rhs, penalty, LAYOUT, overwrite=True)
    assert again.cholesky is part.gram
    np.testing.assert_array_equal(again.coefficients, out.coefficients)


def test_noise_free_labels_return_the_coefficients(data):
    """After masking what no data touch."""
    x, y = data
    part = synthetic_fit.part(x, y)
    untouched = np.flatnonzero((x == 0).all(0))
    assert len(untouched) > 0
    weak = Regularisation(ridge={1: 0, 2: 1e-9, 3: 1e-9}, curvature={2: 0, 3: 0})
    out = solve.solve(part.gram, part.rhs, regularisation.penalty(LAYOUT, weak), LAYOUT)
    np.testing.assert_array_equal(out.untouched, untouched)
    assert (out.coefficients[untouched] == 0).all()
    np.testing.assert_allclose(x @ out.coefficients, y, atol=1e-6 * np.abs(y).max())
    # |bias_i| <= sqrt(Sigma_ii c^T Lambda c), by Cauchy and Schwarz
    variance = np.diagonal(np.linalg.inv(x.T @ x + dense(LAYOUT, weak)))
    error = np.abs(out.coefficients - truth())
    assert (error[2:] <= np.sqrt(variance[2:] * 1e-9 * (truth() ** 2).sum()) + 1e-8).all()
    assert (error < 1e-4).sum() > 60


def test_refit_around_the_truth_stays_there(data):
    """The prior mean is where the penalty vanishes: with it at the truth nothing moves, whatever its strength."""
    x, y = data
    part = synthetic_fit.part(x, y)
    strong = regularisation.penalty(LAYOUT, Regularisation(ridge={3: 1e6}))
    out = solve.solve(part.gram, part.rhs, strong, LAYOUT, prior_mean=truth())
    np.testing.assert_allclose(out.coefficients, truth(), atol=1e-9)
    away = solve.solve(part.gram, part.rhs, strong, LAYOUT)
    assert np.abs(away.coefficients - truth()).max() > 0.1


def test_fixed_columns(data):
    x, y = data
    fixed, settings = {0: -1.25, 1: 3.5, 7: 0.1}, Regularisation()
    part, penalty, prior = synthetic_fit.part(x, y), dense(LAYOUT, settings), truth(6)
    out = solve.solve(
        part.gram, part.rhs, regularisation.penalty(LAYOUT, settings), LAYOUT, fixed=fixed, prior_mean=prior
    )
    free = np.setdiff1d(np.arange(LAYOUT.n_columns), list(fixed))
    values = np.array(list(fixed.values()))
    matrix, rhs = x.T @ x + penalty, x.T @ y + penalty @ prior
    expected = np.linalg.solve(matrix[np.ix_(free, free)], rhs[free] - matrix[np.ix_(free, list(fixed))] @ values)
    np.testing.assert_allclose(out.coefficients[free], expected, rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(out.coefficients[list(fixed)], values)
    assert (out.scale[list(fixed)] == 0).all()
    assert "held at given values: one-body Li, S; Li-S 1 of 5 (1.5-2 Å)" in "\n".join(out.notes)


def test_one_composition_cannot_tell_the_elements():
    x = synthetic_fit.rows(8, 4, (("Li", 3, "S", 2),)).x
    part = synthetic_fit.part(x, x @ truth())
    penalty = regularisation.penalty(LAYOUT, Regularisation(ridge={1: 0}))
    with pytest.raises(solve.SingularFit, match="1 of 97 columns are determined by neither") as caught:
        solve.solve(part.gram, part.rhs, penalty, LAYOUT)
    lost = {"one-body Li", "one-body S"}
    (column,) = caught.value.columns
    name = columns.describe(LAYOUT.blocks, column)
    assert name in lost
    assert f"  {name}: cannot be told from {(lost - {name}).pop()}" in str(caught.value)
    held = solve.solve(part.gram, part.rhs, penalty, LAYOUT, on_singular="hold")
    assert held.held.tolist() == [column]
    assert held.coefficients[column] == 0
    assert f"held at the prior mean, because data and regularisation do not determine them: {name}" in held.notes
    fixed = solve.solve(part.gram, part.rhs, penalty, LAYOUT, fixed={column: 0.0})
    np.testing.assert_allclose(held.coefficients, fixed.coefficients, atol=1e-8)


def test_untouched_columns_are_named():
    """Neither data nor penalty: block, indices and distances."""
    blocks = columns.stack([ColumnBlock.one_body(("Li",)), ColumnBlock.pair(("Li", "Li"), clamped(1, 5, 4))])
    of = SimpleNamespace(blocks=blocks, n_columns=5)
    gram, rhs = np.diag([1.0, 0, 0, 2, 4]), np.array([2.0, 0, 0, 2, 2])
    penalty = regularisation.penalty(of, NONE)
    with pytest.raises(solve.SingularFit) as caught:
        solve.solve(gram, rhs, penalty, of)
    assert caught.value.columns == (1, 2)
    assert "2 of 5 columns" in str(caught.value)
    assert "  Li-Li (0): r 1-2 Å: no data and no penalty act on it" in str(caught.value)
    assert "  Li-Li (1): r 1-3 Å: no data and no penalty act on it" in str(caught.value)
    held = solve.solve(gram, rhs, penalty, of, on_singular="hold", prior_mean=np.full(5, 9.0))
    np.testing.assert_allclose(held.coefficients, [2, 9, 9, 1, 0.5])
    assert held.held.tolist() == [1, 2]
    assert held.condition == pytest.approx(1)


def test_dependent_columns_are_named():
    """Two pair columns that always act together, and a third that is their sum."""
    blocks = columns.stack([ColumnBlock.one_body(("Li",)), ColumnBlock.pair(("Li", "Li"), clamped(1, 5, 4))])
    of = SimpleNamespace(blocks=blocks, n_columns=5)
    x = np.random.default_rng(0).normal(size=(50, 5))
    x[:, 4] = x[:, 1] + x[:, 3]
    penalty = regularisation.penalty(of, NONE)
    part = synthetic_fit.part(x, x @ np.ones(5))
    with pytest.raises(solve.SingularFit, match="1 of 5 columns") as caught:
        solve.solve(part.gram, part.rhs, penalty, of)
    for column in (1, 3, 4):
        assert columns.describe(blocks, column) in str(caught.value)
    assert columns.describe(blocks, 2) not in str(caught.value)


def test_many_lost_columns_are_summed_up():
    names = ("Li", "P", "S")
    pairs = [ColumnBlock.pair(e, clamped(1, 5, 4)) for e in itertools.combinations_with_replacement(names, 2)]
    blocks = columns.stack([ColumnBlock.one_body(names), *pairs])
    of = SimpleNamespace(blocks=blocks, n_columns=blocks[-1].stop)
    gram = np.zeros((of.n_columns,) * 2)
    with pytest.raises(solve.SingularFit, match=r"and 19 more: .*S-S 4 of 4") as caught:
        solve.solve(gram, np.zeros(of.n_columns), regularisation.penalty(of, NONE), of)
    assert len(str(caught.value).splitlines()) == 10


def test_ill_conditioned_fit_says_what_is_weak():
    blocks = columns.stack([ColumnBlock.one_body(("Li",)), ColumnBlock.pair(("Li", "Li"), clamped(1, 5, 4))])
    of = SimpleNamespace(blocks=blocks, n_columns=5)
    x = np.random.default_rng(0).normal(size=(50, 5))
    x[:, 4] = x[:, 2] + 1e-6 * x[:, 4]
    part = synthetic_fit.part(x, x @ np.ones(5))
    out = solve.solve(part.gram, part.rhs, regularisation.penalty(of, NONE), of)
    assert out.condition > 1e11
    assert "ill-conditioned" in repr(out)
    assert "Li-Li (1): r 1-3 Å" in out.notes[0]
    assert "Li-Li (3): r 1-5 Å" in out.notes[0]
    assert "Li-Li (2)" not in out.notes[0]
    np.testing.assert_allclose(out.coefficients, 1, atol=10 * out.condition * np.finfo(float).eps)


def test_what_does_not_fit(data):
    part, penalty = synthetic_fit.part(*data), regularisation.penalty(LAYOUT, Regularisation())
    with pytest.raises(InputError, match="expected a Gram matrix of 97 x 97"):
        solve.solve(part.gram[:5, :5], part.rhs, penalty, LAYOUT)
    with pytest.raises(InputError, match="prior mean: expected 97 coefficients"):
        solve.solve(part.gram, part.rhs, penalty, LAYOUT, prior_mean=np.zeros(3))
    with pytest.raises(InputError, match="expected finite numbers"):
        solve.solve(part.gram, part.rhs * np.nan, penalty, LAYOUT)
