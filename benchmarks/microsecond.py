"""What one microsecond costs: steps per second of inputs/lps/in.md, core-hours, and a model of the scaling.

    python benchmarks/microsecond.py -o benchmarks/results/microsecond.json [--quick]

Runs inputs/lps/in.md itself (NVT at 300 K, 2 fs, its output: a frame every 50 steps, a log line every 100) with
LPS-starter.uf3 for β (384 atoms) and glass (576 atoms) after 2 ps at 300 K, and for both doubled along x, on 1 and 2
MPI ranks, 7 rounds, all in turn. A microsecond is 1 µs / timestep steps; core-hours are ranks times hours.

Model, for each phase: time per step = a n + b + c [ranks > 1] with n = atoms / ranks and no negative constant, fitted
to the four medians (two sizes, two ranks) by least squares of the relative deviation. a is the cost of an atom, b that
of a step whatever its size, c that of having neighbours on another rank. The largest deviation of the fit is printed
with it. Core-hours at more than two ranks are the model's and no measurement: ghost atoms and load imbalance of small
domains are not in it.

For comparison: Harper et al., Faraday Discuss. 255, 411 (2025), doi:10.1039/d4fd00074a, state 40,000 CPUh for their
simulation of 1 µs on one compute node, without naming the phase (theirs are as large: 384 and 576 atoms), the timestep
or the processor.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from lammps_timing import Breakdown, interleave, launch, parser, report, simd_path, spread, summary
from systems import LPS, STARTER, TIMESTEP, equilibrated

PAPER_CPU_HOURS = 40000
STEPS = 1e6 / TIMESTEP
RANKS = (1, 2)
SIZES = {1: (1, 1, 1), 2: (2, 1, 1)}
TEMPERATURE = 300.0


def run_input(folder: Path, data: Path, steps: int, ranks: int) -> tuple[Breakdown, str]:
    """Run in.md from `data` in an empty folder; return the timing and the SIMD path."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        variables = {"data": data, "potential": STARTER, "T": TEMPERATURE, "steps": steps, "restart": steps}
        arguments = [word for key, value in variables.items() for word in ("-var", key, str(value))]
        text, runs = launch(LPS / "in.md", Path(name), ranks=ranks, arguments=arguments)
        return runs[-1], simd_path(text) or "not stated"


def fit(points: dict[tuple[float, int], float]) -> dict[str, float]:
    """Fit the model to seconds per step by (atoms, ranks)."""
    keys = list(points)
    design = np.array([[atoms / ranks, 1.0, float(ranks > 1)] for atoms, ranks in keys])
    times = np.array([points[key] for key in keys])
    relative = design / times[:, None]
    constants, _ = nnls(relative, np.ones(len(times)))
    deviation = np.abs(relative @ constants - 1).max()
    names = ("a_us_per_atom", "b_us_per_step", "c_us_per_step")
    return {
        **{name: float(f"{1e6 * value:.4g}") for name, value in zip(names, constants, strict=True)},
        "largest_deviation": round(float(deviation), 4),
    }


def model_core_hours(constants: dict[str, float], atoms: int, ranks: int) -> float:
    """Return the core-hours of a microsecond by the model."""
    a, b, c = (constants[name] for name in ("a_us_per_atom", "b_us_per_step", "c_us_per_step"))
    step = 1e-6 * (a * atoms / ranks + b + (c if ranks > 1 else 0.0))
    return step * ranks * STEPS / 3600


