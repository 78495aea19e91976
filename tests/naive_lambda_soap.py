"""λ-SOAP by the plainest formulas there are: the oracle of the C++ descriptor and of its predictions.

Radial functions come from SciPy, in closed form or by explicit quadrature, without a table; periodic images from a
triple loop; features from dense coupling coefficients; predictions from the kernel with its 5 x 5 blocks.
"""

import dataclasses
import itertools
from math import factorial, gamma, pi, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import hyp1f1, ive, spherical_jn


@dataclasses.dataclass(frozen=True)
class Spec:
    """Hyperparameters under the names of `_core.LambdaSoapSpec`."""

    basis: str = "gto"
    cutoff: float = 5.0
    width: float = 0.5
    sigma: float = 0.4
    n_max: int = 4
    l_max: int = 3
    species: int = 3
    centre_weight: float = 1.0
    scaling: tuple | None = (3.0, 4.0)


def cutoff_function(spec, r):
    """Shifted cosine; a hard step where the width is 0."""
    if spec.width == 0:
        return np.where(r < spec.cutoff, 1.0, 0.0)
    x = np.clip((r - spec.cutoff + spec.width) / spec.width, 0, 1)
    return np.where(r < spec.cutoff, 0.5 * (1 + np.cos(pi * x)), 0.0)


def bessel_zeros(ell, count):
    """First zeros of the spherical Bessel function j_l, by bracketing."""
    x = np.linspace(1e-3, (count + ell + 2) * pi, 4000)
    y = spherical_jn(ell, x)
    brackets = np.flatnonzero(y[:-1] * y[1:] < 0)
    return [brentq(lambda t: spherical_jn(ell, t), x[k], x[k + 1], xtol=1e-14) for k in brackets][:count]


def basis_functions(spec, x):
    """Orthonormal R_nl(x), shape (l_max + 1, n_max, len(x))."""
    if spec.basis == "laplacian":
        out = np.empty((spec.l_max + 1, spec.n_max, len(x)))
        for ell in range(spec.l_max + 1):
            for n, zero in enumerate(bessel_zeros(ell, spec.n_max)):
                norm = sqrt(2 / spec.cutoff**3) / abs(spherical_jn(ell + 1, zero))
                out[ell, n] = norm * spherical_jn(ell, zero * x / spec.cutoff)
        return out
    n = np.arange(spec.n_max)
    width = gto_widths(spec)
    norm = np.array([sqrt(2 / (gamma(k + 1.5) * w ** (2 * k + 3))) for k, w in zip(n, width, strict=True)])
    raw = norm[:, None] * x ** n[:, None] * np.exp(-(x**2) / (2 * width[:, None] ** 2))
    return np.broadcast_to(lowdin(spec) @ raw, (spec.l_max + 1, spec.n_max, len(x)))


def gto_widths(spec):
    return spec.cutoff * np.maximum(np.sqrt(np.arange(spec.n_max)), 1) / spec.n_max


def lowdin(spec):
    """S^{-1/2} of the overlap of the normalised Gaussian-type orbitals."""
    width, n = gto_widths(spec), np.arange(spec.n_max)
    norm = np.array([sqrt(2 / (gamma(k + 1.5) * w ** (2 * k + 3))) for k, w in zip(n, width, strict=True)])
    power = (3 + n[:, None] + n) / 2
    exponent = 0.5 / width[:, None] ** 2 + 0.5 / width**2
    overlap = np.outer(norm, norm) * 0.5 * np.vectorize(gamma)(power) * exponent**-power
    values, vectors = np.linalg.eigh(overlap)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def radial_by_quadrature(spec, r):
    """Overlap of R_nl with a Gaussian at each distance, no cutoff function: (len(r), l_max + 1, n_max)."""
    length = spec.cutoff if spec.basis == "laplacian" else 3 * spec.cutoff
    x, weight = np.polynomial.legendre.leggauss(500)
    x, weight = length * (x + 1) / 2, length * weight / 2
    functions = basis_functions(spec, x)
    out = np.empty((len(r), spec.l_max + 1, spec.n_max))
    for k, distance in enumerate(r):
        u = x * distance / spec.sigma**2
        gaussian = 4 * pi * (pi * spec.sigma**2) ** -0.75 * np.exp(-((x - distance) ** 2) / (2 * spec.sigma**2))
        for ell in range(spec.l_max + 1):
            if distance == 0:
                bessel = np.full_like(x, 1.0 if ell == 0 else 0.0)
            else:
                bessel = np.sqrt(pi / (2 * u)) * ive(ell + 0.5, u)
            out[k, ell] = functions[ell] @ (weight * x**2 * gaussian * bessel)
    return out


