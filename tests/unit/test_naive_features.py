"""The oracle of the features against independent evaluators: features . coefficients = energy, forces, virial."""

import numpy as np
import pytest

import naive_features
import potentials
import uf3_reference as reference


@pytest.mark.parametrize("warp", [1.0, 1.3])
def test_features_times_coefficients_is_the_naive_evaluator(warp):
    model = reference.random_model(warp=warp, rc2=4.5, rc3=3.0, n2=9, n3=3, n3jk=5)
    model.onebody = {"Li": -1.5, "P": 2.0, "S": 0.25}
    atoms = potentials.packing(8)
    of = naive_features.layout_of(model)
    c = naive_features.coefficients_of(model, of)
    symbols = atoms.get_chemical_symbols()
    rows = naive_features.features(of, symbols, atoms.positions, atoms.cell.array)
    energy, forces, virial = potentials.naive(model, atoms)
    offset = sum(model.onebody[s] for s in symbols)
    assert rows.energy @ c == pytest.approx(energy + offset, rel=1e-12)
    np.testing.assert_allclose(rows.forces @ c, forces, atol=1e-11)
    np.testing.assert_allclose(rows.virial @ c, [virial[p, q] for p, q in naive_features.VOIGT], atol=1e-10)


def test_features_times_coefficients_is_the_potential():
    model = reference.random_model(("Li", "S"), rc2=4.0, rc3=3.0, n2=8, n3=3, n3jk=5)
    atoms = potentials.packing(8)
    atoms.symbols[atoms.symbols == "P"] = "S"
    of = naive_features.layout_of(model)
    rows = naive_features.features(of, atoms.get_chemical_symbols(), atoms.positions, atoms.cell.array)
    c, out = naive_features.coefficients_of(model, of), potentials.as_potential(model).evaluate(atoms)
    assert rows.energy @ c == pytest.approx(out.energy, rel=1e-12)
    np.testing.assert_allclose(rows.forces @ c, out.forces, atol=1e-11)
    np.testing.assert_allclose(-(rows.virial @ c) / atoms.get_volume(), out.stress, atol=1e-13)


def test_forces_and_virial_are_derivatives_of_the_energy_row():
    of = naive_features.layout(("Li", "S"), reference.clamped(1, 4, 5), (reference.clamped(1, 3, 3),) * 2, lead=(0, 1))
    cell = np.array([[4.2, 0, 0], [0.6, 3.9, 0], [-0.4, 0.3, 4.4]])
    positions = np.array([[0.1, 0, 0], [2.1, 0.4, 0.3], [0.5, 2.0, 2.2]])
    symbols, step = ["Li", "S", "S"], 1e-4

    def energy(x, box=cell):
        return naive_features.features(of, symbols, x, box).energy

    rows = naive_features.features(of, symbols, positions, cell)
    np.testing.assert_allclose(rows.forces.sum(0), 0, atol=1e-12)
    shift = np.zeros_like(positions)
    shift[1, 2] = step
    np.testing.assert_allclose(
        rows.forces[1, 2], -(energy(positions + shift) - energy(positions - shift)) / (2 * step), atol=1e-6
    )
    for row, (p, q) in enumerate(naive_features.VOIGT):
        strain = np.zeros((3, 3))
        strain[p, q] = step
        up, down = (np.eye(3) + sign * strain for sign in (1, -1))
        slope = (energy(positions @ up.T, cell @ up.T) - energy(positions @ down.T, cell @ down.T)) / (2 * step)
        np.testing.assert_allclose(rows.virial[row], -slope, atol=2e-6)


def test_below_the_first_knot_is_refused():
    of = naive_features.layout(("Li",), reference.clamped(1, 4, 5))
    with pytest.raises(ValueError, match="below the first knot"):
        naive_features.features(of, ["Li", "Li"], [[0, 0, 0], [0.9, 0, 0]])
