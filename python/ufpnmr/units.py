"""Units and constants: the only place where numbers change unit.

Inside the package: Å, ps, eV, eV/Å; electric field gradients in V/Å²; frequencies in kHz where a name says so.
Constants are CODATA 2022 (Mohr, Newell, Taylor, Tiesinga, 2024) as shipped in `scipy.constants` and restated here so
that importing this module costs nothing; a test compares the two.
"""

from __future__ import annotations

import math

ELEMENTARY_CHARGE = 1.602176634e-19
"""C, exact."""
PLANCK = 6.62607015e-34
"""J s, exact."""
BOLTZMANN_EV = 8.617333262145179e-05
"""eV/K, exact."""
HARTREE_EV = 27.211386245981
"""eV (CODATA 2022)."""
BOHR_ANGSTROM = 0.529177210544
"""Å (CODATA 2022)."""
COULOMB_EV_ANGSTROM = HARTREE_EV * BOHR_ANGSTROM
"""e²/(4πε0) in eV Å = 14.399645."""

EFG_AU_IN_V_PER_A2 = HARTREE_EV / BOHR_ANGSTROM**2
"""One atomic unit of electric field gradient, E_h/(e a0²), in V/Å² = 97.173624."""
EFG_E_PER_A3_IN_V_PER_A2 = COULOMB_EV_ANGSTROM
"""Field gradient of one elementary charge per Å³, in V/Å² = 14.399645."""

MILLIBARN = 1e-31
"""m²."""
V_PER_A2_IN_SI = 1e20
"""V/Å² in V/m²."""


def coupling_khz_per_efg(quadrupole_moment_mb: float) -> float:
    """Return κ = eQ/h in kHz per V/Å² for a quadrupole moment in millibarn (spec 5.1).

    Parameters
    ----------
    quadrupole_moment_mb : float
        Nuclear electric quadrupole moment, mb, with its sign.
    """
    return ELEMENTARY_CHARGE * quadrupole_moment_mb * MILLIBARN / PLANCK * V_PER_A2_IN_SI * 1e-3


ANGSTROM2_PER_PS_IN_CM2_PER_S = 1e-4
"""Diffusion coefficients: 1 Å²/ps = 1e-4 cm²/s."""
PER_PS_IN_PER_S = 1e12
"""Rates."""
DEGREES = 180.0 / math.pi
"""Radian in degrees."""
GPA_PER_EV_PER_CUBIC_ANGSTROM = ELEMENTARY_CHARGE * 1e30 * 1e-9
"""Stress: 1 eV/Å³ = 160.2177 GPa."""
THZ_IN_PER_CM = 33.35640951981521
"""Frequencies: 1 THz = 1e12/(100 c) cm⁻¹, c exact."""
EV_PER_U_ANGSTROM2_PER_PS2 = 1.03642696526681e-4
"""Kinetic energies: 1 u Å²/ps² in eV (atomic mass constant of CODATA 2022, 1.66053906892e-27 kg)."""
