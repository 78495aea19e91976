"""``ufp msd``: mean-square displacement and diffusion coefficient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, output_option, say, writable
from ufpnmr.cli.ion_paths import ion_paths_options, read_ion_paths, threads_option
from ufpnmr.cli.reading import TrajectoryOptions
from ufpnmr.cli.runs import deliver, run_results

if TYPE_CHECKING:
    from ufpnmr.results.msd import MSDResult


@click.command()
@ion_paths_options
@click.option(
    "--origins",
    type=click.Choice(["all", "first"]),
    default="all",
    help="all: every frame is a time origin. first: curves of one origin and MSD(t)/6t, for comparison. [all]",
)
@click.option("--first-lag", type=float, help="Start of the fit window, ps. [past the vibrations, at least T/100]")
@click.option("--last-lag", type=float, help="End of the fit window, ps, at most T/10. [T/20]")
@click.option(
    "--hop-length",
    type=float,
    default=2.0,
    help="Å; turns the displacement into a number of hops, to see if they do. [2]",
)
@click.option("--charge", type=float, help="Charge of an ion, e: Haven ratio, and conductivity with --temperature.")
@click.option("--temperature", type=float, help="K; stored with the result (ufp arrhenius).")
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
    origins: str,
    first_lag: float | None,
    last_lag: float | None,
    hop_length: float,
    charge: float | None,
    temperature: float | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Mean-square displacement of ions and their diffusion coefficient with its 95 % interval.

    Several FILEs are independent runs, trajectories or results of this verb: the mean with its band is written, and D
    of all runs. Exit code 3: no diffusion coefficient can be claimed; the status says why.

    \b
    ufp msd dump.lammpstrj --log log.lammps --elements 'Li P S' --ion Li -o msd.h5
    ufp msd run1.dcd run2.dcd run3.dcd --topology data.agi --timestep 0.002 --ion Ag -o mean.h5
    ufp msd run1.h5 run2.h5 run3.h5 -o mean.h5 && ufp plot mean.h5 -o msd.svg
    ufp msd agi.dcd --topology data.agi --timestep 0.002 --ion Ag --charge 1 --temperature 500
    ufp msd li.dcd --topology data.beta-384 --timestep 0.001 --selection 'element Li and prop z > 5' --json
    ufp msd long.dcd --topology data.glass --timestep 0.002 --ion Li --scratch /scratch/paths -o msd.h5
    """
    writable(output, force)
    from ufpnmr.results.msd import MSDResult

    def analyse(path: Path) -> MSDResult:
        from ufpnmr.dynamics import mean_square_displacement

        universe = reading.open(path)
        return mean_square_displacement(
            read_ion_paths(universe, ion, selection, drift, memory, scratch),
            origins="first" if origins == "first" else "all",
            first_lag=first_lag,
            last_lag=last_lag,
            hop_length=hop_length,
            charge=charge,
            temperature=temperature,
            threads=threads,
        )

    def remarks(result: MSDResult) -> dict[str, Any]:
        if result.parameters.get("reason"):
            say(f"ufp msd: {result.diffusion.status}: {result.parameters['reason']}")
        axes = {f"diffusion_{name}": record for name, record in result.diffusion_axis.items()}
        if not as_json:
            say("along the axes: " + ", ".join(f"{name[-1]} {record}" for name, record in axes.items()))
        return {name: record.to_dict() for name, record in axes.items()}

    return deliver(run_results(inputs, MSDResult, analyse, reading.companions), output, as_json, remarks)
