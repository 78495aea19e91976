"""λ-SOAP equals featomic's on random triclinic cells of several species, without splines on its side."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms

import naive_lambda_soap as naive
from ufpnmr import _core
from ufpnmr.efg.features import feature_list

featomic = pytest.importorskip("featomic", reason="featomic, the independent implementation, is not installed")
coupling = pytest.importorskip("featomic.clebsch_gordan", reason="featomic was installed without metatensor-operations")
metatensor = pytest.importorskip("metatensor", reason="metatensor, which featomic returns, is not installed")

NUMBERS = np.array([3, 15, 16])
SPEC = naive.Spec(cutoff=5.0, width=0.5, sigma=0.35, n_max=6, l_max=4, scaling=(3.0, 4.0))


def structure(seed):
    """A skewed cell smaller than the cutoff along at least one direction."""
    rng = np.random.default_rng(seed)
    cell = np.diag([5.5, 6.5, 4.2]) + rng.normal(0, 0.7, (3, 3))
    species = rng.permutation([0, 0, 0, 1, 2, 2, 2, 2])
    return species, rng.random((len(species), 3)) @ cell, cell


def expansion(spec):
    return featomic.SphericalExpansion(
        cutoff={"radius": spec.cutoff, "smoothing": {"type": "ShiftedCosine", "width": spec.width}},
        density={
            "type": "Gaussian",
            "width": spec.sigma,
            "center_atom_weight": spec.centre_weight,
            "scaling": {
                "type": "Willatt2018",
                "scale": spec.scaling[0],
                "exponent": int(spec.scaling[1]),
                "rate": 1.0,
            },
        },
        basis={
            "type": "TensorProduct",
            "max_angular": spec.l_max,
            "radial": {"type": "Gto", "max_radial": spec.n_max - 1},
            "spline_accuracy": None,
        },
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("centre_weight", [1.0, 0.3])
def test_densities(seed, centre_weight):
    spec = dataclasses.replace(SPEC, centre_weight=centre_weight)
    species, positions, cell = structure(seed)
    calculator = _core.LambdaSoap(_core.LambdaSoapSpec(**dataclasses.asdict(spec)))
    found = calculator.densities(species, positions, cell, [True] * 3, list(range(len(species))))
    found = found.reshape(len(species), spec.species, spec.n_max, -1)
    expected = np.zeros_like(found)
    atoms = Atoms(NUMBERS[species], positions=positions, cell=cell, pbc=True)
    for key, block in expansion(spec).compute(atoms).items():
        ell, a = key["o3_lambda"], list(NUMBERS).index(key["neighbor_type"])
        expected[block.samples["atom"], a, :, ell * ell : (ell + 1) ** 2] = block.values.transpose(0, 2, 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * abs(expected).max())


@pytest.mark.parametrize("lam", [0, 2])
def test_kernels(lam):
    """featomic lists l1 ≤ l2 with all pairs of channels; √2 where l1 ≠ l2 gives the kernel of both orders."""
    species, positions, cell = structure(7)
    centres = np.flatnonzero(species == 0)
    calculator = _core.LambdaSoap(_core.LambdaSoapSpec(**dataclasses.asdict(SPEC)))
    rows = feature_list(SPEC.l_max, calculator.channels, lam)
    P = calculator.features(species, positions, cell, [True] * 3, centres, lam, rows)
    atoms = Atoms(NUMBERS[species], positions=positions, cell=cell, pbc=True)
    spectrum = coupling.EquivariantPowerSpectrum(expansion(SPEC), neighbor_types=[int(n) for n in NUMBERS])
    keys = metatensor.Labels(["o3_lambda", "o3_sigma", "center_type"], np.array([[lam, 1, 3]]))
    block = spectrum.compute(atoms, selected_keys=keys, neighbors_to_properties=True).block(0)
    np.testing.assert_array_equal(block.samples["atom"], centres)
    F = block.values * np.where(block.properties["l_1"] == block.properties["l_2"], 1, np.sqrt(2))
    expected = np.einsum("imq,jnq->ijmn", F, F)
    np.testing.assert_allclose(np.einsum("imq,jnq->ijmn", P, P), expected, rtol=0, atol=1e-8 * abs(expected).max())
