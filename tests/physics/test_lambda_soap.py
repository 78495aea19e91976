"""λ-SOAP: against plain formulas, known answers, and the symmetries that a tensor must have."""

import dataclasses

import numpy as np
import pytest

import naive_lambda_soap as naive
from ufpnmr import _core
from ufpnmr.efg.features import feature_list, feature_weights
from ufpnmr.efg.tensors import from_spherical, to_matrix, to_spherical, to_voigt6

ALL = [True, True, True]
NONE = [False, False, False]
SPEC = naive.Spec()
FINE = 400  # intervals per sigma: interpolation errors below 1e-12


def soap(spec, **kwargs):
    return _core.LambdaSoap(_core.LambdaSoapSpec(**dataclasses.asdict(spec), **kwargs))


def random_cell(seed, atoms=9, edge=7.0, species=3):
    """A skewed cell with atoms at least 1 Å apart."""
    rng = np.random.default_rng(seed)
    cell = np.diag(edge + rng.normal(0, 0.8, 3)) + rng.normal(0, 0.9, (3, 3))
    images = np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1).T @ cell
    positions = []
    while len(positions) < atoms:
        trial = rng.random(3) @ cell
        if all(np.linalg.norm(trial - p + images, axis=1).min() > 1.0 for p in positions):
            positions.append(trial)
    return rng.integers(0, species, atoms), np.array(positions), cell


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q * np.linalg.det(q)


def rank2(R):
    """D with to_spherical(R V Rᵀ) = D to_spherical(V)."""
    return np.stack([to_spherical(to_voigt6(R @ to_matrix(from_spherical(e)) @ R.T)) for e in np.eye(5)], axis=1)


def all_features(spec, lam):
    return feature_list(spec.l_max, spec.species * spec.n_max, lam)


def descriptor(spec, structure, periodic=ALL, centres=None, **kwargs):
    """Complete λ = 0 and λ = 2 features of some centres, all of them if not given."""
    species, positions, cell = structure
    centres = range(len(species)) if centres is None else centres
    calculator = soap(spec, **kwargs)
    return [
        calculator.features(species, positions, cell, periodic, list(centres), lam, all_features(spec, lam))
        for lam in (0, 2)
    ]


# ---- parts


def test_harmonics_are_orthonormal_and_in_the_stated_order():
    z, weight = np.polynomial.legendre.leggauss(16)
    phi = 2 * np.pi * np.arange(32) / 32
    z, phi = (a.ravel() for a in np.meshgrid(z, phi, indexing="ij"))
    rho = np.sqrt(1 - z * z)
    points = np.column_stack([rho * np.cos(phi), rho * np.sin(phi), z])
    Y = _core.real_harmonics(8, points)
    gram = Y.T @ (np.repeat(weight, 32)[:, None] * Y) * 2 * np.pi / 32
    np.testing.assert_allclose(gram, np.eye(81), atol=1e-13)
    x, y, z = points.T
    np.testing.assert_allclose(Y[:, 1:4] * np.sqrt(4 * np.pi / 3), np.column_stack([y, z, x]), atol=1e-14)
    second = [x * y, y * z, (3 * z * z - 1) / (2 * np.sqrt(3)), x * z, (x * x - y * y) / 2]
    np.testing.assert_allclose(Y[:, 4:9] * np.sqrt(4 * np.pi / 15), np.column_stack(second), atol=1e-14)
    np.testing.assert_allclose(Y, naive.harmonics(8, points), atol=1e-12)


def test_coupling_coefficients():
    a, b = np.random.default_rng(0).normal(size=(2, 3))
    product = (np.outer(a, b) + np.outer(b, a)) / 2 - np.eye(3) * (a @ b) / 3
    found = np.einsum("a,b,abm->m", a[[1, 2, 0]], b[[1, 2, 0]], _core.clebsch_gordan(1, 1, 2))
    np.testing.assert_allclose(found, to_spherical(to_voigt6(product)), atol=1e-14)
    np.testing.assert_allclose(_core.clebsch_gordan(0, 2, 2)[0], np.eye(5), atol=1e-15)
    for ell in range(9):
        expected = (-1) ** ell / np.sqrt(2 * ell + 1) * np.eye(2 * ell + 1)
        np.testing.assert_allclose(_core.clebsch_gordan(ell, ell, 0)[:, :, 0], expected, atol=1e-14)
    nonzero = {}
    for l1, l2 in [(a, b) for a in range(7) for b in range(a, 7) if b - a <= 2 <= a + b and (a + b) % 2 == 0]:
        C = _core.clebsch_gordan(l1, l2, 2)
        np.testing.assert_allclose(C, naive.coupling(l1, l2, 2), atol=1e-13)
        np.testing.assert_allclose(np.einsum("abm,abn->mn", C, C), np.eye(5), atol=1e-13)
        nonzero[l1, l2] = np.count_nonzero(C)
    assert nonzero == {
        (0, 2): 5, (1, 1): 11, (1, 3): 21, (2, 2): 25, (2, 4): 37, (3, 3): 41, (3, 5): 55, (4, 4): 61, (4, 6): 73,
        (5, 5): 79, (6, 6): 97,
    }  # fmt: skip


