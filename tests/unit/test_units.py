import pytest
import scipy.constants

from ufpnmr import units


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("elementary charge", units.ELEMENTARY_CHARGE),
        ("Planck constant", units.PLANCK),
        ("Boltzmann constant in eV/K", units.BOLTZMANN_EV),
        ("Hartree energy in eV", units.HARTREE_EV),
    ],
)
def test_constants_are_those_of_codata(name, ours):
    # the CODATA set shipped by SciPy may be the one before: they agree to 1e-10
    assert ours == pytest.approx(scipy.constants.physical_constants[name][0], rel=1e-10)


def test_bohr_radius_agrees_with_codata():
    assert pytest.approx(scipy.constants.physical_constants["Bohr radius"][0] * 1e10, rel=1e-9) == units.BOHR_ANGSTROM


def test_field_gradient_units():
    assert pytest.approx(97.173624, abs=1e-6) == units.EFG_AU_IN_V_PER_A2
    assert pytest.approx(14.399645, abs=1e-6) == units.EFG_E_PER_A3_IN_V_PER_A2
    # the Coulomb constant from SI constants, an independent route
    e, epsilon_0 = scipy.constants.e, scipy.constants.epsilon_0
    assert pytest.approx(e / (4 * scipy.constants.pi * epsilon_0) * 1e10, rel=1e-9) == units.COULOMB_EV_ANGSTROM


def test_coupling_constant_of_lithium():
    assert units.coupling_khz_per_efg(-40.1) == pytest.approx(-96.961369, abs=1e-6)
    # eQ/h per mb and atomic unit: 234 964.778 Hz
    assert units.coupling_khz_per_efg(1.0) * units.EFG_AU_IN_V_PER_A2 * 1e3 == pytest.approx(234964.778, abs=1e-2)
