"""For which directions of the field does ω_Q of β-Li3PS4 decay? The paper's "no decay" names none.

    python benchmarks/beta_directions.py -o benchmarks/results/beta_directions.json [--quick]

Runs the study inputs/lps/beta-directions.toml (or continues it; what is done is not run again) with the potential and
the field gradient model that lie there, and collects, for every temperature and for B0 along a, b, c and the powder:
means and weights of the sites and the depth of the decay they predict, before any fit; then what the correlation
function does and whether "no decay" holds. Beside it the law of each quantity over temperature.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from lammps_timing import ROOT, parser, report
from ufpnmr.provenance import file_hash
from ufpnmr.results import Record
from ufpnmr.results.decay import DecayFit
from ufpnmr.results.temperature_scan import TemperatureScan
from ufpnmr.study import read_scan

STUDY = ROOT / "inputs" / "lps" / "beta-directions.toml"


def verdict(fit: DecayFit) -> str:
    """Whether "no decay" holds for a correlation function; every other status comes with a significant decay."""
    return "holds" if fit.status == "no_decay" else "does not hold"


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return what was predicted and found for each observable of one study folder."""
    table = []
    for row in json.loads((folder / "directions.json").read_text(encoding="utf-8")):
        slug = row["observable"].replace(" ", "-")
        fit = DecayFit.read(folder / f"decay-{slug}.json")
        table.append(
            {
                **row,
                "status": fit.status,
                "shallow": fit.shallow,
                "tau": fit.tau.to_dict(),
                "plateau": fit.plateau.to_dict(),
                "drop": fit.relative_drop.to_dict(),
                "no_decay": verdict(fit),
            }
        )
    return table


def main() -> None:
    """Run the study, collect, print the verdicts."""
    options = parser(__doc__).parse_args()
    scan = read_scan(STUDY)
    assert scan is not None
    if options.quick:
        print(", ".join(f"{kelvin:g} K" for kelvin in scan.kelvin), "in", STUDY.name)
        return
    ended = subprocess.run([Path(sys.executable).parent / "ufp", "study", STUDY, "--threads", "1"], check=False)
    if ended.returncode not in (0, 3):  # 3: some numbers are not claimed, which is a result
        raise SystemExit(ended.returncode)
    temperatures = []
    for kelvin, study in zip(scan.kelvin, scan.studies, strict=True):
        found = rows(study.output.folder)
        temperatures.append({"temperature_K": kelvin, "observables": found})
        for row in found:
            means = ", ".join(
                f"{site} {value:.1f} kHz ({row['weights'][site]:.0%})" for site, value in row["means"].items()
            )
            drop = Record.from_dict(row["drop"])
            print(f"{kelvin:g} K, {row['observable']}: {means}; predicted depth {row['depth']:.1%}, seen {drop}")
            print(f"    {Record.from_dict(row['tau'])}; 'no decay' {row['no_decay']}")
    laws = TemperatureScan.read(scan.folder / "temperatures.json")
    md = scan.studies[0].md
    assert md is not None
    report(
        "beta_directions",
        False,
        options.output,
        picoseconds=md.steps * scan.studies[0].trajectory.timestep_ps,
        inputs={
            path.name: file_hash(path) for path in (STUDY, md.input, md.data, md.potential, scan.studies[0].efg_model)
        },
        temperatures=temperatures,
        quantities={
            name: {
                "at": [record.to_dict() for record in row],
                "activation_energy": laws.activation[name].to_dict(),
                "predicted": {at: record.to_dict() for at, record in laws.predicted.get(name, {}).items()},
            }
            for name, row in laws.records.items()
        },
        notices=laws.notices,
    )


if __name__ == "__main__":
    main()
