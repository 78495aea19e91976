"""Run LAMMPS for a measurement: its timer breakdown, interleaved repetitions, medians with quartiles, JSON.

Shared by the scripts of this folder. LAMMPS prints after every run how long each part of a step took; `parse` reads
that. Two things are compared only when their runs alternate (`interleave`): another load on the machine or a change of
its clock then hits both, and the median of the ratios of neighbouring runs is what is reported.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ufpnmr.lammps import start
from ufpnmr.provenance import collect

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOAD_BEFORE = round(os.getloadavg()[0], 2)
T = TypeVar("T")

# LAMMPS in this process: one thread whatever the shell says. Read when its library is loaded.
os.environ["OMP_NUM_THREADS"] = "1"

_LOOP = re.compile(r"^Loop time of (\S+) on (\d+) procs for (\d+) steps with (\d+) atoms", re.M)
_SECTION = re.compile(r"^(Pair|Neigh|Comm|Output|Modify|Other) +\|([^|]*)\|([^|]*)\|([^|]*)\|", re.M)
_SIMD = re.compile(r"\b(baseline|avx-?2|avx-?512)\b", re.I)


@dataclass(frozen=True)
class Breakdown:
    """What LAMMPS prints after one run.

    Attributes
    ----------
    loop : float
        Wall time of all steps, s; setup and output of the summary are not in it.
    steps, atoms, ranks : int
        Number of steps, atoms and MPI ranks.
    sections : dict of str to float
        Wall time in Pair, Neigh, Comm, Output, Modify and Other, mean over ranks, s.
    pair_maximum : float
        Wall time in Pair of the slowest rank, s.
    builds : int
        Neighbour list builds.
    dangerous : int or None
        Builds that may have come too late; None where LAMMPS does not check.
    """

    loop: float
    steps: int
    atoms: int
    ranks: int
    sections: dict[str, float]
    pair_maximum: float
    builds: int
    dangerous: int | None

    @property
    def step(self) -> float:
        """Wall time per step, s."""
        return self.loop / self.steps

    @property
    def pair(self) -> float:
        """Wall time of one force call, mean over ranks, s."""
        return self.sections["Pair"] / self.steps


def parse(log: str) -> list[Breakdown]:
    """Return the breakdown of every run in the text of a LAMMPS log."""
    runs = []
    starts = list(_LOOP.finditer(log))
    for loop, following in zip(starts, [*starts[1:], None], strict=True):
        text = log[loop.start() : following.start() if following else None]
        rows = {row[1]: row for row in _SECTION.finditer(text)}
        dangerous = re.search(r"^Dangerous builds = (\d+)", text, re.M)
        builds = re.search(r"^Neighbor list builds = (\d+)", text, re.M)
        runs.append(
            Breakdown(
                loop=float(loop[1]),
                steps=int(loop[3]),
                atoms=int(loop[4]),
                ranks=int(loop[2]),
                sections={name: float(row[3]) for name, row in rows.items()},
                pair_maximum=float(rows["Pair"][4]),
                builds=int(builds[1]) if builds else 0,
                dangerous=int(dangerous[1]) if dangerous else None,
            )
        )
    return runs


class Instance:
    """LAMMPS in this process on one rank."""

    def __init__(self, folder: Path, commands: Iterable[str]) -> None:
        self._log = Path(tempfile.mkdtemp(dir=folder)) / "log.lammps"
        self._lammps = start(["-screen", "none", "-nocite", "-log", str(self._log)])
        self.commands(commands)

    def commands(self, lines: Iterable[str]) -> None:
        """Execute input lines."""
        self._lammps.commands_list(list(lines))

    def logged(self, lines: Iterable[str]) -> str:
        """Execute input lines and return what they wrote to the log."""
        self.commands([f"log {self._log}", *lines, "log none"])
        return self._log.read_text()

    def run(self, steps: int, options: str = "pre no post yes") -> Breakdown:
        """Run `steps` steps, by default without setting up again."""
        return parse(self.logged([f"run {steps} {options}"]))[-1]

    def steps_lasting(self, seconds: float) -> int:
        """Return how many steps take about `seconds`, at least 2."""
        self.run(2)
        return max(2, math.ceil(seconds / self.run(2).step))

    def forces(self) -> NDArray[np.float64]:
        """Return the forces in the order of the atom IDs, (atoms, 3), eV/Å."""
        return np.array(self._lammps.gather_atoms("f", 1, 3)).reshape(-1, 3)

    def close(self) -> None:
        """End LAMMPS."""
        self._lammps.close()


@contextlib.contextmanager
def instances(folder: Path, inputs: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Instance]]:
    """Yield one LAMMPS in this process for each of the named inputs."""
    with contextlib.ExitStack() as stack:
        opened = {}
        for name, commands in inputs.items():
            opened[name] = Instance(folder, commands)
            stack.callback(opened[name].close)
        yield opened


def launch(
    script: Path, folder: Path, *, ranks: int = 1, threads: int = 1, arguments: Sequence[str] = ()
) -> tuple[str, list[Breakdown]]:
    """Run an input with the `lmp` of this environment in a process of its own; return screen output and breakdowns."""
    command = [str(BIN / "lmp"), "-in", str(script), "-log", "none", "-nocite", *arguments]
    if ranks > 1:
        command = [str(BIN / "mpiexec"), "-n", str(ranks), *command]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)}
    )
    if done.returncode != 0:
        raise SystemExit(
            f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout, parse(done.stdout)


def interleave(tasks: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Call every task once per round, in turn forwards and backwards; return the results of each by round."""
    results: dict[str, list[T]] = {name: [] for name in tasks}
    for number in range(rounds):
        for name in list(tasks) if number % 2 == 0 else list(tasks)[::-1]:
            results[name].append(tasks[name]())
    return results


