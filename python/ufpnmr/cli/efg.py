"""``ufp efg``: electric field gradients of the ions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ufpnmr.cli.common import output_option, progress, say, trajectory_options, writable
from ufpnmr.cli.efg_fit import evaluate, fit
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from MDAnalysis import Universe

    from ufpnmr.efg.engine import Engine


@click.group()
def command() -> None:
    """Electric field gradients: train a model, judge it, predict along a trajectory."""


@command.command()
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
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Frames computed at once.")
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
    threads: int,
    dry_run: bool,
    timestep: float | None,
    log_file: Path | None,
    elements: str | None,
    topology: Path | None,
) -> int:
    """Predict the tensor of every selected ion at every frame.

    MODEL is a trained model (NAME.efg, see `ufp efg fit`) or point charges (NAME.toml).

    Killed or interrupted, the same command continues where it was. --force replaces OUTPUT, and unfinished work
    that was made with another model, trajectory or selection.

    \b
    ufp efg predict LPS.efg dump.lammpstrj -o efg.h5 --log log.lammps --elements 'Li P S'
    ufp efg predict inputs/lps/point-charges.toml dump.lammpstrj -o efg.h5 --log log.lammps --elements 'Li P S'
    ufp efg predict point-charges.toml dump.lammpstrj.gz -o efg.h5 --timestep 0.001 --elements 'Li P S' --threads 4
    """
    import ufpnmr.trajectory
    from ufpnmr.efg.engine import read_engine
    from ufpnmr.efg.predict import predict_series
    from ufpnmr.results.tensors import partial_path

    if output is None:
        raise InputError("expected -o FILE for the tensor series")
    writable(output, force or dry_run)
    model = read_engine(model_file)
    universe = ufpnmr.trajectory.open(
        trajectory,
        timestep=timestep,
        log=log_file,
        elements=elements,
        topology=topology,
    )
    if dry_run:
        _describe(model, universe, selection, output, threads)
        return 0
    inputs = tuple(path for path in (model_file, trajectory, log_file, topology) if path)
    try:
        with progress(len(universe.trajectory), "efg predict") as bar:
            series = predict_series(
                model,
                universe,
                selection,
                output,
                axes=axes,
                start_time=start_time,
                threads=threads,
                overwrite=force,
                inputs=inputs,
                progress=bar.update,
            )
    except KeyboardInterrupt:
        say(f"ufp: interrupted; finished frames are in {partial_path(output)}, the same command continues")
        return 130
    say(f"{output}: {series.time.size} frames of {series.ids.size} ions, {series.engine}")
    _state_error(model)
    return 0


command.add_command(fit)
command.add_command(evaluate)


def _describe(model: Engine, universe: Universe, selection: str | None, output: Path, threads: int) -> None:
    """Print what a run would do; the time is that of one frame, the first, times their number."""
    import time

    from ufpnmr.efg.predict import frame_cell, frame_positions, select
    from ufpnmr.results.tensors import partial_path
    from ufpnmr.trajectory import time_axis

    chosen = select(model, universe, selection)
    times = time_axis(universe)
    first = universe.trajectory[0]
    start = time.perf_counter()
    model.gradients(frame_cell(first), frame_positions(first), chosen.elements, chosen.indices)
    seconds = (time.perf_counter() - start) * len(times)
    megabytes = len(times) * (24 * len(chosen.ids) + 80) / 1e6
    click.echo(f"engine: {model.engine}")
    click.echo(f"ions: {len(chosen.ids)} of {len(chosen.elements)} atoms ({chosen.text})")
    click.echo(f"frames: {len(times)}, {times[0]:.6g} to {times[-1]:.6g} ps")
    click.echo(f"output: {output}, {megabytes:.3g} MB; unfinished work in {partial_path(output)}")
    click.echo(f"time: about {seconds / threads:.2g} s with {threads} thread(s), reading not counted")


def _state_error(model: Engine) -> None:
    if "relative_tensor_rmse" not in model.error:
        say("error of the model: not stated in its file")
        return
    relative, method = model.error["relative_tensor_rmse"], model.error.get("method", "method not stated")
    say(f"error of the model: {100 * relative:.0f} % of the rms tensor ({method})")
