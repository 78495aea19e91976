"""``ufp efg fit`` and ``ufp efg eval``: train a model of field gradients and judge it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, say
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.efg.dataset import Dataset
    from ufpnmr.efg.evaluation import Evaluation
    from ufpnmr.efg.fit_config import FitConfig
    from ufpnmr.efg.train import Training

_MODEL = "MODEL.efg"


@click.command()
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Model to write (NAME.efg).")
@click.option("--force", is_flag=True, help="Overwrite existing output files.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="OpenMP threads; 0 follows OMP_NUM_THREADS.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, say what would be trained; write nothing.")
@json_option
def fit(file: Path, output: Path | None, force: bool, threads: int, dry_run: bool, as_json: bool) -> int:
    """Train a model of field gradients on labelled structures (extxyz with efg:R:9, or magres).

    Writes NAME.efg, NAME-efg.fit.json, NAME-efg.fit.md and figures. Everything is written at the end; an interrupted
    fit leaves nothing. With `property = "NAME"` under [model] it learns that per-atom number instead (λ = 0) and
    writes the model and NAME-efg.fit.json.

    \b
    ufp efg fit efg.toml -o LPS.efg
    ufp efg fit efg.toml --dry-run
    """
    from ufpnmr.efg.dataset import read_dataset
    from ufpnmr.efg.evaluation import evaluate as judge
    from ufpnmr.efg.fit_config import read_config
    from ufpnmr.efg.train import train
    from ufpnmr.isotopes import isotope

    config = read_config(file)
    if config.model.property != "efg":
        return _fit_scalar(config, file, output, force, threads, dry_run, as_json)
    dataset = read_dataset(config)
    if dry_run:
        plan = _plan(config, dataset)
        click.echo(json.dumps(plan, indent=1) if as_json else "\n".join(f"{k}: {v}" for k, v in plan.items()))
        return 0
    if output is None or output.suffix != ".efg":
        raise InputError(f"expected -o NAME.efg for the model, found {output or 'none'}")
    paths = _paths(_report(output), ".fit", config.report.learning_curve)
    _writable([output, *paths.values()], force)
    for text in dataset.outliers:
        say(f"outlier: {text}")
    result = train(config, dataset, threads=threads, say=say)
    spin = isotope(config.report.isotope, config.report.quadrupole_moment)
    evaluation = None
    if dataset.test:
        evaluation = judge(result.model, dataset.test, spin, samples=config.report.bootstrap, seed=config.seed)
    document = _write(config.title, result, evaluation, paths, [file, *config.data.train, *config.data.test], spin)
    _write_model(result, evaluation, document, output, force)
    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        click.echo("\n".join(_summary(result, evaluation, output)))
    return 0


def _fit_scalar(
    config: FitConfig, file: Path, output: Path | None, force: bool, threads: int, dry_run: bool, as_json: bool
) -> int:
    """Train a model of a per-atom number."""
    from ufpnmr import provenance
    from ufpnmr.efg.scalar_fit import read_scalars, train_scalar
    from ufpnmr.results.storage import write_text_atomically

    train, test = read_scalars(config)
    if dry_run:
        plan = {"property": config.model.property, "structures": len(train), "labels": sum(len(s.y) for s in train)}
        click.echo(json.dumps(plan, indent=1) if as_json else "\n".join(f"{k}: {v}" for k, v in plan.items()))
        return 0
    if output is None or output.suffix != ".efg":
        raise InputError(f"expected -o NAME.efg for the model, found {output or 'none'}")
    report = _report(output).with_suffix(".fit.json")
    _writable([output, report], force)
    model = train_scalar(config, train, test, threads=threads, say=say)
    inputs = [file, *config.data.train, *config.data.test]
    document = {"schema": "ufpnmr.ScalarFit", **model.training, "provenance": provenance.collect(inputs)}
    write_text_atomically(report, json.dumps(document, indent=1) + "\n")
    model.write(output, force=force)
    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        for name in ("cross_validation", "withheld"):
            if name in document:
                click.echo(
                    f"{name}: RMSE {document[name]['rmse']:.4g} {model.unit}, {document[name]['r2']:.4f} of the "
                    "variance explained"
                )
        click.echo(f"model: {output}")
    return 0


@click.command(name="eval")
@click.argument("model_file", metavar=_MODEL, type=click.Path(path_type=Path))
@click.argument("structures", metavar="DATA...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Report (NAME.json), with figures."
)
@click.option("--force", is_flag=True, help="Overwrite existing output files.")
@click.option(
    "--isotope", "isotope_name", default="7Li", show_default=True, help="Whose quadrupole moment sets the kHz."
)
@click.option("--quadrupole-moment", type=float, help="mb, with its sign.  [default: that of the isotope]")
@click.option("--efg-units", type=click.Choice(["au", "V/Ang^2"]), help="Unit of extxyz files that do not say it.")
@click.option("--coordination", metavar="EL:RADIUS", help="Also by the number of such neighbours (Å), e.g. S:3.3.")
@click.option(
    "--bootstrap", type=click.IntRange(min=20), default=400, show_default=True, help="Resamples of structures."
)
@json_option
def evaluate(
    model_file: Path,
    structures: tuple[Path, ...],
    output: Path | None,
    force: bool,
    isotope_name: str,
    quadrupole_moment: float | None,
    efg_units: str | None,
    coordination: str | None,
    bootstrap: int,
    as_json: bool,
) -> int:
    """Judge a model on labelled structures that it has not been trained on.

    Prints errors of ω_Q, C_Q, η and the tensors with 95 % intervals; with -o also writes NAME.json, NAME.md and figures
    (ω_Q parity with the band of ±10 kHz, distribution of the quaternion scores).

    \b
    ufp efg eval LPS.efg test.extxyz
    ufp efg eval LPS.efg castep/*.magres -o test.json --coordination S:3.3
    """
    from ufpnmr.efg.evaluation import evaluate as judge
    from ufpnmr.efg.labels import read_tensors
    from ufpnmr.efg.model import EFGModel
    from ufpnmr.efg.report import metrics_lines
    from ufpnmr.isotopes import isotope

    if output is not None and output.suffix != ".json":
        raise InputError(f"expected -o NAME.json for the report, found {output}")
    paths = {} if output is None else _paths(output, "", False)
    _writable(list(paths.values()), force)
    model = EFGModel.read(model_file)
    read = [s for path in structures for s in read_tensors(path, model.centres, units=efg_units)]
    spin = isotope(isotope_name, quadrupole_moment)
    result = judge(model, read, spin, samples=bootstrap, coordination=_coordination(coordination))
    document = result.record
    if output is not None:
        title = f"{model_file.name} on withheld structures"
        document = _write(title, None, result, paths, [model_file, *structures], spin)
    click.echo(json.dumps(document, indent=1) if as_json else "\n".join(metrics_lines(result.record)))
    return 0


def _coordination(text: str | None) -> dict[str, float]:
    if text is None:
        return {}
    element, _, radius = text.partition(":")
    try:
        return {element: float(radius)}
    except ValueError:
        raise InputError(f"--coordination: expected ELEMENT:RADIUS such as S:3.3, found {text!r}") from None


def _report(model: Path) -> Path:
    """Return the name of a report that may stand beside that of a potential of the same name."""
    return model.with_name(f"{model.stem}-efg.efg")


def _paths(output: Path, suffix: str, curve: bool) -> dict[str, Path]:
    names = {"json": ".json", "markdown": ".md", "parity": ".omega_q.svg", "scores": ".quaternions.svg"}
    if curve:
        names["curve"] = ".learning_curve.svg"
    return {
        name: output.with_name(output.stem + (suffix if name in ("json", "markdown") else "") + ending)
        for name, ending in names.items()
    }


def _writable(paths: Sequence[Path], force: bool) -> None:
    for path in paths:
        if path.exists() and not force:
            raise InputError(f"{path} exists; give another name or --force to overwrite")
        if not path.parent.is_dir():
            raise InputError(f"{path.parent}: no such folder; create it first")


def _write(
    title: str,
    training: Training | None,
    evaluation: Evaluation | None,
    paths: dict[str, Path],
    inputs: Sequence[Path],
    isotope: Any,
) -> dict[str, Any]:
    """Write report and figures; return the document."""
    from ufpnmr import plots, provenance
    from ufpnmr.efg.metrics import TensorErrors
    from ufpnmr.efg.report import markdown
    from ufpnmr.results.storage import write_text_atomically

    if evaluation is not None:
        errors, what = evaluation.errors, "withheld structures"
    else:
        assert training is not None
        what = "training structures, each predicted without its fold"
        errors = TensorErrors.compare(training.predicted, training.reference, isotope.quadrupole_moment_mb)
    captions = {f"ω_Q of {what}": paths["parity"].name, f"Principal axes of {what}": paths["scores"].name}
    kinds = evaluation.kinds if evaluation is not None else {}
    sites = {name: mask for name, mask in kinds.items() if not name.startswith(("configuration", "centre"))}
    plots.save(plots.omega_q_parity(errors, isotope=isotope.name, kinds=sites or None), paths["parity"])
    plots.save(plots.quaternion_scores(errors), paths["scores"])
    record = training.record if training is not None else None
    if record is not None and "curve" in paths:
        plots.save(plots.tensor_learning_curve(record["learning_curve"]), paths["curve"])
        captions["Error against the number of training environments"] = paths["curve"].name
    document: dict[str, Any] = {
        "schema": "ufpnmr.efg_report",
        "schema_version": 1,
        "title": title,
        **({"training": record} if record is not None else {}),
        **({"evaluation": evaluation.record} if evaluation is not None else {}),
        "provenance": provenance.collect(inputs),
    }
    write_text_atomically(paths["json"], json.dumps(document, indent=1) + "\n")
    text = markdown(title, record, evaluation.record if evaluation is not None else None, captions)
    write_text_atomically(paths["markdown"], text)
    return document


def _write_model(
    training: Training, evaluation: Evaluation | None, document: dict[str, Any], output: Path, force: bool
) -> None:
    """Write the model last: where it stands, its companions are there."""
    import dataclasses

    metrics = evaluation.record["metrics"] if evaluation is not None else training.record["cross_validation"]
    folds = training.record["folds"]["count"]
    method = "withheld groups" if evaluation is not None else f"{folds}-fold cross-validation"
    model = dataclasses.replace(
        training.model,
        error={**metrics, "method": method},
        metadata={**training.model.metadata, "provenance": document["provenance"]},
    )
    model.write(output, force=force)


def _summary(training: Training, evaluation: Evaluation | None, output: Path) -> list[str]:
    rows = {"cross-validation": training.record["cross_validation"]}
    if evaluation is not None:
        rows["withheld"] = evaluation.record["metrics"]
        if "point_charges" in evaluation.record:
            rows["point charges"] = evaluation.record["point_charges"]
        if "baseline" in evaluation.record:
            rows["baseline alone"] = evaluation.record["baseline"]
    lines = [
        f"{name:<17} relative tensor RMSE {m['relative_tensor_rmse']:.2%}, MAE of ω_Q {m['mae_omega_q_xyz_khz']:.2f} "
        f"kHz (rms {m['rms_omega_q_khz']:.1f}), quaternion scores ≥ 0.9 {m['score_d2_above_0.9']:.1%} (D2), "
        f"{m['score_raw_above_0.9']:.1%} (raw)"
        for name, m in rows.items()
    ]
    return [*lines, *(f"note              {note}" for note in training.record["notes"]), f"model             {output}"]


def _plan(config: FitConfig, dataset: Dataset) -> dict[str, Any]:
    from ufpnmr.efg.fit_config import candidates

    count = sum(len(s.centres) for s in dataset.train)
    return {
        "title": config.title,
        "train": f"{len(dataset.train)} structures, {count} labels, {len({s.group for s in dataset.train})} groups",
        "withheld": f"{len(dataset.test)} structures, {sum(len(s.centres) for s in dataset.test)} labels",
        "species": " ".join(dataset.species),
        "centres": " ".join(config.model.centres),
        "baseline": f"{config.baseline.kind}, {'subtracted' if config.baseline.subtract else 'not subtracted'}",
        "outliers": len(dataset.outliers),
        "hyperparameters to try": len(candidates(config)),
        "regularisations to try": len(config.solver.regularisation),
        "scratch_MB": round(8e-6 * count * (5 * config.model.tensors + config.model.invariants), 1),
    }
