"""How `pair_style ufp` scales: threads, MPI ranks, number of atoms.

    python benchmarks/parallel.py -o benchmarks/results/parallel.json [--quick]

Threads and ranks: `lmp` in a process of its own, LPS-starter.uf3 with the β (384 atoms) and glass (576 atoms) structure
after 2 ps at 300 K, NVT at 2 fs as in inputs/lps/in.md without output. In each of 9 rounds every way has its turn:

    serial        1 rank, 1 thread
    threads       1 rank, `-pk omp 2`: two threads in the style and for the neighbour lists
    threads -sf   1 rank, `-sf omp -pk omp 2`: also in the integrator
    ranks         2 ranks
    zero serial, zero ranks: the same with `pair_style zero` of the same cutoff and full list in place of `ufp`

`zero` is LAMMPS alone: integration, communication, neighbour lists. Its atoms fly freely, so its temperature is set
such that it builds as many neighbour lists as `ufp` does. Its share of the time at 2 ranks, and the speed-up of the
time above it, are reported.

Size: the β structure replicated to 10⁴, 10⁵ and 10⁶ atoms on one core, all in this process, NVE from 300 K, blocks of
20 steps interleaved. Bytes per atom are what the resident memory of the process grew by from before the atoms to after
the first steps, and what LAMMPS says about itself ("Per MPI rank memory allocation", which counts the style).
"""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from lammps_timing import Breakdown, Instance, interleave, launch, parse, parser, ratio, report, spread, summary
from systems import equilibrated, lps_pair, setup

TEMPERATURE = 300.0
PARALLEL = ("threads", "threads -sf", "ranks")
ZERO = ["pair_style zero 6.0 full", "pair_coeff * *"]
WAYS: dict[str, dict[str, Any]] = {
    "serial": {},
    "threads": {"threads": 2, "arguments": ["-pk", "omp", "2"]},
    "threads -sf": {"threads": 2, "arguments": ["-sf", "omp", "-pk", "omp", "2"]},
    "ranks": {"ranks": 2},
    "zero serial": {"zero": True},
    "zero ranks": {"ranks": 2, "zero": True},
}
REPLICAS = {False: [(3, 3, 3), (6, 6, 7), (12, 12, 18)], True: [(1, 1, 1), (2, 2, 2)]}


def run_way(
    folder: Path, data: Path, steps: int, temperature: float, *, zero: bool = False, **options: Any
) -> Breakdown:
    """Run one way; `temperature` (K) is that of the thermostat and of the velocities."""
    script = folder / "in.way"
    lines = [
        *setup(data, ZERO if zero else lps_pair()),
        f"velocity all scale {temperature}",
        f"fix integrate all nvt temp {temperature} {temperature} 0.1",
        f"run {steps}",
    ]
    script.write_text("\n".join(lines) + "\n")
    return launch(script, folder, **options)[1][-1]


def free_flight_temperature(folder: Path, data: Path, steps: int) -> float:
    """Return the temperature (K) at which free atoms need as many neighbour lists as LPS-starter.uf3 at TEMPERATURE."""
    wanted = run_way(folder, data, steps, TEMPERATURE).builds
    found = run_way(folder, data, steps, TEMPERATURE, zero=True).builds
    return TEMPERATURE * (max(wanted, 1) / max(found, 1)) ** 2


def scaling(phase: str, folder: Path, quick: bool) -> dict[str, Any]:
    """Return times and speed-ups of all ways for one structure."""
    data = equilibrated(folder, phase, TEMPERATURE, 0.1 if quick else 2.0)
    rounds, seconds = (1, 0.1) if quick else (9, 2.0)
    steps = max(10, round(seconds / run_way(folder, data, 20 if quick else 200, TEMPERATURE).step))
    slow = free_flight_temperature(folder, data, steps)
    tasks = {}
    for name, way in WAYS.items():
        temperature = slow if "zero" in way else TEMPERATURE
        tasks[name] = partial(run_way, folder, data, steps, temperature, **way)
    runs = interleave(tasks, rounds)
    step = {name: [run.step for run in values] for name, values in runs.items()}
    pair = {name: [run.pair for run in values] for name, values in runs.items()}
    ours = {
        ranks: [u - z for u, z in zip(step[ranks], step[f"zero {ranks}"], strict=True)] for ranks in ("serial", "ranks")
    }
    return {
        "phase": phase,
        "atoms": runs["serial"][0].atoms,
        "steps": steps,
        "zero_temperature_K": round(slow, 1),
        "ways": {
            name: {
                "us_per_step": summary(1e6 * t for t in step[name]),
                "sections_us_per_step": {
                    section: summary(1e6 * run.sections[section] / run.steps for run in values)["median"]
                    for section in values[0].sections
                },
                "pair_slowest_over_mean": summary(run.pair_maximum / max(run.sections["Pair"], 1e-9) for run in values)[
                    "median"
                ],
                "builds_per_100_steps": round(100 * values[0].builds / steps, 2),
            }
            for name, values in runs.items()
        },
        "speed_up": {name: ratio(step["serial"], step[name]) for name in PARALLEL},
        "speed_up_force_call": {
            name: ratio(pair["serial"], pair[name]) for name in ("threads", "threads -sf", "ranks")
        },
        "zero_speed_up_ranks": ratio(step["zero serial"], step["zero ranks"]),
        "zero_share_ranks": ratio(step["zero ranks"], step["ranks"]),
        "speed_up_ranks_above_zero": ratio(ours["serial"], ours["ranks"]),
    }


