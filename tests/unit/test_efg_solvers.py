"""Training mathematics on arrays: primal, sparse, dense, streamed."""

import numpy as np
import pytest

from ufpnmr.efg import feature_set
from ufpnmr.efg.committee import calibrate, halves, spread
from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.kernels import coefficients, kernel_rows, predict
from ufpnmr.efg.primal import PrimalSolver
from ufpnmr.efg.selection import farthest_points
from ufpnmr.efg.sparse import SparseSolver
from ufpnmr.errors import InputError

N, Q2, Q0, FOLDS = 40, 9, 6, 5
MU = 1e-2


def arrays(seed=4, n=N):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5, Q2)), rng.random((n, Q0)), rng.normal(size=(n, 5)), np.arange(n) % FOLDS


def dense_gpr(P2, P0, y, zeta, mu=MU):
    """Textbook Gaussian process regression; returns a function of new environments."""
    K = kernel_rows(P2, P0, P2, P0, zeta)
    w = np.linalg.solve(K + mu * np.eye(len(K)), y.ravel())
    return lambda a, b: (kernel_rows(a, b, P2, P0, zeta) @ w).reshape(-1, 5)


def test_kernel_is_the_textbook_one():
    P2, P0, _, _ = arrays()
    A2, A0, _, _ = arrays(5, 7)
    for zeta in (1, 2, 3):
        expected = np.einsum("imq,jnq,ij->imjn", P2, A2, (P0 @ A0.T) ** (zeta - 1)).reshape(5 * N, 35)
        np.testing.assert_allclose(kernel_rows(P2, P0, A2, A0, zeta), expected, atol=1e-12)
        w = np.random.default_rng(1).normal(size=(7, 5))
        collapsed = predict(P2, P0, coefficients(w, A2, A0, zeta), zeta, A0)
        np.testing.assert_allclose(collapsed, (expected @ w.ravel()).reshape(N, 5), atol=1e-11)
    with pytest.raises(ValueError, match="active"):
        predict(P2, P0, np.zeros((7, Q2)), 3)


def test_primal_is_the_full_regression():
    P2, P0, y, shard = arrays()
    new2, new0, _, _ = arrays(9, 11)
    with FeatureSet.from_arrays(P2, P0, y, shard) as features:
        path = PrimalSolver(features, tolerance=1e-13).path(range(FOLDS), MU)
        C = path.coefficients([MU, 1.0])
    for mu, c in zip([MU, 1.0], C, strict=True):
        np.testing.assert_allclose(predict(new2, new0, c, 2), dense_gpr(P2, P0, y, 2, mu)(new2, new0), atol=1e-9)
    assert path.residual < 1e-9
    assert path.iterations <= Q0 * Q2


@pytest.mark.parametrize("zeta", [1, 2, 3])
def test_sparse_with_everything_active_is_the_full_regression(zeta):
    P2, P0, y, shard = arrays()
    new2, new0, _, _ = arrays(9, 11)
    with FeatureSet.from_arrays(P2, P0, y, shard) as features:
        order = features.rows(range(FOLDS))
        solver = SparseSolver(features, order, zeta)
        (C,) = solver.path(range(FOLDS)).coefficients([MU])
    found = predict(new2, new0, C, zeta, solver.active0)
    np.testing.assert_allclose(found, dense_gpr(P2, P0, y, zeta)(new2, new0), atol=1e-7)


def test_sparse_on_some_shards_and_few_active():
    """Σ of Gram matrices per shard = dense normal equations of those shards in the span of the active environments."""
    P2, P0, y, shard = arrays()
    active = farthest_points(P0, 4)
    with FeatureSet.from_arrays(P2, P0, y, shard) as features:
        solver = SparseSolver(features, active, 2)
        weights = solver.path([0, 2]).weights(MU)
    train = np.isin(shard, [0, 2])
    K = kernel_rows(P2[train], P0[train], P2[active], P0[active], 2)
    KMM = kernel_rows(P2[active], P0[active], P2[active], P0[active], 2)
    expected = np.linalg.solve(K.T @ K + MU * KMM, K.T @ y[train].ravel())
    np.testing.assert_allclose(weights.ravel(), expected, rtol=1e-6, atol=1e-8)


