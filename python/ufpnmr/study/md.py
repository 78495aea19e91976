"""The MD stage: the environment's own `lmp` in a subprocess, continued from its newest restart."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ufpnmr import guard
from ufpnmr.errors import UfpError
from ufpnmr.study.config import StudyConfig

__all__ = ["RUN_NAME", "lammps_command", "run_md", "trajectory_file"]

RUN_NAME = "md"
"""Prefix of the files of the run inside ``FOLDER/md``."""

_POLL = 0.5
_GRACE = 10.0


def trajectory_file(folder: Path) -> Path:
    """Return where the MD stage leaves its trajectory."""
    return folder / "md" / f"{RUN_NAME}.lammpstrj"


def lammps_command(config: StudyConfig) -> list[str]:
    """Return the command line of the run: ``lmp`` of this environment, under its own ``mpiexec`` for several ranks."""
    md = config.md
    assert md is not None
    programs = Path(sys.prefix) / "bin"
    variables: dict[str, str | int | float | Path] = {
        "name": RUN_NAME,
        "data": md.data,
        "potential": md.potential,
        "T": config.system.temperature_K,
        "timestep": config.trajectory.timestep_ps,
        "steps": md.steps,
        "dump": md.dump_every,
        **md.variables,
    }
    command = [str(programs / "mpiexec"), "-n", str(md.ranks)] if md.ranks > 1 else []
    command += [str(programs / "lmp"), "-in", str(md.input), "-log", "none"]
    for name, value in variables.items():
        command += ["-var", name, str(value)]
    return command


def run_md(config: StudyConfig, folder: Path, resume: bool, advance: Callable[[int], None]) -> None:
    """Run or continue the MD; files of another run are moved aside, never deleted.

    Parameters
    ----------
    config : StudyConfig
        With an [md] section.
    folder : Path
        Output folder of the study; the run works in ``FOLDER/md``.
    resume : bool
        Whether the files there belong to this run.
    advance : callable
        Told the number of steps done since the last call.

    Raises
    ------
    UfpError
        `lmp` failed; its error line is the message.
    """
    md = config.md
    assert md is not None
    work = folder / "md"
    if work.exists() and not resume:
        work.rename(_aside(work))
    work.mkdir(parents=True, exist_ok=True)
    if md.continue_from is not None and not (work / f"{RUN_NAME}.restart").exists():
        shutil.copyfile(md.continue_from, work / f"{RUN_NAME}.restart")
    output = work / "lmp.out"
    with open(output, "w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [sys.executable, guard.__file__, *lammps_command(config)],
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": str(md.threads)},
            close_fds=False,
            start_new_session=True,
        )
        try:
            _watch(process, work / f"{RUN_NAME}.log", advance)
        finally:
            _stop(process)
    if process.returncode != 0:
        raise UfpError(f"md: {_error_line(output)} (lmp ended with code {process.returncode}; see {output})")
    if not trajectory_file(folder).is_file():
        raise UfpError(f"md: {md.input} ended without writing {trajectory_file(folder).name} in {work}")


def _aside(work: Path) -> Path:
    number = 1
    while (target := work.with_name(f"md.previous-{number}")).exists():
        number += 1
    return target


def _watch(process: subprocess.Popen[bytes], log: Path, advance: Callable[[int], None]) -> None:
    done, running = 0, True
    while running:
        try:
            process.wait(_POLL)
            running = False
        except subprocess.TimeoutExpired:
            pass
        step = _last_step(log)
        if step > done:
            advance(step - done)
            done = step


def _last_step(log: Path) -> int:
    """Step of the last thermo line of a LAMMPS log; 0 before the first."""
    if not log.is_file():
        return 0
    with open(log, "rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4096))
        steps = re.findall(rb"^ +(\d+) +[-\d.]+ ", stream.read(), re.MULTILINE)
    return int(steps[-1]) if steps else 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End `lmp` if it still runs; the newest restart is the checkpoint."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _error_line(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.strip() for line in lines if "ERROR" in line]
    return errors[0] if errors else next((line for line in reversed(lines) if line.strip()), "no output")
