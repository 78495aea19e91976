"""Prediction kernel: every path against the kernel written out, symmetries, and what must not matter."""

import dataclasses

import numpy as np
import pytest

import naive_lambda_soap as naive
from ufpnmr import _core
from ufpnmr.efg.features import feature_list
from ufpnmr.efg.tensors import from_spherical, to_matrix

ALL = [True, True, True]
SPEC = naive.Spec(cutoff=4.5, sigma=0.4, n_max=5, l_max=4)
SIMD = ("baseline", "avx2", "avx512")
TOLERANCE = {"single": 2e-5, "double": 1e-11}  # of the rms component


def paths():
    """Return the instruction sets of this machine."""
    out = []
    for name in SIMD:
        try:
            Model(SPEC, 0, counts=(1, 1)).predictor(simd=name)
        except _core.DomainError:
            continue
        out.append(name)
    return out


def random_structure(seed, atoms=40, edge=9.0, species=3):
    rng = np.random.default_rng(seed)
    cell = np.diag(edge + rng.normal(0, 0.8, 3)) + rng.normal(0, 0.9, (3, 3))
    return rng.integers(0, species, atoms), rng.random((atoms, 3)) @ cell, cell


class Model:
    """Random features, active environments and weights of a spec."""

    def __init__(self, spec, seed, zeta=2, counts=(60, 25), active=7, members=1):
        rng = np.random.default_rng(seed)
        self.spec, self.zeta = spec, zeta
        self.core = _core.LambdaSoapSpec(**dataclasses.asdict(spec))
        self.soap = _core.LambdaSoap(self.core)
        K = self.soap.channels
        self.rows2, self.rows0 = (
            rows[rng.permutation(len(rows))[:count]]
            for rows, count in zip((feature_list(spec.l_max, K, lam) for lam in (2, 0)), counts, strict=True)
        )
        species, positions, cell = random_structure(100 + seed, species=spec.species)
        self.P2, self.P0 = self.features(species, positions, cell, range(active))
        self.w = rng.normal(size=(members, active, 5))
        self.U = np.einsum("jmq,kjm->kjq", self.P2, self.w)

    def features(self, species, positions, cell, centres):
        P2, P0 = (
            self.soap.features(species, positions, cell, ALL, list(centres), lam, rows)
            for lam, rows in ((2, self.rows2), (0, self.rows0))
        )
        P0 = P0[:, 0] / np.linalg.norm(P0[:, 0], axis=1, keepdims=True)
        return P2, P0

    def predictor(self, collapsed=True, precision="double", simd="auto", committee=False, **kwargs):
        active = None
        if self.zeta == 1:
            weights = self.U.sum(axis=1, keepdims=True)
        elif self.zeta == 2 and collapsed:
            weights = np.einsum("jp,kjq->kpq", self.P0, self.U)
        else:
            weights, active = self.U, self.P0
        return _core.EFGPredictor(
            self.core,
            self.rows2,
            self.rows0,
            weights if committee else weights[0],
            zeta=self.zeta,
            active=active,
            precision=precision,
            simd=simd,
            **kwargs,
        )

    def checks(self, count=3):
        """Check environments with the tensors that NumPy gives."""
        rng = np.random.default_rng(0)
        out = []
        for _ in range(count):
            species, positions = rng.integers(0, self.spec.species, 12), rng.normal(0, 1.8, (12, 3))
            V = self.expected(species, positions, np.eye(3) * 100.0, [0])[0]
            out.append((species, positions, V))
        return out

    def expected(self, species, positions, cell, centres, member=0):
        P2, P0 = self.features(species, positions, cell, centres)
        return from_spherical(naive.predict(P2, P0, self.P2, self.P0, self.w[member], self.zeta))


def close(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.sqrt(np.mean(np.square(expected))))


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize(("zeta", "collapsed"), [(1, True), (2, True), (2, False), (3, False), (4, False)])
def test_every_path_against_the_kernel(zeta, collapsed, precision):
    model = Model(SPEC, 1, zeta)
    structure = random_structure(3)
    expected = model.expected(*structure, range(40))
    for simd in paths():
        predictor = model.predictor(collapsed, precision, simd)
        assert (predictor.simd, predictor.precision) == (simd, precision)
        close(predictor.predict(*structure, ALL, [*range(40)]), expected, TOLERANCE[precision])


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize(
    "change",
    [
        {"n_max": 1, "l_max": 1},
        {"n_max": 3, "l_max": 2},
        {"n_max": 8, "l_max": 3},
        {"n_max": 9, "l_max": 5, "species": 1},
        {"n_max": 8, "l_max": 6, "basis": "laplacian"},
        {"n_max": 4, "l_max": 7, "species": 4},
        {"n_max": 17, "l_max": 8, "species": 2, "cutoff": 3.5},
        {"width": 0.0, "scaling": None, "centre_weight": 0.0},
    ],
)
def test_sizes(change, precision):
    spec = dataclasses.replace(SPEC, **change)
    model = Model(spec, 2, counts=(301, 83))
    structure = random_structure(4, species=spec.species)
    expected = model.expected(*structure, range(21))
    for simd in paths():
        found = model.predictor(precision=precision, simd=simd).predict(*structure, ALL, [*range(21)])
        close(found, expected, TOLERANCE[precision])


