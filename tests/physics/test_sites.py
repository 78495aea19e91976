"""Site labels of known coordination, and exchange whose rates are known."""

import numpy as np
import pytest

from ufpnmr import _core
from ufpnmr.dynamics import coordination_labels, residence_times, settle_labels, site_labels
from ufpnmr.dynamics.coordination import Bonds, CoordinationPaths, continuous_numbers, first_minimum
from ufpnmr.dynamics.residence import kaplan_meier
from ufpnmr.dynamics.sites import minimum_residence_frames
from ufpnmr.dynamics.visits import visits
from ufpnmr.errors import InputError
from ufpnmr.results.sites import SiteLabels

TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
OCTAHEDRON = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=float)


def arrays(ions, ligands, box=20.0, interval=1.0):
    n_frames = len(ions)
    cell = np.tile(box * np.eye(3) if np.isscalar(box) else box, (n_frames, 1, 1))
    return CoordinationPaths(np.arange(n_frames) * interval, np.arange(1, ions.shape[1] + 1), ions, ligands, cell)


def labelled(source, **kwargs):
    return coordination_labels(source, ion="Li", ligand="S", **kwargs)


def exchange(rng, n_frames, n_ions, leave_4, leave_6, start=None):
    """Labels 4 and 6 with a probability per frame to leave each."""
    label = np.empty((n_frames, n_ions), dtype=np.int8)
    label[0] = np.where(rng.random(n_ions) < leave_6 / (leave_4 + leave_6), 4, 6) if start is None else start
    for t in range(1, n_frames):
        leaves = rng.random(n_ions) < np.where(label[t - 1] == 4, leave_4, leave_6)
        label[t] = np.where(leaves, 10 - label[t - 1], label[t - 1])
    return label


def test_distances_equal_a_search_over_images():
    rng = np.random.default_rng(1)
    box = np.array([[9.0, 0, 0], [3, 8, 0], [-2, 3, 10]])
    a, b = rng.uniform(-30, 30, (6, 2, 3)), rng.uniform(-30, 30, (6, 5, 3))
    cell = np.stack([box * (1 + 0.02 * t) for t in range(6)])
    found = _core.distances(*(np.ascontiguousarray(np.moveaxis(x, 0, -1)) for x in (a, b)), cell, np.linalg.inv(cell))
    shifts = np.stack(np.meshgrid(*[np.arange(-12, 13)] * 3), -1).reshape(-1, 3)
    height = min(1 / np.linalg.norm(np.linalg.inv(box), axis=0))
    for t in range(6):
        for i in range(2):
            for j in range(5):
                nearest = np.linalg.norm(b[t, j] - a[t, i] + shifts @ cell[t], axis=1).min()
                if nearest <= height / 2:
                    assert found[i, j, t] == pytest.approx(nearest, abs=1e-12)
                else:
                    assert found[i, j, t] >= nearest - 1e-12


@pytest.mark.parametrize(("shape", "label"), [(TETRAHEDRON, 4), (OCTAHEDRON, 6)])
def test_polyhedra_are_recognised_in_any_orientation_and_noise(shape, label):
    rng = np.random.default_rng(2)
    n_ions, n_frames = 8, 300
    centres = np.stack(np.meshgrid(*[[2.0, 12.0]] * 3), -1).reshape(-1, 3)
    ligands = []
    for centre in centres:
        rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        ligands.append(centre + 2.55 * shape @ rotation.T)
        ligands.append(centre + 4.4 * np.array([[1, 1, 0], [-1, -1, 0]]) / 2**0.5)
    ligands = np.concatenate(ligands)
    noise = rng.normal(0, 0.12, (n_frames, n_ions + len(ligands), 3))
    source = arrays(centres + noise[:, :n_ions], ligands + noise[:, n_ions:])
    result = labelled(source)
    assert np.all(result.label == label)
    assert result.names[str(label)] == f"LiS{label}"
    assert result.populations[f"LiS{label}"].value == 1
    assert 3.1 < result.parameters["radius"] < 4.0
    assert result.parameters["radius_from"] == "first minimum of g(r)"
    wrapped = arrays(np.mod(source.ions, 20.0), np.mod(source.ligands, 20.0))
    np.testing.assert_array_equal(labelled(wrapped).label, result.label)


