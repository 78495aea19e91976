"""Speed of a fit: features and normal equations of a 128-atom Li-P-S structure, beside the Python package uf3.

    python benchmarks/fit.py -o fit.json
    python benchmarks/fit.py --uf3 /path/to/python -o fit.json       an interpreter in which `import uf3` works
    python benchmarks/fit.py --structures 1000                       also a whole fit, on --threads threads

Energy, forces and stress of random packings, two-body terms to 6.5 Å, legs to 4.5 Å, 3,402 columns, one core.
The package (0.4.0 needs NumPy 1.26 and pandas 2, so it has an environment of its own) featurises energy and forces of
one of these structures with the same knots and sums its own normal equations; it knows no stress. Its runs and ours
alternate; medians with quartiles.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from threadpoolctl import threadpool_limits

import systems  # noqa: F401  (makes the cells of the tests importable)
import uf3_reference
from lammps_timing import parser, ratio, report, spread, summary
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.potential.gram import Target, accumulate
from ufpnmr.potential.regularisation import Regularisation, penalty
from ufpnmr.potential.solve import solve
from ufpnmr.structures import LabelledStructure

ELEMENTS = ("Li", "P", "S")
KNOTS = {"pair": (1.0, 6.5, 16), "leg": (1.0, 4.5, 5), "far": (1.0, 9.0, 10)}

PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import ase, numpy as np
from uf3.data import composition
from uf3.representation import bspline, process
s = json.load(open(sys.argv[1]))
system = composition.ChemicalSystem(["Li", "P", "S"], degree=3)
pairs, trios = system.interactions_map[2], system.interactions_map[3]
knots = s["knots"]
leg, far = knots["leg"], knots["far"]
basis = bspline.BSplineBasis(
    system,
    r_min_map={**{p: knots["pair"][0] for p in pairs}, **{t: [leg[0], leg[0], far[0]] for t in trios}},
    r_max_map={**{p: knots["pair"][1] for p in pairs}, **{t: [leg[1], leg[1], far[1]] for t in trios}},
    resolution_map={**{p: knots["pair"][2] for p in pairs}, **{t: [leg[2], leg[2], far[2]] for t in trios}},
    leading_trim=0, trailing_trim=3)
featurizer = process.BasisFeaturizer(basis)
atoms = ase.Atoms(s["symbols"], positions=s["positions"], cell=s["cell"], pbc=True)
start = time.perf_counter()
rows = featurizer.evaluate_configuration(atoms, energy=0.0, forces=np.zeros((3, len(atoms))))
x = np.array([values[1:] for values in rows.values()])
gram = x.T @ x
print(json.dumps({"seconds": time.perf_counter() - start, "columns": x.shape[1], "rows": x.shape[0]}))
"""


def clamped(first: float, last: float, intervals: int) -> np.ndarray:
    return np.concatenate([[first] * 3, np.linspace(first, last, intervals + 1), [last] * 3])


def make_basis() -> SplineBasis:
    pairs = [(a, b) for i, a in enumerate(ELEMENTS) for b in ELEMENTS[i:]]
    pair, leg, far = (clamped(*KNOTS[name]) for name in ("pair", "leg", "far"))
    blocks = [ColumnBlock.pair(p, pair) for p in pairs]
    blocks += [ColumnBlock.triplet((c, *p), (leg, leg, far), leading_trim=0) for c in ELEMENTS for p in pairs]
    return SplineBasis.from_blocks(ELEMENTS, blocks)


def labelled(number: int) -> Target:
    positions, types, edge = uf3_reference.packing(128)
    rng = np.random.default_rng(number)
    symbols = [ELEMENTS[t - 1] for t in types]
    atoms = Atoms(symbols, positions + rng.normal(scale=0.05, size=(128, 3)), cell=[edge] * 3, pbc=True)
    return Target(LabelledStructure(atoms, rng.normal(), rng.normal(size=(128, 3)), rng.normal(size=6)))


def peer_seconds(python: Path, target: Target) -> dict[str, Any]:
    atoms = target.structure.atoms
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "structure.json")
        file.write_text(
            json.dumps(
                {
                    "symbols": list(map(str, atoms.symbols)),
                    "positions": atoms.positions.tolist(),
                    "cell": atoms.cell.array.tolist(),
                    "knots": KNOTS,
                }
            )
        )
        run = subprocess.run([python, "-c", PEER, file], capture_output=True, text=True, check=True)
    return dict(json.loads(run.stdout.splitlines()[-1]))


def whole_fit(basis: SplineBasis, structures: int, threads: int) -> dict[str, Any]:
    """Time of summing and solving a fit, structures made beforehand in a cycle of 50."""
    some = [labelled(number) for number in range(min(50, structures))]
    with threadpool_limits(threads):
        start = time.perf_counter()
        equations = accumulate(basis, (some[i % len(some)] for i in range(structures)), threads=threads)
        summed = time.perf_counter()
        total = equations.total({"energy": 0.003, "forces": 0.1, "stress": 0.02})
        solve(total.gram, total.rhs, penalty(basis, Regularisation()), basis, overwrite=True)
        end = time.perf_counter()
    return {
        "structures": structures,
        "threads": threads,
        "seconds": round(end - start, 1),
        "of which solving": round(end - summed, 1),
        "peak_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--uf3", type=Path, help="Python interpreter in which the package uf3 is installed")
    arguments.add_argument("--repeats", type=int, default=9)
    arguments.add_argument("--peer-repeats", type=int, default=3)
    arguments.add_argument("--structures", type=int, default=0, help="also time a fit to so many structures")
    arguments.add_argument("--threads", type=int, default=2, help="of that fit")
    options = arguments.parse_args()
    repeats = 1 if options.quick else options.repeats
    basis = make_basis()
    targets = [labelled(number) for number in range(8)]
    accumulate(basis, targets, threads=1)  # pages and libraries

    ours: list[float] = []
    peer: list[dict[str, Any]] = []
    with threadpool_limits(1):
        for number in range(repeats):
            start = time.perf_counter()
            accumulate(basis, targets, threads=1)
            ours.append((time.perf_counter() - start) / len(targets))
            if options.uf3 and number < (1 if options.quick else options.peer_repeats):
                peer.append(peer_seconds(options.uf3, targets[number]))
    result: dict[str, Any] = {
        "atoms": 128,
        "columns": basis.n_columns,
        "seconds_per_structure": summary(ours),
    }
    if peer:
        seconds = [p["seconds"] for p in peer]
        result["uf3"] = {
            "seconds_per_structure": summary(seconds),
            "columns": peer[0]["columns"],
            "rows": peer[0]["rows"],
            "ratio": ratio(seconds, ours[: len(seconds)]),
        }
    if options.structures:
        result["whole_fit"] = whole_fit(basis, options.structures, options.threads)
    print(f"{result['seconds_per_structure']['median']:.4f} s per structure, {basis.n_columns} columns")
    if peer:
        print(
            f"uf3 {result['uf3']['seconds_per_structure']['median']:.2f} s, {spread(result['uf3']['ratio'])} times ours"
        )
    if options.structures:
        print(", ".join(f"{key} {value}" for key, value in result["whole_fit"].items()))
    report("fit", options.quick, options.output, **result)


if __name__ == "__main__":
    main()
