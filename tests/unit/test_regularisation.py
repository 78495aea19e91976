"""Penalties against plain loops over a small grid, and against the matrices that the package UF3 builds."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from uf3_reference import clamped
from ufpnmr.errors import InputError
from ufpnmr.potential import columns, regularisation
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.potential.regularisation import Regularisation

PAIR = ColumnBlock.pair(("Li", "S"), clamped(1, 5, 6), leading_trim=1)
SAME = ColumnBlock.triplet(("S", "Li", "Li"), (clamped(1, 4, 2), clamped(1, 4, 2), clamped(1, 8, 4)), trailing_trim=1)
OTHER = ColumnBlock.triplet(
    ("Li", "P", "S"), (clamped(1, 4, 2), clamped(1, 3, 3), clamped(1, 6, 4)), leading_trim=1, trailing_trim=1
)


def layout(*blocks):
    blocks = columns.stack([ColumnBlock.one_body(("Li", "S")), *blocks])
    return SimpleNamespace(blocks=blocks, n_columns=blocks[-1].stop)


def matrix(block, **kwargs):
    return regularisation.penalty(layout(block), Regularisation(**kwargs))[1][1]


def trimmed(block, point):
    return any(i < block.leading_trim or i >= n - block.trailing_trim for i, n in zip(point, block.shape, strict=True))


def roughness(block, grid):
    """Sum of squared second differences of a grid, by plain loops."""
    total = 0.0
    for point in itertools.product(*map(range, block.shape)):
        for axis in range(len(point)):
            line = [tuple(i + step * (a == axis) for a, i in enumerate(point)) for step in (-1, 0, 1)]
            if not all(0 <= p[axis] < block.shape[axis] for p in line):
                continue
            if all(block.column_map[p] >= 0 or trimmed(block, p) for p in line):
                total += (grid[line[0]] - 2 * grid[line[1]] + grid[line[2]]) ** 2
    return total


@pytest.mark.parametrize("block", [PAIR, SAME, OTHER], ids=lambda b: b.name)
def test_penalty_is_the_roughness_of_the_grid(block):
    generator = np.random.default_rng(3)
    found = matrix(block, ridge={2: 0.5, 3: 0.5}, curvature={2: 7.0, 3: 7.0})
    np.testing.assert_array_equal(found, found.T)
    for _ in range(5):
        c = generator.normal(size=block.n_columns)
        assert c @ found @ c == pytest.approx(0.5 * c @ c + 7.0 * roughness(block, block.expand(c)), rel=1e-12)


def test_only_linear_functions_are_free():
    block = ColumnBlock.triplet(("Li", "P", "S"), (clamped(1, 4, 2),) * 2 + (clamped(1, 3, 2),), trailing_trim=0)
    assert block.n_columns == np.prod(block.shape)  # nothing masked
    x, y, z = np.indices(block.shape)
    found = matrix(block, ridge={3: 0}, curvature={3: 1})
    free = 1.0 + 2 * x - y + 0.5 * z
    assert abs(block.compress(free) @ found @ block.compress(free)) < 1e-20
    saddle = x * x - 1.0 * y * y
    assert block.compress(saddle) @ found @ block.compress(saddle) > 1


def test_points_that_never_act_do_not_pull():
    """A constant over all columns of a triplet without trims costs nothing, although dropped points are zero."""
    block = ColumnBlock.triplet(("S", "Li", "Li"), (clamped(1, 4, 4), clamped(1, 4, 4), clamped(1, 8, 8)))
    untrimmed = ColumnBlock.triplet(block.elements, block.knots, trailing_trim=0)
    assert (untrimmed.column_map < 0).sum() > 20
    ones = np.ones(untrimmed.n_columns)
    assert abs(ones @ matrix(untrimmed, ridge={3: 0}) @ ones) < 1e-18
    assert np.ones(block.n_columns) @ matrix(block, ridge={3: 0}) @ np.ones(block.n_columns) > 1


@pytest.mark.parametrize("block", [PAIR, SAME, OTHER], ids=lambda b: b.name)
def test_form_of_uf3(block):
    """Every kept point of a triplet, every point of a pair: neighbours minus the centre, squared."""
    generator = np.random.default_rng(4)
    found = matrix(block, ridge={2: 0.25, 3: 0.25}, curvature={2: 3.0, 3: 3.0}, form="uf3")
    c = generator.normal(size=block.n_columns)
    grid, total = block.expand(c), 0.0
    points = block.index if block.order == 3 else [(i,) for i in range(block.shape[0])]
    for point in points:
        row = 0.0
        for axis, step in itertools.product(range(len(point)), (-1, 1)):
            other = tuple(i + step * (a == axis) for a, i in enumerate(point))
            if 0 <= other[axis] < block.shape[axis]:
                row += grid[other] - grid[tuple(point)]
        total += row * row
    assert c @ found @ c == pytest.approx(0.25 * c @ c + 3.0 * total, rel=1e-12)


# First rows of what UF3 0.4.0 gives for get_regularizer_matrix(6, ridge=0.1, curvature=2).
PAIR_040 = [[2.1, -2, 0, 0, 0, 0], [-2, 4.1, -2, 0, 0, 0], [0, -2, 4.1, -2, 0, 0]]


def test_form_of_uf3_040_pair():
    block = ColumnBlock.pair(("Li", "S"), clamped(1, 5, 3), trailing_trim=1)
    found = matrix(block, ridge={2: 0.1}, curvature={2: 2.0}, form="uf3-0.4.0")
    root = np.array([*PAIR_040, [0, 0, -2, 4.1, -2, 0], [0, 0, 0, -2, 4.1, -2]])[:, :5]
    np.testing.assert_allclose(found, root.T @ root, rtol=1e-14)


def test_form_of_uf3_040_triplet():
    """Its full grid by loops: neighbours -1 (periodic along the last axis), 1 or 2 at the centre; first n points."""
    block = OTHER
    full = np.zeros((np.prod(block.shape), *block.shape))
    for row, (i, j, k) in enumerate(itertools.product(*map(range, block.shape))):
        for step in (-1, 1):
            if 0 <= i + step < block.shape[0]:
                full[row, i + step, j, k] = -1
            if 0 <= j + step < block.shape[1]:
                full[row, i, j + step, k] = -1
            full[row, i, j, (k + step) % block.shape[2]] = -1
        full[row, i, j, k] = 1 if i in (0, block.shape[0] - 1) or j in (0, block.shape[1] - 1) else 2
    root = 2 * full.reshape(len(full), -1)[: block.n_columns, : block.n_columns] + 0.3 * np.eye(block.n_columns)
    found = matrix(block, ridge={3: 0.3}, curvature={3: 2.0}, form="uf3-0.4.0")
    np.testing.assert_allclose(found, root.T @ root, rtol=1e-13, atol=1e-13)


def test_apply_and_quadratic_are_the_dense_matrix():
    of = layout(PAIR, SAME)
    blocks = regularisation.penalty(of, Regularisation())
    dense = np.zeros((of.n_columns,) * 2)
    for where, values in blocks:
        dense[where, where] = values
    c = np.random.default_rng(1).normal(size=of.n_columns)
    np.testing.assert_allclose(regularisation.apply(blocks, c), dense @ c, rtol=1e-12)
    assert regularisation.quadratic(blocks, c) == pytest.approx(c @ dense @ c, rel=1e-12)
    assert np.linalg.eigvalsh(dense).min() > 0.5e-4


def test_settings():
    settings = Regularisation(ridge={3: 5.0})
    assert settings.ridge == {1: 1e-4, 2: 1.0, 3: 5.0}
    assert settings.scaled("curvature", 2, 10.0).curvature[2] == 10.0
    assert Regularisation.from_dict(settings.to_dict()) == settings
    with pytest.raises(InputError, match="ridge: expected body orders 1, 2, 3, found 4"):
        Regularisation(ridge={4: 1.0})
    with pytest.raises(InputError, match="curvature of order 2: expected a number of 0 or more, found -1"):
        Regularisation(curvature={2: -1.0})
    with pytest.raises(InputError, match=r"found 'uf3-0\.4' \(did you mean 'uf3-0\.4\.0'\?\)"):
        Regularisation(form="uf3-0.4")


def test_weights_of_uf3():
    """w / (N s^2), or its square in 0.4.0, is one over sigma squared."""
    energies, forces = np.array([1.0, 3.0]), np.array([0.0, 2.0, 0.0, 2.0]) * 0.1
    sigma_e, sigma_f = regularisation.uf3_sigmas(energies, forces, 0.2)
    assert 1 / sigma_e**2 == pytest.approx(0.2 / (2 * 1.0))
    assert 1 / sigma_f**2 == pytest.approx(0.8 / (4 * 0.1**2))
    sigma_e, sigma_f = regularisation.uf3_sigmas(energies, forces, 0.2, "uf3-0.4.0")
    assert 1 / sigma_e**2 == pytest.approx((0.2 / (2 * 1.0)) ** 2)
    assert 1 / sigma_f**2 == pytest.approx((0.8 / (4 * 0.1)) ** 2)
    with pytest.raises(InputError, match="above 0 and below 1, found 1"):
        regularisation.uf3_sigmas(energies, forces, 1.0)
    with pytest.raises(InputError, match="expected energies that differ, found 1 without spread"):
        regularisation.uf3_sigmas(energies[:1], forces)
