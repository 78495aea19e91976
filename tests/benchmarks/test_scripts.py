"""The benchmark scripts run and write what the tables need; no speed is tested."""

import json
import os
import subprocess
import sys

import pytest

SCRIPTS = (
    "pair",
    "parallel",
    "skin",
    "energy_conservation",
    "microsecond",
    "fit",
    "active",
    "efg",
    "efg_precision",
    "compute_efg",
    "vibrational_averaging",
    "acf",
    "coverage_decay",
    "vibration",
    "msd",
    "coverage_dynamics",
    "io",
    "rdf",
    "echo",
    "grains",
    "cutoffs",
)


def run(*command, **kwargs):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, env=environment, **kwargs
    )


@pytest.fixture(scope="module")
def quick(repository, tmp_path_factory):
    """Result of a script with --quick, run once; with the path of its JSON."""
    folder, known = tmp_path_factory.mktemp("benchmarks"), {}

    def result(name):
        if name not in known:
            path = folder / f"{name}.json"
            done = run(repository / "benchmarks" / f"{name}.py", "--quick", "-o", path, cwd=folder)
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stdout
            known[name] = path, json.loads(path.read_text(encoding="utf-8"))
        return known[name]

    return result


def check_summary(values):
    assert set(values) == {"median", "q1", "q3", "runs"}
    assert 0 < values["q1"] <= values["median"] <= values["q3"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_result_names_its_origin_and_gives_a_table(quick, repository, name):
    path, result = quick(name)
    assert result["benchmark"] == name
    assert result["quick"] is True
    assert {"cpu", "cores", "load_average_before", "versions", "commit", "command", "date"} == set(result["machine"])
    done = run(repository / "benchmarks" / "table.py", path)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) >= 3
    assert f"benchmarks/{name}.py" in done.stdout


def test_mechanisms_of_motion_from_md_to_table(repository, tmp_path):
    path, figure = tmp_path / "mechanisms.json", tmp_path / "maps.png"
    potential = repository / "inputs" / "lps" / "LPS-starter.uf3"
    command = (repository / "benchmarks" / "mechanisms.py", potential, tmp_path / "runs", "--quick")
    done = run(*command, "-o", path, "--figure", figure)
    assert done.returncode == 0, done.stderr
    assert figure.stat().st_size > 5000
    (material,) = json.loads(path.read_text(encoding="utf-8"))["materials"]
    assert material["numbers"]["vanhove: largest concerted signal"]["value"] > 0
    rates = [value for name, value in material["landmarks"].items() if name.startswith("hops per ion")]
    assert len(rates) == 5
    assert rates[0] > rates[-1] > 0
    dump = tmp_path / "runs" / "beta-384-700K.lammpstrj"
    before = dump.stat().st_mtime_ns
    assert dump.read_text(encoding="utf-8").count("ITEM: TIMESTEP") == 80
    assert run(*command).returncode == 0
    assert dump.stat().st_mtime_ns == before  # a run that is there is taken as it is


@pytest.mark.parametrize("name", ["agi", "mechanisms"])
def test_committed_results_of_long_runs_have_a_table(repository, name):
    done = run(repository / "benchmarks" / "table.py", repository / "benchmarks" / "results" / f"{name}.json")
    assert done.returncode == 0, done.stderr
    assert "none claimed: threshold sensitive" in done.stdout


def test_verdicts_on_beta_have_a_table(repository):
    """Made by minutes of MD: only the committed result is looked at."""
    path = repository / "benchmarks" / "results" / "beta_directions.json"
    done = run(repository / "benchmarks" / "table.py", path)
    assert done.returncode == 0, done.stderr
    for case in json.loads(path.read_text(encoding="utf-8"))["temperatures"]:
        for axis in "abc":
            assert f"{case['temperature_K']:g} K, ω_Q, B0∥{axis}" in done.stdout
    assert "activation energy" in done.stdout


def test_pair(quick):
    _, result = quick("pair")
    (measured,) = result["runs"]
    assert [case["case"] for case in measured["cases"]] == [
        "random, 6.5/4.5 Å, uk, forces",
        "random, 6.5/4.5 Å, nk, forces",
    ]
    for case in measured["cases"]:
        assert case["atoms"] == 384
        assert case["relative_force_difference"] < 1e-10
        assert case["neighbours"] == pytest.approx(57.5, abs=0.1)
        for style in ("ufp", "uf3", "sw"):
            check_summary(case["force_call_us_per_atom"][style])
        for key in ("uf3_over_ufp", "sw_over_ufp", "md_uf3_over_ufp"):
            check_summary(case[key])


