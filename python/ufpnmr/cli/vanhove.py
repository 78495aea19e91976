"""``ufp vanhove``: van Hove correlation functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ufpnmr.cli.common import json_option, output_option, writable
from ufpnmr.cli.ion_paths import chosen_ions, ions_options, threads_option
from ufpnmr.cli.reading import TrajectoryOptions
from ufpnmr.cli.runs import deliver, run_results, runs_options


@click.command()
@runs_options
@ions_options
@click.option("--r-max", type=float, help="Largest distance, Å. [8]")
@click.option("--dr", type=float, help="Width of a shell, Å. [0.05]")
@click.option("--max-lag", type=float, help="Longest lag, ps. [a quarter of the run]")
@click.option("--spacing", type=click.Choice(["log", "linear"]), help="Lags: 20 per decade, or 60 for maps. [log]")
@click.option("--origins", type=click.IntRange(min=1), help="Most time origins of the distinct part. [500]")
@click.option("--relative", is_flag=True, default=None, help="Distinct part over the density of the other ions.")
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    inputs: tuple[Path, ...],
    reading: TrajectoryOptions,
    preset: str | None,
    ion: str | None,
    selection: str | None,
    drift: str,
    r_max: float | None,
    dr: float | None,
    max_lag: float | None,
    spacing: str | None,
    origins: int | None,
    relative: bool | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Self and distinct van Hove functions of ions: hop distance, concerted motion, non-Gaussian parameter.

    Several FILEs are independent runs, trajectories or results of this verb; give --max-lag where their lengths differ.

    \b
    ufp vanhove dump.lammpstrj --log log.lammps --elements 'Li P S' --ion Li -o vanhove.h5
    ufp vanhove run1.lammpstrj run2.lammpstrj --ion Ag --preset kaiser2024 --max-lag 15 -o map.h5
    ufp plot map.h5 --kind gd -o map.png
    """
    writable(output, force)
    from ufpnmr.dynamics.presets import preset as chosen
    from ufpnmr.dynamics.van_hove import van_hove
    from ufpnmr.results.van_hove import VanHoveResult
    from ufpnmr.trajectory import ion_paths

    options: dict[str, Any] = chosen(
        preset,
        "vanhove",
        r_max=r_max,
        dr=dr,
        max_lag=max_lag,
        spacing=spacing,
        origins=origins,
        relative=relative,
    )

    def analyse(path: Path) -> VanHoveResult:
        universe = reading.open(path)
        return van_hove(ion_paths(universe, chosen_ions(universe, ion, selection), drift), threads=threads, **options)

    return deliver(run_results(inputs, VanHoveResult, analyse, reading.companions), output, as_json)
