"""Every instruction set, any number of threads and every list give the same numbers."""

import re

import numpy as np
import pytest

import uf3_reference as reference
from lammps_run import assert_equal, bcc, collect, commands, launch, pair, static, static_ranks, triclinic
from ufpnmr import Potential, _core

PATHS = _core.simd_available()


def pruned():
    """Return a model whose r_jk axes end below the sum of the legs, at different places, with a cutoff inside."""
    model = reference.random_model()
    for n, (key, ((leg, _, far), c, _)) in enumerate(model.triplets.items()):
        end = 4.0 + 0.2 * (n % 5)
        model.triplets[key] = ((leg, leg, reference.clamped(1.0, end, len(far) - 7)), c, (4.5, 4.5, end - 0.1))
    return model


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["R", "N", "U", "Q", "Nb"])
def test_paths_agree(path, name, potentials, cell24, tmp_path, monkeypatch):
    system = bcc(3.3, 2, 0.2) if name == "Nb" else triclinic(cell24)
    elements = {"Nb": "Nb", "Q": "Li P S"}.get(name, "Li P S")
    monkeypatch.setenv("UFP_SIMD", "baseline")
    expected = static(system, pair("ufp", potentials / f"{name}.uf3", elements), tmp_path)
    monkeypatch.setenv("UFP_SIMD", path)
    found = static(system, pair("ufp", potentials / f"{name}.uf3", elements), tmp_path)
    assert f"SIMD {path}" in found.output
    assert_equal(found, expected, 1e-12)


@pytest.mark.parametrize("path", PATHS)
def test_paths_agree_with_the_naive_evaluation(path, potentials, cell24, monkeypatch):
    monkeypatch.setenv("UFP_SIMD", path)
    from ase import Atoms

    species = np.array(["", "Li", "P", "S"])[cell24.types]
    atoms = Atoms(species, cell24.positions, cell=cell24.cell, pbc=True)
    found = Potential.read(potentials / "R.uf3").evaluate(atoms)
    energy, forces, _ = reference.evaluate(reference.random_model(), cell24.positions, species, cell24.cell)
    assert found.energy == pytest.approx(energy, rel=1e-12)
    assert found.forces == pytest.approx(forces, rel=0, abs=1e-12 * np.abs(forces).max())


def test_unknown_path_is_refused(potentials, cell24, tmp_path):
    lines = commands(cell24, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path)
    done = launch(lines, tmp_path, environment={"UFP_SIMD": "sse9"})
    assert done.returncode != 0
    assert re.search(r"UFP_SIMD: expected one of auto, baseline.*found sse9", done.stdout)


@pytest.mark.parametrize("threads", [2, 3, 50])
def test_threads(threads, potentials, cell24, tmp_path):
    system = triclinic(cell24)
    expected = static(system, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path)
    lines = commands(system, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path, setup=[f"package omp {threads}"])
    results = []
    for _ in range(2):
        done = launch(lines, tmp_path)
        assert done.returncode == 0, done.stdout
        assert f"{threads} thread(s) per rank" in done.stdout
        results.append(collect(tmp_path, done.stdout))
    assert_equal(results[0], expected, 1e-13)
    assert_equal(results[1], results[0], 0)  # the same sums in the same order


def test_threads_and_ranks(potentials, cell384, tmp_path):
    lines = pair("ufp", potentials / "N.uf3", "Li P S")
    expected = static(cell384, lines, tmp_path)
    assert_equal(static_ranks(cell384, lines, tmp_path, 2, setup=["package omp 2"]), expected, 1e-12)


def test_suffix_omp_is_harmless(potentials, cell24, tmp_path):
    expected = static(cell24, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path)
    found = static(
        cell24, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path, arguments=("-sf", "omp", "-pk", "omp", "2")
    )
    assert "2 thread(s) per rank" in found.output
    assert_equal(found, expected, 1e-13)


@pytest.mark.parametrize("path", PATHS)
def test_pruned_triplets(path, potentials, cell24, tmp_path, monkeypatch):
    monkeypatch.setenv("UFP_SIMD", path)
    from ase import Atoms

    model = pruned()
    file = reference.write(tmp_path / "pruned.uf3", model)
    species = np.array(["", "Li", "P", "S"])[cell24.types]
    found = Potential.read(file).evaluate(Atoms(species, cell24.positions, cell=cell24.cell, pbc=True))
    energy, forces, _ = reference.evaluate(model, cell24.positions, species, cell24.cell)
    assert found.energy == pytest.approx(energy, rel=1e-12)
    assert found.forces == pytest.approx(forces, rel=0, abs=1e-12 * np.abs(forces).max())


@pytest.mark.parametrize("run_style", ["verlet", "respa 2 4 pair 2"])
def test_lists_hold_until_the_next_build(run_style, potentials, cell384, tmp_path):
    """After many steps between builds the energy equals that of a fresh list."""
    lines = commands(cell384, pair("ufp", potentials / "R.uf3", "Li P S"), tmp_path, skin=2.0)
    setup = lines[: next(k for k, line in enumerate(lines) if line.startswith("compute"))]
    run = [
        "minimize 0 1e-3 100 1000",
        f"run_style {run_style}",
        "velocity all create 600 4711",
        "fix 1 all nve",
        "timestep 0.002",
        "thermo 1",
        "neigh_modify every 1 delay 0 check yes",
        "run 60",
        "variable old equal $(pe:%.17g)",
        "run 0",
        "print 'energies $(v_old:%.17g) $(pe:%.17g) builds'",
    ]
    done = launch([*setup, *run], tmp_path)
    assert done.returncode == 0, done.stdout
    old, fresh = map(float, re.findall(r"energies (\S+) (\S+) builds", done.stdout)[-1])
    assert old == pytest.approx(fresh, rel=1e-12)
    assert "Dangerous builds = 0" in done.stdout
