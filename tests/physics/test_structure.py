"""g(r), van Hove functions: ideal gas, lattices, Brownian motion, strings; MDAnalysis as the oracle."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2

from ufpnmr import _core
from ufpnmr.dynamics import mean_square_displacement, pair_correlation, van_hove
from ufpnmr.errors import InputError
from ufpnmr.results.rdf import RDFResult
from ufpnmr.results.van_hove import VanHoveResult
from ufpnmr.trajectory import Frames, IonPaths

FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def frames(positions, cell, elements=None, time=None):
    positions = np.asarray(positions, dtype=float)
    n = positions.shape[1]
    return Frames(
        ids=np.arange(1, n + 1),
        elements=np.asarray(elements if elements is not None else ["Ar"] * n),
        positions=positions,
        cell=np.broadcast_to(cell, (len(positions), 3, 3)).copy(),
        time=time,
        velocities=None,
        source="made.dump",
    )


def paths(positions, box, interval=1.0):
    n_frames, n_ions = positions.shape[:2]
    return IonPaths(
        elements=np.full(n_ions, "Li"),
        drift_mode="none",
        selection="element Li",
        source="made.dump",
        time=np.arange(n_frames) * interval,
        ids=np.arange(1, n_ions + 1),
        positions=positions,
        cell=np.tile(np.eye(3) * box, (n_frames, 1, 1)),
        drift=np.zeros((n_frames, 3)),
    )


def brute_counts(a, b, cell, same, radius, bins, reach):
    """All images; pairs of one point with itself in the same image left out."""
    shifts = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) @ cell
    gap = b[None, :, None] + shifts - a[:, None, None]
    distance = np.linalg.norm(gap, axis=-1)
    if same:
        distance[range(len(a)), range(len(a)), ~shifts.any(axis=1)] = np.inf
    return np.histogram(distance, bins, (0, radius))[0]


@pytest.mark.parametrize("radius", [1.9, 2.7, 6.0, 11.3])
def test_counts_are_those_of_a_naive_loop_in_any_cell(radius):
    rng = np.random.default_rng(3)
    cell = np.array([[5.0, 0, 0], [1.9, 4.5, 0], [-2.0, 1.7, 6.0]])
    b = rng.uniform(-9, 9, (6, 3))
    a = b + rng.normal(0, 3.0, b.shape)  # the same atoms later
    for first, second, same in ((a, b, True), (b, b, True), (a[:4], b, False)):
        found = _core.pair_histogram(first[None], second[None], cell[None], same, radius, 40, 1)[0]
        np.testing.assert_array_equal(found, brute_counts(first, second, cell, same, radius, 40, 8))


def test_ideal_gas_is_flat_beyond_half_of_the_box():
    rng = np.random.default_rng(1)
    result = pair_correlation(frames(rng.uniform(0, 12, (200, 60, 3)), 12 * np.eye(3)), r_max=10.0, dr=0.5)
    inside = result.r < 12
    pull = (result.g[0] - 1) / result.g_std_error[0]
    # own images of an atom sit at exactly 12 Å: none inside r_max
    assert np.abs(pull[inside]).max() < 4
    assert result.n[0, -1] == pytest.approx(59 * 4 / 3 * np.pi * 10.0**3 / 12**3, rel=0.02)


def test_fcc_shells_and_own_images():
    result = pair_correlation(frames(4.0 * FCC[None], 4.0 * np.eye(3)), r_max=6.0, dr=0.1)
    expected = np.cumsum([12, 6, 24, 12])
    for count, distance in zip(expected, 4.0 * np.sqrt([0.5, 1.0, 1.5, 2.0]), strict=True):
        at = np.searchsorted(result.r, distance + 0.1)
        assert result.n[0, at] == pytest.approx(count, abs=1e-9)


def test_triclinic_cell_equals_its_orthogonal_supercell_and_mdanalysis():
    rng = np.random.default_rng(5)
    cell = np.array([[8.0, 0, 0], [4.0, 7.0, 0], [0, 0, 9.0]])
    one = rng.uniform(0, 1, (20, 30, 3)) @ cell
    double = np.concatenate([one, one + cell[1]], axis=1)
    orthogonal = np.array([[8.0, 0, 0], [0, 14.0, 0], [0, 0, 9.0]])
    elements = ["Li"] * 10 + ["S"] * 20
    a = pair_correlation(frames(one, cell, elements), r_max=6.0, dr=0.2)
    b = pair_correlation(frames(double, orthogonal, elements * 2), r_max=6.0, dr=0.2)
    np.testing.assert_allclose(a.n, b.n, rtol=0, atol=1e-9)  # coordination numbers are free of the cell
    from MDAnalysis.lib.distances import capped_distance

    counts = np.zeros(20)
    for frame in double:
        _, distances = capped_distance(frame[:10], frame[10:30], 4.0, box=[8, 14, 9, 90, 90, 90])
        counts += np.histogram(distances, 20, (0, 4.0))[0]
    part = frames(double[:, :30], orthogonal, elements)
    found = pair_correlation(part, r_max=4.0, dr=0.2, pairs=[("Li", "S")])
    np.testing.assert_allclose(np.diff(found.n[0], prepend=0) * 10 * len(double), counts, atol=2)  # float32 there


def test_breathing_box_and_norms():
    rng = np.random.default_rng(2)
    fraction = rng.uniform(0, 1, (300, 40, 3))
    box = 10 + rng.uniform(-1, 1, 300)
    made = frames(fraction * box[:, None, None], np.eye(3))
    made = dataclasses.replace(made, cell=box[:, None, None] * np.eye(3))
    g = pair_correlation(made, r_max=9.0, dr=1.0)
    assert np.abs((g.g[0] - 1) / g.g_std_error[0])[2:].max() < 4
    shells = 4 * np.pi / 3 * np.diff(np.arange(10.0) ** 3)
    density = pair_correlation(made, r_max=9.0, dr=1.0, norm="density")
    np.testing.assert_allclose(density.g[0] * shells, np.diff(g.n[0], prepend=0), rtol=1e-12)
    paper = pair_correlation(made, r_max=9.0, dr=1.0, norm="paper")
    np.testing.assert_allclose(paper.g[0] * 39, density.g[0], rtol=1e-12)


def test_first_shell_of_a_known_liquid_like_curve():
    rng = np.random.default_rng(4)
    corners = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    fcc = (corners[:, None] + FCC).reshape(-1, 3) * 4.0
    result = pair_correlation(frames(fcc + rng.normal(0, 0.12, (40, len(fcc), 3)), 16.0 * np.eye(3)), r_max=6.0)
    peak, dip = result.values["Ar-Ar first peak"], result.values["Ar-Ar first minimum"]
    assert peak.value == pytest.approx(4 / np.sqrt(2), abs=0.03)
    assert peak.ci_low < peak.value < peak.ci_high
    assert 3.2 < dip.value < 3.8
    assert result.values["Ar-Ar coordination"].value == pytest.approx(12, abs=0.05)


def test_threads_are_bitwise_equal_and_files_give_back_what_was_written(tmp_path):
    rng = np.random.default_rng(6)
    made = frames(rng.uniform(0, 9, (23, 50, 3)), 9 * np.eye(3), ["Li"] * 20 + ["S"] * 30)
    one, four = pair_correlation(made, threads=1), pair_correlation(made, threads=4)
    assert one.g.tobytes() == four.g.tobytes()
    walk = paths(np.cumsum(rng.normal(0, 0.3, (80, 9, 3)), axis=0), 9.0)
    hove, many = van_hove(walk, threads=1), van_hove(walk, threads=4)
    assert hove.gs.tobytes() == many.gs.tobytes()
    assert hove.gd.tobytes() == many.gd.tobytes()
    for result, kind in ((one, RDFResult), (hove, VanHoveResult)):
        for name in ("r.h5", "r.json"):
            result.write(tmp_path / name)
            again = kind.read(tmp_path / name)
            for field in dataclasses.fields(kind):
                a, b = getattr(result, field.name), getattr(again, field.name)
                if isinstance(a, np.ndarray):
                    np.testing.assert_array_equal(a, b)
                else:
                    assert a == b, field.name


def test_van_hove_of_brownian_motion():
    """G_s = (4πDt)^(-3/2) exp(-r²/4Dt)."""
    rng = np.random.default_rng(7)
    sigma = 0.35
    walk = paths(np.cumsum(rng.normal(0, sigma, (400, 60, 3)), axis=0), 12.0)
    result = van_hove(walk, r_max=12.0, dr=0.1, max_lag=8.0)
    norm = (result.gs * 4 * np.pi / 3 * np.diff(result.edges**3)).sum(axis=1)
    np.testing.assert_allclose(norm[result.lag > 0], 1.0, atol=1e-6)
    at = int(np.flatnonzero(result.lag == 8.0)[0])
    # independent displacements: one origin in nine
    steps = np.linalg.norm((walk.positions[8:] - walk.positions[:-8])[::9].reshape(-1, 3), axis=1)
    width = sigma * np.sqrt(8)
    shape = np.exp(-(result.r**2) / (2 * width**2)) / (2 * np.pi * width**2) ** 1.5
    expected = shape * 4 * np.pi / 3 * np.diff(result.edges**3) * len(steps)
    counts = np.histogram(steps, result.edges)[0]
    use = expected > 8
    assert chi2.sf(((counts - expected)[use] ** 2 / expected[use]).sum(), use.sum()) > 1e-3
    pull = (result.gs[at] - shape) / result.gs_std_error[at]
    assert np.abs(pull[result.r < 2 * width]).mean() < 2.0
    np.testing.assert_allclose(result.gs[at][use], shape[use], rtol=0.3)
    assert abs(result.alpha2[at]) < 4 * result.alpha2_std_error[at]
    # second moment against the all-origin displacement of the other analysis
    second = (result.radial[at] * result.r**2).sum() * 0.1
    assert second == pytest.approx(mean_square_displacement(walk).full_msd[8], rel=2e-3)


def test_distinct_part_at_no_lag_is_the_pair_correlation_to_round_off():
    rng = np.random.default_rng(8)
    walk = paths(np.cumsum(rng.normal(0, 0.4, (60, 20, 3)), axis=0), 7.0)
    hove = van_hove(walk, r_max=8.0, dr=0.1, max_lag=1.0, origins=59)
    made = frames(walk.positions[:59], 7.0 * np.eye(3), ["Li"] * 20)
    density = pair_correlation(made, r_max=8.0, dr=0.1, norm="density")
    np.testing.assert_allclose(hove.gd[0], density.g[0], rtol=1e-12)
    relative = van_hove(walk, r_max=8.0, dr=0.1, max_lag=1.0, origins=59, relative=True)
    np.testing.assert_allclose(relative.gd[0], pair_correlation(made, r_max=8.0, dr=0.1).g[0], rtol=1e-12)
    assert hove.gs[0, 0] == pytest.approx(1 / (4 * np.pi / 3 * 0.1**3))
    assert hove.gs[0, 1:].max() == 0.0


def ring(n_frames, n_ions, follow, rng):
    """Ions on a row of sites 3 Å apart: all shift by one site together in frame 100, or one hops into a vacancy."""
    sites = 3.0 * np.arange(n_ions)
    positions = np.zeros((n_frames, n_ions, 3))
    positions[..., 0] = sites
    if follow:
        positions[100:, :, 0] += 3.0
    else:
        positions[100:, :, 1] += 3.0
    return positions + rng.normal(0, 0.05, positions.shape)


def test_strings_are_seen_and_hops_into_empty_sites_are_not():
    rng = np.random.default_rng(9)
    for follow in (True, False):
        made = ring(200, 8, follow, rng)
        walk = dataclasses.replace(
            paths(made, 24.0), cell=np.tile(np.diag([24.0, 12.0, 12.0]), (200, 1, 1))
        )  # the row is closed by its image
        result = van_hove(walk, r_max=4.0, max_lag=120.0, spacing="linear")
        signal = result.concerted
        assert signal[0] == 0.0
        if follow:
            assert signal[-1] > 20
            assert result.values["largest concerted signal"].value == pytest.approx(signal.max())
        else:
            assert signal.max() == 0.0


def test_hop_distance_is_the_second_maximum():
    rng = np.random.default_rng(10)
    hops = rng.random((1500, 40)) < 4e-3
    step = rng.normal(size=(1500, 40, 3))
    step *= 2.8 / np.linalg.norm(step, axis=2, keepdims=True)
    walk = np.cumsum(hops[..., None] * step, axis=0) + rng.uniform(0, 20, (40, 3))
    result = van_hove(paths(walk + rng.normal(0, 0.15, walk.shape), 20.0), max_lag=60.0)
    assert result.values["hop distance"].value == pytest.approx(2.8, abs=0.1)
    assert result.values["dip before the hop distance"].value < 0.5
    brownian = van_hove(paths(np.cumsum(rng.normal(0, 0.15, (1500, 40, 3)), axis=0), 20.0), max_lag=60.0)
    assert "hop distance" not in brownian.values


def test_lags_do_not_depend_on_the_length_of_the_run():
    rng = np.random.default_rng(11)
    long = van_hove(paths(rng.normal(0, 0.1, (300, 3, 3)), 9.0))
    short = van_hove(paths(rng.normal(0, 0.1, (200, 3, 3)), 9.0))
    assert set(short.lag) <= set(long.lag)


def test_bad_input():
    made = frames(np.zeros((2, 3, 3)) + np.arange(3)[:, None], 9 * np.eye(3))
    for arguments, text in (
        ({"r_max": 1.0, "dr": 2.0}, "0 < dr < r_max"),
        ({"r_max": 1.0, "dr": 0.3}, "multiple of dr"),
        ({"norm": "ratio"}, "norm"),
        ({"pairs": [("Ar", "Li")]}, "no atom of element 'Li'"),
        ({"pairs": []}, "at least one pair"),
    ):
        with pytest.raises(InputError, match=text):
            pair_correlation(made, **arguments)
    walk = paths(np.zeros((20, 2, 3)), 9.0)
    for arguments, text in (
        ({"max_lag": 30.0}, "longest lag"),
        ({"spacing": "cubic"}, "spacing"),
        ({"origins": 0}, "time origin"),
    ):
        with pytest.raises(InputError, match=text):
            van_hove(walk, **arguments)
    with pytest.raises(_core.DomainError, match="finite"):
        pair_correlation(frames(np.full((1, 2, 3), np.nan), 9 * np.eye(3)))
    with pytest.raises(_core.DomainError, match="too small"):
        pair_correlation(frames(np.zeros((1, 2, 3)), 1e-3 * np.eye(3)))
