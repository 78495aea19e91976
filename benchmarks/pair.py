"""`pair_style ufp` against `uf3` and `sw`: the force call and the whole MD step, interleaved in one process.

    python benchmarks/pair.py -o benchmarks/results/pair.json [--simd] [--case TEXT] [--quick]

One core. Of every case this process holds one LAMMPS per style, with the same potential file and cell, and runs them
in turn in blocks of about 0.15 s. Reported are the medians over the blocks and the median and quartiles of the ratios
of blocks of the same round.

Force call: the section Pair of LAMMPS's timer breakdown, divided by the number of steps. It holds `Pair::compute` and
nothing else. The atoms do not move (no integrator, no new neighbour lists, skin 1 Å), as in a single-point evaluation
repeated. MD step: the loop time of NVE at 2 fs and 200 to 300 K, 1 Å skin, lists built when an atom has moved by half
of it; everything that LAMMPS does is in it. The random cell is relaxed before.

Cases: `uk` and `nk` are the knot kinds of the file. `nk` with equidistant knots is what exporters write; `uneven` has
knots that really are not. `forces` asks for no energy, `energy + virial` for both in every step, `per-atom virial` also
for the stress of every atom. `sw` has synthetic parameters and the cutoff of the three-body terms.
Before the timing the forces of `ufp` and `uf3` are compared; the relative rms difference is in the result.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from lammps_timing import Instance, cpu_flags, instances, interleave, parser, ratio, report, simd_path, spread, summary
from systems import (
    LPS_ELEMENTS,
    SEED,
    STARTER,
    equilibrated,
    masses,
    niobium_cell,
    niobium_potential,
    random_cell,
    random_potential,
    setup,
    spline_pair,
    stillinger_weber,
    surroundings,
)

TEMPERATURE = 300.0  # K
PATHS = {"baseline": set(), "avx2": {"avx2", "fma"}, "avx512": {"avx512f", "avx512dq", "avx512vl"}}
TALLY = {
    "forces": ["thermo_style custom step", "thermo 0"],
    "energy + virial": ["thermo_style custom step pe press", "thermo 1"],
    "per-atom virial": [
        "compute stress all stress/atom NULL pair",
        "compute total all reduce sum c_stress[1]",
        "thermo_style custom step c_total",
        "thermo 1",
    ],
}
STILL = ["neigh_modify delay 0 every 1000000 check no"]
MOVING = ["fix integrate all nve"]


@dataclass(frozen=True)
class Case:
    """One row of the table; cutoffs in Å, two-body and three-body legs."""

    system: str
    knots: str
    cutoffs: tuple[float, float]
    tally: str = "forces"
    degree: int = 3

    @property
    def name(self) -> str:
        """Return the name in the table."""
        terms = "two-body only" if self.degree == 2 else self.tally
        return f"{self.system}, {self.cutoffs[0]:g}/{self.cutoffs[1]:g} Å, {self.knots}, {terms}"


def cases() -> list[Case]:
    """Return all cases, the main ones first."""
    standard = (6.5, 4.5)
    variants: list[dict[str, Any]] = [{"tally": "energy + virial"}, {"tally": "per-atom virial"}, {"degree": 2}]
    return [
        *(Case("random", knots, standard) for knots in ("uk", "nk", "uneven")),
        Case(STARTER.name, "uk", (6.0, 4.0)),
        Case("Nb.uf3", "nk", (8.0, 4.0)),
        *(Case("random", knots, cutoffs) for cutoffs in ((6.0, 4.0), (7.0, 5.0)) for knots in ("uk", "nk")),
        *(Case("random", knots, standard, **variant) for variant in variants for knots in ("uk", "nk")),
    ]


class Workshop:
    """Makes every file once, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.potential = cache(self._potential)
        self.cell = cache(self._cell)
        self.start = cache(self._start)

    def _potential(self, system: str, knots: str, cutoffs: tuple[float, float]) -> tuple[Path, Sequence[str]]:
        if system == STARTER.name:
            return STARTER, LPS_ELEMENTS
        if system == "Nb.uf3":
            return niobium_potential(self.folder), ("Nb",)
        kind, warp = ("nk", 1.3) if knots == "uneven" else (knots, 1.0)
        return random_potential(self.folder, kind, cutoffs, warp), LPS_ELEMENTS

    def _cell(self, system: str) -> Path:
        if system == STARTER.name:
            return equilibrated(self.folder, "beta", TEMPERATURE, 1.0)
        return niobium_cell(self.folder) if system == "Nb.uf3" else random_cell(self.folder)

    def _start(self, system: str, knots: str, cutoffs: tuple[float, float]) -> Path:
        """State at 300 K for the MD."""
        path = self.folder / f"data.{system}-{knots}-{cutoffs[0]}"
        lammps = Instance(self.folder, self.input("ufp", Case(system, knots, cutoffs), self.cell(system), []))
        if system == "random":
            lammps.commands(["minimize 0.0 0.1 200 1000"])
        lammps.commands(
            [
                f"velocity all create {TEMPERATURE} {SEED} mom yes rot no dist gaussian",
                f"fix integrate all nvt temp {TEMPERATURE} {TEMPERATURE} 0.1",
                "run 100 post no",
                f"write_data {path} nocoeff",
            ]
        )
        lammps.close()
        return path

    def input(self, style: str, case: Case, data: Path, extra: Sequence[str]) -> list[str]:
        """Return the input of `style` up to its first evaluation."""
        potential, elements = self.potential(case.system, case.knots, case.cutoffs)
        if style == "sw":
            pair = spline_pair("sw", stillinger_weber(self.folder, elements, case.cutoffs[1]), elements)
        else:
            pair = spline_pair(f"{style} {case.degree}", potential, elements)
        return [*setup(data, pair), *masses(elements), *TALLY[case.tally], *extra]


