"""``ufp echo`` and its figures as a user runs them."""

import json

import numpy as np
import pytest

from processes import axial, series, telegraph
from ufpnmr import TensorSeries
from ufpnmr.results.echo import EchoResult


@pytest.fixture
def jumping(tmp_path):
    x = 50 * telegraph(np.random.default_rng(2), 1500, 20, 1 / 30)
    s = series(axial(x + 30).astype(np.float32), 10.0)
    path = tmp_path / "tensors.h5"
    TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine=s.engine, axes=s.axes).write(path)
    return path


def test_from_tensors_to_a_verdict_a_map_and_columns(ufp, jumping, tmp_path):
    run = ufp("echo", jumping, "--tp", 5, "--tp", 10, "--tp", 20, "-o", "echo.h5", "--json")
    assert run.returncode == 0, run.stderr
    for words in ("7Li", "-40.1 mb", "F = 0.45 sin φp sin φd", "90° and 45°", "powder", "static phases"):
        assert words in run.stderr
    document = json.loads(run.stdout)
    assert document["verdicts"]["tp 10 µs"] in ("residual", "narrowed")
    assert document["tau, tp 10 µs"]["ci_low"] < 0.3 < document["tau, tp 10 µs"]["ci_high"]
    assert EchoResult.read(tmp_path / "echo.h5").provenance["inputs"].keys() == {"tensors.h5"}
    for name in ("map.svg", "echo.csv"):
        assert ufp("plot", "echo.h5", "-o", name).returncode == 0
        assert (tmp_path / name).stat().st_size > 1000
    single = ufp("echo", jumping, "--tp", 5, "--field", "0 0 1", "-o", "one.h5", "--window", "1e-12", "1")
    assert ": visible" in single.stderr
    assert ufp("plot", "one.h5", "-o", "one.pdf").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing option '--tp'"),
        (["--tp", "10", "--sequence", "sincos"], "did you mean"),
        (["--tp", "10", "--phase", "window"], "room for 0"),
        (["--tp", "10", "--window", "2", "1"], "shortest < longest"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(ufp, jumping, arguments, words):
    result = ufp("echo", jumping, *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