def test_parallel(quick):
    _, result = quick("parallel")
    (phase,) = result["scaling"]
    assert set(phase["ways"]) == {"serial", "threads", "threads -sf", "ranks", "zero serial", "zero ranks"}
    for key in ("threads", "threads -sf", "ranks"):
        check_summary(phase["speed_up"][key])
    assert [size["atoms"] for size in result["sizes"]] == [384, 3072]
    assert result["sizes"][0]["over_smallest"]["median"] == 1
    assert result["sizes"][1]["resident_bytes_per_atom"] > 0


def test_skin(quick):
    _, result = quick("skin")
    (state,) = result["states"]
    assert state["best"] in state["settings"]
    assert state["best"]["dangerous_builds"] == 0
    for row in state["settings"]:
        check_summary(row["steps_per_s"])
        assert (row["dangerous_builds"] is None) == row["neigh_modify"].endswith("check no")


def test_energy_conservation(quick):
    _, result = quick("energy_conservation")
    ufp, uf3 = result["styles"]["ufp"], result["styles"]["uf3"]
    assert ufp["drift_eV_per_atom_ps"] == pytest.approx(uf3["drift_eV_per_atom_ps"], rel=1e-3)
    assert ufp["drift_std_error"] > 0
    assert result["styles"]["ufp, LPS.uf3"]["temperature_K"] > 100


def test_microsecond(quick):
    _, result = quick("microsecond")
    (phase,) = result["phases"]
    assert [(row["atoms"], row["ranks"]) for row in phase["runs"]] == [(384, 1), (384, 2), (768, 1), (768, 2)]
    first = phase["runs"][0]
    hours = 1e6 / result["timestep_ps"] / first["steps_per_s"]["median"] / 3600
    assert first["core_hours_per_us"]["median"] == pytest.approx(hours, rel=2e-4)


def test_efg(quick):
    _, result = quick("efg")
    assert {(case["size"], case["zeta"], case["precision"]) for case in result["cases"]} == {
        (size, zeta, precision)
        for size, zeta in (("large", 2), ("default", 2), ("large", 3))
        for precision in ("single", "double")
    }
    for case in (*result["cases"], *result["series"].values()):
        check_summary(case["environments_per_s"])
    if "featomic" in result:
        assert result["featomic"]["relative_rms_difference"] < 1e-7


def test_efg_precision(quick):
    _, result = quick("efg_precision")
    assert [(case["zeta"], case["regularisation"]) for case in result["cases"]] == [(2, 1e-3), (3, 1e-3)]
    for case in result["cases"]:
        assert 0 < case["deviation"] < 1e-4
        assert case["precision"] == "single"


def test_drift_of_a_known_line(repository):
    """A line with white noise: slope within its error, and the error that of least squares."""
    code = """
import numpy as np
from energy_conservation import drift
time = np.arange(0, 100, 0.01)
found = [drift(time, -1 + 2e-6 * time + np.random.default_rng(n).normal(0, 1e-4, time.size)) for n in range(200)]
slopes = np.array([each["drift_eV_per_atom_ps"] for each in found])
errors = np.array([each["drift_std_error"] for each in found])
exact = 1e-4 / np.sqrt(np.sum((time - time.mean()) ** 2))
print(slopes.mean(), slopes.std() / exact, errors.mean() / exact)
"""
    done = run("-c", code, cwd=repository / "benchmarks")
    assert done.returncode == 0, done.stderr
    mean, scatter, error = map(float, done.stdout.split())
    assert mean == pytest.approx(2e-6, rel=0.01)
    assert scatter == pytest.approx(1, abs=0.15)
    assert error == pytest.approx(1, abs=0.15)


