"""``ufp fit``: labelled structures in, a potential with its posterior and report out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, say
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.potential.fit import Fit
    from ufpnmr.potential.fit_config import FitConfig

_POSTERIOR_BYTES = 5_000_000


@click.command()
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Potential to write (NAME.uf3).")
@click.option("--force", is_flag=True, help="Overwrite existing output files.")
@click.option("--gram", is_flag=True, help="Also write NAME.gram.h5, to which a later fit can add structures.")
@click.option(
    "--full-posterior",
    is_flag=True,
    help=f"Keep the whole posterior; otherwise the directions that fit into {_POSTERIOR_BYTES // 10**6} MB.",
)
@click.option("--committee", type=click.IntRange(min=1), help="Also write so many potentials drawn from the posterior.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="OpenMP threads; 0 follows OMP_NUM_THREADS.")
@click.option("--dask", metavar="ADDRESS", help="Sum on the workers of this Dask scheduler (or scheduler file).")
@click.option("--dry-run", is_flag=True, help="Read and check everything, say what would be fitted; write nothing.")
@json_option
def command(
    file: Path,
    output: Path | None,
    force: bool,
    gram: bool,
    full_posterior: bool,
    committee: int | None,
    threads: int,
    dask: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Fit a two- and three-body spline potential to labelled structures.

    Writes NAME.uf3, which LAMMPS reads, NAME.posterior.h5 for uncertainties, NAME.fit.json, NAME.fit.md and figures.
    Everything is written at the end; an interrupted fit leaves nothing.

    \b
    ufp fit train.toml -o LPS.uf3
    ufp fit train.toml -o LPS.uf3 --gram --committee 8
    ufp fit train.toml --dry-run
    """
    from ufpnmr.potential.dataset import read_dataset
    from ufpnmr.potential.fit import fit
    from ufpnmr.potential.fit_config import read_config

    config = read_config(file)
    if dry_run:
        click.echo(json.dumps(_plan(config), indent=1) if as_json else "\n".join(_plan_lines(_plan(config))))
        return 0
    if output is None or output.suffix != ".uf3":
        raise InputError(f"expected -o NAME.uf3 for the potential, found {output or 'none'}")
    paths = _paths(output, gram, committee)
    for path in paths.values():
        if path.exists() and not force:
            raise InputError(f"{path} exists; give another name or --force to overwrite")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; create it first")
    result = fit(config, read_dataset(config.data), threads=threads, dask=dask, say=say)
    _write(result, config, file, paths, full_posterior, committee)
    if as_json:
        click.echo(json.dumps(result.record, indent=1))
    else:
        click.echo("\n".join(_summary(result, output)))
    return 0


def _paths(output: Path, gram: bool, committee: int | None) -> dict[str, Path]:
    def named(suffix: str) -> Path:
        return output.with_name(output.stem + suffix)

    paths = {"potential": output, "json": named(".fit.json"), "markdown": named(".fit.md")}
    paths |= {kind: named(f".{kind}.svg") for kind in ("energy", "forces", "stress")}
    paths["posterior"] = named(".posterior.h5")
    if gram:
        paths["gram"] = named(".gram.h5")
    for number in range(committee or 0):
        paths[f"committee {number}"] = named(f".{number + 1}.uf3")
    return paths


