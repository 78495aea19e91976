"""inputs/lps/reproduction.py and benchmarks/reproduction.py on femtoseconds: pieces, interruption, table."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

STUDY = """
[system]
title = "Toy"
phase = "toy"
axes = "x=a y=b z=c"

[temperatures]
kelvin = [600, 700]
predict_K = [300]

[md]
input = "in.md"
data = "data.beta-384"
potential = "LPS-starter.uf3"
steps = 800
dump_every = 2
variables = { seed = 1, restart = 50, thermo = 50 }

[trajectory]
timestep_ps = 0.002
selection = "element Li"
elements = ["Li", "P", "S"]

[efg]
model = "point-charges.toml"

[nmr]
isotope = "7Li"
fields = { z = [0, 0, 1] }
average_ps = 0.008

[hops]
minimum_residence_ps = 0.05

[sites]
ion = "Li"
ligand = "S"
coordination = [4, 6]
radius_A = 3.3
half_gap_A = 0.15

[output]
folder = "study-toy"
"""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, repository):
    place = tmp_path_factory.mktemp("reproduction")
    lps = repository / "inputs" / "lps"
    for name in ("in.md", "LPS-starter.uf3", "data.beta-384", "point-charges.toml", "reproduction.py"):
        shutil.copy(lps / name, place)
    (place / "toy.toml").write_text(STUDY)
    return place


def command(folder, *options):
    return [sys.executable, str(folder / "reproduction.py"), "toy.toml", "--piece", "0.4", *options]


def run(folder, *options):
    """Return the ends of the pieces that were run."""
    done = subprocess.run(
        command(folder, *options), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if " K: to " in line]


def starts(folder, kelvin):
    """Return "first to last" steps of every start of LAMMPS."""
    log = (folder / "study-toy" / f"{kelvin}K" / "md" / "md.log").read_text()
    return [line.rsplit("steps ", 1)[1] for line in log.splitlines() if line.startswith("in.md:")]


@pytest.fixture(scope="module")
def interrupted(folder):
    """What a run says that gets SIGTERM in its second piece."""
    said = []
    with subprocess.Popen(
        command(folder, "--md-only"), cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as first:
        for line in first.stdout:
            said.append(line.rstrip())
            if line.startswith("700 K: to 0.4"):
                first.send_signal(signal.SIGTERM)
    assert first.returncode == 128 + signal.SIGTERM, said
    return said


@pytest.fixture(scope="module")
def simulated(folder, interrupted):
    """The pieces that the same command runs then, up to half of what the study asks for."""
    return run(folder, "--md-only", "--until", "0.8")


def test_pieces_continue_after_an_interruption(folder, interrupted, simulated):
    assert interrupted[0] == "600 K: to 0.4 of 1.6 ps"
    assert interrupted[-1] == "interrupted by SIGTERM; the same command continues"
    assert simulated == ["700 K: to 0.4 of 1.6 ps", "600 K: to 0.8 of 1.6 ps", "700 K: to 0.8 of 1.6 ps"]
    assert starts(folder, 600) == ["0 to 200", "200 to 400"]
    assert starts(folder, 700)[-1] == "200 to 400"
    assert run(folder, "--md-only", "--until", "0.8") == []
    assert not (folder / "study-toy" / "600K" / "results.json").exists()


def test_another_potential_starts_anew(folder, simulated, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    text = (other / "LPS-starter.uf3").read_text()
    (other / "LPS-starter.uf3").write_text(text.rstrip() + "\n\n")
    assert run(other, "--md-only", "--until", "0.4", "--temperature", "600") == ["600 K: to 0.4 of 1.6 ps"]
    assert starts(other, 600) == ["0 to 200"]
    assert (other / "study-toy" / "600K" / "md.previous-1" / "md.log").is_file()


@pytest.mark.slow
def test_every_figure_of_the_paper_has_a_row(folder, simulated, repository):
    assert run(folder, "--until", "0.8") == []
    script, kept = repository / "benchmarks" / "reproduction.py", folder / "kept"
    studies = [f"--{phase}={folder / 'toy.toml'}" for phase in ("beta", "glass")]
    call = [sys.executable, str(script), *studies, "-o", "result.json", "--keep", str(kept)]
    made = subprocess.run(call, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    quantities = " ".join(row["quantity"] for row in result["rows"])
    for what in (
        *("hop rate, β", "hop rate, glass", "MSD of the glass over that of β", "τ of ω_Q, glass", "decay of ω_Q, β"),
        *(
            "1/τ over the hop rate",
            "τ of C_Q",
            "changed their site",
            "site means",
            "most frequent (θ, φ)",
            "1 µs of MD",
        ),
    ):
        assert what in quantities, what
    for case in (*result["phases"]["beta"]["temperatures"], *result["phases"]["glass"]["temperatures"]):
        assert case["ps"] == pytest.approx(0.8)
        assert case["frames_every_100ps"] == 1
        assert all("none" in curve for curve in case["every_100ps"].values())
        assert 0 < case["md_core_hours_per_ns"] < 50
        assert sum(top["share"] > 0 for top in case["angles"]["z"].values()) >= 1
    table = [sys.executable, str(script.with_name("table.py")), "result.json"]
    shown = subprocess.run(table, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    assert "Short run" in shown
    assert "beta 600 K 0.8 of 1.6 ps" in shown
    place = kept / "toy-600K"
    assert {"events.csv.gz", "acf-cq.csv", "acf-omega_q-z.csv", "acf-cq.svg"} <= {file.name for file in place.iterdir()}
    assert (place / "acf-cq.csv").read_text().startswith('"lag / ps","C","standard error"\n')
