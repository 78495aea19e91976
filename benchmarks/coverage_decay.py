"""How often the 95 % interval of a decay time holds the truth, over synthetic trajectories.

    python benchmarks/coverage_decay.py -o benchmarks/results/coverage_decay.json [--runs 2000] [--workers 1] [--quick]

Processes (jump_processes.py): two sites, isotropic jumps, a glass with a distribution of barriers, each with thermal
noise; two sites with ions that jump in groups of five. Runs of 10, 30 and 100 decay times, 13, 50 and 216 ions, frames
every τ/5 (glass: τ/20); `correlate` (on the ladder of lags, which is exact up to 24 frames) and
`ufpnmr.nmr.decay.estimate` with their defaults, γ free for the glass. Every run of 216 ions also serves as one of 13
and one of 50 (other ions), so cells of one row are not independent of each other. A finished row goes into the JSON at
once; the same command after a kill does the rows that are missing there, or that other code or fewer runs made.

The truth is the τ of the process; for the glass, whose decay is not exactly stretched, τ of the same fit to the exact
curve with the median weights of the runs. Coverage is that of the runs that claim a value; beside it stands how many
do, and the coverage of the intervals of all runs that were fitted, claimed or not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import ufpnmr.nmr
from jump_processes import PROCESSES
from lammps_timing import parser, report
from ufpnmr.isotopes import isotope
from ufpnmr.nmr import correlate
from ufpnmr.nmr.decay import estimate
from ufpnmr.nmr.stretched import Fixed, fit_curves
from ufpnmr.results import TRUSTWORTHY

RATIOS = (10, 30, 100)
IONS = (13, 50, 216)
CHUNK = 25
ALONG_Z = np.array([-0.5, -0.5, 1.0, 0.0, 0.0, 0.0]) / isotope("7Li").coupling_khz


def series(frequencies: np.ndarray) -> SimpleNamespace:
    """Axial tensors with these ω_Q (T, N), kHz, as a tensor series with frames every ps."""
    n_frames, n_ions = frequencies.shape
    tensors = (frequencies[..., None] * ALONG_Z).astype(np.float32)
    cell = np.broadcast_to(np.eye(3), (n_frames, 3, 3))
    return SimpleNamespace(
        time=np.arange(float(n_frames)), ids=np.arange(n_ions), V=tensors, cell=cell, axes="", engine="synthetic"
    )


def fixed(process: str) -> Fixed:
    """What the fit is told."""
    return Fixed(gamma=None if process == "glass" else 1.0)


def chunk(task: tuple[str, int, int, int]) -> dict[int, list[dict[str, Any]]]:
    """Runs `first` ... of one process and length: interval, status and weights for every number of ions."""
    process, ratio, first, count = task
    made, most = PROCESSES[process], max(IONS)
    runs = []
    for run in range(first, first + count):
        rng = np.random.default_rng([list(PROCESSES).index(process), ratio, run])
        runs.append(made.make(rng, round(made.tau * ratio), most))
    # the ions of all runs at once, which is faster and changes nothing: sums are kept by ion
    together = correlate(series(100 * np.concatenate(runs, axis=1)), method="multi_tau")
    found: dict[int, list[dict[str, Any]]] = {n: [] for n in IONS}
    for k in range(count):
        start = k * most
        for n in IONS:
            part = slice(start, start + n) if n < most else slice(k * most, (k + 1) * most)
            start += n
            some = dataclasses.replace(together, sums=together.sums[:, part], ids=together.ids[part])
            fit = estimate(some, fixed(process), some.duration / 4)
            low, high = fit.interval
            found[n].append(
                {
                    "status": fit.status,
                    "tau": None if fit.fit is None else float(fit.fit.tau[0]),
                    "interval": (low, high),
                    "sd": None if fit.errors is None else fit.errors.std_error,
                    "variance": fit.sigma**2,
                    "lag": fit.curves.lag,
                }
            )
    return found


def timed_chunk(task: tuple[str, int, int, int]) -> tuple[dict[int, list[dict[str, Any]]], float]:
    """Runs of `chunk` and the CPU time they took."""
    begin = time.process_time()
    return chunk(task), time.process_time() - begin


def truth(process: str, runs: list[dict[str, Any]]) -> float:
    """Decay time that the fit would find on the exact curve."""
    lag = runs[0]["lag"]
    weights = 1 / np.median([run["variance"] for run in runs], axis=0)
    return float(fit_curves(lag, PROCESSES[process].decay(lag)[None], weights, fixed(process)).tau[0])


def cell(process: str, ratio: int, n_ions: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Coverage and what belongs to it."""
    tau = truth(process, runs)
    claimed = [run for run in runs if run["status"] in TRUSTWORTHY]
    hits = [run["interval"][0] <= tau <= run["interval"][1] for run in claimed]
    logs = np.log([run["tau"] / tau for run in runs if run["tau"] is not None])
    fitted = [run["interval"][0] <= tau <= run["interval"][1] for run in runs if run["tau"] is not None]
    bounds = [run["interval"][0] <= tau for run in runs if run["status"] == "window_too_short"]
    share = len(claimed) / len(runs)
    coverage = float(np.mean(hits)) if claimed else None
    return {
        "process": process,
        "T_over_tau": ratio,
        "ions": n_ions,
        "runs": len(runs),
        "true_tau_frames": round(tau, 4),
        "claimed": round(share, 4),
        "coverage": None if coverage is None else round(coverage, 4),
        "coverage_std_error": None if coverage is None else round((0.95 * 0.05 / len(claimed)) ** 0.5, 4),
        "coverage_of_all_fitted": round(float(np.mean(fitted)), 4) if fitted else None,
        "missed_below": round(float(np.mean([run["interval"][1] < tau for run in claimed])), 4) if claimed else None,
        "missed_above": round(float(np.mean([run["interval"][0] > tau for run in claimed])), 4) if claimed else None,
        "lower_bounds_that_hold": round(float(np.mean(bounds)), 4) if bounds else None,
        "median_ln_tau_over_truth": round(float(np.median(logs)), 4),
        "scatter_of_ln_tau": round(float(np.std(logs)), 4),
        "median_stated_error": round(float(np.median([run["sd"] for run in runs if run["sd"] is not None])), 4),
        "statuses": dict(Counter(run["status"] for run in runs)),
    }


