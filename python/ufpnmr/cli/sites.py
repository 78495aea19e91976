"""``ufp sites``: site labels by coordination, populations and exchange rates."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import json_option, output_option, report, say, trajectory_options, writable
from ufpnmr.cli.ion_paths import (
    minimum_residence_option,
    open_universe,
    threads_option,
    trajectory_argument,
    with_inputs,
)
from ufpnmr.errors import InputError


@click.command()
@trajectory_argument
@trajectory_options
@click.option("--ion", default="Li", help="Element to be labelled. [Li]")
@click.option("--ligand", default="S", help="Element that coordinates it. [S]")
@click.option("--sites", default="4,6", help="Coordination numbers that are sites; all others are transit. [4,6]")
@click.option("--radius", type=float, help="Bond radius R, Å. [first minimum of the pair correlation]")
@click.option("--half-gap", type=float, help="Bonds form below R - d and break above R + d, Å. [from the amplitude]")
@minimum_residence_option
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    trajectory: Path,
    timestep: float | None,
    log_file: Path | None,
    elements: str | None,
    topology: Path | None,
    ion: str,
    ligand: str,
    sites: str,
    radius: float | None,
    half_gap: float | None,
    minimum_residence: float | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Label every ion in every frame by its coordination; populations and rates of exchange.

    Exit code 3: a rate cannot be claimed (too few changes of site); populations are still those of the run.

    \b
    ufp sites dump.lammpstrj --log log.lammps --elements 'Li P S' -o sites.h5
    ufp sites dump.lammpstrj.gz --timestep 0.001 --elements 'Li P S' --sites 4,5,6 --radius 3.3 --json
    """
    from ufpnmr.dynamics import coordination_labels

    writable(output, force)
    try:
        numbers = [int(word) for word in sites.split(",")]
    except ValueError:
        raise InputError(f"--sites: expected coordination numbers such as 4,6, found {sites!r}") from None
    result = coordination_labels(
        open_universe(trajectory, timestep, log_file, elements, topology),
        ion=ion,
        ligand=ligand,
        sites=numbers,
        radius=radius,
        half_gap=half_gap,
        minimum_residence=minimum_residence,
        threads=threads,
    )
    if output is not None:
        with_inputs(result, (trajectory, log_file, topology)).write(output)
        say(f"{output}: labels of {len(result.ids)} ions in {len(result.time)} frames")
    if result.parameters["notice"]:
        say(f"ufp sites: {result.parameters['notice']}")
    say(
        f"{result.n_changes_settled} changes of site by {result.n_ions_changed} ions "
        f"({result.n_changes_raw} before smoothing and settling)"
    )
    extra = {
        "parameters": result.parameters,
        "n_changes_raw": result.n_changes_raw,
        "n_changes_settled": result.n_changes_settled,
        "n_ions_changed": result.n_ions_changed,
    }
    return report(result.records, as_json, extra)
