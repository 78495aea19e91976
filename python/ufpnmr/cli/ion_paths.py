"""Options and reading common to the verbs that analyse the motion of ions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ufpnmr.cli.reading import trajectory_options
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from MDAnalysis import Universe

    from ufpnmr.dynamics.series import Paths

F = TypeVar("F", bound=Callable[..., Any])

_GIB = 1 << 30
_IN_MEMORY_BYTES = 24

runs_argument = click.argument("inputs", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
threads_option = click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads; 0 for all. [0]")
minimum_residence_option = click.option(
    "--minimum-residence", type=float, help="Shortest stay that counts, ps. [the longer of 5 frames and 5 ps]"
)
_ions = (
    click.option("--ion", help="Element of the ions, e.g. Ag."),
    click.option("--selection", help="Ions in the language of MDAnalysis, instead of --ion."),
    click.option(
        "--drift",
        type=click.Choice(["framework", "com", "none"]),
        default="framework",
        help="Whose mean displacement is subtracted. [framework: all atoms of other elements]",
    ),
)
_memory = (
    click.option(
        "--memory", type=click.FloatRange(min=0.1), default=2.0, help="Limit for the paths in memory, GiB. [2]"
    ),
    click.option(
        "--scratch",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for paths too long for the memory, 12 bytes per ion and frame; found again by the next verb.",
    ),
)


def ions_options(function: F) -> F:
    """Which ions, and what drift to remove."""
    for option in reversed(_ions):
        function = option(function)
    return function


def ion_paths_options(function: F) -> F:
    """FILE... (runs), how to read them, which ions, what drift to remove, and how much memory to take."""
    for option in reversed(_memory):
        function = option(function)
    return runs_argument(trajectory_options(ions_options(function)))


def chosen_ions(universe: Universe, ion: str | None, selection: str | None) -> str:
    """Return the selection of the mobile ions; it is never guessed."""
    if (ion is None) == (selection is None):
        raise InputError(
            f"which ions move? give --ion ELEMENT or --selection; {universe.trajectory.filename} holds "
            f"{', '.join(sorted(set(universe.atoms.elements)))}"
        )
    return f"element {ion}" if selection is None else selection


def read_ion_paths(
    universe: Universe, ion: str | None, selection: str | None, drift: str, memory: float, scratch: Path | None
) -> Paths:
    """Read the paths of the ions, into a scratch file where one is given."""
    import ufpnmr.trajectory
    from ufpnmr.trajectory.paths import select

    chosen = chosen_ions(universe, ion, selection)
    if scratch is not None:
        from ufpnmr.trajectory.scratch import scratch_paths

        return scratch_paths(universe, chosen, drift, scratch)
    ion_frames = select(universe, chosen).n_atoms * len(universe.trajectory)
    if _IN_MEMORY_BYTES * ion_frames > memory * _GIB:
        from ufpnmr.trajectory.scratch import BYTES_PER_ION_FRAME

        needed, on_disk = (size * ion_frames / _GIB for size in (_IN_MEMORY_BYTES, BYTES_PER_ION_FRAME))
        raise InputError(
            f"the paths of {chosen!r} take {needed:.1f} GiB, more than --memory {memory:g}; "
            f"give --scratch FOLDER for a file of {on_disk:.1f} GiB, or a higher --memory"
        )
    return ufpnmr.trajectory.ion_paths(universe, chosen, drift)


def with_inputs(result: Any, inputs: Iterable[Path | None]) -> Any:
    """Return a stored result whose provenance names the files it came from."""
    import dataclasses

    from ufpnmr.provenance import collect

    parameters = result.provenance.get("parameters", {})
    return dataclasses.replace(result, provenance=collect([path for path in inputs if path], **parameters))
