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
    minimum_residence: float | None,
    outer_radius: float | None,
    labels_file: Path | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Find hops of ions without a list of sites; rate with its 95 % interval.

    Exit code 3: no rate can be claimed (too few events, no plateau of the count, sampled too rarely ...).

    \b
    ufp hops dump.lammpstrj --log log.lammps --elements 'Li P S' -o hops.h5
    ufp hops dump.lammpstrj.gz --timestep 0.001 --elements 'Li P S' --minimum-residence 2 --outer-radius 1.4 --json
    """
    from ufpnmr.dynamics import find_hops
    from ufpnmr.results.sites import SiteLabels

    writable(output, force)
    labels = None if labels_file is None else SiteLabels.read(labels_file)
    universe = open_universe(trajectory, timestep, log_file, elements, topology)
    result = find_hops(
        read_ion_paths(universe, selection, drift),
        minimum_residence=minimum_residence,
        outer_radius=outer_radius,
        labels=labels,
        threads=threads,
    )
    if output is not None:
        with_inputs(result, (trajectory, log_file, topology, labels_file)).write(output)
        say(f"{output}: {len(result.ion)} hops of {len(result.ids)} ions")
    for remark in (result.parameters["refusal"], result.interval["note"]):
        if remark:
            say(f"ufp hops: {remark}")
    return report(result.records, as_json, {"parameters": result.parameters, "interval": result.interval})