def gto_in_closed_form(spec, r):
    """The same for Gaussian-type orbitals over all space, through Kummer's function."""
    r = np.asarray(r, float)[:, None, None]
    ell, n = np.arange(spec.l_max + 1)[None, :, None], np.arange(spec.n_max)[None, None]
    s2, w2 = spec.sigma**2, gto_widths(spec) ** 2
    norm = np.array([sqrt(2 / (gamma(k + 1.5) * w ** (k + 1.5))) for k, w in enumerate(w2)])
    a, b = (n + ell + 3) / 2, ell + 1.5
    z = r**2 * w2 / (2 * s2 * (s2 + w2))
    factor = pi**1.5 * 2.0 ** ((n - ell + 3) / 2) * (1 / s2 + 1 / w2) ** -a * np.vectorize(gamma)(a)
    raw = norm * factor / np.vectorize(gamma)(b) * (r / s2) ** ell * np.exp(-(r**2) / (2 * s2)) * hyp1f1(a, b, z)
    return (pi * s2) ** -0.75 * raw @ lowdin(spec)


def radial(spec, r):
    """f_c(r) u(r) I_nl(r), (len(r), l_max + 1, n_max)."""
    r = np.asarray(r, float)
    values = gto_in_closed_form(spec, r) if spec.basis == "gto" else radial_by_quadrature(spec, r)
    factor = cutoff_function(spec, r)
    if spec.scaling:
        factor = factor / (1 + (r / spec.scaling[0]) ** spec.scaling[1])
    return values * factor[:, None, None]


def harmonics(l_max, vectors):
    """Real spherical harmonics (n, (l_max + 1)²), column l*l + l + m, no Condon-Shortley phase."""
    x, y, z = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T
    out = np.empty((len(x), (l_max + 1) ** 2))
    for ell in range(l_max + 1):
        for m in range(ell + 1):
            # d^m/dz^m of the Legendre polynomial times (x + iy)^m
            legendre = np.polynomial.legendre.Legendre.basis(ell).deriv(m)(z)
            norm = sqrt((2 * ell + 1) / (4 * pi) * factorial(ell - m) / factorial(ell + m)) * (sqrt(2) if m else 1)
            phase = (x + 1j * y) ** m
            out[:, ell * ell + ell - m] = norm * legendre * phase.imag
            out[:, ell * ell + ell + m] = norm * legendre * phase.real
    return out


def coupling(l1, l2, lam):
    """Real Clebsch-Gordan coefficients (2 l1 + 1, 2 l2 + 1, 2 lam + 1): Racah's formula and the change of basis."""
    f = factorial

    def complex_one(m1, m2, m):
        if m1 + m2 != m:
            return 0.0
        square = (2 * lam + 1) * f(lam + l1 - l2) * f(lam - l1 + l2) * f(l1 + l2 - lam) / f(l1 + l2 + lam + 1)
        square *= f(lam + m) * f(lam - m) * f(l1 - m1) * f(l1 + m1) * f(l2 - m2) * f(l2 + m2)
        total = 0.0
        for k in range(l1 + l2 - lam + 1):
            d = (k, l1 + l2 - lam - k, l1 - m1 - k, l2 + m2 - k, lam - l2 + m1 + k, lam - l1 - m2 + k)
            if min(d) >= 0:
                total += (-1) ** k / np.prod([float(f(i)) for i in d])
        return sqrt(square) * total

    def to_real(ell):
        u = np.zeros((2 * ell + 1, 2 * ell + 1), complex)
        u[ell, ell] = 1
        for m in range(1, ell + 1):
            u[ell + m, ell - m], u[ell + m, ell + m] = 1 / sqrt(2), (-1) ** m / sqrt(2)
            u[ell - m, ell - m], u[ell - m, ell + m] = 1j / sqrt(2), -1j * (-1) ** m / sqrt(2)
        return u

    c = np.array(
        [[[complex_one(a, b, m) for m in range(-lam, lam + 1)] for b in range(-l2, l2 + 1)] for a in range(-l1, l1 + 1)]
    )
    c = np.einsum("ia,jb,kc,abc->ijk", to_real(l1).conj(), to_real(l2).conj(), to_real(lam), c)
    assert abs(c.imag).max() < 1e-12
    return c.real


