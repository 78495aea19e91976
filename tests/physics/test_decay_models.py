"""Comparison of models, distribution of decay times, hopping ions: processes with known answers."""

import numpy as np
import pytest

from processes import axial, series, site_jumps, telegraph
from ufpnmr.errors import InputError
from ufpnmr.nmr import RateDistribution, compare_models, correlate, fit_decay, rate_distribution, renewal_correction


@pytest.fixture
def rng():
    return np.random.default_rng(29)


def curve(x, **options):
    return correlate(series(axial(100 * x).astype(np.float32)), **options)


def two_rates(rng):
    return telegraph(rng, 5000, 80, 1 / 10, noise=0.1) + telegraph(rng, 5000, 80, 1 / 200)


def test_models_of_one_and_of_two_rates(rng):
    fits = {fit.name: fit for fit in compare_models(curve(telegraph(rng, 5000, 80, 1 / 30, noise=0.2)))}
    assert fits["exponential"].delta_bic < 6 < fits["3 exponentials"].delta_bic
    assert fits["exponential"].parameters["tau_ps"][0] == pytest.approx(30, rel=0.15)
    assert min(fit.delta_bic for fit in fits.values()) == 0
    fits = {fit.name: fit for fit in compare_models(curve(two_rates(rng)))}
    two = fits["2 exponentials"]
    assert two.delta_bic < 6 < fits["stretched"].delta_bic < fits["exponential"].delta_bic
    assert two.parameters["tau_ps"] == pytest.approx([10, 200], rel=0.3)


def test_distribution_has_the_two_peaks(rng, tmp_path):
    result = rate_distribution(curve(two_rates(rng)), replicas=100)
    assert [peak.tau for peak in result.peaks] == pytest.approx([10, 200], rel=0.35)
    assert [peak.share for peak in result.peaks] == pytest.approx([0.5, 0.5], abs=0.1)
    assert np.all(result.weight >= 0)
    assert np.abs(result.fit - result.curve).max() < 0.02
    result.write(tmp_path / "rates.h5")
    again = RateDistribution.read(tmp_path / "rates.h5")
    assert again.peaks == result.peaks
    one = rate_distribution(curve(telegraph(rng, 5000, 80, 1 / 30, noise=0.2)), non_negative=False, replicas=100)
    assert [peak.tau for peak in one.peaks] == pytest.approx([30], rel=0.3)


def test_nothing_to_invert(rng):
    still = curve(1 + 0.5 * rng.standard_normal(40) + 0.3 * rng.standard_normal((1000, 40)))
    for refuses in (compare_models, rate_distribution):
        with pytest.raises(InputError, match="no decay"):
            refuses(still)


def hopping(rng, n_frames=1000, n_ions=144, tau=2000.0):
    sites = site_jumps(rng, n_frames, n_ions, (1 - np.exp(-1 / tau)) / 2)
    x = 2.0 * sites - 1 + np.sqrt(0.1) * rng.standard_normal(sites.shape)
    return x, sites, np.flatnonzero((sites != sites[0]).any(axis=0)) + 1


def test_bias_of_hopping_ions_and_its_repair(rng):
    """Decay time twice the run: the ions that hopped give a fifth of it; all ions and the correction the truth."""
    x, sites, chosen = hopping(rng)
    biased = curve(x, ions=chosen, selection="ions that hopped")
    fits = {
        "hopping": fit_decay(biased, plateau=0.0),
        "all": fit_decay(curve(x), plateau=0.0),
        "corrected": fit_decay(renewal_correction(biased, 144), plateau=0.0),
        "on one site": fit_decay(curve(x, origins=sites == 1), plateau=0.0),
    }
    assert fits["hopping"].tau.value < 0.35 * 2.0
    assert fits["hopping"].tau.ci_high < 2.0
    for name in ("all", "corrected", "on one site"):
        assert fits[name].tau.ci_low < 2.0 < fits[name].tau.ci_high, name
    assert any("measured bias: τ of these" in warning for warning in fits["hopping"].warnings)
    assert not any("bias" in warning for warning in fits["all"].warnings)


def test_renewal_correction_needs_a_selection_by_outcome(rng):
    x, _, chosen = hopping(rng, 200, 20, 100.0)
    with pytest.raises(InputError, match="chosen by what they did"):
        renewal_correction(curve(x), 30)
    with pytest.raises(InputError, match="at least the"):
        renewal_correction(curve(x, ions=chosen), 1)
