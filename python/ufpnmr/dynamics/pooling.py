"""Diffusion coefficients, hop rates and site rates of several runs together: events and slopes are pooled, not means.

A run too short to claim a number still counts: its events and its time enter the sums.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.blocks import frame_blocks
from ufpnmr.dynamics.diffusion import FEW_HOPS, TOO_FEW_HOPS
from ufpnmr.dynamics.hop_rates import short_stays_corrected
from ufpnmr.dynamics.rates import event_rate, finite, halves_differ, judge_count
from ufpnmr.results import Record
from ufpnmr.results.hops import HopResult
from ufpnmr.results.msd import MSDResult
from ufpnmr.results.sites import TRANSIT, SiteLabels
from ufpnmr.units import ANGSTROM2_PER_PS_IN_CM2_PER_S, PER_PS_IN_PER_S

__all__ = [
    "ENOUGH_RUNS",
    "POOLED",
    "combined_error",
    "error_source",
    "pooled_diffusion",
    "pooled_hops",
    "pooled_rate",
    "pooled_ratio",
    "pooled_sites",
]

FloatArray = npt.NDArray[np.float64]

FEW_CHANGES = 20
"""Below so many changes of site, populations are those of the starting structures."""
ENOUGH_RUNS = 5
"""From so many runs on, their scatter alone gives the error."""


def combined_error(values: FloatArray, errors: FloatArray) -> FloatArray:
    """Return the standard error of the mean (...) of values (S, ...) of runs with block errors (S, ...).

    Five runs or more: sd/√S. Two to four: the larger of that and √(Σ se²)/S. One: its own.
    """
    within = np.sqrt((errors**2).sum(axis=0)) / len(values)
    if len(values) == 1:
        return np.asarray(within)
    between = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    return np.asarray(between if len(values) >= ENOUGH_RUNS else np.fmax(between, within))


def error_source(n_runs: int) -> str:
    """Say where `combined_error` takes the error of so many runs from."""
    return "runs" if n_runs >= ENOUGH_RUNS else "the larger of runs and time blocks"


def pooled_ratio(tops: npt.ArrayLike, bottoms: npt.ArrayLike) -> statistics.Interval:
    """Return the ratio of two sums over runs and blocks with its log-t interval over runs.

    Parameters
    ----------
    tops, bottoms : array_like (S, B)
        Numerator and denominator (counts, lengths, time at risk) in each time block of each of S >= 2 runs.

    Notes
    -----
    With residuals d = top - R bottom (linearised ratio) the variance between runs is S/(S-1) Σ_s (Σ_b d)² and that
    within runs Σ_s B Σ_b (d - mean_b d)²/(B-1), both over (Σ bottom)²: runs weigh by their denominators.
    """
    top, bottom = np.asarray(tops, dtype=np.float64), np.asarray(bottoms, dtype=np.float64)
    n_runs, n_blocks = top.shape
    total = float(bottom.sum())
    ratio = float(top.sum()) / total
    residual = top - ratio * bottom
    between = n_runs / (n_runs - 1) * float((residual.sum(axis=1) ** 2).sum())
    within = n_blocks * float(residual.var(axis=1, ddof=1).sum())
    variance = between if n_runs >= ENOUGH_RUNS else max(between, within)
    return statistics.student_interval(ratio, math.sqrt(variance) / total, n_runs - 1)


def pooled_diffusion(results: Sequence[MSDResult]) -> Record:
    """Return D of several runs: the mean of their slopes, judged together.

    A run whose exponent in the window is not that of diffusion, or that is too short, refuses the pool; a run with too
    few hops or one that looks not stationary does not, because growth, number of hops and stationarity are judged on
    the pool: the number of hops is the sum, and the halves of the runs are compared after averaging over runs.
    """
    n_runs = len(results)
    method = f"mean of the slopes of {n_runs} runs; standard error from {error_source(n_runs)}; 95 %: log-t over runs"
    for number, result in enumerate(results, start=1):
        status, reason = result.diffusion.status, result.parameters.get("reason", "too short")
        if status == "window_too_short" or (status == "not_diffusive" and "exponent" in reason):
            return Record(None, "cm2/s", f"{method}; refused: run {number}: {reason}", status=status)
    blocks = [np.asarray(result.parameters["block_diffusion"]) for result in results]
    slopes = np.array([found.mean() for found in blocks])
    errors = np.array([found.std(ddof=1) / math.sqrt(len(found)) for found in blocks])
    mean, error = float(slopes.mean()), float(combined_error(slopes, errors))
    found = statistics.student_interval(mean, error, n_runs - 1)
    hops = float(sum(result.parameters["implied_hops"] for result in results))
    status = "ok" if hops >= FEW_HOPS else "few_events"
    if hops < TOO_FEW_HOPS:
        status = "too_few_events"
    elif statistics.student_interval(mean, error, n_runs - 1, positive=False).low <= 0 and _no_growth(results):
        status = "not_diffusive"
    elif len({len(run) for run in blocks}) == 1 and halves_differ(np.mean(blocks, axis=0)):
        status = "not_stationary"
    claimed = status in ("ok", "few_events")
    return Record(
        mean if claimed else None,
        "cm2/s",
        method,
        ci_low=found.low if claimed else None,
        ci_high=finite(found.high) if status != "not_stationary" else None,
        std_error=error if claimed else None,
        n_events=hops,
        n_eff=n_runs,
        status=status,
    )


def _no_growth(results: Sequence[MSDResult]) -> bool:
    """Whether some run grows by itself: two runs of a wide spread still both show diffusion."""
    return any(result.diffusion.status == "not_diffusive" for result in results)


def pooled_rate(counts: npt.ArrayLike, at_risk: npt.ArrayLike, method: str) -> Record:
    """Return all events over all time at risk, judged as the count of one run (`rates.judge_count`).

    Parameters
    ----------
    counts, at_risk : array_like (S, B)
        Events, and time at risk in s, in each block of each run.
    method : str
        What is counted over which time.
    """
    blocks, exposure = np.asarray(counts, dtype=np.int64), np.asarray(at_risk, dtype=np.float64)
    total = float(exposure.sum())
    if total <= 0:
        return Record(None, "s^-1", f"{method}: never exposed", n_events=0, status="too_few_events")
    of_count = statistics.Interval(*(total * end for end in pooled_ratio(blocks, exposure)))
    count = judge_count(blocks.sum(axis=0), of_count)
    record = event_rate(count, total, method, scatter=_scatter(len(blocks)))
    return dataclasses.replace(record, n_eff=len(blocks))


def pooled_sites(results: Sequence[SiteLabels]) -> dict[str, Record]:
    """Return populations and rates of exchange of `SiteLabels` for several runs: all time, all changes.

    Changes, and time spent in each label, are counted in ten time blocks of each run.
    """
    n_runs = len(results)
    names = {code: name for result in results for code, name in sorted(result.names.items())}
    codes = sorted(int(code) for code in names)
    n_changes = sum(result.n_changes_settled for result in results)
    time_in, changes = (np.array(found) for found in zip(*(_site_blocks(run, codes) for run in results), strict=True))
    every = time_in.sum(axis=1)
    records: dict[str, Record] = {}
    for a, code in enumerate(codes):
        value, low, high, error = pooled_ratio(time_in[:, a], every)
        records[f"population {names[str(code)]}"] = Record(
            value,
            "1",
            f"fraction of time in all runs; 95 %: log-t over {_scatter(n_runs)}",
            low,
            min(1.0, high),
            error,
            n_events=n_changes,
            n_eff=n_runs,
            status="ok" if n_changes >= FEW_CHANGES else "few_events",
        )
    for a, code in enumerate(codes):
        if code == TRANSIT:
            continue
        name = names[str(code)]
        records[f"{name}->any"] = pooled_rate(changes[:, a].sum(axis=1), time_in[:, a], "exits over time spent there")
        for b in np.flatnonzero(changes[:, a].sum(axis=(0, 2))):
            target = names[str(codes[int(b)])]
            records[f"{name}->{target}"] = pooled_rate(changes[:, a, b], time_in[:, a], "changes over time spent")
    return records


def _site_blocks(run: SiteLabels, codes: Sequence[int]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return time in each label (K, B), s, and changes (K, K, B) in blocks of one run."""
    edges = frame_blocks(len(run.time))
    frame_of_block = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    seconds = float(run.parameters["frame_interval_ps"]) / PER_PS_IN_PER_S
    time_in = np.array([np.add.reduceat((run.label == code).sum(axis=1), edges[:-1]) for code in codes]) * seconds
    changes = np.zeros((len(codes), len(codes), len(edges) - 1), dtype=np.int64)
    frame, ion = np.nonzero(run.label[1:] != run.label[:-1])
    start = np.searchsorted(codes, run.label[frame, ion])
    end = np.searchsorted(codes, run.label[frame + 1, ion])
    np.add.at(changes, (start, end, frame_of_block[frame + 1]), 1)
    return time_in, changes


