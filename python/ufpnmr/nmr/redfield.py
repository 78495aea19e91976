"""Quadrupolar relaxation of one spin: rates of the Redfield superoperator for given spectral densities.

H_Q(t) = [eQ/(2I(2I - 1)ħ)] Σ_μ v_μ(t) Q_μ with the five components v of V (spec efg 4) and Q_μ the same combinations of
I_a I_b. Second order in H_Q, high temperature, no dynamic shifts: dρ/dt = -Γ Σ_m J(m ω0) Σ_μ∈±m [Q_μ, [Q_μ, ρ]] with
Γ = 6/[2I(2I - 1)]², because (eQ/ħ)² ∫ <v_μ v_μ> cos = 6 J with J as in `ufpnmr.nmr.relaxation`. A. Abragam, Principles
of Nuclear Magnetism (1961), chapter VIII; P. S. Hubbard, J. Chem. Phys. 53, 985 (1970).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.nmr.spin import spin_matrices

__all__ = ["Components", "fast_limit", "longitudinal", "quadrupole_operators", "spin_locked", "transverse"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]


class Components(NamedTuple):
    """A decay Σ_k w_k exp(-r_k t)."""

    rates: FloatArray
    """(K,) s⁻¹, largest weight first."""
    weights: FloatArray
    """(K,), of sum 1."""

    @property
    def initial(self) -> float:
        """Initial slope Σ w r, s⁻¹."""
        return float(self.rates @ self.weights)


def quadrupole_operators(spin: float) -> list[ComplexArray]:
    """Return Q_μ for μ = -2 ... 2, each (2I + 1, 2I + 1): I·V·I = Σ v_μ Q_μ."""
    if spin < 1:
        raise InputError(f"expected a spin of at least 1, found {spin}: nothing quadrupolar")
    x, y, z = spin_matrices(spin)
    root2, root6 = math.sqrt(2), math.sqrt(6)
    return [
        (x @ y + y @ x) / root2,
        (y @ z + z @ y) / root2,
        (2 * z @ z - x @ x - y @ y) / root6,
        (x @ z + z @ x) / root2,
        (x @ x - y @ y) / root2,
    ]


def _relaxation(spin: float, terms: list[tuple[ComplexArray, float]], density: ComplexArray) -> ComplexArray:
    """Return Γ Σ J [Q†, [Q, ρ]]."""
    scale = 6 / (2 * spin * (2 * spin - 1)) ** 2
    total = np.zeros_like(density)
    for q, j in terms:
        inner = q @ density - density @ q
        total += j * (q.conj().T @ inner - inner @ q.conj().T)
    return scale * total


def _terms(spin: float, densities: npt.ArrayLike) -> list[tuple[ComplexArray, float]]:
    j = np.asarray(densities, dtype=np.float64)
    if j.shape != (3,) or not np.isfinite(j).all() or (j < 0).any():
        raise InputError(f"expected J(0), J(ω0), J(2ω0), none of them negative, found {densities!r}")
    return [(q, float(j[abs(m)])) for m, q in zip(range(-2, 3), quadrupole_operators(spin), strict=True)]


def _components(matrix: FloatArray, start: FloatArray, count: int) -> Components:
    """Rates and weights with which `start` decays under a symmetric rate matrix, `count` of them.

    Symmetry confines the decay to the Krylov space of `start`; diagonalising there leaves no degenerate modes over
    which a weight could be spread. Missing components get weight 0.
    """
    basis = [start / np.linalg.norm(start)]
    while len(basis) < count:
        found = np.array(basis)
        image = matrix @ basis[-1]
        image = image - found.T @ (found @ image)
        size = float(np.linalg.norm(image))
        if size <= 1e-10 * float(np.abs(matrix).max()):
            break
        basis.append(image / size)
    found = np.array(basis)
    rates, modes = np.linalg.eigh(found @ matrix @ found.T)
    weights = modes[0] ** 2
    heavy = np.argsort(-weights, kind="stable")
    padding = (0, count - len(heavy))
    return Components(np.pad(rates[heavy], padding, mode="edge"), np.pad(weights[heavy], padding))


def longitudinal(spin: float, densities: npt.ArrayLike) -> Components:
    """Return the decay of I_z, ⌊I + 1/2⌋ exponentials.

    I = 3/2: 1/5 exp(-2 J(ω0) t) + 4/5 exp(-2 J(2ω0) t).

    Parameters
    ----------
    spin : float
    densities : array_like (3,), s⁻¹
        J(0), J(ω0), J(2ω0).
    """
    terms, (_, _, z) = _terms(spin, densities), spin_matrices(spin)
    populations = np.eye(len(z))
    columns = [np.diag(_relaxation(spin, terms, np.diag(p).astype(np.complex128))).real for p in populations]
    return _components(np.array(columns).T, np.diag(z).real, int(spin + 0.5))


def transverse(spin: float, densities: npt.ArrayLike) -> Components:
    """Return the decay of I_x without a static splitting, ⌊I + 1/2⌋ exponentials.

    I = 3/2: 3/5 exp(-[J(0) + J(ω0)] t), the satellites, + 2/5 exp(-[J(ω0) + J(2ω0)] t), the central transition.

    Parameters
    ----------
    spin : float
    densities : array_like (3,), s⁻¹
        J(0), J(ω0), J(2ω0).
    """
    terms, (x, _, _) = _terms(spin, densities), spin_matrices(spin)
    n = len(x)
    columns = []
    for k in range(n - 1):
        coherence = np.zeros((n, n), dtype=np.complex128)
        coherence[k, k + 1] = 1.0
        columns.append(np.diag(_relaxation(spin, terms, coherence), 1).real)
    return _components(np.array(columns).T, np.diag(x, 1).real, int(spin + 0.5))


def spin_locked(spin: float, densities: npt.ArrayLike, locked: npt.ArrayLike) -> Components:
    """Return the decay of I_x locked on resonance by ω1 ≪ ω0, ω1 ≫ rates and static splitting.

    Q_0, the only part that does not turn with ω0, splits into orders m' about the locking field with J(m' ω1); the
    populations along that field decay.

    Parameters
    ----------
    spin : float
    densities : array_like (3,), s⁻¹
        J(0), J(ω0), J(2ω0); J(0) is not used.
    locked : array_like (3,), s⁻¹
        J(0), J(ω1), J(2ω1).
    """
    lock = np.asarray(locked, dtype=np.float64)
    _terms(spin, lock)
    terms = _terms(spin, densities)
    x, _, _ = spin_matrices(spin)
    along, axes = np.linalg.eigh(x)
    order = np.rint(along[:, None] - along[None, :]).astype(int)
    turned = [(axes.conj().T @ q @ axes, j) for q, j in terms]
    secular = turned.pop(2)[0]
    turned += [(np.where(order == m, secular, 0), float(lock[abs(m)])) for m in range(-2, 3)]
    populations = np.eye(len(x))
    columns = [np.diag(_relaxation(spin, turned, np.diag(p).astype(np.complex128))).real for p in populations]
    return _components(np.array(columns).T, along, int(spin + 0.5))


def fast_limit(spin: float, density: float) -> float:
    """Return R1 = R2 when J is the same at all frequencies: (3/2)(2I + 3)/[I²(2I - 1)] J.

    That is (1/20)(2I + 3)/[I²(2I - 1)] (eQ/ħ)² ∫ C dt (Abragam 1961, chapter VIII; spec efg 6.9).

    Parameters
    ----------
    spin : float
    density : float
        J, s⁻¹.
    """
    return 1.5 * (2 * spin + 3) / (spin**2 * (2 * spin - 1)) * density
