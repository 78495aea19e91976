"""Features: the C++ core against the plainest loops, and against the evaluation they must agree with."""

import numpy as np
import pytest
from ase import Atoms

import naive_features
from ufpnmr.errors import DomainError, InputError
from ufpnmr.potential import Potential
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.potential.gram import NormalEquations, Target, accumulate
from ufpnmr.structures import LabelledStructure

ELEMENTS = ("Li", "P", "S")
SIGMA = {"energy": 0.01, "forces": 0.1, "stress": 0.05}


def clamped(first, last, intervals):
    return np.concatenate([[first] * 3, np.linspace(first, last, intervals + 1), [last] * 3])


def basis_of(pair_knots, leg_knots, far_knots, lead=(0, 0), trail=(3, 3), elements=ELEMENTS):
    trios = (leg_knots, far_knots) if leg_knots is not None else None
    return SplineBasis(naive_features.layout(elements, pair_knots, trios, lead, trail).blocks)


def structure(seed, count=12, length=5.0, shortest=1.1, pbc=True):
    """Random Li-P-S atoms in a skewed cell, none closer than `shortest`."""
    rng = np.random.default_rng(seed)
    cell = np.eye(3) * length + rng.normal(scale=0.3, size=(3, 3))
    atoms = Atoms(pbc=pbc, cell=cell)
    while len(atoms) < count:
        trial = atoms + Atoms(str(rng.choice(ELEMENTS)), [rng.uniform(size=3) @ cell], pbc=pbc, cell=cell)
        distances = trial.get_distances(-1, range(len(trial) - 1), mic=True) if len(trial) > 1 else np.array([9.0])
        if distances.min() > shortest:
            atoms = trial
    return atoms


