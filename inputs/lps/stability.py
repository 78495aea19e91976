"""Write stability.json: what runs of in.md with one potential did to the PS4 units, to Li and to the pressure.

    lmp -in in.md -var name beta-384-600 -var data data.beta-384 -var potential LPS.uf3 -var T 600 -var steps 100000
    python stability.py LPS.uf3 beta-384-600 ... -o stability.json

A P-S bond of the first frame is broken when its 1 ps running mean exceeds 3.0 Å. MSD and D are of Li against the
framework; pressure and temperature are means over the last nine tenths of the log.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

import ufpnmr.trajectory
from ufpnmr.dynamics import broken_bonds
from ufpnmr.dynamics.msd import mean_square_displacement
from ufpnmr.provenance import collect
from ufpnmr.trajectory import ion_paths, read_frames

LAGS = (1.0, 10.0)  # ps


def thermodynamics(log: Path) -> dict[str, float]:
    """Return mean temperature (K) and pressure (kbar) of a log of in.md."""
    table: list[dict[str, float]] = []
    names: list[str] = []
    for line in log.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["Step"]:
            names = words
        elif names and len(words) == len(names) and re.fullmatch(r"\d+", words[0]):
            table.append(dict(zip(names, map(float, words), strict=True)))
        else:
            names = []
    rest = table[len(table) // 10 :]
    return {
        "mean_temperature_K": round(float(np.mean([row["Temp"] for row in rest])), 1),
        "pressure_kbar": round(float(np.mean([row["Press"] for row in rest])) / 1000, 2),
    }


def state(name: str) -> dict[str, Any]:
    """Return what one run did."""
    universe = ufpnmr.trajectory.open(f"{name}.lammpstrj", log=f"{name}.log")
    frames = read_frames(universe)
    bonds = broken_bonds(frames.time, frames.positions, frames.cell, frames.elements)
    msd = mean_square_displacement(ion_paths(universe, "element Li"))
    curve = np.interp(LAGS, msd.lag, msd.msd)
    return {
        "run": name,
        "atoms": len(frames.elements),
        "time_ps": round(float(frames.time[-1] - frames.time[0]), 3),
        "broken_bonds": bonds.n_broken,
        "longest_mean_A": round(float(bonds.longest_mean.max()), 3),
        **{f"msd_{lag:g}ps_A2": round(float(value), 3) for lag, value in zip(LAGS, curve, strict=True)},
        "D_cm2_s": msd.diffusion.to_dict(),
        **thermodynamics(Path(f"{name}.log")),
    }


def main() -> None:
    """Analyse the runs, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("potential", type=Path)
    parser.add_argument("runs", nargs="+", metavar="NAME")
    parser.add_argument("-o", "--output", required=True, type=Path)
    arguments = parser.parse_args()
    states = [state(name) for name in arguments.runs]
    for row in states:
        print(json.dumps(row))
    content = {"states": states, "made_by": collect([arguments.potential])}
    arguments.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