def measure(case: Case, workshop: Workshop, rounds: int, seconds: float) -> dict[str, Any]:
    """Return everything measured of `case`; times in µs per atom."""
    styles = ["ufp", "uf3", *(["sw"] if case.degree == 3 else [])]
    data = workshop.cell(case.system)

    def blocks(names: Sequence[str], start: Path, extra: Sequence[str]) -> tuple[dict[str, list[Any]], float, str]:
        inputs = {name: workshop.input(name, case, start, extra) for name in names}
        with instances(workshop.folder, inputs) as lammps:
            logs = {name: instance.logged(["run 0 post no"]) for name, instance in lammps.items()}
            expected = lammps["uf3"].forces()
            difference = float(np.linalg.norm(lammps["ufp"].forces() - expected) / np.linalg.norm(expected))
            if difference > 1e-8:
                raise SystemExit(f"{case.name}: forces of ufp and uf3 differ by {difference:.1e} of their norm")
            tasks = {name: partial(instance.run, instance.steps_lasting(seconds)) for name, instance in lammps.items()}
            return interleave(tasks, rounds), difference, logs["ufp"]

    still, difference, log = blocks(styles, data, STILL)
    moving, _, _ = blocks(["ufp", "uf3"], workshop.start(case.system, case.knots, case.cutoffs), MOVING)
    atoms = still["ufp"][0].atoms
    call = {name: [1e6 * run.pair / atoms for run in runs] for name, runs in still.items()}
    step = {name: [1e6 * run.step / atoms for run in runs] for name, runs in moving.items()}
    return {
        "case": case.name,
        "atoms": atoms,
        **surroundings(data, case.cutoffs),
        "simd": simd_path(log),
        "relative_force_difference": difference,
        "force_call_us_per_atom": {name: summary(times) for name, times in call.items()},
        "uf3_over_ufp": ratio(call["uf3"], call["ufp"]),
        "sw_over_ufp": ratio(call["sw"], call["ufp"]) if "sw" in call else None,
        "md_step_us_per_atom": {name: summary(times) for name, times in step.items()},
        "md_uf3_over_ufp": ratio(step["uf3"], step["ufp"]),
    }


def run(chosen: Sequence[Case], quick: bool) -> list[dict[str, Any]]:
    """Measure the cases and print one line of each."""
    rounds, seconds = (2, 0.01) if quick else (15, 0.15)
    results = []
    print(f"{'case':52} {'ufp':>7} {'uf3':>7} µs/atom   uf3/ufp, force call     whole step  sw/ufp", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        for case in chosen:
            result = measure(case, workshop, rounds, seconds)
            results.append(result)
            call = result["force_call_us_per_atom"]
            line = f"{case.name:52} {call['ufp']['median']:7.2f} {call['uf3']['median']:7.2f}         "
            line += f"  {spread(result['uf3_over_ufp']):22}  {result['md_uf3_over_ufp']['median']:10.2f}"
            print(line + (f"  {result['sw_over_ufp']['median']:6.2f}" if result["sw_over_ufp"] else ""), flush=True)
    return results


def run_forced(path: str, arguments: Sequence[str]) -> list[dict[str, Any]]:
    """Run this script with one SIMD path forced and return its results."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pair.json"
        print(f"UFP_SIMD={path}", flush=True)
        command = [sys.executable, __file__, *arguments, "-o", str(output)]
        subprocess.run(command, check=True, env={**os.environ, "UFP_SIMD": path})
        results: list[dict[str, Any]] = json.loads(output.read_text())["runs"][0]["cases"]
    if any(case["simd"] != path for case in results):
        print(f"the log names the path {results[0]['simd']}: {path} was not forced", flush=True)
    return results


def main() -> None:
    """Measure as the command line says."""
    arguments = parser(__doc__)
    arguments.add_argument("--simd", action="store_true", help="once with every SIMD path that this processor has")
    arguments.add_argument("--case", default="", help="only cases whose name contains this text")
    options = arguments.parse_args()
    chosen = [case for case in cases() if options.case in case.name][: 2 if options.quick else None]
    if not chosen:
        arguments.error(f"no case contains {options.case!r}: " + "; ".join(case.name for case in cases()))
    if options.simd:
        forward = ["--case", options.case, *(["--quick"] if options.quick else [])]
        available = [path for path, flags in PATHS.items() if flags <= cpu_flags()]
        runs: list[dict[str, Any]] = [{"forced": path, "cases": run_forced(path, forward)} for path in available]
    else:
        runs = [{"forced": os.environ.get("UFP_SIMD"), "cases": run(chosen, options.quick)}]
    report("pair", options.quick, options.output, runs=runs)


if __name__ == "__main__":
    main()
