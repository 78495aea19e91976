"""Sites in space: planted walkers on known lattices."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from ufpnmr.dynamics import density_sites, reference_sites, site_network
from ufpnmr.dynamics.percolation import dimension, percolation
from ufpnmr.dynamics.site_assignment import nearest_sites, neighbour_distance
from ufpnmr.dynamics.site_positions import Sites
from ufpnmr.dynamics.visits import hold
from ufpnmr.errors import InputError
from ufpnmr.results.site_network import SiteNetwork

STEPS = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
CUBIC = 12.0 * np.eye(3)
TRICLINIC = np.array([[12.0, 0.0, 0.0], [3.0, 11.0, 0.0], [-2.0, 1.0, 12.0]])


def paths(positions, cell, interval=1.0):
    n_frames, n_ions = positions.shape[:2]
    return SimpleNamespace(
        time=np.arange(n_frames) * interval,
        ids=np.arange(1, n_ions + 1),
        positions=positions,
        cell=np.tile(cell, (n_frames, 1, 1)),
        drift_mode="none",
        selection="element Na",
        source="synthetic",
    )


def grid(n):
    return np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def lattice_gas(rng, n_frames, n_ions, rate, axes=3, n=4, memory=0.0):
    """Independent walkers on a simple cubic lattice of n³ sites: lattice coordinates (T, N, 3), number of moves."""
    place = rng.integers(0, n, (n_ions, 3))
    out = np.empty((n_frames, n_ions, 3), dtype=int)
    before = np.zeros((n_ions, 3), dtype=int)
    moves = 0
    for t in range(n_frames):
        for k in np.flatnonzero(rng.random(n_ions) < rate) if t else ():
            choice = rng.integers(0, axes) + 3 * rng.integers(0, 2)
            step = -before[k] if before[k].any() and rng.random() < memory else STEPS[choice]
            place[k] += step
            before[k] = step
            moves += 1
        out[t] = place
    return out, moves


def crystal(rng, n_frames, n_ions, rate, cell=CUBIC, **kwargs):
    lattice, moves = lattice_gas(rng, n_frames, n_ions, rate, **kwargs)
    x = (lattice + 0.5) / 4 @ cell + rng.normal(0, 0.2, (*lattice.shape[:2], 3))
    return paths(x, cell), moves, lattice


@pytest.fixture(scope="module")
def cubic():
    return crystal(np.random.default_rng(1), 3000, 30, 2e-3)


def reference(cell=CUBIC):
    return Sites((grid(4) + 0.5) / 4, np.ones(64, dtype=np.int64), {1: "a"}, "test")


def test_hold():
    captured = np.array([0, 3, 0, 0, 0, 0, 2, 0])
    assert hold(captured).tolist() == [0, 3, 3, 3, 3, 3, 2, 2]
    released = np.array([1, 0, 0, 1, 0, 0, 0, 0], dtype=bool)
    assert hold(captured, released).tolist() == [0, 3, 3, 0, 0, 0, 2, 2]
    two = np.stack([captured, captured[::-1]], axis=1)
    np.testing.assert_array_equal(hold(two)[:, 0], hold(captured))


def test_nearest_site_equals_a_search_over_images():
    rng = np.random.default_rng(2)
    sites, places = rng.uniform(-1, 2, (9, 3)), rng.uniform(-3, 3, (50, 3))
    index, distance = nearest_sites(places, sites, TRICLINIC)
    shifts = grid(11) - 5
    apart = (places[:, None, None] - sites[None, :, None] - shifts) @ TRICLINIC
    lengths = np.linalg.norm(apart, axis=-1).min(axis=2)
    np.testing.assert_allclose(distance, lengths.min(axis=1), atol=1e-12)
    np.testing.assert_array_equal(index, lengths.argmin(axis=1))
    assert neighbour_distance(np.zeros((1, 3)), TRICLINIC) == pytest.approx(11.4017543)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC])
def test_every_move_is_found_on_its_path(cell):
    rng = np.random.default_rng(3)
    found, moves, lattice = crystal(rng, 2000, 20, 2e-3, cell)
    result = site_network(found, reference())
    assert abs(result.edge_count.sum() - moves) <= 0.04 * moves
    expected = np.ravel_multi_index(tuple((lattice % 4).reshape(-1, 3).T), (4, 4, 4)).reshape(lattice.shape[:2]) + 1
    assert (result.site == expected).mean() > 0.99
    apart = result.fractional[result.edge_to] + result.edge_shift - result.fractional[result.edge_from]
    direct = np.abs(apart * 4).sum(axis=1).round(6) == 1
    assert result.edge_count[direct].sum() > 0.97 * result.edge_count.sum()
    rate = result.rates["a->any"]
    assert rate.ci_low < 2e9 < 1.02 * rate.ci_high
    assert result.occupation.sum() == pytest.approx(20, abs=0.01)
    assert result.occupations["a"].value == pytest.approx(20 / 64, abs=1e-3)
    assert result.parameters["unassigned_fraction"] < 0.01


def test_walks_without_memory_and_with(cubic):
    free = site_network(cubic[0], reference())
    assert free.back_fraction.ci_low < 1 / 6 < free.back_fraction.ci_high
    assert free.parameters["back_fraction_without_memory"] == pytest.approx(1 / 6, rel=0.6)
    assert free.mean_cosine.ci_low < 0 < free.mean_cosine.ci_high
    found, _, _ = crystal(np.random.default_rng(4), 3000, 30, 2e-3, memory=0.5)
    tied = site_network(found, reference())
    assert tied.back_fraction.ci_low < 0.5 + 0.5 / 6 < tied.back_fraction.ci_high
    assert tied.mean_cosine.ci_high < -0.3
    assert tied.back_fraction.value > 1.5 * tied.parameters["back_fraction_without_memory"]


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_percolation_counts_dimensions(axes):
    found, _, _ = crystal(np.random.default_rng(5), 1500, 60, 2e-2, axes=axes)
    result = site_network(found, reference(), minimum_residence=2.0)
    levels = {row["dimension"]: row for row in result.percolation if row["count"] > 2}
    assert max(levels) == axes
    assert all(row["count"] >= 1 and row["sites"] >= 4 for row in result.percolation)


def test_percolation_of_known_networks():
    zero, one = np.array([0]), np.array([1])
    assert dimension(zero, zero, np.array([[1, 0, 0]]), 1) == (1, 1)
    assert dimension(zero, one, np.array([[0, 0, 0]]), 2) == (0, 2)
    assert dimension(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3), int), 3) == (0, 0)
    there_and_back = (np.array([0, 1]), np.array([1, 0]), np.array([[0, 0, 0], [0, 1, 0]]))
    assert dimension(*there_and_back, 2) == (1, 2)
    same_path = (np.array([0, 1]), np.array([1, 0]), np.array([[0, 1, 0], [0, -1, 0]]))
    assert dimension(*same_path, 2) == (0, 2)
    start = end = np.zeros(3, int)
    levels = percolation(start, end, np.eye(3, dtype=int), np.array([9, 4, 1]), 1)
    assert [(row["dimension"], row["count"]) for row in levels] == [(1, 9), (2, 4), (3, 1)]


def test_graph(cubic):
    result = site_network(cubic[0], reference())
    graph = result.graph()
    assert graph.number_of_nodes() == 64
    assert graph.number_of_edges() == len(result.edge_count)
    assert sum(data["count"] for _, _, data in graph.edges(data=True)) == result.edge_count.sum()
    assert sorted(data["length"] for _, _, data in graph.edges(data=True))[0] == pytest.approx(3.0)
    assert {data["kind"] for _, data in graph.nodes(data=True)} == {"a"}
    assert result.transitions.sum() == result.edge_count.sum()


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC])
def test_sites_are_found_from_the_density(cell):
    """64 lattice sites, 40 ions that visit them all: each found once, to a tenth of the vibration."""
    found, _, _ = crystal(np.random.default_rng(6), 2000, 40, 2e-2, cell)
    sites = density_sites(found)
    assert len(sites.kind) == 64
    index, distance = nearest_sites(sites.fractional, (grid(4) + 0.5) / 4, cell)
    assert len(set(index.tolist())) == 64
    assert distance.max() < 0.06


def test_split_density_is_two_sites_only_if_it_dips():
    rng = np.random.default_rng(7)
    for gap, expected in ((0.3, 8), (1.6, 16)):
        centres = (grid(2) + 0.5) * 6.0
        side = rng.choice([-0.5, 0.5], (4000, 8, 1)) * np.array([gap, 0, 0])
        x = centres + side + rng.normal(0, 0.2, (4000, 8, 3))
        assert len(density_sites(paths(x, CUBIC)).kind) == expected


def test_a_liquid_has_no_sites():
    rng = np.random.default_rng(8)
    x = rng.uniform(0, 12, (3000, 20, 3))
    with pytest.raises(InputError, match="move like a liquid"):
        density_sites(paths(x, CUBIC))


def test_reference_crystal_is_repeated(tmp_path):
    unit = Atoms("NaCl", scaled_positions=[(0.25, 0.25, 0.25), (0.75, 0.75, 0.75)], cell=[3.0, 3.0, 3.0], pbc=True)
    sites = reference_sites(unit, CUBIC, "Na")
    assert len(sites.kind) == 64
    _, distance = nearest_sites(sites.fractional, (grid(4) + 0.25) / 4, CUBIC)
    assert distance.max() < 1e-9
    pair = Atoms("Na2", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5)], cell=[4.1, 4.0, 4.0], pbc=True)
    pair.set_array("wyckoff", np.array(["4b", "8d"]))
    write(tmp_path / "sites.extxyz", pair)
    two = reference_sites(tmp_path / "sites.extxyz", 12.2 * np.eye(3), "Na", "wyckoff")
    assert two.names == {1: "4b", 2: "8d"}
    assert np.bincount(two.kind).tolist() == [0, 27, 27]
    with pytest.raises(InputError, match="expected atoms of element K"):
        reference_sites(unit, CUBIC, "K")
    with pytest.raises(InputError, match="to differ by"):
        reference_sites(unit, 13.5 * np.eye(3), "Na")
    with pytest.raises(InputError, match="per-atom array 'site'"):
        reference_sites(unit, CUBIC, "Na", "site")


def test_site_resolved_rates():
    """Two kinds of site in turn along x: leaving one is four times as fast as leaving the other."""
    rng = np.random.default_rng(9)
    sites = Sites(
        np.column_stack([(np.arange(4) + 0.5) / 4, np.full(4, 0.5), np.full(4, 0.5)]),
        np.array([1, 2, 1, 2]),
        {1: "a", 2: "b"},
        "test",
    )
    place = np.empty((4000, 40), dtype=int)
    place[0] = rng.integers(0, 4, 40)
    for t in range(1, 4000):
        leaves = rng.random(40) < np.where(place[t - 1] % 2 == 0, 1e-3, 4e-3)
        place[t] = place[t - 1] + leaves * rng.choice([-1, 1], 40)
    x = np.full((4000, 40, 3), 6.0)
    x[..., 0] = (place + 0.5) * 3
    result = site_network(paths(x + rng.normal(0, 0.2, x.shape), CUBIC), sites)
    for name, truth in (("a->b", 1e9), ("b->a", 4e9)):
        assert result.rates[name].ci_low < truth < 1.03 * result.rates[name].ci_high
    assert "a->a" not in result.rates
    assert result.occupations["a"].value / result.occupations["b"].value == pytest.approx(4, rel=0.2)
    np.testing.assert_array_equal(np.unique(result.labels), [1, 2])
    assert result.percolation[0]["dimension"] == 1


def test_threads_and_storage(tmp_path, cubic):
    one, four = (site_network(cubic[0], reference(), threads=n) for n in (1, 4))
    np.testing.assert_array_equal(one.site, four.site)
    one.write(tmp_path / "network.h5")
    back = SiteNetwork.read(tmp_path / "network.h5")
    assert back.records == one.records
    assert back.percolation == one.percolation
    np.testing.assert_array_equal(back.edge_shift, one.edge_shift)
    assert back.graph().number_of_edges() == one.graph().number_of_edges()


def test_bad_input(cubic):
    found = cubic[0]
    with pytest.raises(InputError, match="axes, origin or capture radius do not fit"):
        site_network(found, Sites((grid(4) + 0.9) / 4, np.ones(64, np.int64), {1: "a"}, "test"), capture=0.8)
    with pytest.raises(InputError, match="capture radius <= release radius"):
        site_network(found, reference(), capture=1.5, release=1.0)
    breathing = SimpleNamespace(**vars(found))
    breathing.cell = found.cell * np.linspace(1, 1.01, len(found.cell))[:, None, None]
    with pytest.raises(InputError, match="constant cell"):
        site_network(breathing, reference())
    with pytest.raises(InputError, match="contrast between 0 and 1"):
        density_sites(found, contrast=2.0)
