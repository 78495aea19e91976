"""Autocorrelation functions: processes with known answers, a naive loop, the powder identity, bad input."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import lebedev_rule
from scipy.spatial.transform import Rotation

from processes import KAPPA, axial, series, site_jumps, telegraph
from ufpnmr.errors import InputError
from ufpnmr.nmr import CorrelationResult, correlate, coupling, exchange_depth, hop_rate_ratio, omega_q
from ufpnmr.units import EFG_E_PER_A3_IN_V_PER_A2


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def random_series(rng, n_frames=120, n_ions=5, interval=0.5):
    v = rng.standard_normal((n_frames, n_ions, 6)).cumsum(axis=0)
    v[..., 2] = -v[..., 0] - v[..., 1]
    return series(v, interval)


def naive(x, lag):
    """Average over ions and origins of x(t) x(t + lag); x is (T, N) or (T, N, C)."""
    x = x.reshape(*x.shape[:2], -1)
    total = 0.0
    for t in range(len(x) - lag):
        total += np.sum(x[t] * x[t + lag])
    return total / ((len(x) - lag) * x.shape[1])


@pytest.mark.parametrize("observable", ["omega_q", "cq", "powder"])
def test_fft_equals_the_loop(rng, observable):
    s = random_series(rng)
    result = correlate(s, observable, field=(1, 2, -1), normalisation="raw")
    if observable == "omega_q":
        x = omega_q(s.V, field=(1, 2, -1))
    elif observable == "cq":
        x = np.abs(coupling(s.V)[0])
    else:
        x = s.V * np.sqrt([1, 1, 1, 2, 2, 2]) * np.sqrt(2 / 15) * KAPPA
    for lag in range(0, 61, 4):
        assert result.mean[lag] == pytest.approx(naive(x, lag), rel=1e-10)
    assert len(result.mean) == 61
    assert np.allclose(result.lag, 0.5 * np.arange(61))
    assert np.allclose(result.per_ion.mean(axis=0), result.mean, rtol=1e-5)
    assert result.n_origins.tolist() == list(range(120, 59, -1))


def test_sums_over_blocks_and_ions_add_up_to_the_curve(rng):
    result = correlate(random_series(rng), normalisation="raw", n_blocks=17)
    total = result.sums.sum(axis=(0, 1)) / (result.counts.sum(axis=0) * 5)
    assert np.allclose(total, result.mean[result.fit_index], rtol=1e-10)
    assert np.allclose(result.counts.sum(axis=0), result.n_origins[result.fit_index], rtol=1e-14, atol=0)
    assert result.sums.shape == (17, 5, len(result.fit_index))
    assert result.fit_index[:3].tolist() == [0, 1, 2]
    assert result.fit_index[-1] == 60


def test_powder_is_the_average_over_field_directions(rng):
    s = random_series(rng, 60, 3)
    points, weights = lebedev_rule(5)
    over_directions = sum(
        w * correlate(s, field=point, normalisation="raw").mean for point, w in zip(points.T, weights, strict=True)
    ) / (4 * np.pi)
    powder = correlate(s, "powder", normalisation="raw").mean
    assert np.allclose(powder, over_directions, rtol=1e-12, atol=1e-12 * powder[0])
    in_radians = correlate(s, "powder", normalisation="raw", convention="satellite_rad")
    assert np.allclose(in_radians.mean, np.pi**2 * 1e6 * powder, rtol=1e-12)
    assert in_radians.unit == "(rad/s)^2"


def test_two_sites(rng):
    leave = np.array([0.02, 0.005])
    p1, p2 = leave[1] / leave.sum(), leave[0] / leave.sum()
    omega = np.array([40.0, -10.0])
    sites = site_jumps(rng, 8000, 200, leave)
    result = correlate(series(axial(omega[sites])), normalisation="raw")
    mean = p1 * omega[0] + p2 * omega[1]
    expected = mean**2 + p1 * p2 * 50.0**2 * (1 - leave.sum()) ** np.arange(len(result.lag))
    shown = slice(0, 400)
    assert np.all(np.abs(result.mean - expected)[shown] < 5 * result.std_error[shown])


def test_equivalent_sites_lose_correlation_n_over_n_minus_one_times_the_hop_rate(rng):
    n, leave = 4, 0.01
    values = np.array([3.0, 1.0, -1.0, -3.0]) * 10
    sites = site_jumps(rng, 8000, 200, leave, n)
    result = correlate(series(axial(values[sites])), normalisation="raw")
    expected = values.var() * (1 - leave * n / (n - 1)) ** np.arange(200)
    assert np.all(np.abs(result.mean[:200] - expected) < 5 * result.std_error[:200])


@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_isotropic_rotation_decays_with_six_times_the_diffusion_coefficient(rng, eta):
    n_frames, n_ions, diffusion = 3000, 60, 2e-3
    principal = np.diag([-(1 - eta) / 2, -(1 + eta) / 2, 1.0]) * 100 / KAPPA
    steps = Rotation.from_rotvec(rng.standard_normal((n_frames * n_ions, 3)) * np.sqrt(2 * diffusion))
    steps = steps.as_matrix().reshape(n_frames, n_ions, 3, 3)
    orientation = np.empty_like(steps)
    orientation[0] = Rotation.random(n_ions, random_state=5).as_matrix()
    for t in range(1, n_frames):
        orientation[t] = steps[t] @ orientation[t - 1]
    v = np.einsum("tnab,bc,tndc->tnad", orientation, principal, orientation)
    result = correlate(series(v[..., (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)]), "powder", normalisation="raw")
    assert result.mean[0] == pytest.approx(100**2 * (1 + eta**2 / 3) / 5, rel=1e-9)
    expected = np.exp(-6 * diffusion * np.arange(150))
    curve, error = result.mean[:150] / result.mean[0], result.std_error[:150] / result.mean[0]
    # steps of 2 degrees are a jump process whose rate is 6D to about 1 %
    assert np.all(np.abs(curve - expected) < 5 * error + 0.01)


def test_exchange_of_two_axial_tensors_leaves_the_angle_dependent_plateau(rng):
    for beta, b2 in ((90.0, 0.25), (54.7356103, 0.5)):
        turn = Rotation.from_euler("y", beta, degrees=True).as_matrix()
        along_z = np.diag([-0.5, -0.5, 1.0])
        both = np.array([along_z, turn @ along_z @ turn.T])[..., (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)]
        result = correlate(series(both[site_jumps(rng, 6000, 200, 0.05)]), "powder")
        assert np.all(np.abs(result.mean[200:2000:50] - b2) < 5 * result.std_error[200:2000:50])
        assert exchange_depth(both, [1, 1])["powder"] == pytest.approx(1 - b2, rel=1e-6)


def test_normalisations(rng):
    s = random_series(rng)
    raw = correlate(s, normalisation="raw")
    zero, first, unit, own, everyone = (
        correlate(s, normalisation=name)
        for name in ("zero_lag", "first_lag", "unit_interval", "covariance", "covariance_global")
    )
    x = omega_q(s.V)
    assert np.allclose(zero.mean, raw.mean / raw.mean[0])
    assert zero.std_error[0] < 1e-15
    assert np.allclose(first.mean, raw.mean / raw.mean[1])
    assert (unit.mean.min(), unit.mean.max()) == (0, 1)
    assert own.mean[0] == pytest.approx(np.mean(x.var(axis=0)), rel=1e-10)
    assert everyone.mean[0] == pytest.approx(x.var(), rel=1e-10)
    assert any("own mean" in w for w in own.warnings)
    assert not zero.warnings
    assert [r.unit for r in (raw, zero, own)] == ["kHz^2", "1", "kHz^2"]
    assert np.allclose(zero.sums, raw.sums)


def test_errors_are_the_scatter_between_runs(rng):
    curves, errors = [], []
    for _ in range(40):
        result = correlate(series(axial(telegraph(rng, 3000, 20, 1 / 50))), normalisation="raw")
        curves.append(result.mean[50])
        errors.append(result.std_error[50])
    assert np.mean(errors) == pytest.approx(np.std(curves), rel=0.35)


def test_concerted_motion_widens_the_error(rng):
    alone = correlate(series(axial(telegraph(rng, 3000, 40, 1 / 50))), normalisation="raw").std_error[50]
    together = correlate(series(axial(telegraph(rng, 3000, 40, 1 / 50, group=10))), normalisation="raw").std_error[50]
    assert together > 2 * alone


def test_averaging_removes_vibrations(rng):
    x = telegraph(rng, 8000, 40, 1e-3, noise=0.2)
    sampled = correlate(series(axial(x)))
    averaged = correlate(series(axial(x)), average=20)
    assert sampled.mean[1] == pytest.approx(1 / 1.2, abs=0.01)
    assert averaged.mean[1] > 0.96
    assert averaged.interval == 20
    assert averaged.lag[1] == 20
    assert averaged.parameters["n_frames"] == 400
    tensor_first = omega_q(axial(x).reshape(400, 20, 40, 6).mean(axis=1))
    raw = correlate(series(axial(x)), average=20, normalisation="raw")
    assert raw.mean[3] == pytest.approx(naive(tensor_first, 3), rel=1e-10)


def test_signed_coupling(rng):
    s = random_series(rng)
    assert correlate(s, "cq", normalisation="raw").convention == "|C_Q|"
    signed = correlate(s, "cq", normalisation="raw", signed=True)
    assert signed.mean[7] == pytest.approx(naive(coupling(s.V)[0], 7), rel=1e-10)


def test_subset_carries_a_permanent_warning(rng, tmp_path):
    s = random_series(rng)
    result = correlate(s, normalisation="raw", ions=[4, 2], selection="ions that hop")
    assert result.ids.tolist() == [2, 4]
    whole = correlate(s, normalisation="raw")
    assert np.allclose(result.mean, whole.per_ion[[1, 3]].mean(axis=0), rtol=1e-5)
    result.write(tmp_path / "acf.h5")
    again = CorrelationResult.read(tmp_path / "acf.h5")
    assert "2 of 5 ions (ions that hop)" in again.warnings[0]
    assert np.array_equal(again.sums, result.sums)
    assert again.isotope["quadrupole_moment_mb"] == -40.1
    assert "7Li" in again.description
    assert "harper2025" in again.description
    assert again.field == [0, 0, 1]


def test_field_along_a_lattice_vector(rng):
    s = random_series(rng)
    cell = np.broadcast_to(np.array([[2.0, 0, 0], [1.0, 1.0, 0], [0, 0, 3.0]]), (120, 3, 3))
    s = dataclasses.replace(s, cell=cell)
    along = correlate(s, field="b", normalisation="raw")
    assert np.allclose(along.field, np.array([1, 1, 0]) / np.sqrt(2))
    assert np.allclose(along.mean, correlate(s, field=(1, 1, 0), normalisation="raw").mean)
    assert correlate(s, "powder", field="b").field is None


def test_many_ions_are_handled_in_parts(rng):
    s = random_series(rng, 100, 23)
    whole = correlate(s, "powder")
    parts = correlate(s, "powder", memory=1)
    assert np.allclose(parts.mean, whole.mean, rtol=1e-14)
    assert np.allclose(parts.sums, whole.sums, rtol=1e-14)


def drop_frame(s):
    return dataclasses.replace(s, **{k: np.delete(getattr(s, k), 50, axis=0) for k in ("time", "V", "cell")})


def with_nan(s):
    s.V[31, 2, 4] = np.nan
    return s


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (drop_frame, {}, "1 of 118 steps.*frame 49 at 24.5 ps to frame 50 at 25.5"),
        (with_nan, {}, "frame 31 .*atom 3"),
        (None, {"ions": [2, 99]}, "no ion 99"),
        (None, {"ions": []}, "empty selection"),
        (None, {"observable": "omegaq"}, "did you mean 'omega_q'"),
        (None, {"normalisation": "zero"}, "did you mean 'zero_lag'"),
        (None, {"n_blocks": 8}, "at least 16"),
        (None, {"n_blocks": 61}, "at least 122 frames"),
        (None, {"average": 0.7}, "multiple of the frame interval 0.5"),
        (None, {"average": 0.1}, "multiple"),
        (None, {"field": "x"}, "a, b or c"),
        (None, {"isotope": "31P"}, "spin 1/2"),
    ],
)
def test_bad_input(rng, change, options, words):
    s = random_series(rng)
    with pytest.raises(InputError, match=words):
        correlate(change(s) if change else s, **options)


def test_constant_zero_is_refused():
    with pytest.raises(InputError, match="constant or zero"):
        correlate(series(np.zeros((64, 2, 6))))


def test_depth_of_beta_lithium_thiophosphate():
    """Site tensors of the point charges of spec efg 9; depths 51, 0.2 and 73 % of spec efg 6.8."""
    omega = {"8d": [13.1, -17.9, 4.8], "4b": [112.0, -16.3, -95.7]}
    diagonal = np.array([omega["8d"], omega["4b"]]) / KAPPA
    tensors = np.concatenate([diagonal, np.zeros((2, 3))], axis=1)
    depth = exchange_depth(tensors, [2, 1])
    assert depth["a"] == pytest.approx(0.51, abs=0.005)
    assert depth["b"] == pytest.approx(0.002, abs=0.0005)
    assert depth["c"] == pytest.approx(0.73, abs=0.005)
    assert exchange_depth(tensors * EFG_E_PER_A3_IN_V_PER_A2, [4, 2]) == pytest.approx(depth)
    turned = exchange_depth(tensors, [2, 1], cell=[[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    assert (turned["a"], turned["c"]) == pytest.approx((depth["b"], depth["a"]))


def test_depth_refuses_wrong_populations():
    with pytest.raises(InputError, match="one non-negative population per site"):
        exchange_depth(np.zeros((2, 6)), [1, 1, 1])


def test_hop_rate_ratios():
    assert hop_rate_ratio("uncorrelated") == 1
    assert hop_rate_ratio("equivalent_sites", n_sites=2) == 2
    assert hop_rate_ratio("two_sites", rates={"k12": 1.0, "k21": 1.0}) == 2
    assert hop_rate_ratio("two_sites", rates={"k12": 3.0, "k21": 1.0}) == pytest.approx(16 / 6)
    assert hop_rate_ratio("equal_values") == 0
    for wrong in (("unknown", {}), ("equivalent_sites", {"n_sites": 1}), ("two_sites", {})):
        with pytest.raises(InputError):
            hop_rate_ratio(wrong[0], **wrong[1])