def test_dependent_directions_are_dropped():
    P2, P0, y, shard = arrays()
    with FeatureSet.from_arrays(P2, P0, y, shard) as features:
        solver = SparseSolver(features, np.array([3, 3, 5]), 2)
        assert solver.rank == 10
        with pytest.raises(InputError, match="lost in the rounding"):
            solver.path([0, 1]).coefficients([-1e6])


def test_streaming_in_small_blocks_changes_nothing(monkeypatch):
    P2, P0, y, shard = arrays(n=37)
    with FeatureSet.from_arrays(P2, P0, y, shard) as features:
        whole = PrimalSolver(features).path([0, 1, 3], MU).coefficients([MU])
        sparse = SparseSolver(features, np.arange(6), 2).path([0, 3]).coefficients([MU])
        monkeypatch.setattr(feature_set, "_BLOCK_BYTES", 2000)
        assert max(len(P) for _, P, _ in features.blocks([0, 1])) <= 4
        np.testing.assert_allclose(PrimalSolver(features).path([0, 1, 3], MU).coefficients([MU]), whole, atol=1e-9)
        again = SparseSolver(features, np.arange(6), 2).path([0, 3]).coefficients([MU])
        np.testing.assert_allclose(again, sparse, atol=1e-9)
        np.testing.assert_array_equal(features.invariants(), P0)
        np.testing.assert_array_equal(features.gather(np.array([5, 2]))[0], P2[[5, 2]])


def test_scale_of_a_finished_set():
    P2, P0, y, shard = arrays()
    features = FeatureSet(Q2, Q0)
    features.append(P2[:15], P0[:15], y[:15], shard[:15])
    features.append(P2[15:], P0[15:], y[15:], 7)
    features.finish(normalise=True)
    found, _ = features.read(slice(0, N))
    assert np.mean((found**2).sum((1, 2))) == pytest.approx(1.0)
    np.testing.assert_allclose(found, features.scale * P2)
    assert features.shards.tolist() == [0, 1, 2, 3, 4, 7]
    features.close()


def test_farthest_points_are_deterministic_and_far():
    points = np.array([[0.0, 0], [3, 0], [3, 0], [0, 2], [1, 1], [-3, 0]])
    assert farthest_points(points, 4).tolist() == [1, 5, 3, 0]
    with pytest.raises(InputError, match="expected 6 points that differ, found 5"):
        farthest_points(points, 6)
    with pytest.raises(InputError, match="between 1 and 6"):
        farthest_points(points, 7)


def test_committee_calibration_is_recovered():
    """α = 1.7 from 8 members and 40 000 environments (spec 2.7)."""
    rng = np.random.default_rng(4)
    size, n, true = 8, 40_000, 1.7
    sigma = rng.uniform(0.5, 2, n)[:, None]
    members = rng.normal(size=(size, n, 5)) * sigma / true
    reference = rng.normal(size=(n, 5)) * sigma
    found = calibrate(members, reference)
    assert found.alpha == pytest.approx(true, abs=0.02)
    exact = calibrate(members, reference, prediction=np.zeros((n, 5)))
    assert exact.alpha == pytest.approx(true, abs=0.02)
    assert exact.within_68 == pytest.approx(0.683, abs=0.02)
    assert exact.within_95 == pytest.approx(0.954, abs=0.01)
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    np.testing.assert_allclose(spread(members @ rotation), spread(members), rtol=1e-12)


def test_committee_refuses_what_says_nothing():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="at least two committee members"):
        calibrate(np.zeros((1, 3, 5)), np.zeros((3, 5)))
    with pytest.raises(InputError, match="members that differ"):
        calibrate(np.zeros((2, 3, 5)), np.zeros((3, 5)))
    with pytest.raises(InputError, match="at least two sets"):
        halves(np.array([0]), 3, rng)
    drawn = halves(np.arange(10), 4, rng)
    assert all(len(half) == 5 == len(set(half)) for half in drawn)


def test_no_labels_are_refused():
    P2, P0, y, shard = arrays()
    with (
        FeatureSet.from_arrays(P2, P0, 0 * y, shard) as features,
        pytest.raises(InputError, match="zero tensor each"),
    ):
        PrimalSolver(features).path([0], MU)
