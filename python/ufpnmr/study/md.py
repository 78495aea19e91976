"""The MD stage: the environment's own `lmp` in a subprocess, continued from its newest restart."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from ufpnmr.errors import UfpError
from ufpnmr.lmp_process import error_line, lmp_command, run_lmp
from ufpnmr.study.config import StudyConfig

__all__ = ["RUN_NAME", "lammps_command", "run_md", "trajectory_file"]

RUN_NAME = "md"
"""Prefix of the files of the run inside ``FOLDER/md``."""

_POLL = 0.5


def trajectory_file(folder: Path) -> Path:
    """Return where the MD stage leaves its trajectory."""
    return folder / "md" / f"{RUN_NAME}.lammpstrj"


def lammps_command(config: StudyConfig) -> list[str]:
    """Return the command line of the run: ``lmp`` of this environment, under its own ``mpiexec`` for several ranks."""
    md = config.md
    assert md is not None
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
    arguments = ["-in", str(md.input), "-log", "none"]
    for name, value in variables.items():
        arguments += ["-var", name, str(value)]
    return lmp_command(arguments, md.ranks)


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
    done = 0

    def watch() -> None:
        nonlocal done
        step = _last_step(work / f"{RUN_NAME}.log")
        if step > done:
            advance(step - done)
            done = step

    code = run_lmp(lammps_command(config), work, output, threads=md.threads, poll=_POLL, watch=watch)
    if code != 0:
        raise UfpError(f"md: {error_line(output)} (lmp ended with code {code}; see {output})")
    if not trajectory_file(folder).is_file():
        raise UfpError(f"md: {md.input} ended without writing {trajectory_file(folder).name} in {work}")


def _aside(work: Path) -> Path:
    number = 1
    while (target := work.with_name(f"md.previous-{number}")).exists():
        number += 1
    return target


def _last_step(log: Path) -> int:
    """Step of the last thermo line of a LAMMPS log; 0 before the first."""
    if not log.is_file():
        return 0
    with open(log, "rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4096))
        steps = re.findall(rb"^ +(\d+) +[-\d.]+ ", stream.read(), re.MULTILINE)
    return int(steps[-1]) if steps else 0
