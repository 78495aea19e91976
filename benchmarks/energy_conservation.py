"""Energy drift of `pair_style ufp`, beside `uf3`, in NVE of β-Li3PS4 at 600 K.

    python benchmarks/energy_conservation.py -o benchmarks/results/energy_conservation.json [--time 100] [--quick]

The structure of inputs/lps (384 atoms) is brought to 600 K by 10 ps of NVT from a fixed seed, with LPS-starter.uf3,
which both styles read, and with LPS.uf3. NVE begins from these states, 2 fs, 1 Å skin. The drift is the slope of a
straight line through the total energy per atom; its standard error comes from 20 blocks, whose means scatter about
the line, because neighbouring values are correlated. The fluctuation is the rms distance from the line. Both
trajectories are exact only for a while (neighbouring trajectories separate), so the styles agree in the size of the
drift, not in every value.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lammps_timing import Breakdown, Instance, parse, parser, report
from systems import POTENTIAL, STARTER, TIMESTEP, equilibrated, lps_pair, setup

BLOCKS = 20
TEMPERATURE = 600.0
CASES = {
    "ufp": ("ufp 3", STARTER),
    "uf3": ("uf3 3", STARTER),
    f"ufp, {POTENTIAL.name}": ("ufp 3", POTENTIAL),
}


def nve(data: Path, pair: list[str], steps: int, every: int, folder: Path) -> tuple[NDArray[np.float64], Breakdown]:
    """Return rows of time (ps), total energy (eV) and temperature (K) every `every` steps, and the timing."""
    lammps = Instance(folder, setup(data, pair))
    log = lammps.logged(
        [
            "fix integrate all nve",
            "thermo_style custom time etotal temp",
            "thermo_modify line one format float %.12g",
            f"thermo {every}",
            f"run {steps}",
        ]
    )
    lammps.close()
    table = log[log.index("TotEng") : log.index("Loop time")].splitlines()[1:]
    return np.array([line.split() for line in table if line.strip()], float), parse(log)[0]


def drift(time: NDArray[np.float64], energy: NDArray[np.float64]) -> dict[str, float]:
    """Fit a line to the energy per atom (eV) over time (ps).

    The errors of the line are those of a least-squares line through the means of `BLOCKS` contiguous blocks.
    """
    slope, intercept = np.polyfit(time, energy, 1)
    residual = energy - slope * time - intercept
    t, scatter = (np.array([part.mean() for part in np.array_split(x, BLOCKS)]) for x in (time, residual))
    error = math.sqrt(np.sum(scatter**2) / (BLOCKS - 2) / np.sum((t - t.mean()) ** 2))
    return {
        "drift_eV_per_atom_ps": float(f"{slope:.4g}"),
        "drift_std_error": float(f"{error:.2g}"),
        "rms_fluctuation_eV_per_atom": float(f"{residual.std():.4g}"),
    }


def show(style: str, result: dict[str, Any]) -> None:
    """Print one style."""
    print(
        f"{style}: {result['drift_eV_per_atom_ps']:+.3e} +- {result['drift_std_error']:.1e} eV/atom/ps, "
        f"rms {result['rms_fluctuation_eV_per_atom']:.2e} eV/atom, {result['temperature_K']:.0f} K, "
        f"{result['wall_s']:.0f} s",
        flush=True,
    )


def main() -> None:
    """Measure as the command line says."""
    arguments = parser(__doc__)
    arguments.add_argument("--time", type=float, default=100.0, help="length of the NVE runs, ps (default 100)")
    options = arguments.parse_args()
    length, warm_up, every = (0.2, 0.1, 2) if options.quick else (options.time, 10.0, 25)
    steps = round(length / TIMESTEP)
    if steps // every < 2 * BLOCKS:
        arguments.error(f"expected --time of at least {2 * BLOCKS * every * TIMESTEP:g} ps, found {length:g}")
    styles: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = {}
        for potential in (STARTER, POTENTIAL):
            (own := folder / potential.stem).mkdir()
            data[potential] = equilibrated(own, "beta", TEMPERATURE, warm_up, potential=potential)
        for name, (style, potential) in CASES.items():
            rows, run = nve(data[potential], lps_pair(style, potential), steps, every, folder)
            styles[name] = {
                **drift(rows[:, 0], rows[:, 1] / run.atoms),
                "temperature_K": round(float(rows[:, 2].mean()), 1),
                "wall_s": round(run.loop, 1),
            }
            show(name, styles[name])
    report(
        "energy_conservation",
        options.quick,
        options.output,
        structure="beta",
        atoms=run.atoms,
        timestep_ps=TIMESTEP,
        time_ps=length,
        styles=styles,
    )


if __name__ == "__main__":
    main()
