"""Write data.beta-384-TK: β-Li3PS4 after a run of in.md at T, so that a study need not begin with a perfect crystal.

lmp -in in.md -var name beta350 -var T 350 -var steps 75000 && python make_equilibrated.py beta350

Temperature, length, potential and starting structure are those of the log.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import NamedTuple

from lammps_data import density, read_data, write_data
from make_beta import AXES, lithium_coordination

from ufpnmr.dynamics.anions import anion_census
from ufpnmr.provenance import collect

HERE = Path(__file__).resolve().parent


class Run(NamedTuple):
    """What a log of in.md says: temperature (K), length (ps), files."""

    temperature: float
    length: float
    potential: str
    data: str


def read_log(path: Path) -> Run:
    """Return what was run; a continued run counts from its first step."""
    text = path.read_text(encoding="utf-8")

    def last(pattern: str) -> str:
        found = re.findall(pattern, text, re.MULTILINE)
        if not found:
            raise SystemExit(f"{path.name}: expected the log of a run of in.md with ensemble nvt, found no {pattern!r}")
        return str(found[-1])

    timestep, steps = last(r"^in\.md: timestep (\S+) ps"), last(r"^in\.md: .* to (\d+)$")
    return Run(
        temperature=float(last(r"^fix integrate all nvt temp (\S+) ")),
        length=float(timestep) * int(steps),
        potential=last(r"^pair_coeff \* \* (\S+) "),
        data=last(r"^read_data (\S+)"),
    )


def main() -> None:
    """Check the last structure of the run and write it without velocities."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the run: its NAME.log and NAME.data are read")
    name = parser.parse_args().name
    run = read_log(HERE / f"{name}.log")
    atoms = read_data(HERE / f"{name}.data")
    census = anion_census(atoms)
    if census.to_dict()["anions"] != {"PS4": 48}:
        raise SystemExit(f"{name}.data: expected all 48 P in PS4, found {census.to_dict()['anions']}")
    out = HERE / f"data.beta-384-{run.temperature:g}K"
    what = f"{run.length:g} ps of in.md at {run.temperature:g} K"
    write_data(out, atoms, f"beta-Li3PS4, last structure of {what}; {AXES}")
    provenance = {
        "structure": f"beta-Li3PS4 (4b ordering) after {what} with {run.potential}",
        "temperature_K": run.temperature,
        "time_ps": round(run.length, 6),
        "axes": AXES,
        "density_g_cm3": round(density(atoms), 4),
        "lithium_coordination": lithium_coordination(atoms),
        "census": census.to_dict(),
        "made_by": collect([HERE / run.data, HERE / "in.md", HERE / run.potential]),
    }
    out.with_name(f"{out.name}.json").write_text(json.dumps(provenance, indent=1) + "\n")
    print(f"{out.name}: {what} with {run.potential}")


if __name__ == "__main__":
    main()