@pytest.mark.parametrize(("l1", "l2", "lam"), [(1, 2, 2), (0, 3, 2), (13, 13, 0), (-1, 1, 2)])
def test_pairs_that_do_not_couple_are_refused(l1, l2, lam):
    with pytest.raises(_core.DomainError, match="that couple"):
        _core.clebsch_gordan(l1, l2, lam)


@pytest.mark.parametrize("basis", ["gto", "laplacian"])
def test_basis_is_orthonormal(basis):
    spec = dataclasses.replace(SPEC, basis=basis, n_max=6)
    x, weight = np.polynomial.legendre.leggauss(400)
    length = spec.cutoff * (1 if basis == "laplacian" else 3)
    x, weight = length * (x + 1) / 2, length * weight / 2
    for R in naive.basis_functions(spec, x):
        np.testing.assert_allclose(R * (weight * x * x) @ R.T, np.eye(6), atol=1e-9)


def test_closed_form_is_the_quadrature():
    spec = dataclasses.replace(SPEC, n_max=8, l_max=6)
    r = np.array([0.0, 0.3, 1.7, 3.1, 4.6])
    np.testing.assert_allclose(
        naive.gto_in_closed_form(spec, r), naive.radial_by_quadrature(spec, r), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("width", [0.5, 0.37, 0.0])
@pytest.mark.parametrize("basis", ["gto", "laplacian"])
@pytest.mark.parametrize("sigma", [0.2, 0.5])
def test_radial_table(basis, width, sigma):
    spec = dataclasses.replace(SPEC, basis=basis, width=width, sigma=sigma, n_max=7, l_max=5, cutoff=5.3)
    r = np.append(np.random.default_rng(1).random(150) * 5.5, [0, 1e-9, 4.8, 4.93, 5.2999999, 5.3])
    expected = naive.radial(spec, r)
    scale = abs(expected).max()
    np.testing.assert_allclose(soap(spec).radial(r), expected, rtol=0, atol=2e-9 * scale)
    np.testing.assert_allclose(soap(spec, intervals=FINE).radial(r), expected, rtol=0, atol=2e-12 * scale)


def test_known_radial_values():
    spec = naive.Spec(cutoff=6.0, n_max=8, l_max=6, sigma=0.3, scaling=None)
    values = soap(spec, intervals=FINE).radial([2.5])[0]
    assert values[0, 0] == pytest.approx(0.014149209316, abs=2e-11)
    assert values[2, 3] == pytest.approx(0.346507375227, abs=2e-11)


def test_known_cluster():
    spec = naive.Spec(cutoff=5.0, n_max=6, l_max=4, sigma=0.3, scaling=None)
    positions = np.array([[0, 0, 0], [2.4, 0.3, 0], [-1.1, 2.1, 0.6], [-0.9, -1.5, 1.8], [-0.3, 0.4, -2.6]])
    P0, P2 = descriptor(spec, ([0, 2, 2, 2, 2], positions, np.zeros((3, 3))), NONE, [0], intervals=FINE)
    assert np.sum(P0**2) == pytest.approx(0.996904823753, abs=1e-10)
    expected = [0.00017448, 0.00049280, 0.00936280, 0.01662640, 0.07059079]
    np.testing.assert_allclose(np.linalg.eigvalsh(P2[0] @ P2[0].T), expected, atol=1e-8)


def test_feature_lists():
    counts = {(4, 18): (1656, 855), (6, 24): (4680, 2100)}
    for (l_max, channels), (second, zeroth) in counts.items():
        rows = feature_list(l_max, channels, 2)
        assert len(rows) == second
        assert len(feature_list(l_max, channels, 0)) == zeroth
        assert np.all(rows[:, 0] <= rows[:, 1])
        same = rows[:, 0] == rows[:, 1]
        assert np.all(rows[same, 2] <= rows[same, 3])
        assert len(np.unique(rows, axis=0)) == second
        np.testing.assert_array_equal(rows, rows[np.lexsort(rows.T[::-1])])
        assert np.all(feature_weights(rows)[same & (rows[:, 2] == rows[:, 3])] == 1)


# ---- the descriptor against plain formulas


@pytest.mark.parametrize("basis", ["gto", "laplacian"])
@pytest.mark.parametrize(("seed", "edge", "atoms"), [(1, 7.0, 9), (2, 3.0, 2), (3, 2.4, 1)])
def test_densities_in_skewed_and_small_cells(basis, seed, edge, atoms):
    """The smallest cells hold several images of the centre itself."""
    spec = dataclasses.replace(SPEC, basis=basis)
    species, positions, cell = random_cell(seed, atoms, edge)
    centres = [*range(min(atoms, 3))]
    expected = naive.densities(spec, species, positions, cell, ALL, centres)
    found = soap(spec, intervals=FINE).densities(species, positions, cell, ALL, centres)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * abs(expected).max())


