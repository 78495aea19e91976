"""The polarisable baseline against sums written down naively, and what must not change it."""

import dataclasses
import itertools

import numpy as np
import pytest
from ase import Atoms
from scipy.interpolate import BSpline
from scipy.special import erfc

import efg_data
from efg_data import POLARISABLE_BASELINE
from ufpnmr.efg.baseline import MolecularBond, PolarisableBaseline
from ufpnmr.efg.point_charges import charge_gradients
from ufpnmr.efg.tensors import to_matrix, to_voigt6, traceless
from ufpnmr.errors import InputError

SPECIES = ("Li", "P", "S")
SPLINES, FIRST, CUTOFF, REACH, LENGTH = 5, 1.5, 6.0, 2.6, 2.05
FIELD_CHARGES = np.array(POLARISABLE_BASELINE.field_charges)


@pytest.fixture(scope="module")
def atoms():
    return efg_data.labelled(1, 4, displacement=0.15)[0]


def arguments(atoms):
    return atoms.cell.array, atoms.positions, list(map(str, atoms.symbols))


def displacements(atoms, reach):
    """All (i, j, x_j - x_i) within `reach`, images included, the atom itself not."""
    cell = atoms.cell.array
    counts = [int(np.ceil(reach * np.linalg.norm(column))) + 1 for column in np.linalg.inv(cell).T]
    shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in counts)))) @ cell
    D = atoms.positions[None, :, None] - atoms.positions[:, None, None] + shifts
    r = np.linalg.norm(D, axis=-1)
    i, j, s = np.nonzero((r < reach) & (r > 1e-9))
    return i, j, D[i, j, s]


def pair_fields(atoms):
    """Potential (N, N) and field (N, N, 3) at i of unit charges at j: Ewald's sum term by term, alpha 0.45."""
    alpha, x, cell = 0.45, atoms.positions, atoms.cell.array
    volume, star = atoms.get_volume(), 2 * np.pi * np.linalg.inv(atoms.cell.array).T
    phi, E = np.zeros((len(x), len(x))), np.zeros((len(x), len(x), 3))
    i, j, D = displacements(atoms, 14.0)
    r = np.linalg.norm(D, axis=1)
    np.add.at(phi, (i, j), erfc(alpha * r) / r)
    slope = (erfc(alpha * r) / r + 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * r) ** 2))) / r**2
    np.add.at(E, (i, j), -slope[:, None] * D)
    top = [int(np.ceil(5.4 * np.linalg.norm(row) / (2 * np.pi))) for row in cell]
    k = np.array(list(itertools.product(*(range(-n, n + 1) for n in top)))) @ star
    k = k[np.linalg.norm(k, axis=1) > 1e-9]
    k2 = np.sum(k**2, axis=1)
    weight = 4 * np.pi / volume * np.exp(-k2 / (4 * alpha**2)) / k2
    wave = np.exp(1j * x @ k.T)
    phi += np.real((wave * weight) @ wave.conj().T)
    for a in range(3):
        E[..., a] += np.imag((wave * (weight * k[:, a])) @ wave.conj().T)
    return phi - np.pi / (volume * alpha**2) - 2 * alpha / np.sqrt(np.pi) * np.eye(len(x)), E


def of_charges(atoms, centres, charges):
    cell, positions, _ = arguments(atoms)
    return traceless(charge_gradients(cell, positions, [charges], centres, tolerance=1e-15)[:, 0])


def of_dipoles(atoms, centres, dipoles, h=3e-3):
    """Dipoles as pairs of charges a distance 2h apart, on atoms of their own."""
    cell, positions, _ = arguments(atoms)
    carrier = np.flatnonzero(np.abs(dipoles).sum(axis=1))
    size = np.linalg.norm(dipoles[carrier], axis=1)
    step = h * dipoles[carrier] / size[:, None]
    x = np.concatenate([positions[centres], positions[carrier] + step, positions[carrier] - step])
    q = np.concatenate([np.zeros(len(centres)), size / (2 * h), -size / (2 * h)])
    return traceless(charge_gradients(cell, x, [q], np.arange(len(centres)), tolerance=1e-15)[:, 0])


