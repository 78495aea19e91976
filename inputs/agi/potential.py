"""Pair potential of silver iodide of the Parrinello-Rahman-Vashishta form, written as a table for `pair_style table`.

    V(r) = H/r^η + Z_i Z_j e²/r - P/r⁴ - W/r⁶,    P = (α_i Z_j² + α_j Z_i²) e²/2

Form: P. Vashishta, A. Rahman, Phys. Rev. Lett. 1978, 40, 1337; M. Parrinello, A. Rahman, P. Vashishta, Phys. Rev. Lett.
1983, 50, 1073. Parameters: F. Shimojo, M. Kobayashi, J. Phys. Soc. Jpn. 1991, 60, 3725. The Coulomb term is left to
`coul/long`. `python potential.py` writes AgI.table. README.md says which numbers were confirmed, and where.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHARGE = 0.5815
"""Z, e; silver +, iodine -."""
PAIRS = {
    ("Ag", "Ag"): (0.16, 11, 0.0, 0.0),
    ("Ag", "I"): (1310.0, 9, 14.9, 0.0),
    ("I", "I"): (5328.0, 7, 29.8, 84.5),
}
"""H in eV Å^η, η, P in eV Å⁴, W in eV Å⁶. P is Z² α e² (half for Ag-I) with the polarisability of iodide, 6.12 Å³."""
CUTOFF = 10.0
INNER = 1.2
POINTS = 4401

Floats = NDArray[np.float64]


def energy_force(pair: tuple[str, str], r: Floats) -> tuple[Floats, Floats]:
    """Energy (eV) and force (eV/Å) without the Coulomb term, shifted so that both vanish at the cutoff."""
    hard, power, dipole, dispersion = PAIRS[pair]

    def bare(x: Floats) -> tuple[Floats, Floats]:
        energy = hard / x**power - dipole / x**4 - dispersion / x**6
        force = power * hard / x ** (power + 1) - 4 * dipole / x**5 - 6 * dispersion / x**7
        return energy, force

    energy, force = bare(r)
    edge_energy, edge_force = bare(np.array(CUTOFF))
    return energy - edge_energy + (r - CUTOFF) * edge_force, force - edge_force


def main() -> None:
    """Write the three tables."""
    r = np.linspace(INNER, CUTOFF, POINTS)
    lines = ["# AgI, Shimojo and Kobayashi 1991, without Coulomb; eV, angstrom; made by potential.py", ""]
    for pair in PAIRS:
        energy, force = energy_force(pair, r)
        lines += ["_".join(pair), f"N {POINTS} R {INNER} {CUTOFF}", ""]
        rows = zip(r, energy, force, strict=True)
        lines += [f"{i} {x:.6f} {e:.10e} {f:.10e}" for i, (x, e, f) in enumerate(rows, 1)] + [""]
    Path(__file__).with_name("AgI.table").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
