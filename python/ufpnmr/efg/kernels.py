"""Algebra of symmetry-adapted Gaussian process regression for λ = 2, or λ = 0 with one component instead of five.

The kernel between environments i and j is k_μν = [P²(i) P²(j)ᵀ]_μν [P⁰(i)·P⁰(j)]^(ζ-1) (Grisafi, Wilkins, Csányi,
Ceriotti, Phys. Rev. Lett. 120, 036002 (2018)). A prediction y_μ(i) = Σ_jν k_μν(i, j) w_jν factorises into

    y_μ(i) = Σ_q P²_μq(i) T_q(i),   T(i) = s(i) C,

where s(i) are the *scalars* of the environment and C the *coefficients*:

- ζ = 1: s = 1, C = Σ_j U_j (1, Q2);
- ζ = 2: s = P⁰(i), C = A⁰ᵀ U (Q0, Q2), whatever the number of active environments;
- any ζ: s_j = [P⁰(i)·A⁰_j]^(ζ-1), C = U (M, Q2);

with U_jq = Σ_ν A²_jνq w_jν and A⁰, A² the invariants and tensors of the active environments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["coefficients", "contract", "kernel_rows", "predict", "scalars"]

Array = NDArray[np.float64]


def kernel_rows(P2: Array, P0: Array, A2: Array, A0: Array, zeta: int) -> Array:
    """Return the kernel between environments and active environments.

    Parameters
    ----------
    P2, P0 : (N, 5, Q2), (N, Q0)
        Environments.
    A2, A0 : (M, 5, Q2), (M, Q0)
        Active environments.
    zeta : int
        Power of the scalar kernel plus one.

    Returns
    -------
    (5 N, 5 M), components fastest.
    """
    n, m, c = len(P2), len(A2), P2.shape[1]
    rows: Array = P2.reshape(c * n, -1) @ A2.reshape(c * m, -1).T
    if zeta > 1:
        rows = (rows.reshape(n, c, m, c) * ((P0 @ A0.T) ** (zeta - 1))[:, None, :, None]).reshape(c * n, c * m)
    return rows


def coefficients(weights: Array, A2: Array, A0: Array, zeta: int) -> Array:
    """Return C of the weights w (M, 5): (1, Q2), (Q0, Q2) or (M, Q2) for ζ = 1, 2, larger."""
    U: Array = np.einsum("jnq,jn->jq", A2, weights)
    if zeta == 1:
        return np.asarray(U.sum(axis=0, keepdims=True))
    return np.asarray(A0.T @ U) if zeta == 2 else U


def scalars(P0: Array, zeta: int, A0: Array | None) -> Array:
    """Return s (N, 1), (N, Q0) or (N, M) for ζ = 1, 2, larger; only the last needs A⁰ (M, Q0)."""
    if zeta == 1:
        return np.ones((len(P0), 1))
    if zeta == 2:
        return P0
    if A0 is None:
        raise ValueError(f"zeta = {zeta} needs the invariants of the active environments")
    return np.asarray((P0 @ A0.T) ** (zeta - 1))


def contract(P2: Array, T: Array) -> Array:
    """Return Σ_q P²_μq T_q, (N, 5), from (N, 5, Q2) and (N, Q2)."""
    return np.asarray(np.einsum("imq,iq->im", P2, T))


def predict(P2: Array, P0: Array, C: Array, zeta: int, A0: Array | None = None) -> Array:
    """Return y (N, 5)."""
    return contract(P2, scalars(P0, zeta, A0) @ C)
