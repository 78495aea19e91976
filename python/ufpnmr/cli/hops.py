"""``ufp hops``: hops without a list of sites, and their rate."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import json_option, output_option, report, say, writable
from ufpnmr.cli.ion_paths import (
    ion_paths_options,
    minimum_residence_option,
    open_universe,
    read_ion_paths,
    threads_option,
    with_inputs,
)
from ufpnmr.errors import InputError


@click.command()
@ion_paths_options
@minimum_residence_option
@click.option("--outer-radius", type=float, help="Distance a hop must exceed, Å. [middle of the plateau of a scan]")
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(path_type=Path),
    help="Site labels (ufp sites -o) to store with each hop.",
)
@click.option(
    "--paths", "paths_file", type=click.Path(path_type=Path), help="Also write the paths of the ions (for ufp plot)."
)
@click.option(
    "--method",
    type=click.Choice(["anchor", "phop"]),
    default="anchor",
    help="anchor: state machine with hysteresis. phop: two windows (Candelier et al. 2010), to check it. [anchor]",
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
    ion: str | None,
    selection: str | None,
    drift: str,
    memory: float,
    scratch: Path | None,
    minimum_residence: float | None,
    outer_radius: float | None,
    labels_file: Path | None,
    paths_file: Path | None,
    method: str,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Find hops of ions without a list of sites; rate with its 95 % interval.

    Exit code 3: no rate can be claimed (too few events, no plateau of the count, sampled too rarely ...).

    \b
    ufp hops dump.lammpstrj --log log.lammps --elements 'Li P S' --ion Li -o hops.h5
    ufp hops dump.lammpstrj.gz --timestep 0.001 --elements 'Li P S' --ion Li --minimum-residence 2 --json
    ufp hops agi.dcd --topology data.agi --timestep 0.002 --ion Ag --method phop
    """
    from ufpnmr.cli.sites import read_labels
    from ufpnmr.dynamics import find_hops
    from ufpnmr.trajectory import IonPaths

    writable(output, force)
    writable(paths_file, force)
    labels = None if labels_file is None else read_labels(labels_file)
    universe = open_universe(trajectory, timestep, log_file, elements, topology)
    paths = read_ion_paths(universe, ion, selection, drift, memory, scratch)
    if paths_file is not None:
        if not isinstance(paths, IonPaths):
            raise InputError("--paths: those in --scratch are there already")
        paths.write(paths_file)
    result = find_hops(
        paths,
        minimum_residence=minimum_residence,
        outer_radius=outer_radius,
        labels=labels,
        method="phop" if method == "phop" else "anchor",
        threads=threads,
    )
    if output is not None:
        with_inputs(result, (trajectory, log_file, topology, labels_file)).write(output)
        say(f"{output}: {len(result.ion)} hops of {len(result.ids)} ions")
    found = result.parameters
    say(
        f"r_out {found['outer_radius']:.2f} Å ({found['radius_from']}), "
        f"vibration {found['vibration_amplitude']:.2f} Å, {found['residual_amplitude']:.2f} Å after smoothing"
    )
    spread = result.stability["rate_spread"]
    if spread is not None:
        low, high = (100 * (factor - 1) for factor in spread)
        say(f"other radii and minimum residences change the rate by {low:+.0f} to {high:+.0f} %")
    for remark in (result.parameters["refusal"], result.interval["note"]):
        if remark:
            say(f"ufp hops: {remark}")
    extra = {"parameters": result.parameters, "interval": result.interval, "stability": result.stability}
    return report(result.records, as_json, extra)
