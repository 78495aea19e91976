"""Residence times by Kaplan and Meier: visits still running at the end are censored, never dropped."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.series import frame_interval
from ufpnmr.dynamics.visits import visits
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.sites import ResidenceTimes, SiteLabels

__all__ = ["kaplan_meier", "residence_times", "survival_curve"]

FloatArray = npt.NDArray[np.float64]


def kaplan_meier(
    durations: npt.ArrayLike, ended: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the product-limit estimate of a survival function.

    S(t) = product over event times t_i <= t of (1 - d_i/n_i), with d_i events and n_i durations of at least t_i.

    Parameters
    ----------
    durations : array_like (M,)
        Observed lengths.
    ended : array_like (M,), bool
        Whether the end was seen; otherwise the duration is right-censored.
    weights : array_like (M,), optional
        How often each counts (resampling).

    Returns
    -------
    time, survival, std_error : ndarray (P,)
        From time 0, survival 1; one point per distinct event time; Greenwood's standard error.
    """
    length, seen = np.asarray(durations, dtype=np.float64), np.asarray(ended, dtype=bool)
    weight = np.ones(len(length)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(length) == len(seen) == len(weight):
        raise InputError("expected as many ends and weights as durations")
    time = np.unique(length[seen & (weight > 0)])
    order = np.argsort(length)
    at_least = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    at_risk = at_least[np.searchsorted(length[order], time)]
    index = np.searchsorted(time, length[seen & (weight > 0)])
    events = np.bincount(index, weights=weight[seen & (weight > 0)], minlength=len(time)).astype(np.float64)
    survival = np.cumprod(1 - events / at_risk) if len(time) else np.zeros(0)
    surviving = at_risk - events
    terms = np.divide(events, at_risk * surviving, out=np.zeros_like(events), where=surviving > 0)
    std_error = survival * np.sqrt(np.cumsum(terms))
    return np.append(0.0, time), np.append(1.0, survival), np.append(0.0, std_error)


def residence_times(labels: SiteLabels, code: int, *, replicas: int = 200, seed: int = 0) -> ResidenceTimes:
    """Return the distribution of stays at the site with label `code`.

    Only visits whose entry was seen are used; those that last to the end of the run are right-censored.

    Parameters
    ----------
    labels : SiteLabels
        Settled labels (T, N).
    code : int
        Which label.
    replicas : int
        Resamples of whole ions for the band.
    seed : int
        Random state of the resampling.

    Raises
    ------
    InputError
        No visit to this label whose entry was seen.
    """
    interval = frame_interval(labels.time)
    n_frames, n_ions = labels.label.shape
    runs = visits(labels.label)
    use = (runs.label == code) & (runs.start > 0)
    if not use.any():
        raise InputError(f"no visit to label {code} whose beginning was seen; found labels {labels.codes.tolist()}")
    ion, duration, ended = runs.ion[use], (runs.end - runs.start)[use] * interval, runs.end[use] < n_frames
    return ResidenceTimes(
        **survival_curve(ion, duration, ended, n_ions, replicas, seed),
        parameters={
            "label": code,
            "name": labels.names.get(str(code), str(code)),
            "n_visits": len(duration),
            "n_censored": len(duration) - int(ended.sum()),
            "replicas": replicas,
            "seed": seed,
        },
        provenance=collect(analysis="residence"),
    )


def survival_curve(
    ion: npt.NDArray[np.int64],
    duration: FloatArray,
    ended: npt.NDArray[np.bool_],
    n_ions: int,
    replicas: int,
    seed: int,
) -> dict[str, Any]:
    """Return the arrays and records of `ResidenceTimes` for visits (M,) of ions with lengths in ps."""
    time, survival, greenwood = kaplan_meier(duration, ended)
    longest = float(duration.max())
    rng = np.random.default_rng(seed)
    curves = np.empty((replicas, len(time)))
    medians, means = np.empty(replicas), np.empty(replicas)
    for k in range(replicas):
        weight = np.bincount(rng.integers(0, n_ions, n_ions), minlength=n_ions)[ion]
        part_time, part, _ = kaplan_meier(duration, ended, weight)
        curves[k] = part[np.searchsorted(part_time, time, side="right") - 1]
        medians[k], means[k] = _median(part_time, part), _restricted_mean(part_time, part, longest)
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    n = int(ended.sum())
    return {
        "time": time,
        "survival": survival,
        "greenwood": greenwood,
        "low": low,
        "high": high,
        "median": _median_record(_median(time, survival), medians, longest, n),
        "restricted_mean": _record(
            _restricted_mean(time, survival, longest), means, f"mean of min(residence, {longest:g} ps)", n
        ),
    }


def _median(time: FloatArray, survival: FloatArray) -> float:
    below = np.flatnonzero(survival <= 0.5)
    return float(time[below[0]]) if len(below) else math.inf


def _restricted_mean(time: FloatArray, survival: FloatArray, longest: float) -> float:
    return float(np.diff(np.append(time, longest)) @ survival)


def _median_record(median: float, samples: FloatArray, longest: float, n: int) -> Record:
    if not math.isfinite(median):
        method = "Kaplan-Meier; the survival curve does not fall to 1/2 within the longest visit"
        return Record(None, "ps", method, ci_low=longest, n_events=n, status="too_few_events")
    return _record(median, samples, "median of Kaplan-Meier", n)


def _record(value: float, samples: FloatArray, what: str, n: int) -> Record:
    method = f"{what}; 95 %: log-normal, resampled ions"
    if n < 5:
        return Record(None, "ps", method, n_events=n, status="too_few_events")
    _, low, high, error = statistics.bootstrap_interval(value, samples)
    status = "few_events" if n < 20 else "ok"
    return Record(value, "ps", method, low, high, error, n_events=n, status=status)
