"""``ufp acf`` and ``ufp decay`` as a user runs them."""

import json

import numpy as np
import pytest

from processes import axial, series, telegraph
from ufpnmr import TensorSeries
from ufpnmr.nmr import CorrelationResult, DecayFit


def write_series(path, x, interval=1.0):
    s = series(axial(x).astype(np.float32), interval)
    TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine=s.engine, axes=s.axes).write(path)
    return path


@pytest.fixture
def jumping(tmp_path):
    rng = np.random.default_rng(2)
    return write_series(tmp_path / "tensors.h5", 50 * telegraph(rng, 3000, 60, 1 / 50, noise=0.2), interval=10.0)


@pytest.fixture
def static(tmp_path):
    rng = np.random.default_rng(3)
    return write_series(tmp_path / "static.h5", 50 + 10 * rng.standard_normal((1000, 30)))


def test_from_tensors_to_decay_time(ufp, jumping, tmp_path):
    first = ufp("acf", jumping, "-o", "acf.h5")
    assert first.returncode == 0, first.stderr
    for words in ("7Li", "-40.1 mb", "Pyykkö", "harper2025", "field along (0, 0, 1) in x=a y=b z=c"):
        assert words in first.stderr
    assert "C(first lag)" in first.stdout
    assert CorrelationResult.read(tmp_path / "acf.h5").provenance["inputs"].keys() == {"tensors.h5"}

    second = ufp("decay", "acf.h5", "-o", "decay.json")
    assert second.returncode == 0, second.stderr
    assert second.stdout.startswith("tau")
    fit = DecayFit.read(tmp_path / "decay.json")
    assert fit.tau.ci_low < 0.5 < fit.tau.ci_high

    third = ufp("decay", "acf.h5", "--gamma", "free", "--json")
    document = json.loads(third.stdout)
    assert document["status"] == "ok"
    assert document["tau"]["unit"] == "ns"
    assert "Q = -40.1 mb" in document["observable"]


def test_nothing_decays_exit_code_3(ufp, static):
    assert ufp("acf", static, "-o", "acf.h5").returncode == 0
    result = ufp("decay", "acf.h5", "-o", "decay.json")
    assert result.returncode == 3
    assert "no_decay" in result.stdout
    assert "tau" in result.stdout
    assert "> " in result.stdout


def test_options_reach_the_result(ufp, jumping, tmp_path):
    nucleus = ("--isotope", "li6", "--quadrupole-moment", "-0.82", "--field", "b")
    ions = ("--ions", "3 5", "--selection", "two of them")
    result = ufp("acf", jumping, "-o", "acf.h5", *nucleus, *ions, "--average", "50", "--normalisation", "raw")
    assert result.returncode == 0, result.stderr
    assert "warning: average over 2 of 60 ions (two of them)" in result.stderr
    curve = CorrelationResult.read(tmp_path / "acf.h5")
    assert curve.isotope == {"name": "6Li", "spin": 1.0, "quadrupole_moment_mb": -0.82, "source": "given by the user"}
    assert curve.field == [0, 1, 0]
    assert (curve.interval, curve.unit) == (50, "kHz^2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["acf", "nothing.h5", "-o", "out.h5"], "nothing.h5: no such file"),
        (["acf", "tensors.h5", "-o", "out.h5", "--isotope", "31P"], "spin 1/2"),
        (["acf", "tensors.h5", "-o", "out.h5", "--isotope", "7Lj"], "did you mean '7Li'"),
        (["acf", "tensors.h5", "-o", "out.h5", "--field", "up"], "--field"),
        (["acf", "tensors.h5", "-o", "out.h5", "--ions", "two"], "--ions"),
        (["acf", "tensors.h5", "-o", "tensors.h5"], "exists"),
        (["acf", "tensors.h5", "-o", "no/out.h5"], "no such folder"),
        (["acf", "tensors.h5", "-o", "out.h5", "--observable", "cg"], "did you mean 'cq'"),
        (["decay", "tensors.h5", "-o", "out.json"], "expected a ufpnmr-correlation file"),
        (["decay", "acf.h5", "-o", "out.json", "--gamma", "two"], "--gamma"),
        (["decay", "acf.h5", "-o", "out.h5"], "ends in .json"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(ufp, jumping, tmp_path, arguments, words):
    if arguments[0] == "decay":
        assert ufp("acf", jumping, "-o", "acf.h5").returncode == 0
    before = sorted(p.name for p in tmp_path.iterdir())
    result = ufp(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_help_shows_examples(ufp):
    for verb in ("acf", "decay"):
        result = ufp(verb, "--help")
        assert result.returncode == 0
        lines = [line.strip() for line in result.stdout.splitlines()]
        assert "Examples:" in lines
        assert any(line.startswith(f"ufp {verb} ") and len(line) < 60 for line in lines)
