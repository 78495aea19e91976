"""What active selection saves: withheld force error against labelled structures, beside random choice.

    python benchmarks/active.py labelled.extxyz.xz -o active.json
    python benchmarks/active.py labelled.extxyz.xz --pool 300 --withheld 100 --initial 10 --batch 10 --cycles 4

The labelled set is the pool: nothing is calculated. For each seed its groups are dealt into withheld structures and
pool; all methods begin with the same structures and have the same budget. Prints the median over seeds of the withheld
force error after each fit, and by what factor random choice is worse (geometric mean over fits, one per seed): of the
potential as fitted, whose repulsive core replaces coefficients with few distances, and of the bare regression.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
import warnings
from pathlib import Path
from typing import Any, get_args

import numpy as np

from lammps_timing import ROOT, parser, report
from ufpnmr.active.selection import Budget, Method, select
from ufpnmr.potential.accuracy import compare
from ufpnmr.potential.dataset import Dataset
from ufpnmr.potential.fit import Fit, fit
from ufpnmr.potential.fit_config import FitConfig
from ufpnmr.potential.regularisation import penalty
from ufpnmr.potential.solve import solve
from ufpnmr.structures import LabelledStructure, read_structures
from ufpnmr.structures.matching import closest_contact

SETTINGS: dict[str, Any] = {
    "title": "pool",
    "splines": {
        "pair": {"first_knot": 1.3, "cutoff": 6.0, "intervals": 14},
        "triplet": {"first_knot": 1.3, "cutoff": 4.0, "intervals": [4, 4, 8], "leading_trim": 1},
    },
    "noise": {"energy": 0.005, "forces": 0.1, "stress": 0.05},
    "regularisation": {"ridge_2b": 1e-3, "curvature_2b": 1e-2, "ridge_3b": 1.0, "curvature_3b": 1.0},
}
KINDS = ("as fitted", "bare regression")
LARGEST_FORCE = 15.0
"""eV/Å; structures with larger ones are left out."""
Structures = list[LabelledStructure]


def usable(structures: Structures, first_knot: float) -> Structures:
    """Return the structures with forces that are not too large and without contacts below the first knots."""
    return [
        s
        for s in structures
        if s.forces is not None
        and np.abs(s.forces).max() < LARGEST_FORCE
        and closest_contact(s.atoms, 1.02 * first_knot) is None
    ]


def deal(structures: Structures, pool: int, withheld: int, seed: int) -> tuple[Structures, Structures]:
    """Return pool and withheld structures of different groups, in random order."""
    random = np.random.default_rng(seed)
    groups: dict[str, Structures] = {}
    for number, s in enumerate(structures):
        groups.setdefault(s.group or f"#{number}", []).append(s)
    names = [str(name) for name in random.permutation(list(groups))]
    held: Structures = []
    while names and len(held) < withheld:
        held += groups[names.pop()]
    rest = [s for name in names for s in groups[name]]
    return [rest[k] for k in random.permutation(len(rest))[:pool]], held[:withheld]


def curve(config: FitConfig, pool: Structures, withheld: Structures, method: Method, options: Any, seed: int) -> Any:
    """Return the withheld force errors after each fit (meV/Å; as fitted, bare) and the seconds of all selections."""
    chosen, errors, seconds = list(range(options.initial)), [], 0.0
    for cycle in range(options.cycles + 1):
        made = fit(config, Dataset(tuple(pool[k] for k in chosen), tuple(withheld)))
        errors.append((made.record["test"]["force_rmse"], bare_error(config, made, withheld)))
        if cycle < options.cycles:
            begin = time.perf_counter()
            left = [k for k in range(len(pool)) if k not in chosen]
            picks = select(
                [pool[k].atoms for k in left],
                made.basis,
                made.posterior,
                made.record["sigma"],
                Budget(options.batch),
                method=method,
                seed=100 * seed + cycle,
            )
            chosen += [left[pick.index] for pick in picks]
            seconds += time.perf_counter() - begin
    return [list(column) for column in zip(*errors, strict=True)], seconds


def bare_error(config: FitConfig, made: Fit, withheld: Structures) -> float:
    """Return the withheld force error of the regression without the repulsive core."""
    total = made.equations.total(made.record["sigma"])
    strengths = penalty(made.basis, config.regularisation.regularisation())
    bare = made.basis.potential(solve(total.gram, total.rhs, strengths, made.basis).coefficients)
    return float(compare(bare, withheld).errors()["force_rmse"])


def main() -> None:
    """Measure, print a table, write JSON."""
    new = parser(__doc__)
    new.add_argument("file", type=Path, nargs="?", default=ROOT / "inputs" / "lps" / "labels" / "pbe.extxyz.xz")
    for name, value in {"pool": 300, "withheld": 100, "initial": 10, "batch": 10, "cycles": 4, "seeds": 4}.items():
        new.add_argument(f"--{name}", type=int, default=value)
    new.add_argument("--methods", nargs="+", choices=get_args(Method), default=get_args(Method))
    options = new.parse_args()
    if "random" not in options.methods:
        new.error("--methods: random is what the others are compared with")
    if options.quick:
        options.pool, options.withheld, options.initial, options.batch, options.cycles, options.seeds = 9, 3, 3, 2, 1, 2
    warnings.simplefilter("ignore", UserWarning)
    structures = usable(read_structures(options.file), SETTINGS["splines"]["pair"]["first_knot"])
    elements = sorted({str(symbol) for s in structures for symbol in s.atoms.symbols})
    splines = {**SETTINGS["splines"], "elements": elements}
    config = FitConfig.model_validate(
        {**SETTINGS, "splines": splines, "data": {"train": [options.file]}}, context={"folder": Path.cwd()}
    )
    methods = options.methods
    errors: dict[str, dict[str, list[list[float]]]] = {kind: {m: [] for m in methods} for kind in KINDS}
    seconds = dict.fromkeys(methods, 0.0)
    for seed in range(options.seeds):
        pool, withheld = deal(structures, options.pool, options.withheld, seed)
        for method in methods:
            found, spent = curve(config, pool, withheld, method, options, seed)
            for kind, values in zip(KINDS, found, strict=True):
                errors[kind][method].append(values)
            seconds[method] += spent / options.seeds / options.cycles
    labelled = [options.initial + options.batch * cycle for cycle in range(options.cycles + 1)]
    factors: dict[str, dict[str, list[float]]] = {}
    for kind, of_kind in errors.items():
        print(f"{kind + ', meV/Å, median':<32}" + "".join(f"{n:>8}" for n in labelled))
        factors[kind] = {}
        for method in methods:
            ratio = np.log(np.array(of_kind["random"])[:, 1:] / np.array(of_kind[method])[:, 1:])
            factors[kind][method] = np.exp(ratio.mean(axis=1)).tolist()
            medians = "".join(f"{v:8.1f}" for v in np.median(of_kind[method], axis=0))
            listing = " ".join(f"{v:.2f}" for v in factors[kind][method])
            print(f"  {method:<30}{medians}   random over this: {listing}")
    report(
        "active",
        options.quick,
        options.output,
        file=options.file.name,
        labelled=labelled,
        force_rmse=errors,
        factors=factors,
        seconds=seconds,
        settings={key: value for key, value in vars(options).items() if isinstance(value, int)},
    )


if __name__ == "__main__":
    main()
