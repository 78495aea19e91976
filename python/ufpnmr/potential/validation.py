"""Fits judged on structures that they did not see: errors and variances, withheld or by cross-validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ufpnmr.potential.accuracy import Comparison, compare
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.calibration import Calibration, calibrate
from ufpnmr.potential.gram import Kind
from ufpnmr.potential.posterior import Posterior
from ufpnmr.potential.regularisation import Regularisation, penalty
from ufpnmr.potential.solve import solve
from ufpnmr.structures import LabelledStructure

__all__ = ["Judged", "cross_validate", "judge"]

Vector = NDArray[np.float64]
_KINDS = ("energy", "forces", "stress")


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """Predictions for structures outside of a fit.

    Attributes
    ----------
    comparison : Comparison
        Predictions beside labels.
    variance : dict
        ``"energy"`` (per atom), ``"forces"``, ``"stress"`` -> variances in the order of the labels, without calibration
        and without the overall scale of the noise.
    """

    comparison: Comparison
    variance: Mapping[str, Vector]

    def calibrations(self, sigma0: float) -> dict[str, Calibration]:
        """Return the calibration of each kind of label that occurs in two or more structures.

        Parameters
        ----------
        sigma0 : float
            Overall scale of the noise of the posterior that is to be calibrated.
        """
        c = self.comparison
        errors = {
            "energy": (c.energy_label - c.energy, c.energy_structure),
            "forces": ((c.forces_label - c.forces).ravel(), np.repeat(c.force_structure, 3)),
            "stress": ((c.stress_label - c.stress).ravel(), np.repeat(c.stress_structure, 6)),
        }
        return {
            kind: calibrate(error, sigma0**2 * self.variance[kind], structures, floor=kind == "forces")
            for kind, (error, structures) in errors.items()
            if len(np.unique(structures)) >= 2
        }


def judge(
    basis: SplineBasis,
    posterior: Posterior,
    structures: Sequence[LabelledStructure],
    coefficients: Vector | None = None,
    *,
    threads: int = 0,
) -> Judged:
    """Predict structures with a posterior whose overall scale is one.

    Parameters
    ----------
    basis : SplineBasis
        Columns.
    posterior : Posterior
        Of a fit without these structures.
    structures : sequence of LabelledStructure
        Labels that a structure lacks are left out.
    coefficients : (P,) array
        Instead of those of the posterior.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
    """
    potential = basis.potential(posterior.coefficients if coefficients is None else coefficients)
    comparison = compare(potential, structures, threads=threads)
    variance: dict[str, list[Vector]] = {kind: [] for kind in _KINDS}
    for s in structures:
        x, count = basis.features(s.atoms, threads=threads), len(s.atoms)
        volume = abs(np.linalg.det(s.atoms.cell.array))
        rows = {"energy": x.energy[None] / count, "forces": x.forces.reshape(3 * count, -1)}
        if s.stress is not None:
            rows["stress"] = x.virial / volume
        for kind, row in rows.items():
            if getattr(s, kind) is not None:
                variance[kind].append(posterior.variance(row) / posterior.sigma0**2)
    joined = {kind: np.concatenate(parts) if parts else np.empty(0) for kind, parts in variance.items()}
    return Judged(comparison, joined)


def cross_validate(
    basis: SplineBasis,
    totals: Sequence[Kind],
    parts: Sequence[Sequence[LabelledStructure]],
    regularisation: Regularisation,
    prior: Vector | None,
    fixed: Mapping[int, float],
    *,
    threads: int = 0,
) -> Judged:
    """Predict each part with a fit to the others.

    Parameters
    ----------
    basis : SplineBasis
        Columns.
    totals : sequence of Kind
        Weighted normal equations of each part.
    parts : sequence of sequences of LabelledStructure
        Their structures.
    regularisation : Regularisation
        The same for all fits.
    prior, fixed
        As for `ufpnmr.potential.solve.solve`.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
    """
    judged = []
    blocks = penalty(basis, regularisation)
    for left_out, structures in enumerate(parts):
        gram, rhs = np.zeros((basis.n_columns,) * 2), np.zeros(basis.n_columns)
        for number, total in enumerate(totals):
            if number != left_out:
                gram += total.gram
                rhs += total.rhs
        solution = solve(gram, rhs, blocks, basis, prior_mean=prior, fixed=fixed, overwrite=True)
        judged.append(judge(basis, Posterior.of(solution), structures, threads=threads))
    return Judged(
        Comparison.joined([j.comparison for j in judged]),
        {kind: np.concatenate([j.variance[kind] for j in judged]) for kind in _KINDS},
    )
