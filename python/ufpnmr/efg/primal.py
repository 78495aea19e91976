"""Full Gaussian process regression for ζ = 2 as ridge regression on one matrix, without an active set.

The kernel with ζ = 2 is the inner product of P⁰ ⊗ P². Regression over all N environments with noise variance μ is
therefore the same as min over C (Q0, Q2) of Σ_i ‖y_i - P²(i)·(P⁰(i) C)‖² + μ‖C‖². Golub-Kahan bidiagonalisation (the
process inside LSQR; Paige & Saunders, ACM Trans. Math. Softw. 8, 43 (1982)) needs two products with the data per step,
4 N Q2 (Q0 + 5) operations, and does not know μ: one process gives the solutions for all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.kernels import contract
from ufpnmr.errors import InputError

__all__ = ["PrimalSolver", "RidgePath"]

Array = NDArray[np.float64]
_CHECK_EVERY = 20


@dataclasses.dataclass(frozen=True, eq=False)
class RidgePath:
    """Solutions for all regularisations in the space of one bidiagonalisation.

    Attributes
    ----------
    basis : (k, Q0 Q2)
        Orthonormal directions.
    lower : (k + 1, k)
        The bidiagonal matrix.
    first : float
        Norm of the labels.
    shape : (Q0, Q2)
        Of the coefficients.
    residual : float
        Norm of the normal equations' residual for the smallest regularisation, relative to that of no coefficients.
    """

    basis: Array
    lower: Array
    first: float
    shape: tuple[int, int]
    residual: float

    @property
    def iterations(self) -> int:
        """Steps of the process."""
        return len(self.basis)

    def coefficients(self, regularisation: Iterable[float]) -> Array:
        """Return C of each noise variance, (R, Q0, Q2)."""
        y = _ridge(self.lower, self.first, np.fromiter(regularisation, dtype=np.float64))
        return (y @ self.basis).reshape(-1, *self.shape)


class PrimalSolver:
    """Ridge regression on C from streamed features.

    Parameters
    ----------
    features : FeatureSet
    iterations : int
        Most steps of the bidiagonalisation.
    tolerance : float
        The process ends when the normal equations of the smallest regularisation hold to this, relatively.
    """

    zeta = 2
    active0: Array | None = None

    def __init__(self, features: FeatureSet, *, iterations: int = 300, tolerance: float = 1e-8) -> None:
        self.features, self.iterations, self.tolerance = features, iterations, tolerance

    def path(self, shards: Iterable[int], smallest: float) -> RidgePath:
        """Train on some shards.

        Parameters
        ----------
        shards : iterable of int
        smallest : float
            Smallest regularisation that will be asked for; it decides when to stop.

        Raises
        ------
        InputError
            No environments, or labels that are all zero.
        """
        shards = list(shards)
        rows = self.features.rows(shards)
        y = self.features.y[rows].ravel()
        first = float(np.linalg.norm(y))
        if first == 0:
            raise InputError(f"expected labels to train on, found {len(rows)} environments with a zero tensor each")
        limit = min(self.iterations, self.features.q0 * self.features.q2, y.size)
        basis = np.empty((limit, self.features.q0 * self.features.q2))
        lower = np.zeros((limit + 1, limit))
        u = y / first
        v = self._step(shards, None, u)[1]
        alpha = float(np.linalg.norm(v))
        start = alpha * first
        residual = 1.0
        for k in range(limit):
            basis[k] = v / alpha
            lower[k, k] = alpha
            u, v = self._step(shards, basis[k], -alpha * u)
            beta = float(np.linalg.norm(u))
            lower[k + 1, k] = beta
            u, v = u / (beta or 1.0), v / (beta or 1.0) - beta * basis[k]
            for _ in range(2):  # twice is enough (Kahan and Parlett)
                v -= basis[: k + 1].T @ (basis[: k + 1] @ v)
            alpha = float(np.linalg.norm(v))
            last = k + 1 == limit or alpha * beta <= 1e-14 * start
            if last or (k + 1) % _CHECK_EVERY == 0:
                small = _ridge(lower[: k + 2, : k + 1], first, np.array([smallest]))[0]
                residual = alpha * beta * abs(float(small[-1])) / start
                if last or residual < self.tolerance:
                    limit = k + 1
                    break
        shape = (self.features.q0, self.features.q2)
        return RidgePath(basis[:limit], lower[: limit + 1, :limit], first, shape, residual)

    def _step(self, shards: list[int], x: Array | None, u: Array) -> tuple[Array, Array]:
        """Return u' = A x + u and Aᵀ u' in one pass over the data; x = 0 if None."""
        C = None if x is None else x.reshape(self.features.q0, self.features.q2)
        out = np.zeros((self.features.q0, self.features.q2))
        u = u.reshape(-1, self.features.components).copy()
        done = 0
        for _, P2, P0 in self.features.blocks(shards):
            part = u[done : done + len(P2)]
            if C is not None:
                part += contract(P2, P0 @ C)
            out += P0.T @ np.einsum("imq,im->iq", P2, part)
            done += len(P2)
        return u.ravel(), out.ravel()


def _ridge(lower: Array, first: float, regularisation: Array) -> Array:
    """Minimise ‖B y - first e_1‖² + μ‖y‖² for each μ; return (R, k)."""
    U, s, Vt = np.linalg.svd(lower, full_matrices=False)
    filters = s / (s**2 + regularisation[:, None])
    return np.asarray((filters * (first * U[0])) @ Vt)
