"""Several trajectories or results on the command line are independent runs: analyse, average, write, print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ufpnmr.cli.common import report, say
from ufpnmr.cli.ion_paths import runs_argument, with_inputs
from ufpnmr.cli.reading import trajectory_options
from ufpnmr.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])

preset_option = click.option(
    "--preset", type=click.Choice(["kaiser2024"]), help="Parameters of a paper; options given beside it win."
)


def runs_options(function: F) -> F:
    """FILE... (trajectories of independent runs, or their results), how to read them, and a preset."""
    return runs_argument(trajectory_options(preset_option(function)))


def one_run_only(inputs: Sequence[Path], **options: Any) -> None:
    """Refuse options that belong to one run where there are several."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if len(inputs) > 1 and given:
        raise InputError(f"{', '.join(given)}: belongs to one run, {len(inputs)} are given; analyse that run by itself")


def run_results(
    inputs: Sequence[Path], kind: Any, analyse: Callable[[Path], Any], companions: Iterable[Path | None]
) -> list[Any]:
    """One result of class `kind` per input: read where the file is one, else analysed from the trajectory."""
    from ufpnmr.results.storage import stored_schema

    results = []
    for number, path in enumerate(inputs, start=1):
        if stored_schema(path) == kind.schema:
            results.append(kind.read(path))
            continue
        if len(inputs) > 1:
            say(f"run {number} of {len(inputs)}: {path}")
        results.append(with_inputs(analyse(path), (path, *companions)))
    return results


def deliver(
    results: Sequence[Any],
    output: Path | None,
    as_json: bool,
    remarks: Callable[[Any], Mapping[str, Any]] | None = None,
) -> int:
    """Write and print the result of one run or the mean of several; return the exit code.

    `remarks` says what one run has to say beside its numbers, and returns what else belongs into its JSON.
    """
    from ufpnmr.dynamics.runs import average_runs

    if len(results) == 1:
        only = results[0]
        if output is not None:
            only.write(output)
            say(f"{output}: {only.schema}")
        extra = remarks(only) if remarks is not None else {}
        return report(only.records, as_json, {"parameters": only.parameters, **extra})
    mean = average_runs(results)
    if output is not None:
        mean.write(output)
        say(f"{output}: mean of {len(results)} runs of {mean.kind}")
    for note in mean.notes:
        say(note)
    return report(mean.records, as_json, {"settings": mean.settings, "run_values": mean.run_values})
