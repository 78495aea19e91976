"""What every CP2K run has in common: cell and positions of its input, energy and forces of its output."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ufpnmr.active.labelling.labeller import LabelError
from ufpnmr.units import BOHR_ANGSTROM, HARTREE_EV

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["INSTALL_HINT", "cell_and_positions", "check_input", "energy_and_forces", "finished", "program", "table"]

INSTALL_HINT = "install CP2K (Debian: cp2k, cp2k-data)"


def program(command: Sequence[str]) -> str:
    """Return CP2K's version as the program tells it."""
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=120, check=False)
    match = re.search(r"CP2K version (\S+)", done.stdout)
    return f"CP2K {match[1]}" if match else "CP2K, unknown version"


def cell_and_positions(atoms: Atoms) -> tuple[list[str], list[str]]:
    """Return the lines of the sections CELL and COORD."""
    if not atoms.pbc.all():
        raise LabelError("cp2k: expected a cell periodic in all directions; this recipe knows no other")
    symbols = atoms.get_chemical_symbols()  # type: ignore[no-untyped-call]
    cell = [f"{name} {_vector(v)}" for name, v in zip("ABC", atoms.cell.array, strict=True)]
    return cell, [f"{s} {_vector(p)}" for s, p in zip(symbols, atoms.positions, strict=True)]


def check_input(atoms: Atoms, path: Path) -> None:
    """Refuse the output of another structure: CP2K's own output does not repeat the positions in full."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    cell, positions = cell_and_positions(atoms)
    if re.findall(r"^      ([A-Z][a-z]?(?: -?\d+\.\d{12}){3})$", text, re.MULTILINE) != cell + positions:
        raise LabelError(f"{path}: its cell, species or positions are not those of the structure to be labelled")


def finished(path: Path, max_scf: int) -> str:
    """Return the output of a run that ended and converged.

    Raises
    ------
    LabelError
        There is none, or it did not converge.
    """
    if not path.is_file():
        raise LabelError(f"{path}: no such output; run CP2K there")
    text = path.read_text(encoding="utf-8", errors="replace")
    if "SCF run converged" not in text or "SCF run NOT converged" in text:
        raise LabelError(f"cp2k: SCF not converged in {max_scf} steps")
    return text


def energy_and_forces(text: str, folder: Path, count: int) -> tuple[float, NDArray[np.float64], int]:
    """Return energy (eV), forces (N, 3) (eV/Å) and the number of SCF steps of a finished run."""
    energies = re.findall(r"ENERGY\| Total FORCE_EVAL.*?:\s+(\S+)", text)
    if not energies:
        raise LabelError("cp2k: no energy in its output; it did not end")
    forces = table(folder / "forces.out", r"^\s*\d+\s+\d+\s+[A-Z]\w*\s+(\S+)\s+(\S+)\s+(\S+)\s*$", count)
    steps = len(re.findall(r"^\s+\d+ (?:Broy|NoMix|P_Mix|OT)\S*", text, re.MULTILINE))
    return float(energies[-1]) * HARTREE_EV, forces * HARTREE_EV / BOHR_ANGSTROM, steps


def table(path: Path, pattern: str, rows: int) -> NDArray[np.float64]:
    """Return the first `rows` lines of a CP2K print-out that are three numbers behind their names, (rows, 3)."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.findall(pattern, text, re.MULTILINE)[:rows]
    if len(found) != rows:
        raise LabelError(f"cp2k: {path.name}: expected {rows} rows of numbers, found {len(found)}")
    try:
        return np.array(found, dtype=np.float64)
    except ValueError:
        raise LabelError(f"cp2k: {path.name}: expected numbers, found stars or text") from None


def _vector(values: NDArray[np.float64]) -> str:
    return " ".join(f"{x:.12f}" for x in values)
