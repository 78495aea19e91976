"""``ufp msd``: mean-square displacement and diffusion coefficient."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import json_option, output_option, report, say, writable
from ufpnmr.cli.ion_paths import ion_paths_options, open_universe, read_ion_paths, threads_option, with_inputs


@click.command()
@ion_paths_options
@click.option(
    "--origins",
    type=click.Choice(["all", "first"]),
    default="all",
    help="all: every frame is a time origin, D from the slope. first: one origin, D = MSD(t)/6t. [all]",
)
@click.option("--first-lag", type=float, help="Start of the fit window, ps. [first lag past the vibrations]")
@click.option("--last-lag", type=float, help="End of the fit window, ps, at most a tenth of the run. [a twentieth]")
@click.option(
    "--hop-length",
    type=float,
    default=2.0,
    help="Å; turns the displacement into a number of hops, to see if they do. [2]",
)
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    trajectory: Path,
    timestep: float | None,
    log_file: Path | None,
    elements: str | None,
    topology: Path | None,
    selection: str,
    drift: str,
    origins: str,
    first_lag: float | None,
    last_lag: float | None,
    hop_length: float,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Mean-square displacement of ions and their diffusion coefficient with its 95 % interval.

    Exit code 3: no diffusion coefficient can be claimed; the status says why.

    \b
    ufp msd dump.lammpstrj --log log.lammps --elements 'Li P S' -o msd.h5
    ufp msd li.dcd --topology data.beta-384 --timestep 0.001 --selection 'element Li' --drift com --json
    """
    from ufpnmr.dynamics import mean_square_displacement

    writable(output, force)
    universe = open_universe(trajectory, timestep, log_file, elements, topology)
    result = mean_square_displacement(
        read_ion_paths(universe, selection, drift),
        origins="first" if origins == "first" else "all",
        first_lag=first_lag,
        last_lag=last_lag,
        hop_length=hop_length,
        threads=threads,
    )
    if output is not None:
        with_inputs(result, (trajectory, log_file, topology)).write(output)
        say(f"{output}: {len(result.lag)} lags of {len(result.ids)} ions")
    if result.parameters.get("reason"):
        say(f"ufp msd: {result.diffusion.status}: {result.parameters['reason']}")
    return report(result.records, as_json, {"parameters": result.parameters})