BASES = {
    "uniform": basis_of(clamped(1.0, 5.5, 9), clamped(1.0, 3.5, 5), clamped(1.0, 7.0, 10)),
    "no trims": basis_of(clamped(1.0, 5.5, 9), clamped(1.0, 3.5, 4), clamped(1.0, 7.0, 7), (0, 0), (0, 0)),
    "leading trims": basis_of(clamped(1.0, 5.5, 9), clamped(0.5, 3.5, 5), clamped(0.5, 7.0, 10), (1, 3)),
    "uneven, not clamped, short opposite side": basis_of(
        np.array([0.2, 0.5, 0.8, 1.0, 1.3, 2.1, 3.0, 4.4, 5.0, 5.2, 5.4, 5.6]),
        np.array([0.4, 0.6, 0.9, 1.0, 1.4, 2.2, 2.9, 3.4, 3.6, 3.7]),
        clamped(1.0, 4.2, 6),
        trail=(0, 0),
    ),
    "pairs only": basis_of(clamped(1.0, 5.5, 9), None, None),
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("pbc", [True, False])
def test_core_equals_the_plain_loops(name, pbc):
    basis, atoms = BASES[name], structure(1, 7, 4.2, pbc=pbc)
    expected = naive_features.features(basis, list(atoms.symbols), atoms.positions, atoms.cell.array if pbc else None)
    found = basis.features(atoms)
    for kind in ("energy", "forces", "virial"):
        a, b = getattr(found, kind), getattr(expected, kind)
        assert np.abs(b).max() > 0.1
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("name", [n for n in BASES if n != "uneven, not clamped, short opposite side"])
@pytest.mark.parametrize("threads", [1, 2])
def test_features_times_coefficients_is_the_evaluation(name, threads):
    basis, atoms = BASES[name], structure(2, 24, 6.5)
    c = np.random.default_rng(3).normal(size=basis.n_columns)
    potential = basis.potential(c)
    np.testing.assert_array_equal(basis.coefficients(potential), c)
    x, y = basis.features(atoms, threads=threads), potential.evaluate(atoms)
    volume = atoms.get_volume()
    assert x.energy @ c == pytest.approx(y.energy, rel=1e-11)
    np.testing.assert_allclose(x.forces @ c, y.forces, rtol=0, atol=1e-11 * np.abs(y.forces).max())
    np.testing.assert_allclose(-(x.virial @ c) / volume, y.stress, rtol=0, atol=1e-11 * np.abs(y.stress).max())


def test_below_the_first_knot_features_continue_as_the_evaluation_does():
    basis = BASES["no trims"]
    c = np.zeros(basis.n_columns)
    for block in basis.blocks:
        if block.order == 2:
            c[block.columns] = np.linspace(2, 0, block.n_columns)  # repulsive at the wall
        elif block.order == 3:
            c[block.columns] = np.random.default_rng(5).normal(scale=0.1, size=block.n_columns)
    atoms = Atoms("LiSP", [(0, 0, 0), (0.8, 0, 0), (0.3, 0.7, 0.2)])
    x, y = basis.features(atoms), basis.potential(c).evaluate(atoms)
    assert y.short_contacts == 3
    assert x.energy @ c == pytest.approx(y.energy, rel=1e-12)
    np.testing.assert_allclose(x.forces @ c, y.forces, atol=1e-12 * np.abs(y.forces).max())


def test_basis_of_a_potential_has_its_columns_and_coefficients():
    basis = BASES["leading trims"]
    c = np.random.default_rng(6).normal(size=basis.n_columns)
    potential = basis.potential(c, one_body={"Li": 1.0, "P": 2.0, "S": 3.0})
    again = SplineBasis.of(potential)
    assert again.n_columns == basis.n_columns
    assert again.elements == ELEMENTS
    np.testing.assert_array_equal(again.coefficients(potential)[3:], c[3:])
    np.testing.assert_array_equal(again.coefficients(potential)[:3], [1, 2, 3])


def test_stated_mistakes_are_named():
    basis = BASES["uniform"]
    with pytest.raises(InputError, match=r"expected atoms of Li P S, found Na \(atom 1\)"):
        basis.features(Atoms("LiNa", [(0, 0, 0), (2, 0, 0)]))
    with pytest.raises(DomainError):
        basis.features(Atoms("LiS", [(0, 0, 0), (2, 0, 0)], pbc=True, cell=np.zeros((3, 3))))
    with pytest.raises(InputError, match="coefficients, found an array of shape"):
        basis.potential(np.zeros(3))
    pair = ColumnBlock.pair(("Li", "Li"), clamped(1, 5, 6))
    with pytest.raises(InputError, match="found none for Li-S"):
        SplineBasis.from_blocks(("Li", "S"), [pair])
    with pytest.raises(InputError, match="expected once, found twice"):
        SplineBasis.from_blocks(("Li",), [pair, pair])
    other = basis_of(clamped(1.0, 5.0, 9), clamped(1.0, 3.5, 5), clamped(1.0, 7.0, 10))
    with pytest.raises(InputError, match="expected the knots of the basis"):
        basis.coefficients(other.potential(np.zeros(other.n_columns)))


def labelled(seed, **labels):
    atoms = structure(seed, 14, 5.5)
    rng = np.random.default_rng(seed)
    values = {"energy": rng.normal(), "forces": rng.normal(size=(14, 3)), "stress": rng.normal(size=6)} | labels
    return LabelledStructure(atoms, **values)


def dense(basis, targets):
    """All rows and labels of the weighted least-squares problem, divided by their sigmas."""
    rows, labels = [], []
    for t in targets:
        s, x = t.structure, basis.features(t.structure.atoms)
        n, volume = len(s.atoms), s.atoms.get_volume()
        parts = {
            "energy": (x.energy[None] / n, None if s.energy is None else [s.energy / n]),
            "forces": (x.forces.reshape(3 * n, -1), None if s.forces is None else s.forces.ravel()),
            "stress": (x.virial / n, None if s.stress is None else -s.stress * volume / n),
        }
        for kind, (a, b) in parts.items():
            weight = np.sqrt(t.weights.get(kind, 1.0)) / SIGMA[kind]
            if b is not None and weight > 0:
                rows.append(weight * a)
                labels.append(weight * np.asarray(b))
    return np.concatenate(rows), np.concatenate(labels)


def test_streamed_normal_equations_are_those_of_all_rows():
    basis = BASES["uniform"]
    targets = [
        Target(labelled(1)),
        Target(labelled(2, forces=None), {"energy": 4.0}),
        Target(labelled(3, stress=None), {"forces": 0.25}),
        Target(labelled(4, energy=None), {"stress": 0.0}),
    ]
    found = accumulate(basis, targets).total(SIGMA)
    x, y = dense(basis, targets)
    expected = np.tril(x.T @ x)
    np.testing.assert_allclose(np.tril(found.gram), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(found.rhs, x.T @ y, rtol=0, atol=1e-12 * np.abs(x.T @ y).max())
    assert found.yy == pytest.approx(y @ y, rel=1e-13)
    assert found.rows == len(y)
    c = np.random.default_rng(0).normal(size=basis.n_columns)
    assert found.error(c) == pytest.approx(np.sum((x @ c - y) ** 2), rel=1e-10)


def test_normal_equations_add(monkeypatch):
    basis = BASES["uniform"]
    targets = [Target(labelled(seed)) for seed in range(6)]
    whole = accumulate(basis, targets)
    monkeypatch.setattr("ufpnmr.potential.gram._ROWS_PER_TILE", 60)  # tiles of one or two structures
    parts = NormalEquations.empty(basis)
    parts += accumulate(basis, targets[:2], threads=2)
    accumulate(basis, targets[2:], into=parts)
    assert parts.structures == whole.structures == 6
    for name, kind in whole.kinds.items():
        assert parts.kinds[name].rows == kind.rows
        scale = np.abs(kind.gram).max()
        np.testing.assert_allclose(np.tril(parts.kinds[name].gram), np.tril(kind.gram), rtol=0, atol=1e-13 * scale)
    with pytest.raises(InputError, match="another one"):
        parts += NormalEquations.empty(BASES["pairs only"])


def test_labels_of_the_wrong_shape_are_named():
    with pytest.raises(InputError, match=r"structure 0: forces: expected shape \(14, 3\), found \(13, 3\)"):
        accumulate(BASES["uniform"], [Target(labelled(1, forces=np.zeros((13, 3))))])


def test_refit_of_exact_labels_returns_the_coefficients_that_data_determine():
    basis = BASES["leading trims"]
    c = np.random.default_rng(7).normal(size=basis.n_columns)
    potential = basis.potential(c)
    structures = []
    for seed in range(12):
        atoms = structure(seed, 20, 5.8)
        out = potential.evaluate(atoms)
        structures.append(LabelledStructure(atoms, out.energy, out.forces, out.stress))
    equations = accumulate(basis, [Target(s) for s in structures]).total(SIGMA)
    gram = np.tril(equations.gram) + np.tril(equations.gram, -1).T
    values, vectors = np.linalg.eigh(gram)
    seen = vectors[:, values > 1e-9 * values[-1]]
    assert seen.shape[1] > 0.6 * basis.n_columns
    solution = seen @ ((seen.T @ equations.rhs) / values[values > 1e-9 * values[-1]])
    np.testing.assert_allclose(seen.T @ solution, seen.T @ c, atol=1e-6)
    assert isinstance(basis.potential(solution), Potential)