def resident_bytes() -> int:
    """Return the resident memory of this process, bytes."""
    kilobytes = re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.M)
    return 1024 * int(kilobytes[1]) if kilobytes else 0


def size(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Return time per atom and step, and memory per atom, of growing cells."""
    data = equilibrated(folder, "beta", TEMPERATURE, 0.1 if quick else 2.0)
    rounds, steps = (1, 2) if quick else (3, 20)
    cells: dict[str, Instance] = {}
    memory: dict[str, dict[str, int]] = {}
    for repeat in REPLICAS[quick]:
        name, before = "x".join(map(str, repeat)), resident_bytes()
        lines = [*setup(data, lps_pair()), "replicate {} {} {}".format(*repeat), "fix integrate all nve"]
        cells[name] = Instance(folder, lines)
        log = cells[name].logged([f"run {steps}"])
        atoms = parse(log)[0].atoms
        said = re.search(r"^Per MPI rank memory allocation .* \| (\S+) Mbytes", log, re.M)
        memory[name] = {
            "resident_bytes_per_atom": round((resident_bytes() - before) / atoms),
            "lammps_bytes_per_atom": round(2**20 * float(said[1]) / atoms) if said else 0,
        }
    runs = interleave({name: partial(lammps.run, steps) for name, lammps in cells.items()}, rounds)
    for lammps in cells.values():
        lammps.close()
    results = []
    for name, values in runs.items():
        step, pair = ([getattr(run, part) / run.atoms for run in values] for part in ("step", "pair"))
        smallest = [run.step / run.atoms for run in runs[next(iter(runs))]]
        results.append(
            {
                "cells": name,
                "atoms": values[0].atoms,
                "us_per_atom_step": summary(1e6 * t for t in step),
                "force_call_us_per_atom": summary(1e6 * t for t in pair),
                "over_smallest": ratio(step, smallest),
                "builds_per_100_steps": round(100 * sum(run.builds for run in values) / (steps * rounds), 1),
                **memory[name],
            }
        )
    return results


def show_scaling(result: dict[str, Any]) -> None:
    """Print one structure."""
    print(f"\n{result['phase']}, {result['atoms']} atoms, runs of {result['steps']} steps; µs per step")
    sections = list(result["ways"]["serial"]["sections_us_per_step"])
    print(f"{'':12} {'step':>9}" + "".join(f"{section:>9}" for section in sections) + "  lists/100 steps")
    for name, way in result["ways"].items():
        parts = "".join(f"{way['sections_us_per_step'].get(section, 0):9.1f}" for section in sections)
        print(f"{name:12} {way['us_per_step']['median']:9.1f}{parts} {way['builds_per_100_steps']:10.1f}")
    for name, value in result["speed_up"].items():
        force = result["speed_up_force_call"][name]
        print(f"speed-up, {name:12} {spread(value)}; force call {spread(force)}")
    print(f"LAMMPS alone (zero): speed-up by 2 ranks {spread(result['zero_speed_up_ranks'])}, ", end="")
    print(f"share of the step on 2 ranks {spread(result['zero_share_ranks'])}")
    print(f"speed-up by 2 ranks of the time above zero {spread(result['speed_up_ranks_above_zero'])}")


def main() -> None:
    """Measure as the command line says."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phases = []
        for phase in ("beta",) if options.quick else ("beta", "glass"):
            phases.append(scaling(phase, folder, options.quick))
            show_scaling(phases[-1])
        sizes = size(folder, options.quick)
    print("\n     atoms  µs/atom-step            over the smallest       bytes/atom resident, by LAMMPS")
    for row in sizes:
        text = f"{row['atoms']:10}  {spread(row['us_per_atom_step']):22}  {spread(row['over_smallest']):22}"
        print(f"{text}  {row['resident_bytes_per_atom']}, {row['lammps_bytes_per_atom']}")
    report("parallel", options.quick, options.output, scaling=phases, sizes=sizes)


if __name__ == "__main__":
    main()
