"""Write data.agi-128 and data.agi-1024: α-AgI, 4×4×4 and 8×8×8 primitive cells of bcc iodide, with their provenance.

python make_agi.py

Silver is put on tetrahedral interstices drawn at random, no two closer than 2.8 Å. The primitive supercells are the
nearly isotropic ones of these sizes: 14.3 and 28.7 Å between opposite faces.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from potential import CHARGE

from ufpnmr.provenance import collect

HERE = Path(__file__).resolve().parent
LATTICE = 5.07
"""a of the bcc cell, Å: neutron diffraction gives 5.06 to 5.09 Å between 430 and 570 K."""
CLOSEST = 2.8
SEED = 20241121
MASSES = {"Ag": 107.8682, "I": 126.90447}

Floats = NDArray[np.float64]


def cell() -> Floats:
    """Primitive vectors of bcc iodide as rows, a along x and b in the xy plane, Å."""
    rows = LATTICE / 2 * np.array([[-1.0, 1, 1], [1, -1, 1], [1, 1, -1]])
    return np.linalg.cholesky(rows @ rows.T)


def interstices() -> Floats:
    """Fractional coordinates (6, 3) of the tetrahedral interstices of the primitive cell."""
    cubic = np.array([[0.5, 0.25, 0], [0.5, 0.75, 0], [0, 0.5, 0.25], [0, 0.5, 0.75], [0.25, 0, 0.5], [0.75, 0, 0.5]])
    primitive = np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]])
    return cubic @ np.linalg.inv(primitive) % 1.0


def build(repeat: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Cell (3, 3), iodide and silver (n, 3), Å."""
    corners = np.stack(np.meshgrid(*[np.arange(repeat)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    free = ((corners[:, None] + interstices()).reshape(-1, 3)) / repeat
    box = repeat * cell()
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    taken = np.empty((0, 3))
    for place in free[rng.permutation(len(free))]:
        gaps = (taken - place - np.rint(taken - place))[:, None] + shifts
        if len(taken) == 0 or np.linalg.norm(gaps @ box, axis=-1).min() >= CLOSEST:
            taken = np.vstack([taken, place])
        if len(taken) == len(corners):
            return box, corners / repeat @ box, taken @ box
    raise SystemExit(f"expected room for {len(corners)} silver ions, found {len(taken)} places; change SEED")


def main() -> None:
    """Build and write both cells."""
    record = {}
    for repeat in (4, 8):
        box, iodide, silver = build(repeat, np.random.default_rng(SEED))
        atoms = [(1, CHARGE, x) for x in silver] + [(2, -CHARGE, x) for x in iodide]
        name = f"data.agi-{len(atoms)}"
        lines = [f"alpha-AgI, {repeat}x{repeat}x{repeat} primitive bcc cells, a = {LATTICE} A; units = metal", ""]
        lines += [f"{len(atoms)} atoms", "2 atom types", ""]
        lines += [f"0 {box[k, k]:.8f} {axis}lo {axis}hi" for k, axis in enumerate("xyz")]
        lines += [f"{box[1, 0]:.8f} {box[2, 0]:.8f} {box[2, 1]:.8f} xy xz yz", "", "Masses", ""]
        lines += [f"{k} {mass} # {element}" for k, (element, mass) in enumerate(MASSES.items(), 1)]
        lines += ["", "Atoms # charge", ""]
        lines += [
            f"{k} {kind} {charge:g} {x:.6f} {y:.6f} {z:.6f}" for k, (kind, charge, (x, y, z)) in enumerate(atoms, 1)
        ]
        (HERE / name).write_text("\n".join(lines) + "\n")
        volume = round(float(np.linalg.det(box)), 3)
        record[name] = {"atoms": len(atoms), "primitive_cells": [repeat] * 3, "volume_A3": volume}
    text = {"structure": "alpha-AgI", "lattice_A": LATTICE, "seed": SEED, "cells": record, "made_by": collect()}
    (HERE / "data.agi.json").write_text(json.dumps(text, indent=1) + "\n")


if __name__ == "__main__":
    main()
