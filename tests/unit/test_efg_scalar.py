"""λ = 0 as a target of its own: a number per atom, trained by the mathematics of the tensors."""

import json

import numpy as np
import pytest
from ase.io import write

import efg_data
from ufpnmr import EFGModel
from ufpnmr.efg import kernels
from ufpnmr.efg.fit_config import FitConfig, read_config
from ufpnmr.efg.model_file import read_arrays
from ufpnmr.efg.scalar import ScalarModel
from ufpnmr.efg.scalar_fit import read_scalars, train_scalar
from ufpnmr.errors import InputError

FIT = """
title = "Number of near S"

[data]
train = ["train.extxyz"]
test = ["test.extxyz"]

[model]
property = "near"
unit = "S atoms"
centres = ["Li"]
invariants = 80
selection_environments = 60

[descriptor]
cutoff = 4.5
n_max = 4
l_max = 3

[solver]
active = 150
"""


def near(atoms):
    """Number of S around each Li, with a Gaussian edge; NaN elsewhere."""
    shifts = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]
    sulphur = np.array(atoms.symbols) == "S"
    out = np.zeros(len(atoms))
    for shift in shifts:
        x = atoms.positions[sulphur] + np.array(shift) @ atoms.cell.array
        d = np.linalg.norm(x[None] - atoms.positions[:, None], axis=2)
        out += np.exp(-((d / 2.0) ** 2)).sum(axis=1)
    return np.where(np.array(atoms.symbols) == "Li", out, np.nan)


def labelled(count, seed):
    frames = efg_data.labelled(count, seed)
    for atoms in frames:
        atoms.arrays["near"] = near(atoms)
        del atoms.arrays["efg"]
    return frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scalar")
    for name, count, seed in (("train", 24, 0), ("test", 5, 99)):
        write(path / f"{name}.extxyz", labelled(count, seed), format="extxyz", columns=["symbols", "positions", "near"])
    (path / "near.toml").write_text(FIT)
    return path


@pytest.fixture(scope="module", params=[1, 2, 3])
def trained(request, folder):
    config = read_config(folder / "near.toml")
    config = config.model_copy(update={"model": config.model.model_copy(update={"zeta": request.param})})
    return train_scalar(config, *read_scalars(config))


def test_it_learns_and_knows_its_error(trained):
    test = labelled(5, 99)
    reference = np.concatenate([near(atoms)[:12] for atoms in test])
    predicted = np.concatenate([trained.predict(atoms) for atoms in test])
    rmse = np.sqrt(np.mean((predicted - reference) ** 2))
    assert rmse < {1: 0.2, 2: 0.1, 3: 0.1}[trained.zeta] * reference.std()
    assert trained.training["withheld"]["rmse"] == pytest.approx(rmse, rel=1e-6)
    assert trained.training["cross_validation"]["rmse"] < 2 * rmse + 0.05 * reference.std()
    assert (trained.name, trained.unit) == ("near", "S atoms")
    assert trained.mean == pytest.approx(np.mean([near(a)[:12] for a in labelled(24, 0)]), abs=1e-6)


def test_invariance(trained):
    atoms = labelled(1, 5)[0]
    y = trained.predict(atoms)
    turned = atoms.copy()
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    turned.positions += 1.7
    np.testing.assert_allclose(trained.predict(turned), y, rtol=1e-9)
    np.testing.assert_allclose(trained.predict(atoms.repeat((2, 1, 1)), list(range(12))), y, rtol=1e-9)


def test_kernel_of_one_component_is_the_power_of_the_scalar_product():
    """Subset of regressors written out: Σ_j (P·A_j)^ζ w_j, from the same functions as the tensors."""
    rng = np.random.default_rng(0)
    P, A, w = rng.normal(size=(7, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)
    for zeta in (1, 2, 3):
        expected = (P @ A.T) ** zeta @ w
        C = kernels.coefficients(w[:, None], A[:, None], A, zeta)
        np.testing.assert_allclose(kernels.predict(P[:, None], P, C, zeta, A)[:, 0], expected)
        np.testing.assert_allclose(kernels.kernel_rows(P[:, None], P, A[:, None], A, zeta), (P @ A.T) ** zeta)


def test_file(trained, tmp_path):
    path, atoms = tmp_path / "near.efg", labelled(1, 7)[0]
    trained.write(path)
    header, _ = read_arrays(path)
    assert header["property"] == {"name": "near", "rank": 0, "unit": "S atoms", "summed": False}
    found = ScalarModel.read(path)
    np.testing.assert_array_equal(found.predict(atoms), trained.predict(atoms))
    assert found.training == json.loads(json.dumps(trained.training))
    with pytest.raises(InputError, match="exists"):
        trained.write(path)
    with pytest.raises(InputError, match=r"expected a model of .*'efg'.* found .*'near'"):
        EFGModel.read(path)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="checksum"):
        ScalarModel.read(path)
    efg_data.make_model().write(path, force=True)
    with pytest.raises(InputError, match=r"expected a model of a scalar .* found .*'efg'"):
        ScalarModel.read(path)


def test_command(folder, ufp):
    done = ufp("efg", "fit", "near.toml", "--dry-run", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "property: near\nstructures: 24\nlabels: 288\n")
    done = ufp("efg", "fit", "near.toml", "-o", "near.efg", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "withheld: RMSE" in done.stdout
    report = json.loads((folder / "near-efg.fit.json").read_text())
    assert report["withheld"]["r2"] > 0.98
    assert report["environments"] == 288
    atoms = labelled(1, 8)[0]
    np.testing.assert_allclose(ScalarModel.read(folder / "near.efg").predict(atoms), near(atoms)[:12], atol=0.3)
    refused = ufp("efg", "predict", "near.efg", "test.extxyz", "-o", "x.h5", "--timestep", "1", cwd=folder)
    assert refused.returncode == 2
    assert "'near'" in refused.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"property": "near", "centres": ["Li"]}}, "expected unit with a property other than efg"),
        ({"model": {"unit": "V", "centres": ["Li"]}}, "expected unit with a property other than efg, and only there"),
        ({"committee": {"members": 4}}, r"\[committee\] is for field gradients"),
        ({"baseline": {"subtract": True}}, r"\[baseline\] is for field gradients"),
        (
            {"model": {"property": "near", "unit": "1", "centres": ["Li"], "tensors": 9}},
            r"model\.tensors is for field gradients",
        ),
    ],
)
def test_wrong_files(folder, change, message):
    document = {
        "title": "t",
        "data": {"train": [folder / "train.extxyz"]},
        "model": {"property": "near", "unit": "1", "centres": ["Li"]},
    }
    with pytest.raises(ValueError, match=message):
        FitConfig.model_validate({**document, **change})


def test_wrong_structures(folder, tmp_path):
    def read(**change):
        config = read_config(folder / "near.toml")
        return read_scalars(config.model_copy(update={"model": config.model.model_copy(update=change)}))

    with pytest.raises(InputError, match="expected the per-atom array far, found"):
        read(property="far")
    with pytest.raises(InputError, match="positions: expected one number per atom"):
        read(property="positions")
    with pytest.raises(InputError, match="expected labels on P, found none"):
        read(centres=("P",))
    model = train_scalar(read_config(folder / "near.toml"), *read())
    atoms = labelled(1, 1)[0]
    with pytest.raises(InputError, match="predicts at Li, but atom 13"):
        model.predict(atoms, [13])
    atoms.symbols[13] = "As"
    with pytest.raises(InputError, match="trained with Li, P, S, found As"):
        model.predict(atoms)
