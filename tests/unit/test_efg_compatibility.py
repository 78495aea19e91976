"""Models made elsewhere predict the same numbers, against an evaluation that shares no code with the package."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms

import naive_lambda_soap as naive
from ufpnmr.efg.compatibility import Hyperparameters, scalar_model, tensor_model
from ufpnmr.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:hard cutoff")
HYPER = Hyperparameters(("Li", "P", "S"), cutoff=3.6, sigma=0.35, n_max=3, l_max=2)
SPEC = naive.Spec(cutoff=3.6, width=0.0, sigma=0.35, n_max=3, l_max=2, species=3, scaling=None)


def structure(seed=0):
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(2)] * 3), -1).reshape(-1, 3) * 2.6
    cell = np.array([[5.4, 0, 0], [0.6, 5.3, 0], [-0.4, 0.5, 5.2]])
    return Atoms("Li3PS4", positions=grid + rng.uniform(-0.4, 0.4, (8, 3)), cell=cell, pbc=True)


def doubly_counted(lam, l_max, channels):
    """(l1, l2, q1, q2) in both orders, as existing SA-GPR codes list them."""
    return np.array(
        [
            (l1, l2, q1, q2)
            for l1 in range(l_max + 1)
            for l2 in range(l_max + 1)
            if abs(l1 - l2) <= lam <= l1 + l2 and (l1 + l2 + lam) % 2 == 0
            for q1 in range(channels)
            for q2 in range(channels)
        ]
    )


def naive_features(atoms, centres, channels, lam, mixing):
    """P (n, 2λ+1, Q), every listed feature once, before normalisation."""
    kinds = [HYPER.species.index(symbol) for symbol in atoms.symbols]
    c = naive.densities(SPEC, kinds, atoms.positions, atoms.cell.array, [True] * 3, centres)
    out = np.empty((len(centres), 2 * lam + 1, len(channels)))
    for k, (l1, l2, q1, q2) in enumerate(channels):
        first, second = c[:, q1, l1 * l1 : (l1 + 1) ** 2], c[:, q2, l2 * l2 : (l2 + 1) ** 2]
        out[:, :, k] = np.einsum("ia,ib,abm->im", first, second, naive.coupling(l1, l2, lam))
    return out if mixing is None else out @ mixing.real


def model_arrays(zeta, mixed, seed=1):
    rng = np.random.default_rng(seed)
    c2 = rng.permutation(doubly_counted(2, 2, 9))[:14]
    c0 = rng.permutation(doubly_counted(0, 2, 9))[:10]
    m2 = rng.normal(size=(14, 11)) + 1j * rng.normal(size=(14, 11)) if mixed else None
    m0 = rng.normal(size=(10, 8)) + 0j if mixed else None
    A2 = rng.normal(size=(6, 5, 11 if mixed else 14))
    A0 = rng.normal(size=(6, 8 if mixed else 10))
    A0 /= np.linalg.norm(A0, axis=1, keepdims=True)
    w = 1e4 * rng.normal(size=(6, 5))
    return {
        "tensors": c2,
        "invariants": c0,
        "tensor_mixing": m2,
        "invariant_mixing": m0,
        "active_tensors": A2,
        "active_invariants": A0,
        "weights": w,
        "zeta": zeta,
    }


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("zeta", [1, 2, 3])
def test_tensor_model_is_the_textbook_sum(zeta, mixed):
    arrays = model_arrays(zeta, mixed)
    model = tensor_model(HYPER, ["Li"], **arrays, units="au")
    atoms, centres = structure(), [0, 1, 2]
    P2 = naive_features(atoms, centres, arrays["tensors"], 2, arrays["tensor_mixing"])
    P2 = P2 / np.sqrt(np.linalg.norm(P2 @ np.swapaxes(P2, 1, 2), axis=(1, 2)))[:, None, None]
    P0 = naive_features(atoms, centres, arrays["invariants"], 0, arrays["invariant_mixing"])[:, 0]
    P0 = P0 / np.linalg.norm(P0, axis=1, keepdims=True)
    y = naive.predict(P2, P0, arrays["active_tensors"], arrays["active_invariants"], arrays["weights"], zeta)
    v = y * 97.173624425
    expected = np.stack([2 * v[:, 2] / np.sqrt(6), v[:, 0] / np.sqrt(2)])
    V = model.predict(atoms)
    np.testing.assert_allclose([V[:, 2, 2], V[:, 0, 1]], expected, atol=1e-8 * np.abs(v).max())
    np.testing.assert_allclose(np.trace(V, axis1=1, axis2=2), 0, atol=1e-12 * np.abs(v).max())


@pytest.mark.parametrize("summed", [False, True])
def test_scalar_model(summed):
    arrays = model_arrays(2, mixed=True)
    w = np.arange(6.0)
    given = {
        "invariants": arrays["invariants"],
        "active": arrays["active_invariants"],
        "weights": w,
        "zeta": 3,
        "mean": 0.7,
        "mixing": arrays["invariant_mixing"],
        "summed": summed,
    }
    model = scalar_model(HYPER, ("Li",), **given)
    atoms = structure(2)
    P0 = naive_features(atoms, [0, 1, 2], arrays["invariants"], 0, arrays["invariant_mixing"])[:, 0]
    P0 = P0 / np.linalg.norm(P0, axis=1, keepdims=True)
    y = (P0 @ arrays["active_invariants"].T) ** 3 @ w
    np.testing.assert_allclose(model.predict(atoms), y.sum() + 0.7 if summed else y + 0.7, atol=1e-10)
    with pytest.raises(InputError, match="weights: expected 6"):
        scalar_model(HYPER, ("Li",), **{**given, "weights": w[:2]})
    with pytest.raises(InputError, match="active: expected 8"):
        scalar_model(HYPER, ("Li",), **{**given, "active": np.ones((6, 3))})


def test_imported_model_survives_its_file(tmp_path):
    from ufpnmr.efg.descriptor import Frame
    from ufpnmr.efg.model import Check, EFGModel

    model = tensor_model(HYPER, ["Li"], **model_arrays(3, mixed=True))
    atoms = structure(3)
    frame = Frame.from_atoms(atoms)
    centres = np.array([0, 1, 2])
    check = Check(
        frame, centres, model.gradients(frame.cell, frame.positions, frame.elements, centres, precision="double")
    )
    dataclasses.replace(model, checks=(check,) * 3).write(tmp_path / "a.efg")
    again = EFGModel.read(tmp_path / "a.efg")
    np.testing.assert_array_equal(again.predict(atoms), model.predict(atoms))
    assert again.digest == model.digest
    assert again.scale is None


def test_arrays_that_do_not_belong_together():
    arrays = model_arrays(2, mixed=False)
    for change, message in (
        ({"weights": np.ones((5, 5))}, "active_tensors: expected shape"),
        ({"active_invariants": np.ones((6, 2))}, "active_invariants: expected shape"),
        ({"tensor_mixing": np.ones((3, 3))}, "mixing matrix with 14 rows"),
        ({"tensors": np.ones((14, 3), int)}, "l1 l2 q1 q2"),
        ({"units": "AU"}, "expected V/Ang\\^2 or au"),
        ({"zeta": 0}, "at least 1"),
    ):
        with pytest.raises(InputError, match=message):
            tensor_model(HYPER, ["Li"], **{**arrays, **change})
    with pytest.raises(InputError, match="centre Na"):
        tensor_model(HYPER, ["Na"], **arrays)


@pytest.mark.filterwarnings("default:hard cutoff")
def test_a_hard_cutoff_warns():
    with pytest.warns(UserWarning, match="hard cutoff"):
        tensor_model(HYPER, ["Li"], **model_arrays(2, mixed=False))
