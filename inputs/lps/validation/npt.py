"""Density and thermal expansion of β-Li3PS4, 384 atoms, at no pressure.

    python npt.py LPS.uf3                                npt.json

NPT by in.md, each axis of the box on its own; the first fifth is dropped. Errors are those of ten blocks in time; the
expansion is the slope of ln length and ln volume over temperature, weighted by them.
"""

from __future__ import annotations

from typing import Any

import ase.io
import numpy as np
from ase.units import _amu
from common import BETA_384, ELEMENTS, dynamics, run_md, write

import ufpnmr.trajectory
from ufpnmr.statistics import block_interval

TEMPERATURES = (300, 400, 500, 600)
REPEAT = np.array([2, 2, 3])
"""Of the 32-atom cell in data.beta-384."""


def mean(values: np.ndarray) -> tuple[float, float]:
    """Return the mean over time and its standard error from ten blocks."""
    blocks = np.array([block.mean() for block in np.array_split(values, 10)])
    interval = block_interval(blocks)
    return float(interval.value), float(interval.std_error)


def expansion(temperature: np.ndarray, values: list[tuple[float, float]]) -> dict[str, float]:
    """Return d ln value/dT and its standard error, 10⁻⁶/K."""
    value, error = np.array(values).T
    weights = value / error
    (slope, _), covariance = np.polyfit(temperature, np.log(value), 1, w=weights, cov="unscaled")
    return {"value_1e-6_K": round(1e6 * float(slope), 1), "std_error": round(1e6 * float(covariance[0, 0] ** 0.5), 1)}


def main() -> None:
    """Run, analyse, write."""
    arguments = dynamics(__doc__, TEMPERATURES, ps=50.0, what="of each run").parse_args()
    mass = ase.io.read(BETA_384, format="lammps-data", atom_style="atomic").get_masses().sum() * _amu
    rows: list[dict[str, Any]] = []
    kept: dict[str, list[tuple[float, float]]] = {name: [] for name in ("a", "b", "c", "volume")}
    for temperature in arguments.temperatures:
        work = arguments.folder / "work" / f"npt-{temperature:g}K"
        dump = run_md(work, arguments.potential, BETA_384, temperature, arguments.ps, ensemble="npt")
        universe = ufpnmr.trajectory.open(dump, log=work / "run.log", elements=list(ELEMENTS))
        lengths = np.array([np.diagonal(ts.data["cell"]) for ts in universe.trajectory])
        lengths = lengths[len(lengths) // 5 :] / REPEAT
        row: dict[str, Any] = {"temperature_K": temperature, "time_ps": arguments.ps}
        for name, series in zip(kept, [*lengths.T, lengths.prod(axis=1)], strict=True):
            kept[name].append(mean(series))
            row[name] = {"value": round(kept[name][-1][0], 4), "std_error": round(kept[name][-1][1], 4)}
        volume, error = kept["volume"][-1]
        density = mass / REPEAT.prod() / (volume * 1e-30) / 1000
        row["density_g_cm3"] = {"value": round(density, 4), "std_error": round(density * error / volume, 4)}
        print(
            f"{temperature:g} K: {density:.3f} g/cm³, a b c {' '.join(f'{kept[x][-1][0]:.3f}' for x in 'abc')} Å",
            flush=True,
        )
        rows.append(row)
    found = {}
    if len(rows) > 1:
        found = {name: expansion(np.array(arguments.temperatures), values) for name, values in kept.items()}
        print(f"expansion, 10⁻⁶/K: {found}")
    inputs = [arguments.potential, BETA_384]
    write(arguments.folder / "npt.json", "npt", inputs, rows=rows, expansion=found)


if __name__ == "__main__":
    main()
