"""``ufp active label``, ``export`` and ``import`` as a user meets them: kills included."""

import json
import lzma
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
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.io import read, write

from ufpnmr.structures import check, read_structures

UFP = Path(sys.executable).parent / "ufp"

LABELLERS = '''
import os
import time
from pathlib import Path

from ase.calculators.lj import LennardJones

from ufpnmr.active.labelling import Labels
from ufpnmr.active.labelling.programs import FileLabeller


class Slow(LennardJones):
    """Writes down what it begins; refuses krypton."""

    def __init__(self, seconds=0.0):
        super().__init__(epsilon=0.01, sigma=3.4)
        self.seconds = seconds

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        with open("begun", "a") as log:
            log.write(f"{atoms.info['uid']} {os.getpid()} {os.nice(0)} {os.environ['OMP_NUM_THREADS']}\\n")
        time.sleep(self.seconds)
        if "Kr" in atoms.get_chemical_symbols():
            raise ValueError("krypton is refused")
        if "Xe" in atoms.get_chemical_symbols():
            os.kill(os.getpid(), 9)
        super().calculate(atoms, properties, system_changes)


class Program(FileLabeller):
    """An external program: sleeps, then writes its answer."""

    output_name = "out"
    install_hint = "install it"

    def __init__(self, seconds=0.0):
        super().__init__(f"bash {Path('program.sh').resolve()} {seconds}", 60, 1)

    def version(self):
        return "program 1"

    def write_input(self, atoms, folder):
        (folder / "uid").write_text(atoms.info["uid"])

    def read_output(self, atoms, folder):
        assert (folder / "out").read_text() == "done\\n"
        structure = atoms.copy()
        structure.calc = LennardJones(epsilon=0.01, sigma=3.4)
        return Labels(structure.get_potential_energy(), structure.get_forces(), notes={"scf_steps": 7})
'''
PROGRAM = """
echo "$(cat uid) $$ $PPID" >> "$(dirname "$0")/begun"
sleep "$1"
echo done
"""
N = 8


def queue_of(n=N, special=None):
    frames = []
    for k in range(n):
        atoms = bulk((special or {}).get(k, "Ar"), "fcc", a=5.3, cubic=True)
        atoms.rattle(0.05, seed=k)
        atoms.info.update(uid=f"ar-{k:03d}", group=f"run {k // 3}", config_type="fcc", temperature=300 + k)
        frames.append(atoms)
    return frames


@pytest.fixture
def place(tmp_path):
    """Folder with a queue of eight structures and the labellers."""
    write(tmp_path / "queue.extxyz", queue_of())
    (tmp_path / "labs.py").write_text(LABELLERS)
    (tmp_path / "program.sh").write_text(PROGRAM)
    return tmp_path


def command(*options, labeller="Slow", seconds=0.0):
    named = ("--labeller", f"labs:{labeller}", "--option", f"seconds={seconds}")
    return ("active", "label", "queue.extxyz", "out.extxyz", *named, *options)


