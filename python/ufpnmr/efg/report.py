"""The record of a training or an evaluation as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["markdown", "metrics_lines"]

_METRICS = (
    ("relative_tensor_rmse", "relative tensor RMSE", "%"),
    ("mae_omega_q_khz", "MAE of ω_Q, all field directions", "kHz"),
    ("rmse_omega_q_khz", "RMSE of ω_Q, all field directions", "kHz"),
    ("rms_omega_q_khz", "rms of the reference ω_Q", "kHz"),
    ("relative_mae_omega_q", "MAE / rms of ω_Q", "%"),
    ("mae_omega_q_xyz_khz", "MAE of ω_Q, mean of B0∥x, y, z", "kHz"),
    ("mae_omega_q_x_khz", "MAE of ω_Q, B0∥x", "kHz"),
    ("mae_omega_q_y_khz", "MAE of ω_Q, B0∥y", "kHz"),
    ("mae_omega_q_z_khz", "MAE of ω_Q, B0∥z", "kHz"),
    ("fraction_within_10_khz", "ω_Q (x, y, z) within ±10 kHz", "%"),
    ("mae_cq_khz", "MAE of abs(C_Q)", "kHz"),
    ("rmse_cq_khz", "RMSE of abs(C_Q)", "kHz"),
    ("mae_eta", "MAE of η", ""),
    ("correlation", "correlation of the components", ""),
    ("cosine_mean", "tensor cosine, mean", ""),
    ("cosine_5_percent", "tensor cosine, 5 % quantile", ""),
    ("score_d2_above_0.9", "quaternion score (D2) ≥ 0.9", "%"),
    ("score_raw_above_0.9", "quaternion score (raw) ≥ 0.9", "%"),
)
_SHORT = ("relative_tensor_rmse", "mae_omega_q_xyz_khz", "mae_cq_khz", "score_d2_above_0.9", "score_raw_above_0.9")


def markdown(
    title: str,
    training: Mapping[str, Any] | None,
    evaluation: Mapping[str, Any] | None,
    figures: Mapping[str, str],
) -> str:
    """Return a report.

    Parameters
    ----------
    title : str
    training : mapping or None
        `ufpnmr.efg.train.Training.record`.
    evaluation : mapping or None
        `ufpnmr.efg.evaluation.Evaluation.record`.
    figures : mapping
        Caption -> file name, relative to the report.
    """
    parts = [f"# {title}"]
    if training is not None:
        parts.append(_training(training))
    parts += [f"![{caption}]({name})\n\n*{caption}*" for caption, name in figures.items()]
    if evaluation is not None:
        parts += ["## Withheld structures", _evaluation(evaluation)]
        if evaluation["by_kind"]:
            parts += ["## By kind", _kinds(evaluation["by_kind"])]
        if "uncertainty" in evaluation:
            parts += ["## Uncertainty", _uncertainty(evaluation["uncertainty"])]
    if training is not None:
        parts += ["## Cross-validation", _columns({"": training["cross_validation"]}, {})]
        parts += ["## Choice of the regularisation", _scan(training)]
        if len(training["grid"]) > 1:
            parts += ["## Grid", _grid(training["grid"])]
        if "learning_curve" in training:
            parts += ["## Learning curve", _curve(training["learning_curve"])]
        remarks = [*training["notes"], *(f"outlier: {text}" for text in training.get("outliers", []))]
        if remarks:
            parts += ["## Notes", "\n".join(f"- {note}" for note in remarks)]
    return "\n\n".join(parts) + "\n"


def metrics_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """Return the metrics of an evaluation as lines for a terminal, with intervals where there are any."""
    intervals = evaluation.get("intervals_95", {})
    lines = [f"{evaluation['structures']} structures, {evaluation['environments']} labels, {evaluation['isotope']}"]
    for name, text, unit in _METRICS:
        value = _text(evaluation["metrics"][name], unit)
        between = f"  ({_interval(intervals[name], unit)})" if name in intervals else ""
        lines.append(f"{text:<36} {value:>10}{between}")
    return lines


def _training(record: Mapping[str, Any]) -> str:
    d, solver = record["descriptor"], record["solver"]
    how = f"{solver['iterations']} iterations" if solver["method"] == "primal" else f"{solver['active']} active"
    scaling = "none" if d["scaling"] is None else f"r0 {d['scaling'][0]:g} Å, exponent {d['scaling'][1]:g}"
    charges = ", ".join(f"{name} {charge:+.3f}" for name, charge in record["point_charges"].items())
    return (
        f"{record['environments']} labels at {' '.join(record['centres'])} in {record['structures']} structures of "
        f"{' '.join(record['species'])} ({record['groups']} groups). λ-SOAP: {d['basis']}, cutoff {d['cutoff']:g} Å "
        f"(width {d['width']:g} Å), σ {d['sigma']:g} Å, n_max {d['n_max']}, l_max {d['l_max']}, scaling {scaling}. "
        f"{record['features']['tensors']} λ = 2 and {record['features']['invariants']} λ = 0 features, ζ = "
        f"{record['zeta']}, noise variance {record['regularisation']:g} of the mean square of a label component "
        f"(rms {record['label_scale']:.3g} V/Å²); solver {solver['method']}, {how}. Point charges fitted to the same "
        f"labels (e): {charges}.{_baseline(record.get('baseline'))}"
    )


def _baseline(record: Mapping[str, Any] | None) -> str:
    if record is None:
        return ""
    bonds = ", ".join(
        f"{bond['centre']}-{bond['ligand']} ({bond['found']}, mean {bond['length']:.3f} Å)" for bond in record["bonds"]
    )
    metrics, alone = record["cross_validation"], record["ligands_without_centre"]
    return (
        f" Polarisable baseline: {record['columns']} columns, ridge {record['regularisation']:g}, bonds {bonds}; "
        f"{alone} ligands without a centre in {record['structures_with_such']} structures; cross-validated relative "
        f"tensor RMSE {metrics['relative_tensor_rmse']:.2%}, MAE of ω_Q {metrics['mae_omega_q_xyz_khz']:.2f} kHz."
    )


def _evaluation(record: Mapping[str, Any]) -> str:
    columns = {"model": record["metrics"]}
    if "point_charges" in record:
        columns["point charges"] = record["point_charges"]
    if "baseline" in record:
        columns["baseline alone"] = record["baseline"]
    head = f"{record['environments']} labels in {record['structures']} structures; kHz for {record['isotope']}."
    return f"{head}\n\n{_columns(columns, record.get('intervals_95', {}))}"


def _columns(columns: Mapping[str, Mapping[str, float]], intervals: Mapping[str, Sequence[float]]) -> str:
    header = ["", *columns] + (["95 %"] if intervals else [])
    rows = []
    for name, text, unit in _METRICS:
        row = [text, *(_text(values[name], unit) for values in columns.values())]
        rows.append([*row, _interval(intervals[name], unit)] if intervals else row)
    return _table(header, rows)


def _kinds(kinds: Mapping[str, Mapping[str, float]]) -> str:
    names = {name: (text, unit) for name, text, unit in _METRICS}
    header = ["", "labels", "mean abs(C_Q)", "reference", *(names[name][0] for name in _SHORT)]
    rows = [
        [
            kind,
            values["environments"],
            _text(values["mean_cq_khz"], "kHz"),
            _text(values["mean_cq_reference_khz"], "kHz"),
            *(_text(values[name], names[name][1]) for name in _SHORT),
        ]
        for kind, values in kinds.items()
    ]
    return _table(header, rows)


def _uncertainty(u: Mapping[str, float]) -> str:
    return (
        f"Calibrated spread of the committee: {u['within_68']:.1%} of the components within 1 σ (68.3 % for Gaussian "
        f"errors), {u['within_95']:.1%} within 2 σ (95.4 %); mean log-likelihood {u['mean_log_likelihood']:.3f} per "
        f"component; largest σ {u['largest_relative_deviation']:.2f} of the rms component."
    )


def _scan(record: Mapping[str, Any]) -> str:
    rows = []
    for point in record["scan"]:
        folds = ", ".join(f"{100 * error:.1f}" for error in point["by_fold"])
        rows.append([f"{point['regularisation']:g}", _text(point["relative_tensor_rmse"], "%"), folds])
    return _table(["noise variance", "relative tensor RMSE", f"{record['folds']['count']} folds"], rows)


def _grid(table: Sequence[Mapping[str, Any]]) -> str:
    names = ("cutoff", "sigma", "n_max", "l_max", "scaling", "zeta", "regularisation")
    rows = [[*(point[name] for name in names), _text(point["relative_tensor_rmse"], "%")] for point in table]
    return _table([*names, "relative tensor RMSE"], rows)


def _curve(curve: Sequence[Mapping[str, Any]]) -> str:
    rows = [[f"{point['environments']:.0f}", _text(point["relative_tensor_rmse"], "%")] for point in curve]
    return _table(["training environments", "relative tensor RMSE, cross-validated"], rows)


def _interval(ends: Sequence[float], unit: str) -> str:
    low, high = (_text(value, unit).removesuffix(f" {unit}") for value in ends)
    return f"{low} to {high}"


def _text(value: float, unit: str) -> str:
    if unit == "%":
        return f"{100 * value:.2f} %" if value < 0.1 else f"{100 * value:.1f} %"
    text = f"{value:.3f}" if abs(value) < 10 and not unit else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{text} {unit}".rstrip()


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
