"""Uncertainty of a fitted potential: the Gaussian posterior of its coefficients.

With Gaussian noise y = X c + e, e ~ N(0, sigma^2), and a Gaussian prior c ~ N(c0, Lambda^-1) the posterior is
c ~ N(c_hat, sigma0^2 A^-1) with A = G + Lambda (spec uf3 5; Frederiksen et al., Phys. Rev. Lett. 93, 165501 (2004);
Jinnouchi et al., Phys. Rev. Lett. 122, 225701 (2019) for the Bayesian error estimate of forces). Every energy, force
component and virial is linear in the coefficients, q = x . c, so that

    var(q) = sigma0^2 x^T A^-1 x = sigma0^2 ‖L^-1 S x‖²,       S A S = L L^T,

and two of them have the covariance sigma0^2 x1^T A^-1 x2: the variance of an energy difference is that of x1 - x2.
These variances are the model's own; `Calibration` says by how much they are too small.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ufpnmr.errors import InputError, nearest
from ufpnmr.potential.calibration import Calibration
from ufpnmr.potential.columns import ColumnLayout
from ufpnmr.potential.solve import Solution

__all__ = ["Factor", "LowRank", "Posterior", "Triangle", "evidence_scale", "fingerprint"]

Vector = NDArray[np.float64]
_ROWS = 1024  # whitened at a time
_FROM_THE_TOP = 10  # one in so many kept directions is of the best determined


class Factor(Protocol):
    """A root of the inverse of S A S: `whiten` rows so that their products are covariances."""

    @property
    def size(self) -> int:
        """P."""

    def whiten(self, rows: Vector) -> Vector:
        """Return (n, R) from scaled rows (n, P): W W^T is their covariance."""

    def colour(self, noise: Vector) -> Vector:
        """Return (n, P) with the covariance (S A S)^-1 from independent noise (n, P)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Triangle:
    """The whole posterior: the lower triangle of `lower`, in its precision."""

    lower: NDArray[np.floating[Any]]

    @property
    def size(self) -> int:
        """P."""
        return len(self.lower)

    def whiten(self, rows: Vector) -> Vector:
        """Return L^-1 x, row by row."""
        own = rows.astype(self.lower.dtype, copy=False)
        out: Vector = linalg.solve_triangular(self.lower, own.T, lower=True, check_finite=False).T
        return out

    def colour(self, noise: Vector) -> Vector:
        """Return L^-T z, row by row."""
        own = noise.astype(self.lower.dtype, copy=False)
        out: Vector = linalg.solve_triangular(self.lower, own.T, lower=True, trans="T", check_finite=False).T
        return out


