"""Frequencies, couplings and angles: values of the specification, Soprano as oracle, identities."""

import json
import math
import pkgutil

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation
from soprano.properties.nmr import EFGAsymmetry, EFGVzz

from ufpnmr.errors import InputError
from ufpnmr.isotopes import ISOTOPES, isotope
from ufpnmr.nmr import (
    angles,
    coupling,
    levels,
    nu_q,
    omega_q,
    principal_axes,
    quadrupolar_product,
)
from ufpnmr.nmr.frequencies import CONVENTIONS, convention_factor
from ufpnmr.units import EFG_AU_IN_V_PER_A2

REFERENCE_AU = np.array([[0.1, 0.2, 0.3], [0.2, -0.4, 0.1], [0.3, 0.1, 0.3]])
REFERENCE = REFERENCE_AU * EFG_AU_IN_V_PER_A2
KAPPA = isotope("7Li").coupling_khz

REVISED_SINCE_SOPRANO = {
    "2H": 2.86, "33S": -67.8, "35Cl": -81.65, "37Cl": -64.35, "39K": 58.5, "40K": -73, "41K": 71.1, "67Zn": 150,
    "75As": 314, "79Br": 313, "81Br": 262, "113In": 759, "115In": 770, "127I": -696, "131Xe": -114, "135Ba": 160,
    "137Ba": 245, "139La": 200,
}  # fmt: skip
"""Isotopes for which Soprano 0.11 still has the compilation before Pyykkö 2018, with its values (mb)."""


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def random_tensors(rng, n):
    a = rng.standard_normal((n, 3, 3))
    a = a + np.swapaxes(a, 1, 2)
    return a - np.trace(a, axis1=1, axis2=2)[:, None, None] * np.eye(3) / 3


def six(v):
    return v[..., (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)]


def soprano_table():
    data = json.loads(pkgutil.get_data("soprano", "data/nmrdata.json"))
    return {f"{mass}{element}": entry for element, isotopes in data.items() for mass, entry in isotopes.items() if
            isinstance(entry, dict)}  # fmt: skip


def test_table_agrees_with_soprano_except_for_revised_moments():
    reference = soprano_table()
    shared = sorted(ISOTOPES.keys() & reference.keys())
    assert len(shared) >= 85
    for name in shared:
        assert ISOTOPES[name].spin == reference[name]["I"], name
        assert reference[name]["Q"] == REVISED_SINCE_SOPRANO.get(name, ISOTOPES[name].quadrupole_moment_mb), name
        if name != "179Hf":  # Soprano's entry lacks the power of ten
            assert ISOTOPES[name].gyromagnetic_ratio == pytest.approx(reference[name]["gamma"] / 1e7, rel=1e-6), name


def test_revised_moments_are_revisions_not_slips():
    for name, old in REVISED_SINCE_SOPRANO.items():
        assert 0.8 < ISOTOPES[name].quadrupole_moment_mb / old < 1.05, name


def test_lithium_seven():
    li = isotope("7Li")
    assert (li.spin, li.quadrupole_moment_mb) == (1.5, -40.1)
    assert "Pyykkö" in li.source
    assert li.coupling_khz == pytest.approx(-96.961369, abs=1e-6)
    assert li.coupling_khz * EFG_AU_IN_V_PER_A2 == pytest.approx(-9422.0876, abs=1e-4)
    assert li.larmor_mhz_per_tesla == pytest.approx(16.548, abs=1e-3)


@pytest.mark.parametrize("name", ["7Li", "Li7", "li-7", "7-LI", " 7li "])
def test_isotope_spellings(name):
    assert isotope(name) == ISOTOPES["7Li"]


def test_given_moment_is_named_as_given():
    assert isotope("7Li", -40.6).quadrupole_moment_mb == -40.6
    assert isotope("7Li", -40.6).source == "given by the user"
    assert isotope(isotope("6Li")).name == "6Li"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("31P", "spin 1/2"),
        ("P31", "spin 1/2"),
        ("8Li", "did you mean '[67]Li'"),
        ("27A", "did you mean '27Al'"),
        ("Li", "7Li"),
    ],
)
def test_isotope_without_moment_is_refused(name, words):
    with pytest.raises(InputError, match=words):
        isotope(name)


@pytest.mark.parametrize("moment", [0.0, math.nan, math.inf])
def test_moment_must_be_a_number(moment):
    with pytest.raises(InputError, match="quadrupole moment"):
        isotope("7Li", moment)


