"""Mean-square displacement of processes whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from ufpnmr import _core, statistics
from ufpnmr.dynamics import mean_square_displacement
from ufpnmr.dynamics.diffusion import choose_window, diffusion_coefficient, judge_slope
from ufpnmr.dynamics.displacements import block_sums, displacement_curve, ion_curves
from ufpnmr.errors import InputError
from ufpnmr.results.msd import MSDResult


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


def lattice_walk(rng, n_frames, n_ions, probability, vibration, group=1):
    """Steps (±1, ±1, ±1) with a probability per frame; members of a group hop in the same frames, each its own way."""
    hops = np.repeat(rng.random((n_frames, n_ions // group)) < probability, group, axis=1)
    hops[0] = False
    steps = hops[..., None] * rng.choice([-1.0, 1.0], (n_frames, n_ions, 3))
    return np.cumsum(steps, axis=0) + rng.normal(0, vibration, (n_frames, n_ions, 3))


def naive_msd(positions):
    n_frames = len(positions)
    return np.array([np.mean((positions[k:] - positions[: n_frames - k]) ** 2, axis=0) for k in range(n_frames)])


@pytest.mark.parametrize("n_frames", [2, 33, 81, 150, 1100])
def test_fft_equals_the_loop(n_frames):
    rng = np.random.default_rng(1)
    positions = 50 + np.cumsum(rng.normal(size=(n_frames, 6, 3)), axis=0)
    expected = naive_msd(positions)
    np.testing.assert_allclose(displacement_curve(paths(positions)), expected.mean(axis=1), rtol=1e-10, atol=1e-12)
    per_ion = expected.sum(axis=2).T
    np.testing.assert_allclose(ion_curves(paths(positions)), per_ion, rtol=1e-10, atol=1e-10)
    result = mean_square_displacement(paths(positions))
    lags = np.rint(result.lag).astype(int)
    np.testing.assert_allclose(result.msd_ion, expected[lags].sum(axis=2).T, rtol=1e-6)
    np.testing.assert_allclose(result.msd, expected[lags].sum(axis=2).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(result.msd_axis, expected[lags].mean(axis=1), rtol=1e-12)


def test_block_sums_equal_the_loop():
    rng = np.random.default_rng(2)
    positions = np.cumsum(rng.normal(size=(40, 3, 3)), axis=0)
    lags, edges = np.array([1, 7]), np.array([[0, 10, 23, 39], [2, 5, 5, 33]])
    found = block_sums(paths(positions), lags, edges)
    for row, lag in enumerate(lags):
        for block in range(3):
            origins = np.arange(edges[row, block], edges[row, block + 1])
            d = positions[origins + lag] - positions[origins]
            products = np.stack([d[..., a] * d[..., b] for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))])
            np.testing.assert_allclose(found[:, row, block], products.sum(axis=1).T, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="leave room for the lag"):
        _core.displacement_sums(np.zeros((1, 3, 10)), [5], [[0, 6]])


def test_first_frame_counts_once():
    positions = np.array([0.0, 1.0, 3.0])[:, None, None] * np.array([1.0, 0.0, 0.0])
    result = mean_square_displacement(paths(positions))
    assert len(result.full_msd) == 3
    np.testing.assert_allclose(result.full_msd, [0, (1 + 4) / 2, 9], rtol=1e-15)


def test_ballistic_motion():
    velocity = np.array([0.3, -0.2, 0.1])
    positions = np.arange(2000)[:, None, None] * 0.5 * velocity + np.zeros((1, 4, 1))
    result = mean_square_displacement(paths(positions, interval=0.5))
    np.testing.assert_allclose(result.full_msd, (velocity @ velocity) * result.full_lag**2, rtol=1e-12)
    np.testing.assert_allclose(result.alpha, 2, atol=1e-6)
    assert result.diffusion.status == "not_diffusive"
    assert result.diffusion.value is None


def test_lattice_walk_has_its_curve_and_slope():
    """MSD(k) = 3pk + 6 sigma², D = p/2 per frame: the mean of 200 replicas within 3 standard errors."""
    rng = np.random.default_rng(3)
    probability, vibration, n_frames = 1e-3, 0.25, 2000
    slopes, curves = [], []
    for _ in range(200):
        result = mean_square_displacement(paths(lattice_walk(rng, n_frames, 16, probability, vibration)), threads=1)
        slopes.append(result.parameters["slope_diffusion"])
        curves.append(result.full_msd[[1, 10, 100]])
    for found, expected in (
        (np.array(slopes), probability / 2 * 1e-4),
        *zip(np.array(curves).T, 3 * probability * np.array([1, 10, 100]) + 6 * vibration**2, strict=True),
    ):
        assert abs(found.mean() - expected) < 3 * found.std() / np.sqrt(200)


@pytest.mark.parametrize("group", [1, 4])
def test_interval_covers(group):
    """The 95 % interval holds the truth, also if ions hop in fours; 400 replicas in test_coverage_dynamics."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(60):
        found = diffusion_coefficient(paths(lattice_walk(rng, 2000, 64, 1e-3, 0.25, group)), threads=1).parameters
        hits += found["slope_ci_low"] <= 0.5e-7 <= found["slope_ci_high"]
    assert hits >= 51


