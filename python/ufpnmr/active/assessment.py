"""A fitted potential with its posterior, and what it says about its own errors on a structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ufpnmr.active.selection import force_deviation
from ufpnmr.potential import Potential, posterior_file
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.formats import sidecar
from ufpnmr.potential.posterior import Posterior
from ufpnmr.structures.matching import closest_contact, pair_name

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Assessor", "ForceErrors"]


@dataclasses.dataclass(frozen=True)
class ForceErrors:
    """Predicted errors of the forces on the atoms of some structures, eV/Å by component.

    Attributes
    ----------
    mean : float
        Over all atoms.
    largest : float
        Of any atom.
    atoms : int
        How many.
    """

    mean: float
    largest: float
    atoms: int

    @classmethod
    def of(cls, deviations: list[NDArray[np.float64]]) -> ForceErrors:
        """Return mean and maximum of the deviations of all structures."""
        every = np.concatenate(deviations) if deviations else np.zeros(0)
        return cls(*((float(every.mean()), float(every.max())) if every.size else (0.0, 0.0)), every.size)


@dataclasses.dataclass(frozen=True, eq=False)
class Assessor:
    """The potential of a cycle, as its files hold it.

    Attributes
    ----------
    path : Path
        The ``.uf3`` file.
    potential : Potential
    basis : SplineBasis
    posterior : Posterior
    threads : int
        OpenMP threads of the features.
    """

    path: Path
    potential: Potential
    basis: SplineBasis
    posterior: Posterior
    threads: int = 0

    @classmethod
    def read(cls, path: Path, threads: int = 0) -> Assessor:
        """Read ``NAME.uf3`` and its posterior beside it."""
        potential = Potential.read(path)
        basis = SplineBasis.of(potential)
        posterior = posterior_file.load(sidecar(path), basis, basis.coefficients(potential))
        return cls(path, potential, basis, posterior, threads)

    def force_deviation(self, atoms: Atoms) -> NDArray[np.float64]:
        """Return the predicted error of the force on each atom, (N,) eV/Å."""
        return force_deviation(self.basis.features(atoms, threads=self.threads), self.posterior)

    @property
    def contact_limits(self) -> Mapping[str, float]:
        """Shortest distance of each pair that the splines describe, Å: their first knots."""
        return {pair_name(*b.elements): float(b.knots[0][0]) for b in self.basis.blocks if b.order == 2}

    def insane(self, atoms: Atoms) -> str | None:
        """Say what is wrong with a structure that no labeller should see, or None."""
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            return "positions that are not finite"
        contact = closest_contact(atoms, self.contact_limits)
        if contact is None:
            return None
        i, j, distance, limit = contact
        return f"{atoms.symbols[i]} and {atoms.symbols[j]} {distance:.2f} Å apart, below the first knot {limit:.2f} Å"