@dataclasses.dataclass(frozen=True, eq=False)
class LowRank:
    """The least and the best determined directions of the posterior exactly, all others with one common variance.

    (S A S)^-1 is taken as Q diag(1/values) Q^T + rest (1 - Q Q^T), with Q the eigenvectors of the smallest and of some
    of the largest eigenvalues of S A S: extrapolation lies along the former, and energies, to which all columns add
    with one sign, along the latter. `rest` is such that rows distributed as those of the fit keep their mean variance.

    Attributes
    ----------
    vectors : (P, R) array
        Q.
    values : (R,) array
        Eigenvalues of S A S.
    rest : float
        Variance along every other direction.
    bounds : (float, float)
        Least and largest ratio that an approximate to a true standard deviation can have.
    """

    vectors: NDArray[np.floating[Any]]
    values: Vector
    rest: float
    bounds: tuple[float, float]

    @classmethod
    def of(cls, triangle: Triangle, rank: int) -> LowRank:
        """Return the approximation with `rank` < P exact directions."""
        lower = np.tril(np.asarray(triangle.lower, dtype=np.float64))
        values, vectors = linalg.eigh(lower @ lower.T, overwrite_a=True, check_finite=False)
        largest = rank // _FROM_THE_TOP
        left_out = slice(rank - largest, len(values) - largest)
        others = values[left_out]
        rest = len(others) / float(others.sum())
        bounds = (math.sqrt(rest * float(others[0])), math.sqrt(rest * float(others[-1])))
        return cls(np.delete(vectors, left_out, axis=1), np.delete(values, left_out), rest, bounds)

    @property
    def size(self) -> int:
        """P."""
        return len(self.vectors)

    def whiten(self, rows: Vector) -> Vector:
        """Return the components along Q over the roots of the eigenvalues, and the rest times its deviation."""
        along = rows @ self.vectors
        across = rows - along @ self.vectors.T
        return np.hstack([along / np.sqrt(self.values), math.sqrt(self.rest) * across])

    def colour(self, noise: Vector) -> Vector:
        """Return rows with the approximate covariance."""
        along = noise @ self.vectors
        root = math.sqrt(self.rest)
        return np.asarray(root * noise + (along * (1 / np.sqrt(self.values) - root)) @ self.vectors.T)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """What is known of the coefficients of a potential after its fit.

    Attributes
    ----------
    coefficients : (P,) array
        c_hat, eV.
    scale : (P,) array
        Diagonal of S; zero for a column without variance.
    factor : Triangle or LowRank
        Root of (S A S)^-1.
    sigma0 : float
        Overall scale of the noise, see `evidence_scale`.
    calibration : dict
        Kind of label ("energy", "forces", "stress") -> Calibration.
    loss : dict
        Relative errors of standard deviations that the form of the file brought, see `posterior_file`; empty if none.
    """

    coefficients: Vector
    scale: Vector
    factor: Factor
    sigma0: float = 1.0
    calibration: Mapping[str, Calibration] = dataclasses.field(default_factory=dict)
    loss: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, solution: Solution, *, sigma0: float = 1.0, coefficients: Vector | None = None) -> Posterior:
        """Return the posterior of a fit, around `coefficients` if they were changed afterwards (repulsive core)."""
        centre = solution.coefficients if coefficients is None else coefficients
        return cls(np.array(centre, dtype=np.float64), solution.scale, Triangle(solution.cholesky), sigma0)

    def variance(self, x: ArrayLike, kind: str | None = None) -> Vector:
        """Return the variance of predictions.

        Parameters
        ----------
        x : (..., P) array
            Feature rows; for the difference of two structures the difference of their rows.
        kind : str
            Label kind whose calibration applies; the bare posterior if not given.

        Returns
        -------
        (...) array
            Square of the unit of the prediction.
        """
        rows = np.asarray(x, dtype=np.float64)
        flat = rows.reshape(-1, rows.shape[-1])
        out = np.empty(len(flat))
        for first in range(0, len(flat), _ROWS):
            some = slice(first, first + _ROWS)
            out[some] = (self._whitened(flat[some]) ** 2).sum(axis=1)
        return self._calibrated(out.reshape(rows.shape[:-1]), kind)

    def deviation(self, x: ArrayLike, kind: str | None = None) -> Vector:
        """Return the standard deviation of predictions: the root of `variance`."""
        return np.sqrt(self.variance(x, kind))

    def covariance(self, x1: ArrayLike, x2: ArrayLike | None = None) -> Vector:
        """Return the (n1, n2) covariances of predictions with rows (n1, P) and (n2, P), without calibration."""
        first = self._whitened(np.atleast_2d(np.asarray(x1, dtype=np.float64)))
        second = first if x2 is None else self._whitened(np.atleast_2d(np.asarray(x2, dtype=np.float64)))
        return np.asarray(first @ second.T)

    def force_covariance(self, x: ArrayLike, kind: str | None = "forces") -> Vector:
        """Return the (N, 3, 3) covariance of the force on each atom from its rows (N, 3, P), (eV/Å)²."""
        rows = np.asarray(x, dtype=np.float64)
        out = np.empty((len(rows), 3, 3))
        for first in range(0, len(rows), _ROWS // 3):
            some = slice(first, first + _ROWS // 3)
            white = self._whitened(rows[some].reshape(-1, rows.shape[-1])).reshape(len(rows[some]), 3, -1)
            out[some] = white @ white.transpose(0, 2, 1)
        known = self._kind(kind)
        return out if known is None else known.factor**2 * out + known.floor**2 * np.eye(3)

    def draws(self, count: int, seed: int, *, inflation: float = 1.0) -> Vector:
        """Return (count, P) coefficients drawn from the posterior: a committee.

        Parameters
        ----------
        count : int
            How many.
        seed : int
            Of the random numbers.
        inflation : float
            Multiplies the deviations, e.g. the calibration factor of forces.
        """
        noise = np.random.default_rng(seed).normal(size=(count, self.factor.size))
        return np.asarray(self.coefficients + inflation * self.sigma0 * self.scale * self.factor.colour(noise))

    def calibrated(self, calibration: Mapping[str, Calibration]) -> Posterior:
        """Return the same with the calibration of some label kinds added."""
        return dataclasses.replace(self, calibration={**self.calibration, **calibration})

    def _whitened(self, rows: Vector) -> Vector:
        if rows.shape[-1] != self.factor.size:
            raise InputError(
                f"posterior: expected feature rows of {self.factor.size} columns, found {rows.shape[-1]}; the features "
                "must come from the basis of this potential"
            )
        return self.sigma0 * self.factor.whiten(rows * self.scale)

    def _kind(self, kind: str | None) -> Calibration | None:
        if kind is None:
            return None
        if kind not in self.calibration:
            known = ", ".join(self.calibration) or "none"
            raise InputError(
                f"posterior: expected a calibrated kind of label ({known}), found {kind!r}"
                f"{nearest(kind, self.calibration)}; calibrate on withheld data, or ask for the bare variance"
            )
        return self.calibration[kind]

    def _calibrated(self, variance: Vector, kind: str | None) -> Vector:
        known = self._kind(kind)
        return variance if known is None else known.apply(variance)

    def __repr__(self) -> str:
        lines = [f"Posterior of {self.factor.size} coefficients ({type(self.factor).__name__.lower()})"]
        lines.append(f"  sigma0 {self.sigma0:.3g}")
        lines += [
            f"  {kind}: factor {c.factor:.2f}, {c.within_one:.0%} within one and {c.within_two:.0%} within two "
            f"deviations of {c.count} withheld rows"
            for kind, c in self.calibration.items()
        ]
        return "\n".join(lines)


def evidence_scale(solution: Solution, yy: float, rows: int) -> float:
    """Return sigma0 that maximises the evidence when only the ratios of the sigmas and of the prior are trusted.

    sigma0^2 = (sum (residual / sigma)^2 + (c - c0)^T Lambda (c - c0)) / rows (spec uf3 5).

    Parameters
    ----------
    solution : Solution
        The fit.
    yy : float
        y^T y, scaled.
    rows : int
        Number of labels.
    """
    return math.sqrt(max(yy + solution.objective, 0.0) / rows)


def fingerprint(layout: ColumnLayout, coefficients: Vector) -> str:
    """Return the SHA-256 of what the coefficients are and of their values, by which a posterior finds its potential."""
    digest = hashlib.sha256()
    for block in layout.blocks:
        digest.update(f"{block.name}:{block.n_columns};".encode())
    digest.update(np.ascontiguousarray(coefficients, dtype="<f8").tobytes())
    return digest.hexdigest()
