"""Rigid-lattice dipolar second moment (van Vleck), the bound up to which a purely quadrupolar treatment holds.

J. H. van Vleck, Phys. Rev. 74, 1168 (1948); A. Abragam, Principles of Nuclear Magnetism (1961), chapter IV (like and
unlike spins). Like spins by the formula for a pure Zeeman Hamiltonian: where quadrupolar splittings detune
neighbours, less of it acts, so the sum stays an upper bound. Motion only lowers it.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.isotopes import ISOTOPES
from ufpnmr.nmr.frequencies import unit_field
from ufpnmr.units import PLANCK

__all__ = ["MAGNETS", "Magnet", "SecondMoment", "magnet", "second_moment"]

FloatArray = npt.NDArray[np.float64]

_HBAR = PLANCK / (2 * math.pi)
_MU0_OVER_4PI = 1e-7  # T² m³/J, exact to 1e-9
_PER_M6 = 1e60  # from Å⁻⁶
_CUTOFF = 25.0
_CLOSEST = 0.5
_SMALL = 1e-3  # of the total: not worth a word


@dataclasses.dataclass(frozen=True)
class Magnet:
    """A nuclear magnetic moment.

    Attributes
    ----------
    name : str
    spin : float
    gyromagnetic_ratio : float
        1e7 rad s⁻¹ T⁻¹.
    abundance : float
        Natural isotopic abundance, 0 to 1.
    """

    name: str
    spin: float
    gyromagnetic_ratio: float
    abundance: float


_SPIN_HALF = {
    "1H": 26.7522128,
    "13C": 6.728284,
    "15N": -2.71261804,
    "19F": 25.18148,
    "29Si": -5.3190,
    "31P": 10.8394,
    "77Se": 5.1253857,
    "119Sn": -10.0317,
}
_ABUNDANCE = {
    "1H": 0.999885, "2H": 0.000115, "6Li": 0.0759, "7Li": 0.9241, "10B": 0.199, "11B": 0.801, "13C": 0.0107,
    "14N": 0.99632, "15N": 0.00368, "17O": 0.00038, "19F": 1.0, "23Na": 1.0, "25Mg": 0.1, "27Al": 1.0,
    "29Si": 0.046832, "31P": 1.0, "33S": 0.0076, "35Cl": 0.7578, "37Cl": 0.2422, "39K": 0.932581, "43Ca": 0.00135,
    "77Se": 0.0763, "79Br": 0.5069, "81Br": 0.4931, "119Sn": 0.0859, "127I": 1.0, "139La": 0.9991,
}  # fmt: skip

MAGNETS = {
    name: Magnet(name, ISOTOPES[name].spin, ISOTOPES[name].gyromagnetic_ratio, abundance)
    if name in ISOTOPES
    else Magnet(name, 0.5, _SPIN_HALF[name], abundance)
    for name, abundance in _ABUNDANCE.items()
}
"""Name -> `Magnet`; R. K. Harris et al., Pure Appl. Chem. 73, 1795 (2001)."""


def magnet(name: str) -> Magnet:
    """Return a nucleus of `MAGNETS`."""
    if name not in MAGNETS:
        raise InputError(f"no magnetic nucleus {name!r} in the table; expected one of {', '.join(MAGNETS)}")
    return MAGNETS[name]


@dataclasses.dataclass(frozen=True)
class SecondMoment:
    """Second moment of the dipolar line of one kind of nucleus, mean over its sites.

    Attributes
    ----------
    nucleus : str
    parts : dict of float
        Contribution of every neighbour species, rad²/s².
    field : tuple of float or None
        Field direction; None for a powder.
    """

    nucleus: str
    parts: dict[str, float]
    field: tuple[float, ...] | None

    @property
    def total(self) -> float:
        """M2, rad²/s²."""
        return sum(self.parts.values())

    @property
    def width(self) -> float:
        """√M2/2π, kHz."""
        return math.sqrt(self.total) / (2e3 * math.pi)

    @property
    def time(self) -> float:
        """1/√M2, µs: phases are quadrupolar only for tp and td well below it."""
        return 1e6 / math.sqrt(self.total) if self.total > 0 else math.inf

    def __str__(self) -> str:
        seen = {name: value for name, value in self.parts.items() if value > _SMALL * self.total}
        parts = ", ".join(f"{self.nucleus}-{name} {value:.3g}" for name, value in seen.items())
        return (
            f"rigid-lattice dipolar second moment of {self.nucleus}: {self.total:.3g} rad²/s² ({parts}), "
            f"√M2/2π = {self.width:.3g} kHz, 1/√M2 = {self.time:.3g} µs"
        )


def _sums(cell: FloatArray, centres: FloatArray, others: FloatArray, cutoff: float, b: FloatArray | None) -> FloatArray:
    """Return Σ r⁻⁶, or Σ (1 - 3cos²)² r⁻⁶ for a field direction, of each centre (n,), Å⁻⁶; tail by a continuum."""
    heights = abs(np.linalg.det(cell)) / np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    reach = np.ceil(cutoff / heights).astype(int) + 1
    out = np.zeros(len(centres))
    between = others[None] - centres[:, None]
    between -= np.rint(between @ np.linalg.inv(cell)) @ cell
    for shift in itertools.product(*(range(-n, n + 1) for n in reach)):
        d = between + np.array(shift) @ cell
        r2 = np.einsum("ija,ija->ij", d, d)
        near = (r2 < cutoff**2) & (r2 > 1e-12)
        if not near.any():
            continue
        if r2[near].min() < _CLOSEST**2:
            raise InputError(f"two nuclei {math.sqrt(r2[near].min()):.3g} Å apart; expected at least {_CLOSEST} Å")
        r2 = np.where(near, r2, np.inf)
        terms = r2**-3
        if b is not None:
            terms *= (1 - 3 * (d @ b) ** 2 / r2) ** 2
        out += terms.sum(axis=1)
    # ∫ 4πr² r⁻⁶ beyond the cutoff; (1 - 3cos²)² averages to 4/5
    density = len(others) / abs(np.linalg.det(cell))
    return np.asarray(out + 4 * math.pi / 3 * density / cutoff**3 * (1.0 if b is None else 0.8))


def second_moment(
    cell: npt.ArrayLike,
    positions: npt.ArrayLike,
    symbols: Sequence[str],
    nucleus: str = "7Li",
    others: Sequence[str] | None = None,
    *,
    field: npt.ArrayLike | None = None,
    abundances: Mapping[str, float] | None = None,
    cutoff: float = _CUTOFF,
) -> SecondMoment:
    """Return the rigid-lattice second moment of a periodic structure.

    Powder: (3/5) (μ0/4π)² γ_I⁴ ħ² I(I + 1) Σ r⁻⁶ for like and (4/15) (μ0/4π)² γ_I² γ_S² ħ² S(S + 1) Σ r⁻⁶ for unlike
    spins; a field direction replaces the average 4/5 of (1 - 3cos²θ)² by its sum. Species count with their abundance.

    Parameters
    ----------
    cell : array_like (3, 3), Å
        Rows a, b, c.
    positions : array_like (n, 3), Å
    symbols : sequence of str (n,)
        Elements.
    nucleus : str
        The observed one, such as "7Li".
    others : sequence of str, optional
        Nuclei of the neighbours to count; default every one of `MAGNETS` whose element is there.
    field : array_like (3,), optional
        Default: powder.
    abundances : mapping, optional
        Nucleus -> abundance, for enriched samples.
    cutoff : float
        Å; beyond it a continuum.
    """
    box, r = np.asarray(cell, dtype=np.float64), np.asarray(positions, dtype=np.float64)
    names = np.asarray(symbols)
    if box.shape != (3, 3) or abs(np.linalg.det(box)) < 1e-6 or r.shape != (len(names), 3):
        raise InputError("expected a cell with a volume and one position per element symbol")
    observed = magnet(nucleus)
    element = nucleus.lstrip("0123456789")
    partners = MAGNETS if others is None else others
    centres = r[names == element]
    if len(centres) == 0:
        raise InputError(f"no {element} in the structure; found {', '.join(sorted(set(names.tolist())))}")
    b = None if field is None else unit_field(field)
    parts = {}
    for name in partners:
        there = r[names == name.lstrip("0123456789")]
        if len(there) == 0:
            continue
        other = magnet(name)
        abundance = (abundances or {}).get(name, other.abundance)
        lattice = float(_sums(box, centres, there, cutoff, b).mean()) * _PER_M6 * abundance
        gammas = (observed.gyromagnetic_ratio * other.gyromagnetic_ratio * 1e14) ** 2
        scale = (3 / 4 if name == nucleus else 1 / 3) * (4 / 5 if b is None else 1.0)
        parts[name] = scale * _MU0_OVER_4PI**2 * gammas * _HBAR**2 * other.spin * (other.spin + 1) * lattice
    return SecondMoment(nucleus, parts, None if b is None else tuple(float(x) for x in b))
