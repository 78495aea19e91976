"""Amorphous Li3PS4, 576 atoms: pack it, then describe what in.melt_quench made of it.

python make_glass.py pack        writes data.glass-576-packed: rigid PS4 tetrahedra and Li at random
lmp -in in.melt_quench           melts, quenches and anneals it into glass.data
python make_glass.py finish      writes data.glass-576 and data.glass-576.json from glass.data and glass.log
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from lammps_data import AMU_PER_A3_IN_G_PER_CM3, MASSES, density, read_data, write_data
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ufpnmr.dynamics.anions import anion_census
from ufpnmr.provenance import collect

HERE = Path(__file__).resolve().parent
FORMULA_UNITS = 72
DENSITY = 1.20  # g/cm³; in.melt_quench compresses
SEED = 20250722
P_S_BOND = 2.05  # Å
# Smallest distances between atoms of different units, Å; each shrinks by 1 % after `TRIES` failures in a row.
SMALLEST = {"PP": 5.2, "SS": 3.4, "PS": 3.9, "LiS": 2.4, "LiP": 3.0, "LiLi": 2.9}
TRIES = 500
TETRAHEDRON = P_S_BOND / np.sqrt(3.0) * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


class Packing:
    """Atoms placed so far in a periodic cube of edge `length` (Å)."""

    def __init__(self, length: float) -> None:
        self.length = length
        self.positions: dict[str, NDArray[np.float64]] = {name: np.empty((0, 3)) for name in ("Li", "P", "S")}

    def clear(self, name: str, points: NDArray[np.float64], scale: float) -> bool:
        """Tell whether `points` of element `name` keep the smallest distances times `scale` from every atom."""
        for other, placed in self.positions.items():
            limit = SMALLEST.get(name + other) or SMALLEST.get(other + name)
            if limit is not None and len(placed):
                vectors = points[:, None] - placed
                vectors -= self.length * np.round(vectors / self.length)
                if np.min(np.sum(vectors**2, axis=2)) < (limit * scale) ** 2:
                    return False
        return True

    def add(self, name: str, points: NDArray[np.float64]) -> None:
        """Place `points` of element `name`."""
        self.positions[name] = np.concatenate([self.positions[name], points])


def pack(seed: int = SEED) -> tuple[Atoms, dict[str, float]]:
    """Return the packing and the factors by which the smallest distances had to shrink."""
    random = np.random.default_rng(seed)
    volume = FORMULA_UNITS * float(np.dot(MASSES, (3, 1, 4))) / DENSITY * AMU_PER_A3_IN_G_PER_CM3
    packing = Packing(volume ** (1 / 3))
    shrunk = {}
    for unit, count in (("PS4", FORMULA_UNITS), ("Li", 3 * FORMULA_UNITS)):
        scale = 1.0
        placed = failures = 0
        while placed < count:
            centre = random.uniform(0.0, packing.length, (1, 3))
            if unit == "Li":
                parts = {"Li": centre}
            else:
                rotation = Rotation.random(rng=random).as_matrix()
                parts = {"P": centre, "S": centre + TETRAHEDRON @ rotation.T}
            if all(packing.clear(name, points, scale) for name, points in parts.items()):
                for name, points in parts.items():
                    packing.add(name, points)
                placed, failures = placed + 1, 0
            else:
                failures += 1
                if failures % TRIES == 0:
                    scale *= 0.99
        shrunk[unit] = round(scale, 3)
    symbols = [name for name in ("Li", "P", "S") for _ in packing.positions[name]]
    positions = np.concatenate([packing.positions[name] for name in ("Li", "P", "S")])
    return Atoms(symbols, positions=positions, cell=[packing.length] * 3, pbc=True), shrunk


def read_log(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Return the settings of in.melt_quench and, by stage, rows of step, time, T, E_pot, E, pressure, density."""
    settings: dict[str, Any] = {}
    stages: dict[str, list[list[float]]] = {}
    stage = None
    for line in path.read_text().splitlines():
        words = line.split()
        if line.startswith("in.melt_quench: set "):
            settings[words[2]] = float(words[3])
        elif words[:1] == ["pair_style"]:
            settings["pair_style"] = " ".join(words[1:])
        elif words[:1] == ["pair_coeff"]:
            settings["potential"] = words[3]
        elif line.startswith("in.melt_quench: stage "):
            stage = words[2]
            stages[stage] = []
        elif stage and len(words) == 7 and words[0].isdigit():
            stages[stage].append([float(word) for word in words])
    return settings, {name: np.array(rows) for name, rows in stages.items()}


def describe(atoms: Atoms, log: Path) -> dict[str, object]:
    """Return the provenance of the glass: density, quench rate, anions, pressures."""
    settings, stages = read_log(log)
    potential = settings.pop("potential")
    npt = stages["npt"]
    settled = npt[len(npt) // 2 :]
    return {
        "structure": "amorphous Li3PS4, 72 formula units",
        "axes": "cubic box, no crystal axes",
        "density_g_cm3": round(density(atoms), 4),
        "density_npt_300K_g_cm3": {
            "mean": round(float(settled[:, 6].mean()), 4),
            "last": round(float(npt[-1, 6]), 4),
            "averaged_over_ps": round(float(settled[-1, 1] - settled[0, 1]), 1),
        },
        "quench_rate_K_per_s": (settings["T_melt"] - settings["T"]) / settings["t_quench"] * 1e12,
        "settings": settings,
        "census": anion_census(atoms).to_dict(),
        "potential": potential,
    }


def main() -> None:
    """Run the stage named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("pack", "finish"))
    if parser.parse_args().stage == "pack":
        atoms, shrunk = pack()
        comment = f"Li3PS4 packed: rigid PS4 and Li at random, seed {SEED}, smallest distances times {shrunk}"
        write_data(HERE / "data.glass-576-packed", atoms, comment)
        return
    atoms = read_data(HERE / "glass.data")
    provenance = describe(atoms, HERE / "glass.log")
    census = anion_census(atoms)
    if census.phosphorus.get("PS4", 0.0) < 0.95:
        raise SystemExit(f"glass.data: expected at least 95 % of P in PS4, found {census.phosphorus}")
    write_data(HERE / "data.glass-576", atoms, "amorphous Li3PS4, see data.glass-576.json; cubic box, no crystal axes")
    provenance["made_by"] = collect(
        [HERE / "data.glass-576-packed", HERE / str(provenance["potential"]), HERE / "in.melt_quench"]
    )
    (HERE / "data.glass-576.json").write_text(json.dumps(provenance, indent=1) + "\n")


if __name__ == "__main__":
    main()
