"""Ewald field gradients of point charges: known answers, a naive oracle, and what must not change them."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from scipy.spatial.transform import Rotation

from ufpnmr import _core
from ufpnmr.efg.point_charges import PointCharges, charge_gradients, unit_charge_gradients
from ufpnmr.efg.tensors import to_matrix, to_voigt6, traceless
from ufpnmr.errors import InputError
from ufpnmr.units import EFG_E_PER_A3_IN_V_PER_A2, coupling_khz_per_efg

EXACT = 1e-15  # truncation below rounding


def gradients(cell, positions, charges, centres=None, **options):
    """One set of charges, e/Å³."""
    centres = range(len(charges)) if centres is None else centres
    V = charge_gradients(cell, positions, [charges], list(centres), **options)
    return V[:, 0] / EFG_E_PER_A3_IN_V_PER_A2


@pytest.fixture(scope="module")
def triclinic():
    """Six charges, neutral, in a skewed cell; no symmetry."""
    rng = np.random.default_rng(9)
    cell = np.diag([6.0, 7, 8]) + rng.normal(0, 1, (3, 3))
    return cell, rng.random((6, 3)) @ cell, np.array([1, -1, 1.4, -1.4, 0.7, -0.7])


def rms(V):
    return np.sqrt(np.mean(np.square(V)))


def lattice_sum(cell, positions, charges, centre, radius):
    """Direct sum over whole neutral cells within `radius` cells' distance of the centre's."""
    reach = np.ceil(radius * np.linalg.norm(np.linalg.inv(cell), axis=0)).astype(int)
    shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach)))) @ cell
    shifts = shifts[np.linalg.norm(shifts, axis=1) < radius]
    V = np.zeros((3, 3))
    for x, q in zip(positions, charges, strict=True):
        D = x + shifts - positions[centre]
        r = np.linalg.norm(D, axis=1)
        D, r = D[r > 1e-9], r[r > 1e-9]
        V += q * (3 * np.einsum("n,na,nb->ab", r**-5, D, D) - np.eye(3) * np.sum(r**-3))
    return to_voigt6(V)


def test_direct_lattice_sum(triclinic):
    # cells are neutral: the sum over a sphere of them converges, though slowly
    cell, positions, charges = triclinic
    expected = gradients(cell, positions, charges, tolerance=EXACT)
    errors = []
    for radius in (80, 160):
        found = np.array([lattice_sum(cell, positions, charges, i, radius) for i in (0, 3)])
        errors.append(rms(found - expected[[0, 3]]) / rms(expected))
    assert errors[1] < 1e-6
    assert errors[1] < errors[0] / 10


def test_positive_charge_on_z_gives_positive_vzz():
    V = gradients(np.eye(3) * 200, [[0, 0, 0], [0, 0, 2.5]], [0.0, 1.0], [0])[0]
    np.testing.assert_allclose(V, np.array([-1, -1, 2, 0, 0, 0]) / 2.5**3, atol=2e-6)


def test_result_does_not_depend_on_alpha(triclinic):
    V = [gradients(*triclinic, alpha=alpha, tolerance=EXACT) for alpha in (0.3, 0.45, 0.7)]
    np.testing.assert_allclose(V[1:], [V[0], V[0]], atol=1e-13)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8, 1e-10])
def test_truncation_error_stays_below_the_stated_tolerance(tolerance, beta):
    atoms, charges = beta
    atoms = atoms.copy()
    atoms.rattle(0.1, seed=3)
    exact = gradients(atoms.cell, atoms.positions, charges, tolerance=EXACT)
    for alpha in (None, 0.25, 0.5):
        V = gradients(atoms.cell, atoms.positions, charges, alpha=alpha, tolerance=tolerance)
        assert rms(V - exact) < tolerance * rms(exact)


def test_rock_salt_vanishes():
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    charges = np.where(atoms.numbers == 11, 1.0, -1.0)
    assert np.abs(gradients(atoms.cell, atoms.positions, charges, tolerance=EXACT)).max() < 1e-12
    # at the default tolerance the truncation error is cubic too: it is all in the trace
    assert np.abs(traceless(gradients(atoms.cell, atoms.positions, charges))).max() < 1e-12


def test_cubic_site_in_a_background_vanishes():
    V = gradients(np.eye(3) * 3.0, [[0.1, 0.2, 0.3]], [1.0])
    assert np.abs(traceless(V)).max() < 1e-12


@pytest.mark.parametrize(
    ("ratio", "vzz"),
    [(1.5, 0.582838835), (1.6, 0.152394204), (np.sqrt(8 / 3), 0.006761322), (1.7, -0.290975278)],
)
def test_hexagonal_close_packing(ratio, vzz):
    cell = np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, ratio]])
    positions = np.array([[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]) @ cell
    V = traceless(gradients(cell, positions, [1.0, 1.0], tolerance=EXACT))
    np.testing.assert_allclose(V[:, 2], vzz, atol=1e-9)


def test_trace_is_that_of_the_background(triclinic):
    cell, positions, charges = triclinic
    charges = charges + 0.3
    V = gradients(cell, positions, charges, tolerance=EXACT)
    expected = 4 * np.pi * charges.sum() / abs(np.linalg.det(cell))
    np.testing.assert_allclose(V[:, :3].sum(axis=1), expected, atol=1e-13)


def test_neutral_cell_has_no_trace(triclinic):
    assert np.abs(gradients(*triclinic, tolerance=EXACT)[:, :3].sum(axis=1)).max() < 1e-13


@pytest.fixture(scope="module")
def beta():
    """Ideal β-Li3PS4 (4b) and the charges +1, +1.4, -1.1."""
    atoms = crystal(
        ["P", "S", "S", "S", "Li", "Li"],
        [
            (0.0881, 0.25, 0.1517),
            (0.1544, 0.0277, 0.2762),
            (0.9349, 0.25, 0.2632),
            (0.1024, 0.25, 0.8009),
            (0.3317, 0.0336, 0.3891),
            (0, 0, 0.5),
        ],
        spacegroup=62,
        cellpar=[12.82, 8.22, 6.12, 90, 90, 90],
    )
    return atoms, np.array([{"Li": 1.0, "P": 1.4, "S": -1.1}[symbol] for symbol in atoms.symbols])


def test_ideal_beta_li3ps4(beta):
    atoms, charges = beta
    assert str(atoms.symbols.formula.reduce()[0]) in ("Li3PS4", "PS4Li3")
    V = to_matrix(gradients(atoms.cell, atoms.positions, charges, tolerance=EXACT)) * EFG_E_PER_A3_IN_V_PER_A2
    found = {}
    lithium = np.flatnonzero(atoms.numbers == 3)
    for i, site in zip(lithium, ["8d"] * 8 + ["4b"] * 4, strict=True):
        values = np.linalg.eigvalsh(V[i])
        values = values[np.argsort(abs(values))]
        coupling = coupling_khz_per_efg(-40.1) * values[2]
        found.setdefault(site, []).append((coupling, (values[0] - values[1]) / values[2]))
    np.testing.assert_allclose(found["8d"], [(-81.294, 0.8245)] * 8, atol=(6e-4))
    np.testing.assert_allclose(found["4b"], [(197.025, 0.7657)] * 4, atol=(6e-4))


def test_rotation_and_inversion(triclinic):
    cell, positions, charges = triclinic
    V = to_matrix(gradients(cell, positions, charges))
    for seed in range(5):
        R = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
        rotated = to_matrix(gradients(cell @ R.T, positions @ R.T, charges))
        np.testing.assert_allclose(rotated, R @ V @ R.T, atol=1e-10 * rms(V))
    np.testing.assert_allclose(to_matrix(gradients(-cell, -positions, charges)), V, atol=1e-10 * rms(V))


def test_translation_wrapping_and_choice_of_cell(triclinic):
    cell, positions, charges = triclinic
    V = gradients(cell, positions, charges, tolerance=EXACT)
    moved = positions + np.array([1.3, -20.7, 5.1])
    images = positions + np.random.default_rng(2).integers(-3, 4, (6, 3)) @ cell
    skewed = np.array([[1, 0, 0], [1, 1, 0], [-1, 2, 1]]) @ cell
    for other_cell, other in ((cell, moved), (cell, images), (skewed, positions)):
        np.testing.assert_allclose(gradients(other_cell, other, charges, tolerance=EXACT), V, atol=1e-12)


def test_permutation_and_supercell(triclinic):
    cell, positions, charges = triclinic
    V = gradients(cell, positions, charges, tolerance=EXACT)
    order = np.random.default_rng(4).permutation(6)
    np.testing.assert_allclose(gradients(cell, positions[order], charges[order], tolerance=EXACT), V[order], atol=1e-13)
    atoms = Atoms("H6", positions=positions, cell=cell, pbc=True) * (2, 1, 3)
    repeated = gradients(atoms.cell, atoms.positions, np.tile(charges, 6), tolerance=EXACT)
    np.testing.assert_allclose(repeated, np.tile(V, (6, 1)), atol=1e-12)


def test_centres_are_chosen_and_sets_of_charges_are_separate(triclinic):
    cell, positions, charges = triclinic
    V = gradients(cell, positions, charges, tolerance=EXACT)
    np.testing.assert_allclose(gradients(cell, positions, charges, [4, 1], tolerance=EXACT), V[[4, 1]], atol=1e-13)
    single = charge_gradients(cell, positions, np.diag(charges), range(6), tolerance=EXACT) / EFG_E_PER_A3_IN_V_PER_A2
    np.testing.assert_allclose(single.sum(axis=1), V, atol=1e-13)


def test_model_is_the_sum_of_its_columns(beta):
    atoms, _ = beta
    model = PointCharges("Li", {"Li": 1.0, "P": 1.4, "S": -1.1})
    elements = list(map(str, atoms.symbols))
    lithium = np.flatnonzero(atoms.numbers == 3)
    columns = unit_charge_gradients(atoms.cell, atoms.positions, elements, ("Li", "P", "S"), lithium)
    V = model.predict(atoms)
    assert V.shape == (12, 3, 3)
    np.testing.assert_allclose(V, to_matrix(np.einsum("s,nsc->nc", [1.0, 1.4, -1.1], columns)), atol=1e-8)
    assert np.abs(np.trace(V, axis1=1, axis2=2)).max() < 1e-12
    np.testing.assert_allclose(V[3:5], model.predict(atoms, lithium[3:5]), atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": np.diag([5.0, 5, 0])}, "cell with a volume"),
        ({"positions": [[0, 0, 0], [5.0, 0, 5.0]]}, "atoms 0 and 1 less than"),
        ({"positions": [[0, 0, 0], [np.nan, 0, 1]]}, "position of atom 1"),
        ({"centres": [0, 2]}, "centres from 0 to 1, found 2"),
        ({"centres": [1, 1]}, "atom 1 twice"),
        ({"charges": [[1.0]]}, r"charges of shape \(sets, 2\), found \(1, 1\)"),
        ({"cell": np.ones(3)}, r"cell of shape \(3, 3\), found \(3\)"),
        ({"positions": np.zeros((2, 2))}, r"positions of shape \(atoms, 3\), found \(2, 2\)"),
        ({"alpha": -0.3}, "alpha > 0"),
        ({"tolerance": 0.0}, "tolerance from 1e-15"),
    ],
)
def test_bad_input(change, message):
    arguments = {"cell": np.eye(3) * 5, "positions": [[0, 0, 0], [1.0, 2, 2]], "charges": [[1.0, -1]], "centres": [0]}
    with pytest.raises(InputError, match=message):
        charge_gradients(**{**arguments, **change})


def test_core_raises_domain_error():
    with pytest.raises(_core.DomainError, match="different points"):
        _core.point_charge_efg(np.eye(3), np.zeros((2, 3)), [[1.0, -1.0]], [0])


def test_structures_a_model_refuses(beta):
    atoms, _ = beta
    model = PointCharges("Li", {"Li": 1.0, "P": 1.4, "S": -1.1})
    open_cell = atoms.copy()
    open_cell.pbc = (True, True, False)
    with pytest.raises(InputError, match="periodic in a, b and c"):
        model.predict(open_cell)
    with pytest.raises(InputError, match="atom 0 is P"):
        model.predict(atoms, [0])
    foreign = atoms.copy()
    foreign.symbols[0] = "Cl"
    with pytest.raises(InputError, match="found 'Cl'"):
        model.predict(foreign)