def test_ornstein_uhlenbeck_is_not_diffusive():
    """MSD = 6 sigma² (1 - exp(-t/tau)); the relaxation ends inside the window."""
    rng = np.random.default_rng(5)
    n_frames, n_ions, tau = 8000, 40, 100.0
    kept = np.exp(-1 / tau)
    x = np.empty((n_frames, n_ions, 3))
    x[0] = rng.normal(size=(n_ions, 3))
    for t in range(1, n_frames):
        x[t] = kept * x[t - 1] + np.sqrt(1 - kept**2) * rng.normal(size=(n_ions, 3))
    result = mean_square_displacement(paths(x))
    expected = 6 * (1 - np.exp(-result.lag / tau))
    short = result.lag < 400
    np.testing.assert_allclose(result.msd[short], expected[short], rtol=0.05)
    assert result.diffusion.status == "not_diffusive"
    assert result.diffusion.value is None


def test_vibration_alone_gives_an_upper_bound():
    x = np.random.default_rng(6).normal(0, 0.25, (4000, 30, 3))
    diffusion = mean_square_displacement(paths(x)).diffusion
    assert diffusion.status == "not_diffusive"
    assert diffusion.value is None
    assert 0 < diffusion.ci_high < 1e-9


def test_twelve_lags_are_as_good_as_all():
    x = lattice_walk(np.random.default_rng(7), 4000, 64, 2e-3, 0.25)
    window = choose_window(4000, 1, 200)
    every = np.arange(1, 201)
    found = []
    for lags in (window.lags, every):
        sums = block_sums(paths(x), lags, np.tile(window.edges, (len(lags), 1))).sum(axis=0)
        found.append(judge_slope(lags, sums / (64 * np.diff(window.edges)[:, None])))
    few, full = (statistics.block_interval(estimate.blocks) for estimate in found)
    assert abs(few.value - full.value) < few.std_error
    assert found[0].intercept == pytest.approx(6 * 0.25**2, rel=0.05)


def test_few_hops_are_said_to_be_few():
    rng = np.random.default_rng(8)
    statuses = [
        mean_square_displacement(paths(lattice_walk(rng, 2000, 16, 4e-4, 0.05)), hop_length=3**0.5).diffusion.status
        for _ in range(20)
    ]
    assert set(statuses) <= {"few_events", "too_few_events", "not_diffusive", "not_stationary"}
    assert "few_events" in statuses


def test_anisotropic_walk_gives_the_tensor():
    rng = np.random.default_rng(9)
    root = np.array([[0.2, 0.0, 0.0], [0.06, 0.1, 0.0], [0.0, 0.0, 0.0]])
    x = np.cumsum(rng.normal(size=(4000, 64, 3)) @ root.T, axis=0)
    result = mean_square_displacement(paths(x))
    expected = root @ root.T / 2 * 1e-4
    assert np.all(np.abs(result.diffusion_tensor - expected) <= 4 * result.diffusion_tensor_std_error + 1e-20)
    assert result.diffusion.value == pytest.approx(np.trace(result.diffusion_tensor) / 3, rel=1e-12)
    assert result.diffusion.status == "ok"
    for name, truth in zip("xy", np.diag(expected), strict=False):
        assert result.diffusion_axis[name].ci_low < truth < result.diffusion_axis[name].ci_high
    assert result.diffusion_axis["z"].value is None
    assert result.diffusion_axis["z"].status == "not_diffusive"
    assert result.diffusion_axis["z"].ci_high < 1e-12


def test_window_starts_past_the_vibration():
    """A slow rattle (20 frames) on top of hops: the fit starts after it and the slope is that of the hops."""
    rng = np.random.default_rng(10)
    n_frames, n_ions = 20_000, 48
    kept = np.exp(-1 / 20)
    rattle = np.empty((n_frames, n_ions, 3))
    rattle[0] = 0.3 * rng.normal(size=(n_ions, 3))
    for t in range(1, n_frames):
        rattle[t] = kept * rattle[t - 1] + 0.3 * np.sqrt(1 - kept**2) * rng.normal(size=(n_ions, 3))
    result = mean_square_displacement(paths(lattice_walk(rng, n_frames, n_ions, 1e-3, 0.0) + rattle))
    assert result.parameters["window_ps"][0] > 20
    assert result.diffusion.ci_low < 0.5e-7 < result.diffusion.ci_high