@pytest.mark.parametrize("periodic", [NONE, [True, False, True], [False, False, True]])
def test_densities_with_open_directions(periodic):
    species, positions, cell = random_cell(4, 8, 5.0)
    expected = naive.densities(SPEC, species, positions, cell, periodic, [0, 5])
    given = np.where(np.array(periodic)[:, None], cell, 0.0)  # rows of open directions are not used
    found = soap(SPEC, intervals=FINE).densities(species, positions, given, periodic, [0, 5])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * abs(expected).max())


@pytest.mark.parametrize("lam", [0, 1, 2, 3])
def test_features(lam):
    structure = species, positions, cell = random_cell(5)
    calculator = soap(SPEC)
    c = calculator.densities(species, positions, cell, ALL, [1, 4])
    rows = all_features(SPEC, lam)
    rows = rows[np.random.default_rng(0).permutation(len(rows))[:60]]
    expected = naive.features(c, rows, lam)
    found = calculator.features(*structure, ALL, [1, 4], lam, rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * abs(expected).max())
    plain = calculator.features(*structure, ALL, [1, 4], lam, rows, weighted=False)
    np.testing.assert_allclose(plain * feature_weights(rows), found, rtol=0, atol=1e-15)


def test_irreducible_list_has_the_kernel_of_the_full_one():
    structure = random_cell(6)
    calculator = soap(SPEC)
    K = calculator.channels
    full = [
        (l1, l2, q1, q2)
        for l1 in range(4)
        for l2 in range(4)
        if abs(l1 - l2) <= 2 <= l1 + l2 and (l1 + l2) % 2 == 0
        for q1 in range(K)
        for q2 in range(K)
    ]
    P = calculator.features(*structure, ALL, [0, 1, 2], 2, all_features(SPEC, 2))
    F = calculator.features(*structure, ALL, [0, 1, 2], 2, full, weighted=False)
    kernel = np.einsum("imq,jnq->ijmn", F, F)
    np.testing.assert_allclose(np.einsum("imq,jnq->ijmn", P, P), kernel, rtol=0, atol=1e-12 * abs(kernel).max())


# ---- symmetries


@pytest.mark.parametrize("basis", ["gto", "laplacian"])
def test_rotation_and_inversion(basis):
    spec = dataclasses.replace(SPEC, basis=basis, l_max=6)
    species, positions, cell = random_cell(7)
    R = rotation(0)
    P0, P2 = descriptor(spec, (species, positions, cell))
    R0, R2 = descriptor(spec, (species, positions @ R.T, cell @ R.T))
    I0, I2 = descriptor(spec, (species, -positions, -cell))
    for found, expected, scale in (
        (R0, P0, P0),
        (R2, np.einsum("mn,inq->imq", rank2(R), P2), P2),
        (I0, P0, P0),
        (I2, P2, P2),
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * abs(scale).max())


def test_permutation_translation_and_supercell():
    species, positions, cell = random_cell(8, edge=5.0)
    P0, P2 = descriptor(SPEC, (species, positions, cell))
    order = np.random.default_rng(0).permutation(len(species))
    shifted = positions + [3.3, -20.1, 100.7] + np.random.default_rng(1).integers(-3, 4, (len(species), 3)) @ cell
    shifts = np.array(np.meshgrid([0, 1], [0, 1, 2], [0])).reshape(3, -1).T @ cell
    super_positions = (positions + shifts[:, None]).reshape(-1, 3)
    supercell = (np.tile(species, 6), super_positions, np.diag([2, 3, 1]) @ cell)
    cases = (
        ((species[order], positions[order], cell), order, 1e-13),
        ((species, shifted, cell), slice(None), 1e-11),
        (supercell, np.tile(np.arange(len(species)), 6), 1e-11),
    )
    for structure, rows, tolerance in cases:
        for found, expected in zip(descriptor(SPEC, structure), (P0, P2), strict=True):
            np.testing.assert_allclose(found, expected[rows], rtol=0, atol=tolerance * abs(expected).max())


