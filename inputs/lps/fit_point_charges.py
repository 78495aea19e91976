"""Fit point-charges.toml to the PBE field gradients in labels/ and state its error.

    python fit_point_charges.py [OUTPUT.toml]

One free number per species: unit charges on each species sit in a uniform neutralising background, so nothing forces
the three numbers to add up to zero. The error is that of structures withheld group by group.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ufpnmr import provenance
from ufpnmr.efg.fit import bootstrap, fit_charges, predict_withheld
from ufpnmr.efg.labels import read_columns
from ufpnmr.efg.metrics import tensor_metrics
from ufpnmr.efg.point_charges import PointCharges
from ufpnmr.isotopes import isotope

HERE = Path(__file__).resolve().parent
LABELS = HERE / "labels" / "lps-pbe-efg.extxyz.xz"
CENTRE = "Li"
ISOTOPE = isotope("7Li")
QUADRUPOLE_MOMENT = ISOTOPE.quadrupole_moment_mb
FORMULA_UNIT = {"Li": 3, "P": 1, "S": 4}
SAMPLES, SEED = 2000, 20250


def rounded(value: float) -> float:
    """Return `value` with the six digits that the file holds."""
    return float(f"{value:.6g}")


def neutral_error(data) -> float:
    """Relative tensor error on withheld groups if the charges of a formula unit are forced to add up to zero."""
    count = np.array([FORMULA_UNIT[name] for name in data.species], dtype=float)
    free = np.linalg.svd(count[None])[2][1:]
    constrained = type(data)(
        tuple(f"combination {n}" for n in range(len(free))),
        np.einsum("ns,msc->mnc", free, data.columns),
        data.V,
        data.group,
        data.structure,
    )
    withheld = predict_withheld(constrained)
    return tensor_metrics(withheld, data.V, QUADRUPOLE_MOMENT)["relative_tensor_rmse"]


def main(output: Path) -> None:
    """Fit, write the model file and print what it says."""
    data = read_columns(LABELS, CENTRE)
    charges = fit_charges(data)
    withheld = predict_withheld(data)
    error = tensor_metrics(withheld, data.V, QUADRUPOLE_MOMENT)
    fitted = tensor_metrics(np.einsum("s,msc->mc", charges, data.columns), data.V, QUADRUPOLE_MOMENT)
    charge_interval, error_interval = bootstrap(data, withheld, QUADRUPOLE_MOMENT, SAMPLES, SEED)
    net = sum(FORMULA_UNIT[name] * charge for name, charge in zip(data.species, charges, strict=True))
    groups = sorted(set(data.group.tolist()))
    model = PointCharges(
        CENTRE,
        {name: rounded(charge) for name, charge in zip(data.species, charges, strict=True)},
        training={
            "labels": LABELS.relative_to(HERE).as_posix(),
            "labels_sha256": provenance.file_hash(LABELS),
            "level": "PBE, GAPW (all-electron Li), periodic; see labels/README.md",
            "structures": int(data.structure.max()) + 1,
            "tensors": len(data.V),
            "groups": len(groups),
            "method": "least squares on the tensors, one free number per species, neutralising background",
            "net_charge_per_formula_unit": rounded(net),
            "interval_method": f"95 %, {SAMPLES} bootstrap samples of whole groups, seed {SEED}",
            "interval": {
                name: [rounded(low), rounded(high)]
                for name, low, high in zip(data.species, *charge_interval, strict=True)
            },
            "script": "inputs/lps/fit_point_charges.py",
            "ufpnmr": provenance.package_version("ufpnmr"),
        },
        error={
            "method": "each group withheld in turn",
            "isotope": ISOTOPE.name,
            "quadrupole_moment_mb": QUADRUPOLE_MOMENT,
            "quadrupole_moment_source": ISOTOPE.source,
            **{name: rounded(value) for name, value in error.items()},
            "interval": {name: [rounded(low), rounded(high)] for name, (low, high) in error_interval.items()},
            "relative_tensor_rmse_fitted": rounded(fitted["relative_tensor_rmse"]),
            "relative_tensor_rmse_neutral": rounded(neutral_error(data)),
        },
    )
    model.write(output)
    print(f"{len(data.V)} tensors of {model.training['structures']} structures in {len(groups)} groups")
    for name, charge in model.charges.items():
        low, high = model.training["interval"][name]
        print(f"c({name}) = {charge:+.3f} e (95 %: {low:+.3f} to {high:+.3f})")
    print(f"net charge of Li3PS4 = {net:+.3f} e")
    for name, value in error.items():
        low, high = error_interval[name]
        print(f"{name} = {value:.3g} (95 %: {low:.3g} to {high:.3g}); fitted {fitted[name]:.3g}")
    print(f"relative_tensor_rmse, charges forced to be neutral = {model.error['relative_tensor_rmse_neutral']:.3g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "point-charges.toml")
