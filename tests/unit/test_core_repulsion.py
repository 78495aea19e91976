"""The repulsive core: the nuclear repulsion, the rule below the data, coverage."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.interpolate import BSpline

import naive_features
from uf3_reference import clamped
from ufpnmr.errors import InputError
from ufpnmr.potential import core_repulsion
from ufpnmr.potential.core_repulsion import Coverage

KNOTS = clamped(0.8, 6, 20)
LAYOUT = naive_features.layout(("Li", "S"), KNOTS)


def covered_from(start, gap=()):
    edges = np.unique(KNOTS)
    counts = [0 if low < start - 1e-9 or low in gap else 70 for low in edges[:-1]]
    return {
        block.name: Coverage(block.name, tuple(edges.tolist()), tuple(counts), start)
        for block in LAYOUT.blocks
        if block.order == 2
    }


def morse(r, depth=0.4, width=1.6, place=2.5):
    return depth * ((1 - np.exp(-width * (r - place))) ** 2 - 1)


def fitted(function, start, rubbish):
    """Coefficients of Li-S that follow a function above `start`; below, as a fit might leave them."""
    block = next(b for b in LAYOUT.blocks if b.name == "Li-S")
    r = np.linspace(start, 6, 400)
    design = BSpline.design_matrix(r[:-1], KNOTS, 3).toarray()[:, block.index[:, 0]]
    smooth = np.diff(np.eye(block.n_columns), 3, axis=0) * 1e-6
    known = np.linalg.lstsq(np.vstack([design, smooth]), np.append(function(r[:-1]), np.zeros(len(smooth))))[0]
    c = np.random.default_rng(0).normal(size=LAYOUT.n_columns)
    c[block.columns] = np.where(KNOTS[block.index[:, 0] + 4] <= start, rubbish, known)
    return block, c


def curve(block, c):
    return BSpline(KNOTS, block.expand(c[block.columns]), 3)


def test_nuclear_repulsion():
    """In the limit of contact (where the screening is 1), at 0.7 Å, and derivatives against differences."""
    value, _, _ = core_repulsion.nuclear_repulsion("P", "S", [1e-6])
    assert value[0] * 1e-6 == pytest.approx(14.399645 * 15 * 16, rel=2e-5)
    r = np.array([0.7, 1.3, 2.1])
    reduced = 0.7 * (3**0.23 + 16**0.23) / 0.4685
    phi = sum(
        a * np.exp(-b * reduced)
        for a, b in ((0.18175, 3.1998), (0.50986, 0.94229), (0.28022, 0.4029), (0.02817, 0.20162))
    )
    value, slope, curvature = core_repulsion.nuclear_repulsion("Li", "S", r)
    assert value[0] == pytest.approx(14.399645 * 48 / 0.7 * phi, rel=1e-7)
    h = 1e-4
    up, down = (core_repulsion.nuclear_repulsion("Li", "S", r + s)[0] for s in (h, -h))
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(curvature, (up - 2 * value + down) / h**2, rtol=1e-5)


@pytest.mark.parametrize("rubbish", [0.0, -50.0])
def test_core_follows_the_rule(rubbish):
    start = float(KNOTS[3 + 5])  # 2.1 Å
    block, c = fitted(morse, start, rubbish)
    out, cores = core_repulsion.extend(LAYOUT, c, covered_from(start))
    core = cores["Li-S"]
    assert core.start == start
    assert core.changed == 5
    assert core.slope == pytest.approx(float(curve(block, c)(start, 1)))
    assert core.attractive == ()
    spline = curve(block, out)
    r = np.linspace(KNOTS[0], start, 200)
    assert (spline(r, 1) < 0).all()
    assert (np.diff(spline(r)) < 0).all()
    u, _, _ = core_repulsion.nuclear_repulsion("Li", "S", r)
    u0, du0, _ = core_repulsion.nuclear_repulsion("Li", "S", [start])
    rule = float(curve(block, c)(start)) + core.slope * (r - start) + 0.5 * (u - u0 - du0 * (r - start))
    inside = r < KNOTS[3 + 2]
    np.testing.assert_allclose(spline(r[inside]), rule[inside], rtol=0.06)
    assert spline(KNOTS[0]) == pytest.approx(rule[0], rel=1e-9)
    above = np.linspace(start, 5.99, 100)
    np.testing.assert_array_equal(spline(above), curve(block, c)(above))
    np.testing.assert_allclose([spline(start - 1e-9), spline(start - 1e-9, 1)], [spline(start), spline(start, 1)])


def test_covered_coefficients_are_not_touched():
    start = float(KNOTS[3 + 7])
    _, c = fitted(morse, start, 1.0)
    out, _ = core_repulsion.extend(LAYOUT, c, covered_from(start))
    for b in LAYOUT.blocks:
        reached = np.ones(b.n_columns, dtype=bool) if b.order == 1 else KNOTS[b.index[:, 0] + 4] > start
        np.testing.assert_array_equal(out[b.columns][reached], c[b.columns][reached])
        assert b.order == 1 or (out[b.columns][~reached] != c[b.columns][~reached]).all()


def test_an_attractive_end_continues_level():
    """The fit falls towards short distances: slope zero, then the nuclear repulsion; the report says where it pulls."""
    start = float(KNOTS[3 + 6])
    block, c = fitted(lambda r: 0.3 * (r - 6.0) / 6.0, start, 0.0)
    out, cores = core_repulsion.extend(LAYOUT, c, covered_from(start))
    core = cores["Li-S"]
    assert core.slope == 0
    ((low, high),) = core.attractive
    assert KNOTS[3 + 3] <= low < high == start
    spline = curve(block, out)
    assert (spline(np.linspace(KNOTS[0], low - 0.01, 100), 1) < 0).all()
    assert spline(KNOTS[0]) > 5


def test_pairs_without_distances_stay():
    covered = covered_from(7.0)
    c = np.arange(LAYOUT.n_columns, dtype=float)
    out, cores = core_repulsion.extend(LAYOUT, c, covered)
    np.testing.assert_array_equal(out, c)
    assert cores["Li-S"].start is None
    assert json.loads(json.dumps(cores["Li-S"].to_dict()))["attractive"] == []
    with pytest.raises(InputError, match="expected pair Li-S, found Li-Li, S-S"):
        core_repulsion.extend(LAYOUT, c, {k: v for k, v in covered.items() if k != "Li-S"})


def test_gaps_are_reported():
    edges = np.unique(KNOTS)
    covered = covered_from(float(edges[4]), gap=edges[[7, 8, 12]])["S-S"]
    assert covered.start() == edges[4]
    assert covered.gaps() == [(edges[7], edges[9]), (edges[12], edges[13])]
    assert covered.start(minimum=80) is None


def test_coverage_counts_each_bond_once():
    salt = bulk("LiS", "rocksalt", a=5.0, cubic=True)
    found = core_repulsion.coverage(LAYOUT, [salt])
    # bonds of the 4 + 4 atoms: Li-S 4 x 6 at a/2 and 4 x 8 at a sqrt(3)/2, Li-Li 4 x 12/2 at a/sqrt(2), 4 x 6/2 at a
    for name, distances in (("Li-S", {2.5: 24, 2.5 * 3**0.5: 32}), ("Li-Li", {5 / 2**0.5: 24, 5.0: 12})):
        assert found[name].closest == pytest.approx(min(distances))
        for distance, count in distances.items():
            assert found[name].counts[np.searchsorted(found[name].edges, distance) - 1] == count
    both = found["Li-S"] + core_repulsion.coverage(LAYOUT, [Atoms("LiS", [[0, 0, 0], [1.5, 0, 0]])])["Li-S"]
    assert both.closest == 1.5
    assert sum(both.counts) == sum(found["Li-S"].counts) + 1
    assert Coverage.from_dict(json.loads(json.dumps(both.to_dict()))) == both
    empty = core_repulsion.coverage(LAYOUT, [Atoms("Li")])["S-S"]
    assert Coverage.from_dict(json.loads(json.dumps(empty.to_dict()))) == empty
    with pytest.raises(InputError, match="expected the knots of Li-S, found other ones of S-S"):
        _ = both + empty
