"""What several verbs share: options, output, exit code 3."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ufpnmr.errors import InputError
from ufpnmr.results import Record

if TYPE_CHECKING:
    from ufpnmr.nmr.dipolar import SecondMoment

NOT_TRUSTWORTHY = 3

F = TypeVar("F", bound=Callable[..., Any])


def output_option(suffix: str) -> Callable[[F], F]:
    """``-o FILE`` and ``--force``; use `writable` on the value."""

    def decorate(function: F) -> F:
        function = click.option("--force", is_flag=True, help="Overwrite an existing output file.")(function)
        return click.option(
            "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help=f"File to write ({suffix})."
        )(function)

    return decorate


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


def writable(path: Path | None, force: bool) -> Path | None:
    """Refuse an existing output file unless `force`, and a folder that does not exist."""
    if path is None:
        return None
    if path.exists() and not force:
        raise InputError(f"{path} exists; give another name or --force to overwrite")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; create it first")
    return path


def report(records: Mapping[str, Record], as_json: bool, extra: Mapping[str, Any] | None = None) -> int:
    """Print records on stdout and return the exit code: 0, or 3 if one claims no value."""
    if as_json:
        document = {**(extra or {}), **{name: record.to_dict() for name, record in records.items()}}
        click.echo(json.dumps(document, indent=1))
    else:
        width = max((len(name) for name in records), default=0)
        for name, record in records.items():
            click.echo(f"{name:<{width}} = {record}")
    return exit_code(records.values())


def exit_code(records: Iterable[Record]) -> int:
    """0 if every record claims a central value, else 3."""
    return 0 if all(record.trustworthy for record in records) else NOT_TRUSTWORTHY


def dipolar_bound(structure: Path, nucleus: str) -> SecondMoment:
    """Rigid-lattice second moment of `nucleus` in the last structure of a file."""
    from ufpnmr.nmr.dipolar import second_moment
    from ufpnmr.structures import read_atoms

    atoms = read_atoms(structure)[-1]
    return second_moment(atoms.cell.array, atoms.positions, list(atoms.symbols), nucleus)


def direction(text: str, option: str = "--field") -> str | list[float]:
    """Return a direction on the command line: a, b, c or three numbers."""
    if text in ("a", "b", "c"):
        return text
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not any(numbers):
        raise InputError(f"{option}: expected a, b, c or three numbers, not all zero, found {text!r}")
    return numbers


def say(message: str) -> None:
    """One line of log on stderr."""
    click.echo(message, err=True)


def progress(total: int, label: str) -> Any:
    """Return a tqdm bar on a terminal; otherwise an object that logs a line per 10 %."""
    from tqdm import tqdm

    if sys.stderr.isatty():
        return tqdm(total=total, desc=label, unit="frame", file=sys.stderr)
    return _Lines(total, label)


class _Lines:
    """Stand-in for tqdm where stderr is a file: a line per 10 %, with the time left at the pace so far."""

    def __init__(self, total: int, label: str) -> None:
        self.total, self.label, self.done, self.said = max(total, 1), label, 0, 0
        self._first: tuple[float, int] | None = None

    def update(self, n: int = 1) -> None:
        self.done += n
        now = time.monotonic()
        if self._first is None:
            self._first = now, self.done
        began, before = self._first
        left = ""
        if before < self.done < self.total:
            left = f", {(now - began) / (self.done - before) * (self.total - self.done):.0f} s left"
        tenth = 10 * self.done // self.total
        if tenth > self.said:
            self.said = tenth
            say(f"{self.label}: {10 * tenth} % ({self.done} of {self.total}{left})")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        """Nothing to clean up."""
