"""``ufp study``: the whole chain from one TOML file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ufpnmr.cli.common import exit_code, json_option, progress, report, say
from ufpnmr.errors import InputError
from ufpnmr.results import Record

if TYPE_CHECKING:
    from ufpnmr.study import Scan, Study


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show stages, frames, memory and time; run nothing.")
@click.option("--force", is_flag=True, help="Run again what is done already.")
@click.option("--only", metavar="STAGE", help="Run this stage, or all that begin with this word ('acf').")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@click.option(
    "--temperature",
    "temperatures",
    type=float,
    multiple=True,
    help="Of a file with [temperatures]: run only this one, K (several: give it again).",
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the analyses (default: all allowed).")
@click.option(
    "--check-expected",
    is_flag=True,
    help="Compare the statuses with expected_status of the file: exit 0 if they are those, else 1.",
)
@json_option
def command(
    file: Path,
    dry_run: bool,
    force: bool,
    only: str | None,
    until: str | None,
    temperatures: tuple[float, ...],
    threads: int | None,
    check_expected: bool,
    as_json: bool,
) -> int:
    """Run the chain of FILE: MD, trajectory, field gradients, correlation functions, decay, motion, figures, report.

    Stages that are done and whose inputs have not changed are skipped; a killed run continues where it was.

    \b
    Examples:
      ufp study inputs/lps/quickstart.toml --dry-run
      ufp study inputs/lps/quickstart.toml
      ufp study inputs/lps/quickstart.toml --only decay

    With a section [temperatures] the chain runs at each of them, in sub-folders of the output folder; then tau(T),
    k(T) and D(T) are fitted by Arrhenius laws and drawn in one figure.

    Exit codes: 0 every headline number is claimed, 3 some are not (their statuses are named), 2 wrong input, 130/143
    interrupted.
    """
    from ufpnmr.study import Interrupted, Scan, Study, read_config, read_scan

    cores = threads or len(os.sched_getaffinity(0))
    several = read_scan(file)
    if several is None and temperatures:
        raise InputError(f"--temperature: {file} has no section [temperatures]")
    study = Study(read_config(file), cores, say, progress) if several is None else Scan(several, cores, say, progress)
    if dry_run:
        study.check()
        _table(study)
        return 0
    try:
        if isinstance(study, Study):
            ran = study.run(force=force, only=only, until=until)
        else:
            ran = study.run(force=force, only=only, until=until, temperatures=temperatures)
    except Interrupted as stop:
        say(f"ufp: {stop}; run the same command again to continue")
        return stop.exit_code
    if not ran:
        say("every stage is done already (--force runs again)")
    return _end(study, [study] if isinstance(study, Study) else study.studies.values(), check_expected, as_json)


def _end(whole: Study | Scan, studies: Iterable[Study], check_expected: bool, as_json: bool) -> int:
    """Print what was found; statuses are compared in each study, of several temperatures at each of them."""
    found = whole.outcome()
    if found is None:
        if check_expected:
            raise InputError("--check-expected needs all results; run without --only, --until and --temperature")
        return 0
    say(f"results: {whole.output}")
    say(f"report:  {whole.folder / 'report.html'}")
    _headline(found.records, as_json)
    for line in found.notices:
        say(f"ufp study: warning: {line}")
    return max(map(_check, studies)) if check_expected else exit_code(found.records.values())


def _headline(records: Mapping[str, Record], as_json: bool) -> None:
    report(records, as_json)
    for name, record in records.items():
        if not record.trustworthy:
            say(f"not claimed: {name} ({record.status})")


def _check(study: Study) -> int:
    """Compare statuses with the study file; records not named there must claim a value."""
    results = study.results()
    assert results is not None
    expected = study.config.system.expected_status
    unknown = [name for name in expected if name not in results.records]
    if unknown:
        raise InputError(f"expected_status: no record {unknown[0]!r}; there are {', '.join(results.headline)}")
    wrong = [
        f"{name}: expected {' or '.join(expected.get(name, ('a trustworthy status',)))}, found {record.status}"
        for name, record in results.records.items()
        if (
            record.status not in expected[name]
            if name in expected
            else name in results.headline and not record.trustworthy
        )
    ]
    for line in wrong:
        say(line)
    say("statuses differ from expected_status" if wrong else "statuses are the expected ones")
    return 1 if wrong else 0


def _table(study: Study | Scan) -> None:
    """Print the table of ``--dry-run``; of several temperatures all in one."""
    from ufpnmr.study import Study, costs

    if isinstance(study, Study):
        rows = costs(study)
    else:
        rows = [
            dataclasses.replace(row, name=f"{one.config.system.temperature_K:g}K: {row.name}")
            for one in study.studies.values()
            for row in costs(one)
        ]
    width = max(len(row.name) for row in rows)
    click.echo(f"{'stage':<{width}}  {'state':<10}  {'frames':>8}  {'memory/MB':>9}  {'time/s':>9}")
    for row in rows:
        frames = "" if row.frames is None else str(row.frames)
        memory = "" if row.memory is None else f"{row.memory:.3g}"
        seconds = "" if row.seconds is None else f"{'' if row.measured else '~'}{row.seconds:.3g}"
        click.echo(f"{row.name:<{width}}  {row.state:<10}  {frames:>8}  {memory:>9}  {seconds:>9}")
    to_do = sum(row.seconds or 0.0 for row in rows if row.state != "done")
    if not isinstance(study, Study):
        for name, state in study.states().items():
            click.echo(f"{name:<{width}}  {state}")
    click.echo(f"to do: about {to_do:.3g} s; ~ marks typical speeds, other times are those of the last run")
    click.echo("memory and frames are upper bounds before the trajectory exists")