def code() -> str:
    """Hash of what decides the numbers."""
    sources = sorted(Path(ufpnmr.nmr.__file__).parent.glob("*.py"))
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for source in (*sources, here / "coverage_decay.py", here / "jump_processes.py"):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def kept(output: Path | None, version: str) -> list[dict[str, Any]]:
    """Cells of an earlier call that the same code made."""
    if output is None or not output.is_file():
        return []
    earlier = json.loads(output.read_text(encoding="utf-8"))
    return list(earlier["cells"]) if earlier.get("code") == version else []


def main() -> None:
    """Run what is missing and print the table."""
    arguments = parser(__doc__)
    arguments.add_argument("--workers", type=int, default=1)
    arguments.add_argument("--runs", type=int, default=2000, help="per cell")
    options = arguments.parse_args()
    runs, ratios = (CHUNK, RATIOS[:2]) if options.quick else (options.runs, RATIOS)
    version = code()
    table = kept(options.output, version)
    done = {(one["process"], one["T_over_tau"]) for one in table if one["runs"] >= runs}
    rows = [(process, ratio) for ratio in ratios for process in PROCESSES]
    order = [(*row, n) for row in rows for n in IONS]
    with multiprocessing.Pool(options.workers) as pool:
        for process, ratio in rows:
            if (process, ratio) in done:
                continue
            begin = time.monotonic()
            tasks = [(process, ratio, first, min(CHUNK, runs - first)) for first in range(0, runs, CHUNK)]
            gathered: dict[int, list[dict[str, Any]]] = {n: [] for n in IONS}
            cpu = 0.0
            for found, seconds in pool.imap(timed_chunk, tasks):
                cpu += seconds
                for n, some in found.items():
                    gathered[n].extend(some)
            table = [one for one in table if (one["process"], one["T_over_tau"]) != (process, ratio)]
            for n, some in gathered.items():
                table.append({**cell(process, ratio, n, some), "cpu_seconds_of_row": round(cpu, 1)})
                print(*(table[-1][key] for key in ("process", "T_over_tau", "ions", "claimed", "coverage", "statuses")))
            table.sort(key=lambda one: order.index((one["process"], one["T_over_tau"], one["ions"])))
            report("coverage_decay", options.quick, options.output, code=version, cells=table)
            print(f"{process}, {ratio} τ: {cpu:.0f} s of CPU, {time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
