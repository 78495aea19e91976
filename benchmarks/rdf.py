"""Speed of pair correlation functions and van Hove functions: nanoseconds per pair, beside MDAnalysis's InterRDF.

    setsid -w bash -c 'echo -20 > /proc/self/autogroup; nice -n -20 python benchmarks/rdf.py -o rdf.json'

The glass of inputs/lps (576 atoms, 216 Li, 288 S) displaced at random, one pair of elements and the default r_max of
10 Å, less than half of the cell because InterRDF knows no more images; one thread each, in turn, medians of processor
time. A pair is one of the N_A N_B of a frame. The counts of both are compared. Then the van Hove functions of 216 ions,
60 lags and 500 origins.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from typing import Any

import MDAnalysis
import numpy as np
from MDAnalysis.analysis.rdf import InterRDF

from lammps_timing import ROOT, interleave, parser, ratio, report, summary
from ufpnmr.dynamics import pair_correlation, van_hove
from ufpnmr.trajectory import Frames, IonPaths
from ufpnmr.trajectory.identities import read_data_file

R_MAX, DR = 10.0, 0.05
PAIRS = (("Li", "S"), ("S", "S"))


def structure() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (N, 3), cell (3, 3), Å, and elements (N,) of the glass."""
    import ase.io

    path = ROOT / "inputs" / "lps" / "data.glass-576"
    atoms = ase.io.read(path, format="lammps-data", atom_style="atomic", units="metal")
    order = np.argsort(atoms.arrays["id"])
    return atoms.positions[order], np.asarray(atoms.cell), read_data_file(path).elements


def made(n_frames: int, rng: np.random.Generator) -> tuple[Frames, MDAnalysis.Universe]:
    """The same frames for both."""
    positions, cell, elements = structure()
    moved = positions + rng.normal(0, 0.3, (n_frames, *positions.shape))
    moved -= np.floor(moved @ np.linalg.inv(cell)) @ cell
    frames = Frames(
        ids=np.arange(1, len(elements) + 1),
        elements=elements,
        positions=moved,
        cell=np.tile(cell, (n_frames, 1, 1)),
        time=None,
        velocities=None,
        source="made",
    )
    universe = MDAnalysis.Universe.empty(len(elements), trajectory=True)
    universe.add_TopologyAttr("elements", elements)
    box = np.array([*np.linalg.norm(cell, axis=1), 90, 90, 90], dtype=np.float32)
    universe.load_new(moved.astype(np.float32), order="fac", dimensions=np.tile(box, (n_frames, 1)))
    return frames, universe


def ours(frames: Frames, pair: tuple[str, str]) -> tuple[float, np.ndarray]:
    start = time.process_time()
    result = pair_correlation(frames, pairs=[pair], r_max=R_MAX, dr=DR, threads=1)
    return time.process_time() - start, result.g[0]


def theirs(universe: MDAnalysis.Universe, pair: tuple[str, str]) -> tuple[float, np.ndarray]:
    a, b = (universe.select_atoms(f"element {name}") for name in pair)
    start = time.process_time()
    options = {"exclusion_block": (1, 1)} if pair[0] == pair[1] else {}
    analysis = InterRDF(a, b, nbins=round(R_MAX / DR), range=(0.0, R_MAX), **options).run()
    return time.process_time() - start, analysis.results.rdf


def hove(rng: np.random.Generator, quick: bool) -> float:
    """Seconds for G_d, and G_s besides, of 216 ions."""
    _, cell, _ = structure()
    n_frames = 700 if quick else 2000
    walk = rng.uniform(0, cell[0, 0], (216, 3)) + np.cumsum(rng.normal(0, 0.1, (n_frames, 216, 3)), axis=0)
    paths = IonPaths(
        elements=np.full(216, "Li"),
        drift_mode="none",
        selection="element Li",
        source="made",
        time=np.arange(n_frames) * 0.1,
        ids=np.arange(1, 217),
        positions=walk,
        cell=np.tile(cell, (n_frames, 1, 1)),
        drift=np.zeros((n_frames, 3)),
    )
    start = time.process_time()
    van_hove(paths, spacing="linear", max_lag=10.0, origins=20 if quick else 500, threads=1)
    return time.process_time() - start


def main() -> None:
    """Measure and write."""
    arguments = parser(__doc__).parse_args()
    rng = np.random.default_rng(20241121)
    n_frames, rounds = (3, 1) if arguments.quick else (1000, 7)
    frames, universe = made(n_frames, rng)
    cases: list[dict[str, Any]] = []
    for pair in PAIRS:
        runs = interleave(
            {"ufpnmr": lambda pair=pair: ours(frames, pair), "InterRDF": lambda pair=pair: theirs(universe, pair)},
            rounds,
        )
        g, peer = runs["ufpnmr"][0][1], runs["InterRDF"][0][1]
        pairs = n_frames * len(frames.of(pair[0])) * len(frames.of(pair[1]))
        times = {name: [1e9 * seconds / pairs for seconds, _ in of_name] for name, of_name in runs.items()}
        cases.append(
            {
                "pair": "-".join(pair),
                "atoms": [len(frames.of(name)) for name in pair],
                "ns_per_pair": {name: summary(values) for name, values in times.items()},
                "InterRDF_over_ufpnmr": ratio(times["InterRDF"], times["ufpnmr"]),
                "mean_absolute_difference": float(np.abs(g - peer).mean()),
            }
        )
        print(f"{'-'.join(pair)}: {cases[-1]}")
    seconds = summary(hove(rng, arguments.quick) for _ in range(1 if arguments.quick else 3))
    print(f"G_d and G_s: {seconds}")
    report(
        "rdf",
        arguments.quick,
        arguments.output,
        frames=n_frames,
        r_max=R_MAX,
        dr=DR,
        mdanalysis=MDAnalysis.__version__,
        cases=cases,
        van_hove_seconds=seconds,
    )


if __name__ == "__main__":
    main()
