"""Decay fits: known decay times, coverage of the intervals, refusals."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from scipy.optimize import curve_fit

from processes import axial, series, telegraph
from ufpnmr.errors import InputError
from ufpnmr.nmr import DecayFit, correlate, fit_decay
from ufpnmr.nmr.decay import estimate
from ufpnmr.nmr.stretched import Fixed, fit_curves, model

LAG = np.unique(np.rint(np.geomspace(1, 1000, 100)))


@pytest.fixture
def rng():
    return np.random.default_rng(23)


def correlated(x, interval=1.0, **options):
    return correlate(series(axial(100 * x).astype(np.float32), interval), **options)


def noisy_jumps(rng, tau, n_frames=4000, n_ions=50, group=1, offset=0.0):
    """Two-site jumps with white noise of 20 % of the variance."""
    return telegraph(rng, n_frames, n_ions, 1 / tau, noise=0.2, group=group) + offset


def estimated(x, gamma=1.0):
    """Estimate behind a fit: it has an interval whatever the status."""
    curve = correlated(x)
    return estimate(curve, Fixed(gamma), curve.duration / 4)


@pytest.mark.parametrize("gamma", [1.0, 0.6, 0.35])
@pytest.mark.parametrize("plateau", [0.0, 0.3, 0.9])
def test_exact_curves_give_exact_parameters(gamma, plateau):
    taus, amplitudes = np.array([3.0, 40.0, 300.0]), np.array([0.5, 0.8, 1.0])
    curves = np.array([model(LAG, t, a, plateau, gamma) for t, a in zip(taus, amplitudes, strict=True)])
    fits = fit_curves(LAG, curves, np.ones(len(LAG)), Fixed(gamma))
    assert np.allclose(fits.tau, taus, rtol=2e-4)
    assert np.allclose(fits.amplitude, amplitudes, rtol=1e-3)
    assert np.allclose(fits.plateau, plateau, atol=1e-3)
    free = fit_curves(LAG, curves[1:2], np.ones(len(LAG)), Fixed(None))
    refitted = model(LAG, free.tau[0], free.amplitude[0], free.plateau[0], free.gamma[0])
    assert np.abs(refitted - curves[1]).max() < 2e-4


@pytest.mark.parametrize(
    "fixed",
    [
        Fixed(1.0),
        Fixed(None),
        Fixed(1.0, plateau=0.2),
        Fixed(1.0, amplitude=0.8),
        Fixed(1.0, plateau=0.2, amplitude=0.8),
    ],
)
def test_grid_search_finds_the_minimum_that_scipy_finds(rng, fixed):
    curve = model(LAG, 60.0, 0.8, 0.25, 0.8) + 0.01 * rng.standard_normal(len(LAG))
    weights = 1 / np.linspace(1, 3, len(LAG)) ** 2
    names = [n for n in ("amplitude", "plateau", "gamma") if getattr(fixed, n) is None]

    def evaluate(lag, log_tau, *free):
        values = {
            "amplitude": fixed.amplitude,
            "plateau": fixed.plateau,
            "gamma": fixed.gamma,
            **dict(zip(names, free, strict=True)),
        }
        return model(lag, math.exp(log_tau), **values)

    start = [math.log(50), *([0.7] * len(names))]
    bounds = ([0, *([0.01] * len(names))], [9, *([1.0] * len(names))])
    best = curve_fit(evaluate, LAG, curve, start, sigma=weights**-0.5, bounds=bounds, xtol=1e-14, ftol=1e-14)[0]
    ours = fit_curves(LAG, curve[None], weights, fixed)
    mine = [math.log(ours.tau[0]), *(getattr(ours, n)[0] for n in names)]
    cost = [np.sum(weights * (evaluate(LAG, *p) - curve) ** 2) for p in (mine, best)]
    assert cost[0] <= cost[1] * (1 + 1e-6)


def test_levels_stay_in_their_range(rng):
    below = model(LAG, 50.0, 1.0, 0.0, 1.0) - 0.2
    fits = fit_curves(LAG, np.vstack([below, np.linspace(0.1, 1, len(LAG))]), np.ones(len(LAG)), Fixed(1.0))
    assert fits.plateau[0] == 0
    assert np.all((fits.plateau >= 0) & (fits.plateau <= 1))


@pytest.mark.parametrize("gamma", [1.0, "free"])
def test_jumps_with_noise_return_tau_and_gamma(rng, gamma):
    fit = fit_decay(correlated(noisy_jumps(rng, 60.0, 6000, 100), interval=2.0), gamma=gamma)
    assert fit.status == "ok"
    assert fit.tau.unit == "ns"
    assert fit.tau.ci_low < 0.120 < fit.tau.ci_high
    assert fit.rate.ci_low < 1e12 / 120 < fit.rate.ci_high
    assert fit.gamma.ci_low <= 1 <= fit.gamma.ci_high
    assert fit.vibrational_fraction.ci_low < 1 - 1 / 1.2 < fit.vibrational_fraction.ci_high
    assert fit.plateau.ci_low <= 0.0 + 1e-12
    assert fit.mean_time.value == pytest.approx(
        fit.tau.value / fit.gamma.value * math.gamma(1 / fit.gamma.value), rel=1e-9
    )
    assert not fit.shallow
    assert fit.window[0] == 2
    assert 2800 < fit.window[1] <= 3000
    assert np.allclose(fit.residual, fit.curve - fit.fit)
    assert np.shape(fit.covariance["matrix"]) == (4, 4)
    resampled = fit.tau.value * math.sqrt(fit.covariance["matrix"][0][0])
    assert fit.tau.std_error == pytest.approx(resampled, rel=0.35)


def test_amplitude_fixed_at_one_is_the_bias_it_is_said_to_be(rng):
    curve = correlated(noisy_jumps(rng, 60.0, 6000, 100))
    free, fixed = fit_decay(curve), fit_decay(curve, amplitude=1.0)
    assert free.tau.ci_low < 0.060 < free.tau.ci_high
    assert fixed.tau.value < 0.75 * free.tau.value
    assert fixed.amplitude.method == "fixed"


def test_plateau(rng):
    fit = fit_decay(correlated(noisy_jumps(rng, 40.0, 6000, 100, offset=1.0)))
    assert fit.plateau.ci_low < 0.5 < fit.plateau.ci_high
    assert fit.tau.ci_low < 0.040 < fit.tau.ci_high
    given = fit_decay(correlated(noisy_jumps(rng, 40.0, 6000, 100, offset=1.0)), plateau=0.5)
    assert given.plateau.value == 0.5
    assert given.tau.ci_low < 0.040 < given.tau.ci_high


def test_ions_that_move_together_widen_the_interval(rng):
    fit = fit_decay(correlated(noisy_jumps(rng, 100.0, 4000, 50, group=5)))
    over_ions, over_blocks = (math.log(high / low) for low, high in (fit.interval_over_ions, fit.interval_over_blocks))
    assert over_blocks > 1.3 * over_ions
    assert math.log(fit.tau.ci_high / fit.tau.ci_low) > 1.5 * over_ions
    assert fit.covariance["variance_ratio_of_blocks"] == pytest.approx(5, rel=0.7)
    assert re.search("over (groups of ions|blocks), .* times the variance of independent ions", fit.tau.method)
    alone = fit_decay(correlated(noisy_jumps(rng, 100.0, 4000, 50)))
    assert alone.covariance["variance_ratio_of_blocks"] < 2


def static_ions(rng):
    """Ions that differ and do not move, with white noise."""
    return 1 + 0.5 * rng.standard_normal(50) + 0.3 * rng.standard_normal((2000, 50))


def test_static_ions_have_no_decay(rng):
    fit = fit_decay(correlated(static_ions(rng)))
    assert fit.status == "no_decay"
    assert fit.tau.value is None
    assert fit.tau.ci_low > 0.5
    assert fit.rate.value is None
    assert fit.rate.ci_high == pytest.approx(1e9 / fit.tau.ci_low)
    assert fit.tau.ci_high is None
    assert fit.plateau.value == pytest.approx(1, abs=0.02)
    assert abs(fit.relative_drop.value) < fit.relative_drop.ci_high < 0.1
    bound = fit.window[1] / -math.log1p(
        -(max(fit.relative_drop.value, 0) + fit.relative_drop.ci_high - fit.relative_drop.value)
    )
    assert fit.tau.ci_low * 1e3 == pytest.approx(bound, rel=1e-9)
    assert all(not r.trustworthy for name, r in fit.records.items() if name not in ("relative_drop", "plateau"))


def test_static_ions_are_told_from_decays_often(rng):
    """Spec analysis 5.10: at least 99 % of the runs (fast version: none of 60)."""
    assert all(fit_decay(correlated(static_ions(rng)), replicas=200).status == "no_decay" for _ in range(60))


def test_identical_ions_and_no_noise():
    fit = fit_decay(correlated(np.ones((200, 3))))
    assert fit.status == "no_decay"
    assert fit.z == pytest.approx(0, abs=1e-3)


def test_decay_as_long_as_the_run_gives_a_lower_bound(rng):
    fit = fit_decay(correlated(noisy_jumps(rng, 2500.0, 4000, 100)))
    assert fit.status == "window_too_short"
    assert fit.tau.value is None
    assert fit.tau.ci_high is None
    assert 0 < fit.tau.ci_low < 2.5
    assert fit.rate.ci_low is None
    assert fit.rate.ci_high == pytest.approx(1e9 / fit.tau.ci_low)


def test_few_events(rng):
    fit = fit_decay(correlated(noisy_jumps(rng, 500.0, 4000, 200)))
    assert fit.status == "few_events"
    assert fit.tau.trustworthy
    assert fit.tau.ci_low < 0.5 < fit.tau.ci_high


def test_decay_within_one_frame_is_undersampled(rng):
    x = telegraph(rng, 4000, 100, 1 / 0.4)
    fit = fit_decay(correlated(x))
    assert fit.status == "undersampled"
    assert fit.tau.value is None
    assert fit.tau.ci_low is None
    assert fit.tau.ci_high > 4e-4


def test_shallow_decay_is_flagged(rng):
    x = 10 + telegraph(rng, 6000, 100, 1 / 40)
    fit = fit_decay(correlated(x))
    assert fit.shallow
    assert fit.status == "ok"
    assert fit.relative_drop.value == pytest.approx(1 / 101, rel=0.4)
    without_mean = fit_decay(correlated(x, normalisation="covariance_global"))
    assert not without_mean.shallow
    assert abs(math.log(without_mean.tau.value / 0.040)) < 3 * without_mean.tau.std_error / without_mean.tau.value


def test_one_ion(rng):
    fit = fit_decay(correlated(noisy_jumps(rng, 20.0, 20000, 1)))
    assert fit.status == "ok"
    assert re.search("over (groups of ions|blocks), .* times the variance of independent ions", fit.tau.method)
    assert fit.tau.ci_low < 0.020 < fit.tau.ci_high


def test_same_seed_same_numbers_and_survives_the_file(rng, tmp_path):
    curve = correlated(noisy_jumps(rng, 60.0), ions=list(range(1, 31)), selection="first thirty")
    fit = fit_decay(curve)
    assert fit_decay(curve).tau == fit.tau
    fit.write(tmp_path / "decay.json")
    again = DecayFit.read(tmp_path / "decay.json")
    assert again.tau == fit.tau
    assert again.records == fit.records
    assert np.allclose(again.fit, fit.fit)
    assert "first thirty" in again.warnings[0]
    for words in ("7Li", "Q = -40.1 mb", "Pyykkö", "harper2025", "field along"):
        assert words in again.observable
    refused = fit_decay(correlated(static_ions(rng)))
    refused.write(tmp_path / "refused.json")

    def no_constant(name):
        raise AssertionError(f"{name} is not JSON")

    json.loads((tmp_path / "refused.json").read_text(), parse_constant=no_constant)
    assert DecayFit.read(tmp_path / "refused.json").fit is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gamma": 1.5}, r"\(0, 1\]"),
        ({"gamma": "fre"}, "'free'"),
        ({"plateau": 1.0}, "plateau"),
        ({"amplitude": 0.0}, "amplitude"),
        ({"replicas": 50}, "at least 200"),
        ({"window": 5000.0}, "up to 1000 ps"),
        ({"window": 4.0}, "at least 8 lags"),
    ],
)
def test_bad_options(rng, options, words):
    curve = correlated(static_ions(rng))
    with pytest.raises(InputError, match=words):
        fit_decay(curve, **options)


@pytest.mark.parametrize("normalisation", ["covariance", "unit_interval"])
def test_curves_for_figures_are_not_fitted(rng, normalisation):
    with pytest.raises(InputError, match="for figures"):
        fit_decay(correlated(static_ions(rng), normalisation=normalisation))


def coverage(replicas, first_seed=0, **process):
    """Fraction of runs whose 95 % interval of τ holds the truth, and mean stated over true sd of ln τ."""
    hits, stated, centres = 0, [], []
    for seed in range(first_seed, first_seed + replicas):
        found = estimated(noisy_jumps(np.random.default_rng(seed), **process))
        low, high = found.interval
        hits += low <= process["tau"] <= high
        stated.append(found.errors.std_error)
        centres.append(math.log(found.fit.tau[0]))
    return hits / replicas, np.mean(stated) / np.std(centres)


def test_interval_covers_the_truth():
    """Sixty runs, T = 22 τ: 95 % nominal; below 52 of 60 has a probability of 1 %."""
    covered, _ = coverage(60, tau=182.0)
    assert covered >= 52 / 60


@pytest.mark.slow
@pytest.mark.parametrize(
    "process",
    [{"tau": 182.0}, {"tau": 100.0, "n_ions": 12}],
    ids=["T = 22 tau", "T = 40 tau, 12 ions"],
)
def test_coverage_of_the_interval(process):
    covered, ratio = coverage(400, **process)
    assert 0.92 <= covered <= 0.98
    assert 0.7 <= ratio <= 1.3


@pytest.mark.slow
@pytest.mark.parametrize("tau", [400.0, 800.0], ids=["T = 10 tau", "T = 5 tau"])
def test_intervals_of_short_runs_hold(tau):
    """The bound b² >= 0 makes τ short and its scatter smaller than stated; 92 % at T = 5 τ, all intervals counted."""
    covered, ratio = coverage(400, tau=tau)
    assert covered >= 0.92
    assert 0.7 <= ratio <= 1.3


@pytest.mark.slow
def test_concerted_motion_is_mostly_covered():
    """Ions that move in groups of five: 86 % is what blocks alone reach with the usual quantile (spec efg 6.7)."""
    covered, ratio = coverage(400, tau=182.0, group=5)
    assert 0.90 <= covered <= 0.98
    assert 0.7 <= ratio <= 1.3


@pytest.mark.slow
def test_static_ions_have_no_decay_in_99_percent():
    found = 0
    for seed in range(400):
        fit = fit_decay(correlated(static_ions(np.random.default_rng(seed))), replicas=200)
        found += fit.status != "no_decay"
    assert found <= 4


def test_description_survives_replacing_parameters(rng):
    curve = correlated(static_ions(rng))
    changed = dataclasses.replace(curve, isotope={**curve.isotope, "quadrupole_moment_mb": -40.6})
    assert "Q = -40.6 mb" in fit_decay(changed).observable
