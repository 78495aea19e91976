"""λ-SOAP evaluated directly in NumPy: slow, without tables, for models made elsewhere.

Conventions as in the core: real orthonormal harmonics without Condon-Shortley phase stored at l² + l + m, channel
q = species n_max + n, orthonormalised Gaussian-type radial functions. Sparse models amplify errors of the descriptor
by 1e5 and more, so an imported one is not evaluated from interpolated tables.
"""

from __future__ import annotations

import functools
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, hyp1f1

from ufpnmr import _core
from ufpnmr.errors import InputError

__all__ = ["coupling", "densities", "features", "gto_integrals", "real_harmonics"]

Array = NDArray[np.float64]


def real_harmonics(l_max: int, vectors: Array) -> Array:
    """Return Y_lm (N, (l_max+1)²) of the directions of `vectors` (N, 3)."""
    x, y, z = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
    out = np.empty((len(vectors), (l_max + 1) ** 2))
    cosine, sine = [np.ones_like(x)], [np.zeros_like(x)]  # Re, Im of (x + iy)^m
    for m in range(l_max):
        cosine, sine = [*cosine, cosine[m] * x - sine[m] * y], [*sine, sine[m] * x + cosine[m] * y]
    legendre = {(0, 0): np.ones_like(z)}  # associated Legendre function / sin^m, positive
    for m in range(l_max + 1):
        if m:
            legendre[m, m] = legendre[m - 1, m - 1] * (2 * m - 1)
        if m < l_max:
            legendre[m + 1, m] = z * (2 * m + 1) * legendre[m, m]
        for el in range(m + 2, l_max + 1):
            legendre[el, m] = (
                (2 * el - 1) * z * legendre[el - 1, m] - (el + m - 1) * legendre[el - 2, m]
            ) / (el - m)
        for el in range(m, l_max + 1):
            norm = np.sqrt((2 * el + 1) / (4 * np.pi) * factorial(el - m) / factorial(el + m) * (2 if m else 1))
            out[:, el * el + el - m] = norm * legendre[el, m] * sine[m]
            out[:, el * el + el + m] = norm * legendre[el, m] * cosine[m]
    return out


@functools.cache
def coupling(l1: int, l2: int, lam: int) -> Array:
    """Return the Clebsch-Gordan coefficients C[m1, m2, μ] in the real basis; l1 + l2 + λ even."""
    if (l1 + l2 + lam) % 2 or not abs(l1 - l2) <= lam <= l1 + l2:
        raise InputError(f"expected l1, l2, λ with an even sum and |l1-l2| ≤ λ ≤ l1+l2, found {l1}, {l2}, {lam}")
    c = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * lam + 1), dtype=complex)
    for a in range(-l1, l1 + 1):
        for b in range(-l2, l2 + 1):
            if abs(a + b) <= lam:
                c[a + l1, b + l2, a + b + lam] = _clebsch_gordan(l1, a, l2, b, lam)
    real = np.einsum("ia,jb,kc,abc->ijk", _to_real(l1).conj(), _to_real(l2).conj(), _to_real(lam), c).real
    real[np.abs(real) < 1e-14] = 0.0
    return np.asarray(real)


def _clebsch_gordan(l1: int, m1: int, l2: int, m2: int, lam: int) -> float:
    """<l1 m1 l2 m2 | λ m1+m2> by Racah's formula."""
    f, mu = factorial, m1 + m2
    factor = (2 * lam + 1) * f(lam + l1 - l2) * f(lam - l1 + l2) * f(l1 + l2 - lam) / f(l1 + l2 + lam + 1)
    factor *= f(lam + mu) * f(lam - mu) * f(l1 - m1) * f(l1 + m1) * f(l2 - m2) * f(l2 + m2)
    total = 0.0
    for k in range(l1 + l2 - lam + 1):
        terms = (k, l1 + l2 - lam - k, l1 - m1 - k, l2 + m2 - k, lam - l2 + m1 + k, lam - l1 - m2 + k)
        if min(terms) >= 0:
            total += float((-1) ** k / np.prod([float(f(t)) for t in terms]))
    return float(np.sqrt(factor) * total)


def _to_real(el: int) -> NDArray[np.complex128]:
    """U with Y_real = U Y_complex, rows m = -l..l."""
    u = np.zeros((2 * el + 1, 2 * el + 1), dtype=complex)
    u[el, el] = 1
    for m in range(1, el + 1):
        u[el + m, el - m], u[el + m, el + m] = 1 / np.sqrt(2), (-1) ** m / np.sqrt(2)
        u[el - m, el - m], u[el - m, el + m] = 1j / np.sqrt(2), -1j * (-1) ** m / np.sqrt(2)
    return u


