"""The record of a fit as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["markdown"]


def markdown(record: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """Return the report of a fit.

    Parameters
    ----------
    record : dict
        `Fit.record`.
    figures : dict
        Caption -> file name, relative to the report.
    """
    parts = [f"# {record['title']}", _summary(record)]
    parts += [f"![{caption}]({name})\n\n*{caption}*" for caption, name in figures.items()]
    for key, title in (
        ("test_by_config_type", "Withheld structures"),
        ("cross_validation_by_config_type", "Cross-validation"),
        ("train_by_config_type", "Training structures"),
    ):
        if record.get(key):
            parts += [f"## {title}", _errors(record[key], record[key.removesuffix("_by_config_type")])]
    if record["calibration"]:
        parts += ["## Uncertainty", _calibration(record)]
    if record.get("search"):
        parts += ["## Choice of the regularisation", _search(record["search"])]
    if record.get("learning_curve"):
        parts += ["## Learning curve", _learning_curve(record["learning_curve"])]
    parts += ["## Coverage and repulsive core", _coverage(record)]
    if record["notes"]:
        parts += ["## Notes of the solution", "\n".join(f"- {note}" for note in record["notes"])]
    return "\n\n".join(parts) + "\n"


def _summary(record: Mapping[str, Any]) -> str:
    train, strength = record["train"], record["regularisation"]
    sigma = record["sigma"]
    noise = [f"energy {sigma['energy']:g} eV/atom", f"forces {sigma['forces']:g} eV/Å"]
    noise += [f"virial {sigma['stress']:g} eV/atom"] if "stress" in sigma else ["stresses not used"]
    ridge = ", ".join(f"{order}-body {value:g}" for order, value in strength["ridge"].items())
    curvature = ", ".join(f"{order}-body {value:g}" for order, value in strength["curvature"].items())
    return "\n".join(
        [
            f"{train['structures']} training structures ({train['atoms']} atoms) of {' '.join(record['elements'])}, "
            f"{sum(record['columns'].values())} free coefficients. Assumed noise: {', '.join(noise)}. "
            f"Ridge (1/eV²): {ridge}. Curvature (1/eV²): {curvature}; form `{strength['form']}`.",
            "",
            "Root-mean-square errors: energy in meV/atom, force components in meV/Å, stress in GPa.",
        ]
    )


def _errors(by_type: Mapping[str, Any], everything: Mapping[str, Any]) -> str:
    elements = list(everything["force_rmse_by_element"])
    header = ["configurations", "structures", "atoms", "energy", "forces", "rms force", *elements, "stress"]
    rows = []
    for name, e in [*by_type.items(), ("**all**", everything)]:
        row: list[object] = [name, e["structures"], e["atoms"], _number(e["energy_rmse"]), _number(e["force_rmse"])]
        row.append(_number(e["force_rms_label"]))
        row += [_number(e["force_rmse_by_element"].get(element)) for element in elements]
        rows.append([*row, _number(e["stress_rmse"])])
    return _table(header, rows)


def _calibration(record: Mapping[str, Any]) -> str:
    rows = [
        [
            kind,
            f"{c['factor']:.2f}",
            f"{c['floor']:.3g}",
            f"{c['within_one']:.1%}",
            f"{c['within_two']:.1%}",
            c["count"],
        ]
        for kind, c in record["calibration"].items()
    ]
    return "\n\n".join(
        [
            "Standard deviations of the posterior times the factor, plus the floor in quadrature, judged on structures "
            "that the fit did not see; Gaussian errors would be within one in 68.3 % and within two in 95.4 %.",
            _table(["label", "factor", "floor", "within 1 σ", "within 2 σ", "labels"], rows),
        ]
    )


def _search(search: Mapping[str, Any]) -> str:
    rows = []
    for candidate in search["table"]:
        strengths = candidate["regularisation"]
        row: list[object] = [f"{value:g}" for kind in ("ridge", "curvature") for value in strengths[kind].values()]
        error = "singular" if candidate["error"] is None else f"{candidate['error']:.4f}"
        spread = "" if candidate["error"] is None else f"{candidate['standard_error']:.4f}"
        rows.append([*row, error, spread])
    first = search["table"][0]["regularisation"]
    names = [f"{kind} {order}-body" for kind in ("ridge", "curvature") for order in first[kind]]
    return "\n\n".join(
        [
            f"Mean squared withheld residual in units of the assumed noise, {search['folds']} folds by group; chosen "
            f"by the rule {search['rule']}.",
            _table([*names, "error", "standard error"], rows),
        ]
    )


def _learning_curve(curve: Sequence[Mapping[str, Any]]) -> str:
    rows = [[point["structures"], f"{point['error']:.4f}"] for point in curve]
    return _table(["structures", "mean squared withheld residual / noise²"], rows)


def _coverage(record: Mapping[str, Any]) -> str:
    rows = []
    for name, c in record["coverage"].items():
        closest = "none" if c["closest"] is None else f"{c['closest']:.3f}"
        row = [name, closest, "of the prior", 0, "", " ".join(map(str, c["counts"]))]
        if name in record["repulsive_core"]:
            core = record["repulsive_core"][name]
            row[2] = "none" if core["start"] is None else f"{core['start']:.3f}"
            row[3] = core["changed"]
            row[4] = ", ".join(f"{low:.2f} to {high:.2f}" for low, high in core["attractive"]) or "nowhere"
        rows.append(row)
    header = ["pair", "closest, Å", "core below, Å", "coefficients set", "attracts below it", "bonds per knot interval"]
    return _table(header, rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
