"""Subsets, cross-correlation, multiple tau, running means, files, merged runs, uneven times, sets of directions."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from processes import axial, series, telegraph
from ufpnmr import TensorSeries
from ufpnmr.errors import InputError
from ufpnmr.nmr import (
    correlate,
    crystal_directions,
    merge_runs,
    omega_q,
    omega_q_at,
    powder_directions,
    principal_axes,
    quadrupolar_product,
    quaternions,
    resampled,
    segments,
    site_table,
)
from ufpnmr.results.tensor_file import TensorFile


@pytest.fixture
def rng():
    return np.random.default_rng(17)


def walk(rng, n_frames=130, n_ions=5, interval=0.5):
    v = rng.standard_normal((n_frames, n_ions, 6)).cumsum(axis=0)
    v[..., 2] = -v[..., 0] - v[..., 1]
    return series(v, interval)


def stored(s, path):
    TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine="test", axes="x=a").write(path)
    return TensorSeries.read(path)


def test_origins_on_one_site_equal_the_loop(rng):
    s = walk(rng)
    mask = rng.random((130, 5)) < 0.4
    result = correlate(s, normalisation="raw", origins=mask)
    x = omega_q(s.V)
    for lag in (0, 1, 7, 30, 65):
        products = x[: 130 - lag] * x[lag:]
        here = mask[: 130 - lag]
        assert result.mean[lag] == pytest.approx(products[here].mean(), rel=1e-10)
    total = result.sums.sum(axis=(0, 1)) / (result.counts.sum(axis=0) * 5)
    assert np.allclose(total, result.mean[result.fit_index], rtol=1e-9)
    everyone = correlate(s, normalisation="raw", origins=np.ones((130, 5), dtype=bool))
    whole = correlate(s, normalisation="raw")
    assert np.allclose(everyone.mean, whole.mean, rtol=1e-12)
    assert np.allclose(everyone.std_error, whole.std_error, rtol=1e-9)
    assert not result.warnings


def test_origins_must_be_a_mask_of_the_series(rng):
    with pytest.raises(InputError, match=r"booleans of shape \(130, 5\)"):
        correlate(walk(rng), origins=np.ones((5, 130), dtype=bool))
    with pytest.raises(InputError, match="no origin in the mask"):
        correlate(walk(rng), origins=np.zeros((130, 5), dtype=bool))


def test_cross_correlation_equals_the_loop(rng):
    s = walk(rng)
    result = correlate(s, normalisation="raw", cross="omega_q", cross_field=(1, 0, 0))
    x, y = omega_q(s.V), omega_q(s.V, field=(1, 0, 0))
    for lag in (0, 3, 40):
        assert result.mean[lag] == pytest.approx(np.mean(x[: 130 - lag] * y[lag:]), rel=1e-9)
    same = correlate(s, cross="omega_q")
    assert same.mean[0] == pytest.approx(1, rel=1e-12)
    assert np.allclose(same.mean, correlate(s).mean, rtol=1e-9)
    assert result.observable == "omega_q x omega_q"
    with pytest.raises(InputError, match="two observables of one kind"):
        correlate(s, cross="powder")


def test_ladder_follows_every_lag(rng):
    s = series(axial(telegraph(rng, 4000, 20, 1 / 100, noise=0.2)))
    whole, ladder = correlate(s, normalisation="raw"), correlate(s, normalisation="raw", method="multi_tau")
    exact = np.interp(ladder.lag, whole.lag, whole.mean)
    assert np.allclose(ladder.mean[:25], exact[:25], rtol=1e-10)
    # what the means change is less than the noise that they average away
    error = np.interp(ladder.lag, whole.lag, whole.std_error)
    assert np.all(np.abs(ladder.mean - exact) < 0.5 * error + 1e-3 * whole.mean[0])
    assert len(ladder.lag) < 130


def test_single_precision_is_that_of_the_file(rng):
    s = walk(rng)
    single = dataclasses.replace(s, V=s.V.astype(np.float32))
    double = dataclasses.replace(s, V=single.V.astype(np.float64))
    a, b = (correlate(x, "powder", normalisation="raw").mean for x in (single, double))
    assert np.abs(a - b).max() < 1e-6 * b[0]


def test_running_mean_is_of_the_tensor_and_kept_out_of_fits(rng):
    s = walk(rng)
    result = correlate(s, normalisation="raw", average=2.0, averaging="running")
    v = np.array([s.V[t : t + 4].mean(axis=0) for t in range(127)])
    x = omega_q(v)
    assert result.mean[5] == pytest.approx(np.mean(x[:-5] * x[5:]), rel=1e-9)
    assert result.interval == 0.5
    assert result.parameters["shortest_fit_lag_ps"] == pytest.approx(2.0)


def test_a_file_is_read_in_parts(rng, tmp_path):
    whole = stored(walk(rng), tmp_path / "v.h5")
    expected = correlate(whole, "powder", normalisation="raw")
    with TensorFile(tmp_path / "v.h5") as opened:
        found = correlate(opened, "powder", normalisation="raw", memory=1)
        some = correlate(opened, ions=[2, 5], normalisation="raw", by_outcome=False)
    assert np.allclose(found.mean, expected.mean, rtol=1e-6)
    assert not some.warnings
    assert np.allclose(some.mean, correlate(whole, ions=[2, 5], normalisation="raw").mean)
    with pytest.raises(InputError, match="no such file"):
        TensorFile(tmp_path / "none.h5")


def test_trace_is_refused(rng):
    s = walk(rng)
    s.V[20, 3, 0] += 5
    with pytest.raises(InputError, match=r"trace of .* at frame 20 .*atom 4"):
        correlate(s, "powder")


@pytest.mark.parametrize("n_runs", [2, 6])
def test_merged_runs(rng, n_runs):
    runs = [correlate(series(axial(telegraph(rng, 800, 20, 1 / 20))), normalisation="raw") for _ in range(n_runs)]
    merged = merge_runs(runs)
    assert np.allclose(merged.mean, np.mean([run.mean for run in runs], axis=0))
    between = np.std([run.mean for run in runs], axis=0, ddof=1) / np.sqrt(n_runs)
    assert np.all(merged.std_error >= between * (1 - 1e-12))
    if n_runs == 6:
        assert np.allclose(merged.std_error, between)
        assert len(merged.sums) == 6
    total = merged.sums.sum(axis=(0, 1)) / (merged.counts.sum(axis=0) * 20)
    assert np.allclose(total, merged.mean[merged.fit_index], rtol=1e-9)


def test_runs_that_differ_are_not_merged(rng):
    a = correlate(walk(rng))
    with pytest.raises(InputError, match="run 2 differs from run 1 in observable"):
        merge_runs([a, correlate(walk(rng), "cq")])
    other = walk(rng)
    with pytest.raises(InputError, match="run 2 has other ions"):
        merge_runs([a, correlate(dataclasses.replace(other, ids=other.ids + 1))])
    with pytest.raises(InputError, match="at least two runs"):
        merge_runs([a])


def test_uneven_times(rng, tmp_path):
    s = stored(walk(rng), tmp_path / "v.h5")
    keep = np.delete(np.arange(130), [50])
    gap = dataclasses.replace(s, time=s.time[keep], V=s.V[keep], cell=s.cell[keep])
    even = resampled(gap)
    assert np.allclose(np.diff(even.time), 0.5)
    assert np.allclose(even.V[50], (s.V[49] + s.V[51]) / 2, atol=1e-5)
    assert np.array_equal(even.V[keep], gap.V)
    assert [len(part.time) for part in segments(gap)] == [50, 79]
    wide = dataclasses.replace(s, time=np.where(np.arange(130) < 60, s.time, s.time + 20))
    with pytest.raises(InputError, match=r"gap of 20\.5 ps after frame 59"):
        resampled(wide)
    with pytest.raises(InputError, match=r"at least 0\.5 ps"):
        resampled(gap, 0.1)


def test_powder_directions_average_the_square(rng):
    v = walk(rng, 1, 30).V[0]
    for degree in (5, 7, 21):
        directions = powder_directions(degree)
        assert np.allclose(np.linalg.norm(directions.vectors, axis=1), 1)
        square = omega_q_at(v, directions.vectors) ** 2 @ directions.weights
        assert np.allclose(square, quadrupolar_product(v) ** 2 / 5, rtol=1e-10)
    with pytest.raises(InputError, match="degree"):
        powder_directions(4)


def test_crystal_directions():
    directions = crystal_directions([[2.0, 0, 0], [1, 1, 0], [0, 0, 3]])
    assert np.allclose(directions.vectors[1], np.array([1, 1, 0]) / np.sqrt(2))


def test_quaternions_turn_the_axes_into_the_principal_ones(rng):
    v = walk(rng, 1, 40).V[0]
    for ordering in ("haeberlen", "nqr"):
        q = quaternions(v, ordering)
        turned = Rotation.from_quat(q[:, (1, 2, 3, 0)]).as_matrix()
        assert np.allclose(turned, principal_axes(v, ordering).vectors, atol=1e-12)
        assert np.all(q[:, 0] >= 0)
    assert np.isnan(quaternions(np.zeros(6))).all()


def test_site_table_predicts_the_depth_of_beta(rng):
    """Sites of spec efg 6.8 (point charges), field along a, b, c: 51, 0.2 and 73 %."""
    omega = np.array([[13.1, -17.9, 4.8], [112.0, -16.3, -95.7]])
    tensors = np.concatenate([omega, np.zeros((2, 3))], axis=1) / -96.961369
    label = np.tile([0, 0, 1], (50, 4))
    rows = site_table(tensors[label], label, {0: "8d", 1: "4b"}, cell=np.eye(3))
    depth = {row.observable: row.depth for row in rows}
    assert depth["omega_q a"] == pytest.approx(0.51, abs=0.005)
    assert depth["omega_q b"] == pytest.approx(0.002, abs=0.0005)
    assert depth["omega_q c"] == pytest.approx(0.73, abs=0.005)
    assert rows[0].means["4b"] == pytest.approx(112.0, rel=1e-6)
    assert rows[0].weights == {"8d": pytest.approx(2 / 3), "4b": pytest.approx(1 / 3)}
    assert 0 < depth["powder"] < 1
