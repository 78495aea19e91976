"""``ufp efg predict``: tensors along a trajectory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import output_option, progress, say, writable
from ufpnmr.cli.reading import TrajectoryOptions, trajectory_options
from ufpnmr.errors import InputError
from ufpnmr.interruption import Interrupted, signals_as_interrupted

if TYPE_CHECKING:
    from MDAnalysis import Universe

    from ufpnmr.efg.engine import Engine, Precision


@click.command()
@click.argument("model_file", metavar="MODEL", type=click.Path(path_type=Path))
@click.argument("trajectory", type=click.Path(path_type=Path))
@output_option("tensor series, HDF5")
@click.option("--selection", help="Ions, in MDAnalysis's language.  [default: all atoms of the model's centre species]")
@click.option("--axes", default="", help="Crystal axes of the box, e.g. 'x=a y=b z=c (Pnma)'; stored in the series.")
@click.option(
    "--start-time",
    type=float,
    default=0.0,
    show_default=True,
    help="Time of the first frame, ps, if it continues a run.",
)
@click.option(
    "--precision",
    type=click.Choice(["single", "double"]),
    default="single",
    show_default=True,
    help="Single precision is used where the model's check environments come out right, double elsewhere.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Frames computed at once.")
@click.option("--dask", metavar="ADDRESS", help="Predict on the workers of this Dask scheduler (or scheduler file).")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["hdf5", "extxyz"]),
    default="hdf5",
    show_default=True,
    help="extxyz: the frames with efg:R:9, for other programs.",
)
@click.option("--efg-units", type=click.Choice(["au", "V/Ang^2"]), help="Unit of efg in extxyz; ASE and Soprano: au.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and how long it would take; write nothing.")
@trajectory_options
def predict(
    model_file: Path,
    trajectory: Path,
    output: Path | None,
    force: bool,
    selection: str | None,
    axes: str,
    start_time: float,
    precision: Precision,
    threads: int,
    dask: str | None,
    kind: str,
    efg_units: str | None,
    dry_run: bool,
    reading: TrajectoryOptions,
) -> int:
    """Predict the tensor of every selected ion at every frame.

    MODEL is a trained model (NAME.efg, see `ufp efg fit`) or point charges (NAME.toml).

    Killed or interrupted, the same command continues where it was. --force replaces OUTPUT, and unfinished work
    that was made with another model, precision, trajectory or selection.

    \b
    ufp efg predict LPS.efg dump.lammpstrj -o efg.h5 --log log.lammps --elements 'Li P S'
    ufp efg predict inputs/lps/point-charges.toml dump.lammpstrj -o efg.h5 --log log.lammps --elements 'Li P S'
    ufp efg predict LPS.efg dump.lammpstrj.gz -o efg.h5 --timestep 0.001 --elements 'Li P S' --threads 4
    ufp efg predict LPS.efg frames.extxyz -o efg.extxyz --format extxyz --efg-units au --timestep 0.001
    ufp efg predict LPS.efg dump.lammpstrj -o efg.h5 --timestep 0.001 --elements 'Li P S' --dask scheduler.json
    """
    from ufpnmr.efg.engine import read_engine
    from ufpnmr.efg.predict import write_series
    from ufpnmr.results.tensor_writer import partial_path

    if output is None:
        raise InputError("expected -o FILE for the tensor series")
    if (kind == "extxyz") != (efg_units is not None):
        raise InputError("expected --efg-units with --format extxyz, and only with it; a tensor series is in V/Å²")
    writable(output, force or dry_run)
    model = read_engine(model_file)
    universe = reading.open(trajectory.resolve() if dask else trajectory)  # workers may stand in another folder
    # extxyz cannot be continued: it is written from a finished series
    series = output.with_name(output.name + ".h5") if kind == "extxyz" else output
    if dry_run:
        _describe(model, universe, selection, series, threads, precision)
        return 0
    inputs = (model_file, trajectory, *reading.companions)
    options: dict[str, Any] = {"axes": axes, "start_time": start_time, "precision": precision, "inputs": inputs}
    try:
        with signals_as_interrupted() as check, progress(len(universe.trajectory), "efg predict") as bar:

            def report(count: int) -> None:
                bar.update(count)
                check()

            done = write_series(
                model,
                universe,
                selection,
                series,
                threads=threads,
                dask=dask,
                overwrite=force or kind == "extxyz",
                progress=report,
                **options,
            )
    except Interrupted as stop:
        say(f"ufp: {stop}; finished frames are in {partial_path(series)}, the same command continues")
        return stop.exit_code
    if efg_units is not None:
        from ufpnmr.efg.export import write_extxyz

        write_extxyz(series, universe, output, efg_units)
        series.unlink()
    continued = f", the first {done.resumed} by an earlier run" if done.resumed else ""
    say(f"{output}: {done.frames} frames of {done.ions} ions, {model.engine}{continued}")
    say(f"{done.rate:.3g} tensors/s in {done.precision} precision, reading and writing included")
    _state_error(model)
    return 0


def _describe(
    model: Engine, universe: Universe, selection: str | None, output: Path, threads: int, precision: Precision
) -> None:
    """Print what a run would do; the time is that of one frame, the first, times their number."""
    import time

    from ufpnmr.efg.frames import Chunk, select
    from ufpnmr.results.tensor_writer import partial_path
    from ufpnmr.trajectory import time_axis

    chosen = select(model, universe, selection)
    precision = model.precision(precision)
    times = time_axis(universe)
    first = Chunk.read(universe, 0, 1)
    first.gradients(model, chosen, precision, 1)  # builds what every frame needs
    start = time.perf_counter()
    first.gradients(model, chosen, precision, 1)
    seconds = (time.perf_counter() - start) * len(times)
    megabytes = len(times) * (24 * len(chosen.ids) + 80) / 1e6
    click.echo(f"engine: {model.engine}, {precision} precision")
    click.echo(f"ions: {len(chosen.ids)} of {len(chosen.elements)} atoms ({chosen.text})")
    click.echo(f"frames: {len(times)}, {times[0]:.6g} to {times[-1]:.6g} ps")
    click.echo(f"output: {output}, {megabytes:.3g} MB; unfinished work in {partial_path(output)}")
    click.echo(f"time: about {seconds / threads:.2g} s with {threads} thread(s), reading not counted")


def _state_error(model: Engine) -> None:
    from ufpnmr.efg.engine import error_text

    say(f"error of the model: {error_text(model)}")
