"""Stimulated echoes: known values of the specification, naive sums, motion, and what the experiment sees."""

import math

import numpy as np
import pytest

from processes import KAPPA, axial, series, site_jumps
from ufpnmr import TensorSeries
from ufpnmr.errors import InputError
from ufpnmr.nmr import correlate, fit_decay, omega_q
from ufpnmr.nmr.echo import stimulated_echo
from ufpnmr.nmr.quadrature import sphere_rule
from ufpnmr.nmr.visibility import Experiment, decay_verdict, verdict


def tensor_series(tensors, interval=1.0):
    s = series(tensors, interval)
    return TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine=s.engine, axes=s.axes)


def coupled(c_q, eta):
    """Six columns of a tensor in its axes with C_Q in kHz (haeberlen: η = (Vyy - Vxx)/Vzz)."""
    zz = c_q / KAPPA
    return np.array([-zz * (1 + eta) / 2, -zz * (1 - eta) / 2, zz, 0, 0, 0])


def random_tensors(rng, shape, rms=100.0):
    """Gaussian tensors with rms P_Q = `rms` kHz."""
    a = rng.standard_normal((*shape, 6)) * np.sqrt([1, 1, 1, 0.5, 0.5, 0.5])
    a[..., :3] -= a[..., :3].mean(axis=-1, keepdims=True)
    norm = (a**2 @ np.array([1, 1, 1, 2, 2, 2.0])).mean()
    return a * rms / abs(KAPPA) / math.sqrt(norm * 2 / 3)


@pytest.mark.parametrize(("eta", "first", "uncorrelated"), [(0.0, 0.60342, 0.03436), (0.4, 0.56361, 0.02303)])
def test_known_powder_values(eta, first, uncorrelated):
    """100 kHz, tp = td = 10 µs: <sin²> and <sin>² (spec efg 9)."""
    static = tensor_series(np.broadcast_to(coupled(100.0, eta), (64, 2, 6)).astype(np.float32))
    result = stimulated_echo(static, 10.0, accuracy=1e-6)
    np.testing.assert_allclose(result.signal / 0.45, first, atol=6e-6)
    assert result.isotropic[0] / 0.45 == pytest.approx(uncorrelated, abs=6e-6)
    assert result.ergodic[0] == pytest.approx(result.signal[0, 0], rel=1e-5)
    assert result.sequence["prefactor"] == pytest.approx(0.45)


@pytest.mark.parametrize(("pulse", "rms", "square", "limit"), [
    (1, 0.14, 0.02049, 0.0), (5, 0.72, 0.36114, 0.0021), (20, 2.88, 0.50684, 0.0724), (30, 4.33, 0.47622, 0.0126),
])  # fmt: skip
def test_table_over_pulse_separations(pulse, rms, square, limit):
    """100 kHz, η 0.4: phase rms, <sin²> and <sin>²/<sin²> (spec efg 6.4)."""
    static = np.broadcast_to(coupled(100.0, 0.4), (64, 1, 6)).astype(np.float32)
    result = stimulated_echo(tensor_series(static), float(pulse), accuracy=1e-6)
    assert result.signal[0, 0] / 0.45 == pytest.approx(square, abs=6e-6)
    assert result.isotropic[0] / result.signal[0, 0] == pytest.approx(limit, abs=6e-5)
    b, w = sphere_rule(27)
    phases = np.array([omega_q(static[0, 0], field=x, convention="satellite_rad") for x in b]) * pulse * 1e-6
    assert math.sqrt(w @ phases**2) == pytest.approx(rms, abs=5e-3)


def naive(tensors, tp, td, isotope, prefactor, function, lag):
    b, w = sphere_rule(65)
    omega = np.array([omega_q(tensors, isotope, x, "satellite_rad") for x in b])
    first, second = function(omega[:, : omega.shape[1] - lag] * tp), function(omega[:, lag:] * td)
    return prefactor * float(w @ (first * second).mean(axis=(1, 2)))


