"""Exact dynamics of one quadrupolar spin: operators, pulses, first-order evolution, and what an echo sequence detects.

Rotating frame on resonance, pulses much shorter than the quadrupolar period. Density matrices are (2I + 1, 2I + 1) in
the basis m = I, I - 1, ..., -I.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError, nearest

__all__ = [
    "MAGIC_ANGLE",
    "SEQUENCES",
    "EchoSequence",
    "echo_sequence",
    "evolve",
    "quadrupolar_levels",
    "rotation",
    "spin_matrices",
]

FloatArray = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]
ComplexArray = npt.NDArray[np.complex128]

MAGIC_ANGLE = math.degrees(math.acos(1 / math.sqrt(3)))
"""54.7356 degrees."""
SEQUENCES = ("sin-sin", "cos-cos")

_NO_OCTUPOLAR_ORDER = math.degrees(math.acos(1 / math.sqrt(5)))  # zero of d³(0, 1) ~ sin β (5 cos²β - 1): 63.4349
_NEGLIGIBLE = 1e-12


def spin_matrices(spin: float) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return I_x, I_y, I_z, each (2I + 1, 2I + 1), in units of ħ."""
    n = round(2 * spin) + 1
    if n < 2 or abs(2 * spin + 1 - n) > 1e-9:
        raise InputError(f"expected a spin of 1/2, 1, 3/2 ..., found {spin}")
    m = spin - np.arange(n)
    raising = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1).astype(np.complex128)
    lowering = raising.conj().T
    return (raising + lowering) / 2, (raising - lowering) / 2j, np.diag(m).astype(np.complex128)


def rotation(spin: float, angle: float, phase: float = 0.0) -> ComplexArray:
    """Return the propagator exp[-iθ(I_x cos φ + I_y sin φ)] of a pulse.

    Parameters
    ----------
    spin : float
    angle, phase : float
        θ and φ, degrees; phase 0 is a pulse along x, 90 along y.
    """
    from scipy.linalg import expm

    x, y, _ = spin_matrices(spin)
    phi = math.radians(phase)
    return np.asarray(expm(-1j * math.radians(angle) * (x * math.cos(phi) + y * math.sin(phi))))


def quadrupolar_levels(spin: float) -> FloatArray:
    """Return the first-order levels E_m/(ħω) with ω the frequency of the innermost satellite ("satellite_rad").

    E_m = ħω [3m² - I(I + 1)]/[3(2s - 1)], s = 3/2 for half-integer and 1 for integer spin (spec efg 5.4), so that the
    transition m -> m - 1 is at ω (2m - 1)/(2s - 1).

    Returns
    -------
    ndarray (2I + 1,), for m = I ... -I
    """
    if spin < 1:
        raise InputError(f"expected a spin of at least 1, found {spin}: nothing quadrupolar")
    m = spin - np.arange(round(2 * spin) + 1)
    inner = 1.5 if round(2 * spin) % 2 else 1.0
    return np.asarray((3 * m**2 - spin * (spin + 1)) / (3 * (2 * inner - 1)))


def evolve(density: ComplexArray, phase: float) -> ComplexArray:
    """Return the density matrix after free evolution by `phase` = ω t, rad, ω in the "satellite_rad" convention."""
    levels = quadrupolar_levels((len(density) - 1) / 2)
    return np.asarray(density * np.exp(-1j * phase * (levels[:, None] - levels[None, :])))


@dataclasses.dataclass(frozen=True)
class EchoSequence:
    """What 90° - tp - β - tm - β - td detects for given phases φp = ω(0) tp and φd = ω(tm) td.

    F(φp, φd) = Σ_ab c_ab g_a(φp) g_b(φd), relative to the free induction decay right after a 90° pulse.

    Attributes
    ----------
    name : {"sin-sin", "cos-cos"}
        Phase of the second and third pulse: 90° off the first one, or the same. The phase cycle keeps the even ranks
        during tm (quadrupolar order T20 for I = 1 and 3/2) or the odd ones (Zeeman order T10, and T30 for I >= 3/2).
    spin : float
    angle : float
        β, degrees.
    functions : tuple of (str, int)
        g: ("cos", k) is cos kφ, ("sin", k) is sin kφ; ("cos", 0) is the constant of the central transition.
    matrix : ndarray (G, G)
        c, symmetric; functions that play no role are left out.
    """

    name: str
    spin: float
    angle: float
    functions: tuple[tuple[str, int], ...]
    matrix: FloatArray

    @property
    def prefactor(self) -> float:
        """Coefficient of sin φp sin φd or cos φp cos φd, such as 9/20 in Harper 2025 eq. 3."""
        index = self.functions.index((self.name[:3], 1))
        return float(self.matrix[index, index])

    @property
    def formula(self) -> str:
        """F in words, such as "0.45 sin φp sin φd"."""

        def text(function: tuple[str, int], phase: str) -> str:
            kind, k = function
            return "" if k == 0 else f" {kind} {k if k > 1 else ''}{phase}"

        return " + ".join(
            f"{c:.6g}{text(self.functions[a], 'φp')}{text(self.functions[b], 'φd')}"
            for (a, b), c in np.ndenumerate(self.matrix)
            if abs(c) > _NEGLIGIBLE
        ).replace("+ -", "- ")

    def factors(self) -> tuple[FloatArray, FloatArray]:
        """Return λ (R,) and u (R, G) with F = Σ_r λ_r h_r(φp) h_r(φd), h_r = Σ_a u_ra g_a; the fewest terms."""
        values, vectors = np.linalg.eigh(self.matrix)
        kept = np.abs(values) > _NEGLIGIBLE
        return values[kept], vectors.T[kept]

    def evaluate(self, phase: Floating) -> Floating:
        """Return h_r of phases (...) rad as (R, ...), of their precision."""
        functions = [(np.cos if kind == "cos" else np.sin)(k * phase) for kind, k in self.functions]
        u = self.factors()[1].astype(phase.dtype)
        return (
            np.asarray(np.tensordot(u, np.stack(functions), axes=1)) if len(u[0]) > 1 else u[0, 0] * functions[0][None]
        )

    def signal(self, phase_p: npt.ArrayLike, phase_d: npt.ArrayLike) -> FloatArray:
        """Return F of two arrays of phases, rad, of one shape."""
        p, d = (self.evaluate(np.asarray(phase, dtype=np.float64)) for phase in (phase_p, phase_d))
        return np.asarray(np.tensordot(self.factors()[0], p * d, axes=1))


