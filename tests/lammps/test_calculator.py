"""The ASE calculator equals ``pair_style ufp`` to 1e-12, with and without one-body energies."""

import dataclasses
import warnings

import numpy as np
import pytest
from ase import Atoms

import potentials
from lammps_run import System, static
from ufpnmr import Potential
from ufpnmr.errors import DomainError, InputError

OFFSETS = {"Li": -1.5, "P": -2.25, "S": -3.125}
TYPES = {"Li": 1, "P": 2, "S": 3}


def small_triclinic():
    """Six atoms in a cell smaller than the cutoff, lower triangular as LAMMPS wants it."""
    cell = np.array([[5.0, 0, 0], [1.2, 4.6, 0], [-0.9, 0.7, 5.3]])
    fractions = [[0, 0, 0], [0.5, 0.1, 0.5], [0.1, 0.55, 0.45], [0.55, 0.5, 0.05], [0.8, 0.85, 0.75], [0.3, 0.2, 0.85]]
    return Atoms("LiPSSLiP", scaled_positions=fractions, cell=cell, pbc=True)


STRUCTURES = {"packing of 24": potentials.packing(24), "small triclinic cell": small_triclinic()}


def pair_style(atoms, path, folder, onebody):
    system = System(atoms.positions, np.array([TYPES[s] for s in atoms.symbols]), atoms.cell.array)
    setup = ["box tilt large"]
    return static(system, [f"pair_style ufp 3 onebody {onebody}", f"pair_coeff * * {path} Li P S"], folder, setup=setup)


@pytest.mark.parametrize("atoms", STRUCTURES.values(), ids=STRUCTURES)
@pytest.mark.parametrize("onebody", [True, False])
def test_equal_to_the_pair_style(tmp_path, atoms, onebody):
    path = tmp_path / "R.uf3"
    potentials.random_potential(one_body=OFFSETS).write(path)
    lammps = pair_style(atoms, path, tmp_path, "yes" if onebody else "no")
    atoms = atoms.copy()
    atoms.calc = Potential.read(path).calculator(onebody=onebody)
    energies = atoms.get_potential_energies()
    assert atoms.get_potential_energy() == pytest.approx(lammps.energy, rel=1e-12)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_forces(), lammps.forces, rtol=0, atol=1e-12 * np.abs(lammps.forces).max())
    np.testing.assert_allclose(energies, lammps.energies, rtol=0, atol=1e-12 * np.abs(lammps.energies).max())
    virial = -atoms.get_stress()[[0, 1, 2, 5, 4, 3]] * atoms.get_volume()
    np.testing.assert_allclose(virial, lammps.virial, rtol=0, atol=1e-12 * np.abs(lammps.virial).max())


def test_one_body_energies_change_nothing_but_the_energy(tmp_path):
    atoms = potentials.packing(24)
    potential = potentials.random_potential(one_body=OFFSETS)
    with_them, without = (potential.calculator(onebody=flag) for flag in (True, False))
    difference = with_them.get_potential_energy(atoms) - without.get_potential_energy(atoms)
    assert difference == pytest.approx(sum(OFFSETS[s] for s in atoms.symbols), rel=1e-12)
    np.testing.assert_array_equal(with_them.get_forces(atoms), without.get_forces(atoms))


def test_short_contact_warns_once(recwarn):
    atoms = Atoms("Li3", [[0, 0, 0], [0.5, 0, 0], [3.2, 0, 0]])
    calculator = potentials.tiny().calculator()
    with pytest.warns(UserWarning, match=r"1 contact\(s\) below the first knot; the closest is Li \d - Li \d at 0.5 Å"):
        calculator.get_potential_energy(atoms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        atoms.rattle(0.01)
        calculator.get_potential_energy(atoms)


def test_short_contact_refused_or_ignored():
    atoms = Atoms("Li2", [[0, 0, 0], [0.5, 0, 0]])
    with pytest.raises(DomainError, match="below the first knot"):
        potentials.tiny().calculator(short="error").get_potential_energy(atoms)
    assert potentials.tiny().calculator(short="quiet").get_potential_energy(atoms) == pytest.approx(0.81, rel=1e-13)
    with pytest.raises(InputError, match="short: expected 'warn', 'error' or 'quiet', found 'loud'"):
        potentials.tiny().calculator(short="loud")


def test_no_stress_without_a_volume():
    from ase.calculators.calculator import PropertyNotImplementedError

    atoms = Atoms("Li2", [[0, 0, 0], [2, 0, 0]])
    atoms.calc = potentials.tiny().calculator()
    assert atoms.get_potential_energy() == pytest.approx(0.16)
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()


def test_missing_blocks():
    lacking = dataclasses.replace(potentials.random_potential(), triplets=potentials.random_potential().triplets[:3])
    atoms = potentials.packing(24)
    with pytest.raises(InputError):
        lacking.calculator().get_potential_energy(atoms)
    assert np.isfinite(lacking.calculator(missing3b="zero").get_potential_energy(atoms))


def test_start_knows_the_pair_style():
    from ufpnmr.lammps import start

    lmp = start(["-log", "none", "-screen", "none"])
    assert lmp.has_style("pair", "ufp")
    lmp.close()