def summary(values: Iterable[float]) -> dict[str, float]:
    """Return median and quartiles, rounded to 5 digits, and their number."""
    data = np.array(list(values), float)
    q1, median, q3 = (float(f"{x:.5g}") for x in np.percentile(data, [25, 50, 75]))
    return {"median": median, "q1": q1, "q3": q3, "runs": len(data)}


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Return median and quartiles of the ratios of runs made in the same round."""
    return summary(a / b for a, b in zip(above, below, strict=True))


def spread(values: Mapping[str, float], digits: int = 2) -> str:
    """Return ``median (q1 to q3)``."""
    return f"{values['median']:.{digits}f} ({values['q1']:.{digits}f} to {values['q3']:.{digits}f})"


def simd_path(log: str) -> str | None:
    """Return the SIMD path that the log block of ``pair_style ufp`` names, None where it names none."""
    found = _SIMD.search(log.partition("pair_style ufp:")[2].partition("Neighbor list info")[0])
    return found[1].lower().replace("-", "") if found else None


def cpu_flags() -> set[str]:
    """Return the instruction sets of this processor as Linux names them."""
    found = re.search(r"^flags\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return set(found[1].split()) if found else set()


def machine() -> dict[str, Any]:
    """Describe where the numbers come from: processor, load before the measurement, versions, commit."""
    model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    provenance = collect()
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average_before": LOAD_BEFORE,
        "versions": provenance["versions"],
        "commit": git("rev-parse", "--short", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else ""),
        # folders are those of the machine it ran on
        "command": " ".join(Path(word).name for word in provenance["command"].split()),
        "date": provenance["date"],
    }


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts share."""
    new = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    new.add_argument("-o", "--output", type=Path, help="write the result as JSON")
    new.add_argument(
        "--quick", action="store_true", help="a few seconds: shows that the script works, measures nothing"
    )
    return new


def report(benchmark: str, quick: bool, output: Path | None, **result: Any) -> None:
    """Write the result with a description of the machine to `output`, if given."""
    if output is not None:
        content = {"benchmark": benchmark, "quick": quick, "machine": machine(), **result}
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
