"""``ufp efg import``: tensors that other programs predicted."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import output_option, progress, say, writable
from ufpnmr.cli.reading import TrajectoryOptions, trajectory_options
from ufpnmr.errors import InputError


@click.command("import")
@click.argument("trajectory", type=click.Path(path_type=Path))
@output_option("tensor series, HDF5")
@click.option("--selection", help="Ions, in MDAnalysis's language.  [default: those with a tensor in the first frame]")
@click.option(
    "--column", default="c_efg", show_default=True, help="Of a dump: the tensor is in COLUMN[1] ... COLUMN[6]."
)
@click.option("--efg-units", type=click.Choice(["au", "V/Ang^2"]), help="Unit of a file that does not say it.")
@click.option(
    "--origin", default="", help="What computed the tensors, kept in the series.  [default: file and columns]"
)
@click.option("--axes", default="", help="Crystal axes of the box, e.g. 'x=a y=b z=c (Pnma)'; stored in the series.")
@click.option(
    "--start-time",
    type=float,
    default=0.0,
    show_default=True,
    help="Time of the first frame, ps, if it continues a run.",
)
@trajectory_options
def import_tensors(
    trajectory: Path,
    output: Path | None,
    force: bool,
    selection: str | None,
    column: str,
    efg_units: str | None,
    origin: str,
    axes: str,
    start_time: float,
    reading: TrajectoryOptions,
) -> int:
    """Turn tensors that a trajectory carries into a tensor series, equal to a predicted one in every analysis.

    Extended XYZ has them in the per-atom array efg:R:9 (row by row, V_ab = d2 phi / dx_a dx_b), with efg_units=au or
    V/Ang^2 in the header. A LAMMPS dump has six columns xx yy zz xy xz yz; c_efg[1] ... c_efg[6] are taken for those of
    `compute efg efg/atom` (V/Å²), others need --efg-units.

    \b
    ufp efg import dump.lammpstrj -o efg.h5 --log log.lammps --elements 'Li P S'
    ufp efg import dump.lammpstrj -o efg.h5 --column f_mean --efg-units V/Ang^2 --timestep 0.002 --elements 'Li P S'
    ufp efg import other-model.extxyz -o efg.h5 --timestep 0.5 --origin 'another model, version 2'
    """
    from ufpnmr.efg.external import import_series

    if output is None:
        raise InputError("expected -o FILE for the tensor series")
    writable(output, force)
    universe = reading.open(trajectory)
    with progress(len(universe.trajectory), "efg import") as bar:
        frames, ions = import_series(
            universe,
            output,
            selection,
            column=column,
            units=efg_units,
            origin=origin,
            axes=axes,
            start_time=start_time,
            overwrite=force,
            inputs=(trajectory, *reading.companions),
            progress=bar.update,
        )
    say(f"{output}: {frames} frames of {ions} ions")
    return 0
