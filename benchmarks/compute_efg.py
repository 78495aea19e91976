"""What `compute efg/atom` costs in molecular dynamics, and how many environments it predicts per second there.

    python benchmarks/compute_efg.py -o benchmarks/results/compute_efg.json [--quick]

β-Li3PS4 of inputs/lps (384 atoms, 144 Li) after 2 ps at 300 K, NVT at 2 fs with LPS.uf3, one core. Models with random
features and weights, which is the unfavourable case for their grouping; speed does not depend on what weights are. One
LAMMPS in this process for each case: without the compute, with tensors of all Li every 100 steps and every step through
`dump custom`, and averaged by `fix ave/atom` over samples every 20 steps. Blocks of 100 steps with and without
it alternate; the cost is the median of their ratios in processor time; quartiles beside it. Frames go to a file.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import ase.io
import numpy as np

from lammps_timing import Instance, instances, interleave, parser, ratio, report, spread, summary
from systems import LPS_ELEMENTS, equilibrated, lps_pair, setup
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.features import feature_list
from ufpnmr.efg.model import Check, EFGModel

SIZES = {"default": (6, 4, 150, 75), "large": (8, 6, 500, 200)}
"""n_max, l_max, features of rank 2 and invariants: the defaults of `ufp efg fit`, and the largest sensible model."""
EVERY = 100
SAMPLE = 20


def model(path: Path, size: str, data: Path) -> Path:
    """Write a model with random features and weights."""
    n_max, l_max, features, invariants = SIZES[size]
    rng = np.random.default_rng(1)
    descriptor = Descriptor(LPS_ELEMENTS, cutoff=6.0, n_max=n_max, l_max=l_max)
    rows = [feature_list(l_max, descriptor.channels, rank) for rank in (2, 0)]
    rows = [r[np.sort(rng.permutation(len(r))[:count])] for r, count in zip(rows, (features, invariants), strict=True)]
    made = EFGModel(
        descriptor,
        ("Li",),
        SelectedFeatures(2, rows[0]),
        SelectedFeatures(0, rows[1]),
        rng.normal(size=(invariants, features)),
        training={"title": f"random weights, n_max {n_max}, l_max {l_max}, {features}/{invariants} features"},
    )
    atoms = ase.io.read(data, format="lammps-data", atom_style="atomic")
    elements = [LPS_ELEMENTS[int(kind) - 1] for kind in atoms.arrays["type"]]
    frame, centres = Frame(atoms.cell.array, atoms.positions, elements), np.arange(8)
    scale = float(np.sqrt(np.mean(made.regressed(frame, centres, "double")[0] ** 2)))
    made = dataclasses.replace(made, label_scale=scale, coefficients=made.coefficients / scale)
    check = Check(frame, centres, made.regressed(frame, centres, "double")[0])
    dataclasses.replace(made, checks=(check,)).write(path)
    return path


def inputs(folder: Path, data: Path) -> dict[str, list[str]]:
    """Return the input of each case."""
    base = [*setup(data, lps_pair()), "fix integrate all nvt temp 300 300 0.1", "group ion type 1"]
    columns = " ".join(f"{{}}[{k}]" for k in range(1, 7))
    cases = {"none": base}
    for size in SIZES:
        path = model(folder / f"{size}.efg", size, data)
        for precision in ("single", "double"):
            compute = f"compute efg ion efg/atom {path} Li P S precision {precision}"
            name = f"{size}, {precision}"
            for every in (EVERY, 1) if precision == "single" else (EVERY,):
                dump = f"dump d ion custom {every} {folder}/{name.replace(', ', '-')}-{every}.dump id "
                cases[f"{name}, every {every}"] = [*base, compute, dump + columns.replace("{}", "c_efg")]
            if precision == "single":
                average = f"fix v ion ave/atom {SAMPLE} {EVERY // SAMPLE} {EVERY} c_efg[*]"
                dump = f"dump d ion custom {EVERY} {folder}/{size}-average.dump id " + columns.replace("{}", "f_v")
                cases[f"{name}, average"] = [*base, compute, average, dump]
    return cases


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Return the cost of each case over the run without the compute."""
    data = equilibrated(folder, "beta", 300.0, 0.1 if quick else 2.0)
    rounds = 1 if quick else 60
    with instances(folder, inputs(folder, data)) as opened:
        for lammps in opened.values():
            lammps.run(EVERY, "post yes")  # lists, pages and caches
        alone = opened.pop("none")

        def step(lammps: Instance) -> float:
            before = time.process_time()
            lammps.run(EVERY)
            return (time.process_time() - before) / EVERY

        def beside(lammps: Instance) -> tuple[float, float]:
            """Without and with the compute, back to back: what else the machine does changes from second to second."""
            return step(alone), step(lammps)

        runs = interleave({name: partial(beside, lammps) for name, lammps in opened.items()}, rounds)
    rows, ions = [], int(np.sum(ase.io.read(data, format="lammps-data", atom_style="atomic").arrays["type"] == 1))
    for name, pairs in runs.items():
        size, precision, what = name.split(", ")
        over = ratio([b for _, b in pairs], [a for a, _ in pairs])
        row = {"size": size, "precision": precision, "what": what, "over_none": over}
        if what == "every 1":
            row["us_per_environment"] = summary((b - a) / ions * 1e6 for a, b in pairs)
        rows.append(row)
    steps = [a for pairs in runs.values() for a, _ in pairs]
    return {
        "atoms": 384,
        "ions": ions,
        "steps_per_block": EVERY,
        "ms_per_step": summary(1e3 * step for step in steps),
        "sizes": {
            name: dict(zip(("n_max", "l_max", "features", "invariants"), s, strict=True)) for name, s in SIZES.items()
        },
        "cases": rows,
    }


def main() -> None:
    """Measure as the command line says."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.quick)
    print(f"without the compute {spread(result['ms_per_step'], 3)} ms per step")
    for row in result["cases"]:
        extra = f", {spread(row['us_per_environment'])} us per environment" if "us_per_environment" in row else ""
        print(f"{row['size']}, {row['precision']}, {row['what']}: {spread(row['over_none'], 3)} times as long{extra}")
    report("compute_efg", options.quick, options.output, **result)


if __name__ == "__main__":
    main()