def test_smooth_at_the_cutoff():
    """A neighbour that crosses the cutoff leaves without a jump, in value and in slope; a hard cutoff would not."""
    positions = np.array([[0, 0, 0], [2.4, 0.3, 0], [-1.1, 2.1, 0.6], [-0.9, -1.5, 1.8], [-0.3, 0.4, -2.6], [0, 0, 0]])
    direction = np.array([1, 1, 1]) / np.sqrt(3)

    def normalised(r, width):
        positions[5] = r * direction
        spec = dataclasses.replace(SPEC, width=width, scaling=None)
        P2 = descriptor(spec, ([0, 2, 2, 2, 2, 2], positions, np.zeros((3, 3))), NONE, [0])[1][0]
        return P2 / np.sqrt(np.linalg.norm(P2 @ P2.T))

    for border in (SPEC.cutoff, SPEC.cutoff - SPEC.width):
        below, at, above = (normalised(border + d, SPEC.width) for d in (-1e-5, 0, 1e-5))
        assert np.linalg.norm(above - below) < (1e-4 if border < SPEC.cutoff else 1e-9)
        assert np.linalg.norm(above - 2 * at + below) < 1e-9
    assert np.linalg.norm(normalised(SPEC.cutoff + 1e-5, 0.0) - normalised(SPEC.cutoff - 1e-5, 0.0)) > 0.05


def test_threads_change_nothing():
    structure = random_cell(9, 12)
    calculator = soap(SPEC)
    rows = all_features(SPEC, 2)
    one, three = (calculator.features(*structure, ALL, [*range(12)], 2, rows, threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one, three)


# ---- what is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"basis": "splines"}, "gto or laplacian, found splines"),
        ({"cutoff": 0.0}, "a cutoff above 0"),
        ({"width": 5.0}, "a width of the cutoff from 0 to below"),
        ({"sigma": 0.0}, "a sigma from"),
        ({"n_max": 0}, "n_max from 1 to 24, found 0"),
        ({"l_max": 13}, "l_max from 0 to 12, found 13"),
        ({"species": 0}, "at least 1"),
        ({"scaling": (0.0, 4.0)}, "r0 of the scaling"),
    ],
)
def test_values_out_of_range(change, message):
    with pytest.raises(_core.DomainError, match=message):
        soap(dataclasses.replace(SPEC, **change))


def test_bad_structures():
    calculator = soap(SPEC)
    species, positions, cell = random_cell(10)
    with pytest.raises(_core.DomainError, match="atoms 0 and 3 less than"):
        calculator.densities(
            species, np.where(np.arange(9)[:, None] == 3, positions[0] + cell[1], positions), cell, ALL, [3]
        )
    with pytest.raises(_core.DomainError, match="species from 0 to 2, found 3 for atom 2"):
        calculator.densities([0, 1, 3], positions[:3], cell, ALL, [0])
    with pytest.raises(_core.DomainError, match="centres from 0 to 8, found 9"):
        calculator.densities(species, positions, cell, ALL, [9])
    with pytest.raises(_core.DomainError, match="positions of shape"):
        calculator.densities(species, positions[:4], cell, ALL, [0])
    with pytest.raises(_core.DomainError, match="not finite"):
        calculator.densities(species, np.where(positions > 0, np.nan, positions), cell, ALL, [0])
    with pytest.raises(_core.DomainError, match="span no volume"):
        calculator.densities(species, positions, np.zeros((3, 3)), ALL, [0])
    with pytest.raises(_core.DomainError, match="too small for a cutoff"):
        calculator.densities([0], [[0, 0, 0]], np.eye(3) * 1e-3, ALL, [0])
    with pytest.raises(_core.DomainError, match="that couple to λ = 2"):
        calculator.features(species, positions, cell, ALL, [0], 2, [[0, 1, 0, 0]])
    with pytest.raises(_core.DomainError, match="up to l = 3 and q = 11, found 0 2 0 12"):
        calculator.features(species, positions, cell, ALL, [0], 2, [[0, 2, 0, 12]])
