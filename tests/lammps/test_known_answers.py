"""Numbers that must come out, and derivatives that must agree with them."""

from dataclasses import replace

import numpy as np
import pytest

import uf3_reference as reference
from lammps_run import System, cluster, commands, instance, static

TRIANGLE = [(0, 0, 0), (2, 0, 0), (1, np.sqrt(3), 0)]
CORNER = [(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5)]


def ufp(file, elements, degree=3, options=""):
    return [f"pair_style ufp {degree} {options}", f"pair_coeff * * {file} {elements}"]


@pytest.mark.parametrize(
    ("positions", "energy", "force"), [([(0, 0, 0), (2, 0, 0)], 0.16, -0.24), ([(0, 0, 0), (3, 0, 0)], 0.02, -0.06)]
)
def test_two_atoms(positions, energy, force, potentials, tmp_path):
    found = static(cluster(positions), ufp(potentials / "T.uf3", "Li"), tmp_path)
    assert found.energy == pytest.approx(energy, rel=1e-12)
    assert found.forces[0, 0] == pytest.approx(force, rel=1e-12)


def test_equilateral_triangle(potentials, tmp_path):
    found = static(cluster(TRIANGLE), ufp(potentials / "T.uf3", "Li"), tmp_path)
    assert found.energy == pytest.approx(0.521472, rel=1e-12)
    assert found.forces[0] == pytest.approx([-0.432576, -0.249747870045, 0], abs=1e-11)
    assert found.forces[2] == pytest.approx([0, 0.49949574009, 0], abs=1e-11)
    assert found.virial == pytest.approx([0.865152, 0.865152, 0, 0, 0, 0], abs=1e-11)


@pytest.mark.parametrize(
    ("elements", "types", "energy", "force"),
    [
        ("Li S", [1, 1, 2], 0.250031164498948, (-0.244722774517, -0.095297206841, -0.019059441368)),
        ("Li S", [1, 2, 2], 0.193972559715192, (-0.111484260217, -0.098656613217, -0.019731322643)),
        ("Li S", [2, 1, 2], 0.192403027009460, (-0.105252161580, -0.129961676479, -0.025992335296)),
        ("S Li", [1, 2, 1], 0.192403027009460, (-0.105252161580, -0.129961676479, -0.025992335296)),
    ],
)
def test_axes_of_two_elements(elements, types, energy, force, potentials, tmp_path):
    found = static(cluster(CORNER, types), ufp(potentials / "T2.uf3", elements), tmp_path)
    assert found.energy == pytest.approx(energy, rel=1e-13)
    assert found.forces[0] == pytest.approx(force, abs=1e-11)


def test_random_cell(potentials, cell24, tmp_path):
    found = static(cell24, ufp(potentials / "R.uf3", "Li P S"), tmp_path)
    assert found.energy == pytest.approx(141.820361151707, rel=1e-13)
    assert found.forces[0] == pytest.approx([-1.437694513813, -24.198522123607, 3.277784843518], abs=1e-11)
    virial = [469.71235264, 401.91335164, 490.15110441, 98.72425239, 17.60757207, 58.82398520]
    assert found.virial == pytest.approx(virial, abs=1e-8)
    pairs = static(cell24, ufp(potentials / "R.uf3", "Li P S", 2), tmp_path)
    assert pairs.energy == pytest.approx(140.167557952564, rel=1e-13)
    uneven = static(cell24, ufp(potentials / "N.uf3", "Li P S"), tmp_path)
    assert uneven.energy == pytest.approx(126.515446115076, rel=1e-13)


def test_large_random_cell(potentials, cell384, tmp_path):
    found = static(cell384, ufp(potentials / "R.uf3", "Li P S"), tmp_path)
    assert found.energy == pytest.approx(2411.16203081497, rel=1e-13)


@pytest.mark.parametrize(
    ("degree", "edge", "energy"),
    [(3, 3.2, -4.184576923121), (3, 3.3, -4.425229084853), (3, 3.4, -4.408897762585), (2, 3.3, -6.438478079736)],
)
def test_niobium(degree, edge, energy, potentials, tmp_path):
    system = System(np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) * edge, np.array([1, 1]), np.eye(3) * edge)
    found = static(system, ufp(potentials / "Nb.uf3", "Nb", degree), tmp_path)
    assert found.energy / 2 == pytest.approx(energy, abs=1e-11)
    assert np.abs(found.forces).max() < 1e-12


