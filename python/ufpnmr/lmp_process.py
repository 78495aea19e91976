"""The environment's own `lmp` in a subprocess that ends with its caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ufpnmr import guard

__all__ = ["error_line", "lmp_command", "run_lmp"]

_GRACE = 10.0


def lmp_command(arguments: Sequence[str], ranks: int = 1) -> list[str]:
    """Return the command line of ``lmp`` of this environment, under its own ``mpiexec`` for several ranks."""
    programs = Path(sys.prefix) / "bin"
    start = [str(programs / "mpiexec"), "-n", str(ranks)] if ranks > 1 else []
    return [*start, str(programs / "lmp"), *arguments]


def run_lmp(
    command: Sequence[str],
    folder: Path,
    output: Path,
    *,
    threads: int = 1,
    poll: float | None = None,
    watch: Callable[[], object] = lambda: None,
) -> int:
    """Run a command in a folder and return its exit code; however this process ends, the command ends too.

    Parameters
    ----------
    command : sequence of str
        From `lmp_command`.
    folder : Path
        Working directory.
    output : Path
        Where its output goes.
    threads : int
        OMP_NUM_THREADS.
    poll : float, optional
        s between calls of `watch`.
    watch : callable
        Called now and then, and once at the end.
    """
    with open(output, "w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [sys.executable, guard.__file__, *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            close_fds=False,
            start_new_session=True,
        )
        try:
            running = True
            while running:
                try:
                    process.wait(poll)
                    running = False
                except subprocess.TimeoutExpired:
                    pass
                watch()
        finally:
            _stop(process)
    return int(process.returncode)


def error_line(output: Path) -> str:
    """Return the line of an output of LAMMPS that says what went wrong."""
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.strip() for line in lines if "ERROR" in line]
    return errors[0] if errors else next((line for line in reversed(lines) if line.strip()), "no output")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the command if it still runs."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
