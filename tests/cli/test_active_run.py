"""``ufp active run`` as a user meets it: pool and MD, kills at every stage, refusals."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest

import active_case
from ufpnmr.active.config import read_config
from ufpnmr.active.run import ActiveRun
from ufpnmr.errors import InputError
from ufpnmr.potential import Potential
from ufpnmr.results.learning import LearningRecord

UFP = Path(sys.executable).parent / "ufp"
RUN = ("active", "run", "run.toml", "--threads", "1")

MD = """
title = "MD of Li2S"
seed = 5
[[states]]
name = "crystal"
structure = "crystal.extxyz"
config_type = "crystal"
temperatures_K = [600]
volume_factors = [1.1]
[md]
steps = 60
timestep_ps = 0.001
frame_every = 5
look_every = 4
candidate_every = 3
largest_force_error = 20.0
[hops]
minimum_residence_ps = 0.01
outer_radius_A = 0.4
[selection]
structures = 2
[labeller]
name = "truth:calculator"
options = { file = "truth.uf3" }
[stop]
maximum_cycles = 1
[output]
folder = "out"
"""

PATH = """
[[paths]]
name = "jump"
initial = "first.extxyz"
final = "last.extxyz"
images = 4
steps = 10
"""


@pytest.fixture
def case(tmp_path):
    return active_case.write_case(tmp_path)


def edit(folder, old, new):
    path = folder / "run.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def record(folder):
    return LearningRecord.read(folder / "out" / "record.json")


def essence(folder):
    """What a kill must not change: every cycle's choice and errors, the labels, and the last potential."""
    found = record(folder)
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in found.cycles]
    potential = Potential.read(folder / "out" / found.potential)
    return rows, found.stop, [block.coefficients for block in (*potential.pairs, *potential.triplets)]


