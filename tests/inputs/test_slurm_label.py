"""inputs/slurm/label.sh: the tasks of an array together label the queue."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import read, write


@pytest.fixture
def task(tmp_path, repository):
    """Return a function that runs one task of an array of a given size."""
    script = shutil.copy(repository / "inputs/slurm/label.sh", tmp_path / "label.sh")
    frames = []
    for k in range(7):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=k)
        atoms.info["uid"] = f"u{k}"
        frames.append(atoms)
    write(tmp_path / "queue.extxyz", frames)

    def run(number, size, *arguments, first=0, **environment):
        arguments = arguments or ("queue.extxyz", "out.extxyz", "--labeller", "ase.calculators.emt:EMT")
        slurm = {"SLURM_ARRAY_TASK_ID": number, "SLURM_ARRAY_TASK_COUNT": size, "SLURM_ARRAY_TASK_MIN": first}
        return subprocess.run(
            ["bash", script, *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                **{key: str(value) for key, value in slurm.items() if size},
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )

    run.folder = tmp_path
    return run


def uids(*paths):
    return sorted(atoms.info["uid"] for path in paths for atoms in read(path, ":"))


def test_tasks_share_the_queue_and_a_second_array_does_the_rest(task):
    first = task(1, 3, first=1)
    assert (first.returncode, first.stdout) == (0, "out.1.extxyz: 3 labelled (3 now), 0 failed, 0 open\n")
    assert uids(task.folder / "out.1.extxyz") == ["u0", "u3", "u6"]
    again = task(1, 3, first=1)
    assert "3 labelled (0 now)" in again.stdout
    for number in (0, 1):  # another size: what is there is not made again
        assert task(number, 2).returncode == 0
    files = sorted(task.folder.glob("out.*.extxyz"))
    assert uids(*files) == [f"u{k}" for k in range(7)]
    (task.folder / "out.extxyz").write_bytes(b"".join(path.read_bytes() for path in files))
    for path in files:
        path.unlink()
    assert "0 labelled (0 now), 0 failed, 0 open" in task(0, 1).stdout


def test_time_is_passed_on(task):
    done = task(0, 1, MINUTES="0")
    assert (done.returncode, done.stdout) == (3, "out.0.extxyz: 0 labelled (0 now), 0 failed, 7 open\n")


@pytest.mark.parametrize(
    ("arguments", "size", "message"),
    [
        (("queue.extxyz",), 2, "usage: sbatch --array"),
        (("--labeller", "cp2k", "queue.extxyz"), 2, "usage: sbatch --array"),
        ((), 0, "not a job array"),
    ],
)
def test_wrong_use_is_refused(task, arguments, size, message):
    done = task(0, size, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
