"""``ufp hops``: hops without a list of sites, and their rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, output_option, say, writable
from ufpnmr.cli.ion_paths import (
    ion_paths_options,
    minimum_residence_option,
    read_ion_paths,
    threads_option,
)
from ufpnmr.cli.reading import TrajectoryOptions
from ufpnmr.cli.runs import deliver, one_run_only, run_results
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.results.hops import HopResult


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
    inputs: tuple[Path, ...],
    reading: TrajectoryOptions,
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

    Several FILEs are independent runs, trajectories or results of this verb: their hops are counted together, over the
    time of all. Exit code 3: no rate can be claimed (too few events, no plateau of the count, sampled too rarely ...).

    \b
    ufp hops dump.lammpstrj --log log.lammps --elements 'Li P S' --ion Li -o hops.h5
    ufp hops run1.lammpstrj run2.lammpstrj --timestep 0.001 --elements 'Li P S' --ion Li -o mean.h5
    ufp hops run1-hops.h5 run2-hops.h5 run3-hops.h5 --json
    ufp hops dump.lammpstrj.gz --timestep 0.001 --elements 'Li P S' --ion Li --minimum-residence 2 --json
    ufp hops agi.dcd --topology data.agi --timestep 0.002 --ion Ag --method phop
    """
    writable(output, force)
    writable(paths_file, force)
    one_run_only(inputs, labels=labels_file, paths=paths_file)
    from ufpnmr.cli.sites import read_labels
    from ufpnmr.results.hops import HopResult

    labels = None if labels_file is None else read_labels(labels_file)

    def analyse(path: Path) -> HopResult:
        from ufpnmr.dynamics import find_hops
        from ufpnmr.trajectory import IonPaths

        universe = reading.open(path)
        paths = read_ion_paths(universe, ion, selection, drift, memory, scratch)
        if paths_file is not None:
            if not isinstance(paths, IonPaths):
                raise InputError("--paths: those in --scratch are there already")
            paths.write(paths_file)
        return find_hops(
            paths,
            minimum_residence=minimum_residence,
            outer_radius=outer_radius,
            labels=labels,
            method="phop" if method == "phop" else "anchor",
            threads=threads,
        )

    results = run_results(inputs, HopResult, analyse, (*reading.companions, labels_file))
    return deliver(results, output, as_json, _remarks)


def _remarks(result: HopResult) -> dict[str, Any]:
    found = result.parameters
    say(
        f"r_out {found['outer_radius']:.2f} Å ({found['radius_from']}), "
        f"vibration {found['vibration_amplitude']:.2f} Å, {found['residual_amplitude']:.2f} Å after smoothing"
    )
    spread = result.stability.get("rate_spread")
    if spread is not None:
        low, high = (100 * (factor - 1) for factor in spread)
        say(f"other radii and minimum residences change the rate by {low:+.0f} to {high:+.0f} %")
    for remark in (found["refusal"], result.interval["note"]):
        if remark:
            say(f"ufp hops: {remark}")
    return {"interval": result.interval, "stability": result.stability}
