"""Hops of processes whose events are known, and the plain Python detector as oracle of the compiled one."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2

from ufpnmr import _core
from ufpnmr.dynamics import correlation_factor, find_hops, phop
from ufpnmr.dynamics.hop_events import link_strings
from ufpnmr.dynamics.hop_rates import corrected_rate
from ufpnmr.dynamics.hops import THRESHOLDS, find_plateau
from ufpnmr.dynamics.rates import count_events, event_rate
from ufpnmr.errors import InputError
from ufpnmr.results import Record
from ufpnmr.results.hops import HopResult


def paths(positions, interval=1.0, start=0.0):
    n_frames, n_ions = positions.shape[:2]
    return SimpleNamespace(
        time=start + np.arange(n_frames) * interval,
        ids=np.arange(1, n_ions + 1),
        positions=positions,
        cell=np.tile(30 * np.eye(3), (n_frames, 1, 1)),
        drift_mode="none",
        selection="element Li",
        source="synthetic",
    )


def directions(rng, n_frames, n_ions):
    d = rng.normal(size=(n_frames, n_ions, 3))
    return d / np.linalg.norm(d, axis=2, keepdims=True)


def hopping(rng, n_frames, n_ions, rate, length=2.4, spread=0.0):
    """Independent hops in random directions; returns the sites and the number of hops."""
    hops = rng.random((n_frames, n_ions)) < rate
    hops[0] = False
    size = length * (1 + spread * rng.uniform(-1, 1, (n_frames, n_ions)))
    return np.cumsum((hops * size)[..., None] * directions(rng, n_frames, n_ions), axis=0), int(hops.sum())


def correlated(rng, n_frames, n_ions, amplitude, frames):
    kept = np.exp(-1 / frames)
    kicks = amplitude * rng.normal(size=(n_frames, n_ions, 3))
    x = np.empty_like(kicks)
    x[0] = kicks[0]
    for t in range(1, n_frames):
        x[t] = kept * x[t - 1] + np.sqrt(1 - kept**2) * kicks[t]
    return x


def white(amplitude):
    return lambda rng, shape: rng.normal(0, amplitude, shape)


def flicker(rng, shape):
    away = (rng.random((*shape[:2], 1)) < 1e-3) * rng.normal(0, 2.4, shape)
    return rng.normal(0, 0.25, shape) + away


def drifting(rng, shape):
    ramp = np.linspace(0, 4, shape[0])[:, None, None] * directions(rng, 1, shape[1])
    return rng.normal(0, 0.25, shape) + ramp


VIBRATIONS = {
    "white 0.25": white(0.25),
    "white 0.4": white(0.4),
    "heavy tails": lambda rng, shape: 0.2 * rng.standard_t(3, shape),
    "over 20 frames": lambda rng, shape: correlated(rng, *shape[:2], 0.25, 20),
    "flicker": flicker,
    "anchor drift 4 A": drifting,
}


def naive_median(x, half):
    n = len(x)
    return np.array([np.median(x[t - h : t + h + 1]) for t in range(n) for h in [min(half, t, n - 1 - t)]])


def naive_hops(x, residence, outer):
    """The state machine in plain Python for one ion (T, 3): list of (leave, arrive, displacement, is_return)."""
    inner = 0.65 * outer
    x = np.stack([naive_median(x[:, k], residence // 2) for k in range(3)], axis=1)
    anchor = np.sort(x[:residence], axis=0)[residence // 2]
    frames, before, candidate, n_candidate, leave, arrive = residence, None, None, 0, 0, 0
    hops = []
    for t, position in enumerate(x):
        if np.linalg.norm(position - anchor) <= inner:
            n_candidate = 0
            frames += 1
            anchor = anchor + (position - anchor) / min(frames, 50)
            leave = t
            continue
        if n_candidate and np.linalg.norm(position - candidate) <= inner:
            n_candidate += 1
            candidate = candidate + (position - candidate) / n_candidate
        elif np.linalg.norm(position - anchor) > outer:
            candidate, n_candidate, arrive = position, 1, t
        if n_candidate >= residence and np.linalg.norm(candidate - anchor) > outer:
            back = before is not None and np.linalg.norm(candidate - before) <= inner
            hops.append((leave, arrive, candidate - anchor, bool(back)))
            before, anchor, frames, n_candidate, leave = anchor, candidate, n_candidate, 0, t
    return hops


@pytest.mark.parametrize("half", [0, 1, 2, 7, 30])
def test_running_median_equals_the_loop(half):
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=(3, 41)), 1)  # with ties
    expected = np.array([naive_median(row, half) for row in x])
    np.testing.assert_array_equal(_core.running_median(x, half), expected)


@pytest.mark.parametrize("residence", [2, 5, 6, 20])
@pytest.mark.parametrize("outer", [0.8, 1.3, 2.2])
def test_detector_equals_plain_python(residence, outer):
    rng = np.random.default_rng(2)
    x = hopping(rng, 1500, 4, 8e-3, 2.0, 0.4)[0] + rng.normal(0, 0.3, (1500, 4, 3))
    series = np.ascontiguousarray(np.moveaxis(x - x[:1], 0, -1))
    found = _core.hop_events(series, residence // 2, residence, outer, 0.65 * outer)
    for ion in range(4):
        expected = naive_hops(x[:, ion] - x[0, ion], residence, outer)
        mine = found["ion"] == ion
        assert found["leave"][mine].tolist() == [hop[0] for hop in expected]
        assert found["arrive"][mine].tolist() == [hop[1] for hop in expected]
        assert found["is_return"][mine].tolist() == [hop[3] for hop in expected]
        if expected:
            np.testing.assert_allclose(found["displacement"][mine], [hop[2] for hop in expected], atol=1e-12)
    scan = _core.hop_scan(series, residence // 2, residence, [outer, 1.0], 0.65)
    assert scan[:, 0].tolist() == np.bincount(found["ion"], minlength=4).tolist()


@pytest.mark.parametrize("length", [1.6, 2.4])
@pytest.mark.parametrize("rate", [1e-3, 7e-3])
def test_hops_are_found(rate, length):
    rng = np.random.default_rng(3)
    sites, n = hopping(rng, 10_000, 60, rate, length)
    result = find_hops(paths(sites + rng.normal(0, 0.25, sites.shape)))
    assert 0.96 <= len(result.ion) / n <= 1.01
    assert result.rate.status == "ok"
    true_rate = n / (60 * 9_999) * 1e12
    assert result.rate.value == pytest.approx(true_rate, rel=0.02)
    assert result.rate_observed.value < result.rate.value
    assert result.mean_length.value == pytest.approx(length, rel=0.05)


@pytest.mark.parametrize("vibration", VIBRATIONS)
def test_hops_are_found_in_every_vibration(vibration):
    rng = np.random.default_rng(4)
    sites, n = hopping(rng, 10_000, 60, 1e-3)
    result = find_hops(paths(sites + VIBRATIONS[vibration](rng, sites.shape)), stability=False)
    assert 0.96 <= len(result.ion) / n <= 1.01
    assert result.rate.trustworthy


def test_hops_of_spread_length_are_found():
    rng = np.random.default_rng(5)
    sites, n = hopping(rng, 10_000, 60, 1e-3, 2.4, spread=0.4)
    assert 0.96 <= len(find_hops(paths(sites + rng.normal(0, 0.25, sites.shape))).ion) / n <= 1.01


@pytest.mark.parametrize("vibration", [name for name in VIBRATIONS if "drift" not in name])
def test_no_false_events(vibration):
    rng = np.random.default_rng(6)
    result = find_hops(paths(VIBRATIONS[vibration](rng, (10_000, 40, 3))), stability=False)
    assert len(result.ion) == 0
    assert result.rate.status == "too_few_events"
    assert result.rate.value is None
    assert result.rate.ci_high == pytest.approx(2.9957e12 / (40 * 9_999), rel=1e-4)


@pytest.mark.parametrize(("step", "vibration"), [(0.12, 0.0), (0.02, 0.25), (0.012, 0.25)])
def test_continuous_motion_gets_no_rate(step, vibration):
    """Brownian steps have no plateau; a slowly diffusing ion drags its anchor along and shows no hop at all."""
    rng = np.random.default_rng(7)
    x = np.cumsum(rng.normal(0, step, (10_000, 40, 3)), axis=0) + rng.normal(0, vibration, (10_000, 40, 3))
    result = find_hops(paths(x), stability=False)
    assert {record.status for record in result.records.values()} == {"threshold_sensitive"}
    assert {record.value for record in result.records.values()} == {None}


def test_user_radius_keeps_the_scan_and_the_guard():
    rng = np.random.default_rng(8)
    sites, n = hopping(rng, 4000, 30, 1e-3)
    result = find_hops(paths(sites + rng.normal(0, 0.25, sites.shape)), outer_radius=1.5)
    assert result.parameters["outer_radius"] == 1.5
    assert result.parameters["radius_from"] == "user"
    assert abs(len(result.ion) - n) <= 0.04 * n
    np.testing.assert_array_equal(result.thresholds, THRESHOLDS)
    liquid = np.cumsum(rng.normal(0, 0.12, (4000, 30, 3)), axis=0)
    slow = find_hops(paths(0.1 * liquid), outer_radius=2.8)
    assert slow.rate.status == "threshold_sensitive"


def naive_phop(x, window):
    out = []
    for t in range(window, len(x) - window + 1):
        a, b = x[t - window : t], x[t : t + window]
        far_a = ((a - b.mean(axis=0)) ** 2).sum(axis=1).mean()
        far_b = ((b - a.mean(axis=0)) ** 2).sum(axis=1).mean()
        out.append(np.sqrt(far_a * far_b))
    return np.array(out)


def test_phop_equals_the_loop():
    rng = np.random.default_rng(30)
    x = hopping(rng, 300, 2, 1e-2)[0] + rng.normal(0, 0.3, (300, 2, 3))
    found, before, after = phop.hop_function(np.ascontiguousarray(np.moveaxis(x, 0, -1)), 6)
    for ion in range(2):
        np.testing.assert_allclose(found[ion], naive_phop(x[:, ion], 6), rtol=1e-9)
    np.testing.assert_allclose(before[0, :, 10], x[10:16, 0].mean(axis=0))
    np.testing.assert_allclose(after[0, :, 10], x[16:22, 0].mean(axis=0))


def test_phop_agrees_without_flicker_and_fires_with_it():
    rng = np.random.default_rng(31)
    sites, n = hopping(rng, 6000, 30, 1e-3)
    found = find_hops(paths(sites + rng.normal(0, 0.25, sites.shape)), method="phop")
    assert found.parameters["method"] == "phop"
    assert 0.95 <= len(found.ion) / n <= 1.03
    assert found.rate.ci_low < n / (30 * 5999) * 1e12 < found.rate.ci_high
    assert found.mean_length.value == pytest.approx(2.4, rel=0.05)
    shaken = find_hops(paths(sites + flicker(rng, sites.shape)), method="phop", outer_radius=1.4)
    assert len(shaken.ion) > 1.3 * n
    there_and_back = np.zeros((200, 1, 3))
    there_and_back[80:120, 0, 0] = 2.0
    assert find_hops(paths(there_and_back), method="phop").is_return.tolist() == [False, True]


def test_vibration_is_reported():
    rng = np.random.default_rng(32)
    sites, _ = hopping(rng, 4000, 30, 1e-3)
    parameters = find_hops(paths(sites + rng.normal(0, 0.25, sites.shape)), stability=False).parameters
    assert parameters["vibration_amplitude"] == pytest.approx(0.25, rel=0.03)
    # the median of five normal values has 0.536 of their standard deviation
    assert parameters["residual_amplitude"] == pytest.approx(0.536 * 0.25, rel=0.05)


def test_stability_of_the_rate_is_shown():
    rng = np.random.default_rng(33)
    sites, _ = hopping(rng, 6000, 30, 2e-3)
    good = find_hops(paths(sites + rng.normal(0, 0.2, sites.shape)))
    rows = good.stability["variants"]
    assert rows[0]["n_events"] == len(good.ion)
    assert rows[0]["rate_per_s"] == pytest.approx(good.rate.value)
    assert {row["minimum_residence_ps"] for row in rows} == {2.0, 5.0, 10.0}
    assert {row["inner_ratio"] for row in rows} == {0.65, 0.5, 0.8}
    assert {good.parameters["plateau"][0], good.parameters["plateau"][1]} <= {row["outer_radius"] for row in rows}
    low, high = good.stability["rate_spread"]
    assert 0.93 < low <= 1 <= high < 1.07
    assert good.stability["scans"]["counts"][0] == good.counts.tolist()
    continuous = find_hops(paths(np.cumsum(rng.normal(0, 0.12, (6000, 30, 3)), axis=0)))
    low, high = continuous.stability["rate_spread"]
    assert high / low > 2
    still = find_hops(paths(rng.normal(0, 0.1, (500, 4, 3))))
    assert still.stability["rate_spread"] is None


def test_fast_hops_are_undersampled():
    rng = np.random.default_rng(9)
    sites, _ = hopping(rng, 10_000, 40, 0.04, 2.4)
    rate = find_hops(paths(sites + rng.normal(0, 0.1, sites.shape)), outer_radius=1.2).rate
    assert rate.status == "undersampled"
    assert rate.value is None
    assert rate.ci_low > 0


def test_correction_inverts_the_missed_stays():
    for k in (1e-4, 1e-2, 0.1):
        assert corrected_rate(k * np.exp(-k), 1.0) == pytest.approx(k, rel=1e-10)
    assert corrected_rate(0.0, 5.0) == 0
    assert corrected_rate(1.0, 1.0) == np.inf


def test_event_table():
    """One ion goes there and back, another hops once beside it at the same time."""
    x = np.zeros((600, 3, 3))
    x[200:400, 0] = [0.0, 0.0, 2.5]
    x[203:, 1] = [2.0, 0.0, 0.0]
    x[:, 1] += [29.0, 0.0, 0.0]  # across the cell border from ion 0
    x[:, 2] += [12.0, 15.0, 15.0]
    labels = np.full((600, 3), 4, dtype=np.int8)
    labels[200:400, 0] = 6
    result = find_hops(paths(x, interval=2.0, start=1000.0), labels=labels)
    assert result.ion.tolist() == [0, 1, 0]
    np.testing.assert_allclose(result.t_leave, [1398, 1404, 1798])
    np.testing.assert_allclose(result.t_arrive, [1400, 1406, 1800])
    np.testing.assert_allclose(result.time, [1399, 1405, 1799])
    np.testing.assert_allclose(result.displacement, [[0, 0, 2.5], [2, 0, 0], [0, 0, -2.5]], atol=1e-12)
    np.testing.assert_allclose(result.position[1], [30, 0, 0], atol=1e-12)
    assert result.is_return.tolist() == [False, False, True]
    assert result.label_from.tolist() == [4, 4, 6]
    assert result.label_to.tolist() == [6, 4, 4]
    assert result.string_id[0] == result.string_id[1] != result.string_id[2]
    assert result.parameters["string_sizes"] == [0, 1, 1]
    assert result.rate.status == "too_few_events"
    assert result.rate.n_events == 3


def test_strings_equal_the_double_loop():
    rng = np.random.default_rng(10)
    frame = np.sort(rng.integers(0, 200, 60))
    position = rng.uniform(-40, 40, (60, 3))
    box = np.array([[20.0, 0, 0], [5, 18, 0], [-4, 3, 22]])
    found = link_strings(frame, position, np.tile(box, (200, 1, 1)), 10)
    images = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3), -1).reshape(-1, 3) @ box
    group = np.arange(60)
    for i in range(60):
        for j in range(i):
            apart = np.linalg.norm(position[i] - position[j] + images, axis=1).min()
            if frame[i] - frame[j] <= 10 and apart <= 5:
                group[group == group[i]] = group[j]
    assert len(np.unique(found)) == len(np.unique(group)) < 60
    assert np.array_equal(found[:, None] == found, group[:, None] == group)


def test_invariances():
    rng = np.random.default_rng(11)
    sites, n = hopping(rng, 5000, 40, 2e-3)
    x = sites + rng.normal(0, 0.25, sites.shape)
    reference = find_hops(paths(x), threads=1)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    order = rng.permutation(40)
    for other in (x @ rotation.T, x[::-1], x + 500.0, x[:, order]):
        found = find_hops(paths(np.ascontiguousarray(other)))
        assert abs(len(found.ion) - len(reference.ion)) <= 0.01 * n
    threaded = find_hops(paths(x), threads=4)
    np.testing.assert_array_equal(threaded.displacement, reference.displacement)
    np.testing.assert_array_equal(threaded.counts, reference.counts)


def test_parts_of_the_ions_make_no_difference(monkeypatch):
    rng = np.random.default_rng(12)
    x = hopping(rng, 1000, 7, 4e-3)[0] + rng.normal(0, 0.2, (1000, 7, 3))
    whole = find_hops(paths(x))
    monkeypatch.setattr("ufpnmr.dynamics.series._WORKING_BYTES", 1)
    part = find_hops(paths(x))
    np.testing.assert_array_equal(part.ion, whole.ion)
    np.testing.assert_array_equal(part.position, whole.position)
    assert part.records == whole.records


def test_blocks_add_up_to_the_total():
    rng = np.random.default_rng(13)
    x = hopping(rng, 3000, 30, 2e-3)[0] + rng.normal(0, 0.2, (3000, 30, 3))
    result = find_hops(paths(x))
    assert sum(result.interval["block_counts"]) == len(result.ion) == result.rate.n_events
    assert result.interval["garwood_ci_low"] < len(result.ion) < result.interval["garwood_ci_high"]


def event_times(rng, mean, group, duration=1.0):
    n = rng.poisson(mean / group)
    return np.repeat(rng.uniform(0, duration, n), group)


@pytest.mark.parametrize(("mean", "group"), [(37, 1), (128, 1), (128, 4), (500, 4)])
def test_rate_interval_covers(mean, group):
    """Log-t over ten blocks holds 95 % with and without concerted hops; Garwood only without."""
    rng = np.random.default_rng(14)
    counts = [count_events(event_times(rng, mean, group), 1.0) for _ in range(400)]
    assert 0.92 <= np.mean([c.low <= mean <= c.high for c in counts]) <= 0.98
    garwood = np.mean([c.garwood[0] <= mean <= c.garwood[1] for c in counts])
    assert garwood > 0.92 if group == 1 else garwood < 0.8


def test_hops_in_fours_are_flagged():
    rng = np.random.default_rng(16)
    counts = [count_events(event_times(rng, 200, 4), 1.0) for _ in range(100)]
    assert np.mean([c.fano for c in counts]) == pytest.approx(4, abs=0.6)
    power = chi2.sf(chi2.isf(0.05, 9) / 4, 9)  # 0.90
    assert np.mean([c.concerted for c in counts]) == pytest.approx(power, abs=3 * (power * (1 - power) / 100) ** 0.5)
    assert "Poisson interval invalid" in next(c for c in counts if c.concerted).describe()["note"]


def test_few_events():
    few = count_events(np.linspace(0.05, 0.95, 10), 1.0)
    assert few.status == "few_events"
    assert (few.low, few.high) == few.garwood  # one event in each block: the blocks do not scatter
    record = event_rate(few, 2.0, "test")
    assert (record.value, record.ci_high) == (5.0, few.garwood[1] / 2)
    too_few = event_rate(count_events([0.1, 0.4], 1.0), 2.0, "test")
    assert too_few.status == "too_few_events"
    assert too_few.value is None
    assert too_few.ci_high == pytest.approx(7.2247 / 2, abs=1e-4)
    assert event_rate(count_events([], 1.0), 0.0, "test").status == "too_few_events"
    with pytest.raises(InputError, match="between 0 and the duration"):
        count_events([2.0], 1.0)


def test_ageing_is_not_stationary():
    rng = np.random.default_rng(17)
    count = count_events(rng.beta(1, 6, 400), 1.0)
    assert count.status == "not_stationary"
    record = event_rate(count, 1.0, "test")
    assert (record.value, record.ci_low, record.ci_high) == (None, None, None)


def test_plateau_tolerates_counting_noise():
    # Li in beta-Li3PS4 at 350 K, 200 ps: flat on the whole, uneven by a few events from radius to radius
    counts = np.array([417, 415, 404, 408, 400, 393, 394, 386, 379, 357, 337, 303, 269, 216, 169])
    plateau = find_plateau(THRESHOLDS, counts)
    assert plateau.low == THRESHOLDS[0]
    assert THRESHOLDS[7] <= plateau.high <= THRESHOLDS[9]
    # the same counts with a steady loss of 30 % per unit of ln r are no plateau, however smooth
    assert find_plateau(THRESHOLDS, np.round(400 * THRESHOLDS**-0.3).astype(int)) is None


def test_plateau():
    flat = np.full(15, 100)
    assert find_plateau(THRESHOLDS, flat).radius == pytest.approx(1.4)
    step = np.where(THRESHOLDS < 1.5, 100, 40)
    assert find_plateau(THRESHOLDS, step).high == pytest.approx(THRESHOLDS[7])
    assert find_plateau(THRESHOLDS, np.array([1000 / r**2 for r in THRESHOLDS])) is None
    events_win = np.array([7, 7, 7, 7, 7] + [0] * 10)
    assert find_plateau(THRESHOLDS, events_win).high == pytest.approx(THRESHOLDS[4])
    noise = np.array([400, 90, 20] + [0] * 12)
    assert find_plateau(THRESHOLDS, noise).low == pytest.approx(THRESHOLDS[3])


def test_correlation_factor():
    rng = np.random.default_rng(18)
    x = hopping(rng, 4000, 40, 2e-3)[0] + rng.normal(0, 0.2, (4000, 40, 3))
    hops = find_hops(paths(x))
    expected = 2e-3 * 2.4**2 / 6 * 1e-4
    assert hops.hop_diffusion.ci_low < expected < 1.02 * hops.hop_diffusion.ci_high
    known = Record(expected, "cm2/s", "exact", expected, expected, 0.0)
    factor = correlation_factor(known, hops)
    assert factor.ci_low < 1 < factor.ci_high
    refused = correlation_factor(dataclasses.replace(known, value=None, status="not_diffusive"), hops)
    assert refused.status == "not_diffusive"


def test_written_and_read(tmp_path):
    rng = np.random.default_rng(19)
    result = find_hops(paths(hopping(rng, 1000, 10, 2e-3)[0] + rng.normal(0, 0.2, (1000, 10, 3))))
    result.write(tmp_path / "hops.h5")
    back = HopResult.read(tmp_path / "hops.h5")
    assert back.records == result.records
    np.testing.assert_array_equal(back.displacement, result.displacement)
    np.testing.assert_array_equal(back.is_return, result.is_return)


def test_bad_input():
    x = np.zeros((100, 2, 3))
    with pytest.raises(InputError, match="more than 120 frames"):
        find_hops(paths(x), minimum_residence=60)
    with pytest.raises(InputError, match="at least 2 frames"):
        find_hops(paths(x), minimum_residence=0.5)
    with pytest.raises(InputError, match="did you mean 'phop'"):
        find_hops(paths(x), method="p-hop")
    with pytest.raises(InputError, match="positive outer radius"):
        find_hops(paths(x), outer_radius=-1)
    with pytest.raises(InputError, match="integer labels of shape"):
        find_hops(paths(x), labels=np.zeros((100, 3), dtype=int))
    with pytest.raises(InputError, match="integer labels of shape"):
        find_hops(paths(x), labels=np.zeros((100, 2)))
