"""sdist and wheel: complete, and installable without an index where the dependencies are."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import potentials

needs_build = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("build", "scikit_build_core", "pybind11")),
    reason="needs the packages build, scikit-build-core and pybind11",
)


def run(*command, **kwargs):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "-o", folder, cwd=repository)
    return next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from the sdist, so a file missing there is found out."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = next(path for path in folder.iterdir() if path.is_dir())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, cwd=source)
    return next(folder.glob("*.whl"))


@needs_build
def test_sdist_holds_the_sources_and_nothing_else(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    for name in (
        "CMakeLists.txt",
        "LICENSE",
        "README.md",
        "CITATION.cff",
        "cmake/LammpsHeaders.cmake",
        "core/include/ufp/uf3_potential.hpp",
        "lammps_plugin/pair_ufp.cpp",
        "python/build.json.in",
        "python/src/bind_potential.cpp",
        "python/ufpnmr/potential/model.py",
        "python/ufpnmr_plugin/__init__.py",
        "tests/conftest.py",
        "inputs/lps/LPS.uf3",
        "inputs/lps/LPS-starter.uf3",
        "inputs/lps/LPS.efg",
        "docs/install.md",
    ):
        assert name in names
    for name in names:
        assert not name.startswith(("build/", ".ci", ".venv", "inputs/lps/labels", "benchmarks/results"))
        assert not name.endswith((".so", ".pyc"))
    assert sdist.stat().st_size < 5e6


@needs_build
@pytest.mark.slow
def test_wheel_holds_both_compiled_parts(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "ufpnmr_plugin/ufpplugin.so" in names
    assert any(name.startswith("ufpnmr/_core.") and name.endswith(".so") for name in names)
    assert "ufpnmr/build.json" in names
    assert "ufpnmr/data/LPS.efg" in names
    assert not [name for name in names if name.startswith(("tests/", "core/", "include/", "lib/"))]


@needs_build
@pytest.mark.slow
def test_installs_without_an_index_and_lammps_knows_the_style(wheel, tmp_path):
    environment = tmp_path / "clean"
    run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))").strip())
    # the dependencies are there: every distribution of this environment but ours, and MPI's libraries beside them
    for path in Path(sysconfig.get_path("platlib")).iterdir():
        if not path.name.startswith("ufpnmr") and not (site / path.name).exists():
            (site / path.name).symlink_to(path)
    for path in (Path(sys.prefix) / "lib").glob("*mpi*"):
        (environment / "lib" / path.name).symlink_to(path)
    run(python, "-m", "pip", "install", "--no-index", wheel)

    assert run(environment / "bin" / "ufp", "--version", cwd=tmp_path).startswith("ufp, version ")
    found = run(environment / "bin" / "ufp", "plugin-path", cwd=tmp_path).strip()
    assert Path(found).is_relative_to(environment)
    potentials.tiny().write(tmp_path / "T.uf3")
    (tmp_path / "in.x").write_text(
        "units metal\nregion b block 0 30 0 30 0 30\ncreate_box 1 b\nmass 1 7.0\n"
        "create_atoms 1 single 10 10 10\ncreate_atoms 1 single 12 10 10\n"
        "pair_style ufp\npair_coeff * * T.uf3 Li\nrun 0\nprint 'ENERGY $(pe:%.12f)'\n"
    )
    hidden = ("LAMMPS", "LD_LIBRARY", "PYTHON")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    out = run(python, "-c", "from lammps.executable import lmp; lmp()", "-in", "in.x", cwd=tmp_path, env=clean)
    assert "ENERGY 0.160000000000" in out
