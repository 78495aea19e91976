"""The starting structures of inputs/lps are what their provenance says."""

import importlib.util
import json
import sys

import numpy as np
import pytest

from ufpnmr.dynamics.anions import anion_census
from ufpnmr.provenance import file_hash


@pytest.fixture(scope="module")
def scripts(lps):
    """Modules of inputs/lps by name."""
    sys.path.insert(0, str(lps))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, lps / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    sys.path.remove(str(lps))


@pytest.fixture(scope="module")
def read(scripts, lps):
    lammps_data = scripts("lammps_data")
    return lambda name: lammps_data.read_data(lps / name)


def test_beta_has_the_4b_ordering(scripts, read):
    atoms = read("data.beta-384")
    assert atoms.get_chemical_formula() == "Li144P48S192"
    assert scripts("make_beta").lithium_coordination(atoms) == {"LiS4": 96, "LiS6": 48}
    assert anion_census(atoms).anions == {"PS4": 48}


def test_beta_box_is_named(read, lps):
    header = (lps / "data.beta-384").read_text().splitlines()[0]
    provenance = json.loads((lps / "data.beta-384.json").read_text())
    assert "x=a y=b z=c (Pnma)" in header
    assert provenance["axes"] == "x=a y=b z=c (Pnma)"
    # relaxed a, b, c of the 32-atom cell times 2, 2, 3
    np.testing.assert_allclose(
        read("data.beta-384").cell.lengths(), [2 * 12.96837, 2 * 8.24336, 3 * 6.30393], atol=1e-4
    )


def test_beta_is_reproduced(scripts, lps, tmp_path):
    module = scripts("make_beta")
    module.HERE = tmp_path
    module.main()
    assert (tmp_path / "data.beta-384").read_text() == (lps / "data.beta-384").read_text()


def test_glass_keeps_its_anions(read, lps):
    atoms = read("data.glass-576")
    provenance = json.loads((lps / "data.glass-576.json").read_text())
    assert atoms.get_chemical_formula() == "Li216P72S288"
    census = anion_census(atoms)
    assert census.phosphorus["PS4"] >= 0.95
    assert provenance["census"] == census.to_dict()


def test_glass_provenance_has_density_and_quench_rate(scripts, read, lps):
    provenance = json.loads((lps / "data.glass-576.json").read_text())
    settings = provenance["settings"]
    assert provenance["density_g_cm3"] == pytest.approx(
        scripts("lammps_data").density(read("data.glass-576")), abs=1e-4
    )
    assert provenance["quench_rate_K_per_s"] == pytest.approx(
        (settings["T_melt"] - settings["T"]) / (settings["t_quench"] * 1e-12)
    )
    assert provenance["made_by"]["inputs"]["LPS.uf3"] == file_hash(lps / "LPS.uf3")
    assert provenance["made_by"]["inputs"]["data.glass-576-packed"] == file_hash(lps / "data.glass-576-packed")


def test_packing_is_reproduced(scripts, lps, tmp_path):
    glass = scripts("make_glass")
    atoms, _ = glass.pack()
    lammps_data = scripts("lammps_data")
    lammps_data.write_data(tmp_path / "packed", atoms, "")
    written = (tmp_path / "packed").read_text().splitlines()[1:]
    assert written == (lps / "data.glass-576-packed").read_text().splitlines()[1:]
    assert anion_census(atoms).anions == {"PS4": 72}


def test_oblique_cell_is_refused(scripts, tmp_path):
    from ase.build import bulk

    with pytest.raises(ValueError, match="expected an orthorhombic cell"):
        scripts("lammps_data").write_data(tmp_path / "data", bulk("Li"), "")
