"""Algebra of field gradient tensors: six stored numbers, matrices, five spherical components, and how two sets differ.

Stored order: xx yy zz xy xz yz. The inner product of two tensors is A:B = Σ_ab A_ab B_ab, in which the three
off-diagonal numbers count twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "cosine",
    "from_spherical",
    "relative_rmse",
    "to_matrix",
    "to_spherical",
    "to_voigt6",
    "traceless",
]

Array = NDArray[np.float64]

_WEIGHT = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])


def to_matrix(V: ArrayLike) -> Array:
    """Return (..., 3, 3) matrices from (..., 6) components xx yy zz xy xz yz, any unit."""
    components = np.asarray(V, dtype=np.float64)
    return components[..., [[0, 3, 4], [3, 1, 5], [4, 5, 2]]]


def to_voigt6(V: ArrayLike) -> Array:
    """Return (..., 6) components xx yy zz xy xz yz of (..., 3, 3) matrices, symmetrised, any unit."""
    matrix = np.asarray(V, dtype=np.float64)
    matrix = 0.5 * (matrix + np.swapaxes(matrix, -1, -2))
    return matrix[..., [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]


def traceless(V: ArrayLike) -> Array:
    """Return (..., 6) components with a third of the trace taken off each diagonal element."""
    components = np.array(V, dtype=np.float64)
    components[..., :3] -= components[..., :3].mean(axis=-1, keepdims=True)
    return components


def to_spherical(V: ArrayLike) -> Array:
    """Return the five l = 2 components of symmetric traceless tensors.

    v(-2..2) = (√2 Vxy, √2 Vyz, (2Vzz-Vxx-Vyy)/√6, √2 Vxz, (Vxx-Vyy)/√2), an isometry: v·w = V:W.

    Parameters
    ----------
    V : (..., 6)
        Components xx yy zz xy xz yz, any unit.

    Returns
    -------
    (..., 5), same unit.
    """
    xx, yy, zz, xy, xz, yz = np.moveaxis(np.asarray(V, dtype=np.float64), -1, 0)
    root2 = np.sqrt(2.0)
    return np.stack([root2 * xy, root2 * yz, (2 * zz - xx - yy) / np.sqrt(6.0), root2 * xz, (xx - yy) / root2], axis=-1)


def from_spherical(v: ArrayLike) -> Array:
    """Return (..., 6) components xx yy zz xy xz yz from the (..., 5) of `to_spherical`."""
    xy, yz, z, xz, d = np.moveaxis(np.asarray(v, dtype=np.float64), -1, 0)
    root2, root6 = np.sqrt(2.0), np.sqrt(6.0)
    return np.stack(
        [-z / root6 + d / root2, -z / root6 - d / root2, 2 * z / root6, xy / root2, xz / root2, yz / root2], axis=-1
    )


def relative_rmse(predicted: ArrayLike, reference: ArrayLike) -> float:
    """Return [Σ‖ΔV‖²/Σ‖V‖²]^{1/2} over all tensors.

    Because ⟨Δω_Q²⟩ over all field directions is (2/15)κ²‖ΔV‖², this is also the relative rms error of ω_Q.

    Parameters
    ----------
    predicted, reference : (..., 6)
        Components xx yy zz xy xz yz in one unit.
    """
    reference = np.asarray(reference, dtype=np.float64)
    difference = np.asarray(predicted, dtype=np.float64) - reference
    return float(np.sqrt(np.sum(_WEIGHT * difference**2) / np.sum(_WEIGHT * reference**2)))


def cosine(a: ArrayLike, b: ArrayLike) -> Array:
    """Return A:B/(‖A‖‖B‖) of each pair of tensors, shape (...,); NaN where one of them vanishes.

    Parameters
    ----------
    a, b : (..., 6)
        Components xx yy zz xy xz yz.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    norm = np.sqrt(np.sum(_WEIGHT * a * a, axis=-1) * np.sum(_WEIGHT * b * b, axis=-1))
    product = np.sum(_WEIGHT * a * b, axis=-1)
    return np.asarray(np.divide(product, norm, out=np.full_like(norm, np.nan), where=norm > 0))
