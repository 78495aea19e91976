"""What every CP2K run has in common: settings and sections of its input, energy and forces of its output."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.active.labelling.labeller import LabelError
from ufpnmr.active.labelling.programs import FileLabeller, k_mesh
from ufpnmr.errors import InputError
from ufpnmr.units import BOHR_ANGSTROM, HARTREE_EV

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "COORDINATES",
    "K_POINTS",
    "MULTIGRID",
    "SCF",
    "XC",
    "Cp2kLabeller",
    "cell_and_positions",
    "check_input",
    "energy_and_steps",
    "finished",
    "forces_of",
    "table",
]

MULTIGRID = """    &MGRID
      CUTOFF {cutoff}
      REL_CUTOFF {rel_cutoff}
      NGRIDS {grids}
    &END MGRID"""
K_POINTS = """    &KPOINTS
      SCHEME MONKHORST-PACK {k[0]} {k[1]} {k[2]}
      SYMMETRY OFF
      FULL_GRID OFF
    &END KPOINTS"""
SCF = """      SCF_GUESS ATOMIC
      EPS_SCF {eps_scf}
      MAX_SCF {max_scf}
      &DIAGONALIZATION
      &END DIAGONALIZATION
      &MIXING
        METHOD BROYDEN_MIXING
        ALPHA {mixing}
        NBROYDEN 8
      &END MIXING"""
XC = """    &XC
      &XC_FUNCTIONAL PBE
      &END XC_FUNCTIONAL
    &END XC"""
COORDINATES = """    &CELL
{cell}
    &END CELL
    &COORD
{coord}
    &END COORD"""


class Cp2kLabeller(FileLabeller):
    """Numerical settings of a CP2K run with k points, and how it is started.

    Parameters
    ----------
    command, timeout, threads
        See `ufpnmr.active.labelling.programs.FileLabeller`.
    cutoff, rel_cutoff : float
        Ry.
    grids : int
        Number of grids of the multigrid.
    eps_default, eps_scf : float
    max_scf : int
    mixing : float
        Broyden mixing.
    kpoint_length, gamma_from : float
        Å, see `ufpnmr.active.labelling.programs.k_mesh`.
    kpoints : sequence of int, optional
        A mesh instead of the rule.
    """

    output_name = "label.out"
    install_hint = "install CP2K (Debian: cp2k, cp2k-data)"

    def __init__(
        self,
        command: str = "cp2k.psmp",
        timeout: float = 7200.0,
        threads: int = 1,
        cutoff: float = 400.0,
        rel_cutoff: float = 50.0,
        grids: int = 5,
        eps_default: float = 1e-9,
        eps_scf: float = 1e-5,
        max_scf: int = 60,
        mixing: float = 0.4,
        kpoint_length: float = 12.5,
        gamma_from: float = 10.5,
        kpoints: Sequence[int] | None = None,
    ) -> None:
        super().__init__(command, timeout, threads)
        self.settings: dict[str, Any] = {
            "cutoff": float(cutoff),
            "rel_cutoff": float(rel_cutoff),
            "grids": int(grids),
            "eps_default": float(eps_default),
            "eps_scf": float(eps_scf),
            "max_scf": int(max_scf),
            "mixing": float(mixing),
        }
        self.kpoint_length, self.gamma_from = float(kpoint_length), float(gamma_from)
        if kpoints is not None and len(kpoints) != 3:
            raise InputError(f"kpoints: expected three divisions, found {kpoints!r}")
        self.kpoints = kpoints

    def version(self) -> str:
        """Return CP2K's version as the program tells it."""
        done = subprocess.run([*self.command, "--version"], capture_output=True, text=True, timeout=120, check=False)
        match = re.search(r"CP2K version (\S+)", done.stdout)
        return f"CP2K {match[1]}" if match else "CP2K, unknown version"

    def arguments(self) -> list[str]:
        """Return the arguments after the command."""
        return ["-i", "label.inp"]

    def mesh(self, atoms: Atoms) -> tuple[int, int, int]:
        """Return the divisions of the k mesh."""
        if self.kpoints is not None:
            a, b, c = self.kpoints
            return a, b, c
        return k_mesh(atoms, self.kpoint_length, self.gamma_from)


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


def energy_and_steps(text: str) -> tuple[float, int]:
    """Return energy (eV) and the number of SCF steps of a finished run."""
    energies = re.findall(r"ENERGY\| Total FORCE_EVAL.*?:\s+(\S+)", text)
    if not energies:
        raise LabelError("cp2k: no energy in its output; it did not end")
    steps = len(re.findall(r"^\s+\d+ (?:Broy|NoMix|P_Mix|OT)\S*", text, re.MULTILINE))
    return float(energies[-1]) * HARTREE_EV, steps


def forces_of(folder: Path, count: int) -> NDArray[np.float64]:
    """Return the forces (count, 3), eV/Å."""
    forces = table(folder / "forces.out", r"^\s*\d+\s+\d+\s+[A-Z]\w*\s+(\S+)\s+(\S+)\s+(\S+)\s*$", count)
    return forces * HARTREE_EV / BOHR_ANGSTROM


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