def test_small_and_open_cells():
    model = Model(SPEC, 3)
    predictor = model.predictor()
    species, positions, cell = random_structure(5, 2, 3.0)
    close(
        predictor.predict(species, positions, cell, ALL, [0, 1]),
        model.expected(species, positions, cell, [0, 1]),
        1e-11,
    )
    positions = np.array([[0, 0, 0], [2.0, 0.3, -0.4]])
    apart = predictor.predict([0, 1], positions, np.eye(3) * 50.0, ALL, [0, 1])
    np.testing.assert_allclose(
        predictor.predict([0, 1], positions, np.zeros((3, 3)), [False] * 3, [0, 1]), apart, rtol=1e-10, atol=1e-14
    )


def test_lone_atom_has_no_gradient():
    for precision in ("single", "double"):
        V = Model(SPEC, 4).predictor(precision=precision).predict([0], [[0, 0, 0]], np.eye(3), [False] * 3, [0])
        np.testing.assert_array_equal(V, 0)


def test_cubic_site_has_no_gradient_and_every_trace_is_zero():
    positions = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) * 4.0
    positions = np.concatenate([positions, positions + np.array([2.0, 0, 0])])
    species = [0, 0, 0, 0, 1, 1, 1, 1]
    model = Model(SPEC, 5)
    scale = np.sqrt(np.mean(model.expected(*random_structure(6), range(8)) ** 2))
    for precision, tolerance in (("single", 1e-4), ("double", 1e-10)):
        predictor = model.predictor(precision=precision)
        V = predictor.predict(species, positions, np.eye(3) * 4.0, ALL, [*range(8)])
        np.testing.assert_allclose(V, 0, atol=tolerance * scale)
        V = predictor.predict(*random_structure(6), ALL, [*range(8)])
        np.testing.assert_array_equal(V[:, 0] + V[:, 1] + V[:, 2], 0)


