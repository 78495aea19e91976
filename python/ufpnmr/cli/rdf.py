"""``ufp rdf``: pair correlation functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ufpnmr.cli.common import json_option, output_option, writable
from ufpnmr.cli.ion_paths import threads_option
from ufpnmr.cli.reading import TrajectoryOptions
from ufpnmr.cli.runs import deliver, run_results, runs_options
from ufpnmr.errors import InputError


@click.command()
@runs_options
@click.option("--pair", "pairs", multiple=True, metavar="A-B", help="Elements, e.g. Li-S; may be repeated. [all pairs]")
@click.option("--r-max", type=float, help="Largest distance, Å; may exceed half of the cell. [10]")
@click.option("--dr", type=float, help="Width of a shell, Å. [0.05]")
@click.option(
    "--norm",
    type=click.Choice(["g", "paper", "density"]),
    help="g: tends to 1. paper: Kaiser & Egger, eq. 1 as printed. density: ρ_B g. [g]",
)
@click.option(
    "--frames", "most", type=click.IntRange(min=1), default=2000, help="At most so many, evenly spaced. [2000]"
)
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    inputs: tuple[Path, ...],
    reading: TrajectoryOptions,
    preset: str | None,
    pairs: tuple[str, ...],
    r_max: float | None,
    dr: float | None,
    norm: str | None,
    most: int,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Pair correlation function g(r) and coordination numbers of every pair of elements.

    Several FILEs are independent runs, trajectories or results of this verb: the mean with its band is written.

    \b
    ufp rdf dump.lammpstrj --elements 'Li P S' --pair Li-S --pair P-S -o rdf.h5
    ufp rdf run1.lammpstrj run2.lammpstrj run3.lammpstrj --preset kaiser2024 -o rdf.h5 && ufp plot rdf.h5 -o rdf.svg
    """
    writable(output, force)
    from ufpnmr.dynamics.presets import preset as chosen
    from ufpnmr.dynamics.rdf import pair_correlation
    from ufpnmr.results.rdf import RDFResult
    from ufpnmr.trajectory.frames import read_frames

    options: dict[str, Any] = chosen(preset, "rdf", r_max=r_max, dr=dr, norm=norm, pairs=_pairs(pairs))

    def analyse(path: Path) -> RDFResult:
        universe = reading.open(path)
        return pair_correlation(read_frames(universe, most=most, timed=False), threads=threads, **options)

    return deliver(run_results(inputs, RDFResult, analyse, reading.companions), output, as_json)


def _pairs(words: tuple[str, ...]) -> list[tuple[str, str]] | None:
    found = []
    for word in words:
        names = word.split("-")
        if len(names) != 2 or not all(names):
            raise InputError(f"--pair: expected two elements such as Li-S, found {word!r}")
        found.append((names[0], names[1]))
    return found or None
