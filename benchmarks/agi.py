"""α-AgI at 500 K beside Kaiser & Egger 2024: every quantity of the paper from our verbs, small and large cell.

    bash inputs/agi/run.sh FOLDER
    python benchmarks/agi.py FOLDER -o agi.json

FOLDER holds small-*.lammpstrj and large-*.lammpstrj (128 and 1,024 atoms, a frame with velocities every 5 fs) and
long-*.lammpstrj and longlarge-*.lammpstrj (every 0.1 ps) of the potential in inputs/agi. The paper has another
potential (machine-learned from PBE), so agreement to better than its own spread is not expected.

"angles of one cell" are the 48 angles of 70.53° at the twelve tetrahedral interstices of one conventional cell: twelve
times four, which we take to be the 48 of the paper; "angles" are all of the box.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lammps_timing import parser, report
from motion import RESIDENCE, landmarks, numbers
from ufpnmr import dynamics, trajectory
from ufpnmr.dynamics.compare import compare_runs
from ufpnmr.results.runs import RunAverage

PAPER: dict[str, str] = {
    "msd: diffusion": "2.99e-5 (AIMD 2.61e-5)",
    "hops: rate": "liquid-like, no hops told apart",
    "hops: return_fraction": "ions barely return",
    "rdf: Ag-I first peak": "2.8",
    "vdos: Ag band centre": "broad peaks near 25 and 100",
    "vdos: I band centre": "broad peaks near 25 and 100",
    "angles: theta mean": "70.5 expected",
    "angles: theta standard deviation": "between 30 and 110",
    "angles of one cell: theta mean": "70.5 expected",
    "angles of one cell: theta standard deviation": "between 30 and 110",
    "angles of one cell: theta skewness": "skewed (AIMD more)",
    "angles: omega standard deviation": "ω between -0.2 and 0.2",
    "vanhove: largest concerted signal": "no G_d peak at 0 Å",
}
"""What the text of the paper says about AgI (section 3.1, Figs 2 to 4)."""
LATTICE = 5.07
"""Of the conventional cell, Å (inputs/agi/make_agi.py)."""


def one_cell(iodide: trajectory.Frames, tetrahedra: dynamics.Tetrahedra) -> dynamics.Tetrahedra:
    """Return the twelve tetrahedra of the conventional cell around the first iodide, told by their mean centres."""
    box, mean = iodide.cell.mean(axis=0), iodide.positions.mean(axis=0)
    corners = mean[tetrahedra.corners] - mean[0]
    corners -= np.rint(corners @ np.linalg.inv(box)) @ box
    edges = corners - corners[:, :1]
    centres = corners[:, 0] + (edges - np.rint(edges @ np.linalg.inv(box)) @ box).mean(axis=1)
    primitive = box / round(float(np.linalg.norm(box[0])) / (LATTICE * 0.75**0.5))
    conventional = primitive[[1, 0, 0]] + primitive[[2, 2, 1]]
    fraction = centres @ np.linalg.inv(conventional)
    # interstices lie at quarters; windows from -5/8 to 3/8 hold each of them once
    inside = ((fraction > -0.625) & (fraction < 0.375)).all(axis=1)
    if inside.sum() != 12:
        raise SystemExit(f"expected 12 tetrahedra in a cell, found {inside.sum()}; is iodide still body-centred cubic?")
    return dataclasses.replace(tetrahedra, corners=tetrahedra.corners[inside], name="one conventional cell")


def fast(path: Path, threads: int) -> dict[str, Any]:
    """Structure and vibrations of one run with a frame every 5 fs."""
    universe = trajectory.open(path)
    few = trajectory.read_frames(universe, most=400, timed=False)
    everything = trajectory.read_frames(universe, velocities=True)
    iodide = trajectory.read_frames(universe, selection="element I")
    tetrahedra = dynamics.lattice_tetrahedra(iodide, "I")
    paper = dynamics.preset("kaiser2024", "angles", reference=70.53)
    return {
        "rdf": dynamics.pair_correlation(few, threads=threads),
        "vdos": dynamics.vibrational_density_of_states(
            everything, norm="unit", limits=(0.0, 250.0), segment=12.0, threads=threads
        ),
        "angles": dynamics.angle_distributions(iodide, tetrahedra, threads=threads, **paper),
        "angles of one cell": dynamics.angle_distributions(
            iodide, one_cell(iodide, tetrahedra), threads=threads, **paper
        ),
    }


def slow(path: Path, threads: int) -> dict[str, Any]:
    """Motion of silver in one run with a frame every 0.1 ps."""
    paths = trajectory.ion_paths(trajectory.open(path), "element Ag")
    last = 0.05 * float(paths.time[-1])
    return {
        "msd": dynamics.mean_square_displacement(paths, first_lag=min(2.5, last / 2), last_lag=last, threads=threads),
        "hops": dynamics.find_hops(paths, minimum_residence=RESIDENCE, stability=False, threads=threads),
        "vanhove": dynamics.van_hove(paths, max_lag=15.0, origins=300, threads=threads),
    }


def averages(folder: Path, kinds: dict[str, Any], threads: int) -> dict[str, RunAverage]:
    """Means over the runs of one cell."""
    results: dict[str, list[Any]] = {}
    for prefix, analyse in kinds.items():
        for path in sorted(folder.glob(f"{prefix}-*.lammpstrj")):
            print(path.name, file=sys.stderr, flush=True)
            for name, result in analyse(path, threads).items():
                results.setdefault(name, []).append(result)
    return {name: dynamics.average_runs(found) for name, found in results.items()}


def curves(mean: dict[str, RunAverage]) -> dict[str, Any]:
    """Landmarks of the curves that the paper describes in words."""
    found: dict[str, Any] = {}
    vdos, angles = mean["vdos"], mean["angles"]
    nu = vdos.grid["nu"]
    for element, g in zip(vdos.grid["elements"], vdos.mean["g"], strict=True):
        smooth = dynamics.vdos.smooth(nu, g, 15.0, 3)
        tops = [
            k
            for k in range(2, len(nu) - 2)
            if smooth[k] == smooth[k - 2 : k + 3].max() and smooth[k] > 0.2 * max(smooth)
        ]
        found[f"{element} peaks of the spectrum / cm-1"] = [round(float(nu[k]), 1) for k in tops if nu[k] < 250]
        found[f"{element} spectrum at zero over its maximum"] = round(float(g[0] / smooth.max()), 3)
    theta = angles.grid["theta"][angles.mean["rho_theta"] > 1e-5]
    found["theta range / degree"] = [float(theta[0]), float(theta[-1])]
    omega = angles.grid["omega"][angles.mean["rho_omega"] > 1e-4]
    found["omega range / (degree/fs)"] = [round(float(omega[0]), 4), round(float(omega[-1]), 4)]
    return found | landmarks(mean["hops"], mean["vanhove"])


def main() -> None:
    """Analyse and write."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path, help="trajectories made by inputs/agi/run.sh")
    options.add_argument("--threads", type=int, default=1)
    arguments = options.parse_args()
    small = averages(arguments.folder, {"small": fast, "long": slow}, arguments.threads)
    large = averages(arguments.folder, {"large": fast, "longlarge": slow}, arguments.threads)
    transfer = compare_runs(small, large, names=("128 atoms", "1024 atoms"))
    report(
        "agi",
        arguments.quick,
        arguments.output,
        paper=PAPER,
        number_of_runs={
            prefix: len(list(arguments.folder.glob(f"{prefix}-*.lammpstrj")))
            for prefix in ("small", "long", "large", "longlarge")
        },
        small=numbers(small),
        large=numbers(large),
        landmarks={"small": curves(small), "large": curves(large)},
        transfer={"numbers": transfer.numbers, "curves": transfer.curves, "notes": transfer.notes},
    )
    print(transfer.markdown())


if __name__ == "__main__":
    main()
