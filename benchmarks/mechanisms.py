"""Liquid-like, hopping and concerted motion told apart: beta and amorphous Li3PS4 beside alpha-AgI.

    python benchmarks/mechanisms.py inputs/lps/LPS.uf3 FOLDER --agi AGI_FOLDER -o mechanisms.json --figure m.png

Runs molecular dynamics of Li3PS4 with the given potential in FOLDER (10 ps to settle, then 100 ps with a frame every
50 fs; runs that are there already are taken as they are) and analyses them by `ufp msd`, `ufp hops` and `ufp vanhove`.
AGI_FOLDER holds long-*.lammpstrj of inputs/agi/run.sh, independent runs of 128 atoms with a frame every 0.1 ps.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lammps_timing import BIN, ROOT, launch, parser, report
from motion import RESIDENCE, landmarks, numbers
from ufpnmr import plots
from ufpnmr.dynamics import average_runs
from ufpnmr.provenance import file_hash
from ufpnmr.results.hops import HopResult
from ufpnmr.results.msd import MSDResult
from ufpnmr.results.runs import RunAverage
from ufpnmr.results.storage import stored_schema
from ufpnmr.results.van_hove import VanHoveResult

INPUTS = ROOT / "inputs" / "lps"
TIMESTEP = 0.002
SETTLE, LENGTH, INTERVAL = 10.0, 100.0, 0.05
"""ps."""
MAX_LAG = 15.0
KINDS: dict[str, Any] = {"msd": MSDResult, "hops": HopResult, "vanhove": VanHoveResult}


class Material(NamedTuple):
    """Runs of one material."""

    title: str
    ion: str
    runs: list[Path]


class Start(NamedTuple):
    """What is simulated: a data file of inputs/lps at a temperature, K."""

    title: str
    data: str
    kelvin: int


STARTS = (
    Start("β-Li3PS4, 384 atoms, 500 K", "data.beta-384", 500),
    Start("β-Li3PS4, 384 atoms, 700 K", "data.beta-384", 700),
    Start("Li3PS4 glass, 576 atoms, 600 K", "data.glass-576", 600),
)


def simulate(start: Start, potential: Path, folder: Path, before: float, length: float) -> Path:
    """Return the trajectory of a run of `length` ps after `before`, made or continued if it is not whole."""
    name = f"{start.data.removeprefix('data.')}-{start.kelvin}K"
    settle, last = round(before / TIMESTEP), round((before + length) / TIMESTEP)

    def lammps(prefix: str, steps: int, dump: int) -> None:
        settings = {"name": prefix, "data": INPUTS / start.data, "potential": potential, "T": start.kelvin}
        settings |= {"timestep": TIMESTEP, "steps": steps, "dump": dump, "thermo": 500, "seed": 1}
        words = [str(word) for key, value in settings.items() for word in ("-var", key, value)]
        launch(INPUTS / "in.md", folder, arguments=words)

    if not (folder / f"{name}.data").is_file():  # written at the end of a run
        if not (folder / f"{name}.restart").is_file():
            lammps(f"{name}-settle", settle, settle)
            shutil.copyfile(folder / f"{name}-settle.restart", folder / f"{name}.restart")
        lammps(name, last, round(INTERVAL / TIMESTEP))
    return folder / f"{name}.lammpstrj"


def analyse(material: Material, folder: Path, max_lag: float) -> dict[str, RunAverage]:
    """Return the means over the runs of a material by verb."""
    options = {"msd": [], "hops": ["--minimum-residence", RESIDENCE], "vanhove": ["--max-lag", max_lag]}
    lithium = ["--timestep", TIMESTEP] if material.ion == "Li" else []
    found = {}
    for verb, more in options.items():
        output = folder / f"{material.runs[0].stem}.{verb}.h5"
        command = ["ufp", verb, *material.runs, "--ion", material.ion, *lithium, *more, "-o", output, "--force"]
        done = subprocess.run([BIN / "ufp", *map(str, command[1:])], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 3):  # 3: a value is not claimed, which is a result
            raise SystemExit(done.stderr)
        print(" ".join(str(getattr(word, "name", word)) for word in command))
        mean = stored_schema(output) == RunAverage.schema
        found[verb] = RunAverage.read(output) if mean else average_runs([KINDS[verb].read(output)])
    return found


def single_runs(material: Material, folder: Path) -> dict[str, Any]:
    """Return what only the hops of one run tell: the Fano factor of their counts and what motion they leave over."""
    path = folder / f"{material.runs[0].stem}.hops.h5"
    if len(material.runs) > 1:
        return {}
    hops = HopResult.read(path)
    return {
        "variance over mean of hop counts of ten blocks": round(float(hops.interval["fano"]), 2),
        "part of the displacement not in hops": round(float(hops.parameters["unexplained_fraction"]), 3),
        "plateau of the number of hops": hops.parameters["plateau"],
    }


def figure(found: Sequence[tuple[Material, dict[str, RunAverage]]], output: Path) -> None:
    """Draw 4πr²G_s and G_d of every material as maps over each other."""
    from matplotlib.figure import Figure

    panels = Figure(figsize=(4.2 * len(found), 6.4), layout="constrained")
    axes = panels.subplots(2, len(found), squeeze=False)
    for column, (material, mean) in enumerate(found):
        for row, kind in enumerate(("radial", "gd")):
            plots.curve(mean["vanhove"], kind, axes[row, column])
        axes[0, column].set_title(material.title)
    plots.save(axes[0, 0], output)


def main() -> None:
    """Simulate, analyse, write."""
    options = parser(__doc__)
    options.add_argument("potential", type=Path, help="spline potential of Li, P, S")
    options.add_argument("folder", type=Path, help="where runs and results of the verbs go")
    options.add_argument("--agi", type=Path, help="folder with long-*.lammpstrj of inputs/agi/run.sh")
    options.add_argument("--figure", type=Path, help="write the maps of the van Hove functions")
    arguments = options.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    potential, folder = arguments.potential.resolve(), arguments.folder.resolve()
    starts, before, length, max_lag = STARTS, SETTLE, LENGTH, MAX_LAG
    if arguments.quick:
        starts, before, length, max_lag = STARTS[1:2], 0.2, 4.0, 1.0
    materials = [Material(start.title, "Li", [simulate(start, potential, folder, before, length)]) for start in starts]
    if arguments.agi is not None:
        runs = sorted(arguments.agi.resolve().glob("long-*.lammpstrj"))
        materials.append(Material("α-AgI, 128 atoms, 500 K", "Ag", runs))
    found = [(material, analyse(material, folder, max_lag)) for material in materials]
    if arguments.figure is not None:
        figure(found, arguments.figure)
    report(
        "mechanisms",
        arguments.quick,
        arguments.output,
        potential={potential.name: file_hash(potential)},
        picoseconds=length,
        materials=[
            {
                "title": material.title,
                "runs": len(material.runs),
                "numbers": numbers(mean),
                "landmarks": single_runs(material, folder) | landmarks(mean["hops"], mean["vanhove"]),
            }
            for material, mean in found
        ],
    )


if __name__ == "__main__":
    main()
