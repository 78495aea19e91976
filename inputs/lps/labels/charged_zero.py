"""Energy zero of charged cells, from a fit that leaves it free.

    python charged_zero.py ../train.toml new-pbe.extxyz.xz

Cells with a vacancy or an interstitial of Li carry a charge q of -1 or +1 and a uniform background. Their images lower
the energy by about q² alpha / (2 epsilon L) (Makov and Payne, Phys. Rev. B 51, 4014 (1995), eq. 15; alpha = 2.837 for
a cube of edge L), which no potential of short reach can describe, nor should it. The part linear in q goes into the
one-body energy of Li. For a shift s of all charged energies the objective of the fit is a parabola in s; its minimum is
printed with the standard deviation that the noise of the labels gives it. `pack.py` adds the shift.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ufpnmr.potential.dataset import elements_of, read_dataset, targets
from ufpnmr.potential.fit_config import basis_of, read_config
from ufpnmr.potential.gram import Target, accumulate
from ufpnmr.potential.regularisation import penalty
from ufpnmr.potential.solve import solve
from ufpnmr.structures import LabelledStructure

SHIFTS = (0.0, 0.3, 0.6)  # eV; any three give the same parabola


def charge(structure: LabelledStructure) -> float:
    """Return the charge of a cell, e."""
    return float(structure.atoms.info.get("charge", 0))


def without_shift(structures: Sequence[LabelledStructure]) -> list[LabelledStructure]:
    """Return the structures with the energies of the electronic structure code."""
    return [
        s if s.energy is None else replace(s, energy=s.energy - float(s.atoms.info.get("charge_correction", 0)))
        for s in structures
    ]


def shifted(target: Target, shift: float) -> Target:
    """Return a target with its energy raised by `shift` (eV) per squared charge."""
    s = target.structure
    return (
        target if s.energy is None else replace(target, structure=replace(s, energy=s.energy + shift * charge(s) ** 2))
    )


def main() -> None:
    """Fit three times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", help="TOML of `ufp fit`")
    parser.add_argument("labels", nargs="*", type=Path, help="files of structures besides those it names")
    arguments = parser.parse_args()
    config = read_config(arguments.settings)
    data = config.data.model_copy(update={"train": (*config.data.train, *arguments.labels)})
    structures = without_shift(read_dataset(data).train)
    if not any(map(charge, structures)):
        raise SystemExit("expected cells with a charge among the structures, found none; name a file that has some")
    basis = basis_of(config.splines, elements_of(structures))
    blocks = penalty(basis, config.regularisation.regularisation())
    sigma = {kind: getattr(config.noise, kind) for kind in ("energy", "forces", "stress")}
    labelled = targets(structures, config.weights)
    neutral = accumulate(basis, [target for target in labelled if not charge(target.structure)])
    objectives = []
    for shift in SHIFTS:
        sums = accumulate(basis, [shifted(target, shift) for target in labelled if charge(target.structure)])
        sums += neutral
        total = sums.total(sigma)
        objectives.append(total.yy + solve(total.gram, total.rhs, blocks, basis, overwrite=True).objective)
    curvature, slope, _ = np.polyfit(SHIFTS, objectives, 2)
    print(
        f"{sum(charge(s) != 0 for s in structures)} charged cells of {len(structures)}: energy zero "
        f"{-slope / (2 * curvature):+.3f} ± {curvature**-0.5:.3f} eV per squared charge"
    )


if __name__ == "__main__":
    main()
