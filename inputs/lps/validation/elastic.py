"""Elastic constants of β-Li3PS4 at 0 K, and PBE on the strained cells.

    python elastic.py strain LPS.uf3                                    elastic.json, queue-elastic.extxyz
    ufp active label queue-elastic.extxyz labels-elastic.extxyz --labeller cp2k
    python elastic.py compare LPS.uf3 labels-elastic.extxyz             elastic-pbe.json

The 32-atom cell (Li on 8d and 4b) is relaxed with the potential, atoms and cell, then strained by ±1 % in each of the
six components (Voigt; shear is the engineering strain), the atoms relaxed with the potential. C_ij is the central
difference of the stress. PBE's stress on the same structures gives the same differences; as the atoms rest where the
potential has its minimum, that is PBE along the potential's path and not PBE's own constant. PBE's stress of the
relaxed cell is said too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from common import BETA_4B, by_group, calculator, relaxed, rounded, to_label, two_verbs, write, write_queue

from ufpnmr.units import GPA_PER_EV_PER_CUBIC_ANGSTROM

STRAIN = 0.01
GROUP = "elastic"


def strained(atoms: Atoms, component: int, amount: float) -> Atoms:
    """Return a copy under one Voigt strain (xx yy zz yz xz xy)."""
    voigt = np.zeros(6)
    voigt[component] = amount
    xx, yy, zz, yz, xz, xy = voigt
    strain = np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
    out = atoms.copy()
    out.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return out


def moduli(stresses: np.ndarray, strain: float) -> dict[str, Any]:
    """Return C (GPa) from stresses (12, 6), eV/Å³, of minus and plus strain in turn, and Hill's averages."""
    raw = GPA_PER_EV_PER_CUBIC_ANGSTROM * (stresses[1::2] - stresses[::2]) / (2 * strain)
    c = (raw + raw.T) / 2
    s = np.linalg.inv(c)
    bulk = [c[:3, :3].mean(), 1 / s[:3, :3].sum()]
    diagonal, off = np.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2]
    shear = [(diagonal - off + 3 * np.trace(c[3:, 3:])) / 15]
    diagonal, off = np.trace(s[:3, :3]), s[0, 1] + s[0, 2] + s[1, 2]
    shear.append(15 / (4 * diagonal - 4 * off + 3 * np.trace(s[3:, 3:])))
    k, g = np.mean(bulk), np.mean(shear)
    return {
        "C_GPa": rounded(c, 2),
        "asymmetry_GPa": round(float(np.abs(raw - raw.T).max()), 2),
        "bulk_GPa": round(float(k), 2),
        "shear_GPa": round(float(g), 2),
        "young_GPa": round(float(9 * k * g / (3 * k + g)), 2),
        "stable": bool(np.linalg.eigvalsh(c).min() > 0),
    }


def strain_all(arguments: argparse.Namespace) -> None:
    """Relax, strain, write constants and queue."""
    calc = calculator(arguments.potential)
    rest = relaxed(ase.io.read(arguments.start), calc, force=arguments.force, cell=True)
    images = [rest]
    for component in range(6):
        for sign in (-1, 1):
            images.append(relaxed(strained(rest, component, sign * STRAIN), calc, force=arguments.force))
    stresses = np.array([image.get_stress() for image in images])
    found = moduli(stresses[1:], STRAIN)
    for row in found["C_GPa"]:
        print("".join(f"{value:9.2f}" for value in row))
    print(f"bulk {found['bulk_GPa']} shear {found['shear_GPa']} Young {found['young_GPa']} GPa")
    cell = {"cell_A": rounded(rest.cell.lengths(), 4), "angles": rounded(rest.cell.angles(), 3)}
    inputs = [arguments.potential, arguments.start]
    write(arguments.folder / "elastic.json", "elastic", inputs, strain=STRAIN, **cell, **found)
    write_queue(arguments.folder / "queue-elastic.extxyz", to_label(images, GROUP, config_type="beta_strained"))


def compare(arguments: argparse.Namespace) -> None:
    """Compare with the labels."""
    images = by_group(arguments.labels).get(GROUP, [])
    if [int(image.atoms.info["number"]) for image in images] != list(range(13)):
        raise SystemExit(f"{arguments.labels}: expected the 13 structures of group {GROUP}, found {len(images)}")
    calc = calculator(arguments.potential)
    ours = np.array([calc.get_stress(image.atoms) for image in images])
    theirs = np.array([image.stress for image in images])
    names = {"potential": moduli(ours[1:], STRAIN), "pbe": moduli(theirs[1:], STRAIN)}
    rest = {"potential": ours[0], "pbe": theirs[0]}
    for name, found in names.items():
        found["stress_at_rest_GPa"] = rounded(GPA_PER_EV_PER_CUBIC_ANGSTROM * rest[name], 3)
        diagonal = " ".join(f"{found['C_GPa'][i][i]:.1f}" for i in range(6))
        print(f"{name:<10} C11..C66 {diagonal}; bulk {found['bulk_GPa']} shear {found['shear_GPa']} GPa")
    write(arguments.folder / "elastic-pbe.json", "elastic_pbe", [arguments.potential, arguments.labels], **names)


def main() -> None:
    """Read the command line."""
    parser, first, _ = two_verbs(__doc__, "strain", strain_all, compare)
    first.add_argument("--start", type=Path, default=BETA_4B)
    first.add_argument("--force", type=float, default=0.002, help="eV/Å, where a relaxation ends")
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
