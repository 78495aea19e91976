"""inputs/lps/validation at toy size: what the scripts write, and that they find differences that were put in."""

import json
import subprocess
import sys

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from ufpnmr import Potential
from ufpnmr.potential.calculator import SplineCalculator
from ufpnmr.units import GPA_PER_EV_PER_CUBIC_ANGSTROM


@pytest.fixture
def validate(lps, repository, tmp_path):
    """Return a function that runs a script with its results in an empty folder, and their table from benchmarks."""

    def run(script, *arguments, folder=True):
        command = [sys.executable, str(lps / "validation" / f"{script}.py"), *map(str, arguments)]
        command += ["--folder", str(tmp_path)] if folder else []
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=500, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read(name):
        path = tmp_path / f"{name}.json"
        command = [sys.executable, str(repository / "benchmarks" / "table.py"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        run.table = done.stdout
        result = json.loads(path.read_text(encoding="utf-8"))
        assert "LPS" in str(result["made_by"]["inputs"])
        return result

    run.folder, run.read = tmp_path, read
    return run


@pytest.fixture
def module(lps, monkeypatch):
    """Import a script."""
    monkeypatch.syspath_prepend(str(lps / "validation"))
    import importlib

    yield importlib.import_module
    for name in ("common", "barriers", "elastic", "reference_dynamics"):
        sys.modules.pop(name, None)


def label(queue, out, potential, change):
    """Label with the potential itself, changed: `change(atoms, results)` gets energy, forces and stress."""
    calculator = SplineCalculator(Potential.read(potential), threads=1)
    structures = ase.io.read(queue, ":")
    for atoms in structures:
        calculator.calculate(atoms, ["energy", "forces", "stress"])
        results = {key: calculator.results[key] for key in ("energy", "forces", "stress")}
        change(atoms, results)
        atoms.calc = SinglePointCalculator(atoms, **results)
    ase.io.write(out, structures, format="extxyz")
    return structures


def test_barrier_and_a_difference_put_in(validate, lps):
    potential = lps / "LPS-starter.uf3"
    options = ("--paths", "4b-vacancy-8d-8d", "--images", 3, "--force", 0.3)
    validate("barriers", "images", potential, *options)
    (path,) = validate.read("barriers")["paths"]
    assert path["end"] == "converged"
    assert path["there_meV"] == pytest.approx(path["back_meV"], abs=0.5)  # ends equal by symmetry
    assert 50 < path["there_meV"] < 300

    def higher(atoms, results):
        results["energy"] += 7.0 + 0.040 * (atoms.info["number"] == 1)

    queue, labels = validate.folder / "queue-barriers.extxyz", validate.folder / "labels.extxyz"
    images = label(queue, labels, potential, higher)
    assert [atoms.info["charge"] for atoms in images] == [-1, -1, -1]
    assert {atoms.info["group"] for atoms in images} == {"neb-4b-vacancy-8d-8d"}
    assert len({atoms.info["uid"] for atoms in images}) == 3
    validate("barriers", "compare", potential, labels)
    (row,) = validate.read("barriers-pbe")["paths"]
    assert row["difference_there_meV"] == pytest.approx(-40.0, abs=0.2)
    assert row["difference_back_meV"] == pytest.approx(-40.0, abs=0.2)
    assert row["holds"] is False
    assert "| no |" in validate.table
    assert (validate.folder / "barriers-pbe.svg").stat().st_size > 1000


def test_largest_climbs(module):
    found = module("barriers").heights([1.0, 0.95, 1.10, 0.80, 0.85])
    assert found["there_meV"] == pytest.approx(150.0)  # from the second image
    assert found["back_meV"] == pytest.approx(300.0)  # from the fourth
    downhill = module("barriers").heights([0.0, -0.1, -0.2])
    assert (downhill["there_meV"], downhill["back_meV"]) == (0.0, 200.0)


def test_every_hop_moves_one_lithium_of_a_whole_crystal(module):
    for name, hop in module("barriers").HOPS.items():
        first, last = hop.ends()
        moved = np.linalg.norm(last.positions - first.positions, axis=1) > 0
        assert moved.sum() == (2 if name == "4b-interstitial" else 1), name
        assert set(first.symbols[moved]) == {"Li"}, name
        charge = {31: -1, 32: 0, 33: 1}[len(first)]
        assert first.info.get("charge", 0) == last.info.get("charge", 0) == charge, name
        assert last.get_all_distances(mic=True)[np.triu_indices(len(last), 1)].min() > 1.7, name


def test_errors_on_own_frames(validate, lps):
    potential = lps / "LPS-starter.uf3"
    validate("own_frames", "frames", potential, "--frames", 2, "--apart", 0.02, "--equilibration", 0.02)
    queue, labels = validate.folder / "queue-own.extxyz", validate.folder / "labels.extxyz"

    def softer(atoms, results):
        results["forces"] = results["forces"] + 0.05
        results["energy"] += 0.005 * len(atoms)

    structures = label(queue, labels, potential, softer)
    assert len(structures) == 8
    assert {atoms.info["group"] for atoms in structures} == {
        f"own-{phase}-{kelvin}K" for phase in ("beta", "glass") for kelvin in (300, 600)
    }
    validate("own_frames", "compare", potential, labels, "--report", lps / "LPS.fit.json")
    states = validate.read("own-frames")["states"]
    report = json.loads((lps / "LPS.fit.json").read_text(encoding="utf-8"))["cross_validation_by_config_type"]
    assert [row["own"]["structures"] for row in states] == [2, 2, 2, 2]
    for row in states:
        assert row["own"]["force_rmse"] == pytest.approx(50.0, rel=1e-4)
        assert row["own"]["energy_rmse"] == pytest.approx(5.0, rel=1e-3)
        like = [report[kind] for kind in row["withheld"]["types"]]
        assert len(like) == (3 if "beta" in row["state"] else 1)
        squares, atoms = [one["force_rmse"] ** 2 for one in like], [one["atoms"] for one in like]
        assert row["withheld"]["force_rmse"] == pytest.approx(np.average(squares, weights=atoms) ** 0.5)
        assert row["holds"] == (row["withheld"]["force_rmse"] >= 50.0)


def test_moduli_of_an_isotropic_solid(module):
    elastic = module("elastic")
    bulk, shear, strain = 20.0, 9.0, 0.01
    c = np.zeros((6, 6))
    c[:3, :3] = bulk - 2 * shear / 3
    c[np.arange(6), np.arange(6)] = [bulk + 4 * shear / 3] * 3 + [shear] * 3
    both = np.stack([-strain * c, strain * c], axis=1).reshape(12, 6) / GPA_PER_EV_PER_CUBIC_ANGSTROM
    found = elastic.moduli(both, strain)
    assert found["bulk_GPa"] == pytest.approx(bulk)
    assert found["shear_GPa"] == pytest.approx(shear)
    assert found["young_GPa"] == pytest.approx(9 * bulk * shear / (3 * bulk + shear), abs=0.01)
    assert found["stable"]


def test_elastic_constants_are_those_of_the_labels(validate, lps):
    potential, labels = lps / "LPS-starter.uf3", validate.folder / "labels.extxyz"
    validate("elastic", "strain", potential, "--force", 0.05)
    ours = validate.read("elastic")
    assert ours["stable"]

    def stiffer(atoms, results):
        results["stress"] = 2 * results["stress"]

    label(validate.folder / "queue-elastic.extxyz", labels, potential, stiffer)
    validate("elastic", "compare", potential, labels)
    both = validate.read("elastic-pbe")
    np.testing.assert_allclose(both["potential"]["C_GPa"], ours["C_GPa"], atol=0.05)
    np.testing.assert_allclose(both["pbe"]["C_GPa"], 2 * np.array(ours["C_GPa"]), atol=0.1)


def test_density_and_expansion(validate, lps):
    validate("npt", lps / "LPS-starter.uf3", "--ps", 2, "--temperatures", 300, 600)
    result = validate.read("npt")
    for row in result["rows"]:
        volume = row["a"]["value"] * row["b"]["value"] * row["c"]["value"]  # of the 32-atom cell, Å³
        assert volume == pytest.approx(row["volume"]["value"], rel=1e-3)
        formula = 3 * 6.94 + 30.974 + 4 * 32.06
        assert row["density_g_cm3"]["value"] == pytest.approx(4 * formula / 0.602214 / row["volume"]["value"], rel=1e-3)
        assert 600 < row["volume"]["value"] < 800
    assert set(result["expansion"]) == {"a", "b", "c", "volume"}


def test_a_short_run_claims_no_diffusion(validate, lps):
    validate("diffusion", lps / "LPS-starter.uf3", "--ps", 2, "--temperatures", 300)
    result = validate.read("diffusion")
    (row,) = result["rows"]
    assert row["D_cm2_s"]["value"] is None
    assert row["D_cm2_s"]["status"] != "ok"
    assert row["broken_bonds"] == 0
    assert 2.0 < row["longest_mean_A"] < 2.5
    assert row["msd_10ps_A2"] is None
    assert -50 < row["pressure_kbar"] < 50
    assert result["arrhenius"] is None
    run = validate.folder / "work" / "diffusion-300K" / "run.log"
    first = run.read_text()
    validate("diffusion", lps / "LPS-starter.uf3", "--ps", 3, "--temperatures", 300)  # goes on
    assert run.read_text().startswith(first)
    assert validate.read("diffusion")["rows"][0]["time_ps"] == 3
    validate("diffusion", lps / "LPS.uf3", "--ps", 1, "--temperatures", 300)  # another potential begins anew
    assert not run.read_text().startswith(first[:2000])
    assert "steps 0 to 500" in run.read_text()


def test_runs_of_one_potential_agree(validate, lps):
    potential = lps / "LPS-starter.uf3"
    validate("reference_dynamics", "run", potential, "--runs", 3, "--steps", 250, "--equilibration", 100)
    work = validate.folder / "work"
    for suffix in ("lammpstrj.gz", "json"):
        (work / f"reference-ours-3.{suffix}").rename(validate.folder / f"reference.{suffix}")
    reference = validate.folder / "reference.lammpstrj.gz"
    options = ("--reference", reference, "--segment", 0.3, "--window", 0.1)
    validate("reference_dynamics", "compare", potential, *options)
    result = validate.read("reference-dynamics")
    assert {row["element"] for row in result["amplitudes"]["rows"]} == {"Li", "P", "S"}
    assert {row["label"] for row in result["curves"] if row["analysis"] == "rdf"} >= {"Li-Li", "Li-S", "P-S"}
    assert {row["label"] for row in result["curves"] if row["analysis"] == "vdos"} == {"Li", "P", "S"}
    assert all(row["rms_pull"] < 4 for row in result["curves"] if row["rms_pull"] is not None)
    assert (validate.folder / "reference-dynamics.png").stat().st_size > 1000


def test_a_killed_reference_run_goes_on(module, lps, tmp_path):
    reference = module("reference_dynamics")
    calculator, raw = reference.calculator(lps / "LPS-starter.uf3"), tmp_path / "run.traj"
    reference.run(reference.BETA_4B, calculator, raw, 10, seed=1)
    first = reference.frames_of(raw)
    reference.run(reference.BETA_4B, calculator, raw, 20, seed=1)
    both = reference.frames_of(raw)
    assert (len(first), len(both)) == (3, 5)
    np.testing.assert_array_equal(both[2].positions, first[2].positions)
    step = np.abs(both[3].positions - both[2].positions).max()
    assert 0.01 < step < 0.5  # 10 fs of the same motion, not a new start
    drawn = both[2].positions + 10 * reference.units.fs * both[2].get_velocities()
    assert np.abs(both[3].positions - drawn).max() < step / 2
