"""inputs/slurm/md.sh: the chain of jobs, run against a stub of Slurm."""

import os
import shutil
import subprocess

import pytest

SBATCH = """#!/bin/bash
# Queue the job: its number and the arguments that follow the options.
id=$(($(wc -l <"$QUEUE") + 1))
while [[ $1 == --* ]]; do [[ $1 == --dependency=* ]] && echo "$1" >>"$QUEUE.dependency"; shift; done
echo "$id $*" >>"$QUEUE"
echo "$id;cluster"
"""
SCANCEL = """#!/bin/bash
echo "$1" >>"$QUEUE.cancelled"
"""
# `lmp` is replaced: it advances STEP by the number that BUDGET allows per job and fails when time is up.
SRUN = """#!/bin/bash
echo "$*" >>"$QUEUE.srun"
while [ $# -gt 0 ]; do
  case $1 in -var) [ "$2" = steps ] && steps=$3; [ "$2" = name ] && name=$3; shift ;; esac
  shift
done
step=$(cat "$name.restart" 2>/dev/null || echo 0)
[ "$BUDGET" -gt 0 ] || exit 1
step=$((step + BUDGET))
if [ "$step" -ge "$steps" ]; then echo "$steps" >"$name.restart"; exit 0; fi
echo "$step" >"$name.restart.new" && mv "$name.restart.new" "$name.restart"
exit 137
"""


@pytest.fixture
def slurm(tmp_path, repository):
    """Return a function that runs one job, and the paths of what the stubs wrote."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL, "srun": SRUN}.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)
    script = shutil.copy(repository / "inputs/slurm/md.sh", tmp_path / "md.sh")
    (tmp_path / "in.md").write_text("")
    queue = tmp_path / "queue"
    queue.write_text("")

    def job(*arguments, job_id="100", budget=40, **environment):
        return subprocess.run(
            ["bash", script, *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{bin_folder}:{os.environ['PATH']}",
                "QUEUE": str(queue),
                "BUDGET": str(budget),
                "SLURM_JOB_ID": job_id,
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    job.queue, job.folder = queue, tmp_path
    return job


def run_chain(slurm, *arguments, **kwargs):
    """Run the first job and then whatever it queues, as afterany does; return the exit codes."""
    codes = [slurm(*arguments, **kwargs).returncode]
    done = 0
    while done < len(lines := slurm.queue.read_text().splitlines()):
        number, _script, *queued = lines[done].split()
        done += 1
        cancelled = slurm.folder / "queue.cancelled"
        if not cancelled.exists() or number not in cancelled.read_text().split():
            codes.append(slurm(*queued, job_id=number, **kwargs).returncode)
        assert len(codes) < 20, "the chain does not end"
    return codes


def test_chain_runs_until_the_steps_are_done(slurm):
    codes = run_chain(slurm, "beta", "100", "-var", "T", "300")
    assert codes == [137, 137, 0]
    assert (slurm.folder / "beta.done").read_text() == "100\n"
    assert (slurm.folder / "queue.cancelled").read_text() == "3\n"
    assert (slurm.folder / "queue.dependency").read_text().split() == [
        "--dependency=afterany:100",
        "--dependency=afterany:1",
        "--dependency=afterany:2",
    ]
    calls = (slurm.folder / "queue.srun").read_text().splitlines()
    assert calls == ["lmp -in in.md -log none -var name beta -var steps 100 -var T 300"] * 3


def test_finished_run_starts_nothing(slurm):
    (slurm.folder / "beta.done").write_text("100\n")
    result = slurm("beta", "100")
    assert result.returncode == 0
    assert slurm.queue.read_text() == ""
    assert not (slurm.folder / "queue.srun").exists()


def test_more_steps_continue_a_finished_run(slurm):
    assert run_chain(slurm, "beta", "30") == [0]
    slurm.queue.write_text("")
    (slurm.folder / "queue.cancelled").unlink()
    assert run_chain(slurm, "beta", "100") == [137, 0]


def test_chain_without_progress_ends(slurm):
    codes = run_chain(slurm, "beta", "100", budget=0)
    assert codes == [1, 1]
    assert len((slurm.folder / "queue.srun").read_text().splitlines()) == 1


def test_requeued_job_keeps_its_successor(slurm):
    assert slurm("beta", "100", SLURM_RESTART_COUNT="1").returncode == 137
    assert slurm.queue.read_text() == ""


@pytest.mark.parametrize("arguments", [(), ("beta",), ("beta", "many")])
def test_bad_arguments_are_refused(slurm, arguments):
    result = slurm(*arguments)
    assert result.returncode == 2
    assert "usage: sbatch md.sh NAME STEPS" in result.stderr
    assert slurm.queue.read_text() == ""


def test_missing_input_is_refused(slurm):
    result = slurm("beta", "100", INPUT="in.other")
    assert result.returncode == 2
    assert "no input in.other" in result.stderr
    assert slurm.queue.read_text() == ""
