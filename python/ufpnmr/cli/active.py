"""``ufp active``: the learning cycle, and labels of structures, made here or elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import NOT_TRUSTWORTHY, json_option, say
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.active.labelling import Summary
    from ufpnmr.active.run import ActiveRun
    from ufpnmr.results.learning import LearningRecord

labeller_options = (
    click.option(
        "--option",
        "options",
        metavar="KEY=VALUE",
        multiple=True,
        help="Option of the labeller; the value is JSON where it can be, else text. May be repeated.",
    ),
    click.option(
        "--options", "options_file", metavar="FILE.toml", type=click.Path(path_type=Path), help="Options from a file."
    ),
)


def _labeller_options(function: Any) -> Any:
    for option in reversed(labeller_options):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Learn actively: sample, select, label, fit again; or only label structures."""


@command.command()
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check every input, show runs and sizes; write nothing.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the features (default: all allowed).")
@json_option
def run(file: Path, dry_run: bool, threads: int | None, as_json: bool) -> int:
    """Run the cycles of FILE: fit, molecular dynamics, selection, labels, until a criterion is met.

    Every cycle is a folder. Killed or interrupted at any point, the same command goes on; so it does with labels that
    were made elsewhere (labeller external), or after maximum_cycles was raised.

    \b
    Examples:
      ufp active run lps.toml --dry-run
      ufp active run lps.toml

    Exit codes: 0 a criterion is met, 3 it is not (cycles or candidates used up) or labels are waited for, 2 wrong
    input, 130/143 interrupted.
    """
    from ufpnmr.active.config import read_config
    from ufpnmr.active.run import ActiveRun
    from ufpnmr.interruption import Interrupted

    work = ActiveRun(read_config(file), threads or len(os.sched_getaffinity(0)), say)
    if dry_run:
        _show_plan(work, as_json)
        return 0
    try:
        record = work.run()
    except Interrupted as stop:
        say(f"ufp: {stop}; run the same command again to continue")
        return stop.exit_code
    from ufpnmr.plots import learning_curve, save

    save(learning_curve(record), work.folder / "learning.svg")
    if as_json:
        click.echo((work.folder / "record.json").read_text(encoding="utf-8").rstrip())
    else:
        _show_record(record)
        click.echo(f"potential: {work.folder / record.potential}")
    say(f"record: {work.folder / 'record.json'}")
    if not record.stop:
        say("labels are missing; run the same command again when they are there")
    return 0 if record.converged else NOT_TRUSTWORTHY


@command.command()
@click.argument("queue_file", metavar="QUEUE.extxyz", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT.extxyz", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--labeller",
    required=True,
    metavar="NAME",
    help="cp2k, espresso, castep, vasp, chgnet, sevennet or module:factory.",
)
@_labeller_options
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Structures labelled at once.")
@click.option("--nice", type=click.IntRange(0, 19), default=0, show_default=True, help="Niceness of the workers.")
@click.option(
    "--done", metavar="FILE", type=click.Path(path_type=Path), multiple=True, help="Skip the uids of this file too."
)
@click.option("--part", metavar="I/N", default="0/1", help="Take every N-th structure from I on (0 to N - 1).")
@click.option("--minutes", type=float, default=float("inf"), help="Begin no structure later than this.")
@click.option("--scratch", type=click.Path(path_type=Path), help="Where programs work.  [default: OUT.extxyz.work]")
@click.option("--retry-failed", is_flag=True, help="Try structures again that failed earlier.")
@click.option(
    "--dask", metavar="ADDRESS", help="Compute on the Dask cluster of this scheduler (address or .json file)."
)
@json_option
def label(
    queue_file: Path,
    output: Path,
    labeller: str,
    options: tuple[str, ...],
    options_file: Path | None,
    jobs: int,
    nice: int,
    done: tuple[Path, ...],
    part: str,
    minutes: float,
    scratch: Path | None,
    retry_failed: bool,
    dask: str | None,
    as_json: bool,
) -> int:
    """Label the structures of QUEUE, one after the other, and append them to OUT.

    Killed or interrupted at any point, the same command goes on; labelled structures are skipped by their uid. One that
    fails is listed in OUT.extxyz.failed with the reason, and the next one begins.

    \b
    Examples:
      ufp active label queue.extxyz pbe.extxyz --labeller cp2k --jobs 2 --nice 19 --done earlier.extxyz.xz
      ufp active label queue.extxyz qe.extxyz --labeller espresso --options espresso.toml
      ufp active label queue.extxyz lj.extxyz --labeller ase.calculators.lj:LennardJones --option epsilon=0.01

    Exit codes: 0 all labelled, 3 some failed or are open, 2 wrong input, 130/143 interrupted.
    """
    from ufpnmr.active.labelling import Queue, label_queue
    from ufpnmr.interruption import Interrupted, signals_as_interrupted

    queue = Queue(
        structures=queue_file,
        output=output,
        labeller=labeller,
        options=_options(options, options_file),
        done=done,
        part=_part(part),
        scratch=scratch,
        nice=nice,
        minutes=minutes,
        retry_failed=retry_failed,
    )
    for path in done:
        if not path.exists():
            raise InputError(f"{path}: no such file (--done)")
    try:
        with signals_as_interrupted():
            if dask is None:
                summary = label_queue(queue, jobs, say)
            else:
                from ufpnmr.active.labelling.dask_queue import label_with_dask

                summary = label_with_dask(queue, dask, say)
    except Interrupted as stop:
        say(f"ufp: {stop}; run the same command again to continue")
        return stop.exit_code
    return _report(summary, output, as_json)


