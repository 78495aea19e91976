"""``ufp relax`` and its figures as a user runs them."""

import json

import numpy as np
import pytest

from processes import axial, series, telegraph
from ufpnmr import TensorSeries
from ufpnmr.nmr import correlate
from ufpnmr.results.relaxation import RelaxationResult, TemperatureResult


@pytest.fixture
def powder(tmp_path):
    def write(name, interval, observable="powder"):
        x = 50 * telegraph(np.random.default_rng(2), 1500, 20, 1 / 30)
        path = tmp_path / name
        correlate(series(axial(x).astype(np.float32), interval), observable).write(path)
        return path

    return write


def test_rates_and_their_figure(ufp, powder, tmp_path):
    run = ufp("relax", powder("powder.h5", 1.0), "--field", 9.4, "--spin-lock", 30, "-o", "r.json", "--json")
    assert run.returncode == 0, run.stderr
    for words in ("7Li", "-40.1 mb", "ν0 = 155.6 MHz", "not averaged over vibrations"):
        assert words in run.stderr
    document = json.loads(run.stdout)
    assert document["R1, 9.4 T"]["unit"] == "s^-1"
    assert {"R2, 9.4 T", "R1rho(30 kHz), 9.4 T", "mean correlation time"} < document.keys()
    assert RelaxationResult.read(tmp_path / "r.json").provenance["inputs"].keys() == {"powder.h5"}
    for name in ("r.svg", "r.csv"):
        assert ufp("plot", "r.json", "-o", name).returncode == 0


def test_maxima_over_temperature(ufp, powder, tmp_path):
    files = [powder("a.h5", 4.0), powder("b.h5", 1.0)]
    run = ufp("relax", *files, "--temperature", 300, "--temperature", 400, "--field", 9.4, "-o", "t.json")
    assert run.returncode == 0, run.stderr
    assert "maximum of R1, 9.4 T" in run.stdout
    assert TemperatureResult.read(tmp_path / "t.json").activation.value > 0
    assert ufp("plot", "t.json", "-o", "t.svg").returncode == 0
    assert ufp("plot", "t.json", "-o", "t.csv").returncode == 0
    header, first = (tmp_path / "t.csv").read_text().splitlines()[:2]
    assert header == '"temperature / K","rate[0] / s^-1"'
    assert first.startswith("150,")


def test_single_crystal(ufp, tmp_path):
    """Three curves of one run through the verbs; the field direction is that of the correlation functions."""
    x = 50 * telegraph(np.random.default_rng(2), 1500, 20, 1 / 30)
    made = series(axial(x).astype(np.float32), 1.0)
    TensorSeries(time=made.time, ids=made.ids, V=made.V, cell=made.cell, engine="made").write(tmp_path / "t.h5")
    names = ("omega_q", "lab_1", "lab_2")
    for name in names:
        done = ufp(
            "acf", "t.h5", "--observable", name, "--field", "1 2 2", "--normalisation", "raw", "-o", f"{name}.h5"
        )
        assert done.returncode in (0, 3), done.stderr
    files = [f"{name}.h5" for name in names]
    wrong = ufp("relax", *files[::-1], "--crystal", "--field", 9.4)
    assert wrong.returncode == 2
    assert "in this order" in wrong.stderr
    run = ufp("relax", *files, "--crystal", "--field", 9.4, "--json")
    assert run.returncode in (0, 3), run.stderr
    document = json.loads(run.stdout)
    assert document["R1, 9.4 T"]["value"] > 0
    assert "single crystal" in document["observable"]


def test_frames_too_far_apart_exit_code_3(ufp, powder):
    run = ufp("relax", powder("powder.h5", 1000.0), "--field", 9.4)
    assert run.returncode == 3
    assert "undersampled" in run.stdout


def test_bad_input_is_one_line_and_exit_code_2(ufp, powder):
    path, omega = powder("powder.h5", 1.0), powder("omega.h5", 1.0, "omega_q")
    for arguments, words in (
        ([path], "Missing option '--field'"),
        ([path, "--field", "0"], "above zero in tesla"),
        ([omega, "--field", "9.4"], "powder"),
        ([path, path, "--field", "9.4"], "one --temperature per file"),
    ):
        run = ufp("relax", *arguments)
        assert run.returncode == 2
        assert words in run.stderr
        assert len(run.stderr.strip().splitlines()) == 1
