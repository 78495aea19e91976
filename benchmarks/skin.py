"""Steps per second of the Li3PS4 inputs over the neighbour skin and `neigh_modify`, on one core.

    python benchmarks/skin.py -o benchmarks/results/skin.json [--quick]

β (384 atoms) and glass (576 atoms) of inputs/lps after 2 ps at 300 and 600 K, NVT at 2 fs as in in.md with
LPS-starter.uf3, one LAMMPS per state in this process, all settings in turn, 9 rounds of blocks of 250 steps. A
neighbour list built at the first step at which it might be is "dangerous": an atom may have moved too far before.
Settings with any such build are shown but not recommended. With `check no` LAMMPS does not look, so they are not
recommended either.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from lammps_timing import Breakdown, Instance, interleave, parser, ratio, report, spread, summary
from systems import equilibrated, lps_pair, setup

SKINS = (0.3, 0.5, 0.7, 1.0, 1.3, 1.6, 2.0)
MODIFY = (
    "every 1 delay 0 check yes",
    "every 2 delay 0 check yes",
    "every 5 delay 0 check yes",
    "every 1 delay 5 check yes",
    "every 1 delay 10 check yes",
    "every 10 delay 0 check no",
)
INPUT = (1.0, MODIFY[0])  # inputs/lps/in.md


def block(lammps: Instance, skin: float, modify: str, steps: int) -> Breakdown:
    """Run `steps` steps with these settings, set up anew."""
    lammps.commands([f"neighbor {skin} bin", f"neigh_modify {modify}"])
    return lammps.run(steps, "post yes")


def scan(phase: str, temperature: float, folder: Path, quick: bool) -> dict[str, Any]:
    """Return steps per second of all settings for one state."""
    data = equilibrated(folder, phase, temperature, 0.1 if quick else 2.0)
    rounds, steps, skins = (1, 10, SKINS[1:5:2]) if quick else (9, 250, SKINS)
    thermostat = f"fix integrate all nvt temp {temperature} {temperature} 0.1"
    lammps = Instance(folder, [*setup(data, lps_pair()), thermostat])
    settings = [(skin, modify) for skin in skins for modify in MODIFY]
    runs = interleave({str(s): partial(block, lammps, *s, steps) for s in settings}, rounds)
    lammps.close()
    rows = []
    for skin, modify in settings:
        values = runs[str((skin, modify))]
        unchecked = any(run.dangerous is None for run in values)
        rows.append(
            {
                "skin_A": skin,
                "neigh_modify": modify,
                "steps_per_s": summary(1 / run.step for run in values),
                "over_in_md": ratio([run.step for run in runs[str(INPUT)]], [run.step for run in values]),
                "pair_share": summary(run.sections["Pair"] / run.loop for run in values)["median"],
                "neigh_share": summary(run.sections["Neigh"] / run.loop for run in values)["median"],
                "builds_per_100_steps": round(100 * sum(run.builds for run in values) / (steps * rounds), 2),
                "dangerous_builds": None if unchecked else sum(run.dangerous or 0 for run in values),
            }
        )
    safe = [row for row in rows if row["dangerous_builds"] == 0]
    return {
        "phase": phase,
        "temperature_K": temperature,
        "atoms": runs[str(INPUT)][0].atoms,
        "steps": steps * rounds,
        "best": max(safe, key=lambda row: row["over_in_md"]["median"]),
        "settings": rows,
    }


def show(state: dict[str, Any]) -> None:
    """Print one state."""
    print(f"\n{state['phase']}, {state['atoms']} atoms, {state['temperature_K']:g} K, {state['steps']} steps per row")
    print(
        "skin, Å  neigh_modify                 steps/s  against in.md          Pair  Neigh  lists/100 steps  dangerous"
    )
    for row in sorted(state["settings"], key=lambda row: -row["over_in_md"]["median"]):
        print(
            f"{row['skin_A']:7.1f}  {row['neigh_modify']:27} {row['steps_per_s']['median']:8.1f}  "
            f"{spread(row['over_in_md'], 3):22} {row['pair_share']:5.1%} {row['neigh_share']:6.1%} "
            f"{row['builds_per_100_steps']:16.2f}  "
            f"{'not checked' if row['dangerous_builds'] is None else row['dangerous_builds']}"
        )
    best = state["best"]
    print(f"best without dangerous builds: neighbor {best['skin_A']} bin, neigh_modify {best['neigh_modify']}")


def main() -> None:
    """Measure as the command line says."""
    options = parser(__doc__).parse_args()
    states = []
    with tempfile.TemporaryDirectory() as folder:
        for phase in ("beta",) if options.quick else ("beta", "glass"):
            for temperature in (300.0,) if options.quick else (300.0, 600.0):
                states.append(scan(phase, temperature, Path(folder), options.quick))
                show(states[-1])
    report("skin", options.quick, options.output, states=states)


if __name__ == "__main__":
    main()
