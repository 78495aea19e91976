"""A fitted potential in LAMMPS: `pair_style uf3` loads the file as it is, and all routes give the same numbers."""

import numpy as np
import pytest

import fit_data
from lammps_run import System, assert_equal, pair, static
from ufpnmr.potential import Potential
from ufpnmr.potential.dataset import read_dataset
from ufpnmr.potential.fit import fit
from ufpnmr.potential.fit_config import read_config
from ufpnmr.structures import write_structures


def test_a_fitted_file_runs_in_uf3_unchanged(tmp_path):
    write_structures(tmp_path / "train.extxyz", fit_data.labelled(30, noise=(0.002, 0.05, 0.0005)))
    (tmp_path / "fit.toml").write_text(fit_data.FIT.replace("1e-6", "0.01"))
    config = read_config(tmp_path / "fit.toml")
    result = fit(config, read_dataset(config.data))
    result.potential.write(tmp_path / "LS.uf3")  # refused here if pair_style uf3 could not load it
    atoms = fit_data.cell(np.random.default_rng(3), 10, 5.6)
    atoms.set_cell(np.diag(np.diag(atoms.cell.array)))
    types = np.array([1 if symbol == "Li" else 2 for symbol in atoms.symbols])
    system = System(atoms.positions, types, atoms.cell.array)
    expected = static(system, pair("uf3", tmp_path / "LS.uf3", "Li S"), tmp_path)
    found = static(system, pair("ufp", tmp_path / "LS.uf3", "Li S"), tmp_path)
    assert_equal(found, expected)
    evaluated = Potential.read(tmp_path / "LS.uf3").evaluate(atoms, onebody=False)
    assert found.energy == pytest.approx(evaluated.energy, rel=1e-10)
    x = result.basis.features(atoms)
    c = result.posterior.coefficients.copy()
    c[:2] = 0.0  # one-body energies are not LAMMPS's
    np.testing.assert_allclose(x.forces @ c, found.forces, rtol=0, atol=1e-10 * np.abs(found.forces).max())