def start(folder, *arguments):
    return subprocess.Popen(
        [UFP, *map(str, arguments)], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def begun(folder):
    """Return what was begun: (uid, pid, ...) in order."""
    path = folder / "begun"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def failures(folder):
    return [json.loads(line) for line in (folder / "out.extxyz.failed").read_text().splitlines()]


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def assert_complete(folder, n=N, name="out.extxyz"):
    """Every structure is there once, with the labels of its own atoms."""
    frames = read(folder / name, ":")
    assert sorted(a.info["uid"] for a in frames) == [f"ar-{k:03d}" for k in range(n)]
    queue = {a.info["uid"]: a for a in read(folder / "queue.extxyz", ":")}
    for atoms in frames:
        original = queue[atoms.info["uid"]]
        np.testing.assert_allclose(atoms.positions, original.positions, atol=1e-7)
        original.calc = LennardJones(epsilon=0.01, sigma=3.4)
        assert atoms.get_potential_energy() == pytest.approx(original.get_potential_energy(), abs=1e-9)
        np.testing.assert_allclose(atoms.get_forces(), original.get_forces(), atol=1e-7)
        assert atoms.info["group"] == original.info["group"]
        assert atoms.info["config_type"] == "fcc"
    assert not (folder / f"{name}.pending").exists()


# --- the ordinary course


def test_labels_with_provenance_and_a_second_run_does_nothing(place, ufp):
    done = ufp(*command("--jobs", 2, "--nice", 7, seconds=1.0))  # long enough for the second worker to start
    assert done.returncode == 0, done.stderr
    assert "out.extxyz: 8 labelled (8 now), 0 failed, 0 open" in done.stdout
    assert_complete(place)
    assert {(nice, threads) for _, _, nice, threads in begun(place)} == {("7", "1")}
    assert len({pid for _, pid, *_ in begun(place)}) == 2
    atoms = read(place / "out.extxyz", 0)
    assert atoms.info["label_by"] == "labs:Slow"
    assert re.fullmatch(r"labs sha256:[0-9a-f]{12}", atoms.info["label_version"])
    assert atoms.info["label_options"] == {"seconds": 1.0}
    assert atoms.info["label_seconds"] >= 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", atoms.info["label_date"])
    assert len(atoms.get_stress()) == 6
    structures = read_structures(place / "out.extxyz")
    check(structures)
    assert {s.uid for s in structures} == {f"ar-{k:03d}" for k in range(N)}
    assert all(s.stress is not None and s.group.startswith("run ") for s in structures)
    assert sorted(p.name for p in place.glob("out.extxyz*")) == ["out.extxyz", "out.extxyz.lock"]
    text = (place / "out.extxyz").read_bytes()
    again = ufp(*command("--json", seconds=1.0))
    assert again.returncode == 0
    assert json.loads(again.stdout) == {"output": "out.extxyz", "labelled": 8, "new": 0, "failed": {}, "open": 0}
    assert (place / "out.extxyz").read_bytes() == text
    assert len(begun(place)) == 8


def test_done_elsewhere_parts_and_a_longer_queue(place, ufp):
    write(place / "earlier.extxyz", [*queue_of(3), *queue_of(1)])  # one of them twice
    (place / "earlier.extxyz.xz").write_bytes(lzma.compress((place / "earlier.extxyz").read_bytes()))
    done = ufp(*command("--done", "earlier.extxyz.xz", "--part", "0/2"))
    assert (done.returncode, done.stdout) == (0, "out.extxyz: 2 labelled (2 now), 0 failed, 0 open\n")
    assert [uid for uid, *_ in begun(place)] == ["ar-004", "ar-006"]
    assert "1 labelled (1 now)" in ufp(*command("--done", "earlier.extxyz.xz", "--part", "1/4")).stdout
    assert begun(place)[-1][0] == "ar-005"
    write(place / "queue.extxyz", queue_of(10))
    assert "10 labelled (7 now)" in ufp(*command()).stdout
    assert_complete(place, 10)


def test_structures_without_uid_are_named_by_their_content(place, ufp):
    frames = queue_of(3)
    for atoms in frames:
        del atoms.info["uid"]
    write(place / "queue.extxyz", frames)
    arguments = ("active", "label", "queue.extxyz", "out.extxyz", "--labeller", "ase.calculators.lj:LennardJones")
    assert "3 labelled (3 now)" in ufp(*arguments).stdout
    assert "3 labelled (0 now)" in ufp(*arguments).stdout
    assert all(re.fullmatch("s[0-9a-f]{16}", a.info["uid"]) for a in read(place / "out.extxyz", ":"))


def test_no_structure_is_begun_after_the_time(place, ufp):
    done = ufp(*command("--minutes", 0))
    assert (done.returncode, done.stdout) == (3, "out.extxyz: 0 labelled (0 now), 0 failed, 8 open\n")
    assert begun(place) == []


def test_options_from_toml(place, ufp):
    (place / "o.toml").write_text("seconds = 0.25\n")
    base = ("active", "label", "queue.extxyz", "out.extxyz", "--labeller", "labs:Slow", "--options", "o.toml")
    assert ufp(*base, "--part", "0/8").returncode == 0
    assert read(place / "out.extxyz").info["label_options"] == {"seconds": 0.25}
    assert read(place / "out.extxyz").info["label_seconds"] >= 0.25
    assert ufp(*base, "--part", "1/8", "--option", "seconds=0.125").returncode == 0
    assert read(place / "out.extxyz", -1).info["label_options"] == {"seconds": 0.125}


# --- failures


def test_a_failure_is_recorded_and_loses_nothing(place, ufp):
    write(place / "queue.extxyz", queue_of(special={2: "Kr", 5: "Kr"}))
    done = ufp(*command("--jobs", 2))
    assert done.returncode == 3
    assert "6 labelled (6 now), 2 failed, 0 open" in done.stdout
    assert "ar-002: failed: ValueError: krypton is refused" in done.stderr
    records = failures(place)
    assert sorted(r["uid"] for r in records) == ["ar-002", "ar-005"]
    assert {(r["reason"], r["killed"], r["labeller"]) for r in records} == {
        ("ValueError: krypton is refused", False, "labs:Slow")
    }
    assert all(Path(place, r["folder"]).is_dir() for r in records)
    again = ufp(*command())
    assert again.returncode == 3
    assert "6 of 8 labelled, 2 failed earlier" in again.stderr
    assert len(begun(place)) == 8
    assert ufp(*command("--retry-failed")).returncode == 3
    assert [uid for uid, *_ in begun(place)[8:]] == ["ar-002", "ar-005"]
    frames = queue_of()
    write(place / "queue.extxyz", frames)  # someone repaired the structures
    mended = ufp(*command("--retry-failed"))
    assert (mended.returncode, mended.stdout) == (0, "out.extxyz: 8 labelled (2 now), 0 failed, 0 open\n")
    assert_complete(place)


def test_a_structure_that_kills_its_worker_does_not_stop_the_queue(place, ufp):
    write(place / "queue.extxyz", queue_of(special={1: "Xe"}))
    done = ufp(*command())
    assert done.returncode == 3, done.stderr
    assert "7 labelled (7 now), 1 failed, 0 open" in done.stdout
    (record,) = failures(place)
    assert (record["uid"], record["killed"]) == ("ar-001", True)
    assert record["reason"] == "the worker ended with signal 9"
    assert len(begun(place)) == 8
    ufp(*command())
    assert [uid for uid, *_ in begun(place)[8:]] == ["ar-001"]  # a killed one is tried again, once per run


def test_wrong_input_is_refused_before_anything_is_written(place, ufp):
    for arguments, message in (
        (command(labeller="Slo"), "has no callable 'Slo' (did you mean 'Slow'?)"),
        (command("--option", "second=1"), "no option 'second' (did you mean 'seconds'?)"),
        (command("--option", "seconds"), "expected KEY=VALUE, found 'seconds'"),
        (command("--part", "3"), "--part: expected I/N"),
        (command("--part", "2/2"), "expected i/n with 0 <= i < n, found 2/2"),
        (command("--done", "nothing.extxyz"), "nothing.extxyz: no such file"),
        (command("--options", "nothing.toml"), "nothing.toml: no such file"),
        (("active", "label", "nothing.extxyz", "o.extxyz", "--labeller", "cp2k"), "nothing.extxyz: no such file"),
        (("active", "label", "queue.extxyz", "no/o.extxyz", "--labeller", "labs:Slow"), "no: no such folder"),
        (
            ("active", "label", "queue.extxyz", "o.extxyz", "--labeller", "cp2k", "--option", "command=no-cp2k"),
            "no-cp2k: no such program; install CP2K",
        ),
    ):
        done = ufp(*arguments)
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert done.stderr.strip().count("\n") == 0
    assert begun(place) == []
    assert not (place / "out.extxyz").exists()
    assert not (place / "out.extxyz.failed").exists()
    write(place / "queue.extxyz", [*queue_of(2), *queue_of(1)])
    done = ufp(*command())
    assert done.returncode == 2
    assert "queue.extxyz: structures 0 and 2 have uid 'ar-000'" in done.stderr


def test_a_cut_output_of_another_program_is_refused(place, ufp):
    assert ufp(*command("--part", "0/4")).returncode == 0
    text = (place / "out.extxyz").read_text()
    for cut in (text[:-5], text[: text.rindex("\nAr") + 1]):
        (place / "out.extxyz").write_text(cut)
        done = ufp(*command())
        assert done.returncode == 2
        assert "out.extxyz: expected" in done.stderr
        assert (place / "out.extxyz").read_text() == cut


# --- kills


@pytest.mark.parametrize("labeller", ["Slow", "Program"])
def test_kill_9_of_the_command_resumes(place, ufp, labeller):
    arguments = command("--jobs", 2, labeller=labeller, seconds=0.4)
    process = start(place, *arguments)
    wait_for(lambda: len(begun(place)) >= 5)
    process.kill()
    process.communicate()
    pids = [int(pid) for _, pid, *_ in begun(place)]
    wait_for(lambda: not any(map(alive, pids)), 20)  # workers and programs end with the command
    first = len(begun(place))
    labelled = len(read(place / "out.extxyz", ":")) if (place / "out.extxyz").exists() else 0
    assert first - labelled <= 2
    done = ufp(*command("--jobs", 2, labeller=labeller))
    assert done.returncode == 0, done.stderr
    assert f"8 labelled ({8 - labelled} now)" in done.stdout
    assert_complete(place)
    assert len(begun(place)) == first + 8 - labelled
    assert not (place / "out.extxyz.failed").exists()
    assert not (place / "out.extxyz.work").exists()  # what the killed run left is swept


def test_kill_9_again_and_again(place, ufp):
    """Killed after random times, often: nothing is lost, nothing is there twice, the file is whole."""
    rng = np.random.default_rng(4)
    write(place / "queue.extxyz", queue_of(40))
    for _ in range(6):
        process = start(place, *command("--jobs", 2, seconds=0.02))
        time.sleep(rng.uniform(0.9, 2.2))
        process.kill()
        process.communicate()
    assert ufp(*command("--jobs", 2)).returncode == 0
    assert_complete(place, 40)
    assert 40 <= len(begun(place)) <= 40 + 6 * 2


@pytest.mark.parametrize("victim", ["program", "worker"])
def test_kill_9_inside(place, ufp, victim):
    process = start(place, *command(labeller="Program", seconds=1.0))
    wait_for(lambda: len(begun(place)) == 3)
    uid, program, worker = begun(place)[-1]
    os.kill(int(program if victim == "program" else worker), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    wait_for(lambda: not alive(int(program)), 20)
    (record,) = failures(place)
    assert (record["uid"], record["killed"]) == (uid, True)
    assert ("ended by SIGKILL" if victim == "program" else "the worker ended with signal 9") in record["reason"]
    assert len(read(place / "out.extxyz", ":")) == N - 1
    done = ufp(*command(labeller="Program"))
    assert (done.returncode, done.stdout) == (0, "out.extxyz: 8 labelled (1 now), 0 failed, 0 open\n")
    assert_complete(place)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_with_their_code(place, ufp, number, code):
    process = start(place, *command(labeller="Program", seconds=0.5))
    wait_for(lambda: len(begun(place)) == 2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "run the same command again to continue" in errors
    assert not any(alive(int(pid)) for _, *pids in begun(place) for pid in pids)
    assert ufp(*command(labeller="Program")).returncode == 0
    assert_complete(place)
    assert len(begun(place)) == 9


def test_two_commands_share_one_output(place):
    write(place / "queue.extxyz", queue_of(20))
    both = [start(place, *command("--jobs", 2, seconds=0.1)) for _ in range(2)]
    results = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both].count(0) >= 1, results
    assert_complete(place, 20)
    assert len(begun(place)) == 20
    assert len({pid for _, pid, *_ in begun(place)}) == 4


# --- labels made elsewhere


@pytest.fixture
def stored(repository):
    return repository / "tests" / "data" / "labels"


def test_export_and_import_of_vasp(tmp_path, ufp, stored):
    for name in ("Li", "S"):
        (tmp_path / "pp" / name).mkdir(parents=True)
        (tmp_path / "pp" / name / "POTCAR").write_text(f"PAW_PBE {name}\n")
    second = read(stored / "li2s.extxyz")
    second.rattle(0.05, seed=1)
    second.info["uid"] = "other/1"
    write(tmp_path / "queue.extxyz", [read(stored / "li2s.extxyz"), second])
    export = ("active", "export", "queue.extxyz", "away", "--labeller", "vasp", "--option", "potcars=pp")
    done = ufp(*export)
    assert (done.returncode, done.stdout) == (0, "away: 2 written, 0 there already, 0 refused\n")
    files = {"INCAR", "KPOINTS", "POSCAR", "POTCAR", "structure.extxyz"}
    assert {p.name for p in (tmp_path / "away" / "other_1").iterdir()} == files
    assert ufp(*export).stdout == "away: 0 written, 2 there already, 0 refused\n"
    other = ufp("active", "export", "queue.extxyz", "away")
    assert other.returncode == 2
    assert "written for vasp with other options" in other.stderr
    missing = ufp("active", "import", "away", "out.extxyz")
    assert (missing.returncode, missing.stdout[:36]) == (3, "out.extxyz: 0 new, 0 there already, ")
    assert "2 without output" in missing.stdout
    shutil.copy(stored / "vasprun.xml", tmp_path / "away" / "li2s-1")
    shutil.copy(stored / "OUTCAR", tmp_path / "away" / "other_1")
    done = ufp("active", "import", "away", "out.extxyz")
    assert done.returncode == 3
    assert "1 new, 0 there already, 0 without output, 1 not usable" in done.stdout
    assert "other/1: not used" in done.stderr
    assert "are not those of the structure" in done.stderr
    (atoms,) = read(tmp_path / "out.extxyz", ":")
    assert (atoms.info["uid"], atoms.info["label_by"], atoms.get_potential_energy()) == ("li2s-1", "vasp", -11.87)
    assert atoms.calc.results["free_energy"] == -11.875
    assert atoms.info["label_file"] == "li2s-1/vasprun.xml"
    np.testing.assert_allclose(atoms.get_forces()[1], [-0.4, 0.5, -0.066])
    again = ufp("active", "import", "away", "out.extxyz")
    assert "0 new, 1 there already" in again.stdout
    assert len(read(tmp_path / "out.extxyz", ":")) == 1


@pytest.mark.parametrize(("name", "energy"), [("OUTCAR", -11.87), ("li2s.castep", -675.218231)])
def test_import_knows_outputs_without_a_labeller(tmp_path, ufp, stored, name, energy):
    shutil.copy(stored / "li2s.extxyz", tmp_path / "queue.extxyz")
    assert ufp("active", "export", "queue.extxyz", "away").returncode == 0
    shutil.copy(stored / name, tmp_path / "away" / "li2s-1")
    done = ufp("active", "import", "away", "out.extxyz")
    assert done.returncode == 0, done.stderr
    atoms = read(tmp_path / "out.extxyz")
    assert (atoms.get_potential_energy(), atoms.info["label_by"]) == (energy, "external")


def test_import_of_a_named_file(tmp_path, ufp):
    frames = queue_of(2)
    write(tmp_path / "queue.extxyz", frames)
    assert ufp("active", "export", "queue.extxyz", "away").returncode == 0
    for k, atoms in enumerate(frames):
        shuffled = atoms[[2, 0, 3, 1]]
        shuffled.calc = LennardJones(epsilon=0.01, sigma=3.4)
        shuffled.get_forces()
        write(tmp_path / "away" / f"ar-{k:03d}" / "answer.traj", shuffled)
    done = ufp("active", "import", "away", "out.extxyz", "--pattern", "*.traj")
    assert done.returncode == 0, done.stderr
    assert_complete(tmp_path, 2)
    nothing = ufp("active", "import", "queue.extxyz", "out.extxyz")
    assert nothing.returncode == 2
    (tmp_path / "empty").mkdir()
    nothing = ufp("active", "import", "empty", "out.extxyz")
    assert nothing.returncode == 2
    assert "expected a folder that `ufp active export` wrote" in nothing.stderr


def test_export_says_what_it_cannot_write(tmp_path, ufp):
    frames = [bulk("LiH", "rocksalt", a=4.0), bulk("Li")]
    for name, atoms in zip(("salt", "metal"), frames, strict=True):
        atoms.info["uid"] = name
    write(tmp_path / "queue.extxyz", frames)
    done = ufp("active", "export", "queue.extxyz", "away", "--labeller", "cp2k")
    assert done.returncode == 1
    assert done.stdout == "away: 1 written, 0 there already, 1 refused\n"
    assert "metal: not exported: cp2k: 3 electrons, an odd number" in done.stderr
    assert (tmp_path / "away" / "salt" / "label.inp").is_file()
    assert list(json.loads((tmp_path / "away" / "manifest.json").read_text())["structures"]) == ["salt"]
