"""How the verbs open a trajectory: the options they share, and what becomes of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from MDAnalysis import Universe

__all__ = ["TrajectoryOptions", "trajectory_options"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class TrajectoryOptions:
    """Values of `trajectory_options`."""

    timestep: float | None
    log_file: Path | None
    elements: str | None
    topology: Path | None
    on_nan: str
    on_change: str

    def open(self, path: Path) -> Universe:
        """Open a trajectory."""
        import ufpnmr.trajectory

        return ufpnmr.trajectory.open(
            path,
            timestep=self.timestep,
            log=self.log_file,
            elements=self.elements.split() if self.elements else None,
            topology=self.topology,
            on_nan=self.on_nan,
            on_change=self.on_change,
        )

    @property
    def companions(self) -> tuple[Path, ...]:
        """Files read beside the trajectory."""
        return tuple(path for path in (self.log_file, self.topology) if path is not None)


_options = (
    click.option("--timestep", type=float, help="MD timestep in ps (frames: step x timestep). Never guessed."),
    click.option(
        "--log", "log_file", type=click.Path(path_type=Path), help="LAMMPS log of the run, to take the timestep from."
    ),
    click.option("--elements", help="Element of each LAMMPS type, e.g. 'Li P S'."),
    click.option("--topology", type=click.Path(path_type=Path), help="Companion data file (DCD has no identities)."),
    click.option(
        "--on-nan",
        type=click.Choice(["error", "drop"]),
        default="error",
        help="Frames of a dump with numbers that are not finite: refuse the file, or leave them out. [error]",
    ),
    click.option(
        "--on-change",
        type=click.Choice(["error", "stop"]),
        default="error",
        help="A dump whose number of atoms changes: refuse it, or read up to there. [error]",
    ),
)


def trajectory_options(function: F) -> F:
    """Options of every verb that reads a trajectory; the function gets them as ``reading`` (`TrajectoryOptions`)."""

    @functools.wraps(function)
    def bundled(*args: Any, **kwargs: Any) -> Any:
        values = {field.name: kwargs.pop(field.name) for field in fields(TrajectoryOptions)}
        return function(*args, reading=TrajectoryOptions(**values), **kwargs)

    decorated: Any = bundled
    for option in reversed(_options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
