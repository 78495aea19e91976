"""Shared by all tests: slow ones only on request, and where the repository's files are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def pytest_addoption(parser):
    parser.addoption("--runslow", action="store_true", help="run tests that take minutes")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--runslow"):
        return
    skip = pytest.mark.skip(reason="slow; run with --runslow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def repository():
    """Root of the repository: inputs, benchmarks, documentation."""
    return REPOSITORY


@pytest.fixture
def ufp(tmp_path):
    """Run the installed command ``ufp`` in an empty folder and return the completed process."""

    def run(*arguments, cwd=tmp_path, timeout=300, **kwargs):
        return subprocess.run(
            [str(BIN / "ufp"), *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            **kwargs,
        )

    return run


STUDY = """
[system]
title = "Beta-Li3PS4, test"
phase = "beta crystal, 4b ordering"
temperature_K = 600
axes = "x=a y=b z=c (Pnma)"
caveats = ["The potential is crude: good for wiring, not for physics."]

[md]
input = "in.md"
data = "data.beta-384"
potential = "LPS-starter.uf3"
steps = 600
dump_every = 5
variables = { seed = 4711, restart = 100, thermo = 20 }

[trajectory]
timestep_ps = 0.002
selection = "element Li"
elements = ["Li", "P", "S"]

[efg]
model = "point-charges.toml"

[nmr]
isotope = "7Li"
fields = { b = [0, 1, 0] }

[hops]
minimum_residence_ps = 0.1

[sites]
ion = "Li"
ligand = "S"
coordination = [4, 6]
radius_A = 3.3
half_gap_A = 0.2

[rdf]
pairs = [["Li", "S"], ["P", "S"]]

[vdos]
segment_ps = 0.28
smoothing_cm = 600

[angles]
centre = "P"
ligand = "S"
ion = "Li"

[vanhove]
max_lag_ps = 0.5

[output]
folder = "out"
"""


@pytest.fixture(scope="session")
def study_text():
    """A study of 1.2 ps of real MD."""
    return STUDY


@pytest.fixture
def study_folder(tmp_path):
    """Folder with copies of the inputs and the study file ``study.toml``."""
    return _study_folder(tmp_path)


def _study_folder(folder):
    for name in ("in.md", "data.beta-384", "LPS-starter.uf3", "point-charges.toml"):
        shutil.copy(REPOSITORY / "inputs" / "lps" / name, folder)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory):
    """Run the whole chain once; return its folder and the completed process."""
    folder = _study_folder(tmp_path_factory.mktemp("study"))
    command = [str(BIN / "ufp"), "study", "study.toml", "--threads", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    return folder, done
