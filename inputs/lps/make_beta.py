"""Write data.beta-384 and its provenance: β-Li3PS4 with Li on 8d and 4b, 2×2×3 relaxed cells.

python make_beta.py
"""

from __future__ import annotations

import json
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from lammps_data import density, write_data

from ufpnmr.dynamics.anions import anion_census
from ufpnmr.provenance import collect

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "structures" / "beta-Li3PS4-4b-relaxed-chgnet.xyz"
REPEAT = (2, 2, 3)
AXES = "x=a y=b z=c (Pnma)"
LI_S_CUTOFF = 3.4  # Å; 4b has contacts up to 3.17 Å, the next shell of 8d and 4b starts beyond 3.6 Å


def lithium_coordination(atoms: Atoms, cutoff: float = LI_S_CUTOFF) -> dict[str, int]:
    """Return how many Li have how many S within `cutoff` (Å), e.g. ``{"LiS4": 96, "LiS6": 48}``."""
    symbols = np.array(atoms.get_chemical_symbols())
    first = neighbor_list("i", atoms, {("Li", "S"): cutoff})
    count = np.bincount(first[symbols[first] == "Li"], minlength=len(atoms))[symbols == "Li"]
    return {f"LiS{n}": int(np.sum(count == n)) for n in np.unique(count)}


def main() -> None:
    """Build, check and write the supercell."""
    atoms = ase.io.read(SOURCE) * REPEAT
    coordination = lithium_coordination(atoms)
    if coordination != {"LiS4": 96, "LiS6": 48}:
        raise SystemExit(f"{SOURCE.name}: expected 96 LiS4 and 48 LiS6 in the supercell, found {coordination}")
    write_data(HERE / "data.beta-384", atoms, f"beta-Li3PS4, Li on 8d and 4b, 2x2x3 cells of {SOURCE.name}; {AXES}")
    provenance = {
        "structure": "beta-Li3PS4, Pnma, Li on 8d and 4b (4b ordering)",
        "axes": AXES,
        "supercell": REPEAT,
        "box_A": [round(float(length), 6) for length in atoms.cell.lengths()],
        "density_g_cm3": round(density(atoms), 4),
        "lithium_coordination": {**coordination, "cutoff_A": LI_S_CUTOFF},
        "census": anion_census(atoms).to_dict(),
        "made_by": collect([SOURCE]),
    }
    (HERE / "data.beta-384.json").write_text(json.dumps(provenance, indent=1) + "\n")


if __name__ == "__main__":
    main()
