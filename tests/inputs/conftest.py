"""Runs of inputs/lps in an empty folder, and what they write."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def lps(repository):
    """Folder inputs/lps."""
    return repository / "inputs" / "lps"


@pytest.fixture
def md(tmp_path, lps):
    """Return a function that runs in.md or another input with variables, on `ranks` processes, in an empty folder.

    The potential is the fast one, LPS-starter.uf3, unless a variable names another.
    """
    potentials, data = ("LPS.uf3", "LPS-starter.uf3"), ("data.beta-384", "data.glass-576")
    for name in ("in.md", "in.efg", "in.efg-average", "LPS.efg", *potentials, *data):
        shutil.copy(lps / name, tmp_path)

    def run(ranks=1, timeout=600, script="in.md", **variables):
        command = [str(BIN / "lmp"), "-in", script, "-log", "none"]
        for name, value in {"potential": "LPS-starter.uf3", **variables}.items():
            command += ["-var", name, str(value)]
        if ranks > 1:
            command = [str(BIN / "mpiexec"), "-n", str(ranks), *command]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    run.folder = tmp_path
    run.frames = lambda name="run": frames(tmp_path / f"{name}.lammpstrj")
    run.thermo = lambda log="run.log": thermo(tmp_path / log)
    return run


def thermo(log):
    """Return the rows of step, time, T, E_pot, E, pressure, density of a log."""
    rows = [line.split() for line in log.read_text().splitlines() if re.match(r"^ +\d+ +[\d.]+ +[\d.]+ +-\d", line)]
    return np.array(rows, dtype=float)


def frames(dump):
    """Return steps (T,), elements (N,), unwrapped positions (T, N, 3) and cells (T, 3, 3) of an orthorhombic dump."""
    steps, cells, positions = [], [], []
    lines = iter(dump.read_text().splitlines())
    for line in lines:
        assert line == "ITEM: TIMESTEP"
        steps.append(int(next(lines)))
        assert next(lines) == "ITEM: NUMBER OF ATOMS"
        n_atoms = int(next(lines))
        assert next(lines).startswith("ITEM: BOX BOUNDS")
        bounds = np.array([next(lines).split() for _ in range(3)], dtype=float)
        cells.append(np.diag(bounds[:, 1] - bounds[:, 0]))
        assert next(lines) == "ITEM: ATOMS id type element xu yu zu"
        atoms = [next(lines).split() for _ in range(n_atoms)]
        assert [int(words[0]) for words in atoms] == list(range(1, n_atoms + 1))
        positions.append([words[3:] for words in atoms])
    elements = np.array([words[2] for words in atoms])
    return np.array(steps), elements, np.array(positions, dtype=float), np.array(cells)