@pytest.mark.parametrize(("isotope", "sequence", "prefactor", "function"), [
    ("7Li", "sin-sin", 9 / 20, np.sin),
    ("7Li", "cos-cos", 0.8, lambda phase: 0.4 + 0.6 * np.cos(phase)),
    ("2H", "sin-sin", 3 / 4, np.sin),
    ("2H", "cos-cos", 2 / 3, np.cos),
])  # fmt: skip
def test_equal_to_the_naive_sum(isotope, sequence, prefactor, function):
    """Every origin, every ion, a rule of far higher degree, tp ≠ td."""
    rng = np.random.default_rng(1)
    sites = site_jumps(rng, 120, 3, 0.05, 4)
    tensors = random_tensors(rng, (3, 4))[np.arange(3), sites].astype(np.float32)
    scale = 1.0 if isotope == "7Li" else 10.0  # 2H couples less
    result = stimulated_echo(
        tensor_series(tensors), 7 * scale, 9 * scale, isotope=isotope, sequence=sequence, accuracy=1e-5
    )
    for k in (0, 3, len(result.lag) - 1):
        expected = naive(tensors, 7e-6 * scale, 9e-6 * scale, isotope, prefactor, function, int(result.lag[k]))
        assert result.signal[0, k] == pytest.approx(expected, abs=3e-5)


def test_octupolar_order_travels_too():
    """45° cosine-cosine of 7Li: two terms, constants included, against the sequence itself."""
    from ufpnmr.nmr.spin import echo_sequence

    rng = np.random.default_rng(2)
    tensors = random_tensors(rng, (80, 2)).astype(np.float32)
    result = stimulated_echo(tensor_series(tensors), 8.0, sequence="cos-cos", angle=45.0, accuracy=1e-5)
    b, w = sphere_rule(65)
    phases = np.array([omega_q(tensors, "7Li", x, "satellite_rad") for x in b]) * 8e-6
    lag = int(result.lag[5])
    signal = echo_sequence(1.5, "cos-cos", 45.0).signal(phases[:, : 80 - lag], phases[:, lag:])
    assert result.signal[0, 5] == pytest.approx(w @ signal.mean(axis=(1, 2)), abs=3e-5)


def test_short_pulses_give_the_exact_powder_correlation():
    """Eq. 4 is the limit tp, td -> 0 of eq. 3."""
    rng = np.random.default_rng(3)
    sites = site_jumps(rng, 2000, 20, 0.02, 3)
    tensors = random_tensors(rng, (20, 3))[np.arange(20), sites].astype(np.float32)
    s = tensor_series(tensors)
    echo = stimulated_echo(s, 0.05, accuracy=1e-8)
    powder = correlate(s, "powder", normalisation="raw", convention="satellite_rad")
    index = np.rint(echo.lag).astype(int)
    np.testing.assert_allclose(
        echo.signal[0] / (0.45 * (0.05e-6) ** 2), powder.mean[index], rtol=2e-3, atol=2e-3 * powder.mean[0]
    )


def test_single_crystal_and_its_ergodic_limit():
    """Two sites in one field direction: F(∞) = <sin>² over the sites, F(0) = <sin²>."""
    rng = np.random.default_rng(4)
    sites = site_jumps(rng, 4000, 40, 0.1, 2)
    s = tensor_series(axial(np.where(sites == 0, 60.0, -20.0)).astype(np.float32))
    result = stimulated_echo(s, 5.0, field=(0, 0, 1))
    sines = np.sin(math.pi * 1e3 * np.array([60.0, -20.0]) * 5e-6)[sites]
    assert result.signal[0, 0] == pytest.approx(0.45 * np.mean(sines**2), rel=1e-4)
    assert result.ergodic[0] == pytest.approx(0.45 * np.mean(sines) ** 2, rel=1e-4)
    assert result.degree[0] == 0
    fit = fit_decay(result.curve(0))
    exact = -1e-3 / math.log(1 - 2 * 0.1)  # ns; jumps of 10 % per frame of 1 ps in both directions
    assert fit.tau.ci_low < exact < fit.tau.ci_high


