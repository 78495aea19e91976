"""Diffusion coefficients and hop rates of several runs: pooled, with intervals that hold, from short runs as well."""

import numpy as np
import pytest
from scipy import stats

from ion_walks import hopping, vibrating, walk
from ufpnmr.dynamics import average_runs, find_hops, mean_square_displacement, site_labels
from ufpnmr.dynamics.pooling import combined_error, pooled_ratio
from ufpnmr.errors import InputError

RATE = 2e-3
PER_FRAME = 1e12
"""A frame is 1 ps."""


def runs(n_runs, n_frames, n_ions=32, rate=RATE, seed=0, group=1):
    rng = np.random.default_rng(seed)
    return [walk(vibrating(rng, hopping(rng, n_frames, n_ions, rate, group))) for _ in range(n_runs)]


def hops(paths, **options):
    return find_hops(paths, minimum_residence=5, outer_radius=1.1, stability=False, **options)


def test_ratio_is_that_of_the_sums_and_its_error_that_of_runs():
    rng = np.random.default_rng(1)
    top = rng.poisson(20, (6, 10)).astype(float)
    found = pooled_ratio(top, np.ones((6, 10)))
    per_run = top.mean(axis=1)
    assert found.value == pytest.approx(per_run.mean())
    assert found.std_error == pytest.approx(stats.sem(per_run))
    half = stats.t.ppf(0.975, 5) * found.std_error / found.value
    assert (found.low, found.high) == pytest.approx((found.value * np.exp(-half), found.value * np.exp(half)))


def test_two_runs_never_claim_less_than_their_blocks():
    blocks = np.array([[1.0, 3.0] * 5, [3.0, 1.0] * 5])  # equal sums: no scatter between runs
    found = pooled_ratio(blocks, np.ones((2, 10)))
    assert found.std_error == pytest.approx(np.sqrt(2 * 10 * np.var(blocks[0], ddof=1)) / 20)
    assert combined_error(np.array([2.0, 2.0]), np.array([0.3, 0.4])) == pytest.approx(0.25)


def test_runs_weigh_by_their_length():
    (short,), (long,) = runs(1, 1000, seed=2), runs(1, 3000, seed=3)
    results = [hops(short), hops(long)]
    pooled = average_runs(results).values["rate_observed"]
    n = [len(result.ion) for result in results]
    seconds = [32 * (999 - 5) / PER_FRAME, 32 * (2999 - 5) / PER_FRAME]
    assert pooled.value == pytest.approx(sum(n) / sum(seconds))
    assert pooled.n_events == sum(n)


@pytest.mark.parametrize("n_runs", [3, 5, 8])
def test_interval_of_pooled_counts_holds_the_truth(n_runs):
    """Concerted events in fours, 12 groups expected in each run; 1000 replicas."""
    rng = np.random.default_rng(20 + n_runs)
    counts = 4 * rng.poisson(1.2, (1000, n_runs, 10))
    found = [pooled_ratio(replica, np.ones((n_runs, 10))) for replica in counts]
    held = np.mean([interval.low <= 4.8 <= interval.high for interval in found])
    assert 0.93 <= held <= (0.975 if n_runs >= 5 else 1.0)


def test_pooled_rate_and_diffusion_of_five_runs():
    paths = runs(5, 400, n_ions=16, rate=4e-3, seed=4, group=4)
    rate = average_runs([hops(path) for path in paths]).values["rate"]
    diffusion = average_runs([mean_square_displacement(path) for path in paths]).values["diffusion"]
    assert rate.ci_low < 4e-3 * PER_FRAME < rate.ci_high
    assert diffusion.ci_low < 4e-3 * 3 / 6 * 1e-4 < diffusion.ci_high


def test_runs_too_short_to_claim_a_rate_still_count():
    results = [hops(path) for path in runs(8, 300, n_ions=8, rate=1e-3, seed=5)]
    assert sum(result.rate.value is None for result in results) >= 3
    mean = average_runs(results)
    rate = mean.values["rate"]
    assert rate.status in ("ok", "few_events")
    assert rate.ci_low < 1e-3 * PER_FRAME < rate.ci_high
    assert rate.n_events == sum(len(result.ion) for result in results)
    assert None in mean.run_values["rate"]


