"""Cost of what lies beneath a model of field gradients, beside that of the regression, on one core.

    python benchmarks/efg_baseline.py -o efg_baseline.json

β-Li3PS4 (384 atoms, 144 Li, displaced by 0.15 Å): Ewald sums of point charges, polarisable molecules with charge flow
and dipoles only, with free ligands and surroundings (4 splines), and with a kernel of 200 references besides; the
regression of a default model (benchmarks/efg.py) in both precisions. Coefficients and references are drawn at random:
the work does not depend on them. Runs alternate; medians with quartiles of processor time in ms per frame.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import dataclasses
import time
from collections.abc import Callable

import numpy as np
from ase.spacegroup import crystal

from efg import CHARGES, NUMBERS, SITES, SIZES, Model
from lammps_timing import interleave, parser, report, spread, summary
from ufpnmr.efg.baseline import Baseline, ChargeBaseline, MolecularBond, PairKernel, PolarisableBaseline

SPECIES = ("Li", "P", "S")
BOND = MolecularBond("P", "S", 2.7, 2.05)
REFERENCES = 200


def baselines(rng: np.random.Generator) -> dict[str, Baseline]:
    """Return the baselines by name, their coefficients at random."""
    molecules = PolarisableBaseline(SPECIES, (BOND,), tuple(CHARGES[name] for name in SPECIES))
    surrounded = dataclasses.replace(molecules, surroundings=4)
    scale = np.array([2.5, 1.9, 0.3, 0.4, 0.4, 0.3, 0.3, 0.2])
    points = rng.normal(0, 0.3, (REFERENCES, 8)) + np.array([1.2, *np.zeros(7)])
    kernel = PairKernel(5.0, scale, np.zeros(REFERENCES, dtype=np.intp), points)
    polarisable = {
        "molecules": molecules,
        "molecules, surroundings": surrounded,
        "molecules, surroundings, kernel": dataclasses.replace(surrounded, kernel=kernel),
    }
    drawn = {
        name: dataclasses.replace(baseline, coefficients=rng.normal(0, 0.1, baseline.size))
        for name, baseline in polarisable.items()
    }
    return {"point charges": ChargeBaseline(CHARGES), **drawn}


def main() -> None:
    """Measure and report."""
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=15)
    options = arguments.parse_args()
    rounds = 1 if options.quick else options.rounds
    rng = np.random.default_rng(0)
    unit = crystal(
        [s[0] for s in SITES], [s[1:] for s in SITES], spacegroup=62, cellpar=[12.82, 8.22, 6.12, 90, 90, 90]
    )
    atoms = unit * (2, 2, 3)
    atoms.positions += rng.normal(0, 0.15, atoms.positions.shape)
    centres = np.flatnonzero(atoms.numbers == NUMBERS[0])
    elements = list(map(str, atoms.symbols))
    regression = Model(SIZES["default"], rng).model(atoms, {})

    def timed(call: Callable[[], object]) -> Callable[[], float]:
        def run() -> float:
            start = time.process_time()
            call()
            return 1e3 * (time.process_time() - start)

        return run

    tasks = {
        name: timed(lambda b=baseline: b.gradients(atoms.cell.array, atoms.positions, elements, centres))
        for name, baseline in baselines(rng).items()
    }
    for precision in ("single", "double"):
        tasks[f"regression, {precision}"] = timed(
            lambda p=precision: regression.gradients(
                atoms.cell.array, atoms.positions, elements, centres, precision=p, threads=1
            )
        )
    for task in tasks.values():
        task()  # pages and caches
    times = interleave(tasks, rounds)
    for name in tasks:
        print(f"{name}: {spread(summary(times[name]), 1)} ms")
    result = {
        "atoms": len(atoms),
        "centres": len(centres),
        "references": REFERENCES,
        "cases": [{"name": name, "ms": summary(times[name])} for name in tasks],
    }
    report("efg_baseline", options.quick, options.output, **result)


if __name__ == "__main__":
    main()