def test_one_origin_is_equation_6():
    x = lattice_walk(np.random.default_rng(11), 500, 20, 5e-3, 0.3)
    result = mean_square_displacement(paths(x, interval=2.0), origins="first")
    squared = ((x - x[0]) ** 2).sum(axis=2)
    np.testing.assert_allclose(result.full_msd, squared.mean(axis=1), rtol=1e-12)
    one_origin = result.parameters["one_origin_diffusion"]
    assert one_origin == pytest.approx(squared[-1].mean() / (6 * 998) * 1e-4)
    assert result.diffusion == mean_square_displacement(paths(x, interval=2.0)).diffusion


def test_zero_threads_are_all_of_them(monkeypatch):
    from scipy import fft

    transform, asked = fft.rfft, []

    def recorded(*args, workers=None, **kwargs):
        asked.append(workers)
        return transform(*args, workers=workers, **kwargs)

    monkeypatch.setattr(fft, "rfft", recorded)
    monkeypatch.setattr("ufpnmr._core.threads", lambda: 3)
    x = lattice_walk(np.random.default_rng(3), 200, 8, 5e-3, 0.2)
    curves = [ion_curves(paths(x), threads=threads) for threads in (0, 1, 2)]
    assert set(asked) == {3, 1, 2}
    np.testing.assert_array_equal(curves[0], curves[1])
    np.testing.assert_array_equal(curves[2], curves[1])


def test_invariances():
    rng = np.random.default_rng(12)
    x = lattice_walk(rng, 1000, 12, 5e-3, 0.2)
    reference = mean_square_displacement(paths(x), threads=1)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for other in (x @ rotation.T, x + 1000.0, x[::-1], x[:, ::-1]):
        found = mean_square_displacement(paths(np.ascontiguousarray(other)))
        np.testing.assert_allclose(found.full_msd, reference.full_msd, rtol=1e-9, atol=1e-9)
    threaded = mean_square_displacement(paths(x), threads=4)
    np.testing.assert_array_equal(threaded.full_msd, reference.full_msd)
    np.testing.assert_array_equal(ion_curves(paths(x), threads=1), ion_curves(paths(x), threads=4))
    assert threaded.diffusion == reference.diffusion
    later = mean_square_displacement(paths(x, interval=0.1, start=55.0))
    assert later.diffusion.value == pytest.approx(10 * reference.diffusion.value, rel=1e-9)


def test_parts_of_the_ions_make_no_difference(monkeypatch):
    x = lattice_walk(np.random.default_rng(13), 300, 7, 5e-3, 0.2)
    whole = mean_square_displacement(paths(x))
    monkeypatch.setattr("ufpnmr.dynamics.series._WORKING_BYTES", 1)
    part = mean_square_displacement(paths(x))
    np.testing.assert_array_equal(part.msd_ion, whole.msd_ion)
    assert part.diffusion == whole.diffusion


def test_written_and_read(tmp_path):
    result = mean_square_displacement(paths(lattice_walk(np.random.default_rng(14), 400, 5, 1e-2, 0.1)))
    for name in ("msd.h5", "msd.json"):
        result.write(tmp_path / name)
        back = MSDResult.read(tmp_path / name)
        np.testing.assert_allclose(back.msd, result.msd)
        assert back.diffusion == result.diffusion
        assert back.parameters == result.parameters


def test_short_runs_and_bad_input():
    x = np.random.default_rng(15).normal(size=(50, 3, 3))
    result = mean_square_displacement(paths(x))
    assert result.diffusion.status == "window_too_short"
    assert result.diffusion_tensor is None
    single = mean_square_displacement(paths(np.cumsum(np.ones((300, 1, 3)), axis=0)))
    assert np.isnan(single.std_error[-1])
    with pytest.raises(InputError, match="at least 2 frames"):
        mean_square_displacement(paths(x[:1]))
    with pytest.raises(InputError, match="holds no atom"):
        mean_square_displacement(paths(x[:, :0]))
    with pytest.raises(InputError, match="tenth of the run"):
        mean_square_displacement(paths(np.zeros((400, 2, 3))), last_lag=100)
    with pytest.raises(InputError, match="first lag < last lag"):
        mean_square_displacement(paths(np.zeros((400, 2, 3))), first_lag=30, last_lag=20)
    with pytest.raises(InputError, match="hop length"):
        mean_square_displacement(paths(x), hop_length=0)
    broken = x.copy()
    broken[7, 2, 1] = np.nan
    with pytest.raises(InputError, match="atom 3 in frame 7"):
        mean_square_displacement(paths(broken))
    gap = paths(x)
    gap.time[20:] += 5
    with pytest.raises(InputError, match="found 6 ps before frame 20"):
        mean_square_displacement(gap)
    with pytest.raises(InputError, match="increasing"):
        mean_square_displacement(paths(x, interval=0.0))
