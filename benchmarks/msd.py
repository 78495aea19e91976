"""Mean-square displacement: time beside MDAnalysis's EinsteinMSD on one core, and memory of a long run.

    python benchmarks/msd.py -o msd.json
    python benchmarks/msd.py --frames 10000 --ions 216 --rounds 7 --long-frames 1000000

Brownian ions. Compared is the same thing: the displacement of every ion and of their mean at every lag, by FFT. The
peer reads positions from memory (single precision), we from an array; runs alternate and the median of the ratios of
neighbouring runs is reported. The long run is written to a scratch file in parts, as `ufp msd --scratch` does, and
analysed in a process of its own whose largest resident memory is reported. EinsteinMSD needs the package tidynamics.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lammps_timing import ROOT, interleave, parser, ratio, report, spread, summary
from ufpnmr.dynamics import mean_square_displacement
from ufpnmr.dynamics.diffusion import diffusion_coefficient
from ufpnmr.dynamics.displacements import displacement_curve, ion_curves
from ufpnmr.provenance import package_version
from ufpnmr.trajectory.scratch import ScratchPaths, ScratchWriter

sys.path.append(str(ROOT / "tests"))  # the paths are those of the tests
from ion_walks import walk

STEP = 0.1
PART = 4096


def peer(positions: np.ndarray) -> Callable[[], Any]:
    """Return a call of EinsteinMSD on the same positions."""
    import MDAnalysis
    from MDAnalysis.analysis.msd import EinsteinMSD

    universe = MDAnalysis.Universe.empty(positions.shape[1], trajectory=True)
    universe.load_new(positions.astype(np.float32), order="fac")
    return lambda: EinsteinMSD(universe, select="all", msd_type="xyz", fft=True).run().results


def long_run(folder: Path, frames: int, ions: int) -> dict[str, Any]:
    """Write and analyse a long run; return times, sizes and the largest resident memory of this process."""
    rng = np.random.default_rng(1)
    file, at, seconds = folder / "paths.h5", np.zeros((ions, 3)), 0.0
    with ScratchWriter(file, frames, np.arange(ions)) as writer:
        for start in range(0, frames, PART):
            size = min(PART, frames - start)
            steps = np.cumsum(rng.normal(0, STEP, (size, ions, 3)), axis=0) + at
            at = steps[-1]
            begin = time.process_time()
            writer.append(steps, np.tile(30 * np.eye(3), (size, 1, 1)))
            seconds += time.process_time() - begin
        writer.finish(np.arange(frames, dtype=float), "none", "all", "synthetic")
    begin = time.process_time()
    result = mean_square_displacement(ScratchPaths.open(file), threads=1)
    return {
        "frames": frames,
        "ions": ions,
        "scratch_GB": round(file.stat().st_size / 1e9, 3),
        "in_memory_GB": round(24e-9 * frames * ions, 3),
        "peak_resident_GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-9, 3),
        "transpose_ns_per_ion_frame": round(1e9 * seconds / (frames * ions), 1),
        "analysis_ns_per_ion_frame": round(1e9 * (time.process_time() - begin) / (frames * ions), 1),
        "diffusion_over_truth": round(result.parameters["slope_diffusion"] / (STEP**2 / 2 * 1e-4), 4),
    }


def measure_long(options: argparse.Namespace) -> dict[str, Any]:
    """Run `long_run` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *(sys.executable, __file__, "--inside", folder),
                *("--long-frames", str(options.long_frames), "--ions", str(options.ions)),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and report."""
    warnings.simplefilter("ignore")
    arguments = parser(__doc__)
    arguments.add_argument("--frames", type=int, default=10_000)
    arguments.add_argument("--ions", type=int, default=216)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--long-frames", type=int, default=1_000_000)
    arguments.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.quick:
        options.frames, options.ions, options.rounds, options.long_frames = 400, 8, 1, 2000
    if options.inside is not None:
        print(json.dumps(long_run(options.inside, options.long_frames, options.ions)))
        return
    rng = np.random.default_rng(0)
    paths = walk(np.cumsum(rng.normal(0, STEP, (options.frames, options.ions, 3)), axis=0))
    known = importlib.util.find_spec("tidynamics") is not None
    einstein = peer(paths.positions) if known else None

    def timed(call: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            start = time.process_time()
            call()
            return 1e9 * (time.process_time() - start) / (options.frames * options.ions)

        return run

    calls: dict[str, Callable[[], object]] = {
        "every ion and mean": lambda: ion_curves(paths, threads=1).mean(axis=0),
        "mean alone, by axis": lambda: displacement_curve(paths, threads=1),
        "diffusion coefficient with interval": lambda: diffusion_coefficient(paths, threads=1),
        "all of ufp msd": lambda: mean_square_displacement(paths, threads=1),
    }
    difference = None
    if einstein is not None:
        calls["EinsteinMSD"] = einstein
        theirs = einstein().msds_by_particle.T[:, 1:] / ion_curves(paths, threads=1)[:, 1:]
        difference = float(f"{np.abs(theirs - 1).max():.2g}")
    times = interleave({name: timed(call) for name, call in calls.items()}, options.rounds)
    cases = [
        {
            "case": name,
            "ns_per_ion_frame": summary(values),
            "einstein_over_ours": ratio(times["EinsteinMSD"], values) if known and name != "EinsteinMSD" else None,
        }
        for name, values in times.items()
    ]
    for case in cases:
        over = case["einstein_over_ours"]
        print(
            f"{case['case']}: {spread(case['ns_per_ion_frame'], 0)} ns per ion and frame"
            + (f", EinsteinMSD over this {spread(over, 1)}" if over else "")
        )
    long = measure_long(options)
    print(
        f"{long['frames']} frames of {long['ions']} ions: at most {long['peak_resident_GB']} GB resident, "
        f"{long['scratch_GB']} GB on disk"
    )
    report(
        "msd",
        options.quick,
        options.output,
        frames=options.frames,
        ions=options.ions,
        mdanalysis=package_version("MDAnalysis"),
        largest_relative_difference=difference,
        cases=cases,
        long=long,
    )


if __name__ == "__main__":
    main()