def _scatter(n_runs: int) -> str:
    return f"{n_runs} runs (standard error from {error_source(n_runs)})"


def pooled_hops(results: Sequence[HopResult]) -> dict[str, Record]:
    """Return the records of `HopResult` for several runs: all hops over all time at risk, interval over runs.

    The count is judged as that of one run (`rates.judge_count`): Garwood below 5 hops in all, the envelope below 20.
    A run without a threshold that can be believed refuses the pool.
    """
    n_runs = len(results)
    counts = np.array([result.interval["block_counts"] for result in results], dtype=np.int64)
    n_blocks = counts.shape[1]
    seconds = np.array([result.exposure for result in results])
    at_risk = np.repeat(seconds[:, None] / n_blocks, n_blocks, axis=1)
    total = float(seconds.sum())

    def sums(weights: Callable[[HopResult], npt.NDArray[Any]]) -> FloatArray:
        found = [
            np.histogram(result.time, bins=result.interval["block_edges_ps"], weights=weights(result))[0]
            for result in results
        ]
        return np.array(found, dtype=np.float64)

    t_res = float(results[0].parameters["minimum_residence_ps"]) / PER_PS_IN_PER_S
    observed = pooled_rate(counts, at_risk, "n/(N (T - t_res)) of all runs, not corrected for stays below t_res")
    forward = sums(lambda result: (~result.is_return).astype(np.float64))
    records = {
        "rate": short_stays_corrected(observed, float(counts.sum()) / total, t_res),
        "rate_observed": observed,
        "rate_without_returns": pooled_rate(
            forward, at_risk, "hops that do not return, over N (T - t_res) of all runs"
        ),
    }
    square = ANGSTROM2_PER_PS_IN_CM2_PER_S / PER_PS_IN_PER_S / 6
    ratios = {
        "return_fraction": ("1", "hops back over all hops", sums(lambda r: r.is_return.astype(np.float64)), counts),
        "mean_length": ("angstrom", "mean of hop lengths", sums(lambda r: r.length), counts),
        "hop_diffusion": ("cm2/s", "sum of length²/(6 N (T - t_res))", square * sums(lambda r: r.length**2), at_risk),
    }
    for name, (unit, method, top, bottom) in ratios.items():
        method = f"{method} of all runs; 95 %: log-t over {_scatter(n_runs)}"
        claimed = observed.status in ("ok", "few_events")
        low = high = value = error = None
        if claimed:
            value, low, high, error = pooled_ratio(top, bottom)
            if name == "return_fraction":
                high = min(1.0, high) if value > 0 else 1 - 0.05 ** (1 / float(counts.sum()))
        records[name] = Record(
            value,
            unit,
            method,
            low,
            None if high is None else finite(high),
            error,
            n_events=observed.n_events,
            n_eff=n_runs,
            status=observed.status,
        )
    refused = [f"run {k}: {r.parameters['refusal']}" for k, r in enumerate(results, 1) if r.parameters["refusal"]]
    if not refused:
        return records
    return {
        name: Record(
            None, r.unit, f"{r.method}; refused: {refused[0]}", n_events=r.n_events, status="threshold_sensitive"
        )
        for name, r in records.items()
    }


POOLED: Mapping[str, Callable[[Sequence[Any]], dict[str, Record]]] = {
    MSDResult.schema: lambda results: {"diffusion": pooled_diffusion(results)},
    HopResult.schema: pooled_hops,
    SiteLabels.schema: pooled_sites,
}
"""Numbers that several runs of an analysis give together, by schema; all others are means over runs."""
