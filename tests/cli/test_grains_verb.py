"""``ufp grains`` and its figure as a user runs them."""

import json

import numpy as np
import pytest

from processes import axial, series
from ufpnmr import TensorSeries
from ufpnmr.results.polycrystal import PolycrystalResult

COARSE = ("--grains", 200, "--voxels", 16, "--realisations", 2, "--source", "Harper 2025, hop rate")


def test_sizes_for_the_experiment(ufp, tmp_path):
    sizes = ("--size", 20, "--size", 60)
    run = ufp("grains", "--coupling", 60, 0.3, *sizes, "--hops", 2.57e5, 3.2, *COARSE, "-o", "g.h5", "--json")
    assert run.returncode == 0, run.stderr
    for words in ("not a simulation of atoms", "Harper 2025, hop rate", "-40.1 mb", "60 nm: γ ="):
        assert words in run.stderr
    document = json.loads(run.stdout)
    assert 40 < document["size for 30 ms"]["value"] < document["size for 50 ms"]["value"] < 100
    assert PolycrystalResult.read(tmp_path / "g.h5").size.tolist() == [20, 60]
    for name in ("g.svg", "g.csv"):
        assert ufp("plot", "g.h5", "-o", name).returncode == 0


def test_tensors_of_a_series(ufp, tmp_path):
    s = series(axial(np.full((50, 6), 40.0)).astype(np.float32))
    TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine=s.engine).write(tmp_path / "t.h5")
    run = ufp("grains", "t.h5", "--size", 50, "--diffusion", 4e-11, *COARSE)
    assert run.returncode == 0, run.stderr
    assert "P_Q of a grain 40 kHz" in run.stderr
    assert "leaves 100.0%" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "50", "--diffusion", "1e-10", "--source", "x"], "either a tensor series or --coupling"),
        (["--coupling", "60", "0.3", "--size", "50", "--source", "x"], "either --diffusion or --hops"),
        (["--coupling", "60", "0.3", "--size", "50", "--diffusion", "1e-10"], "Missing option '--source'"),
        (["--coupling", "60", "0.3", "--size", "0", "--diffusion", "1", "--source", "x"], "grain sizes"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(ufp, arguments, words):
    run = ufp("grains", *arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
