"""Standard deviations of what a potential predicts for a structure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.posterior import Posterior

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Deviations", "deviations"]

Vector = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Deviations:
    """Standard deviations of the predictions for one structure with N atoms.

    Attributes
    ----------
    energy : float
        eV.
    forces : (N, 3) array
        eV/Å, of each component.
    stress : (6,) array or None
        eV/Å³, xx yy zz yz xz xy; None if the cell has no volume.
    """

    energy: float
    forces: Vector
    stress: Vector | None


def deviations(
    posterior: Posterior, basis: SplineBasis, atoms: Atoms, *, calibrated: bool = True, threads: int = 0
) -> Deviations:
    """Return the standard deviations of energy, forces and stress.

    Parameters
    ----------
    posterior : Posterior
        Of a fit with this basis.
    basis : SplineBasis
        Columns.
    atoms : ase.Atoms
        Structure.
    calibrated : bool
        With the factors from withheld structures. Without them the deviations are those of the model alone, which are
        too small by an unknown factor: good for comparing structures, not as error bars.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.

    Raises
    ------
    InputError
        Calibrated deviations of a posterior without calibration.
    """
    if calibrated and not posterior.calibration:
        raise InputError(
            "uncertainty: expected a fit that was calibrated on withheld structures, found one without; fit with "
            "data.test, data.withhold or [search], or ask for calibrated=False"
        )

    def kind(name: str) -> str | None:
        return name if calibrated and name in posterior.calibration else None

    x, count = basis.features(atoms, threads=threads), len(atoms)
    energy = count * posterior.deviation(x.energy[None] / count, kind("energy"))
    forces = posterior.deviation(x.forces, kind("forces"))
    volume = abs(np.linalg.det(atoms.cell.array))
    stress = posterior.deviation(x.virial / volume, kind("stress")) if volume > 0 else None
    return Deviations(float(energy[0]), forces, stress)
