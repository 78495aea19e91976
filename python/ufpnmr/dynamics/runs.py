"""Averages over independent runs (Kaiser & Egger 2024: five runs per system, the band is the standard deviation)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.pooling import POOLED, combined_error, error_source
from ufpnmr.dynamics.rates import finite
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.runs import Averageable, RunAverage

__all__ = ["average_runs"]

FloatArray = npt.NDArray[np.float64]

MISMATCH = 0.01
BLOCK_DOF = 9
POSITIVE_UNITS = ("cm2/s", "s^-1", "mS/cm")
"""Diffusion coefficients, rates and conductivities cannot be negative: their intervals are log-t."""


def average_runs(results: Sequence[Averageable]) -> RunAverage:
    """Average results of the same analysis of independent runs.

    Parameters
    ----------
    results : sequence of results
        One per run, of one class, on the same grid and with the same settings.

    Returns
    -------
    RunAverage

    Raises
    ------
    InputError
        No result, results of different analyses, another grid or setting (the message names the field). Nothing is
        interpolated.

    Notes
    -----
    The standard deviation uses S - 1. With five or more runs the standard error is std/√S; with two to four it is the
    larger of that and √(Σ se²)/S of the errors from time blocks; with one run the latter alone. Numbers get the
    interval mean ± t_{S-1} times their standard error s, or mean exp(± t_{S-1} s/mean) where they cannot be negative.
    Diffusion coefficients, hop rates and what belongs to them are pooled (`ufpnmr.dynamics.pooling`): a run with too
    few hops to claim a rate still adds its hops and its time.
    """
    if not results:
        raise InputError("expected at least one run, found none")
    first = results[0]
    for number, result in enumerate(results[1:], start=2):
        _same(first, result, number)
    mean, std, sem = {}, {}, {}
    for name, error in first.curves.items():
        of_runs = np.array([np.asarray(getattr(result, name), dtype=np.float64) for result in results])
        errors = np.array([np.asarray(getattr(result, error), dtype=np.float64) for result in results])
        mean[name] = of_runs.mean(axis=0)
        std[name] = of_runs.std(axis=0, ddof=1) if len(results) > 1 else np.full(of_runs.shape[1:], np.nan)
        sem[name] = combined_error(of_runs, errors)
    values, run_values, notes = _numbers(results)
    notes += _choices(results)
    return RunAverage(
        kind=first.schema,
        n_runs=len(results),
        values=values,
        run_values=run_values,
        settings={name: first.parameters.get(name) for name in first.settings},
        notes=notes,
        grid={name: np.asarray(getattr(first, name)) for name in first.grid},
        mean=mean,
        std=std,
        sem=sem,
        provenance=collect(analysis="average of runs", sources=[_source(result) for result in results]),
    )


def _same(first: Averageable, other: Averageable, number: int) -> None:
    if first.schema != other.schema:
        raise InputError(f"run {number}: expected a {first.schema} result as in run 1, found {other.schema}")
    for name in first.grid:
        a, b = np.asarray(getattr(first, name)), np.asarray(getattr(other, name))
        equal = a.shape == b.shape and (
            np.allclose(a, b, rtol=1e-9, atol=1e-12) if a.dtype.kind == "f" else bool((a == b).all())
        )
        if not equal:
            raise InputError(
                f"run {number}: field {name} differs from that of run 1; analyse both with the same options"
            )
    for name in first.settings:
        value, found = first.parameters.get(name), other.parameters.get(name)
        if value != found:
            raise InputError(
                f"run {number}: parameter {name} is {found!r}, in run 1 it is {value!r}; analyse both alike"
            )


def _numbers(
    results: Sequence[Averageable],
) -> tuple[dict[str, Record], dict[str, list[float | None]], list[str]]:
    names = list(dict.fromkeys(name for result in results for name in result.records))
    values: dict[str, Record] = {}
    run_values: dict[str, list[float | None]] = {}
    notes: list[str] = []
    pooled = POOLED[results[0].schema](results) if len(results) > 1 and results[0].schema in POOLED else {}
    for name in names:
        found = [result.records.get(name) for result in results]
        run_values[name] = [None if record is None else record.value for record in found]
        there = [record for record in found if record is not None]
        values[name] = there[0] if len(results) == 1 else pooled.get(name) or _average(there, len(results))
        ratio = _scatter(there)
        if ratio is not None:
            notes.append(
                f"{name}: runs scatter {math.sqrt(ratio):.1f} times as much as their time blocks say (F test, 1 %)"
            )
    return values, run_values, notes


def _choices(results: Sequence[Averageable]) -> list[str]:
    """Say what each run chose by itself and may differ: the radius of its hops."""
    radii = [found["outer_radius"] for found in (result.parameters for result in results) if "outer_radius" in found]
    if len(radii) < 2 or min(radii) == max(radii):
        return []
    return [f"outer radius of the hops: {min(radii):.2f} to {max(radii):.2f} Å, each run from its own plateau"]


def _average(records: Sequence[Record], n_runs: int) -> Record:
    unit = records[0].unit
    claimed = [record for record in records if record.value is not None]
    if len(claimed) < n_runs:
        status = next((record.status for record in records if record.value is None), "too_few_events")
        return Record(None, unit, f"mean of runs; claimed by {len(claimed)} of {n_runs} runs", status=status)
    numbers = np.array([record.value for record in claimed])
    errors = np.array([math.nan if record.std_error is None else record.std_error for record in claimed])
    error = float(combined_error(numbers, errors))
    positive = unit in POSITIVE_UNITS
    mean, low, high, _ = statistics.student_interval(float(numbers.mean()), error, n_runs - 1, positive)
    scale = "log-t" if positive else "t"
    return Record(
        mean,
        unit,
        f"mean of {n_runs} runs; standard error from {error_source(n_runs)}; 95 %: {scale} over runs",
        low,
        finite(high),
        error,
        n_eff=n_runs,
    )


def _scatter(records: Sequence[Record]) -> float | None:
    """Variance over runs over the mean variance of their block errors, if it is too large at the 1 % level."""
    from scipy import special

    pairs = [(r.value, r.std_error) for r in records if r.value is not None and r.std_error]
    if len(pairs) < 2:
        return None
    values, errors = np.array(pairs).T
    ratio = float(values.var(ddof=1) / (errors**2).mean())
    tail = float(special.fdtrc(len(pairs) - 1, BLOCK_DOF * len(pairs), ratio))
    return ratio if tail < MISMATCH else None


def _source(result: Any) -> str:
    return str(result.provenance.get("parameters", {}).get("source", ""))