def naive_columns(atoms, centres):
    """All columns from their definition in docs/efg_training.md."""
    symbols, n = np.array(list(map(str, atoms.symbols))), len(atoms)
    phi, E = pair_fields(atoms)
    kind = np.array([symbols == name for name in SPECIES], dtype=float)
    i, j, D = displacements(atoms, CUTOFF)
    r = np.linalg.norm(D, axis=1)
    bond = {}
    for a, b, d, v in zip(i, j, r, D, strict=True):
        if symbols[a] == "S" and symbols[b] == "P" and d < min(REACH, bond.get(a, (np.inf,))[0]):
            bond[a] = (d, b, v / d)
    columns = [of_charges(atoms, centres, kind[s]) for s in range(3)]

    def flow(value):
        q = np.zeros(n)
        for a, (_, b, _) in bond.items():
            q[a] += value(a)
            q[b] -= value(a)
        columns.append(of_charges(atoms, centres, q))

    def polarised(value):
        mu = np.zeros((n, 3))
        for a in bond:
            mu[a] = value(a)
        columns.append(of_dipoles(atoms, centres, mu))

    flow(lambda a: bond[a][0] - LENGTH)
    for s in range(3):
        flow(lambda a, s=s: phi[a] @ kind[s])
    polarised(lambda a: bond[a][2])
    polarised(lambda a: bond[a][2] * (bond[a][0] - LENGTH))
    for s in range(3):
        polarised(lambda a, s=s: kind[s] @ E[a])
    knots = np.concatenate([[FIRST] * 3, np.linspace(FIRST, CUTOFF, SPLINES + 1), [CUTOFF] * 3])
    short = np.zeros((len(centres), 14, SPLINES, 3, 3))
    for a, b, d, v in zip(i, j, r, D, strict=True):
        if a not in centres or b not in bond:
            continue
        row, u, p = list(centres).index(a), v / d, bond[b][2]
        field = np.einsum("s,sn,na->a", FIELD_CHARGES, kind, E[a])
        basis = [BSpline(knots, np.eye(SPLINES + 3)[m], 3)(max(d, FIRST)) for m in range(SPLINES)]
        tensors = [(u @ p) ** m * np.outer(*pair) for pair in ((u, u), (u, p), (p, p)) for m in range(4)]
        tensors += [np.outer(u, field), (u @ field) * np.outer(u, u)]
        short[row] += np.array(tensors)[:, None] * np.array(basis)[None, :, None, None]
    short = traceless(to_voigt6(short.reshape(len(centres), -1, 3, 3)))
    return np.stack(columns, axis=1), short


def test_columns_are_those_of_the_definition(atoms):
    centres = np.array([0, 3, 7])
    found = POLARISABLE_BASELINE.columns(*arguments(atoms), centres)
    far, near = naive_columns(atoms, centres)
    scale = np.abs(far).max(axis=(0, 2), keepdims=True)
    np.testing.assert_allclose(found[:, :12] / scale, far / scale, atol=2e-5)  # two charges are not quite a dipole
    np.testing.assert_allclose(found[:, :7] / scale[:, :7], far[:, :7] / scale[:, :7], atol=1e-7)
    np.testing.assert_allclose(found[:, 12:], near, atol=1e-7 * np.abs(near).max())


def test_prediction_is_the_sum_of_the_columns(atoms):
    centres = np.arange(12)
    X = POLARISABLE_BASELINE.columns(*arguments(atoms), centres)
    V = POLARISABLE_BASELINE.gradients(*arguments(atoms), centres)
    np.testing.assert_allclose(V, np.einsum("p,npc->nc", POLARISABLE_BASELINE.coefficients, X), atol=1e-10)
    np.testing.assert_allclose(V[:, :3].sum(axis=1), 0, atol=1e-12)
    frames = atoms.positions + np.array([[[0.0, 0.0, 0.0]], [[0.0, 0.1, 3.0]]])
    cells = np.array([atoms.cell.array] * 2)
    several = POLARISABLE_BASELINE.gradients(cells, frames, arguments(atoms)[2], centres, threads=2)
    np.testing.assert_allclose(several, [V, V], atol=1e-7)


def test_without_bonds_it_is_point_charges(atoms):
    bare = PolarisableBaseline(SPECIES, (), (0.0, 0.0, 0.0), coefficients=np.array([1.0, 1.4, -1.1]))
    expected = to_voigt6(efg_data.CHARGES.predict(atoms, [0, 5]))
    np.testing.assert_allclose(bare.gradients(*arguments(atoms), [0, 5]), expected, atol=1e-7)


def test_invariances(atoms):
    V = to_matrix(POLARISABLE_BASELINE.gradients(*arguments(atoms), range(12)))
    q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))  # improper ones too: tensors are even
    turned = Atoms(atoms.symbols, atoms.positions @ q.T, cell=atoms.cell.array @ q.T, pbc=True)
    close = {"atol": 2e-7 * np.abs(V).max()}
    np.testing.assert_allclose(
        to_matrix(POLARISABLE_BASELINE.gradients(*arguments(turned), range(12))), q @ V @ q.T, **close
    )
    large = atoms.repeat((2, 1, 1))
    large.positions += np.random.default_rng(2).integers(-2, 3, (len(large), 3)) @ large.cell.array
    np.testing.assert_allclose(to_matrix(POLARISABLE_BASELINE.gradients(*arguments(large), range(12))), V, **close)
    skewed = atoms.copy()
    skewed.cell[1] += skewed.cell[0] - skewed.cell[2]
    np.testing.assert_allclose(to_matrix(POLARISABLE_BASELINE.gradients(*arguments(skewed), range(12))), V, **close)


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
    with pytest.raises(InputError, match="splines from a distance above 0 to a larger cutoff"):
        dataclasses.replace(POLARISABLE_BASELINE, first=7.0)
    positions = positions.copy()
    positions[3] = positions[2] + 1e-5
    with pytest.raises(InputError, match="found atoms 2 and 3"):
        POLARISABLE_BASELINE.gradients(cell, positions, elements, [2])