def test_rim_flicker_is_not_exchange():
    """A fourth ligand vibrates about the bond radius by 0.2 Å: thousands of raw changes, at most one settled."""
    rng = np.random.default_rng(3)
    n_frames = 10_000
    ligands = np.tile(2.4 * TETRAHEDRON, (n_frames, 1, 1))
    ligands[:, 3] *= ((3.3 + rng.normal(0, 0.2, n_frames)) / 2.4)[:, None]
    source = arrays(np.zeros((n_frames, 1, 3)), ligands)
    result = labelled(source, sites=(3, 4), radius=3.3)
    assert 4700 < result.n_changes_raw < 5300
    assert result.n_changes_settled <= 1
    narrow = labelled(source, sites=(3, 4), radius=3.3, half_gap=0.0)
    assert narrow.n_changes_raw == result.n_changes_raw


def test_exchange_of_coordination_is_seen():
    """Two ligands come and go every 200 frames: every change is found, at the right frame."""
    rng = np.random.default_rng(4)
    n_frames = 2000
    inside = (np.arange(n_frames) // 200) % 2 == 1
    octahedron = np.tile(2.6 * OCTAHEDRON, (n_frames, 1, 1))
    octahedron[~inside, 4:] *= 1.8
    octahedron += rng.normal(0, 0.08, octahedron.shape)
    result = labelled(arrays(np.zeros((n_frames, 1, 3)), octahedron), radius=3.5)
    np.testing.assert_array_equal(result.label[:, 0], np.where(inside, 6, 4))
    assert result.transitions[np.ix_([-2, -1], [-2, -1])].tolist() == [[0, 5], [4, 0]]
    assert result.n_ions_changed == 1
    assert result.rates["LiS4->LiS6"].n_events == 5
    np.testing.assert_allclose(result.time_in[-2:], [1000, 1000])


def test_settling_rules():
    label = np.array([[0, 6, 0, 4, 4, 4, 0, 4, 6, 6, 6, 6, 0, 0, 0, 4, 6, 6, 6, 4]]).T
    expected = [4] * 8 + [6] * 12
    assert settle_labels(label, 3)[:, 0].tolist() == expected
    assert settle_labels(label, 50)[:, 0].tolist() == [0] * 20
    assert settle_labels(np.full((5, 1), 4), 1)[:, 0].tolist() == [4] * 5
    assert minimum_residence_frames(None, 0.1) == 50
    assert minimum_residence_frames(None, 100.0) == 5
    assert minimum_residence_frames(7.0, 2.0) == 4


def test_visits_cover_every_frame_once():
    label = np.random.default_rng(5).integers(0, 3, (50, 4))
    runs = visits(label)
    back = np.empty_like(label)
    for ion, code, start, end in zip(runs.ion, runs.label, runs.start, runs.end, strict=True):
        back[start:end, ion] = code
    np.testing.assert_array_equal(back, label)
    assert (runs.end - runs.start).sum() == label.size


def test_rates_are_unbiased_in_runs_shorter_than_a_stay():
    """Exits over exposure: unbiased at a run of 0.26 mean stays; completed visits alone overestimate many times."""
    rng = np.random.default_rng(6)
    k, n_frames = 1e-3, 260
    found, naive = [], []
    for _ in range(200):
        label = exchange(rng, n_frames, 100, k, k)
        result = site_labels(label, np.arange(n_frames), np.arange(100), minimum_residence=0)
        exits = result.transitions.sum()
        found.append(exits / result.time_in.sum())
        runs = visits(label)
        done = (runs.start > 0) & (runs.end < n_frames)
        naive.append(1 / (runs.end - runs.start)[done].mean() if done.any() else np.nan)
    found = np.array(found)
    # the last frame of a run is exposed to no change: n_frames - 1 chances in n_frames
    assert abs(found.mean() - k * (n_frames - 1) / n_frames) < 3 * found.std() / 200**0.5
    assert np.nanmean(naive) > 5 * k


def test_rate_records():
    rng = np.random.default_rng(7)
    label = exchange(rng, 4000, 60, 2e-3, 4e-3)
    result = site_labels(label, np.arange(4000) * 0.5, np.arange(60), names={4: "a", 6: "b"}, minimum_residence=0)
    assert result.names == {"4": "a", "6": "b"}
    for name, truth in (("a->b", 2e-3), ("b->a", 4e-3), ("a->any", 2e-3)):
        record = result.rates[name]
        assert record.ci_low < truth * 2e12 < record.ci_high
        assert record.status == "ok"
    population = result.populations["a"]
    assert population.ci_low < 2 / 3 < population.ci_high
    assert sum(record.value for record in result.populations.values()) == pytest.approx(1)
    assert result.n_changes_settled == result.n_changes_raw == result.transitions.sum()
    still = site_labels(np.full((100, 3), 4), np.arange(100), np.arange(3))
    assert still.rates["site 4->any"].status == "too_few_events"
    assert still.rates["site 4->any"].ci_high == pytest.approx(2.9957e12 / 300, rel=1e-4)
    assert still.populations["site 4"].status == "few_events"


def test_kaplan_meier_by_hand():
    time, survival, error = kaplan_meier([1, 2, 2, 3, 4, 5], [True, True, False, True, False, False])
    np.testing.assert_allclose(time, [0, 1, 2, 3])
    np.testing.assert_allclose(survival, [1, 5 / 6, 5 / 6 * 4 / 5, 5 / 6 * 4 / 5 * 2 / 3])
    np.testing.assert_allclose(error[1], 5 / 6 * (1 / (6 * 5)) ** 0.5)
    twice = kaplan_meier([1, 2, 3], [True, True, False], [2, 1, 1])
    assert twice[1].tolist() == kaplan_meier([1, 1, 2, 3], [True, True, True, False])[1].tolist()
    with pytest.raises(InputError, match="as many ends"):
        kaplan_meier([1, 2], [True])


def test_median_residence_is_that_of_an_exponential():
    rng = np.random.default_rng(8)
    k = 5e-3
    label = exchange(rng, 4000, 600, k, k)
    labels = site_labels(label, np.arange(4000), np.arange(600), minimum_residence=0)
    result = residence_times(labels, 4, replicas=50)
    assert result.median.value == pytest.approx(np.log(2) / k, rel=0.02)
    assert result.median.ci_low < np.log(2) / k < result.median.ci_high
    assert result.restricted_mean.value == pytest.approx(1 / k, rel=0.03)
    inside = result.time < 3 / k
    assert np.all(np.abs(result.survival - np.exp(-k * result.time))[inside] < 0.02)
    assert np.all(result.low <= result.survival + 1e-12)


def test_all_censored_has_no_median():
    label = np.full((100, 6), 4)
    label[50:] = 6
    labels = site_labels(label, np.arange(100), np.arange(6), minimum_residence=0)
    result = residence_times(labels, 6, replicas=10)
    assert result.median.value is None
    assert result.median.ci_low == 50
    assert result.parameters["n_censored"] == 6
    with pytest.raises(InputError, match="no visit to label 4"):
        residence_times(labels, 4)


def test_first_minimum():
    r = np.arange(1.0, 6.0, 0.05)
    g = 4 * np.exp(-(((r - 2.5) / 0.2) ** 2)) + 2 * np.exp(-(((r - 4.2) / 0.3) ** 2))
    assert first_minimum(r, g) == pytest.approx(3.2, abs=0.15)
    assert first_minimum(r, np.ones_like(r)) is None
    assert first_minimum(r, np.zeros_like(r)) is None


def test_a_radius_is_not_guessed():
    rng = np.random.default_rng(9)
    with pytest.raises(InputError, match="no clear first minimum; give the bond radius"):
        labelled(arrays(rng.uniform(0, 15, (60, 20, 3)), rng.uniform(0, 15, (60, 60, 3)), 15.0), half_gap=0.2)


def test_continuous_number_agrees_and_is_stable_at_the_rim():
    rng = np.random.default_rng(20)
    inside = (np.arange(2000) // 200) % 2 == 1
    octahedron = np.tile(2.6 * OCTAHEDRON, (2000, 1, 1))
    octahedron[~inside, 4:] *= 1.8
    octahedron += rng.normal(0, 0.08, octahedron.shape)
    source = arrays(np.zeros((2000, 1, 3)), octahedron)
    result = labelled(source, radius=3.5, count="continuous")
    np.testing.assert_array_equal(result.label[:, 0], np.where(inside, 6, 4))
    assert result.parameters["count"] == "continuous"
    ligands = np.tile(2.4 * TETRAHEDRON, (10_000, 1, 1))
    ligands[:, 3] *= ((3.3 + rng.normal(0, 0.2, 10_000)) / 2.4)[:, None]
    rim = labelled(arrays(np.zeros((10_000, 1, 3)), ligands), sites=(3, 4), radius=3.3, count="continuous")
    assert rim.n_changes_raw > 4000
    assert rim.n_changes_settled <= 1
    with pytest.raises(InputError, match="half gap above 0"):
        labelled(source, radius=3.5, half_gap=0.0, count="continuous")
    with pytest.raises(InputError, match="'bonds', 'continuous' or 'voronoi'"):
        labelled(source, radius=3.5, count="faces")


def test_continuous_number_equals_the_sum():
    rng = np.random.default_rng(21)
    source = arrays(rng.uniform(0, 15, (7, 3, 3)), rng.uniform(0, 15, (7, 40, 3)), 15.0)
    raw, _ = continuous_numbers(source, Bonds(3.3, 0.2 * np.log(3), None, "user", ""), 2)
    apart = source.ligands[:, None] - source.ions[:, :, None]
    apart -= 15 * np.rint(apart / 15)
    expected = (1 / (1 + np.exp((np.linalg.norm(apart, axis=3) - 3.3) / 0.2))).sum(axis=2)
    np.testing.assert_allclose(raw, expected, rtol=1e-5, atol=1e-5)


def test_wide_fluctuations_are_announced():
    rng = np.random.default_rng(12)
    ligands = np.array([3.3, 0.0, 0.0]) + np.cumsum(rng.normal(0, 0.3, (3000, 6, 3)), axis=0)
    result = labelled(arrays(np.zeros((3000, 1, 3)), ligands), radius=3.3)
    assert result.parameters["half_gap"] == 0.5
    assert "not well separated" in result.parameters["notice"]
    assert result.parameters["residual_amplitude"] > 0.125


def test_threads_and_storage(tmp_path):
    rng = np.random.default_rng(10)
    source = arrays(rng.uniform(0, 15, (80, 20, 3)), rng.uniform(0, 15, (80, 60, 3)), 15.0)
    one, four = (labelled(source, radius=3.3, half_gap=0.2, threads=n) for n in (1, 4))
    np.testing.assert_array_equal(one.label, four.label)
    np.testing.assert_array_equal(one.raw, four.raw)
    one.write(tmp_path / "sites.h5")
    back = SiteLabels.read(tmp_path / "sites.h5")
    np.testing.assert_array_equal(back.label, one.label)
    assert back.label.dtype == np.int8
    assert back.records == one.records
    assert back.names == one.names


def test_bad_input():
    rng = np.random.default_rng(11)
    ions, ligands = rng.uniform(0, 15, (30, 2, 3)), rng.uniform(0, 15, (30, 6, 3))
    with pytest.raises(InputError, match="found 0 and 6 atoms"):
        labelled(arrays(ions[:, :0], ligands))
    with pytest.raises(InputError, match="expected ligands of shape"):
        labelled(arrays(ions, ligands[:20]))
    with pytest.raises(InputError, match="volume"):
        labelled(arrays(ions, ligands, 0.0))
    with pytest.raises(InputError, match="coordination numbers of 1 to 127"):
        labelled(arrays(ions, ligands), sites=(0, 4))
    with pytest.raises(InputError, match="half gap < radius"):
        labelled(arrays(ions, ligands), radius=3.0, half_gap=3.5)
    with pytest.raises(InputError, match="minimum residence >= 0"):
        labelled(arrays(ions, ligands), minimum_residence=-1)
    broken = ions.copy()
    broken[3] = np.inf
    with pytest.raises(InputError, match="frame 3"):
        labelled(arrays(broken, ligands))
    with pytest.raises(InputError, match="integer labels"):
        site_labels(np.zeros((10, 2)), np.arange(10), np.arange(2))
    with pytest.raises(InputError, match="-127 to 127"):
        site_labels(np.full((10, 2), 300), np.arange(10), np.arange(2))
