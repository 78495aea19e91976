"""Averages over field directions: rules for the sphere that are exact to a degree, and the degree an echo needs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError

__all__ = ["echo_degree", "sphere_rule"]

FloatArray = npt.NDArray[np.float64]

_LEBEDEV = tuple(d for d in (*range(3, 33, 2), *range(35, 132, 6)) if d not in (13, 25, 27))
"""Degrees of `scipy.integrate.lebedev_rule` (Lebedev and Laikov, Dokl. Math. 59, 477 (1999)) with positive weights."""


def sphere_rule(degree: int) -> tuple[FloatArray, FloatArray]:
    """Return directions (n, 3) and weights (n,), of sum 1, for functions f(b) = f(-b).

    Exact for polynomials in b up to `degree`: a Lebedev rule up to 131, beyond that Gauss-Legendre in cos θ times
    equally spaced φ. By inversion symmetry only half of the points are needed.

    Parameters
    ----------
    degree : int
        At least 1; the next available one is taken.
    """
    if degree < 1:
        raise InputError(f"expected a quadrature degree of at least 1, found {degree}")
    if degree <= _LEBEDEV[-1]:
        from scipy.integrate import lebedev_rule

        points, weights = lebedev_rule(next(d for d in _LEBEDEV if d >= degree))
        x, y, z = points
        upper = (z > 0) | ((z == 0) & ((y > 0) | ((y == 0) & (x > 0))))
        return points.T[upper], weights[upper] / weights[upper].sum()
    from scipy.special import roots_legendre

    nodes, weights = roots_legendre(2 * (degree // 4 + 1))  # an even number: none on the equator
    upper = nodes > 0
    phi = 2 * math.pi * np.arange(degree + 1) / (degree + 1)
    z, azimuth = (grid.ravel() for grid in np.meshgrid(nodes[upper], phi, indexing="ij"))
    r = np.sqrt(1 - z**2)
    weight = np.repeat(weights[upper], len(phi)) / len(phi)
    return np.column_stack([r * np.cos(azimuth), r * np.sin(azimuth), z]), weight


def echo_degree(phase: float, accuracy: float) -> int:
    """Return the degree at which <g(φp) g(φd)> over field directions is exact to `accuracy`.

    10 + 5 Φ for 1e-4, 16 + 5 Φ for 1e-6, 22 + 5 Φ for 1e-8, with Φ half the largest φp + φd (spec efg 6.5): three
    degrees per decade.

    Parameters
    ----------
    phase : float
        Φ, rad.
    accuracy : float
        Of the average, absolute, in (0, 1).
    """
    if not 0 < accuracy < 1:
        raise InputError(f"expected an accuracy between 0 and 1, found {accuracy}")
    return math.ceil(max(4.0, -2.0 - 3.0 * math.log10(accuracy)) + 5 * phase)
