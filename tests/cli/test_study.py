"""``ufp study`` as a user meets it: real MD, kills, changed inputs, refusals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ufpnmr.results.angles import AngleResult, IonDensity
from ufpnmr.results.hops import HopResult
from ufpnmr.results.msd import MSDResult
from ufpnmr.results.rdf import RDFResult
from ufpnmr.results.tensors import TensorSeries
from ufpnmr.results.van_hove import VanHoveResult
from ufpnmr.results.vdos import VDOSResult

UFP = Path(sys.executable).parent / "ufp"
STUDY = ("study", "study.toml", "--threads", "1")


@pytest.fixture
def copied_study(finished_study, tmp_path):
    """The finished study in a folder of its own."""
    folder, done = finished_study
    assert done.returncode in (0, 3), done.stderr
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy"


def stages_that_ran(stderr):
    return re.findall(r"^(.*): done in", stderr, re.MULTILINE)


def edit(folder, old, new):
    path = folder / "study.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_whole_chain_on_real_md(finished_study):
    folder, done = finished_study
    results = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    statuses = {name: results["records"][name]["status"] for name in results["headline"]}
    claimed = all(status in ("ok", "few_events", "shallow") for status in statuses.values())
    assert done.returncode == (0 if claimed else 3), done.stderr
    for name, status in statuses.items():
        assert f"not claimed: {name} ({status})" in done.stderr or status in ("ok", "few_events", "shallow")
    series = TensorSeries.read(folder / "out" / "tensors.h5")
    assert series.V.shape == (121, 144, 6)
    np.testing.assert_allclose(series.time, np.arange(121) * 0.01, atol=1e-9)
    assert series.axes == "x=a y=b z=c (Pnma)"
    assert MSDResult.read(folder / "out" / "msd.h5").diffusion.to_dict() == results["records"]["diffusion"]
    assert HopResult.read(folder / "out" / "hops.h5").rate.to_dict() == results["records"]["hop_rate"]
    assert results["run"]["ions"] == 144
    assert set(results["provenance"]["inputs"]) == {"in.md", "data.beta-384", "LPS-starter.uf3", "point-charges.toml"}


def test_structure_is_what_the_verbs_write(finished_study, ufp, tmp_path):
    folder, _ = finished_study
    written = {
        "rdf": (RDFResult, ("--pair", "Li-S", "--pair", "P-S")),
        "vdos": (VDOSResult, ("--temperature", "600", "--segment", "0.28", "--smoothing", "600")),
        "angles": (AngleResult, ("--centre", "P", "--ligand", "S")),
        "angles-ion": (IonDensity, ("--centre", "P", "--ligand", "S", "--ion", "Li")),
        "vanhove": (VanHoveResult, ("--ion", "Li", "--max-lag", "0.5")),
    }
    records = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))["records"]
    dump = ("out/md/md.lammpstrj", "--timestep", "0.002", "--elements", "Li P S", "--threads", "1")
    for name, (kind, options) in written.items():
        output = tmp_path / f"{name}.h5"
        done = ufp(name.partition("-")[0], *dump, *options, "-o", str(output), cwd=folder)
        assert done.returncode in (0, 3), done.stderr
        of_verb, of_study = kind.read(output), kind.read(folder / "out" / f"{name}.h5")
        assert of_study.parameters == of_verb.parameters
        assert of_study.records
        for curve in kind.curves:
            np.testing.assert_array_equal(getattr(of_study, curve), getattr(of_verb, curve))
        for key, record in of_study.records.items():
            stored = records[re.sub("[^A-Za-z0-9]+", "_", f"{name} {key}")]
            assert stored == record.to_dict() == of_verb.records[key].to_dict()
    # frames are 10 fs apart: too far for angular velocities
    assert records["angles_omega_standard_deviation"]["status"] == "undersampled"
    assert not (folder / "out" / "figures" / "tetrahedra-omega.svg").exists()


def test_report_is_self_contained(finished_study):
    folder, _ = finished_study
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    for attribute in re.findall(r'(?:src|href)="([^"]{0,30})', page):
        assert attribute.startswith("data:image/svg+xml;base64,")
    assert "@import" not in page
    assert "<script" not in page
    assert "The potential is crude" in page
    figures = sorted((folder / "out" / "figures").glob("*.svg"))
    assert page.count("<figure>") == len(figures) == 22
    for figure in figures:
        assert "<svg" in figure.read_text(encoding="utf-8")


def test_second_run_does_nothing_and_a_change_reruns_its_dependents(copied_study, ufp):
    again = ufp(*STUDY, cwd=copied_study)
    assert again.returncode in (0, 3)
    assert "every stage is done already" in again.stderr
    edit(copied_study, "b = [0, 1, 0]", "b = [0, 0, 1]")
    before = (copied_study / "out" / "decay-cq.json").stat().st_mtime_ns
    third = ufp(*STUDY, cwd=copied_study)
    assert third.returncode in (0, 3), third.stderr
    assert stages_that_ran(third.stderr) == [
        "directions",
        "acf omega_q b",
        "decay omega_q b",
        "figure acf-omega_q-b",
        "figure histogram-cq",
        "figure histogram-omega_q-b",
        "figure angles-b-counts",
        "figure angles-b-density",
        "results",
        "report",
    ]
    assert (copied_study / "out" / "decay-cq.json").stat().st_mtime_ns == before


def test_json_on_stdout_holds_the_headline_records(copied_study, ufp):
    done = ufp(*STUDY, "--json", cwd=copied_study)
    records = json.loads(done.stdout)
    assert list(records) == ["diffusion", "hop_rate", "tau_omega_q_b", "tau_cq", "tau_powder"]


def test_check_expected(copied_study, ufp):
    results = json.loads((copied_study / "out" / "results.json").read_text(encoding="utf-8"))
    statuses = {name: results["records"][name]["status"] for name in results["headline"]}
    table = ", ".join(f'{name} = "{status}"' for name, status in statuses.items())
    edit(copied_study, "axes =", f"expected_status = {{ {table} }}\naxes =")
    good = ufp(*STUDY, "--check-expected", cwd=copied_study)
    assert good.returncode == 0, good.stderr
    edit(copied_study, f'tau_cq = "{statuses["tau_cq"]}"', 'tau_cq = "undersampled"')
    bad = ufp(*STUDY, "--check-expected", cwd=copied_study)
    assert bad.returncode == 1
    assert f"tau_cq: expected undersampled, found {statuses['tau_cq']}" in bad.stderr


def test_dry_run_writes_nothing(study_folder, ufp):
    done = ufp(*STUDY, "--dry-run", cwd=study_folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^md +missing +121 ", done.stdout, re.MULTILINE)
    assert re.search(r"^efg +missing +121 +\d", done.stdout, re.MULTILINE)
    assert "to do: about" in done.stdout
    assert not (study_folder / "out").exists()


def start(folder, *arguments):
    return subprocess.Popen(
        [str(UFP), *STUDY, *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def kill(process):
    process.kill()
    process.communicate()


def wait_for(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def steps_of(dump):
    lines = dump.read_text(encoding="utf-8").splitlines()
    return [int(lines[i + 1]) for i, line in enumerate(lines) if line == "ITEM: TIMESTEP"]


def test_kill_9_in_md_continues_from_the_restart(study_folder, ufp):
    edit(study_folder, "steps = 600", "steps = 1500")
    process = start(study_folder, "--until", "md")
    restart = study_folder / "out" / "md" / "md.restart"
    wait_for(restart.is_file, process)
    kill(process)
    again = ufp(*STUDY, "--until", "md", cwd=study_folder)
    assert again.returncode == 0, again.stderr
    assert "md: continued" in again.stderr
    log = (study_folder / "out" / "md" / "md.log").read_text(encoding="utf-8")
    assert log.count("read_restart md.restart") >= 1
    assert steps_of(study_folder / "out" / "md" / "md.lammpstrj") == list(range(0, 1501, 5))


def test_kill_9_in_efg_continues_behind_the_last_block(copied_study, ufp):
    # 15 copies of the run make the stage long enough to be killed in the middle
    out = copied_study / "out"
    frames = (out / "md" / "md.lammpstrj").read_text(encoding="utf-8").split("ITEM: TIMESTEP\n")[1:]
    with open(copied_study / "long.lammpstrj", "w", encoding="utf-8") as stream:
        for number in range(15 * len(frames)):
            frame = frames[number % len(frames)].split("\n", 1)[1]
            stream.write(f"ITEM: TIMESTEP\n{5 * number}\n{frame}")
    text = (copied_study / "study.toml").read_text(encoding="utf-8")
    text = re.sub(r"\[md\].*?(?=\[trajectory\])", "", text, flags=re.DOTALL)
    text = text.replace('"element Li"', '"element Li"\npath = "long.lammpstrj"').replace('"out"', '"long"')
    (copied_study / "study.toml").write_text(text, encoding="utf-8")
    assert ufp(*STUDY, "--until", "trajectory", cwd=copied_study).returncode == 0
    partial = copied_study / "long" / "tensors.h5.partial"
    process = start(copied_study, "--only", "efg")
    said = []
    while not any(line.startswith("efg frames: 10 %") for line in said):
        said.append(process.stderr.readline())
        assert said[-1], said
    kill(process)
    assert partial.is_file()
    again = ufp(*STUDY, "--only", "efg", cwd=copied_study)
    assert again.returncode == 0, again.stderr
    first = re.search(r"efg frames: (\d+) %", again.stderr)
    assert int(first.group(1)) >= 10
    assert "efg: continued" in again.stderr
    series = TensorSeries.read(copied_study / "long" / "tensors.h5")
    short = TensorSeries.read(out / "tensors.h5")
    np.testing.assert_allclose(series.V[-121:], short.V, atol=1e-6)
    assert len(series.time) == 15 * 121


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_after_a_checkpoint(study_folder, number, code, ufp):
    edit(study_folder, "steps = 600", "steps = 100000")
    process = start(study_folder, "--until", "md")
    restart = study_folder / "out" / "md" / "md.restart"
    wait_for(restart.is_file, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "run the same command again to continue" in said
    dry = ufp(*STUDY, "--dry-run", cwd=study_folder)
    assert re.search(r"^md +unfinished", dry.stdout, re.MULTILINE)


def test_changed_md_keeps_the_old_run(copied_study, ufp):
    edit(copied_study, "seed = 4711", "seed = 4712")
    done = ufp(*STUDY, "--until", "md", cwd=copied_study)
    assert done.returncode == 0, done.stderr
    assert steps_of(copied_study / "out" / "md.previous-1" / "md.lammpstrj") == list(range(0, 601, 5))


def test_continued_run_adds_to_a_committed_series(copied_study, ufp):
    """A restart and the tensors before it give the same series as one run."""
    out = copied_study / "out"
    shutil.copy(out / "md" / "md.restart", copied_study / "first.restart")
    shutil.copy(out / "tensors.h5", copied_study / "first.tensors.h5")
    edit(copied_study, "steps = 600", 'continue_from = "first.restart"\nsteps = 900')
    edit(copied_study, '"point-charges.toml"', '"point-charges.toml"\ncontinue_series = "first.tensors.h5"')
    edit(copied_study, '"out"', '"second"')
    done = ufp(*STUDY, "--until", "efg", cwd=copied_study)
    assert done.returncode == 0, done.stderr
    series = TensorSeries.read(copied_study / "second" / "tensors.h5")
    np.testing.assert_allclose(series.time, np.arange(181) * 0.01, atol=1e-9)
    first = TensorSeries.read(copied_study / "first.tensors.h5")
    np.testing.assert_array_equal(series.V[:121], first.V)
    assert steps_of(copied_study / "second" / "md" / "md.lammpstrj")[0] in (600, 605)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("isotope =", "isotop =", "did you mean 'isotope'?"),
        ('"7Li"', '"12C"', "12C"),
        ('isotope = "7Li"', 'isotope = "7Li"\nconvention = "harper2052"', "harper2025"),
        ("dump_every = 5", "dump_every = 50", "[vdos]: a spectrum needs frames at most 10 fs apart, these are 100 fs"),
        ("segment_ps = 0.28", "segment_ps = 1", "[vdos]: segment_ps = 1 is longer than half the run of 1.21 ps"),
        ("smoothing_cm = 600", "", "[vdos]: a filter of 15 cm⁻¹ and order 3 needs bins of at most 3 cm⁻¹"),
        ("[angles]", "[angles]\nfiltered = true", "[angles]: a cutoff of 5 cm⁻¹ needs a run of three periods, 20 ps"),
        ("max_lag_ps = 0.5", "max_lag_ps = 5", "[vanhove]: max_lag_ps = 5 is longer than the run of 1.21 ps"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(study_folder, ufp, old, new, message):
    edit(study_folder, old, new)
    done = ufp(*STUDY, cwd=study_folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (study_folder / "out").exists()


def test_truncated_potential_is_refused_before_anything_runs(study_folder, ufp):
    path = study_folder / "LPS-starter.uf3"
    path.write_text(path.read_text(encoding="utf-8")[:5000], encoding="utf-8")
    done = ufp(*STUDY, cwd=study_folder)
    assert done.returncode == 2
    assert "LPS-starter.uf3" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (study_folder / "out").exists()


def test_lammps_error_is_shown(study_folder, ufp):
    edit(study_folder, "seed = 4711", 'ensemble = "nvx"')
    done = ufp(*STUDY, cwd=study_folder)
    assert done.returncode == 1
    assert "expected ensemble nvt, npt or langevin; found nvx" in done.stderr
    assert "lmp.out" in done.stderr


def test_empty_selection_names_what_there_is(copied_study, ufp):
    edit(copied_study, '"element Li"', '"element Na"')
    done = ufp(*STUDY, cwd=copied_study)
    assert done.returncode == 2
    assert "holds no atom" in done.stderr
    assert "144 Li" in done.stderr