def _kept_orders(spin: float, parity: int) -> FloatArray:
    """Return the projector (2I + 1, 2I + 1) on populations of rank k = parity, parity + 2 ... (rank 0 left out)."""
    n = round(2 * spin) + 1
    m = spin - np.arange(n)
    polynomials = np.linalg.qr(np.vander(m / spin, increasing=True))[0]  # column k: T_k0, by Gram-Schmidt in m
    ranks = polynomials[:, [k for k in range(1, n) if k % 2 == parity]]
    return np.asarray(ranks @ ranks.T)


@cache
def echo_sequence(spin: float, name: str = "sin-sin", angle: float | None = None) -> EchoSequence:
    """Return the detected signal of a stimulated echo, its coefficients from the density matrix itself.

    Ideal pulses; during tm only populations survive and do not relax. The sine-sine signal starts with 90° along y,
    β along x; the cosine-cosine one has all pulses along y. Both are detected along x. The signal is a trigonometric
    polynomial of both phases: its coefficients are the discrete Fourier transform of signals on a grid of phases.

    Parameters
    ----------
    spin : float
        I >= 1.
    name : {"sin-sin", "cos-cos"}
    angle : float, optional
        Flip angle of the second and third pulse, degrees. Default 45 for "sin-sin", which makes the most quadrupolar
        order; for "cos-cos" the magic angle for I = 1 and otherwise 63.43 (cos² β = 1/5), where no octupolar order T30
        is made. Both experiments: Böhmer, J. Magn. Reson. 147, 78 (2000); Böhmer, Jeffrey, Vogel, Prog. Nucl. Magn.
        Reson. Spectrosc. 50, 87 (2007).

    Returns
    -------
    EchoSequence
    """
    if name not in SEQUENCES:
        raise InputError(f"expected the sequence {' or '.join(SEQUENCES)}, found {name!r}{nearest(name, SEQUENCES)}")
    if angle is None:
        angle = 45.0 if name == "sin-sin" else MAGIC_ANGLE if spin == 1 else _NO_OCTUPOLAR_ORDER
    if not 0 < angle < 180:
        raise InputError(f"expected a flip angle between 0 and 180 degrees, found {angle}")
    x, _, z = spin_matrices(spin)
    second = rotation(spin, angle, 0.0 if name == "sin-sin" else 90.0)
    first = rotation(spin, 90.0, 90.0)
    start = first @ z @ first.conj().T

    highest = round(2 * spin - 1) if round(2 * spin) % 2 == 0 else round(spin - 0.5)
    n = 2 * highest + 2
    phases = 2 * math.pi * np.arange(n) / n
    prepared, detected = np.empty((2, n, len(x)))
    for j, phase in enumerate(phases):
        prepared[j] = np.diag(second @ evolve(start, phase) @ second.conj().T).real
        # Tr(x U ρ U†) = Tr(U† x U ρ): what each population contributes to the signal
        detected[j] = np.diag(second.conj().T @ evolve(x, -phase) @ second).real
    signal = prepared @ _kept_orders(spin, name == "cos-cos") @ detected.T / np.trace(x @ x).real

    # Even and odd parts of the two-dimensional Fourier series of a real function, in cosines and sines.
    k = np.arange(highest + 1)
    cosines = np.cos(np.outer(phases, k)) * np.where(k == 0, 1, 2) / n
    sines = 2 * np.sin(np.outer(phases, k[1:])) / n
    transform = np.hstack([cosines, sines])
    matrix = transform.T @ signal @ transform
    functions = [("cos", int(i)) for i in k] + [("sin", int(i)) for i in k[1:]]
    used = [i for i in range(len(functions)) if np.abs(matrix[i]).max() > _NEGLIGIBLE]
    matrix = matrix[np.ix_(used, used)]
    chosen = tuple(functions[i] for i in used)
    if not chosen:
        raise InputError(f"a {name} echo with pulses of {angle:g} degrees on a spin {spin:g} gives no signal")
    main = chosen.index((name[:3], 1))
    return EchoSequence(name, spin, angle, chosen, matrix * np.sign(matrix[main, main]))
