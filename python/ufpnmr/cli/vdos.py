"""``ufp vdos``: vibrational densities of states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ufpnmr.cli.common import json_option, output_option, writable
from ufpnmr.cli.ion_paths import threads_option
from ufpnmr.cli.reading import TrajectoryOptions
from ufpnmr.cli.runs import deliver, run_results, runs_options


@click.command()
@runs_options
@click.option("--element", "names", multiple=True, help="May be repeated. [all]")
@click.option(
    "--norm",
    type=click.Choice(["dof", "paper", "unit"]),
    help="dof: integral 3 per atom. paper: Kaiser & Egger, eq. 2. unit: integral 1. [dof]",
)
@click.option("--temperature", type=float, help="K; needed without velocities. [kinetic, from the velocities]")
@click.option("--segment", type=float, help="Length of a segment, ps; bins are 33.36/segment cm⁻¹. [16.7]")
@click.option("--limits", type=float, nargs=2, help="Limits of the band centre, cm⁻¹. [0 to the end of the spectrum]")
@click.option("--smoothing", type=float, help="Window of the Savitzky-Golay filter, cm⁻¹; display only. [15]")
@click.option("--order", type=int, help="Order of its polynomial. [3]")
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    inputs: tuple[Path, ...],
    reading: TrajectoryOptions,
    preset: str | None,
    names: tuple[str, ...],
    norm: str | None,
    temperature: float | None,
    segment: float | None,
    limits: tuple[float, float] | None,
    smoothing: float | None,
    order: int | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Vibrational density of states of every element and its band centre.

    Taken from the velocities of the trajectory, or from central differences of its positions where there are none.
    Frames at most 10 fs apart. Several FILEs are independent runs, trajectories or results of this verb.

    \b
    ufp vdos dump.lammpstrj --log log.lammps --elements 'Li P S' -o vdos.h5
    ufp vdos run1.lammpstrj run2.lammpstrj --timestep 0.001 --preset kaiser2024 --limits 0 650 --json
    """
    writable(output, force)
    from ufpnmr.dynamics.presets import preset as chosen
    from ufpnmr.dynamics.vdos import vibrational_density_of_states
    from ufpnmr.results.vdos import VDOSResult
    from ufpnmr.trajectory.frames import read_frames

    options: dict[str, Any] = chosen(
        preset,
        "vdos",
        elements=names or None,
        norm=norm,
        temperature=temperature,
        segment=segment,
        limits=limits or None,
        smoothing=smoothing,
        order=order,
    )

    def analyse(path: Path) -> VDOSResult:
        universe = reading.open(path)
        return vibrational_density_of_states(read_frames(universe, velocities=True), threads=threads, **options)

    return deliver(run_results(inputs, VDOSResult, analyse, reading.companions), output, as_json)