def test_onebody(potentials, cell24, tmp_path):
    model = reference.random_model()
    model.onebody = {"Li": -1.25, "P": 3.5, "S": -0.75}
    file = reference.write(tmp_path / "one.uf3", model)
    without = static(cell24, ufp(file, "Li P S"), tmp_path)
    found = static(cell24, ufp(file, "Li P S", options="onebody yes"), tmp_path)
    assert without.energy == pytest.approx(141.820361151707, rel=1e-13)
    assert found.energy - without.energy == pytest.approx(9 * -1.25 + 3 * 3.5 + 12 * -0.75, rel=1e-12)
    assert found.energies - without.energies == pytest.approx(np.array([0, -1.25, 3.5, -0.75])[cell24.types], rel=1e-12)
    assert found.forces == pytest.approx(without.forces, rel=0, abs=0)


CASES = [("R", "Li P S", 3), ("N", "Li P S", 3), ("R", "Li P S", 2), ("Q", "Li P Ge", 3), ("Nb", "Nb Nb Nb", 3)]


def system_for(name, cell24):
    if name != "Nb":
        return cell24
    grid = np.stack(np.meshgrid(*[range(2)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    x = ((grid + np.array([[0, 0, 0], [0.5, 0.5, 0.5]])) * 3.3).reshape(-1, 3)
    x = x + 0.3 * reference.uniform(11, x.size).reshape(x.shape)
    return System(x, np.arange(len(x)) % 3 + 1, np.eye(3) * 6.6)


@pytest.mark.parametrize(("name", "elements", "degree"), CASES)
def test_forces_are_minus_the_gradient(name, elements, degree, potentials, cell24, tmp_path):
    system = system_for(name, cell24)
    h, weights = 3e-5, {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
    lines = commands(system, ufp(potentials / f"{name}.uf3", elements, degree), tmp_path)
    lines = [line for line in lines if not line.startswith(("dump", "undump", "print", "compute", "thermo_style"))]
    with instance(tmp_path) as lmp:
        lmp.commands_list(lines)
        forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
        x = lmp.gather_atoms("x", 1, 3)

        def energy(k, value):
            x[k] = value
            lmp.scatter_atoms("x", 1, 3, x)
            lmp.command("run 0 post no")
            return lmp.get_thermo("pe")

        scale = np.sqrt((forces**2).mean())
        for k in range(0, len(x), 5):
            old = x[k]
            slope = sum(w * energy(k, old + step * h) for step, w in weights.items()) / h
            x[k] = old
            assert forces.flat[k] == pytest.approx(-slope, rel=0, abs=1e-8 * scale)


@pytest.mark.parametrize(("name", "elements", "degree"), CASES)
def test_virial_is_minus_the_strain_derivative(name, elements, degree, potentials, cell24, tmp_path):
    system = system_for(name, cell24)
    pair = ufp(potentials / f"{name}.uf3", elements, degree)
    found = static(system, pair, tmp_path)
    h, weights = 3e-6, {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
    # the row index is the direction of the position, so that the cell stays lower triangular
    for k, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1)]):
        slope = 0.0
        for step, weight in weights.items():
            strain = np.eye(3)
            strain[a, b] += step * h
            strained = replace(system, positions=system.positions @ strain, cell=system.cell @ strain)
            slope += weight * static(strained, pair, tmp_path).energy / h
        assert found.virial[k] == pytest.approx(-slope, rel=0, abs=1e-8 * np.abs(found.virial).max())


@pytest.mark.parametrize("name", ["R", "N", "T"])
def test_continuous_at_knots_cutoffs_and_first_knot(name, potentials, tmp_path):
    """Energy on both sides of every knot differs by no more than the force times the step."""
    models = {"R": reference.random_model(), "N": reference.random_model(warp=1.3), "T": reference.tiny()}
    model, element = models[name], "Li"
    knots = set(model.pair(element, element)[0])
    for axis in model.triplet(element, element, element)[0]:
        knots |= set(axis)
    with instance(tmp_path) as lmp:
        lmp.commands_list(
            [
                "units metal",
                "atom_modify map array",
                "region b block 0 30 0 30 0 30",
                "create_box 1 b",
                "mass * 30",
                *(f"create_atoms 1 single {x} 10 {z}" for x, z in ((10, 10), (12, 10), (10, 12.2))),
                *ufp(potentials / f"{name}.uf3", element, options="short quiet"),
                "thermo_modify lost ignore",
            ]
        )
        for knot in sorted(knots):
            energies, slope = [], 1.0
            for side in (-1, 1):
                x = lmp.gather_atoms("x", 1, 3)
                x[3] = 10 + knot + side * 1e-9
                lmp.scatter_atoms("x", 1, 3, x)
                lmp.command("run 0 post no")
                energies.append(lmp.get_thermo("pe"))
                slope = max(slope, abs(np.array(lmp.gather_atoms("f", 1, 3))).max())
            assert energies[1] == pytest.approx(energies[0], rel=0, abs=4e-9 * slope), knot
