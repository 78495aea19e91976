"""D(T) of Li in β-Li3PS4 (384 atoms) or the glass (576) with its Arrhenius law, and whether PS4 stays whole.

    python diffusion.py LPS.uf3                          diffusion.json, diffusion.svg
    python diffusion.py LPS.uf3 --phase glass --temperatures 300 600 800 --ps 200        diffusion-glass.json, .svg

NVT by in.md in the box of data.beta-384 or data.glass-576. D is the slope of the mean-square displacement with its
interval (`ufp msd`); only temperatures that claim a value enter the law (`ufp arrhenius`), whose value at 300 K is an
extrapolation. A P-S bond of the first frame is broken when its 1 ps running mean exceeds 3.0 Å. Stopped runs go on.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from common import BETA_384, ELEMENTS, GLASS_576, dynamics, run_md, write

import ufpnmr.trajectory
from ufpnmr.arrhenius import over_temperatures
from ufpnmr.dynamics import broken_bonds
from ufpnmr.dynamics.msd import mean_square_displacement
from ufpnmr.plots import over_temperatures as figure_of
from ufpnmr.plots import save
from ufpnmr.trajectory import IonPaths, ion_paths, read_frames

TEMPERATURES = (400, 500, 600, 800, 1000)
AT = 300.0
PHASES = {"beta": (BETA_384, "diffusion"), "glass": (GLASS_576, "diffusion-glass")}


def without_start(paths: IonPaths) -> IonPaths:
    """Return the paths without their first tenth."""
    keep = slice(len(paths.time) // 10, None)
    arrays = {name: getattr(paths, name)[keep] for name in ("time", "positions", "cell", "drift")}
    return dataclasses.replace(paths, **arrays)


def mean_pressure(log: Path) -> float:
    """Return the mean pressure (kbar) over the last nine tenths of a log of in.md."""
    rows = [line.split() for line in log.read_text(encoding="utf-8").splitlines()]
    # behind step time temp pe etotal; a run that went on has steps twice
    pressures = list({row[0]: float(row[5]) for row in rows if len(row) == 7 and row[0].isdigit()}.values())
    return float(np.mean(pressures[len(pressures) // 10 :])) / 1000


def main() -> None:
    """Run, analyse, write."""
    parser = dynamics(__doc__, TEMPERATURES, ps=100.0, what="of each run, the first tenth is dropped")
    parser.add_argument("--phase", choices=list(PHASES), default="beta")
    arguments = parser.parse_args()
    data, name = PHASES[arguments.phase]
    rows, records = [], []
    for temperature in arguments.temperatures:
        work = arguments.folder / "work" / f"{name}-{temperature:g}K"
        dump = run_md(work, arguments.potential, data, temperature, arguments.ps, thermo=1000)
        universe = ufpnmr.trajectory.open(dump, log=work / "run.log", elements=list(ELEMENTS))
        frames = read_frames(universe)
        bonds = broken_bonds(frames.time, frames.positions, frames.cell, frames.elements)
        paths = without_start(ion_paths(universe, "element Li"))
        msd = mean_square_displacement(paths, threads=1)
        records.append(msd.diffusion)
        rows.append(
            {
                "temperature_K": temperature,
                "time_ps": arguments.ps,
                "broken_bonds": bonds.n_broken,
                "longest_mean_A": round(float(bonds.longest_mean.max()), 3),
                "msd_1ps_A2": round(float(np.interp(1.0, msd.lag, msd.msd)), 3),
                "msd_10ps_A2": round(float(np.interp(10.0, msd.lag, msd.msd)), 3) if msd.lag[-1] >= 10 else None,
                "pressure_kbar": round(mean_pressure(work / "run.log"), 2),
                "D_cm2_s": msd.diffusion.to_dict(),
            }
        )
        print(f"{temperature:g} K: {msd.diffusion}", flush=True)
    scan = over_temperatures(list(arguments.temperatures), {"diffusion": records}, predict=[AT])
    law = scan.laws.get("diffusion")
    arrhenius = None
    if law is not None:
        arrhenius = {
            "activation_energy_eV": law.activation_energy.to_dict(),
            "at_300_K": scan.predicted["diffusion"][f"{AT:g}"].to_dict(),
        }
        print(f"activation energy {law.activation_energy}\nat 300 K {scan.predicted['diffusion'][f'{AT:g}']}")
        save(figure_of(scan), arguments.folder / f"{name}.svg")
    for notice in scan.notices:
        print(notice)
    content = {"rows": rows, "arrhenius": arrhenius, "notices": list(scan.notices)}
    write(arguments.folder / f"{name}.json", name.replace("-", "_"), [arguments.potential, data], **content)


if __name__ == "__main__":
    main()
