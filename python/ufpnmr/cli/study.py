"""``ufp study``: the whole chain from one TOML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ufpnmr.cli.common import exit_code, json_option, progress, report, say
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.study import Results, Study


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show stages, frames, memory and time; run nothing.")
@click.option("--force", is_flag=True, help="Run again what is done already.")
@click.option("--only", metavar="STAGE", help="Run this stage, or all that begin with this word ('acf').")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
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

    Exit codes: 0 every headline number is claimed, 3 some are not (their statuses are named), 2 wrong input, 130/143
    interrupted.
    """
    from ufpnmr.study import Interrupted, Study, read_config

    study = Study(read_config(file), threads or len(os.sched_getaffinity(0)), say, progress)
    if dry_run:
        study.check()
        _table(study)
        return 0
    try:
        ran = study.run(force=force, only=only, until=until)
    except Interrupted as stop:
        say(f"ufp: {stop}; run the same command again to continue")
        return stop.exit_code
    if not ran:
        say("every stage is done already (--force runs again)")
    results = study.results()
    if results is None:
        if check_expected:
            raise InputError("--check-expected needs the results; run without --only and --until")
        return 0
    say(f"results: {study.shop.folder / 'results.json'}")
    say(f"report:  {study.shop.folder / 'report.html'}")
    report(results.headline, as_json)
    for name, record in results.headline.items():
        if not record.trustworthy:
            say(f"not claimed: {name} ({record.status})")
    return _check(study, results) if check_expected else exit_code(results.headline.values())


def _check(study: Study, results: Results) -> int:
    """Compare statuses with the study file; records not named there must claim a value."""
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


def _table(study: Study) -> None:
    """Print the table of ``--dry-run``."""
    from ufpnmr.study import costs

    rows = costs(study)
    width = max(len(row.name) for row in rows)
    click.echo(f"{'stage':<{width}}  {'state':<10}  {'frames':>8}  {'memory/MB':>9}  {'time/s':>9}")
    for row in rows:
        frames = "" if row.frames is None else str(row.frames)
        memory = "" if row.memory is None else f"{row.memory:.3g}"
        seconds = "" if row.seconds is None else f"{'' if row.measured else '~'}{row.seconds:.3g}"
        click.echo(f"{row.name:<{width}}  {row.state:<10}  {frames:>8}  {memory:>9}  {seconds:>9}")
    to_do = sum(row.seconds or 0.0 for row in rows if row.state != "done")
    click.echo(f"to do: about {to_do:.3g} s; ~ marks typical speeds, other times are those of the last run")
    click.echo("memory and frames are upper bounds before the trajectory exists")