def neighbours(spec, species, positions, cell, periodic, centre):
    """Species and displacement of every neighbour, images of the centre included."""
    heights = [1 / np.linalg.norm(column) for column in np.linalg.inv(cell).T] if any(periodic) else [1.0] * 3
    extent = np.ptp(positions @ np.linalg.inv(cell), axis=0) if any(periodic) else np.zeros(3)
    reach = [
        int(np.ceil(spec.cutoff / h + e)) + 1 if p else 0 for h, e, p in zip(heights, extent, periodic, strict=True)
    ]
    kinds, vectors = [], []
    for shift in itertools.product(*(range(-k, k + 1) for k in reach)):
        for j, position in enumerate(positions):
            d = position + np.array(shift) @ cell - positions[centre]
            if np.linalg.norm(d) < spec.cutoff and (j != centre or any(shift)):
                kinds.append(species[j])
                vectors.append(d)
    return np.array(kinds, int), np.array(vectors).reshape(-1, 3)


def densities(spec, species, positions, cell, periodic, centres):
    """Densities (centres, channels, (l_max + 1)²)."""
    out = np.zeros((len(centres), spec.species * spec.n_max, (spec.l_max + 1) ** 2))
    own = radial(spec, [0.0])[0, 0] / sqrt(4 * pi) * spec.centre_weight
    for row, i in zip(out, centres, strict=True):
        kinds, vectors = neighbours(spec, species, positions, cell, periodic, i)
        if len(kinds):
            R, Y = radial(spec, np.linalg.norm(vectors, axis=1)), harmonics(spec.l_max, vectors)
        for a in set(kinds):
            for ell in range(spec.l_max + 1):
                block = slice(ell * ell, (ell + 1) ** 2)
                row[a * spec.n_max : (a + 1) * spec.n_max, block] = R[kinds == a, ell].T @ Y[kinds == a, block]
        row[species[i] * spec.n_max : (species[i] + 1) * spec.n_max, 0] += own
    return out


def features(c, rows, lam):
    """Weighted features (centres, 2 lam + 1, F) of densities."""
    out = np.empty((len(c), 2 * lam + 1, len(rows)))
    couplings = {}
    for k, (l1, l2, q1, q2) in enumerate(rows):
        if (l1, l2) not in couplings:
            couplings[l1, l2] = coupling(l1, l2, lam)
        weight = 1.0 if l1 == l2 and q1 == q2 else sqrt(2)
        first, second = c[:, q1, l1 * l1 : (l1 + 1) ** 2], c[:, q2, l2 * l2 : (l2 + 1) ** 2]
        out[:, :, k] = weight * np.einsum("ia,ib,abm->im", first, second, couplings[l1, l2])
    return out


def predict(P2, P0, active2, active0, weights, zeta):
    """Five components y (n, 5) from the kernel [P²P²ᵀ] (P⁰·P⁰)^(ζ-1), block by block."""
    y = np.zeros((len(P2), 5))
    for i in range(len(P2)):
        for A2, A0, w in zip(active2, active0, weights, strict=True):
            y[i] += (P2[i] @ A2.T) * (P0[i] @ A0) ** (zeta - 1) @ w
    return y
