"""``ufp spectrum`` and its figure as a user runs them; the dipolar bound beside spectra and echoes."""

import json

import numpy as np
import pytest
from ase.build import bulk

from processes import axial, series
from ufpnmr import TensorSeries
from ufpnmr.results.spectrum import SpectrumResult


@pytest.fixture
def tensors(tmp_path):
    def write(name, frequency):
        rng = np.random.default_rng(1)
        s = series(axial(frequency + rng.standard_normal((60, 4))).astype(np.float32))
        TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine=s.engine).write(tmp_path / name)
        return name

    return write


def test_spectra_over_temperature_figures_and_exports(ufp, tensors, tmp_path):
    files = (tensors("300.h5", 80.0), tensors("400.h5", 40.0))
    kelvin = ("--temperature", 300, "--temperature", 400)
    exports = ("--mrsimulator", "sites.json", "--simpson", "sites")
    run = ufp("spectrum", *files, *kelvin, *exports, "-o", "s.h5", "--json")
    assert run.returncode == 0, run.stderr
    for words in ("7Li", "-40.1 mb", "static", "the whole series", "no exchange line shapes"):
        assert words in run.stderr
    document = json.loads(run.stdout)
    assert document["width, 300 K"]["value"] == pytest.approx(2 * document["width, 400 K"]["value"], rel=0.1)
    assert len(json.loads((tmp_path / "sites.json").read_text())) == 4
    assert len(list((tmp_path / "sites").iterdir())) == 4
    assert SpectrumResult.read(tmp_path / "s.h5").intensity.shape[0] == 2
    for name in ("s.svg", "s.csv"):
        assert ufp("plot", "s.h5", "-o", name).returncode == 0
    assert ufp("spectrum", files[0], "--simpson", "sites").returncode == 2


def test_dipolar_bound_is_printed(ufp, tensors, tmp_path):
    bulk("LiF", "rocksalt", a=4.03, cubic=True).write(tmp_path / "lif.cif")
    file = tensors("t.h5", 80.0)
    for verb in (("spectrum", file, "--spinning", 20), ("echo", file, "--tp", 500, "--field", "0 0 1")):
        run = ufp(*verb, "--structure", "lif.cif")
        assert "rigid-lattice dipolar second moment of 7Li" in run.stderr
        assert "√M2/2π" in run.stderr
    assert "not purely quadrupolar: 500 µs" in run.stderr


def test_bad_input_is_one_line_and_exit_code_2(ufp, tensors):
    file = tensors("t.h5", 80.0)
    for arguments, words in (
        (["nothing.h5"], "no such file"),
        ([file, "--temperature", "300", "--temperature", "400"], "one temperature"),
        ([file, "--spinning", "-5"], "spinning"),
        ([file, "--structure", "nothing.cif"], "no such file"),
    ):
        run = ufp("spectrum", *arguments)
        assert run.returncode == 2
        assert words in run.stderr
        assert len([line for line in run.stderr.splitlines() if line.startswith("ufp: error")]) == 1
