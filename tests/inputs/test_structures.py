"""The starting structures of inputs/lps are what their provenance says."""

import importlib.util
import json
import shutil
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
    made_from = provenance["made_by"]["inputs"]
    assert made_from["data.glass-576-packed"] == file_hash(lps / "data.glass-576-packed")
    assert made_from["LPS.uf3"] == file_hash(lps / "LPS.uf3")


def test_packing_is_reproduced(scripts, lps, tmp_path):
    glass = scripts("make_glass")
    atoms, _ = glass.pack()
    lammps_data = scripts("lammps_data")
    lammps_data.write_data(tmp_path / "packed", atoms, "")
    written = (tmp_path / "packed").read_text().splitlines()[1:]
    assert written == (lps / "data.glass-576-packed").read_text().splitlines()[1:]
    assert anion_census(atoms).anions == {"PS4": 72}


@pytest.mark.parametrize("steps", [(6,), (4, 6)])
def test_equilibrated_structure_names_its_run(scripts, md, monkeypatch, steps):
    """Temperature, length and files are those of the log, of a continued run too."""
    for end in steps:
        assert md(name="warm", T=400, steps=end, restart=2).returncode == 0
    module = scripts("make_equilibrated")
    monkeypatch.setattr(module, "HERE", md.folder)
    monkeypatch.setattr(sys, "argv", ["make_equilibrated.py", "warm"])
    module.main()
    provenance = json.loads((md.folder / "data.beta-384-400K.json").read_text())
    assert (provenance["temperature_K"], provenance["time_ps"]) == (400.0, 0.012)
    assert provenance["structure"].endswith("after 0.012 ps of in.md at 400 K with LPS-starter.uf3")
    assert set(provenance["made_by"]["inputs"]) == {"data.beta-384", "in.md", "LPS-starter.uf3"}
    read_data = scripts("lammps_data").read_data
    last, written = (read_data(md.folder / name) for name in ("warm.data", "data.beta-384-400K"))
    moved = (written.positions - last.positions) / last.cell.lengths()
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-6)  # the same but for whole boxes


def test_equilibrated_structure_wants_a_log_of_in_md(scripts, tmp_path):
    (tmp_path / "run.log").write_text("LAMMPS\n")
    with pytest.raises(SystemExit, match=r"run\.log: expected the log of a run of in\.md with ensemble nvt"):
        scripts("make_equilibrated").read_log(tmp_path / "run.log")


def test_glass_settings_are_those_of_the_log(scripts, lps, md, tmp_path):
    """in.melt_quench in femtoseconds with the shipped potential: every stage, and what make_glass.py reads of it."""
    shutil.copy(lps / "data.glass-576-packed", tmp_path)
    times = {f"t_{stage}": 0.02 for stage in ("melt", "quench", "anneal", "npt")}
    done = md(script=lps / "in.melt_quench", potential="LPS.uf3", t_compress=0.2, **times)
    assert done.returncode == 0, done.stdout + done.stderr
    settings, stages = scripts("make_glass").read_log(tmp_path / "glass.log")
    assert set(stages) == {"compress", "melt", "quench", "anneal", "npt"}
    assert (settings["potential"], settings["t_compress"]) == ("LPS.uf3", 0.2)
    assert stages["compress"][-1, 6] == pytest.approx(1.8, abs=1e-3)


def test_oblique_cell_is_refused(scripts, tmp_path):
    from ase.build import bulk

    with pytest.raises(ValueError, match="expected an orthorhombic cell"):
        scripts("lammps_data").write_data(tmp_path / "data", bulk("Li"), "")
