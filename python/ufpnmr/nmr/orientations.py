"""Sets of field directions, and the orientation of a tensor as a quaternion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.isotopes import Isotope
from ufpnmr.nmr.frequencies import omega_q, principal_axes, unit_field

__all__ = ["Directions", "crystal_directions", "omega_q_at", "powder_directions", "quaternions"]

FloatArray = npt.NDArray[np.float64]

LEBEDEV_DEGREES = (*range(3, 32, 2), *range(35, 132, 6))


class Directions(NamedTuple):
    """Field directions."""

    vectors: FloatArray
    """(D, 3) unit vectors."""
    weights: FloatArray
    """(D,) of an average, sum 1."""


def crystal_directions(cell: npt.ArrayLike) -> Directions:
    """Return the directions of the lattice vectors a, b, c, each of weight 1/3.

    Parameters
    ----------
    cell : array_like (3, 3), Å
        Rows a, b, c.
    """
    rows = np.asarray(cell, dtype=np.float64)
    if rows.shape != (3, 3):
        raise InputError(f"expected a cell of shape (3, 3), found {rows.shape}")
    return Directions(np.array([unit_field(row) for row in rows]), np.full(3, 1 / 3))


def powder_directions(degree: int) -> Directions:
    """Return a Lebedev set that averages polynomials in the direction up to `degree` exactly, half the sphere only.

    ω_Q is of degree 2 and the same for b and -b, its square of degree 4; sin(ω_Q t) needs more (spec 6.5). Source of
    the points: `scipy.integrate.lebedev_rule`.

    Parameters
    ----------
    degree : int
        One of 3, 5, ..., 31, 35, 41, ..., 131.
    """
    from scipy.integrate import lebedev_rule

    if degree not in LEBEDEV_DEGREES:
        raise InputError(f"expected a degree of 3, 5, ..., 31, 35, 41, ..., 131, found {degree}")
    points, weights = lebedev_rule(degree)
    vectors = points.T
    tolerance = 1e-12
    first = np.where(np.abs(vectors) > tolerance, np.sign(vectors), 0.0)
    leading = np.array([row[np.flatnonzero(row)[-1]] for row in first])
    half = leading > 0
    return Directions(vectors[half], weights[half] / weights[half].sum())


def omega_q_at(
    V: npt.ArrayLike,
    directions: npt.ArrayLike,
    isotope: str | Isotope = "7Li",
    convention: str = "harper2025",
) -> FloatArray:
    """Return the quadrupolar frequency at several field directions; see `omega_q`.

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    directions : array_like (D, 3)
        In the axes of V, of any length; e.g. ``powder_directions(7).vectors``.
    isotope : str or Isotope
    convention : str

    Returns
    -------
    ndarray (..., D), kHz or rad/s
    """
    vectors = np.asarray(directions, dtype=np.float64)
    if vectors.ndim != 2 or vectors.shape[1] != 3 or len(vectors) == 0:
        raise InputError(f"expected directions of shape (D, 3), found {vectors.shape}")
    return np.stack([omega_q(V, isotope, vector, convention) for vector in vectors], axis=-1)


def quaternions(V: npt.ArrayLike, ordering: str = "haeberlen") -> FloatArray:
    """Return the orientation of the principal axes as unit quaternions (w, x, y, z), w >= 0 (spec 5.6).

    The rotation turns the axes of V's frame into the principal axes (columns of R). Principal axes are defined up to
    the rotations by π about each of them, so that one tensor has four quaternions ±q, ±q·i, ±q·j, ±q·k: compare with
    all of them (`ufpnmr.efg.quaternion_scores`).

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    ordering : {"haeberlen", "nqr"}

    Returns
    -------
    ndarray (..., 4)
        NaN where the tensor vanishes.
    """
    from scipy.spatial.transform import Rotation

    axes = principal_axes(V, ordering)
    matrices = np.where(axes.defined[..., None, None], axes.vectors, np.eye(3)).reshape(-1, 3, 3)
    q = Rotation.from_matrix(matrices).as_quat(canonical=True)[:, (3, 0, 1, 2)].reshape(*axes.defined.shape, 4)
    q[~axes.defined] = np.nan
    return np.asarray(q)
