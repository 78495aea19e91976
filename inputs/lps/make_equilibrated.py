"""Write data.beta-384-350K: β-Li3PS4 after 150 ps at 350 K, so that a run need not begin with a perfect crystal.

lmp -in in.md -var name beta350 -var T 350 -var steps 75000 && python make_equilibrated.py
"""

from __future__ import annotations

import json
from pathlib import Path

from lammps_data import density, read_data, write_data
from make_beta import AXES, lithium_coordination

from ufpnmr.dynamics.anions import anion_census
from ufpnmr.provenance import collect

HERE = Path(__file__).resolve().parent
RUN = HERE / "beta350.data"


def main() -> None:
    """Check the last structure of the run and write it without velocities."""
    atoms = read_data(RUN)
    census = anion_census(atoms)
    if census.to_dict()["anions"] != {"PS4": 48}:
        raise SystemExit(f"{RUN.name}: expected all 48 P in PS4, found {census.to_dict()['anions']}")
    write_data(HERE / "data.beta-384-350K", atoms, f"beta-Li3PS4, last structure of 150 ps of in.md at 350 K; {AXES}")
    provenance = {
        "structure": "beta-Li3PS4 (4b ordering) equilibrated for 150 ps at 350 K with LPS.uf3",
        "axes": AXES,
        "density_g_cm3": round(density(atoms), 4),
        "lithium_coordination": lithium_coordination(atoms),
        "census": census.to_dict(),
        "made_by": collect([HERE / "data.beta-384", HERE / "in.md", HERE / "LPS.uf3"]),
    }
    (HERE / "data.beta-384-350K.json").write_text(json.dumps(provenance, indent=1) + "\n")


if __name__ == "__main__":
    main()