def assert_same(found, expected):
    assert found[:2] == expected[:2]
    for one, other in zip(found[2], expected[2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_cycles_on_a_pool(case, ufp):
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr  # the number of cycles, not a criterion, ended it
    found = record(case)
    assert found.stop == "2 cycles done"
    assert not found.converged
    assert found.column("labelled") == [4, 7, 10]
    assert found.column("candidates", "count") == [24, 21, None]
    mean = found.column("candidates", "mean")
    assert mean[1] < mean[0]
    errors = found.column("withheld", "force_rmse")
    assert errors[2] < errors[0]
    chosen = [row["uid"] for cycle in found.cycles[:2] for row in cycle["selected"]]
    assert len(set(chosen)) == 6
    assert set(chosen) <= {f"p3-{number}" for number in range(24)}
    gains = [row["gain"] for row in found.cycles[0]["selected"]]
    assert gains == sorted(gains, reverse=True)
    assert "stopped: 2 cycles done" in done.stdout
    assert "force_error" not in (case / "out" / "cycle-001" / "queue.extxyz").read_text(encoding="utf-8")
    assert (case / "out" / "learning.svg").is_file()
    assert ufp("plot", "out/record.json", "-o", "curve.png").returncode == 0
    settings = json.loads((case / "out" / "cycle-002" / "cycle.json").read_text(encoding="utf-8"))
    assert settings["provenance"]["parameters"] == {"seed": 3, "cycle": 2}
    assert set(settings["provenance"]["inputs"]) == {"initial.extxyz", "withheld.extxyz", "pool.extxyz"}
    assert settings["settings"]["fit"]["noise"]["forces"] == 0.1

    before = {p: p.stat().st_mtime_ns for p in (case / "out").rglob("*.uf3")}
    assert ufp(*RUN).returncode == 3
    assert {p: p.stat().st_mtime_ns for p in (case / "out").rglob("*.uf3")} == before

    edit(case, "maximum_cycles = 2", "maximum_cycles = 9\nforce_rmse_change = 0.9")
    done = ufp(*RUN, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "ufpnmr-learning"
    assert document["converged"]
    assert document["stop"].startswith("withheld force error converged")


def test_an_empty_pool_ends_the_run(tmp_path, ufp):
    active_case.write_case(tmp_path, pool=2)
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    assert record(tmp_path).stop == "no candidates left"
    assert record(tmp_path).column("labelled") == [4, 6]


def test_random_choice_is_another(case, ufp):
    edit(case, "structures = 3", 'structures = 3\nmethod = "random"')
    assert ufp(*RUN).returncode == 3
    (first, *_) = record(case).cycles
    assert [row["gain"] for row in first["selected"]] == [None] * 3


def test_molecular_dynamics_hops_and_a_path(tmp_path, ufp):
    active_case.write_case(tmp_path, toml=MD + PATH)
    first = active_case.crystal()
    last = first.copy()
    last.positions[4] = first.positions[5]
    del first[5]
    del last[5]
    first.write(tmp_path / "first.extxyz")
    last.write(tmp_path / "last.extxyz")
    edit(tmp_path, "structures = 2", "structures = 3\nreserve = { neb = 1 }")
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    folder = tmp_path / "out" / "cycle-001"
    candidates = ase.io.read(folder / "candidates.extxyz", ":")
    sources = {atoms.info["source"] for atoms in candidates}
    assert {"neb", "md"} <= sources
    assert {atoms.info["config_type"] for atoms in candidates} == {"crystal", "neb"}
    run, path = json.loads((folder / "sampling.json").read_text(encoding="utf-8"))["runs"]
    assert run["name"] == "crystal-600K-v1.100"
    assert path == {"name": "jump", "candidates": 2, "end": "complete"}
    assert record(tmp_path).cycles[0]["selected"][0]["source"] == "neb"
    for atoms in candidates:
        if atoms.info["source"] != "neb":
            assert atoms.get_volume() == pytest.approx(1.1 * active_case.EDGE**3, rel=1e-6)
    steps = sorted(int(a.info["uid"].rsplit("-", 1)[1]) for a in candidates if a.info["source"] == "md")
    assert steps[0] == 0
    assert run["frames"] <= 13
    # the candidates are the frames of LAMMPS
    dump = (folder / "md" / run["name"] / "chunk-0000.lammpstrj").read_text(encoding="utf-8")
    frame = dump.split("ITEM: TIMESTEP\n")[1 + steps[1] // 5].splitlines()
    assert int(frame[0]) == steps[1]
    positions = np.array([line.split()[3:6] for line in frame[8:]], dtype=float)
    (atoms,) = [a for a in candidates if a.info["uid"].endswith(f"v1.100-{steps[1]}")]
    np.testing.assert_allclose(atoms.positions, positions, atol=1e-7)


def test_runs_go_on_in_the_next_cycle(tmp_path, ufp):
    active_case.write_case(tmp_path, toml=MD)
    edit(tmp_path, "maximum_cycles = 1", "maximum_cycles = 2")
    edit(tmp_path, "steps = 60", "steps = 20\ncontinued = true")
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    first, second = (tmp_path / "out" / f"cycle-00{n}" / "md" / "crystal-600K-v1.100" for n in (1, 2))
    frames = (first / "chunk-0000.lammpstrj").read_text(encoding="utf-8").split("ITEM: TIMESTEP\n")
    last = np.array([line.split()[3:6] for line in frames[-1].splitlines()[8:]], dtype=float)
    begin = (second / "chunk-0000.lammpstrj").read_text(encoding="utf-8").split("ITEM: TIMESTEP\n")[1]
    np.testing.assert_allclose(
        np.array([line.split()[3:6] for line in begin.splitlines()[8:]], dtype=float), last, atol=1e-7
    )


def test_a_short_leash_ends_the_run(tmp_path, ufp):
    """Learning on the fly: the run ends with the first frame that is not known well enough, which is then labelled."""
    active_case.write_case(tmp_path, toml=MD)
    edit(tmp_path, "largest_force_error = 20.0", "largest_force_error = 0.05")
    assert ufp(*RUN).returncode == 3
    folder = tmp_path / "out" / "cycle-001"
    (run,) = json.loads((folder / "sampling.json").read_text(encoding="utf-8"))["runs"]
    assert re.match(r"step \d+: predicted force error", run["end"])
    assert run["frames"] < 13
    step = int(run["end"].split()[1].rstrip(":"))
    uids = [atoms.info["uid"] for atoms in ase.io.read(folder / "candidates.extxyz", ":")]
    assert f"c001-crystal-600K-v1.100-{step}" in uids
    assert not any(int(uid.rsplit("-", 1)[1]) > step for uid in uids)


def test_exploding_dynamics_leaves_its_last_sane_frames(tmp_path, ufp):
    active_case.write_case(tmp_path, toml=MD)
    edit(tmp_path, "largest_force_error = 20.0", "")
    edit(tmp_path, "timestep_ps = 0.001", "timestep_ps = 0.03")
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    folder = tmp_path / "out" / "cycle-001"
    (run,) = json.loads((folder / "sampling.json").read_text(encoding="utf-8"))["runs"]
    assert run["end"] != "complete"
    candidates = ase.io.read(folder / "candidates.extxyz", ":")
    assert candidates
    for atoms in candidates:
        assert (atoms.get_all_distances(mic=True) + 10 * np.eye(len(atoms))).min() > 1.2


def start(folder):
    return subprocess.Popen(
        [str(UFP), *RUN],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def kill_when(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A folder with the inputs of an MD run, and what the run gives without a kill."""
    folder = active_case.write_case(tmp_path_factory.mktemp("whole"), toml=MD)
    inputs = tmp_path_factory.mktemp("inputs") / "case"
    edit(folder, '{ file = "truth.uf3" }', '{ file = "truth.uf3", seconds = 0.7 }')
    shutil.copytree(folder, inputs)
    process = start(folder)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 3, said
    return inputs, essence(folder)


STAGES = {
    "fit": "cycle-001/cycle.json",
    "first chunk": "cycle-001/fit.json",
    "second chunk": "cycle-001/md/crystal-600K-v1.100/chunk-0000.json",
    "selection": "cycle-001/sampling.json",
    "labelling": "cycle-001/selection.json",
    "inside labelling": "cycle-001/labelled.extxyz",
    "next fit": "cycle-001/labelling.json",
}


AT_LENGTH = ("first chunk", "labelling", "next fit")


@pytest.mark.parametrize(
    "stage", [pytest.param(stage, marks=[pytest.mark.slow] * (stage in AT_LENGTH)) for stage in STAGES]
)
def test_kill_9_at_each_stage(uninterrupted, tmp_path, ufp, stage):
    inputs, expected = uninterrupted
    folder = tmp_path / "case"
    shutil.copytree(inputs, folder)
    process = start(folder)
    kill_when((folder / "out" / STAGES[stage]).is_file, process)
    if stage == "inside labelling":
        labelled = ase.io.read(folder / "out" / STAGES[stage], ":")
        assert len(labelled) < 2
        assert len(ase.io.read(folder / "out" / "cycle-001" / "queue.extxyz", ":")) == 2
    done = ufp(*RUN, cwd=folder)
    assert done.returncode == 3, done.stderr
    assert_same(essence(folder), expected)


@pytest.mark.slow
def test_kill_9_every_now_and_then(uninterrupted, tmp_path, ufp):
    inputs, expected = uninterrupted
    folder = tmp_path / "case"
    shutil.copytree(inputs, folder)
    for number in range(12):
        process = start(folder)
        try:
            process.wait(1.0 + 0.3 * number)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    done = ufp(*RUN, cwd=folder)
    assert done.returncode == 3, done.stderr
    assert_same(essence(folder), expected)


def test_sigterm_says_how_to_go_on(case, ufp):
    edit(case, '{ file = "truth.uf3" }', '{ file = "truth.uf3", seconds = 2.0 }')
    process = start(case)
    deadline = time.monotonic() + 120
    while not (case / "out" / "cycle-001" / "selection.json").is_file():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert "run the same command again to continue" in said


def test_labels_made_elsewhere(case, ufp):
    edit(case, 'name = "truth:calculator"\noptions = { file = "truth.uf3" }', 'name = "external"')
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    assert "wait for labels" in done.stderr
    cycle = case / "out" / "cycle-001"
    command = ("active", "label", cycle / "queue.extxyz", cycle / "labelled.extxyz", "--labeller", "truth:calculator")
    assert ufp(*command, "--option", "file=truth.uf3").returncode == 0
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    assert record(case).column("labelled") == [4, 7]
    assert "not finished" in done.stdout


def test_known_labels(case, ufp):
    """A labelled set as pool."""
    edit(case, '"truth:calculator"', '"ufpnmr.active.known_labels:KnownLabels"')
    edit(case, '"truth.uf3"', '"pool.extxyz"')
    assert ufp(*RUN).returncode == 3
    assert record(case).column("labelled") == [4, 7, 10]
    assert record(case).cycles[0]["failed"] == {}


def test_structures_that_cannot_be_labelled_are_named_and_kept(case, ufp):
    text = active_case.LABELLER.replace(
        "        time.sleep(seconds)\n", '        if len(args[0]) == 12:\n            raise RuntimeError("no SCF")\n'
    )
    (case / "truth.py").write_text(text, encoding="utf-8")
    edit(case, "structures = 3", "structures = 12")
    edit(case, "maximum_cycles = 2", "maximum_cycles = 1")
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    first, second = record(case).cycles
    assert first["failed"]
    assert set(first["failed"].values()) == {"RuntimeError: no SCF"}
    assert second["labelled"] == 4 + 12 - len(first["failed"])
    queue = {atoms.info["uid"] for atoms in ase.io.read(case / "out" / "cycle-001" / "queue.extxyz", ":")}
    assert set(first["failed"]) <= queue
    edit(case, "maximum_cycles = 1", "maximum_cycles = 2")
    ufp(*RUN)
    again = {atoms.info["uid"] for atoms in ase.io.read(case / "out" / "cycle-002" / "candidates.extxyz", ":")}
    assert not again & queue


def test_dry_run_writes_nothing(tmp_path, ufp):
    active_case.write_case(tmp_path, toml=MD)
    done = ufp(*RUN, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "md crystal-600K-v1.100: 12 atoms, 13 frames per cycle" in done.stdout
    assert "242 coefficients" in done.stdout
    assert not (tmp_path / "out").exists()
    plan = json.loads(ufp(*RUN, "--dry-run", "--json").stdout)
    assert plan["runs"] == {"crystal-600K-v1.100": [12, 13]}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("structures = 3", "structure = 3", "did you mean 'structures'?"),
        ('"truth:calculator"', '"cp2q"', "did you mean 'cp2k'?"),
        ("pool.extxyz", "pol.extxyz", "no such file"),
        ("intervals = 10", "intervals = 0", "intervals"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(case, ufp, old, new, message):
    edit(case, old, new)
    before = sorted(path.name for path in case.iterdir())
    done = ufp(*RUN)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in case.iterdir() if path.name != "__pycache__") == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("structures = 3", "", "expected a budget"),
        ("structures = 3", 'structures = 3\nmethod = "entropy"', "'information', 'variance' or 'random'"),
        ('"truth:calculator"', '"truth:nothing"', "has no callable 'nothing'"),
        ('file = "truth.uf3"', 'fil = "truth.uf3"', "no option 'fil' .did you mean 'file'"),
        ("initial.extxyz", "initia.extxyz", "no such file"),
        ('test = ["withheld.extxyz"]', "", "withholds nothing"),
        ('pool = ["pool.extxyz"]', "", "expected a source of candidates"),
        ("[fit]", 'fit_file = "x.toml"\n[fit]', "fit_file"),
        ("[fit]", "[hops]\n[fit]", "hops: expected"),
        ("[fit]", "[md]\nsteps = 1\ntimestep_ps = 1\nframe_every = 1\n[fit]", "together"),
        ("[fit]", "[fit2]\n[fit]", "unknown key 'fit2'"),
        ("[candidates]", '[candidates]\nfolders = ["nowhere"]', "no such folder"),
        ("[candidates]", '[[paths]]\nname = "a b"\n[candidates]', "name"),
        ("maximum_cycles = 2", "maximum_cycles = 0", "maximum_cycles"),
        ("train = ", 'exclude = ["crystl"]\ntrain = ', "did you mean 'crystal'"),
    ],
)
def test_other_bad_input(case, monkeypatch, old, new, message):
    monkeypatch.chdir(case)
    edit(case, old, new)
    with pytest.raises(InputError, match=message) as caught:
        ActiveRun(read_config("run.toml"), 1, print).check()
    assert "\n" not in str(caught.value)


def test_bad_states_and_paths(tmp_path, ufp):
    active_case.write_case(tmp_path, toml=MD + PATH)
    crystal = active_case.crystal()
    crystal.write(tmp_path / "first.extxyz")
    crystal[1:].write(tmp_path / "last.extxyz")
    done = ufp(*RUN)
    assert done.returncode == 2
    assert "path jump: expected the same atoms" in done.stderr
    crystal.symbols[0] = "O"
    crystal.write(tmp_path / "crystal.extxyz")
    done = ufp(*RUN)
    assert "expected elements Li S of the labelled structures, found O" in done.stderr
    assert not (tmp_path / "out").exists()


def test_another_labeller_needs_another_folder(case, ufp):
    edit(case, "maximum_cycles = 2", "maximum_cycles = 1")
    assert ufp(*RUN).returncode == 3
    shutil.copy(case / "truth.uf3", case / "other.uf3")
    edit(case, 'file = "truth.uf3"', 'file = "other.uf3"')
    done = ufp(*RUN)
    assert done.returncode == 2
    assert "labels of two methods do not enter one fit" in done.stderr


def test_two_runs_in_one_folder(case, ufp):
    edit(case, '{ file = "truth.uf3" }', '{ file = "truth.uf3", seconds = 8.0 }')
    process = start(case)
    deadline = time.monotonic() + 120
    while not (case / "out" / "cycle-001" / "selection.json").is_file():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second = ufp(*RUN)
    assert second.returncode == 2
    assert "another run of ufp active" in second.stderr
    process.kill()
    process.communicate()
