"""What `compute efg/atom` costs in molecular dynamics, and how many environments it predicts per second there.

    python benchmarks/compute_efg.py -o benchmarks/results/compute_efg.json [--quick]

β-Li3PS4 of inputs/lps (384 atoms, 144 Li) after 2 ps at 300 K, NVT at 2 fs with LPS.uf3, one core. Models with random
features and weights, which is the unfavourable case for their grouping; speed does not depend on what weights are; and
the shipped model, inputs/lps/LPS.efg, whose baseline needs Ewald sums. One
LAMMPS in this process for each case: tensors of all Li every 100 steps through `dump custom`, or averaged by `fix
ave/atom` over samples every 20 steps and dumped every 100. The cost of a step that asks for tensors is its processor
time less that of the step before it, which does not; the cost for the run is that over the time of the steps between.
Cases alternate; medians with quartiles. Frames go to a file.
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

from lammps_timing import Instance, instances, interleave, parser, report, spread, summary
from systems import LPS, LPS_ELEMENTS, POTENTIAL, STARTER, equilibrated, lps_pair, setup
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.features import feature_list
from ufpnmr.efg.model import Check, EFGModel

SIZES = {"default": (6, 4, 150, 75), "large": (8, 6, 500, 200)}
"""n_max, l_max, features of rank 2 and invariants: the defaults of `ufp efg fit`, and the largest sensible model."""
SHIPPED = LPS / "LPS.efg"
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


def inputs(folder: Path, data: Path, potential: Path) -> dict[str, list[str]]:
    """Return the input of each case."""
    base = [*setup(data, lps_pair(potential=potential)), "fix integrate all nvt temp 300 300 0.1", "group ion type 1"]
    cases = {}
    paths = {size: model(folder / f"{size}.efg", size, data) for size in SIZES} | {"shipped": SHIPPED}
    for size, path in paths.items():
        for precision, what in (("single", "frames"), ("single", "averages"), ("double", "frames")):
            name = f"{size}, {precision}, {what}"
            source = "c_efg" if what == "frames" else "f_efg"
            columns = " ".join(f"{source}[{k}]" for k in range(1, 7))
            lines = [*base, f"compute efg ion efg/atom {path} Li P S precision {precision}"]
            if what == "averages":
                lines.append(f"fix efg ion ave/atom {SAMPLE} {EVERY // SAMPLE} {EVERY} c_efg[*]")
            cases[name] = [*lines, f"dump d ion custom {EVERY} {folder}/{name.replace(', ', '-')}.dump id {columns}"]
    return cases


def cost(lammps: Instance, gap: int) -> tuple[float, float]:
    """Return the processor time of a plain step and what tensors every `gap` steps add in EVERY steps, s."""

    def spent(steps: int) -> float:
        before = time.process_time()
        lammps.run(steps)
        return time.process_time() - before

    plain, added = 0.0, 0.0
    for _ in range(EVERY // gap):
        plain += spent(gap - 2)
        before = spent(1)
        added += spent(1) - before
    return plain / (EVERY - 2 * (EVERY // gap)), added


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Return the cost of each case."""
    potential = STARTER if quick else POTENTIAL
    data = equilibrated(folder, "beta", 300.0, 0.1 if quick else 2.0, potential=potential)
    with instances(folder, inputs(folder, data, potential)) as opened:
        for lammps in opened.values():
            lammps.run(EVERY, "post yes")  # lists, pages and caches
        gaps = {name: SAMPLE if name.endswith("averages") else EVERY for name in opened}
        tasks = {name: partial(cost, lammps, gaps[name]) for name, lammps in opened.items()}
        runs = interleave(tasks, 1 if quick else 60)
    ions = int(np.sum(ase.io.read(data, format="lammps-data", atom_style="atomic").arrays["type"] == 1))
    rows = []
    for name, values in runs.items():
        size, precision, what = name.split(", ")
        row = {"size": size, "precision": precision, "what": what}
        row["percent"] = summary(100 * added / (EVERY * plain) for plain, added in values)
        row["us_per_tensor"] = summary(1e6 * added / (ions * (EVERY // gaps[name])) for _, added in values)
        rows.append(row)
    steps = [plain for values in runs.values() for plain, _ in values]
    return {
        "atoms": 384,
        "ions": ions,
        "ms_per_step": summary(1e3 * step for step in steps),
        "sizes": {name: dict(zip(("n_max", "l_max", "features", "invariants"), s, strict=True)) for name, s in sizes()},
        "cases": rows,
    }


def sizes() -> list[tuple[str, tuple[int, int, int, int]]]:
    """Return the sizes of all models."""
    shipped = EFGModel.read(SHIPPED)
    d = shipped.descriptor
    return [*SIZES.items(), ("shipped", (d.n_max, d.l_max, shipped.tensors.size, shipped.invariants.size))]


def main() -> None:
    """Measure as the command line says."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.quick)
    print(f"without tensors {spread(result['ms_per_step'], 3)} ms per step")
    for row in result["cases"]:
        name = f"{row['size']}, {row['precision']}, {row['what']}"
        print(f"{name}: {spread(row['percent'])} % added, {spread(row['us_per_tensor'])} µs per tensor")
    report("compute_efg", options.quick, options.output, **result)


if __name__ == "__main__":
    main()