def test_reference_tensor():
    c_q, eta = coupling(REFERENCE)
    assert c_q * 1e3 == pytest.approx(-5256373.725, rel=1e-8)
    assert eta == pytest.approx(0.685659194, abs=1e-9)
    assert nu_q(REFERENCE) * 1e3 == pytest.approx(-2628186.862, rel=1e-8)
    assert quadrupolar_product(REFERENCE) * 1e3 == pytest.approx(-5653252.570, rel=1e-8)


def test_soprano_gives_the_same_coupling_and_asymmetry(rng):
    tensors = random_tensors(rng, 64)
    atoms = Atoms("Li64", positions=np.arange(192).reshape(-1, 3), cell=np.eye(3) * 200, pbc=True)
    atoms.set_array("efg", tensors / EFG_AU_IN_V_PER_A2)
    c_q, eta = coupling(tensors)
    assert np.allclose(c_q / KAPPA, EFGVzz.get(atoms) * EFG_AU_IN_V_PER_A2, rtol=1e-9, atol=0)
    assert np.allclose(eta, EFGAsymmetry.get(atoms), atol=1e-9)


def test_closed_form_equals_diagonalisation(rng):
    tensors = random_tensors(rng, 20000)
    axes = principal_axes(tensors)
    c_q, eta = coupling(tensors)
    assert np.allclose(c_q, KAPPA * axes.values[:, 2], rtol=1e-10, atol=0)
    assert np.allclose(eta, axes.eta, atol=1e-8)
    assert np.all((eta >= 0) & (eta <= 1))


def test_axial_tensor_of_100_khz():
    v_zz = 100 / abs(KAPPA)
    assert v_zz == pytest.approx(1.031338, abs=1e-6)
    tensor = v_zz * np.diag([-0.5, -0.5, 1.0])
    assert omega_q(tensor, field=(0, 0, 1)) == pytest.approx(-100, rel=1e-12)
    assert omega_q(tensor, field=(1, 0, 0)) == pytest.approx(50, rel=1e-12)
    assert coupling(tensor)[1] == pytest.approx(0, abs=1e-7)


def test_levels_and_transitions():
    tensor = 100 / KAPPA * np.diag([-0.5, -0.5, 1.0])
    energies = levels(tensor)
    assert np.allclose(energies, [25, -25, -25, 25], rtol=1e-12)
    assert energies[0] - energies[1] == pytest.approx(omega_q(tensor, convention="satellite"), rel=1e-12)


@pytest.mark.parametrize(("name", "factor"), [("6Li", 3 / 4), ("7Li", 1 / 2), ("27Al", 3 / 20), ("10B", 1 / 20)])
def test_satellite_is_the_innermost_transition_of_any_spin(name, factor):
    nucleus = isotope(name)
    assert convention_factor("satellite", nucleus.spin) == pytest.approx(factor, rel=1e-14)
    energies = levels(REFERENCE, nucleus)
    m = nucleus.spin - np.arange(len(energies))
    upper = np.flatnonzero(m == (1.5 if round(2 * nucleus.spin) % 2 else 1.0))[0]
    assert energies[upper] - energies[upper + 1] == pytest.approx(
        omega_q(REFERENCE, nucleus, convention="satellite"), rel=1e-12
    )


def test_conventions():
    direct = omega_q(REFERENCE)
    assert omega_q(REFERENCE, convention="splitting") == direct
    assert omega_q(REFERENCE, convention="satellite_rad") == pytest.approx(math.pi * direct * 1e3, rel=1e-14)
    assert omega_q(REFERENCE, convention="splitting_rad") == pytest.approx(2 * math.pi * direct * 1e3, rel=1e-14)
    assert set(CONVENTIONS) == {"harper2025", "splitting", "satellite", "satellite_rad", "splitting_rad"}
    with pytest.raises(InputError, match="did you mean 'satellite'"):
        omega_q(REFERENCE, convention="satelite")


@pytest.mark.parametrize(("ordering", "sign"), [("haeberlen", -1), ("nqr", 1)])
@pytest.mark.parametrize("fold", [True, False])
def test_angles_give_omega_q_back(rng, ordering, sign, fold):
    tensors = random_tensors(rng, 500)
    field = rng.standard_normal(3)
    c_q, eta = coupling(tensors, ordering=ordering)
    theta, phi = angles(tensors, field, ordering, fold)
    equation_2 = c_q / 2 * (3 * np.cos(theta) ** 2 - 1 + sign * eta * np.sin(theta) ** 2 * np.cos(2 * phi))
    assert np.allclose(equation_2, omega_q(tensors, field=field), atol=1e-6 * np.abs(c_q).max())
    if fold:
        assert np.all((theta >= 0) & (theta <= np.pi / 2) & (phi >= 0) & (phi <= np.pi / 2))