@pytest.mark.parametrize(("precision", "tolerance"), [("single", 1e-4), ("double", 1e-10)])
def test_symmetries(precision, tolerance):
    predictor = Model(SPEC, 6).predictor(precision=precision)
    species, positions, cell = random_structure(7)
    centres = np.arange(len(species))
    V = predictor.predict(species, positions, cell, ALL, centres)
    q, r = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    R = q * np.sign(np.diag(r))
    R *= np.linalg.det(R)
    rotated = to_matrix(predictor.predict(species, positions @ R.T, cell @ R.T, ALL, centres))
    scale = np.sqrt(np.mean(V**2))
    np.testing.assert_allclose(rotated, R @ to_matrix(V) @ R.T, rtol=0, atol=tolerance * scale)
    np.testing.assert_allclose(
        predictor.predict(species, -positions, -cell, ALL, centres), V, rtol=0, atol=tolerance * scale
    )
    shift = [3.0, -40.0, 7.7] + np.random.default_rng(2).integers(-2, 3, (len(species), 3)) @ cell
    np.testing.assert_allclose(
        predictor.predict(species, positions + shift, cell, ALL, centres), V, rtol=0, atol=tolerance * scale
    )
    order = np.random.default_rng(3).permutation(len(species))
    found = predictor.predict(species[order], positions[order], cell, ALL, centres)
    np.testing.assert_allclose(found, V[order], rtol=0, atol=tolerance * scale)
    doubled = np.concatenate([positions, positions + cell[1]])
    found = predictor.predict(np.tile(species, 2), doubled, np.diag([1, 2, 1]) @ cell, ALL, np.arange(80))
    np.testing.assert_allclose(found, np.tile(V, (2, 1)), rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_batches_frames_and_threads_change_no_digit(precision):
    predictor = Model(SPEC, 7).predictor(precision=precision)
    species, positions, cell = random_structure(8, 90, 11.0)
    centres = np.arange(90)
    V = predictor.predict(species, positions, cell, ALL, centres, threads=1)
    np.testing.assert_array_equal(predictor.predict(species, positions, cell, ALL, centres, threads=3), V)
    one_by_one = [predictor.predict(species, positions, cell, ALL, [i])[0] for i in centres]
    np.testing.assert_array_equal(one_by_one, V)
    order = np.random.default_rng(0).permutation(90)[:37]
    np.testing.assert_array_equal(predictor.predict(species, positions, cell, ALL, order), V[order])
    frames = np.stack([positions, positions + 0.01, positions])
    cells = np.stack([cell, cell * 1.001, cell])
    for threads in (1, 3):
        series = predictor.predict(species, frames, cells, ALL, centres, threads=threads)
        assert series.shape == (3, 90, 6)
        np.testing.assert_array_equal(series[0], V)
        np.testing.assert_array_equal(series[2], V)
        np.testing.assert_array_equal(series[1], predictor.predict(species, frames[1], cells[1], ALL, centres))


@pytest.mark.parametrize(("zeta", "collapsed"), [(1, True), (2, True), (3, False)])
def test_committee(zeta, collapsed):
    model = Model(SPEC, 8, zeta, members=3)
    structure = random_structure(9)
    V = model.predictor(collapsed, committee=True).predict(*structure, ALL, [*range(40)])
    assert V.shape == (3, 40, 6)
    for member in range(3):
        close(V[member], model.expected(*structure, range(40), member), 1e-11)
    frames, cells = np.stack([structure[1]] * 2), np.stack([structure[2]] * 2)
    series = model.predictor(collapsed, committee=True).predict(structure[0], frames, cells, ALL, [*range(40)])
    np.testing.assert_array_equal(series, np.stack([V, V], axis=1))


@pytest.mark.parametrize("zeta", [2, 3])
def test_single_precision_where_the_weights_cancel(zeta):
    """Alike environments with large weights of both signs, as a weak regularisation gives.

    Two products in single precision lose several times more: here only differences from the mean are rounded.
    """
    model = Model(SPEC, 14, zeta)
    species, positions, cell = random_structure(114)
    rng = np.random.default_rng(0)
    frames = positions + rng.normal(0, 0.02, (40, *positions.shape))
    parts = [model.features(species, x, cell, [0]) for x in frames]
    model.P2, model.P0 = (np.concatenate(p) for p in zip(*parts, strict=True))
    model.w = rng.normal(size=(1, 40, 5))
    model.w -= model.w.mean(axis=1, keepdims=True)
    model.U = np.einsum("jmq,kjm->kjq", model.P2, model.w)
    cells = np.stack([cell] * 40)
    expected = np.concatenate([model.expected(species, x, cell, [0]) for x in frames])
    direct = (model.P0.astype(np.float32) @ model.P0.T.astype(np.float32)) ** (zeta - 1) @ model.U[0].astype(np.float32)
    loss = from_spherical(np.einsum("imq,iq->im", model.P2, direct)) - expected
    for simd in paths():
        found = model.predictor(False, "single", simd).predict(species, frames, cells, ALL, [0])[:, 0]
        assert np.abs(found - expected).max() < 0.3 * np.abs(loss).max()


@pytest.mark.parametrize("zeta", [3, 4])
def test_single_precision_where_the_linear_part_cancels(zeta):
    """Weights that neither a constant nor the invariants see: only the curvature of the similarity is left.

    The sum of the differences from the mean, in single precision, loses twenty times more or worse.
    """
    model = Model(SPEC, 15, zeta)
    species, positions, cell = random_structure(115)
    rng = np.random.default_rng(1)
    frames = positions + rng.normal(0, 0.02, (40, *positions.shape))
    parts = [model.features(species, x, cell, [0]) for x in frames]
    P2, P0 = (np.concatenate(p) for p in zip(*parts, strict=True))
    seen = np.linalg.qr(np.column_stack([np.ones(40), P0]))[0]
    a = rng.normal(size=40)
    a -= seen @ (seen.T @ a)
    model.P0, model.U = P0, (a[:, None] * rng.normal(size=P2.shape[2]))[None]
    cells = np.stack([cell] * 40)
    expected = model.predictor(False, "double").predict(species, frames, cells, ALL, [0])[:, 0]
    mean = P0.mean(axis=0).astype(np.float32)
    r = mean @ P0.T.astype(np.float32)
    d = (P0.astype(np.float32) - mean) @ P0.T.astype(np.float32)
    s = r + d
    T = d * (s + r if zeta == 3 else s * s + s * r + r * r) @ model.U[0].astype(np.float32)
    loss = from_spherical(np.einsum("imq,iq->im", P2, T)) - expected
    for simd in paths():
        found = model.predictor(False, "single", simd).predict(species, frames, cells, ALL, [0])[:, 0]
        assert np.abs(found - expected).max() < 0.05 * np.abs(loss).max()


def test_order_of_the_features_is_free():
    """Also which of two equal features comes first, l1 l2 q1 q2 or l2 l1 q2 q1."""
    model = Model(SPEC, 9)
    structure = random_structure(10)
    B = np.einsum("jp,jq->pq", model.P0, model.U[0])
    swapped = model.rows2[:, [1, 0, 3, 2]]
    order = np.random.default_rng(0).permutation(len(swapped))
    other = _core.EFGPredictor(model.core, swapped[order], model.rows0, B[:, order], precision="double")
    found = other.predict(*structure, ALL, [*range(40)])
    close(found, model.predictor().predict(*structure, ALL, [*range(40)]), 1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((24, 60))}, "expected 25 x 60 weights, found 1440"),
        ({"weights": np.zeros((25, 59))}, "weights of 60 features"),
        ({"weights": np.zeros(5)}, "weights of shape"),
        ({"zeta": 3}, "active environments for zeta above 2"),
        ({"zeta": 0}, "zeta from 1 to 16"),
        ({"active": np.zeros((4, 24))}, r"active environments of shape \(M, 25\)"),
        ({"precision": "half"}, "single or double, found half"),
        ({"simd": "mmx"}, "expected one of auto, baseline"),
        ({"features": [[0, 1, 0, 0]] * 60}, "that couple to λ = 2"),
    ],
)
def test_arrays_that_do_not_fit(change, message):
    model = Model(SPEC, 10)
    arguments = {"features": model.rows2, "invariants": model.rows0, "weights": np.zeros((25, 60))} | change
    with pytest.raises(_core.DomainError, match=message):
        _core.EFGPredictor(model.core, **arguments)


