"""Coverage: how often the 95 % intervals of diffusion coefficients and hop rates contain the truth.

    python benchmarks/coverage_dynamics.py -o coverage_dynamics.json
    python benchmarks/coverage_dynamics.py --replicas 400 --processes 1

Three synthetic processes (tests/ion_walks.py): independent hops, hops in groups of four, and hops of which a fifth is
taken back at once, with flicker and drift. Every replica is analysed with the defaults: window, plateau and radius are
chosen by the program. The quoted interval is that of a result that claims a value; the intervals behind refused ones
are counted too. Beside it what is often quoted instead: the exact Poisson interval of the count, and the standard error
over ions of MSD(t_max)/(6 t_max). The outcome does not depend on the number of processes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from lammps_timing import ROOT, parser, report
from ufpnmr import statistics
from ufpnmr.dynamics import find_hops
from ufpnmr.dynamics.diffusion import diffusion_coefficient
from ufpnmr.results import Record

sys.path.append(str(ROOT / "tests"))  # the processes are those of the tests
from ion_walks import Process, processes, walk

SEED = 20250000
CHUNK = 25
FRAMES, IONS, RATE = 2000, 32, 2e-3
QUANTITIES = ("diffusion", "hop rate")


def judged(record: Record, truth: float) -> dict[str, Any]:
    """Say whether a record claims a value and its interval holds the truth."""
    low, high = record.ci_low, record.ci_high
    return {
        "status": record.status,
        "claimed": record.trustworthy,
        "inside": (low is None or low <= truth) and (high is None or truth <= high) and (low, high) != (None, None),
        "below": high is not None and truth > high,
        "value": record.value,
        "half_width": None if None in (low, high) else float(np.log(high / low) / 2),
    }


def replica(process: Process, rng: np.random.Generator, frames: int, ions: int) -> dict[str, dict[str, Any]]:
    """Analyse one run."""
    paths = walk(process.make(rng, frames, ions))
    d_truth, k_truth = process.diffusion * 1e-4, process.rate * 1e12
    diffusion = diffusion_coefficient(paths, threads=1)
    numbers = diffusion.parameters
    d = judged(diffusion.record, d_truth)
    high = numbers["slope_ci_high"]
    d["unconditional"] = numbers["slope_ci_low"] <= d_truth and (high is None or d_truth <= high)
    squared = ((paths.positions[-1] - paths.positions[0]) ** 2).sum(axis=1) / (6 * (frames - 1)) * 1e-4
    over_ions = statistics.block_interval(squared)
    d["usual"] = over_ions.low <= d_truth <= over_ions.high

    hops = find_hops(paths, stability=False, threads=1)
    k = judged(hops.rate, k_truth)
    exposure = ions * (frames - 1 - hops.parameters["minimum_residence_ps"]) / 1e12
    # undo the correction of the truth for stays too short to see, to judge counts
    seen = k_truth * np.exp(-process.rate * hops.parameters["minimum_residence_ps"]) * exposure
    k["unconditional"] = hops.interval["count_ci_low"] <= seen <= hops.interval["count_ci_high"]
    k["usual"] = hops.interval["garwood_ci_low"] <= seen <= hops.interval["garwood_ci_high"]
    return {"diffusion": d, "hop rate": k}


def chunk(task: tuple[int, int, int, int, int]) -> list[dict[str, dict[str, Any]]]:
    """Analyse some replicas of one process; the random state depends on process and chunk alone."""
    index, number, count, frames, ions = task
    rng = np.random.default_rng([SEED, index, number])
    process = processes(RATE)[index]
    return [replica(process, rng, frames, ions) for _ in range(count)]


def share(hits: list[bool]) -> dict[str, float | int]:
    """Return a fraction with its standard error."""
    fraction = sum(hits) / len(hits) if hits else 0.0
    error = (fraction * (1 - fraction) / max(1, len(hits))) ** 0.5
    return {"fraction": round(fraction, 4), "std_error": round(error, 4), "of": len(hits)}


def table(outcomes: list[dict[str, dict[str, Any]]], process: Process) -> Iterator[dict[str, Any]]:
    """Return one row per quantity."""
    for quantity in QUANTITIES:
        truth = process.diffusion * 1e-4 if quantity == "diffusion" else process.rate * 1e12
        found = [outcome[quantity] for outcome in outcomes]
        claimed = [one for one in found if one["claimed"]]
        values = np.array([one["value"] for one in claimed] or [np.nan]) / truth
        yield {
            "process": process.name,
            "quantity": quantity,
            "truth": truth,
            "unit": "cm2/s" if quantity == "diffusion" else "s^-1",
            "replicas": len(found),
            "coverage": share([one["inside"] for one in claimed]),
            "too_low": round(sum(one["below"] for one in claimed) / max(1, len(claimed)), 4),
            "coverage_with_refused": share([one["unconditional"] for one in found]),
            "usual_coverage": share([one["usual"] for one in found]),
            "bias": round(float(values.mean()) - 1, 4),
            "scatter": round(float(values.std(ddof=1)), 4) if len(values) > 1 else None,
            "median_half_width": round(float(np.median([one["half_width"] for one in claimed] or [np.nan])), 4),
            "statuses": dict(Counter(one["status"] for one in found)),
        }


def main() -> None:
    """Simulate, analyse, report."""
    arguments = parser(__doc__)
    arguments.add_argument("--replicas", type=int, default=2000, help="per process")
    arguments.add_argument("--processes", type=int, default=2, help="worker processes")
    options = arguments.parse_args()
    replicas = 4 if options.quick else options.replicas
    frames, ions = FRAMES, IONS
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(options.processes) as pool:
        for index, process in enumerate(processes(RATE)):
            sizes = [min(CHUNK, replicas - start) for start in range(0, replicas, CHUNK)]
            tasks = [(index, number, size, frames, ions) for number, size in enumerate(sizes)]
            outcomes = [one for part in pool.map(chunk, tasks) for one in part]
            for row in table(outcomes, process):
                rows.append(row)
                print(
                    f"{row['process']}, {row['quantity']}: {row['coverage']['fraction']:.1%} of "
                    f"{row['coverage']['of']}, bias {row['bias']:+.1%}, {row['statuses']}",
                    flush=True,
                )
    report(
        "coverage_dynamics",
        options.quick,
        options.output,
        frames=frames,
        ions=ions,
        hops_per_frame=RATE,
        expected_hops=round(RATE * frames * ions),
        seed=SEED,
        rows=rows,
    )


if __name__ == "__main__":
    main()