def test_principal_axes_are_proper_rotations_in_the_stated_order(rng):
    tensors = random_tensors(rng, 300)
    for ordering, order in (("haeberlen", (1, 0, 2)), ("nqr", (0, 1, 2))):
        axes = principal_axes(six(tensors), ordering)
        assert np.allclose(np.linalg.det(axes.vectors), 1)
        rebuilt = np.einsum("nab,nb,ncb->nac", axes.vectors, axes.values, axes.vectors)
        assert np.allclose(rebuilt, tensors, atol=1e-12)
        assert np.all(np.diff(np.abs(axes.values[:, order]), axis=1) >= 0)
        assert axes.defined.all()


def test_rotating_tensor_and_field_together_changes_nothing(rng):
    tensors, field = random_tensors(rng, 50), np.array([0.3, -0.5, 0.8])
    rotation = Rotation.random(random_state=3).as_matrix()
    turned = np.einsum("ab,nbc,dc->nad", rotation, tensors, rotation)
    assert np.allclose(omega_q(turned, field=rotation @ field), omega_q(tensors, field=field), rtol=0, atol=1e-10)
    assert np.allclose(coupling(turned)[0], coupling(tensors)[0], rtol=1e-11)


def test_layouts_and_precision_agree(rng):
    tensors = random_tensors(rng, 70000).reshape(700, 100, 3, 3)
    full = omega_q(tensors, field=(1, 2, 3))
    assert full.shape == (700, 100)
    assert full.dtype == np.float64
    assert np.allclose(omega_q(six(tensors), field=(2, 4, 6)), full, rtol=0, atol=1e-10)
    single = omega_q(six(tensors).astype(np.float32), field=(1, 2, 3))
    assert np.abs(single - full).max() < 1e-6 * np.abs(full).max()
    assert omega_q(tensors[0, 0]).shape == ()


def test_undefined_is_nan_and_masked_never_an_exception():
    tensors = np.zeros((3, 6))
    tensors[1] = np.nan
    tensors[2] = [-0.5, -0.5, 1.0, 0.0, 0.0, 0.0]
    axes = principal_axes(tensors)
    assert axes.defined.tolist() == [False, False, True]
    assert np.isnan(axes.vectors[:2]).all()
    theta, phi = angles(tensors, (1, 0, 1))
    assert np.isnan(theta[:2]).all()
    assert theta[2] == pytest.approx(np.pi / 4)
    assert np.isnan(phi).all()
    c_q, eta = coupling(tensors)
    assert c_q[0] == 0
    assert np.isnan(c_q[1])
    assert np.isnan(eta[:2]).all()
    assert np.isnan(omega_q(tensors)[1])


def test_powder_mean_square(rng):
    tensor = random_tensors(rng, 1)[0]
    fields = rng.standard_normal((200000, 3))
    fields /= np.linalg.norm(fields, axis=1)[:, None]
    sampled = np.mean((KAPPA * np.einsum("na,ab,nb->n", fields, tensor, fields)) ** 2)
    assert quadrupolar_product(tensor) ** 2 / 5 == pytest.approx(sampled, rel=0.01)
    assert quadrupolar_product(tensor) ** 2 == pytest.approx(2 / 3 * KAPPA**2 * np.sum(tensor**2), rel=1e-12)
    c_q, eta = coupling(tensor)
    assert quadrupolar_product(tensor) == pytest.approx(c_q * math.sqrt(1 + eta**2 / 3), rel=1e-10)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (np.eye(3), "traceless"),
        (np.zeros((4, 5)), r"\(\.\.\., 6\)"),
        (np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0.0]]), "symmetric"),
        (np.float64(1.0), r"\(\.\.\., 6\)"),
    ],
)
def test_wrong_tensors_are_refused(tensor, words):
    with pytest.raises(InputError, match=words):
        omega_q(tensor)


@pytest.mark.parametrize("field", [(0, 0, 0), (1, 2), (0, math.nan, 1)])
def test_wrong_field_is_refused(field):
    with pytest.raises(InputError, match="field direction"):
        omega_q(REFERENCE, field=field)


def test_unknown_ordering_is_refused():
    with pytest.raises(InputError, match="did you mean 'haeberlen'"):
        principal_axes(REFERENCE, "haberlen")