def test_bad_frames():
    predictor = Model(SPEC, 11).predictor()
    species, positions, cell = random_structure(11)
    with pytest.raises(_core.DomainError, match="one cell for each frame"):
        predictor.predict(species, positions[None], cell, ALL, [0])
    with pytest.raises(_core.DomainError, match="positions of shape"):
        predictor.predict(species, positions[:5], cell, ALL, [0])
    with pytest.raises(_core.DomainError, match="not finite"):
        predictor.predict(species, np.full((2, 40, 3), np.nan), np.stack([cell] * 2), ALL, [0])
    assert predictor.predict(species, positions, cell, ALL, []).shape == (0, 6)


def test_self_check_of_the_precision():
    model = Model(SPEC, 12)
    checks = model.checks()
    scale = np.sqrt(np.mean([V**2 for _, _, V in checks]))
    for simd in paths():
        good = model.predictor(precision="single", simd=simd, checks=checks, scale=scale)
        assert (good.precision, good.warning) == ("single", "")
    # the same numbers measured with a finer ruler: single precision is not enough
    bad = model.predictor(precision="single", checks=checks, scale=1e-6 * scale)
    assert bad.precision == "double"
    assert "of the rms of its labels (at most 1.0e-04 is accepted); double precision is used" in bad.warning
    structure = random_structure(12)
    plain = model.predictor(precision="double").predict(*structure, ALL, [0, 1])
    np.testing.assert_array_equal(bad.predict(*structure, ALL, [0, 1]), plain)


def test_self_check_refuses_another_model():
    model = Model(SPEC, 13)
    checks = model.checks()
    wrong = [(species, positions, V + 0.05 * np.abs(V).max()) for species, positions, V in checks]
    scale = np.sqrt(np.mean([V**2 for _, _, V in checks]))
    for precision in ("single", "double"):
        with pytest.raises(_core.DomainError, match="that the model stores for its check environments"):
            model.predictor(precision=precision, checks=wrong, scale=scale)
    with pytest.raises(_core.DomainError, match="rms of the labels above 0"):
        model.predictor(checks=checks)
    with pytest.raises(_core.DomainError, match="in a check environment"):
        model.predictor(checks=[([0, 3], np.eye(3)[:2], np.zeros(6))], scale=1.0)
    with pytest.raises(_core.DomainError, match="expected check environments of"):
        model.predictor(checks=[([0, 1], np.eye(3), np.zeros(6))], scale=1.0)
