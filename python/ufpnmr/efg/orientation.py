"""How far the principal axes of two tensors are apart, as quaternions see it (spec 5.6; Harper 2025, Fig. 1C).

The principal-axis system of a tensor is defined up to the four proper rotations D2 = {1, C2x, C2y, C2z}: signs of the
axes have no meaning. ``score_d2`` = max over them of abs(q_A·q_B) is between ½ and 1 and does not depend on such
choices. ``score_raw`` = abs(q_A·q_B) does; here the axes are those of LAPACK's eigenvectors with the third turned so
that they are right-handed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr.efg.tensors import to_matrix

__all__ = ["principal_axes", "quaternion_scores", "random_fraction"]

Array = NDArray[np.float64]


def principal_axes(V: ArrayLike) -> tuple[Array, Array]:
    """Return eigenvalues (M, 3) and axes (M, 3, 3), ordered abs(V_zz) ≥ abs(V_xx) ≥ abs(V_yy).

    Parameters
    ----------
    V : (M, 6)
        xx yy zz xy xz yz, any unit.

    Returns
    -------
    values : (M, 3)
        V_xx, V_yy, V_zz in the principal axes, unit of V.
    axes : (M, 3, 3)
        Columns x, y, z, right-handed.
    """
    values, axes = np.linalg.eigh(to_matrix(V))
    order = np.argsort(np.abs(values), axis=-1, kind="stable")[..., [1, 0, 2]]
    values = np.take_along_axis(values, order, axis=-1)
    axes = np.take_along_axis(axes, order[..., None, :], axis=-1)
    axes[..., 2] *= np.sign(np.linalg.det(axes))[..., None]
    return values, axes


def quaternion_scores(A: ArrayLike, B: ArrayLike) -> tuple[Array, Array]:
    """Return (score_d2, score_raw) of pairs of tensors (M, 6), each (M,).

    The quaternion of the relative rotation has q_A·q_B as its scalar part, and multiplying by a rotation of D2
    permutes its components, so that the maximum over D2 is the largest component.
    """
    R = np.einsum("mka,mkb->mab", principal_axes(A)[1], principal_axes(B)[1])
    x, y, z = R[:, 0, 0], R[:, 1, 1], R[:, 2, 2]
    squares = np.stack([1 + x + y + z, 1 + x - y - z, 1 - x + y - z, 1 - x - y + z], axis=1) / 4
    components = np.sqrt(np.clip(squares, 0.0, 1.0))
    return components.max(axis=1), components[:, 0]


def random_fraction(score: float, *, d2: bool) -> float:
    """Return the fraction of random orientations with at least this score (at least 1/√2 if `d2`)."""
    tail = 2 / np.pi * (np.arccos(score) - score * np.sqrt(1 - score**2))
    return float(4 * tail if d2 else tail)
