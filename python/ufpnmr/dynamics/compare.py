"""Two sets of runs compared, in units of their combined error: the method of Kaiser & Egger 2024."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.comparison import Comparison
from ufpnmr.results.runs import RunAverage

__all__ = ["compare_runs"]

FloatArray = npt.NDArray[np.float64]

NESTED = ("lag",)
"""Grids that runs of another length share in part: compared at their common points."""


def compare_runs(
    reference: Mapping[str, RunAverage],
    other: Mapping[str, RunAverage],
    names: tuple[str, str] = ("reference", "other"),
) -> Comparison:
    """Compare two sets of runs, analysis by analysis.

    Parameters
    ----------
    reference, other : mapping of str to RunAverage
        Means over runs by name of the analysis ("rdf", "vdos", "angles PS4" ...). Names in only one are noted.
    names : (str, str)
        What to call the two sets.

    Returns
    -------
    Comparison
        Differences other - reference over √(sem² + sem²), for every curve and every number.

    Raises
    ------
    InputError
        Nothing in common, another analysis under one name, or other grids or settings (the message names the field).
        Only lags are cut to their common points.
    """
    shared = [name for name in reference if name in other]
    if not shared:
        raise InputError(
            f"nothing to compare: {names[0]} has {', '.join(reference) or 'nothing'}, "
            f"{names[1]} has {', '.join(other) or 'nothing'}"
        )
    notes = [f"{name}: only in {names[0]}" for name in reference if name not in other]
    notes += [f"{name}: only in {names[1]}" for name in other if name not in reference]
    numbers: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    stored: dict[str, dict[str, npt.NDArray[Any]]] = {"grid": {}, "reference": {}, "other": {}, "pull": {}}
    for name in shared:
        a, b = reference[name], other[name]
        if a.kind != b.kind:
            raise InputError(f"{name}: {names[0]} holds {a.kind}, {names[1]} {b.kind}; compare the same analysis")
        for setting, value in a.settings.items():
            if b.settings.get(setting) != value:
                raise InputError(
                    f"{name}: parameter {setting} is {value!r} in {names[0]} and {b.settings.get(setting)!r} in "
                    f"{names[1]}; analyse both alike"
                )
        numbers += [_number_row(name, quantity, a, b) for quantity in a.values if quantity in b.values]
        notes += [f"{name}: {quantity} only in one set" for quantity in a.values.keys() ^ b.values.keys()]
        kept, note = _common_grid(name, a, b)
        notes += [note] if note else []
        for axis in a.grid:
            stored["grid"][f"{name}.{axis}"] = a.grid[axis][kept[0]] if axis in NESTED else a.grid[axis]
        for curve in a.mean:
            mean_a, mean_b = (_cut(run.mean[curve], rows, run) for run, rows in zip((a, b), kept, strict=True))
            error_a, error_b = (_cut(run.sem[curve], rows, run) for run, rows in zip((a, b), kept, strict=True))
            with np.errstate(divide="ignore", invalid="ignore"):
                pull = (mean_b - mean_a) / np.hypot(error_a, error_b)
            pull[~np.isfinite(pull)] = np.nan
            pull[..., _outside(a)] = np.nan
            key = f"{name}.{curve}"
            stored["reference"][key], stored["other"][key], stored["pull"][key] = mean_a, mean_b, pull
            stored["reference"][f"{key}.std"] = _cut(a.std[curve], kept[0], a)
            stored["other"][f"{key}.std"] = _cut(b.std[curve], kept[1], b)
            curves += _curve_rows(name, curve, a, stored["grid"], mean_a, mean_b, pull)
    return Comparison(
        reference_name=names[0],
        other_name=names[1],
        numbers=numbers,
        curves=curves,
        notes=notes,
        provenance=collect(analysis="compare"),
        **stored,
    )


def _outside(run: RunAverage) -> Any:
    """Points of a spectrum outside the limits of its band centre: noise beyond the last mode is not compared."""
    limits = run.settings.get("limits_cm")
    if limits is None or "nu" not in run.grid:
        return slice(0, 0)
    nu = run.grid["nu"]
    return (nu < limits[0]) | (nu > limits[1])


def _common_grid(name: str, a: RunAverage, b: RunAverage) -> tuple[tuple[Any, Any], str | None]:
    """Rows of the nested grid to keep in each set, and what was cut."""
    kept: tuple[Any, Any] = (slice(None), slice(None))
    note = None
    for axis, values in a.grid.items():
        others = b.grid[axis]
        if values.shape == others.shape and (
            np.allclose(values, others, rtol=1e-6) if values.dtype.kind == "f" else bool((values == others).all())
        ):
            continue
        if axis not in NESTED:
            raise InputError(f"{name}: field {axis} differs between the sets; analyse both with the same options")
        scale = max(float(values.max()), float(others.max())) * 1e-9
        near = np.abs(values[:, None] - others) <= 1e-6 * values[:, None] + scale
        kept = (np.flatnonzero(near.any(axis=1)), np.argmax(near, axis=1)[near.any(axis=1)])
        if len(kept[0]) < 2:
            raise InputError(f"{name}: the sets share no {axis}; write frames at the same interval")
        note = f"{name}: compared at the {len(kept[0])} values of {axis} that both sets have"
    return kept, note


def _cut(values: FloatArray, rows: Any, run: RunAverage) -> FloatArray:
    return np.asarray(values[rows] if any(axis in NESTED for axis in run.grid) else values)


def _number_row(analysis: str, quantity: str, a: RunAverage, b: RunAverage) -> dict[str, Any]:
    first, second = a.values[quantity], b.values[quantity]
    difference = combined = pull = None
    if first.value is not None and second.value is not None:
        difference = second.value - first.value
        combined = _both(first, second)
        pull = difference / combined if combined else None
    return {
        "analysis": analysis,
        "quantity": quantity,
        "unit": first.unit,
        "reference": first.value,
        "reference_std_error": first.std_error,
        "reference_status": first.status,
        "other": second.value,
        "other_std_error": second.std_error,
        "other_status": second.status,
        "difference": difference,
        "combined_std_error": combined,
        "pull": pull,
    }


def _both(a: Record, b: Record) -> float | None:
    if a.std_error is None or b.std_error is None:
        return None
    combined = math.hypot(a.std_error, b.std_error)
    return combined if math.isfinite(combined) else None


def _curve_rows(
    analysis: str,
    curve: str,
    run: RunAverage,
    grid: Mapping[str, npt.NDArray[Any]],
    a: FloatArray,
    b: FloatArray,
    pull: FloatArray,
) -> list[dict[str, Any]]:
    """One row per curve: pairs and elements apart, maps whole."""
    axes = {axis: grid[f"{analysis}.{axis}"] for axis in run.grid}
    labels = next((values for values in axes.values() if values.dtype.kind == "U"), None)
    floats = {axis: values for axis, values in axes.items() if values.dtype.kind != "U"}
    if labels is not None:
        return [
            _summary(analysis, curve, "-".join(np.atleast_1d(label)), floats, a[row], b[row], pull[row])
            for row, label in enumerate(labels)
        ]
    return [_summary(analysis, curve, "", floats, a, b, pull)]


def _summary(
    analysis: str,
    curve: str,
    label: str,
    axes: Mapping[str, FloatArray],
    a: FloatArray,
    b: FloatArray,
    pull: FloatArray,
) -> dict[str, Any]:
    found = np.isfinite(pull)
    both = np.isfinite(a) & np.isfinite(b)
    total = float((np.abs(a) + np.abs(b))[both].sum())
    row: dict[str, Any] = {
        "analysis": analysis,
        "curve": curve,
        "label": label,
        "rms_pull": None,
        "largest_pull": None,
        "at": {},
        "beyond_two": None,
        "overlap": 1 - float(np.abs(a - b)[both].sum()) / total if total > 0 else None,
    }
    if found.any():
        place = np.unravel_index(int(np.nanargmax(np.abs(pull))), pull.shape)
        at = _place(pull.shape, place, axes)
        row.update(
            rms_pull=float(np.sqrt(np.mean(pull[found] ** 2))),
            largest_pull=float(pull[place]),
            at=at,
            beyond_two=float((np.abs(pull[found]) > 2).mean()),
        )
    return row


def _place(shape: tuple[int, ...], place: tuple[Any, ...], axes: Mapping[str, FloatArray]) -> dict[str, float]:
    """Values of the axes at a point of a curve: axes of a map in their order, of a line the one that fits."""
    fitting = [(name, values) for name, values in axes.items() if len(values) in shape]
    if len(shape) == 1:
        fitting = [(name, values) for name, values in fitting if len(values) == shape[0]][:1]
    return {name: float(values[k]) for k, (name, values) in zip(place, fitting, strict=False)}
