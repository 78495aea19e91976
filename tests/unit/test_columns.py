"""Columns of the regression: how many, which grid points they stand for, and the triangle inequality."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from uf3_reference import clamped
from ufpnmr.errors import InputError
from ufpnmr.potential import columns
from ufpnmr.potential.columns import ColumnBlock

LEG, FAR = clamped(1, 4.5, 5), clamped(1, 9, 10)


def triplet(elements, lead=0, trail=3, **kwargs):
    return ColumnBlock.triplet(elements, (LEG, LEG, FAR), leading_trim=lead, trailing_trim=trail, **kwargs)


@pytest.mark.parametrize(("lead", "trail", "same", "different"), [(0, 3, 137, 230), (3, 3, 21, 28), (0, 0, 403, 718)])
def test_counts_of_a_triplet(lead, trail, same, different):
    block = triplet(("Li", "P", "P"), lead, trail)
    assert block.n_columns == same
    assert block.shape == (8, 8, 13)
    assert np.prod(block.shape) == 832
    assert triplet(("Li", "P", "S"), lead, trail).n_columns == different


def three_elements(trail2=3):
    elements = ("Li", "P", "S")
    pairs = [
        ColumnBlock.pair(e, clamped(1, 6.5, 16), trailing_trim=trail2)
        for e in itertools.combinations_with_replacement(elements, 2)
    ]
    trios = [triplet((i, *jk)) for i in elements for jk in itertools.combinations_with_replacement(elements, 2)]
    return columns.stack([ColumnBlock.one_body(elements), *pairs, *trios])


def test_count_of_three_elements():
    blocks = three_elements(trail2=0)  # the count of the uf3 package holds the trimmed two-body columns too
    assert blocks[-1].stop == 3 + 6 * 19 + 9 * 137 + 9 * 230 == 3420
    assert three_elements()[-1].stop == 3420 - 6 * 3
    assert [b.n_columns for b in blocks] == [3, *[19] * 6, *[137, 230, 230, 137, 230, 137] * 3]
    assert all(a.stop == b.start for a, b in itertools.pairwise(blocks))


def test_pair_columns_are_the_untrimmed_ones():
    block = ColumnBlock.pair(("Li", "S"), clamped(1, 6.5, 16), leading_trim=2, trailing_trim=3)
    assert block.index[:, 0].tolist() == list(range(2, 16))
    grid = np.arange(19.0)
    np.testing.assert_array_equal(block.expand(block.compress(grid)), np.where((grid >= 2) & (grid < 16), grid, 0))


def test_expand_fold_and_compress_are_one_map():
    generator = np.random.default_rng(1)
    for block in (triplet(("Li", "S", "S")), triplet(("Li", "P", "S"), 1, 2), ColumnBlock.pair(("P", "S"), LEG)):
        c, x = generator.normal(size=block.n_columns), generator.normal(size=(4, *block.shape))
        grid = block.expand(c)
        assert grid.shape == block.shape
        np.testing.assert_array_equal(block.compress(grid), c)
        np.testing.assert_allclose(block.fold(x) @ c, (x * grid).reshape(4, -1).sum(1), rtol=1e-13)
        if block.symmetric:
            np.testing.assert_array_equal(grid, grid.transpose(1, 0, 2))
            assert (block.index[:, 0] <= block.index[:, 1]).all()


def test_one_body_columns_are_the_elements():
    block = ColumnBlock.one_body(("Li", "P"))
    assert (block.order, block.shape, block.n_columns) == (1, (), 2)
    np.testing.assert_array_equal(block.expand(np.array([1.0, 2.0])), [1, 2])
    np.testing.assert_array_equal(block.compress(np.array([1.0, 2.0])), [1, 2])


def test_triangle_criterion_is_necessary_and_sufficient():
    """A linear programme finds the triangle farthest from every wall; its margin is positive if there is one."""
    generator = np.random.default_rng(5)
    found = []
    for _ in range(400):
        boxes = np.sort(generator.uniform(0.5, 6.0, size=(3, 2)), axis=1)
        if generator.random() < 0.3:  # just touching, or overlapping by little
            boxes[2] += boxes[0, 1] + boxes[1, 1] - boxes[2, 0] + generator.choice([-1e-3, 0.0, 1e-3])
        sides = -np.array([[1, 1, -1], [1, -1, 1], [-1, 1, 1]])  # each sum of two sides minus the third
        walls = np.vstack([sides, -np.eye(3), np.eye(3)])
        bounds = np.r_[np.zeros(3), -boxes[:, 0], boxes[:, 1]]
        best = linprog([0, 0, 0, -1], np.c_[walls, np.ones(9)], bounds, bounds=[(None, None)] * 4)
        mask = columns.triangle_mask(*(box[None] for box in boxes))
        assert mask.shape == (1, 1, 1)
        assert mask[0, 0, 0] == (best.x[3] > 1e-7), boxes
        found.append(bool(mask[0, 0, 0]))
    assert 50 < sum(found) < 350


def test_every_triangle_meets_only_kept_columns():
    """Sides of random triangles, longer and shorter cutoffs: all products that act there are columns."""
    generator = np.random.default_rng(6)
    for cutoffs in (None, (4.0, 3.1, 5.0)):
        block = triplet(("Li", "P", "S"), 0, 0, cutoffs=cutoffs)
        points = generator.uniform(-4.5, 4.5, size=(20000, 2, 3))
        sides = np.stack([*np.linalg.norm(points, axis=2).T, np.linalg.norm(points[:, 0] - points[:, 1], axis=1)])
        inside = (sides >= 1).all(0) & (sides < np.array(block.cutoffs)[:, None]).all(0)
        seen = np.zeros(block.shape, dtype=bool)
        for side in sides[:, inside].T:
            spans = [np.searchsorted(axis, r, "right") - 1 for axis, r in zip(block.knots, side, strict=True)]
            seen[tuple(slice(s - 3, s + 1) for s in spans)] = True
        assert (block.column_map[seen] >= 0).all()
        assert seen.sum() > 0.9 * block.n_columns


def test_a_column_beyond_the_cutoff_is_no_column():
    block = ColumnBlock.pair(("Li", "Li"), clamped(1, 6.5, 11), 4.0, trailing_trim=0)
    assert block.knots[0][block.index[-1, 0]] < 4.0
    assert block.knots[0][block.index[-1, 0] + 1] >= 4.0
    assert block.support(block.n_columns - 1)[0][1] == 4.0


def test_describe_names_block_indices_and_distances():
    blocks = three_elements()
    assert columns.describe(blocks, 1) == "one-body P"
    assert columns.describe(blocks, 3 + 16 + 4) == "Li-P (4): r 1.344-2.719 Å"
    block = next(b for b in blocks if b.name == "P-S-S")
    text = columns.describe(blocks, block.start + 30)
    assert text.startswith("P-S-S ({}, {}, {}): r_ij ".format(*block.index[30]))
    with pytest.raises(IndexError, match="3420"):
        columns.locate(blocks, 3420)


def test_what_cannot_be():
    with pytest.raises(InputError, match="block Li-P-P: expected the same knots"):
        ColumnBlock.triplet(("Li", "P", "P"), (LEG, clamped(1, 4, 5), FAR))
    with pytest.raises(InputError, match="block Li-P: expected at least 5 knots"):
        ColumnBlock.pair(("Li", "P"), LEG[::-1])
    with pytest.raises(InputError, match="block Li-P: no free coefficient left of 8 after leading trim 5"):
        ColumnBlock.pair(("Li", "P"), LEG, leading_trim=5)
    with pytest.raises(InputError, match="trims of 0 or more"):
        ColumnBlock.pair(("Li", "P"), LEG, leading_trim=-1)
