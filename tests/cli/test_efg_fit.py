"""``ufp efg fit`` and ``ufp efg eval`` as a user runs them, and predictions of a trained model along a trajectory."""

import json

import numpy as np
import pytest
from ase.io import read

import efg_data
from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.tensors import to_voigt6
from ufpnmr.results.tensors import TensorSeries


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return efg_data.folder(tmp_path_factory.mktemp("efg"), train=12, test=4)


@pytest.fixture
def folder(template, tmp_path):
    for path in template.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_fit_writes_a_model_and_what_belongs_to_it(ufp, folder):
    run = ufp("efg", "fit", "efg.toml", "-o", "LPS.efg")
    assert run.returncode == 0, run.stderr
    assert "withheld          relative tensor RMSE" in run.stdout
    assert "cross-validated error" in run.stderr
    names = {path.name for path in folder.iterdir()} - {"train.extxyz", "test.extxyz", "efg.toml"}
    assert names == {
        *("LPS.efg", "LPS-efg.fit.json", "LPS-efg.fit.md"),
        *("LPS-efg.omega_q.svg", "LPS-efg.quaternions.svg", "LPS-efg.learning_curve.svg"),
    }
    document = json.loads((folder / "LPS-efg.fit.json").read_text())
    assert document["schema"] == "ufpnmr.efg_report"
    assert set(document["provenance"]["inputs"]) == {"efg.toml", "train.extxyz", "test.extxyz"}
    error = document["evaluation"]["metrics"]["relative_tensor_rmse"]
    assert error < 0.15
    page = (folder / "LPS-efg.fit.md").read_text()
    assert "LPS-efg.omega_q.svg" in page
    assert "## Withheld structures" in page
    model = EFGModel.read(folder / "LPS.efg")
    assert model.error["relative_tensor_rmse"] == error
    assert model.metadata["provenance"]["inputs"] == document["provenance"]["inputs"]

    again = ufp("efg", "fit", "efg.toml", "-o", "LPS.efg")
    assert again.returncode == 2
    assert "LPS.efg exists" in again.stderr

    judged = ufp("efg", "eval", "LPS.efg", "test.extxyz", "-o", "test.json", "--coordination", "S:3.3", "--json")
    assert judged.returncode == 0, judged.stderr
    assert json.loads(judged.stdout)["evaluation"]["metrics"]["relative_tensor_rmse"] == pytest.approx(error)
    assert {"test.md", "test.omega_q.svg", "test.quaternions.svg"} <= {path.name for path in folder.iterdir()}
    assert "LiS4" in (folder / "test.md").read_text()
    text = ufp("efg", "eval", "LPS.efg", "test.extxyz", "--isotope", "6Li")
    assert "quaternion score (D2) ≥ 0.9" in text.stdout
    assert "6Li" in text.stdout
    _predict_a_trajectory(ufp, folder, model)


def _predict_a_trajectory(ufp, folder, model):
    run = ufp("efg", "predict", "LPS.efg", "test.extxyz", "-o", "efg.h5", "--timestep", 0.001, "--threads", 2)
    assert run.returncode == 0, run.stderr
    assert "error of the model" in run.stderr
    series = TensorSeries.read(folder / "efg.h5")
    frames = read(folder / "test.extxyz", index=":")
    assert series.V.shape == (4, 12, 6)
    assert series.engine == model.engine
    for V, atoms in zip(series.V, frames, strict=True):
        np.testing.assert_allclose(V, to_voigt6(model.predict(atoms)), atol=1e-5)
    plan = ufp("efg", "predict", "LPS.efg", "test.extxyz", "-o", "b.h5", "--timestep", 0.001, "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert "SA-GPR at Li" in plan.stdout


def test_dry_run_and_mistakes_write_nothing(ufp, folder):
    before = {path.name for path in folder.iterdir()}
    plan = ufp("efg", "fit", "efg.toml", "--dry-run", "--json")
    assert plan.returncode == 0, plan.stderr
    assert json.loads(plan.stdout)["train"] == "12 structures, 144 labels, 12 groups"
    text = (folder / "efg.toml").read_text()
    made = {
        "key.toml": text.replace("cutoff", "cutof"),
        "units.toml": text.replace("[data]", '[data]\nefg_units = "au"'),
        "folds.toml": text.replace('title = "Point charges"', 'title = "Point charges"\nfolds = 13'),
        "broken.efg": "nothing",
    }
    for name, content in made.items():
        (folder / name).write_text(content)
    for arguments, message in [
        (("fit", "key.toml", "-o", "A.efg"), "did you mean 'cutoff'"),
        (("fit", "units.toml", "-o", "A.efg"), "which is it"),
        (("fit", "folds.toml", "-o", "A.efg"), "at least 13 groups"),
        (("fit", "efg.toml"), "expected -o NAME.efg"),
        (("fit", "efg.toml", "-o", "A.h5"), "expected -o NAME.efg"),
        (("fit", "efg.toml", "-o", "none/A.efg"), "no such folder"),
        (("fit", "none.toml", "-o", "A.efg"), "none.toml: no such file"),
        (("eval", "none.efg", "test.extxyz"), "none.efg: no such file"),
        (("eval", "broken.efg", "test.extxyz"), "found another format"),
        (("eval", "broken.efg", "test.extxyz", "-o", "a.txt"), "expected -o NAME.json"),
        (("predict", "broken.efg", "test.extxyz", "-o", "a.h5"), "found another format"),
    ]:
        run = ufp("efg", *arguments)
        assert run.returncode == 2, (arguments, run.stderr)
        assert message in run.stderr
        assert len(run.stderr.strip().splitlines()) == 1
    assert {path.name for path in folder.iterdir()} == before | set(made)