def test_timer_breakdown_of_the_reference_logs(repository):
    code = """
import pathlib, sys
from lammps_timing import parse
for path in sys.argv[1:]:
    (run,) = parse(pathlib.Path(path).read_text())
    print(run.loop, run.steps, run.atoms, run.ranks, sum(run.sections.values()), run.builds, run.dangerous)
"""
    logs = sorted((repository / "inputs" / "lps").glob("log.*.beta-384.*"))
    done = run("-c", code, *logs, cwd=repository / "benchmarks")
    assert done.returncode == 0, done.stderr
    for line, ranks in zip(done.stdout.splitlines(), (1, 2), strict=True):
        loop, steps, atoms, found, total, builds, dangerous = line.split()
        assert (steps, atoms, int(found), dangerous) == ("50", "384", ranks, "0")
        assert float(total) == pytest.approx(float(loop), rel=1e-3)
        assert int(builds) > 0


def test_compute_efg(quick):
    _, result = quick("compute_efg")
    assert (result["atoms"], result["ions"]) == (384, 144)
    cases = {(case["size"], case["precision"], case["what"]) for case in result["cases"]}
    kinds = (("single", "frames"), ("single", "averages"), ("double", "frames"))
    assert cases == {(size, *kind) for size in ("default", "large", "shipped") for kind in kinds}
    assert all({"percent", "us_per_tensor"} < set(case) for case in result["cases"])


def test_vibrational_averaging(quick):
    _, result = quick("vibrational_averaging")
    assert result["ions"] == 144
    instantaneous, *_, averaged = (case["correlation"][0] for case in result["cases"])
    assert 0 < instantaneous < averaged < 1


def test_table_refuses_quick_results_and_keeps_the_page(quick, repository, tmp_path):
    path, result = quick("skin")
    page = tmp_path / "page.md"
    text = "before\n\n<!-- measured: skin -->\nold\n<!-- end: skin -->\n\nafter\n"
    page.write_text(text, encoding="utf-8")
    table = repository / "benchmarks" / "table.py"
    done = run(table, path, "--write", page)
    assert done.returncode == 2
    assert "--quick" in done.stderr
    assert page.read_text(encoding="utf-8") == text
    full = tmp_path / "full.json"
    full.write_text(json.dumps({**result, "quick": False}), encoding="utf-8")
    assert run(table, full, "--write", page).returncode == 0
    written = page.read_text(encoding="utf-8")
    assert written.startswith("before\n\n<!-- measured: skin -->\n\n| ")
    assert written.endswith("<!-- end: skin -->\n\nafter\n")
    assert "old" not in written
    assert run(table, full, "--write", page).returncode == 0
    assert page.read_text(encoding="utf-8") == written


def test_pages_show_the_committed_results(repository, tmp_path):
    """Every committed result is the one that the documentation quotes."""
    validation = repository / "inputs" / "lps" / "validation"
    results = [*sorted((repository / "benchmarks" / "results").glob("*.json")), *sorted(validation.glob("*.json"))]
    pages = {page.name: page.read_text(encoding="utf-8") for page in (repository / "docs").glob("*.md")}
    for name, text in pages.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for result in results:
        done = run(repository / "benchmarks" / "table.py", result, "--write", *sorted(tmp_path.glob("*.md")))
        assert done.returncode == 0, done.stderr
    for name, text in pages.items():
        assert (tmp_path / name).read_text(encoding="utf-8") == text, f"refresh docs/{name} with benchmarks/table.py"


def test_msd(quick):
    _, result = quick("msd")
    assert [case["case"] for case in result["cases"]][:2] == ["every ion and mean", "mean alone, by axis"]
    for case in result["cases"]:
        check_summary(case["ns_per_ion_frame"])
    assert result["long"]["scratch_GB"] < result["long"]["in_memory_GB"] or result["quick"]
    assert 0.5 < result["long"]["diffusion_over_truth"] < 2


def test_coverage_dynamics(quick):
    _, result = quick("coverage_dynamics")
    assert len(result["rows"]) == 6
    for row in result["rows"]:
        assert sum(row["statuses"].values()) == row["replicas"] == 4
        assert 0 <= row["coverage"]["fraction"] <= 1


def test_io_compares_the_same_numbers(quick):
    result = quick("io")[1]
    speeds = result["million_atom_frames_per_s"]
    assert {"raw bytes", "text: open", "text: bulk", "text: iterate", "gz: bulk", "MDAnalysis: iterate"} <= set(speeds)
    for values in speeds.values():
        check_summary(values)
    check_summary(result["iterate_over_mdanalysis"])
