"""Energy, forces and stress of `Potential.evaluate`: known answers, naive loops, invariances."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import potentials
import uf3_reference as reference
from ufpnmr import _core
from ufpnmr.errors import DomainError, InputError

THREE = [[0, 0, 0], [2, 0, 0], [0, 2.5, 0.5]]


@pytest.fixture(scope="module")
def potential():
    return potentials.random_potential()


def triclinic(seed=4, n=9):
    generator = np.random.default_rng(seed)
    cell = np.array([[6.0, 0, 0], [1.5, 5.5, 0], [-1.0, 0.8, 6.2]])
    atoms = Atoms(cell=cell, pbc=True)
    while len(atoms) < n:
        new = Atoms(["Li", "P", "S"][len(atoms) % 3], positions=[generator.random(3) @ cell], cell=cell, pbc=True)
        trial = atoms + new
        if len(trial) == 1 or trial.get_distances(-1, range(len(atoms)), mic=True).min() > 1.6:
            atoms = trial
    return atoms


def test_pair_in_closed_form():
    for distance, energy, force in ((2.0, 0.16, -0.24), (3.0, 0.02, -0.06)):
        out = potentials.tiny().evaluate(Atoms("Li2", [[0, 0, 0], [distance, 0, 0]]))
        assert out.energy == pytest.approx(energy, rel=1e-13)
        assert out.forces[0, 0] == pytest.approx(force, rel=1e-13)
        assert out.stress is None


def test_equilateral_triangle():
    out = potentials.tiny().evaluate(Atoms("Li3", [[0, 0, 0], [2, 0, 0], [1, np.sqrt(3), 0]], cell=[20, 20, 20]))
    assert out.energy == pytest.approx(0.521472, rel=1e-12)
    np.testing.assert_allclose(out.forces[0], [-0.432576, -0.249747870045, 0], atol=1e-12)
    np.testing.assert_allclose(out.forces[2], [0, 0.49949574009, 0], atol=1e-11)
    np.testing.assert_allclose(out.stress, np.array([-0.865152, -0.865152, 0, 0, 0, 0]) / 8000, atol=1e-16)
    np.testing.assert_allclose(out.energies, [0.521472 / 3] * 3, rtol=1e-12)


@pytest.mark.parametrize(
    ("symbols", "energy", "force"),
    [
        ("LiLiS", 0.250031164498948, (-0.244722774517, -0.095297206841, -0.019059441368)),
        ("LiSS", 0.193972559715192, (-0.111484260217, -0.098656613217, -0.019731322643)),
        ("SLiS", 0.192403027009460, (-0.105252161580, -0.129961676479, -0.025992335296)),
    ],
)
def test_axes_and_centres_are_told_apart(symbols, energy, force):
    out = potentials.tiny2().evaluate(Atoms(symbols, THREE))
    assert out.energy == pytest.approx(energy, rel=1e-13)
    np.testing.assert_allclose(out.forces[0], force, atol=2e-12)


def test_packing_against_lammps_numbers(potential):
    out = potential.evaluate(potentials.packing(24))
    assert out.energy == pytest.approx(141.820361151707, rel=1e-12)
    np.testing.assert_allclose(out.forces[0], [-1.437694513813, -24.198522123607, 3.277784843518], rtol=1e-11)
    xx, yy, zz, yz, xz, xy = -out.stress * potentials.packing(24).get_volume()
    expected = [469.71235264, 401.91335164, 490.15110441, 98.72425239, 17.60757207, 58.82398520]
    np.testing.assert_allclose([xx, yy, zz, xy, xz, yz], expected, atol=6e-9)
    pairs_alone = dataclasses.replace(potential, triplets=())
    assert pairs_alone.evaluate(potentials.packing(24)).energy == pytest.approx(140.167557952564, rel=1e-12)


def test_packing_of_384_atoms(potential):
    assert potential.evaluate(potentials.packing(384)).energy == pytest.approx(2411.16203081497, rel=1e-12)


def test_non_uniform_knots():
    assert potentials.random_potential(warp=1.3).evaluate(potentials.packing(24)).energy == pytest.approx(
        126.515446115076, rel=1e-12
    )


def test_against_naive_loops_in_a_small_triclinic_cell(potential):
    atoms = triclinic()
    out = potential.evaluate(atoms)
    energy, forces, virial = potentials.naive(reference.random_model(), atoms)
    assert out.energy == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(out.forces, forces, atol=1e-11)
    np.testing.assert_allclose(
        out.stress * -atoms.get_volume(), virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]], atol=1e-10
    )


@pytest.fixture(scope="module")
def unequal():
    model, atoms = reference.unequal_legs(reference.random_model()), triclinic()
    return model, atoms, potentials.naive(model, atoms)


@pytest.mark.parametrize("path", _core.simd_available())
def test_unequal_legs_against_naive_loops(unequal, path, monkeypatch):
    """Each triplet has cutoffs of its own: the neighbours of one element lie in several shells."""
    monkeypatch.setenv("UFP_SIMD", path)
    model, atoms, (energy, forces, virial) = unequal
    legs = {(e[0], e[1 + side], block[2][side]) for e, block in model.triplets.items() for side in (0, 1)}
    assert len(legs) > 2 * 9  # more than two reaches per kind of leg
    out = potentials.as_potential(model).evaluate(atoms)
    assert out.energy == pytest.approx(energy, rel=1e-12)
    assert out.energies.sum() == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(out.forces, forces, atol=1e-12 * np.abs(forces).max())
    sides = out.stress * atoms.get_volume()
    np.testing.assert_allclose(
        sides, -virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]], atol=1e-12 * np.abs(virial).max()
    )


def test_forces_and_stress_are_derivatives(potential):
    atoms = triclinic(seed=8)
    out = potential.evaluate(atoms)
    h = 1e-3

    def fourth_order(energy):
        return (8 * (energy(h) - energy(-h)) - (energy(2 * h) - energy(-2 * h))) / (12 * h)

    rms = np.sqrt((out.forces**2).mean())
    for i, axis in ((0, 0), (3, 1), (7, 2)):

        def moved(step, i=i, axis=axis):
            other = atoms.copy()
            other.positions[i, axis] += step
            return potential.evaluate(other).energy

        assert -fourth_order(moved) == pytest.approx(out.forces[i, axis], abs=1e-8 * rms)
    virial = -out.stress * atoms.get_volume()
    for component, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):

        def strained(step, a=a, b=b):
            other = atoms.copy()
            deformation = np.eye(3)
            deformation[a, b] += step
            other.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
            return potential.evaluate(other).energy

        assert -fourth_order(strained) == pytest.approx(virial[component], abs=1e-8 * np.abs(virial).max())


def test_invariances(potential):
    atoms = triclinic()
    out = potential.evaluate(atoms)
    assert out.energies.sum() == pytest.approx(out.energy, rel=1e-13)
    np.testing.assert_allclose(out.forces.sum(0), 0, atol=1e-11)

    moved = atoms.copy()
    moved.positions += [3.1, -40.2, 7.7]
    assert potential.evaluate(moved).energy == pytest.approx(out.energy, rel=1e-12)

    turned = atoms.copy()
    turned.rotate(37, (1, 2, -1), rotate_cell=True)
    again = potential.evaluate(turned)
    rotation = np.linalg.solve(atoms.cell.array, turned.cell.array)
    np.testing.assert_allclose(again.forces, out.forces @ rotation, atol=1e-11)

    order = np.random.default_rng(1).permutation(len(atoms))
    np.testing.assert_allclose(potential.evaluate(atoms[order]).forces, out.forces[order], atol=1e-11)

    big = potential.evaluate(atoms.repeat((2, 1, 2)))
    assert big.energy == pytest.approx(4 * out.energy, rel=1e-12)
    np.testing.assert_allclose(big.stress, out.stress, atol=1e-13)


def test_threads_agree(potential):
    atoms = potentials.packing(96)
    one, three = (potential.evaluate(atoms, threads=t) for t in (1, 3))
    assert three.energy == pytest.approx(one.energy, rel=1e-13)
    np.testing.assert_allclose(three.forces, one.forces, atol=1e-11)


def test_one_body_energies():
    offsets = {"Li": -1.5, "P": -2.25, "S": -3.125}
    atoms = potentials.packing(24)
    potential = potentials.random_potential(one_body=offsets)
    without, with_them = (potential.evaluate(atoms, onebody=flag) for flag in (False, True))
    assert without.energy == pytest.approx(141.820361151707, rel=1e-12)
    expected = np.array([offsets[s] for s in atoms.symbols])
    np.testing.assert_allclose(with_them.energies - without.energies, expected, atol=1e-12)
    assert with_them.energy == pytest.approx(141.820361151707 + expected.sum(), rel=1e-12)
    np.testing.assert_array_equal(with_them.forces, without.forces)


def test_leg_exactly_at_the_cutoff(potential):
    out = potential.evaluate(Atoms("LiSS", [[0, 0, 0], [4.5, 0, 0], [0, 2.5, 0]]))
    assert out.energy == pytest.approx(0.402218823797419, rel=1e-12)
    # simple cubic: neighbours at exactly 4.5
    assert np.isfinite(potential.evaluate(bulk("Li", "sc", a=2.25)).energy)


def test_below_the_first_knot():
    out = potentials.tiny().evaluate(Atoms("Li2", [[0, 0, 0], [0.5, 0, 0]]))
    assert out.energy == pytest.approx(0.81, rel=1e-13)
    np.testing.assert_allclose(out.forces[:, 0], [-0.54, 0.54], rtol=1e-13)
    assert out.short_contacts == 1
    assert out.closest[2] == pytest.approx(0.5)
    assert {*out.closest[:2]} == {0, 1}


def test_refusals(potential):
    with pytest.raises(DomainError, match=r"atoms (0 and 1|1 and 0) are on one point"):
        potential.evaluate(Atoms("Li2", [[1, 1, 1], [1, 1, 1]]))
    with pytest.raises(InputError, match=r"expected atoms of Li P S, found Cl \(atom 1\)"):
        potential.evaluate(Atoms("LiCl", [[0, 0, 0], [0, 0, 3]]))
    with pytest.raises(InputError, match="missing3b: expected 'error' or 'zero', found 'no'"):
        potential.evaluate(Atoms("Li"), missing3b="no")
    lacking = dataclasses.replace(potential, triplets=potential.triplets[:-1])
    with pytest.raises(InputError, match=r"S S S|S-S-S"):
        lacking.evaluate(Atoms("S"))
    assert lacking.evaluate(Atoms("S"), missing3b="zero").energy == 0.0
    with pytest.raises(DomainError, match="span no volume"):
        potential.evaluate(Atoms("Li", cell=[0, 5, 5], pbc=True))
