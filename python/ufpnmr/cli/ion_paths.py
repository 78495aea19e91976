"""Options and reading common to the verbs that analyse the motion of ions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ufpnmr.cli.common import trajectory_options

if TYPE_CHECKING:
    from MDAnalysis import Universe

    from ufpnmr.trajectory import IonPaths

F = TypeVar("F", bound=Callable[..., Any])

trajectory_argument = click.argument("trajectory", type=click.Path(path_type=Path))
threads_option = click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads; 0 for all. [0]")
minimum_residence_option = click.option(
    "--minimum-residence", type=float, help="Shortest stay that counts, ps. [the longer of 5 frames and 5 ps]"
)


def ion_paths_options(function: F) -> F:
    """TRAJECTORY, how to read it, which ions, and what drift to remove."""
    function = click.option(
        "--drift",
        type=click.Choice(["framework", "com", "none"]),
        default="framework",
        help="Whose mean displacement is subtracted. [framework: all atoms of other elements]",
    )(function)
    function = click.option(
        "--selection", default="element Li", help="Ions, in the language of MDAnalysis. [element Li]"
    )(function)
    return trajectory_argument(trajectory_options(function))


def open_universe(
    trajectory: Path, timestep: float | None, log_file: Path | None, elements: str | None, topology: Path | None
) -> Universe:
    """Open a trajectory with the values of `trajectory_options`."""
    import ufpnmr.trajectory

    return ufpnmr.trajectory.open(
        trajectory,
        timestep=timestep,
        log=log_file,
        elements=elements.split() if elements else None,
        topology=topology,
    )


def read_ion_paths(universe: Universe, selection: str, drift: str) -> IonPaths:
    """Read the paths of the selected ions."""
    import ufpnmr.trajectory

    return ufpnmr.trajectory.ion_paths(universe, selection, drift)


def with_inputs(result: Any, inputs: Iterable[Path | None]) -> Any:
    """Return a stored result whose provenance names the files it came from."""
    import dataclasses

    from ufpnmr.provenance import collect

    parameters = result.provenance.get("parameters", {})
    return dataclasses.replace(result, provenance=collect([path for path in inputs if path], **parameters))