def gto_integrals(r: Array, cutoff: float, sigma: float, n_max: int, l_max: int) -> Array:
    """Return I_nl(r) of a Gaussian neighbour at distance r, (N, l_max+1, n_max), before cutoff and scaling (spec 1.2).

    Raises
    ------
    InputError
        A width so small that the closed form overflows in double precision.
    """
    n = np.arange(n_max)
    width = cutoff * np.maximum(np.sqrt(n), 1) / n_max
    norm = np.sqrt(2 / (gamma(n + 1.5) * width ** (2 * n + 3)))
    order = 3 + n[:, None] + n[None]
    exponent = 0.5 / width[:, None] ** 2 + 0.5 / width[None] ** 2
    overlap = np.outer(norm, norm) * 0.5 * gamma(order / 2) * exponent ** (-order / 2)
    values, vectors = np.linalg.eigh(overlap)
    mixing = vectors @ np.diag(values**-0.5) @ vectors.T
    r = r[:, None, None]
    el = np.arange(l_max + 1)[None, :, None]
    s2, w2 = sigma**2, width**2
    a, b = (n + el + 3) / 2, el + 1.5
    z = r * r * w2 / (2 * s2 * (s2 + w2))
    if z.size and z.max() > 700:
        raise InputError(f"sigma {sigma:g} Å is too small for a cutoff of {cutoff:g} Å in direct evaluation")
    factor = np.pi**1.5 * 2.0 ** ((n - el + 3) / 2) * (1 / s2 + 1 / w2) ** -a * gamma(a) / gamma(b)
    raw = norm * factor * (r / s2) ** el * np.exp(-r * r / (2 * s2)) * hyp1f1(a, b, z)
    return np.asarray((raw @ mixing) * (np.pi * s2) ** -0.75)


def densities(
    cell: Array,
    positions: Array,
    periodic: tuple[bool, bool, bool],
    types: NDArray[np.int64],
    centres: NDArray[np.intp],
    *,
    n_species: int,
    cutoff: float,
    width: float,
    sigma: float,
    n_max: int,
    l_max: int,
    centre_weight: float,
    scaling: tuple[float, float] | None,
) -> Array:
    """Return density coefficients c (n, K, (l_max+1)²) of the centres; a `width` of 0 is a hard cutoff (spec 1.1)."""
    first, second, _, vectors, r = _core.neighbor_list(positions, cell, periodic, cutoff)
    out = np.zeros((len(centres), n_species, n_max, (l_max + 1) ** 2))
    self_term = gto_integrals(np.zeros(1), cutoff, sigma, n_max, 0)[0, 0] / np.sqrt(4 * np.pi)
    degree = np.repeat(np.arange(l_max + 1), 2 * np.arange(l_max + 1) + 1)
    for row, centre in enumerate(centres):
        mine = first == centre
        radial = gto_integrals(r[mine], cutoff, sigma, n_max, l_max)
        factor = np.ones(len(radial))
        if width > 0:
            factor *= 0.5 * (1 + np.cos(np.pi * np.clip((r[mine] - cutoff + width) / width, 0, 1)))
        if scaling is not None:
            factor /= 1 + (r[mine] / scaling[0]) ** scaling[1]
        terms = radial[:, degree] * (real_harmonics(l_max, vectors[mine]) * factor[:, None])[:, :, None]
        np.add.at(out[row], types[second[mine]], np.swapaxes(terms, 1, 2))
        out[row, types[centre], :, 0] += centre_weight * self_term
    return out.reshape(len(centres), n_species * n_max, -1)


def features(c: Array, channels: NDArray[np.int64], lam: int) -> Array:
    """Return P^λμ (n, 2λ+1, F) for rows (l1, l2, q1, q2) of `channels`, each counted once, without weights (spec 1.6)."""
    out = np.empty((len(c), 2 * lam + 1, len(channels)))
    for l1, l2 in np.unique(channels[:, :2], axis=0):
        mine = np.flatnonzero((channels[:, 0] == l1) & (channels[:, 1] == l2))
        a = c[:, channels[mine, 2], l1 * l1 : (l1 + 1) ** 2]
        b = c[:, channels[mine, 3], l2 * l2 : (l2 + 1) ** 2]
        out[:, :, mine] = np.einsum("iqa,iqb,abm->imq", a, b, coupling(int(l1), int(l2), lam), optimize=True)
    return out
