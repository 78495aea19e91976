"""Arrhenius fits of values whose law is known, SciPy as oracle."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from ufpnmr import arrhenius
from ufpnmr.errors import InputError
from ufpnmr.results.arrhenius import ArrheniusFit
from ufpnmr.units import BOLTZMANN_EV

KELVIN = np.array([400.0, 500.0, 600.0, 800.0])


def law(kelvin, energy=0.35, prefactor=2e-3):
    return prefactor * np.exp(-energy / (BOLTZMANN_EV * np.asarray(kelvin)))


def test_exact_values_give_the_law_and_its_inverse_time():
    found = arrhenius.fit(KELVIN, law(KELVIN), np.full(4, 0.1), unit="cm2/s")
    assert found.activation_energy.value == pytest.approx(0.35, rel=1e-10)
    assert found.prefactor.value == pytest.approx(2e-3, rel=1e-9)
    assert found.predict(550.0).value == pytest.approx(law(550.0), rel=1e-10)
    assert found.chi_square == pytest.approx(0, abs=1e-15)
    inverse = arrhenius.fit(KELVIN, 1 / law(KELVIN), np.full(4, 0.1), unit="ps", time=True)
    assert inverse.activation_energy.value == pytest.approx(0.35, rel=1e-10)
    assert inverse.activation_energy.std_error == pytest.approx(found.activation_energy.std_error)
    assert inverse.predict(550.0).value == pytest.approx(1 / law(550.0), rel=1e-10)


def test_errors_are_those_of_scipy():
    rng = np.random.default_rng(1)
    errors = np.array([0.3, 0.1, 0.05, 0.2])
    values = law(KELVIN) * np.exp(errors * rng.normal(size=4))
    found = arrhenius.fit(KELVIN, values, errors)
    (a, b), covariance = curve_fit(
        lambda x, a, b: a - b * x, 1 / (BOLTZMANN_EV * KELVIN), np.log(values), sigma=errors, absolute_sigma=True
    )
    assert found.activation_energy.value == pytest.approx(b, rel=1e-6)
    assert np.log(found.prefactor.value) == pytest.approx(a, rel=1e-6)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-4)


@pytest.mark.parametrize("points", [2, 3, 5])
@pytest.mark.parametrize("scatter", [1.0, 2.0])
def test_intervals_cover(points, scatter):
    """Errors estimated from ten blocks; points that scatter twice as much as their errors are inflated where seen."""
    rng = np.random.default_rng(2)
    kelvin = np.linspace(450, 700, points)
    inside = {"energy": 0, "prefactor": 0, "prediction": 0}
    for _ in range(400):
        true = rng.uniform(0.05, 0.2, points)
        errors = true / scatter * np.sqrt(rng.chisquare(9, points) / 9)
        found = arrhenius.fit(kelvin, law(kelvin) * np.exp(true * rng.normal(size=points)), errors)
        at = found.predict(500.0)
        inside["energy"] += found.activation_energy.ci_low < 0.35 < found.activation_energy.ci_high
        inside["prefactor"] += found.prefactor.ci_low < 2e-3 < found.prefactor.ci_high
        inside["prediction"] += at.ci_low < law(500.0) < at.ci_high
    for name, count in inside.items():
        if scatter == 1:
            assert 368 <= count <= 396, name
        elif points == 5:
            assert count > 320, name


def test_extrapolation_warns_and_is_named():
    found = arrhenius.fit(KELVIN, law(KELVIN), np.full(4, 0.1))
    with pytest.warns(UserWarning, match="300 K is outside the fitted 400 to 800 K"):
        far = found.predict(300.0)
    near = found.predict(500.0)
    assert "extrapolated from 400 to 800 K" in far.method
    assert "extrapolated" not in near.method
    assert far.ci_high / far.ci_low > near.ci_high / near.ci_low


def test_scatter_beyond_the_errors_is_said():
    curved = law(KELVIN) * np.exp([0.5, -0.5, 0.5, -0.5])
    found = arrhenius.fit(KELVIN, curved, np.full(4, 0.02))
    assert found.p_value < 1e-6
    assert "scatter more than their errors" in found.parameters["notice"]
    assert (
        found.activation_energy.std_error
        > 10 * arrhenius.fit(KELVIN, law(KELVIN), np.full(4, 0.02)).activation_energy.std_error
    )


def test_written_and_read(tmp_path):
    found = arrhenius.fit(KELVIN, law(KELVIN), np.full(4, 0.1), unit="cm2/s")
    for name in ("fit.json", "fit.h5"):
        found.write(tmp_path / name)
        back = ArrheniusFit.read(tmp_path / name)
        assert back.records == found.records
        assert back.predict(600.0) == found.predict(600.0)
        np.testing.assert_array_equal(back.value, found.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([300.0], [1.0], [0.1]), "at least two different temperatures"),
        (([300.0, 300.0], [1.0, 2.0], [0.1, 0.1]), "at least two different temperatures"),
        (([300.0, 400.0], [1.0, -2.0], [0.1, 0.1]), "positive value at every point, found -2 at point 1"),
        (([300.0, 400.0], [1.0, 2.0], [0.1, 0.0]), "standard error of ln value"),
        (([300.0, 0.0], [1.0, 2.0], [0.1, 0.1]), "temperature"),
        (([300.0, 400.0], [1.0], [0.1, 0.1]), "one shape"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        arrhenius.fit(*arguments)
    if message == "one shape":
        with pytest.raises(InputError, match="above 0 K"):
            arrhenius.fit([300.0, 400.0], [1.0, 2.0], [0.1, 0.1]).predict(0.0)
