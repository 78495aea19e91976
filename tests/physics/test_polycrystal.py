"""The model polycrystal: scaling with grain size, limits, resolution, mixtures, what 30 to 50 ms mean."""

import dataclasses
import math

import numpy as np
import pytest

from ufpnmr.errors import InputError
from ufpnmr.nmr import coupling
from ufpnmr.nmr.polycrystal import Grains, hop_diffusion, polycrystal, uniaxial
from ufpnmr.nmr.spin import echo_sequence
from ufpnmr.results.polycrystal import PolycrystalResult

COARSE = Grains(count=200, voxels=20, realisations=2)
PAPER = hop_diffusion(2.57e5, 3.2)  # Harper 2025: hop rate of β-Li3PS4; 3.2 Å between its 8d and 4b sites
TENSOR = uniaxial(60.0, 0.3)


def predict(sizes=(50.0,), grains=COARSE, diffusion=PAPER, **kwargs):
    return polycrystal(kwargs.pop("tensors", TENSOR), sizes, diffusion, "test", grains=grains, **kwargs)


@pytest.fixture(scope="module")
def plain():
    return predict((10.0, 30.0, 100.0))


def test_tensor_of_given_coupling():
    c_q, eta = coupling(TENSOR)
    assert (float(c_q), float(eta)) == pytest.approx((60.0, 0.3))
    assert hop_diffusion(6e5, 10.0) == pytest.approx(1e-9)


def test_decay_time_goes_with_the_square_of_the_size_and_ends_at_zero(plain):
    np.testing.assert_allclose(plain.tau / plain.tau[0], [1, 9, 100], rtol=1e-9)
    np.testing.assert_allclose(plain.tau * PAPER * 1e14 / plain.size**2, plain.constant.value, rtol=1e-9)
    assert np.all(plain.curve[:, -1] < 0.02)
    assert np.all(plain.plateau < 0.06)
    np.testing.assert_allclose(plain.curve[:, 0], 1, atol=0.05)
    assert np.all(plain.grains == 200)


def test_scaling_over_a_decade_without_scale_invariance_built_in():
    """A permeable boundary makes every size a calculation of its own; with P ≫ D/L the law L²/D must come out."""
    grains = dataclasses.replace(COARSE, boundary_rate=1e12, jump_length=3.0)
    result = predict((10.0, 30.0, 100.0), grains)
    exponent = np.polyfit(np.log(result.size), np.log(result.tau), 1)[0]
    assert exponent == pytest.approx(2, abs=0.01)
    assert result.constant.value is None


def test_boundary_resistance_takes_over_in_small_grains():
    """P ≪ D/L: τ is proportional to L/P."""
    grains = dataclasses.replace(COARSE, boundary_rate=1e2, jump_length=3.0)
    result = predict((1.0, 3.0, 10.0), grains)
    exponent = np.polyfit(np.log(result.size), np.log(result.tau), 1)[0]
    assert exponent == pytest.approx(1, abs=0.03)
    assert np.all(result.tau > 10 * predict((1.0, 3.0, 10.0)).tau)


def test_constant_is_of_the_order_of_a_sphere_and_does_not_depend_on_resolution(plain):
    """A sphere of diameter L without walls falls to 1/e at t D/L² = 0.045; most cells are smaller or less compact."""
    finer = predict(grains=dataclasses.replace(COARSE, voxels=36))
    assert finer.constant.value == pytest.approx(plain.constant.value, rel=0.12)
    assert 0.025 < finer.constant.value < 0.06


def test_paper_parameters_give_tens_of_nanometres(plain):
    """30 to 50 ms with D of the hop rate; Harper 2025 only says that grain boundaries matter."""
    small, large = (plain.target_size[key].value for key in ("30 ms", "50 ms"))
    assert large / small == pytest.approx(math.sqrt(5 / 3))
    assert 40 < small < large < 100
    again = predict((small, large))
    np.testing.assert_allclose(again.tau, [0.03, 0.05], rtol=1e-6)
    assert again.verdicts == ["visible", "visible"]


def test_limits():
    result = predict((0.5, 50.0, 1e5))
    assert result.verdicts == ["narrowed", "visible", "frozen"]
    assert any("motional narrowing up to 0.5 nm" in w for w in result.warnings)
    assert any("not a simulation of atoms" in w for w in result.warnings)
    # the larger the crystal, the slower: within a window of 1 s nothing happens at 0.1 mm
    assert np.interp(1.0, result.time, result.curve[2]) > 0.99


def test_echo_is_that_of_independent_orientations(plain):
    """F(0) = 9/20 <sin²>, F(∞) = 9/20 <sin>², tp = 10 µs, C_Q 100 kHz, η 0.4 (spec efg 9)."""
    result = predict(tensors=uniaxial(100.0, 0.4), tp=[10.0, 20.0])
    memory = result.curve[0]
    first = 0.45 * np.array([0.56361, 0.50684])
    last = first * np.array([0.0409, 0.0724])
    np.testing.assert_allclose(result.echo, last[:, None] + (first - last)[:, None] * memory, atol=5e-5)
    assert echo_sequence(1.5).prefactor == pytest.approx(0.45)


def test_sites_average_inside_a_grain():
    """Two sites with opposite tensors in equal numbers leave nothing; 3:1 leaves half."""
    both = np.array([TENSOR, -TENSOR])
    result = predict(tensors=both, weights=[3, 1])
    assert result.averaged_fraction == pytest.approx(0.25)
    assert result.coupling == pytest.approx(30 * math.sqrt(1.03))
    assert predict(tensors=both, weights=[0.55, 0.45]).verdicts == ["uncoupled"]


def test_glass_ceramic():
    """Amorphous grains without residual coupling: less signal, and a faster escape from the crystalline ones."""
    grains = dataclasses.replace(COARSE, amorphous=0.5, amorphous_diffusion=100 * PAPER)
    mixture, pure = predict(grains=grains), predict()
    assert mixture.tau[0] < pure.tau[0]
    assert "50% amorphous" in mixture.model
    assert any("same concentration" in w for w in mixture.warnings)
    with pytest.raises(InputError, match="diffusion coefficient of the amorphous part"):
        Grains(amorphous=0.5)


def test_read_and_write(plain, tmp_path):
    plain.write(tmp_path / "grains.h5")
    back = PolycrystalResult.read(tmp_path / "grains.h5")
    np.testing.assert_array_equal(back.curve, plain.curve)
    assert back.target_size["30 ms"] == plain.target_size["30 ms"]


@pytest.mark.parametrize(("arguments", "words"), [
    ({"sizes": (100.0, 10.0)}, "increasing"),
    ({"sizes": ()}, "increasing"),
    ({"diffusion": 0.0}, "above 0 cm²/s"),
    ({"target": (50.0, 30.0)}, "the smaller first"),
    ({"weights": [1.0, 2.0]}, "one population each"),
])  # fmt: skip
def test_bad_input(arguments, words):
    with pytest.raises(InputError, match=words):
        predict(**arguments)


def test_bad_microstructures():
    for arguments in ({"count": 50}, {"realisations": 1}, {"amorphous": 1.0}, {"boundary_rate": 0.0}):
        with pytest.raises(InputError):
            Grains(**arguments)
    with pytest.raises(InputError, match="where it comes from"):
        polycrystal(TENSOR, [10.0], 1e-10, " ")
