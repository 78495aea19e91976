"""Sparse Gaussian process regression for any ζ: subset of regressors in a whitened basis, streamed.

K_MM = Z Λ Zᵀ between the active environments; directions with Λ below `drop` of the largest are left out and
φ = K_NM Z Λ^(-1/2) are the regressors, so that (φᵀφ + μ) β = φᵀy is as well conditioned as the data allow. The normal
equations of K_NM itself are never formed: their condition number is the square of what is solved here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh
from scipy.linalg.blas import dsyrk

from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.kernels import coefficients, kernel_rows
from ufpnmr.errors import InputError

__all__ = ["SparsePath", "SparseSolver"]

Array = NDArray[np.float64]
_BLOCK = 400
"""Environments whose kernel rows are in memory at once."""


@dataclasses.dataclass(frozen=True, eq=False)
class SparsePath:
    """Normal equations of some shards, to be solved for any regularisation.

    Attributes
    ----------
    solver : SparseSolver
    gram : (R, R)
        φᵀφ.
    right : (R,)
        φᵀy.
    """

    solver: SparseSolver
    gram: Array
    right: Array

    iterations = 0
    residual = 0.0

    def weights(self, regularisation: float) -> Array:
        """Return w (M, components) for one noise variance.

        Raises
        ------
        InputError
            A regularisation too small for double precision.
        """
        matrix = self.gram.copy(order="F")
        matrix.flat[:: len(matrix) + 1] += regularisation
        try:
            factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            raise InputError(
                f"regularisation {regularisation:g} is lost in the rounding of the normal equations (largest "
                f"diagonal element {self.gram.diagonal().max():.3g}); use a larger one"
            ) from None
        beta = cho_solve(factor, self.right, check_finite=False)
        return np.asarray((self.solver.whitening @ beta).reshape(-1, self.solver.active2.shape[1]))

    def coefficients(self, regularisation: Iterable[float]) -> Array:
        """Return C of each noise variance; see `ufpnmr.efg.kernels`."""
        s = self.solver
        return np.stack([coefficients(self.weights(mu), s.active2, s.active0, s.zeta) for mu in regularisation])


class SparseSolver:
    """Accumulates one Gram matrix per shard; every training set is a sum of them.

    Parameters
    ----------
    features : FeatureSet
    active : (M,) int
        Active environments, rows of `features`.
    zeta : int
    drop : float
        Directions of K_MM with a smaller eigenvalue, relative to the largest, are left out.
    """

    def __init__(self, features: FeatureSet, active: NDArray[np.intp], zeta: int, *, drop: float = 1e-12) -> None:
        self.zeta = zeta
        self.active2, self.active0 = features.gather(active)
        eigenvalues, vectors = eigh(
            kernel_rows(self.active2, self.active0, self.active2, self.active0, zeta),
            overwrite_a=True,
            check_finite=False,
        )
        keep = eigenvalues > drop * eigenvalues[-1]
        self.whitening: Array = vectors[:, keep] / np.sqrt(eigenvalues[keep])
        size = self.whitening.shape[1]
        self._shards = [int(shard) for shard in features.shards]
        self._gram = {shard: np.zeros((size, size), order="F") for shard in self._shards}
        self._right = {shard: np.zeros(size) for shard in self._shards}
        for shard in self._shards:
            for rows, P2, P0 in features.blocks([shard], _BLOCK):
                regressors = kernel_rows(P2, P0, self.active2, self.active0, zeta) @ self.whitening
                self._gram[shard] = dsyrk(
                    1.0, regressors.T, beta=1.0, c=self._gram[shard], overwrite_c=True, lower=True
                )
                self._right[shard] += regressors.T @ features.y[rows].ravel()

    @property
    def rank(self) -> int:
        """Directions kept."""
        return int(self.whitening.shape[1])

    def path(self, shards: Iterable[int], smallest: float = 0.0) -> SparsePath:
        """Return the normal equations of some shards; `smallest` is not needed here (see `PrimalSolver.path`)."""
        wanted = set(shards)
        gram = np.zeros((self.rank, self.rank), order="F")
        right = np.zeros(self.rank)
        for shard in wanted:
            gram += self._gram[shard]
            right += self._right[shard]
        return SparsePath(self, gram, right)  # only the lower triangle is filled and read
