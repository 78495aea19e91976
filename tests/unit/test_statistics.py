import itertools
import math

import numpy as np
import pytest

from ufpnmr import statistics
from ufpnmr.errors import InputError


def naive_sums(x, y):
    return np.array([np.sum(x[: len(x) - k] * y[k:], axis=0) for k in range(len(x))])


@pytest.mark.parametrize("n_frames", [1, 2, 3, 50, 101])
def test_sums_equal_the_double_loop(n_frames):
    x = np.random.default_rng(1).normal(size=(n_frames, 4, 3))
    expected = naive_sums(x, x)
    np.testing.assert_allclose(statistics.autocorrelation_sums(x), expected, rtol=0, atol=1e-10 * expected[0].max())
    moved = statistics.autocorrelation_sums(np.moveaxis(x, 0, 1), axis=1)
    np.testing.assert_array_equal(np.moveaxis(moved, 1, 0), statistics.autocorrelation_sums(x))


def test_sums_of_origin_blocks_add_up():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 5))
    edges = statistics.block_edges(60, 4)
    total = np.zeros_like(x)
    for low, high in itertools.pairwise(edges):
        origins = np.zeros_like(x)
        origins[low:high] = x[low:high]
        part = statistics.autocorrelation_sums(origins, x)
        np.testing.assert_allclose(part, naive_sums(origins, x), atol=1e-11)
        total += part
    np.testing.assert_allclose(total, statistics.autocorrelation_sums(x), atol=1e-11)


def test_float32_input_is_summed_in_double():
    x = (1000 + np.random.default_rng(3).normal(size=20_000)).astype(np.float32)
    exact = math.fsum(float(v) ** 2 for v in x)
    assert statistics.autocorrelation_sums(x)[0] == pytest.approx(exact, rel=1e-12)


def test_many_series_are_worked_off_in_parts(monkeypatch):
    x = np.random.default_rng(4).normal(size=(30, 17))
    whole = statistics.autocorrelation_sums(x)
    monkeypatch.setattr(statistics, "_WORKING_BYTES", 1)
    np.testing.assert_array_equal(statistics.autocorrelation_sums(x), whole)


def test_autocorrelation_of_a_cosine():
    x = np.cos(2 * np.pi * np.arange(4000) / 40)
    np.testing.assert_allclose(statistics.autocorrelation(x)[:2000:40], 0.5, atol=1e-12)


def test_autocorrelation_bad_input():
    with pytest.raises(InputError, match="at least one frame"):
        statistics.autocorrelation_sums(np.empty((0, 3)))
    with pytest.raises(InputError, match="one shape"):
        statistics.autocorrelation_sums(np.ones(3), np.ones(4))


def test_log_spaced():
    assert statistics.log_spaced(1000, 4).tolist() == [1, 10, 100, 1000]
    lags = statistics.log_spaced(500, 60)
    assert lags[0] == 1
    assert lags[-1] == 500
    assert np.all(np.diff(lags) > 0)
    assert statistics.log_spaced(7, 1).tolist() == [7]
    with pytest.raises(InputError, match="n_max 0"):
        statistics.log_spaced(0, 5)


def test_block_edges():
    assert statistics.block_edges(10, 3).tolist() == [0, 3, 7, 10]
    with pytest.raises(InputError, match="3 samples for 5 blocks"):
        statistics.block_edges(3, 5)


def test_student_quantile_table():
    # two-sided 95 %: 12.706, 2.262, 1.960 for 1, 9, infinite degrees of freedom
    assert statistics.student_quantile(1) == pytest.approx(12.7062, abs=1e-4)
    assert statistics.student_quantile(9) == pytest.approx(2.26216, abs=1e-5)
    assert statistics.student_quantile(1e9) == pytest.approx(1.95996, abs=1e-5)
    with pytest.raises(InputError, match="dof"):
        statistics.student_quantile(0)


def test_block_interval_by_hand():
    found = statistics.block_interval([1.0, 2.0, 3.0], positive=False)
    half = 4.30265 / math.sqrt(3)
    assert found == pytest.approx((2.0, 2 - half, 2 + half, 1 / math.sqrt(3)), abs=1e-4)
    found = statistics.block_interval([1.0, 2.0, 3.0])
    assert found.low * found.high == pytest.approx(4.0)
    assert found.high == pytest.approx(2 * math.exp(half / 2), rel=1e-5)