@command.command()
@click.argument("structures", metavar="QUEUE.extxyz", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--labeller", metavar="NAME", help="Write input files for cp2k, espresso, castep or vasp too.")
@_labeller_options
def export(
    structures: Path, folder: Path, labeller: str | None, options: tuple[str, ...], options_file: Path | None
) -> int:
    """Write one folder per structure of QUEUE into FOLDER, for labels made elsewhere.

    \b
    Examples:
      ufp active export queue.extxyz for-the-cluster --labeller vasp --option potcars=/path/to/potpaw_PBE
      ufp active export queue.extxyz for-a-colleague
    """
    from ufpnmr.active.labelling import export_structures

    done = export_structures(structures, folder, labeller, _options(options, options_file))
    for uid, reason in done.refused.items():
        say(f"{uid}: not exported: {reason}")
    click.echo(f"{folder}: {len(done.written)} written, {len(done.kept)} there already, {len(done.refused)} refused")
    return 1 if done.refused else 0


@command.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT.extxyz", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--pattern", metavar="GLOB", help="Name of the output files, read by ASE.  [default: known names]")
def import_(folder: Path, output: Path, pattern: str | None) -> int:
    """Read the outputs in FOLDER, written by `ufp active export`, and append their labels to OUT.

    Known outputs: vasprun.xml, OUTCAR, *.castep, *.pwo, label.out (CP2K), labelled.extxyz. Each must be of the
    structure that was exported, and converged.

    \b
    Examples:
      ufp active import for-the-cluster labelled.extxyz
      ufp active import for-a-colleague labelled.extxyz --pattern '*.out'

    Exit codes: 0 all there, 3 some are missing or cannot be used, 2 wrong input.
    """
    from ufpnmr.active.labelling import import_labels

    done = import_labels(folder, output, pattern)
    for uid, reason in done.refused.items():
        say(f"{uid}: not used: {reason}")
    click.echo(
        f"{output}: {len(done.new)} new, {len(done.earlier)} there already, {len(done.missing)} without output, "
        f"{len(done.refused)} not usable"
    )
    return 3 if done.missing or done.refused else 0


def _show_plan(work: ActiveRun, as_json: bool) -> None:
    import dataclasses

    plan = work.check()
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(plan), indent=1))
        return
    click.echo(f"{plan.train} structures to begin with, {plan.withheld} withheld; {plan.columns} coefficients")
    click.echo(f"matrices of fit and selection: about {plan.memory:.0f} MB")
    for name, (atoms, frames) in plan.runs.items():
        click.echo(f"md {name}: {atoms} atoms, {frames} frames per cycle")
    for name, (atoms, images) in plan.paths.items():
        click.echo(f"neb {name}: {atoms} atoms, {images} images per cycle")
    click.echo(f"cycles fitted so far: {plan.cycles}")


def _show_record(record: LearningRecord) -> None:
    click.echo("cycle  labelled  withheld meV/Å  meV/atom  predicted: mean  largest eV/Å  candidates  chosen")
    for row in record.cycles:
        withheld, found = row["withheld"], row["candidates"]
        energy = "" if withheld["energy_rmse"] is None else f"{withheld['energy_rmse']:.2f}"
        force = "" if withheld["force_rmse"] is None else f"{withheld['force_rmse']:.1f}"
        predicted = f"{found['mean']:>15.3f}  {found['largest']:>12.3f}  {found['count']:>10}" if found else " " * 41
        chosen = len(row["selected"]) if row["selected"] else ""
        click.echo(f"{row['cycle']:>5}  {row['labelled']:>8}  {force:>14}  {energy:>8}  {predicted}  {chosen:>6}")
    click.echo(f"stopped: {record.stop}" if record.stop else "not finished")


def _report(summary: Summary, output: Path, as_json: bool) -> int:
    import dataclasses

    if as_json:
        click.echo(json.dumps({"output": str(output), **dataclasses.asdict(summary)}, indent=1))
    else:
        for uid, reason in summary.failed.items():
            say(f"{uid}: failed: {reason}")
        click.echo(
            f"{output}: {summary.labelled} labelled ({summary.new} now), {len(summary.failed)} failed, "
            f"{summary.open} open"
        )
    return 3 if summary.failed or summary.open else 0


def _part(text: str) -> tuple[int, int]:
    index, slash, parts = text.partition("/")
    if not slash or not index.isdigit() or not parts.isdigit():
        raise InputError(f"--part: expected I/N such as 0/4, found {text!r}")
    return int(index), int(parts)


def _options(pairs: tuple[str, ...], file: Path | None) -> dict[str, Any]:
    options = {} if file is None else _from_toml(file)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--option: expected KEY=VALUE, found {pair!r}")
        try:
            options[key] = json.loads(value)
        except json.JSONDecodeError:
            options[key] = value
    return options


def _from_toml(path: Path) -> dict[str, Any]:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        with open(path, "rb") as stream:
            options: dict[str, Any] = tomllib.load(stream)
    except FileNotFoundError:
        raise InputError(f"{os.fspath(path)}: no such file (--options)") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    return options
