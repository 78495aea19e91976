"""The polarisable baseline against sums written down naively, and what must not change it."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms

import efg_data
from efg_data import MOLECULES_BASELINE, POLARISABLE_BASELINE
from polarisable_oracle import arguments, far_columns, near_columns
from ufpnmr.efg.baseline import MolecularBond, PairKernel, PolarisableBaseline
from ufpnmr.efg.tensors import to_matrix, to_voigt6
from ufpnmr.errors import InputError

SPECIES = ("Li", "P", "S")
CUTOFF, REACH, LENGTH = 6.0, 2.6, 2.05
BOTH = pytest.mark.parametrize("baseline", [POLARISABLE_BASELINE, MOLECULES_BASELINE], ids=["plain", "surroundings"])


@pytest.fixture(scope="module")
def atoms():
    return efg_data.labelled(1, 4, displacement=0.15)[0]


def with_reach(baseline, reach):
    return dataclasses.replace(baseline, bonds=(MolecularBond("P", "S", reach, LENGTH),))


@pytest.mark.parametrize(
    ("baseline", "reach"),
    [(POLARISABLE_BASELINE, REACH), (MOLECULES_BASELINE, REACH), (MOLECULES_BASELINE, 2.15), (MOLECULES_BASELINE, 4.2)],
    ids=["plain", "surroundings", "bonds that break", "ligands with several centres"],
)
def test_columns_are_those_of_the_definition(atoms, baseline, reach):
    baseline, centres = with_reach(baseline, reach), np.array([0, 3, 7])
    found = baseline.columns(*arguments(atoms), centres)
    far, (near, invariants) = far_columns(atoms, centres, baseline), near_columns(atoms, centres, baseline)
    n = baseline.sources
    assert far.shape[1] == n
    assert found.shape[1] == baseline.size == n + near.shape[1]
    scale = np.abs(far).max(axis=(0, 2), keepdims=True)
    scale[scale == 0] = 1.0
    np.testing.assert_allclose(found[:, :n] / scale, far / scale, atol=2e-5)  # two charges are not quite a dipole
    np.testing.assert_allclose(found[:, :7] / scale[:, :7], far[:, :7] / scale[:, :7], atol=1e-7)
    np.testing.assert_allclose(found[:, n:], near, atol=1e-7 * np.abs(near).max())
    if baseline.kernel is not None:
        assert np.abs(near[:, -3 * len(baseline.kernel.points) :]).max() > 1e-3
        kind, x = baseline.pairs(*arguments(atoms), centres)
        assert not kind.any()
        for column in range(8):  # the order of neighbours is nobody's business
            np.testing.assert_allclose(np.sort(x[:, column]), np.sort(invariants[:, column]), atol=1e-6)


@BOTH
def test_prediction_is_the_sum_of_the_columns(atoms, baseline):
    centres = np.arange(12)
    X = baseline.columns(*arguments(atoms), centres)
    V = baseline.gradients(*arguments(atoms), centres)
    np.testing.assert_allclose(V, np.einsum("p,npc->nc", baseline.coefficients, X), atol=1e-10)
    np.testing.assert_allclose(V[:, :3].sum(axis=1), 0, atol=1e-12)
    frames = atoms.positions + np.array([[[0.0, 0.0, 0.0]], [[0.0, 0.1, 3.0]]])
    cells = np.array([atoms.cell.array] * 2)
    several = baseline.gradients(cells, frames, arguments(atoms)[2], centres, threads=2)
    np.testing.assert_allclose(several, [V, V], atol=1e-7)


def test_without_bonds_it_is_point_charges(atoms):
    bare = PolarisableBaseline(SPECIES, (), (0.0, 0.0, 0.0), coefficients=np.array([1.0, 1.4, -1.1]))
    expected = to_voigt6(efg_data.CHARGES.predict(atoms, [0, 5]))
    np.testing.assert_allclose(bare.gradients(*arguments(atoms), [0, 5]), expected, atol=1e-7)


@BOTH
@pytest.mark.parametrize("reach", [REACH, 2.15])
def test_invariances(atoms, baseline, reach):
    baseline = with_reach(baseline, reach)
    V = to_matrix(baseline.gradients(*arguments(atoms), range(12)))
    q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))  # improper ones too: tensors are even
    turned = Atoms(atoms.symbols, atoms.positions @ q.T, cell=atoms.cell.array @ q.T, pbc=True)
    close = {"atol": 2e-7 * np.abs(V).max()}
    np.testing.assert_allclose(to_matrix(baseline.gradients(*arguments(turned), range(12))), q @ V @ q.T, **close)
    large = atoms.repeat((2, 1, 1))
    large.positions += np.random.default_rng(2).integers(-2, 3, (len(large), 3)) @ large.cell.array
    np.testing.assert_allclose(to_matrix(baseline.gradients(*arguments(large), range(12))), V, **close)
    skewed = atoms.copy()
    skewed.cell[1] += skewed.cell[0] - skewed.cell[2]
    np.testing.assert_allclose(to_matrix(baseline.gradients(*arguments(skewed), range(12))), V, **close)


def test_smooth_where_the_splines_end():
    only_splines = dataclasses.replace(
        POLARISABLE_BASELINE, coefficients=POLARISABLE_BASELINE.coefficients * np.append(np.zeros(12), np.ones(70))
    )
    V = []
    for d in np.array([-2e-4, -1e-4, 1e-4]) + CUTOFF:
        pair = Atoms("LiSP", [[0, 0, 0], [d, 0, 0], [d, 2.0, 0.3]], cell=[40] * 3, pbc=True)
        V.append(np.abs(only_splines.gradients(*arguments(pair), [0])).max())
    assert V[2] == 0
    assert V[1] == pytest.approx(V[0] / 8, rel=1e-2)  # third order


def test_smooth_where_a_bond_breaks():
    V = []
    for d in np.array([-2e-4, -1e-4, 0.0, 1e-4]) + REACH:
        cluster = Atoms("LiSP", [[0, 0, 0], [2.4, 0, 0], [2.4, d, 0]], cell=[30] * 3, pbc=True)
        V.append(MOLECULES_BASELINE.gradients(*arguments(cluster), [0])[0])
    V = np.array(V)
    np.testing.assert_allclose(V[0] - V[1], V[2] - V[3], atol=1e-5 * np.abs(V).max())
    np.testing.assert_allclose(V[1], V[2], atol=1e-3 * np.abs(V).max())


def test_ligands_without_a_centre_take_no_part(atoms):
    kind, length, unbound = POLARISABLE_BASELINE.bond_lengths(*arguments(atoms))
    assert (len(kind), unbound) == (16, 0)
    assert np.all((length > 1.5) & (length < REACH))
    cut = dataclasses.replace(POLARISABLE_BASELINE, bonds=(MolecularBond("P", "S", float(np.sort(length)[8]), LENGTH),))
    kind, _, unbound = cut.bond_lengths(*arguments(atoms))
    assert (len(kind), unbound) == (8, 8)
    X = dataclasses.replace(cut, bonds=(MolecularBond("P", "S", 1.0),)).columns(*arguments(atoms), [0, 1])
    assert np.all(X[:, 3:] == 0)
    assert np.all(np.abs(X[:, :3]).max(axis=(0, 2)) > 0)


def test_refusals(atoms):
    cell, positions, elements = arguments(atoms)
    with pytest.raises(InputError, match="knows Li, P, S, found Na"):
        POLARISABLE_BASELINE.gradients(cell, positions, ["Na", *elements[1:]], [1])
    with pytest.raises(InputError, match="bond P-O: expected one of Li, P, S"):
        PolarisableBaseline(SPECIES, (MolecularBond("P", "O", 2.0),), (0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="field_charges: expected 3, found 2"):
        PolarisableBaseline(SPECIES, (), (0.0, 0.0))
    with pytest.raises(InputError, match="coefficients: expected 82, found shape"):
        dataclasses.replace(POLARISABLE_BASELINE, coefficients=np.zeros(7))
    with pytest.raises(InputError, match="found NaN or infinity"):
        dataclasses.replace(POLARISABLE_BASELINE, coefficients=np.full(82, np.nan))
    with pytest.raises(InputError, match="expected 0 to 64 splines of the surroundings, found 65"):
        dataclasses.replace(POLARISABLE_BASELINE, surroundings=65, coefficients=np.zeros(0)).columns(
            cell, positions, elements, [1]
        )
    kernel = PairKernel(5.0, np.zeros(8), np.array([0]), np.zeros((1, 8)))
    with pytest.raises(InputError, match="expected scales above 0"):
        dataclasses.replace(POLARISABLE_BASELINE, kernel=kernel, coefficients=np.zeros(0)).columns(
            cell, positions, elements, [1]
        )
    with pytest.raises(InputError, match="splines from a distance above 0 to a larger cutoff"):
        dataclasses.replace(POLARISABLE_BASELINE, first=7.0)
    positions = positions.copy()
    positions[3] = positions[2] + 1e-5
    with pytest.raises(InputError, match="found atoms 2 and 3"):
        POLARISABLE_BASELINE.gradients(cell, positions, elements, [2])
