"""Rates, lengths and return fraction of a list of hops, each with its interval."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.rates import N_BLOCKS, EventCount, count_events, event_rate, finite
from ufpnmr.results import Record
from ufpnmr.results.hops import HopResult
from ufpnmr.units import ANGSTROM2_PER_PS_IN_CM2_PER_S, PER_PS_IN_PER_S

__all__ = ["corrected_rate", "correlation_factor", "hop_records", "short_stays_corrected"]

UNDERSAMPLED = 0.1


def hop_records(
    table: Mapping[str, npt.NDArray[Any]],
    count: EventCount,
    start: float,
    duration: float,
    n_ions: int,
    t_res: float,
    refusal: str = "",
) -> dict[str, Any]:
    """Return the records of `HopResult` by name.

    Parameters
    ----------
    table : mapping
        Columns time (ps), length (Å), is_return, one row per hop.
    count : EventCount
        All hops.
    start, duration : float
        First time and length of the run, ps.
    n_ions : int
        Number of ions.
    t_res : float
        Minimum residence, ps.
    refusal : str
        Why no rate may be claimed; empty if it may.
    """
    exposure = n_ions * (duration - t_res)
    seconds = exposure / PER_PS_IN_PER_S
    observed = event_rate(count, seconds, "n/(N (T - t_res)), not corrected for stays below t_res")
    if count.n == 0:
        bound = statistics.poisson_upper_bound(0) * PER_PS_IN_PER_S / (n_ions * duration)
        observed = dataclasses.replace(observed, ci_high=bound)
    forward = count_events(table["time"][~table["is_return"]] - start, duration)
    records = {
        "rate": short_stays_corrected(observed, count.n / seconds, t_res / PER_PS_IN_PER_S),
        "rate_observed": observed,
        "rate_without_returns": event_rate(forward, seconds, "hops that do not return, over N (T - t_res)"),
        **_averages(table, count, start, duration, exposure),
    }
    if not refusal:
        return records
    return {
        name: Record(None, r.unit, f"{r.method}; refused: {refusal}", n_events=count.n, status="threshold_sensitive")
        for name, r in records.items()
    }


def corrected_rate(observed: float, t_res: float) -> float:
    """Return k = -W0(-k_obs t_res)/t_res, the rate behind an observed one that misses stays below t_res.

    Parameters
    ----------
    observed, t_res : float
        Observed rate and minimum residence in inverse units of each other.

    Returns
    -------
    float
        Infinite where no rate gives the observed one (k_obs t_res > 1/e).
    """
    from scipy.special import lambertw

    product = observed * t_res
    if product > math.exp(-1):
        return math.inf
    return -float(lambertw(-product).real) / t_res if product > 0 else observed


def correlation_factor(diffusion: Record, hops: HopResult) -> Record:
    """Return D/D_hop: 1 for hops in random directions, less when ions jump back.

    Parameters
    ----------
    diffusion : Record
        Diffusion coefficient of the same ions in the same run, cm²/s.
    hops : HopResult
        Their hops.
    """
    method = "D/(k <length²>/6); 95 %: log-t, errors of both added in quadrature"
    top, bottom = diffusion, hops.hop_diffusion
    if not top.value or not bottom.value or top.std_error is None or bottom.std_error is None:
        refused = [part.status for part in (top, bottom) if not part.trustworthy]
        status = refused[0] if refused else "too_few_events"
        return Record(None, "1", method, n_events=bottom.n_events, status=status)
    value = top.value / bottom.value
    relative = math.hypot(top.std_error / top.value, bottom.std_error / bottom.value)
    factor = math.exp(statistics.student_quantile(N_BLOCKS - 1) * relative)
    status = "ok" if top.status == bottom.status == "ok" else "few_events"
    return Record(
        value, "1", method, value / factor, value * factor, value * relative, n_events=bottom.n_events, status=status
    )


def short_stays_corrected(observed: Record, observed_rate: float, t_res: float) -> Record:
    """Correct `observed` for stays below `t_res` (s); `observed_rate` (s^-1) stands in where it has no value."""
    method = "k = -W0(-k_obs t_res)/t_res, " + observed.method.replace(", not corrected for stays below t_res", "")
    rate = corrected_rate(observed_rate, t_res)
    low, high = (None if end is None else corrected_rate(end, t_res) for end in (observed.ci_low, observed.ci_high))
    high = None if high is None else finite(high)
    if rate * t_res > UNDERSAMPLED:
        return dataclasses.replace(
            observed,
            value=None,
            method=f"{method}; k t_res > {UNDERSAMPLED:g}: write frames more often",
            ci_low=observed.ci_low,
            ci_high=None,
            std_error=None,
            status="undersampled",
        )
    # d ln k / d ln k_obs = 1/(1 - k t_res)
    scale = rate / observed_rate / (1 - rate * t_res) if observed_rate > 0 else 1.0
    return dataclasses.replace(
        observed,
        value=rate if observed.trustworthy else None,
        method=method,
        ci_low=low,
        ci_high=high,
        std_error=None if observed.std_error is None else observed.std_error * scale,
    )


def _averages(
    table: Mapping[str, npt.NDArray[Any]], count: EventCount, start: float, duration: float, exposure: float
) -> dict[str, Record]:
    """Return fraction, mean length (Å) and k <length²>/6 (cm²/s), from block sums."""
    n_blocks = len(count.blocks)
    units = {"return_fraction": "1", "mean_length": "angstrom", "hop_diffusion": "cm2/s"}
    methods = {
        "return_fraction": "hops back to the anchor before the last; 95 %: log-t, jackknife over time blocks",
        "mean_length": "mean of hop lengths; 95 %: log-t, jackknife over time blocks",
        "hop_diffusion": "sum of length²/(6 N (T - t_res)); 95 %: log-t over time blocks",
    }
    status = count.status
    if status in ("ok", "few_events") and count.blocks.max() == count.n:  # one block cannot tell its own scatter
        status = "too_few_events"
    if status not in ("ok", "few_events"):
        return {name: Record(None, units[name], methods[name], n_events=count.n, status=status) for name in units}

    def block_sums(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        sums = np.histogram(table["time"] - start, bins=n_blocks, range=(0, duration), weights=values)[0]
        return sums.astype(np.float64)

    squared = n_blocks * block_sums(table["length"] ** 2) / (6 * exposure) * ANGSTROM2_PER_PS_IN_CM2_PER_S
    returns = statistics.ratio_interval(block_sums(table["is_return"].astype(np.float64)), count.blocks)
    largest = min(1.0, returns.high) if returns.value > 0 else 1 - 0.05 ** (1 / count.n)
    intervals = {
        "return_fraction": returns._replace(high=largest),
        "mean_length": statistics.ratio_interval(block_sums(table["length"]), count.blocks),
        "hop_diffusion": statistics.block_interval(squared),
    }
    return {
        name: Record(value, units[name], methods[name], low, finite(high), error, n_events=count.n, status=status)
        for name, (value, low, high, error) in intervals.items()
    }
