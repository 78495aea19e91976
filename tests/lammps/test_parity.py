"""`pair_style ufp` gives what `pair_style uf3` gives, to 1e-10, wherever the latter is right."""

from dataclasses import replace

import numpy as np
import pytest

import uf3_reference as reference
from lammps_run import assert_equal, bcc, pair, static, static_ranks, triclinic


def compare(system, file, elements, folder, degree=3, **options):
    expected = static(system, pair("uf3", file, elements, degree), folder, **options)
    found = static(system, pair("ufp", file, elements, degree), folder, **options)
    assert_equal(found, expected)
    return found


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("name", ["R", "Rnk", "N"])
def test_three_elements(name, degree, potentials, cell384, tmp_path):
    compare(cell384, potentials / f"{name}.uf3", "Li P S", tmp_path, degree)


def test_four_elements(potentials, cell384, tmp_path):
    system = replace(cell384, types=np.arange(384) % 4 + 1)
    compare(system, potentials / "Q.uf3", "Li P S Ge", tmp_path)


@pytest.mark.parametrize("repeat", [1, 3])
def test_niobium(repeat, potentials, tmp_path):
    compare(bcc(3.3, repeat, 0.2), potentials / "Nb.uf3", "Nb", tmp_path)


def test_cell_smaller_than_twice_the_cutoff_and_naive_evaluation(potentials, cell24, tmp_path):
    found = compare(cell24, potentials / "R.uf3", "Li P S", tmp_path)
    species = np.array(["", "Li", "P", "S"])[cell24.types]
    energy, forces, virial = reference.evaluate(reference.random_model(), cell24.positions, species, cell24.cell)
    assert found.energy == pytest.approx(energy, rel=1e-12)
    assert found.forces == pytest.approx(forces, rel=0, abs=1e-12 * np.abs(forces).max())
    assert found.virial == pytest.approx(virial[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]], rel=0, abs=1e-10)
    assert found.energies.sum() == pytest.approx(found.energy, rel=1e-13)
    assert found.virials.sum(0) == pytest.approx(found.virial, rel=0, abs=1e-10)


def test_triclinic(potentials, cell24, tmp_path):
    system = triclinic(cell24)
    found = compare(system, potentials / "N.uf3", "Li P S", tmp_path)
    species = np.array(["", "Li", "P", "S"])[system.types]
    energy, _, _ = reference.evaluate(reference.random_model(warp=1.3), system.positions, species, system.cell)
    assert found.energy == pytest.approx(energy, rel=1e-12)


@pytest.mark.parametrize("style", ["charge", "full"])
def test_atom_styles(style, potentials, cell24, tmp_path):
    compare(replace(cell24, style=style), potentials / "R.uf3", "Li P S", tmp_path)


def test_permuted_elements(potentials, cell24, tmp_path):
    expected = static(cell24, pair("uf3", potentials / "R.uf3", "Li P S"), tmp_path)
    system = replace(cell24, types=4 - cell24.types)
    assert_equal(static(system, pair("ufp", potentials / "R.uf3", "S P Li"), tmp_path), expected)


def test_split_types(potentials, cell24, tmp_path):
    """Half of the Li on a second type: the same physics (`uf3` gives another energy, see B1)."""
    whole = static(cell24, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path)
    types = np.where(cell24.types > 1, cell24.types + 1, 1)
    types[np.flatnonzero(types == 1)[::2]] = 2
    split = replace(cell24, types=types)
    assert_equal(static(split, pair("ufp", potentials / "R.uf3", "Li Li P S"), tmp_path), whole, 1e-12)


def test_two_ranks_and_threads(potentials, cell384, tmp_path):
    file = potentials / "R.uf3"
    expected = static(cell384, pair("uf3", file, "Li P S"), tmp_path)
    assert_equal(static_ranks(cell384, pair("ufp", file, "Li P S"), tmp_path, 2), expected)
    threads = ["package omp 2"]
    assert_equal(static(cell384, pair("ufp", file, "Li P S"), tmp_path, setup=threads), expected)


def test_threads_without_per_atom_values(potentials, cell384, tmp_path):
    from lammps_run import commands, instance

    forces, energies = [], []
    for threads in (1, 3):
        lines = commands(cell384, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path)
        drop = ("compute e", "compute s", "compute c", "dump", "undump", "print", "thermo_style", "compute w")
        lines = [f"package omp {threads}", *(line for line in lines if not line.startswith(drop))]
        with instance(tmp_path) as lmp:
            lmp.commands_list(lines)
            forces.append(np.array(lmp.gather_atoms("f", 1, 3)))
            energies.append([lmp.get_thermo(key) for key in ("pe", "pxx", "pyy", "pzz", "pxy", "pxz", "pyz")])
    assert forces[1] == pytest.approx(forces[0], rel=0, abs=1e-10)
    assert energies[1] == pytest.approx(energies[0], rel=1e-10)


def test_two_ranks_triclinic(potentials, cell384, tmp_path):
    system = triclinic(cell384)
    expected = static(system, pair("uf3", potentials / "N.uf3", "Li P S"), tmp_path)
    assert_equal(static_ranks(system, pair("ufp", potentials / "N.uf3", "Li P S"), tmp_path, 2), expected)


def test_hybrid_overlay(potentials, cell24, tmp_path):
    def overlay(style):
        return [
            f"pair_style hybrid/overlay {style} 3 lj/cut 5.0",
            f"pair_coeff * * {style} {potentials}/R.uf3 Li P S",
            "pair_coeff * * lj/cut 0.01 2.0",
        ]

    expected = static(cell24, overlay("uf3"), tmp_path)
    assert_equal(static(cell24, overlay("ufp"), tmp_path), expected)
    assert_equal(static_ranks(cell24, overlay("ufp"), tmp_path, 2), expected)


def test_two_potentials_side_by_side(potentials, cell24, tmp_path):
    def lines(style):
        return [
            f"pair_style hybrid/overlay {style} 3 {style} 2",
            f"pair_coeff * * {style} 1 {potentials}/R.uf3 Li P S",
            f"pair_coeff * * {style} 2 {potentials}/N.uf3 Li P S",
        ]

    assert_equal(static(cell24, lines("ufp"), tmp_path), static(cell24, lines("uf3"), tmp_path))


def test_suffix_omp_is_harmless(potentials, cell24, tmp_path):
    expected = static(cell24, pair("uf3", potentials / "R.uf3", "Li P S"), tmp_path)
    arguments = ["-sf", "omp", "-pk", "omp", "1"]
    assert_equal(static(cell24, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path, arguments=arguments), expected)


def test_dynamics_follow_uf3(potentials, cell24, tmp_path):
    """Fifty steps with neighbour lists rebuilt on the way."""
    from lammps_run import commands, instance

    positions = []
    for style in ("uf3", "ufp"):
        lines = commands(cell24, pair(style, potentials / "R.uf3", "Li P S"), tmp_path)
        lines = [line for line in lines if not line.startswith("undump")]
        with instance(tmp_path) as lmp:
            lmp.commands_list([*lines, "fix 1 all nve", "velocity all create 600 1", "timestep 0.0005", "run 50"])
            positions.append(np.array(lmp.gather_atoms("x", 1, 3)))
    assert positions[1] == pytest.approx(positions[0], rel=0, abs=1e-9)
