"""Cutoffs and knots of the three-body terms by accuracy per cost: withheld errors beside the speed of `pair_style ufp`.

    python benchmarks/cutoffs.py -o benchmarks/results/cutoffs.json
    python benchmarks/cutoffs.py train.toml --variants variants.toml

The splines of every variant in cutoffs.toml take the place of those in a `ufp fit` TOML, of which everything else is
kept, and are fitted to its structures. Errors are those of cross-validation over groups (runs), once over
all structures that are neither melts nor broken, once by configuration type. Speed: NVE of β-Li3PS4, 384 atoms, at
300 K, one core; the variants alternate in blocks of about half a second.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from lammps_timing import ROOT, instances, interleave, parser, report, summary
from systems import DATA, LPS_ELEMENTS, SEED, setup, spline_pair
from ufpnmr import Potential
from ufpnmr.potential.accuracy import Comparison
from ufpnmr.potential.dataset import Dataset, folds, read_dataset, targets
from ufpnmr.potential.fit_config import FitConfig, Splines, basis_of, read_config
from ufpnmr.potential.gram import NormalEquations, accumulate
from ufpnmr.potential.regularisation import penalty
from ufpnmr.potential.solve import solve
from ufpnmr.potential.validation import cross_validate
from ufpnmr.toml_file import load_toml

VARIANTS = Path(__file__).with_suffix(".toml")
ODD = ("melt", "broken")


def read_variants(path: Path, config: FitConfig) -> dict[str, FitConfig]:
    """Return the settings with the splines of each variant, by name."""
    tables = load_toml(path, "variants of splines")[1]["variants"]
    return {table.pop("name"): config.model_copy(update={"splines": Splines.model_validate(table)}) for table in tables}


def cross_validated(config: FitConfig, dataset: Dataset, count: int) -> tuple[Comparison, Potential, int]:
    """Return what fits to the other parts predict for each part, the fit to all, and its number of coefficients."""
    basis = basis_of(config.splines, LPS_ELEMENTS)
    labelled = targets(dataset.train, config.weights, stress=config.noise.stress is not None)
    parts = folds(dataset.train, count)
    sigma = {kind: getattr(config.noise, kind) for kind in ("energy", "forces", "stress")}
    whole = NormalEquations.empty(basis)
    totals = []
    for part in parts:
        sums = accumulate(basis, [labelled[i] for i in part])
        totals.append(sums.total(sigma))
        whole += sums
    regularisation = config.regularisation.regularisation()
    structures = [[dataset.train[i] for i in part] for part in parts]
    judged = cross_validate(basis, totals, structures, regularisation, None, {})
    total = whole.total(sigma)
    solution = solve(total.gram, total.rhs, penalty(basis, regularisation), basis, overwrite=True)
    return judged.comparison, basis.potential(solution.coefficients), basis.n_columns


def main() -> None:
    """Measure, print a table, write JSON."""
    new = parser(__doc__)
    new.add_argument("file", type=Path, nargs="?", default=ROOT / "inputs" / "lps" / "train.toml")
    new.add_argument("--variants", type=Path, default=VARIANTS)
    new.add_argument("--folds", type=int, default=4)
    options = new.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    config = read_config(options.file)
    config = config.model_copy(update={"data": config.data.model_copy(update={"withhold": None})})
    dataset = read_dataset(config.data)
    if options.quick:
        config = config.model_copy(update={"weights": {}})
        few = [s for s in dataset.train if s.config_type in ("beta", "amorphous")]
        dataset, options.folds = Dataset(tuple(few[:3] + few[-3:]), ()), 2
    variants = read_variants(options.variants, config)
    if options.quick:
        variants = dict(list(variants.items())[:2])
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder, inputs = Path(name), {}
        for number, (variant, settings) in enumerate(variants.items()):
            comparison, potential, columns = cross_validated(settings, dataset, options.folds)
            sane = np.array([kind not in ODD for kind in comparison.config_types])
            by_type = comparison.by_config_type()
            rows.append(
                {
                    "splines": variant,
                    "coefficients": columns,
                    "errors": comparison.errors(sane),
                    "by_config_type": by_type,
                }
            )
            print(
                f"{variant:<54}{columns:>7}{rows[-1]['errors']['energy_rmse']:8.2f}{rows[-1]['errors']['force_rmse']:8.1f}",
                flush=True,
            )
            path = folder / f"{number}.uf3"
            potential.write(path, allow_unloadable=True)
            start = f"velocity all create 300 {SEED} mom yes rot no dist gaussian"
            inputs[variant] = [
                *setup(DATA["beta"], spline_pair("ufp 3", path, LPS_ELEMENTS)),
                start,
                "fix integrate all nve",
            ]
        with instances(folder, inputs) as opened:
            for instance in opened.values():
                instance.commands(["run 20 post no"])
            steps = {
                variant: instance.steps_lasting(0.02 if options.quick else 0.5) for variant, instance in opened.items()
            }
            measured = interleave(
                {v: (lambda v=v: opened[v].run(steps[v])) for v in variants}, 2 if options.quick else 9
            )
    for row in rows:
        row["atom_steps_per_s"] = summary(run.atoms / run.step for run in measured[row["splines"]])
        print(f"{row['splines']:<54}{row['atom_steps_per_s']['median']:12.3g} atom-steps/s")
    report(
        "cutoffs",
        options.quick,
        options.output,
        file=options.file.name,
        folds=options.folds,
        structures=len(dataset.train),
        rows=rows,
    )


if __name__ == "__main__":
    main()
