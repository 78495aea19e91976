"""LAMMPS data files of Li-P-S structures: types 1 Li, 2 P, 3 S, atom_style atomic, units metal."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

ELEMENTS = ("Li", "P", "S")
MASSES = (6.94, 30.973761998, 32.06)  # u, IUPAC 2021 abridged standard atomic weights


AMU_PER_A3_IN_G_PER_CM3 = 1.66053906892


def read_data(path: Path) -> Atoms:
    """Read a data file of this folder, elements included."""
    return ase.io.read(path, format="lammps-data", atom_style="atomic", units="metal", Z_of_type={1: 3, 2: 15, 3: 16})


def density(atoms: Atoms) -> float:
    """Return the mass density in g/cm³."""
    mass = sum(MASSES[ELEMENTS.index(name)] for name in atoms.get_chemical_symbols())
    return float(mass / atoms.get_volume() * AMU_PER_A3_IN_G_PER_CM3)


def write_data(path: Path, atoms: Atoms, comment: str) -> None:
    """Write orthorhombic `atoms` (positions and cell in Å), wrapped into the box, under a one-line comment."""
    lengths = atoms.cell.lengths()
    if not np.allclose(atoms.cell.array, np.diag(lengths), atol=1e-5):
        raise ValueError(f"expected an orthorhombic cell along x, y, z; found\n{atoms.cell.array}")
    atoms = atoms.copy()
    atoms.set_cell(lengths, scale_atoms=True)
    atoms.wrap()
    lines = [comment, "", f"{len(atoms)} atoms", f"{len(ELEMENTS)} atom types", ""]
    lines += [f"0.0 {length:.8f} {axis}lo {axis}hi" for axis, length in zip("xyz", lengths, strict=True)]
    lines += ["", "Masses", ""]
    lines += [f"{i} {mass}  # {name}" for i, (name, mass) in enumerate(zip(ELEMENTS, MASSES, strict=True), 1)]
    lines += ["", "Atoms  # atomic", ""]
    lines += [
        f"{i} {ELEMENTS.index(name) + 1} {x:.6f} {y:.6f} {z:.6f}"
        for i, (name, (x, y, z)) in enumerate(zip(atoms.get_chemical_symbols(), atoms.positions, strict=True), 1)
    ]
    path.write_text("\n".join(lines) + "\n")
