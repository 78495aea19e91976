"""``ufp fit`` and ``ufp eval`` as a user runs them."""

import json

import numpy as np
import pytest
from ase.io import read

import fit_data
from ufpnmr.potential import Potential
from ufpnmr.structures import write_structures


@pytest.fixture
def folder(tmp_path):
    write_structures(tmp_path / "train.extxyz", fit_data.labelled(24, noise=(0.002, 0.05, 0.0005)))
    write_structures(tmp_path / "test.extxyz", fit_data.labelled(12, 7, noise=(0.002, 0.05, 0.0005)))
    text = fit_data.FIT.replace('train = ["train.extxyz"]', 'train = ["train.extxyz"]\ntest = ["test.extxyz"]')
    (tmp_path / "fit.toml").write_text(text.replace("1e-6", "0.01"))
    return tmp_path


def test_fit_writes_a_potential_and_what_belongs_to_it(ufp, folder):
    run = ufp("fit", "fit.toml", "-o", "LS.uf3", "--committee", 2, "--gram")
    assert run.returncode == 0, run.stderr
    assert "test                12 structures" in run.stdout
    names = {path.name for path in folder.iterdir()} - {"train.extxyz", "test.extxyz", "fit.toml"}
    assert names == {
        *("LS.uf3", "LS.1.uf3", "LS.2.uf3", "LS.posterior.h5", "LS.gram.h5", "LS.fit.json", "LS.fit.md"),
        *("LS.energy.svg", "LS.forces.svg", "LS.stress.svg"),
    }
    record = json.loads((folder / "LS.fit.json").read_text())
    assert record["schema"] == "ufpnmr.fit"
    assert set(record["provenance"]["inputs"]) == {"fit.toml", "train.extxyz", "test.extxyz"}
    page = (folder / "LS.fit.md").read_text()
    for name in ("LS.forces.svg", "## Withheld structures", "## Uncertainty", "| Li-S |"):
        assert name in page
    potential, member = (Potential.read(folder / name) for name in ("LS.uf3", "LS.1.uf3"))
    assert potential.posterior_file == folder / "LS.posterior.h5"
    assert potential.training["test"]["structures"] == 12
    assert not np.array_equal(potential.pairs[0].coefficients, member.pairs[0].coefficients)

    again = ufp("fit", "fit.toml", "-o", "LS.uf3")
    assert again.returncode == 2
    assert "LS.uf3 exists" in again.stderr

    out = ufp("eval", "LS.uf3", "test.extxyz", "-o", "predicted.extxyz", "--uncertainty", "--json")
    assert out.returncode == 0, out.stderr
    document = json.loads(out.stdout)
    assert document["errors"]["force_rmse"] == pytest.approx(record["test"]["force_rmse"], rel=1e-9)
    assert document["largest_force_deviation"] >= document["mean_force_deviation"] > 0
    atoms = read(folder / "predicted.extxyz", index=3)
    expected = potential.evaluate(atoms, uncertainty=True)
    np.testing.assert_allclose(atoms.get_forces(), expected.forces, atol=1e-7)
    np.testing.assert_allclose(atoms.arrays["forces_deviation"], expected.deviations.forces, rtol=1e-5)
    text = ufp("eval", "LS.uf3", "test.extxyz")
    assert text.returncode == 0
    assert "all                          12" in text.stdout


def test_dry_run_and_mistakes_write_nothing(ufp, folder):
    before = {path.name for path in folder.iterdir()}
    plan = ufp("fit", "fit.toml", "--dry-run", "--json")
    assert plan.returncode == 0, plan.stderr
    document = json.loads(plan.stdout)
    assert document["train"]["structures"] == 24
    assert document["coefficients"] == sum(document["columns"].values())
    (folder / "bad.toml").write_text((folder / "fit.toml").read_text().replace("cutoff = 4.5", "cutof = 4.5"))
    for arguments, message in [
        (("fit", "bad.toml", "-o", "A.uf3"), "did you mean 'cutoff'"),
        (("fit", "fit.toml"), "expected -o NAME.uf3"),
        (("fit", "fit.toml", "-o", "none/A.uf3"), "no such folder"),
        (("fit", "none.toml", "-o", "A.uf3"), "none.toml: no such file"),
        (("eval", "none.uf3", "test.extxyz"), "no such file"),
    ]:
        run = ufp(*arguments)
        assert run.returncode == 2, run.stderr
        assert message in run.stderr
        assert len(run.stderr.strip().splitlines()) == 1
    assert {path.name for path in folder.iterdir()} == before | {"bad.toml"}


def test_uncertainty_without_a_posterior_is_refused(ufp, folder):
    fit_data.truth().write(folder / "bare.uf3")
    run = ufp("eval", "bare.uf3", "test.extxyz", "--uncertainty")
    assert run.returncode == 2
    assert "no posterior beside it" in run.stderr