@pytest.mark.parametrize(("angle", "left"), [(90.0, 1 / 4), (54.7356103, 1 / 2)])
def test_final_state_tells_the_angle_of_the_jump(angle, left):
    """Two equal axial tensors with axes at β, tp -> 0: F(∞)/F(0) = [1 + P2(cos β)]/2 (spec efg 9); 1/2 for large tp."""
    beta = math.radians(angle)
    axes = np.array([[0, 0, 1], [math.sin(beta), 0, math.cos(beta)]])
    x, y, z = axes.T
    pair = 1.5 * 100 / KAPPA * np.stack([x * x - 1 / 3, y * y - 1 / 3, z * z - 1 / 3, x * y, x * z, y * z], axis=-1)
    s = tensor_series(pair[np.arange(200)[:, None] % 2].astype(np.float32))
    short, long = stimulated_echo(s, 0.2, accuracy=1e-7), stimulated_echo(s, 60.0)
    assert short.ergodic[0] / short.signal[0, 0] == pytest.approx((1 + (3 * math.cos(beta) ** 2 - 1) / 2) / 2, rel=2e-3)
    assert short.ergodic[0] / short.signal[0, 0] == pytest.approx(left, rel=4e-3)
    assert long.ergodic[0] / long.signal[0, 0] == pytest.approx(1 / 2, abs=0.1)  # horns of the powder: slowly


def test_field_along_a_lattice_vector():
    s = tensor_series(axial(np.full((64, 2), 40.0)).astype(np.float32))
    along, across = (stimulated_echo(s, 5.0, field=name).signal[0, 0] for name in ("c", "a"))
    assert along == pytest.approx(0.45 * math.sin(math.pi * 40e3 * 5e-6) ** 2, rel=1e-5)
    assert across == pytest.approx(0.45 * math.sin(math.pi * 20e3 * 5e-6) ** 2, rel=1e-5)


def test_window_averages_motion_and_static_does_not():
    """Fast jumps during tp leave the sine of the averaged tensor; static phases keep that of each site."""
    rng = np.random.default_rng(5)
    sites = site_jumps(rng, 6000, 30, 0.4, 2)
    values = np.where(sites == 0, 90.0, 30.0)
    s = tensor_series(axial(values).astype(np.float32), 5e4)  # a frame every 50 ns
    window = stimulated_echo(s, 10.0, phase="window", field=(0, 0, 1))
    average = 0.45 * math.sin(math.pi * 60e3 * 10e-6) ** 2
    late = window.signal[0, window.lag > 1e6].mean()
    assert late == pytest.approx(average, rel=0.02)
    static = stimulated_echo(s, 10.0, field=(0, 0, 1))
    assert static.signal[0, 0] == pytest.approx(0.45 * np.mean(np.sin(math.pi * values * 1e-2) ** 2), rel=0.01)
    assert any("static phases" in warning for warning in static.warnings)
    assert window.warnings == []


def test_window_of_a_static_tensor_is_static():
    rng = np.random.default_rng(6)
    frozen = np.broadcast_to(random_tensors(rng, (1, 4)), (200, 4, 6)).astype(np.float32)
    s = tensor_series(frozen, 1e6)
    window, static = (stimulated_echo(s, 4.0, 6.0, phase=phase) for phase in ("window", "static"))
    np.testing.assert_allclose(window.signal[0, :40], static.signal[0, 0], atol=2e-6)


def test_errors_cover_independent_replicas():
    """The standard error is the scatter between replicas."""
    values, errors = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        sites = site_jumps(rng, 600, 20, 0.05, 2)
        result = stimulated_echo(
            tensor_series(axial(np.where(sites == 0, 60.0, -20.0)).astype(np.float32)), 5.0, field=(0, 0, 1), n_lags=12
        )
        values.append(result.signal[0, 6])
        errors.append(result.std_error[0, 6])
    assert 0.7 < np.mean(errors) / np.std(values, ddof=1) < 1.6