def _write(
    result: Fit, config: FitConfig, file: Path, paths: dict[str, Path], full_posterior: bool, committee: int | None
) -> None:
    import dataclasses

    from ufpnmr import plots, provenance
    from ufpnmr.potential.fit_report import markdown
    from ufpnmr.potential.gram_file import write_equations
    from ufpnmr.potential.posterior_file import compressed, save
    from ufpnmr.results.storage import write_text_atomically

    origin = provenance.collect([file, *config.data.train, *config.data.test, *config.start_from])
    header: dict[str, Any] = {"date": origin["date"][:10], "provenance": origin}
    potential = dataclasses.replace(result.potential, **header)
    whole = _POSTERIOR_BYTES * 1000 if full_posterior else _POSTERIOR_BYTES
    small = compressed(result.posterior, whole)
    judged = result.withheld or result.train
    captions = {}
    for kind in ("energy", "forces", "stress"):
        plots.save(plots.parity(judged, kind), paths[kind])
        captions[f"{kind.capitalize()} of {'withheld' if result.withheld else 'training'} structures"] = paths[
            kind
        ].name
    document = {"schema": "ufpnmr.fit", "schema_version": 1, **result.record, "provenance": origin}
    document["posterior"] = {"form": type(small.factor).__name__, "loss": dict(small.loss)}
    write_text_atomically(paths["json"], json.dumps(document, indent=1) + "\n")
    write_text_atomically(paths["markdown"], markdown(result.record, captions))
    if "gram" in paths:
        write_equations(paths["gram"], result.equations, result.basis, result.covered, origin)
    inflation = result.posterior.calibration["forces"].factor if "forces" in result.posterior.calibration else 1.0
    for number, member in enumerate(result.posterior.draws(committee or 0, seed=0, inflation=inflation)):
        result.basis.potential(member, **header).write(paths[f"committee {number}"], force=True, allow_unloadable=True)
    # the potential last: where it stands, its companions are there
    save(small, paths["posterior"], result.basis, force=True, provenance=origin)
    potential.write(paths["potential"], force=True, allow_unloadable=True)


def _summary(result: Fit, output: Path) -> list[str]:
    lines = []
    for key in ("train", "cross_validation", "test"):
        if key in result.record:
            e = result.record[key]
            numbers = [f"{e[name]:.3g} {unit}" for name, unit in _UNITS.items() if e[name] is not None]
            lines.append(f"{key.replace('_', '-'):<16} {e['structures']:>5} structures  rmse {', '.join(numbers)}")
    for kind, c in result.record["calibration"].items():
        lines.append(f"uncertainty      {kind}: {c['within_one']:.0%} within 1 σ, {c['within_two']:.0%} within 2 σ")
    return [*lines, f"potential        {output}"]


_UNITS = {"energy_rmse": "meV/atom", "force_rmse": "meV/Å", "stress_rmse": "GPa"}


def _plan(config: FitConfig) -> dict[str, Any]:
    """Return what would be fitted, and what it would need."""
    from ufpnmr.potential.dataset import by_atomic_number, check_dataset, elements_of, read_dataset
    from ufpnmr.potential.fit_config import basis_of

    dataset = read_dataset(config.data)
    basis = basis_of(config.splines, by_atomic_number(config.splines.elements or elements_of(dataset.train)))
    check_dataset(dataset, basis)
    atoms = sum(len(s.atoms) for s in dataset.train)
    matrices = 2 + sum((len(basis.force_columns(e)) / basis.n_columns) ** 2 for e in basis.elements)
    matrices += 2 + (config.search.folds + 2 if config.search else 0)
    return {
        "title": config.title,
        "train": {"structures": len(dataset.train), "atoms": atoms},
        "withheld": {"structures": len(dataset.test), "atoms": sum(len(s.atoms) for s in dataset.test)},
        "elements": list(basis.elements),
        "columns": {block.name: block.n_columns for block in basis.blocks},
        "coefficients": basis.n_columns,
        "memory_MB": round(matrices * 8e-6 * basis.n_columns**2 + 100),
    }


def _plan_lines(plan: dict[str, Any]) -> list[str]:
    columns = ", ".join(f"{name} {count}" for name, count in plan["columns"].items())
    return [
        plan["title"],
        f"train on {plan['train']['structures']} structures ({plan['train']['atoms']} atoms), "
        f"withhold {plan['withheld']['structures']} ({plan['withheld']['atoms']} atoms)",
        f"{plan['coefficients']} coefficients: {columns}",
        f"about {plan['memory_MB']} MB",
    ]