def measure(phase: str, folder: Path, quick: bool) -> dict[str, Any]:
    """Return steps per second and core-hours of one phase on 1 and 2 ranks, and the fitted model."""
    rounds, seconds, warm_up = (1, 0.05, 0.1) if quick else (7, 2.0, 2.0)
    tasks: dict[str, Callable[[], tuple[Breakdown, str]]] = {}
    keys = {f"{size} {ranks}": (size, ranks) for size, ranks in itertools.product(SIZES, RANKS)}
    data = {size: equilibrated(folder, phase, TEMPERATURE, warm_up, repeat) for size, repeat in SIZES.items()}
    for key, (size, ranks) in keys.items():
        step = run_input(folder, data[size], 50, ranks)[0].step
        tasks[key] = partial(run_input, folder, data[size], max(50, 50 * round(seconds / step / 50)), ranks)
    runs = interleave(tasks, rounds)
    rows, points = [], {}
    for key, (_, ranks) in keys.items():
        timings = [run for run, _ in runs[key]]
        atoms = timings[0].atoms
        step = summary(run.step for run in timings)
        points[atoms, ranks] = step["median"]
        rows.append(
            {
                "atoms": atoms,
                "ranks": ranks,
                "steps_per_s": summary(1 / run.step for run in timings),
                "us_per_atom_step_and_core": summary(1e6 * run.step * ranks / atoms for run in timings),
                "sections": {
                    name: summary(run.sections[name] / run.loop for run in timings)["median"]
                    for name in timings[0].sections
                },
                "core_hours_per_us": summary(run.step * ranks * STEPS / 3600 for run in timings),
                "days_per_us": float(f"{step['median'] * STEPS / 86400:.4g}"),
            }
        )
    constants = fit(points)
    smallest = rows[0]["atoms"]
    return {
        "phase": phase,
        "simd": runs["1 1"][0][1],
        "runs": rows,
        "model": constants,
        "model_core_hours_per_us": {
            str(ranks): round(model_core_hours(constants, smallest, ranks), 1) for ranks in (1, 2, 4, 8, 16)
        },
        "paper_over_measured_1_rank": round(PAPER_CPU_HOURS / rows[0]["core_hours_per_us"]["median"], 1),
    }


def show(result: dict[str, Any]) -> None:
    """Print one phase."""
    print(f"\n{result['phase']}, timestep {TIMESTEP} ps: a microsecond is {STEPS:.3g} steps")
    print(" atoms  ranks  steps/s                     µs core/atom-step  core-hours per µs         days per µs")
    for row in result["runs"]:
        print(
            f"{row['atoms']:6} {row['ranks']:6}  {spread(row['steps_per_s'], 1):26}  "
            f"{row['us_per_atom_step_and_core']['median']:17.3f}  {spread(row['core_hours_per_us'], 0):24}  "
            f"{row['days_per_us']:.2f}"
        )
    model = result["model"]
    print(
        f"model: step = {model['a_us_per_atom']} µs atoms/ranks + {model['b_us_per_step']} µs"
        f" + {model['c_us_per_step']} µs [ranks > 1], within {model['largest_deviation']:.1%}"
    )
    atoms = result["runs"][0]["atoms"]
    hours = ", ".join(f"{ranks}: {value:.0f}" for ranks, value in result["model_core_hours_per_us"].items())
    print(f"core-hours per µs of {atoms} atoms by the model, by ranks (extrapolated beyond 2): {hours}")
    ratio = result["paper_over_measured_1_rank"]
    print(f"Harper et al. 2025: {PAPER_CPU_HOURS} CPUh for 1 µs, phase not named; {ratio} times the 1-rank value here")


def main() -> None:
    """Measure as the command line says."""
    options = parser(__doc__).parse_args()
    phases = []
    with tempfile.TemporaryDirectory() as folder:
        for phase in ("beta",) if options.quick else ("beta", "glass"):
            phases.append(measure(phase, Path(folder), options.quick))
            show(phases[-1])
    report(
        "microsecond",
        options.quick,
        options.output,
        timestep_ps=TIMESTEP,
        paper={"cpu_hours": PAPER_CPU_HOURS, "doi": "10.1039/d4fd00074a", "phase": "not named"},
        model="time per step = a atoms/ranks + b + c [ranks > 1]",
        phases=phases,
    )


if __name__ == "__main__":
    main()
