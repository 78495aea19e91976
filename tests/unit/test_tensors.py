import numpy as np
import pytest
from scipy.integrate import quad
from scipy.spatial.transform import Rotation

from ufpnmr.efg.metrics import directions, tensor_metrics
from ufpnmr.efg.tensors import cosine, from_spherical, relative_rmse, to_matrix, to_spherical, to_voigt6, traceless
from ufpnmr.units import coupling_khz_per_efg


@pytest.fixture
def random_tensors():
    return traceless(np.random.default_rng(1).normal(size=(40, 6)))


def test_known_spherical_components():
    v = to_spherical(to_voigt6([[1, 2, 3], [2, 4, 5], [3, 5, -5]]))
    expected = [2.8284271247, 7.0710678119, -6.1237243570, 4.2426406871, -2.1213203436]
    np.testing.assert_allclose(v, expected, rtol=1e-9)


def test_round_trips(random_tensors):
    np.testing.assert_allclose(to_voigt6(to_matrix(random_tensors)), random_tensors, rtol=0, atol=0)
    np.testing.assert_allclose(from_spherical(to_spherical(random_tensors)), random_tensors, atol=1e-14)


def test_isometry(random_tensors):
    a, b = random_tensors[:20], random_tensors[20:]
    contraction = np.einsum("nij,nij->n", to_matrix(a), to_matrix(b))
    np.testing.assert_allclose(np.sum(to_spherical(a) * to_spherical(b), axis=-1), contraction, atol=1e-13)


def test_antisymmetric_part_is_dropped_and_trace_removed():
    V = to_voigt6([[1.0, 2, 0], [0, 1, 0], [0, 0, 4]])
    np.testing.assert_allclose(V, [1, 1, 4, 1, 0, 0])
    np.testing.assert_allclose(traceless(V), [-1, -1, 2, 1, 0, 0])


def test_relative_error_and_cosine(random_tensors):
    a, b = to_matrix(random_tensors[:20]), to_matrix(random_tensors[20:])
    norm = np.linalg.norm
    assert relative_rmse(random_tensors[:20], random_tensors[20:]) == pytest.approx(norm(a - b) / norm(b), rel=1e-12)
    expected = np.einsum("nij,nij->n", a, b) / norm(a, axis=(1, 2)) / norm(b, axis=(1, 2))
    np.testing.assert_allclose(cosine(random_tensors[:20], random_tensors[20:]), expected, rtol=1e-12)
    assert np.isnan(cosine(np.zeros(6), random_tensors[0]))


def test_random_tensors_are_rarely_aligned():
    # spec 5.7: the cosine of two random tensors exceeds 0.9 in 0.725 % of the cases
    rng = np.random.default_rng(3)
    a, b = from_spherical(rng.normal(size=(2, 200_000, 5)))
    assert np.mean(cosine(a, b) > 0.9) == pytest.approx(0.00725, abs=0.0006)


def test_directions_integrate_to_degree_seven():
    points, weights = directions()
    assert weights.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_allclose(np.einsum("d,da,db->ab", weights, points, points), np.eye(3) / 3, atol=1e-15)
    assert weights @ points[:, 2] ** 6 == pytest.approx(1 / 7, abs=1e-15)
    assert weights @ (points[:, 0] ** 2 * points[:, 1] ** 2 * points[:, 2] ** 2) == pytest.approx(1 / 105, abs=1e-15)


def test_metrics_of_a_scaled_axial_tensor():
    V = np.array([[-0.5, -0.5, 1.0, 0, 0, 0]] * 3)
    rotations = Rotation.random(3, rng=np.random.default_rng(5)).as_matrix()
    V = to_voigt6(rotations @ to_matrix(V) @ np.swapaxes(rotations, 1, 2))
    kappa = coupling_khz_per_efg(-40.1)
    result = tensor_metrics(0.8 * V, V, -40.1)
    assert result["relative_tensor_rmse"] == pytest.approx(0.2, rel=1e-12)
    assert result["mae_cq_khz"] == pytest.approx(0.2 * abs(kappa), rel=1e-12)
    assert result["mae_eta"] == pytest.approx(0, abs=1e-12)
    assert result["correlation"] == pytest.approx(1, rel=1e-12)
    assert result["cosine_5_percent"] == pytest.approx(1, rel=1e-12)
    # ⟨|3x²-1|/2⟩ over the sphere; |..| is no polynomial, hence the tolerance of a rule of degree 7
    exact = 0.2 * abs(kappa) * quad(lambda x: abs(3 * x * x - 1) / 2, 0, 1, points=[3**-0.5])[0]
    assert result["mae_omega_q_khz"] == pytest.approx(exact, rel=0.1)