def test_no_hop_in_any_run_is_a_bound_on_all_of_them():
    results = [hops(path) for path in runs(4, 300, n_ions=8, rate=0.0, seed=6)]
    rate = average_runs(results).values["rate"]
    assert (rate.value, rate.status) == (None, "too_few_events")
    assert rate.ci_high == pytest.approx(2.996 * PER_FRAME / (4 * 8 * (299 - 5)), rel=2e-3)
    assert average_runs(results).values["hop_diffusion"].value is None


def test_a_liquid_run_refuses_the_pool():
    rng = np.random.default_rng(7)
    liquid = walk(np.cumsum(rng.normal(0, 0.12, (1000, 8, 3)), axis=0))
    solid = runs(1, 1000, n_ions=8, seed=8)[0]
    results = [find_hops(path, minimum_residence=5, stability=False) for path in (solid, liquid)]
    rate = average_runs(results).values["rate"]
    assert (rate.value, rate.status) == (None, "threshold_sensitive")
    assert "run 2" in rate.method


def test_ballistic_run_refuses_the_pooled_diffusion():
    time = np.arange(1000.0)
    velocity = np.random.default_rng(9).normal(0, 1, (8, 3))
    ballistic = walk(time[:, None, None] * velocity)
    results = [mean_square_displacement(path) for path in (*runs(2, 1000, n_ions=8, seed=10), ballistic)]
    diffusion = average_runs(results).values["diffusion"]
    assert (diffusion.value, diffusion.status) == (None, "not_diffusive")
    assert "run 3" in diffusion.method


def test_standard_deviation_band_of_the_displacement():
    results = [mean_square_displacement(path) for path in runs(5, 500, n_ions=8, seed=11)]
    mean = average_runs(results)
    curves = np.array([result.msd for result in results])
    np.testing.assert_allclose(mean.mean["msd"], curves.mean(axis=0))
    np.testing.assert_allclose(mean.std["msd"], curves.std(axis=0, ddof=1))
    np.testing.assert_allclose(mean.sem["msd"], curves.std(axis=0, ddof=1) / np.sqrt(5))


def test_hops_found_otherwise_are_not_pooled():
    path = runs(1, 500, n_ions=8, seed=12)[0]
    with pytest.raises(InputError, match="parameter minimum_residence_ps"):
        average_runs([hops(path), find_hops(path, minimum_residence=8, outer_radius=1.1, stability=False)])
    with pytest.raises(InputError, match="parameter method"):
        average_runs([hops(path), hops(path, method="phop")])


def test_sites_of_several_runs_are_exits_over_time_spent():
    rng = np.random.default_rng(13)
    results = []
    for n_frames in (400, 900, 600):
        moves = rng.random((n_frames, 20)) < 5e-3
        label = 4 + 2 * (np.cumsum(moves, axis=0) % 2)
        results.append(site_labels(label, np.arange(n_frames) * 1.0, np.arange(20), minimum_residence=0.0))
    mean = average_runs(results)
    exits = sum(result.transitions[0].sum() for result in results)
    seconds = sum(result.time_in[0] for result in results) / PER_FRAME
    rate = mean.values["site 4->any"]
    assert rate.value == pytest.approx(exits / seconds)
    assert rate.ci_low < 5e-3 * PER_FRAME < rate.ci_high
    assert mean.values["site 4->site 6"].n_events == exits
    populations = [mean.values[f"population site {code}"].value for code in (4, 6)]
    assert sum(populations) == pytest.approx(1)
    assert populations[0] == pytest.approx(seconds * PER_FRAME / sum(20 * len(result.time) for result in results))
    with pytest.raises(InputError, match="parameter minimum_residence_ps"):
        average_runs([results[0], site_labels(results[0].label, results[0].time, results[0].ids)])
