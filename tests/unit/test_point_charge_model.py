"""The point-charge model as a file, its fit, and labels that must not be fitted."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from ufpnmr.efg.fit import bootstrap, fit_charges, predict_withheld
from ufpnmr.efg.labels import read_columns
from ufpnmr.efg.metrics import tensor_metrics
from ufpnmr.efg.point_charges import PointCharges
from ufpnmr.errors import InputError

MODEL = PointCharges("Li", {"Li": 0.3, "P": 0.7, "S": -0.9}, training={"groups": 3}, error={"mae_eta": 0.1})


def structures(n=6, noise=0.0, unit=1.0):
    """Random cells labelled by `MODEL`; two share each group."""
    rng, result = np.random.default_rng(11), []
    for number in range(n):
        grid = np.stack(np.meshgrid(*[np.arange(2)] * 3), -1).reshape(-1, 3) * 3.2
        atoms = Atoms("Li3PS4", positions=grid + rng.uniform(-0.5, 0.5, (8, 3)), cell=[6.4, 6.4, 6.4], pbc=True)
        efg = np.full((8, 3, 3), np.nan)
        efg[:3] = MODEL.predict(atoms) + noise * rng.normal(size=(3, 3, 3))
        efg[:3] = (efg[:3] + np.swapaxes(efg[:3], 1, 2)) / 2
        efg[:3] -= np.eye(3) * np.trace(efg[:3], axis1=1, axis2=2)[:, None, None] / 3
        atoms.arrays["efg"] = (efg / unit).reshape(8, 9)
        atoms.info |= {"group": f"run{number // 2}", "efg_units": "au" if unit != 1 else "V/Ang^2"}
        result.append(atoms)
    return result


def saved(path, frames):
    write(path, frames, format="extxyz", columns=["symbols", "positions", "efg"])
    return path


def test_model_file_round_trip(tmp_path):
    MODEL.write(tmp_path / "m.toml")
    again = PointCharges.read(tmp_path / "m.toml")
    assert again == MODEL
    assert again.digest == MODEL.digest
    assert dataclasses.replace(MODEL, error={}).digest == MODEL.digest
    assert dataclasses.replace(MODEL, charges={**MODEL.charges, "S": -0.8}).digest != MODEL.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[charges]", "[chrages]", r"unknown key 'chrages' \(did you mean 'charges'\?\)"),
        ('centre = "Li"\n', "", "missing key 'centre'"),
        ("version = 1", "version = 2", "version 2 is newer"),
        ("version = 1", "version = ", "expected a point-charge model"),
        ('schema = "ufpnmr.PointCharges"', 'schema = "x"', "expected schema"),
        ('charge = "e"', 'charge = "C"', "expected units"),
        ("S = -0.9", "S = nan", "finite charge in e for S"),
        ("S = -0.9", 'S = "-0.9"', "finite charge in e for S"),
        ("Li = 0.3", "Na = 0.3", "charge for the centre Li"),
    ],
)
def test_bad_model_files(tmp_path, old, new, message):
    path = tmp_path / "m.toml"
    MODEL.write(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        PointCharges.read(path)
    assert str(path) in str(caught.value)


def test_missing_model_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        PointCharges.read(tmp_path / "m.toml")


@pytest.mark.parametrize("unit", [1.0, 97.173624])
def test_fit_recovers_the_charges(tmp_path, unit):
    data = read_columns(saved(tmp_path / "a.xyz", structures(unit=unit)), "Li")
    assert data.species == ("Li", "P", "S")
    assert data.V.shape == (18, 6)
    np.testing.assert_allclose(fit_charges(data), [0.3, 0.7, -0.9], rtol=1e-5)
    np.testing.assert_allclose(predict_withheld(data), data.V, atol=1e-4)


def test_withheld_error_is_that_of_the_other_groups(tmp_path):
    data = read_columns(saved(tmp_path / "a.xyz", structures(noise=0.5)), "Li")
    withheld = predict_withheld(data)
    others = fit_charges(data, np.flatnonzero(data.group != "run1"))
    expected = np.einsum("s,msc->mc", others, data.columns[data.group == "run1"])
    np.testing.assert_allclose(withheld[data.group == "run1"], expected)
    charges, errors = bootstrap(data, withheld, -40.1, 50, 1)
    assert np.all(charges[0] < charges[1])
    low, high = errors["relative_tensor_rmse"]
    assert low < tensor_metrics(withheld, data.V, -40.1)["relative_tensor_rmse"] < high
    again, _ = bootstrap(data, withheld, -40.1, 50, 1)
    np.testing.assert_array_equal(charges, again)


def test_labels_that_are_refused(tmp_path):
    frames = structures()
    for change, message in (
        (lambda a: a.arrays.pop("efg"), "efg:R:9"),
        (lambda a: a.info.pop("efg_units"), "efg_units"),
        (lambda a: a.info.pop("group"), "group=NAME"),
        (lambda a: a.arrays["efg"].fill(np.nan), "labels on Li"),
    ):
        bad = frames[1].copy()
        change(bad)
        path = tmp_path / "a.xyz"
        write(path, [frames[0]], format="extxyz")
        write(path, [bad], format="extxyz", append=True)
        with pytest.raises(InputError, match=f"structure 1: .*{message}"):
            read_columns(path, "Li")
    with pytest.raises(InputError, match="no such file"):
        read_columns(tmp_path / "b.xyz", "Li")


def test_tensors_with_a_trace_are_warned_about(tmp_path):
    frames = structures()
    frames[2].arrays["efg"][:, 0] += 1.0
    with pytest.warns(UserWarning, match="structure 2: .*trace"):
        read_columns(saved(tmp_path / "a.xyz", frames), "Li")


def test_too_few_labels(tmp_path):
    data = read_columns(saved(tmp_path / "a.xyz", structures(2)), "Li")
    with pytest.raises(InputError, match="two groups"):
        predict_withheld(data)
    dependent = dataclasses.replace(data, columns=np.repeat(data.columns[:, :1], 3, axis=1))
    with pytest.raises(InputError, match="only 1 independent"):
        fit_charges(dependent)


def test_committed_model_is_what_the_script_fits(repository, tmp_path):
    folder = repository / "inputs" / "lps"
    subprocess.run([sys.executable, folder / "fit_point_charges.py", tmp_path / "m.toml"], check=True, timeout=120)
    committed, fitted = (PointCharges.read(path) for path in (folder / "point-charges.toml", tmp_path / "m.toml"))
    assert fitted.charges == pytest.approx(committed.charges, rel=1e-5)
    assert fitted.training["labels_sha256"] == committed.training["labels_sha256"]
    for name, value in committed.error.items():
        expected = pytest.approx(value, rel=1e-4) if isinstance(value, float) else value
        if name != "interval":
            assert fitted.error[name] == expected
    for name, interval in committed.error["interval"].items():
        assert fitted.error["interval"][name] == pytest.approx(interval, rel=1e-4)
    assert committed.error["relative_tensor_rmse"] > committed.error["relative_tensor_rmse_fitted"]
