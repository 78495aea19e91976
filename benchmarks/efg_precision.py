"""Where single precision is enough: trained models of field gradients against themselves in double precision.

    python benchmarks/efg_precision.py -o efg_precision.json

Models of the default size are trained on exact field gradients of point charges in displaced β-Li3PS4 with several
noise variances, ζ = 2 by full regression and ζ = 3 by sparse regression on active environments. What counts is the
largest deviation of a component from the model's check environments, as when it is loaded: above 1e-4 double precision
is used.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")

import tempfile
import warnings
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read, write

from lammps_timing import ROOT, parser, report
from ufpnmr.efg.dataset import read_dataset
from ufpnmr.efg.fit_config import FitConfig
from ufpnmr.efg.point_charges import PointCharges
from ufpnmr.efg.prediction import deviation
from ufpnmr.efg.train import train

CELL = ROOT / "inputs" / "lps" / "structures" / "beta-Li3PS4-4b-relaxed-chgnet.xyz"
CHARGES = PointCharges("Li", {"Li": 1.0, "P": 1.4, "S": -1.1})


def labelled(count: int) -> list[Atoms]:
    """Return displaced cells with the exact tensors of their Li."""
    rng = np.random.default_rng(0)
    unit = read(CELL)
    frames = []
    for number in range(count):
        atoms = Atoms(unit.symbols, unit.positions + rng.normal(0, 0.1, (len(unit), 3)), cell=unit.cell, pbc=True)
        lithium = np.flatnonzero(atoms.numbers == 3)
        efg = np.full((len(atoms), 9), np.nan)
        efg[lithium] = CHARGES.predict(atoms, lithium).reshape(-1, 9)
        atoms.arrays["efg"] = efg
        atoms.info = {"efg_units": "V/Ang^2", "group": str(number)}
        frames.append(atoms)
    return frames


def main() -> None:
    """Train, compare and report."""
    options = parser(__doc__).parse_args()
    structures, active, noise = (8, 20, [1e-3]) if options.quick else (60, 300, [1e-3, 1e-5, 1e-7])
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.extxyz"
        write(path, labelled(structures), format="extxyz", columns=["symbols", "positions", "efg"])
        for zeta in (2, 3):
            for mu in noise:
                config = FitConfig.model_validate(
                    {
                        "title": "precision",
                        "data": {"train": [path]},
                        "model": {"centres": ["Li"], "zeta": zeta},
                        "solver": {"active": active, "regularisation": [mu]},
                        "folds": 2,
                        "committee": None,
                        "report": {"learning_curve": False},
                    }
                )
                model = train(config, read_dataset(config)).model
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that double precision is used, which is in the table
                    precision = model.precision("single")
                case = {
                    "zeta": zeta,
                    "solver": "full" if zeta == 2 else f"sparse, {active} active",
                    "regularisation": mu,
                    "relative_tensor_rmse": round(model.training["cross_validation"]["relative_tensor_rmse"], 5),
                    "sum_of_weights": float(f"{np.abs(model.coefficients).sum():.3g}"),
                    "deviation": float(f"{deviation(model, 'single'):.3g}"),
                    "precision": precision,
                }
                cases.append(case)
                print(case, flush=True)
    report("efg_precision", options.quick, options.output, structures=structures, cases=cases)


if __name__ == "__main__":
    main()
