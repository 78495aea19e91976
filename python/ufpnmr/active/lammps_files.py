"""What LAMMPS reads and writes here: data files, the head of an input, frames of dumps as `ase.Atoms`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["carried", "head", "in_lammps_frame", "read_frames", "write_data"]


def in_lammps_frame(atoms: Atoms) -> Atoms:
    """Return a copy whose cell is lower triangular as LAMMPS wants it: turned, and mirrored if left-handed.

    Raises
    ------
    InputError
        Not periodic in all three directions.
    """
    if not atoms.pbc.all() or abs(np.linalg.det(atoms.cell.array)) < 1e-6:
        raise InputError("expected a cell that is periodic in all directions, found another; give the structure one")
    axes, upper = np.linalg.qr(atoms.cell.array.T)
    axes *= np.sign(np.diagonal(upper))
    out: Atoms = atoms.copy()  # type: ignore[no-untyped-call]
    out.set_cell(np.tril(atoms.cell.array @ axes))  # type: ignore[no-untyped-call]
    out.positions = atoms.positions @ axes
    return out


def write_data(path: Path, atoms: Atoms, elements: Sequence[str]) -> None:
    """Write a data file (atom_style atomic, units metal); types are numbers in `elements`, from 1.

    Parameters
    ----------
    path : Path
    atoms : ase.Atoms
        From `in_lammps_frame`.
    elements : sequence of str
        Of the potential.
    """
    for symbol in dict.fromkeys(map(str, atoms.symbols)):
        if symbol not in elements:
            raise InputError(f"{path.name}: expected atoms of {' '.join(elements)}, found {symbol}")
    cell = atoms.cell.array
    lines = ["ufpnmr", "", f"{len(atoms)} atoms", f"{len(elements)} atom types", ""]
    lines += [f"0.0 {cell[i, i]:.12f} {axis}lo {axis}hi" for i, axis in enumerate("xyz")]
    if np.abs(cell[[1, 2, 2], [0, 0, 1]]).max() > 1e-10:
        lines.append(f"{cell[1, 0]:.12f} {cell[2, 0]:.12f} {cell[2, 1]:.12f} xy xz yz")
    lines += ["", "Masses", ""]
    lines += [f"{i} {atomic_masses[atomic_numbers[e]]:.6f}  # {e}" for i, e in enumerate(elements, 1)]
    lines += ["", "Atoms  # atomic", ""]
    lines += [
        f"{i} {elements.index(str(symbol)) + 1} {x:.12f} {y:.12f} {z:.12f}"
        for i, (symbol, (x, y, z)) in enumerate(zip(atoms.symbols, atoms.positions, strict=True), 1)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def carried(start: Atoms) -> dict[str, Any]:
    """Return what every structure that comes from this one carries too: the charge of the cell, for the labeller."""
    return {key: value for key, value in start.info.items() if key == "charge"}


def head(read: str, potential: Path, elements: Sequence[str], degree: int, timestep: float) -> str:
    """Return the beginning of an input.

    Parameters
    ----------
    read : str
        The command that reads the structure: "read_data FILE" or "read_restart FILE".
    potential : Path
        The ``.uf3`` file.
    elements : sequence of str
        Of the types.
    degree : int
        2 or 3: terms of the potential.
    timestep : float
        ps.
    """
    return f"""units metal
atom_style atomic
atom_modify map array
boundary p p p
{read}
pair_style ufp {degree}
pair_coeff * * "{potential}" {" ".join(elements)}
neighbor 1.0 bin
neigh_modify delay 0 every 1 check yes
timestep {timestep!r}
"""


def read_frames(path: Path, elements: Sequence[str]) -> list[tuple[int, Atoms]]:
    """Return step and structure of every complete frame of a dump; one that a kill cut off is left out.

    Parameters
    ----------
    path : Path
        Dump with columns id, type or element and unwrapped positions.
    elements : sequence of str
        Of the types.
    """
    import warnings

    from ase import Atoms

    from ufpnmr import trajectory

    if not path.is_file() or path.stat().st_size == 0:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # cut and repeated frames are expected here
        try:
            universe = trajectory.open(path, elements=list(elements))
        except InputError:
            return []  # not one complete frame
    symbols = [str(element) for element in universe.atoms.elements]
    frames = []
    for ts in universe.trajectory:
        positions = ts.data["positions"] - ts.data["origin"]
        frames.append((int(ts.data["step"]), Atoms(symbols, positions=positions, cell=ts.data["cell"], pbc=True)))
    return frames