def test_read_and_write_and_csv(tmp_path):
    from ufpnmr.results.echo import EchoResult

    rng = np.random.default_rng(7)
    s = tensor_series(random_tensors(rng, (100, 3)).astype(np.float32))
    result = stimulated_echo(s, [5.0, 10.0])
    result.write(tmp_path / "echo.h5")
    back = EchoResult.read(tmp_path / "echo.h5")
    np.testing.assert_array_equal(back.signal, result.signal)
    assert "F = 0.45 sin φp sin φd" in back.description
    result.write_csv(tmp_path / "echo.csv")
    lines = (tmp_path / "echo.csv").read_text().splitlines()
    assert lines[0] == '"lag / ps","signal[0]","signal[1]","std_error[0]","std_error[1]"'
    assert len(lines) == 1 + len(result.lag)
    assert float(lines[1].split(",")[2]) == pytest.approx(result.signal[1, 0], rel=1e-9)


@pytest.mark.parametrize(("tau", "plateau", "coupling", "expected"), [
    (46e-9, 0.0, 100.0, "narrowed"),
    (46e-9, 0.1, 100.0, "residual"),  # the glass: decay outside, residual coupling only
    (40e-3, 0.0, 100.0, "visible"),
    (40e-3, 0.98, 100.0, "shallow"),
    (math.inf, 0.0, 100.0, "frozen"),
    (40e-3, 0.0, 5.0, "uncoupled"),
])  # fmt: skip
def test_verdicts(tau, plateau, coupling, expected):
    assert verdict(tau, plateau, coupling) == expected


def test_limits_of_the_experiment_are_settable():
    assert verdict(5e-6, 0.0, 100.0, Experiment(shortest=1e-6)) == "visible"
    assert verdict(1e-3, 0.0, 8.0, Experiment(sensitivity=5.0)) == "visible"
    with pytest.raises(InputError, match="shortest < longest"):
        Experiment(shortest=2.0)
    with pytest.raises(InputError, match="tau > 0"):
        verdict(-1.0, 0.0, 100.0)


def test_verdict_on_fits():
    rng = np.random.default_rng(8)
    sites = site_jumps(rng, 3000, 30, 0.02, 2)
    moving = tensor_series(axial(np.where(sites == 0, 60.0, -20.0)).astype(np.float32), 100.0)
    assert decay_verdict(fit_decay(correlate(moving)), 42.0) == "residual"
    still = tensor_series(axial(50 + rng.standard_normal((1000, 20))).astype(np.float32), 100.0)
    fit = fit_decay(correlate(still))
    assert fit.status == "no_decay"
    assert decay_verdict(fit, 50.0) == "undecided"
    assert decay_verdict(fit, 5.0) == "uncoupled"


@pytest.mark.parametrize(("arguments", "words"), [
    ({"tp": -1.0}, "positive times"),
    ({"tp": 10.0, "phase": "dynamic"}, "static or window"),
    ({"tp": 10.0, "phase": "window"}, "room for 0"),
    ({"tp": 2.4e-6, "phase": "window"}, "multiple of the frame interval"),
    ({"tp": 10.0, "sequence": "sine"}, "did you mean"),
    ({"tp": 10.0, "isotope": "31P"}, "spin 1/2"),
    ({"tp": 10.0, "n_blocks": 4}, "at least 16 blocks"),
    ({"tp": 1e4}, "beyond degree 600"),
])  # fmt: skip
def test_bad_input(arguments, words):
    rng = np.random.default_rng(9)
    s = tensor_series(random_tensors(rng, (100, 2)).astype(np.float32))
    with pytest.raises(InputError, match=words):
        stimulated_echo(s, **arguments)


def test_tensors_that_are_not_finite_are_refused():
    tensors = random_tensors(np.random.default_rng(10), (100, 2)).astype(np.float32)
    tensors[17, 1] = np.nan
    with pytest.raises(InputError, match="frame 17, atom 2"):
        stimulated_echo(tensor_series(tensors), 10.0)