def test_block_interval_without_a_positive_mean():
    assert statistics.block_interval([0.0, 0.0, 0.0]) == (0, 0, 0, 0)
    found = statistics.block_interval([-3.0, 1.0, 1.0])
    assert found.low == 0
    assert found.high > 0
    assert statistics.block_interval([-1.0, 1.0 + 1e-9]).high > 0
    tiny = statistics.block_interval([-1.0, 1.0 + 1e-9])
    assert tiny.low == 0
    assert math.isinf(tiny.high)
    with pytest.raises(InputError, match="two block values"):
        statistics.block_interval([1.0])


@pytest.mark.parametrize(
    ("n", "low", "high", "digits"),
    [(0, 0, 3.689, 3), (5, 1.623, 11.668, 3), (37, 26.051, 51.000, 3), (15_120, 14_879.9, 15_363.0, 1)],
)
def test_garwood(n, low, high, digits):
    found = statistics.poisson_interval(n)
    assert (round(found[0], digits), round(found[1], digits)) == (low, high)


def test_poisson_upper_bound_is_the_rule_of_three():
    assert statistics.poisson_upper_bound(0) == pytest.approx(2.996, abs=5e-4)
    with pytest.raises(InputError, match="count"):
        statistics.poisson_upper_bound(-1)
    with pytest.raises(InputError, match="count"):
        statistics.poisson_interval(-1)


def test_fano_of_independent_and_grouped_events():
    rng = np.random.default_rng(5)
    single = [statistics.fano_test(rng.poisson(12.8, 10)) for _ in range(2000)]
    fours = [statistics.fano_test(4 * rng.poisson(3.2, 10)) for _ in range(2000)]
    assert np.mean([f for f, _ in single]) == pytest.approx(1, abs=0.05)
    assert np.mean([f for f, _ in fours]) == pytest.approx(4, abs=0.2)
    assert 0.03 < np.mean([p < 0.05 for _, p in single]) < 0.07
    assert np.mean([p < 0.05 for _, p in fours]) > 0.9
    fano, p_value = statistics.fano_test(np.zeros(10))
    assert math.isnan(fano)
    assert p_value == 1
    with pytest.raises(InputError, match="two block counts"):
        statistics.fano_test([3])


def test_lag_one_correlation():
    assert statistics.lag_one_correlation(np.arange(100)) > 0.9
    assert statistics.lag_one_correlation([1, -1] * 50) < -0.9
    assert statistics.lag_one_correlation(np.ones(5)) == 0


@pytest.mark.parametrize("mean", [5, 20, 128])
def test_log_t_interval_of_counts_covers(mean):
    """Ten blocks of an exponential-waiting count: 94-97 % for 5 to 500 events (spec analysis 4)."""
    counts = np.random.default_rng(6).poisson(mean / 10, size=(4000, 10))
    counts = counts[counts.sum(axis=1) > 0]
    intervals = [statistics.block_interval(10 * row) for row in counts]
    coverage = np.mean([i.low <= mean <= i.high for i in intervals])
    assert 0.935 < coverage < 0.975


def test_bootstrap_of_a_mean():
    rng = np.random.default_rng(7)
    data = rng.exponential(3.0, 400)
    samples = statistics.bootstrap(lambda index: data[index].mean(), len(data), 500, rng)
    found = statistics.bootstrap_interval(data.mean(), samples)
    assert found.std_error == pytest.approx(data.std() / 20, rel=0.15)
    assert found.low < found.value < found.high
    symmetric = statistics.bootstrap_interval(data.mean(), samples, positive=False)
    assert symmetric.high - symmetric.value == pytest.approx(symmetric.value - symmetric.low)
    again = statistics.bootstrap(lambda index: data[index].mean(), len(data), 3, np.random.default_rng(1))
    np.testing.assert_array_equal(
        again, statistics.bootstrap(lambda index: data[index].mean(), len(data), 3, np.random.default_rng(1))
    )


def test_bootstrap_bad_input():
    with pytest.raises(InputError, match="two units"):
        statistics.bootstrap(np.mean, 1, 10, np.random.default_rng(0))
    with pytest.raises(InputError, match="positive value"):
        statistics.bootstrap_interval(0.0, [1.0, 2.0])
    with pytest.raises(InputError, match="two usable"):
        statistics.bootstrap_interval(1.0, [np.nan, np.inf, 1.0])
