"""Rate of events from their times: one interval rule for hops and for site changes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.errors import InputError
from ufpnmr.results import Record

__all__ = ["N_BLOCKS", "EventCount", "count_events", "event_rate", "finite", "halves_differ", "judge_count"]

N_BLOCKS = 10
FEW_EVENTS = 20
TOO_FEW_EVENTS = 5
LARGEST_LAG_ONE_CORRELATION = 0.5
LARGEST_HALF_DIFFERENCE = 3.0


@dataclasses.dataclass(frozen=True)
class EventCount:
    """Number of events with its 95 % interval and the tests of the assumptions behind it.

    Attributes
    ----------
    n : int
        Events in the whole run.
    blocks : ndarray (B,)
        Events in contiguous time blocks of equal length.
    low, high : float
        Quoted 95 % interval of the expected number: log-t over blocks from 20 events on, the envelope of that and
        Garwood for 5 to 19, Garwood below; (0, 2.996) without events (one-sided).
    std_error : float
        sqrt(B) sd(blocks).
    garwood : tuple of float
        Exact interval for independent events, for comparison.
    fano, fano_p_value : float
        Variance over mean of the block counts and the chi-square probability of one at least as large.
    status : str
        ok, few_events, too_few_events or not_stationary.
    """

    n: int
    blocks: npt.NDArray[np.int64]
    low: float
    high: float
    std_error: float
    garwood: tuple[float, float]
    fano: float
    fano_p_value: float
    status: str

    @property
    def concerted(self) -> bool:
        """Whether the events scatter more than independent ones would (5 % level): Garwood is then too narrow."""
        return self.fano > 1 and self.fano_p_value < 0.05

    def describe(self) -> dict[str, Any]:
        """Return what a report prints next to the rate, JSON-ready."""
        return {
            "n_events": self.n,
            "block_counts": self.blocks.tolist(),
            "count_ci_low": self.low,
            "count_ci_high": self.high,
            "count_std_error": self.std_error,
            "garwood_ci_low": self.garwood[0],
            "garwood_ci_high": self.garwood[1],
            "fano": None if math.isnan(self.fano) else self.fano,
            "fano_p_value": self.fano_p_value,
            "note": "concerted or heterogeneous, Poisson interval invalid" if self.concerted else "",
        }


def halves_differ(blocks: npt.ArrayLike) -> bool:
    """Whether the means of the first and second half of block values differ by more than 3 combined standard errors."""
    values = np.asarray(blocks, dtype=np.float64)
    first, second = values[: len(values) // 2], values[len(values) - len(values) // 2 :]
    variance = first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)
    return bool(abs(first.mean() - second.mean()) > LARGEST_HALF_DIFFERENCE * math.sqrt(variance))


def count_events(times: npt.ArrayLike, duration: float, n_blocks: int = N_BLOCKS) -> EventCount:
    """Count events and judge the count.

    Parameters
    ----------
    times : array_like (M,)
        Time of each event since the start of the run, found on the whole run.
    duration : float
        Length of the run, unit of `times`.
    n_blocks : int
        Number of time blocks.
    """
    values = np.asarray(times, dtype=np.float64)
    if duration <= 0 or (len(values) and (values.min() < 0 or values.max() > duration)):
        raise InputError(f"expected event times between 0 and the duration {duration}")
    blocks = np.histogram(values, bins=n_blocks, range=(0, duration))[0].astype(np.int64)
    return judge_count(blocks, statistics.block_interval(n_blocks * blocks))


def judge_count(blocks: npt.NDArray[np.int64], log_t: statistics.Interval) -> EventCount:
    """Choose the interval of a count and test what it assumes.

    Parameters
    ----------
    blocks : ndarray (B,)
        Events in equal time blocks, summed over runs if there are several.
    log_t : Interval
        Of their sum, from the scatter of blocks or of runs.
    """
    n = int(blocks.sum())
    garwood = statistics.poisson_interval(n)
    fano, p_value = statistics.fano_test(blocks)
    low, high = log_t.low, log_t.high
    status = "ok"
    if n < TOO_FEW_EVENTS:
        low, high = garwood if n else (0.0, statistics.poisson_upper_bound(0))
        status = "too_few_events"
    elif n < FEW_EVENTS:
        low, high = min(low, garwood[0]), max(high, garwood[1])
        status = "few_events"
    if n >= TOO_FEW_EVENTS and (
        statistics.lag_one_correlation(blocks) > LARGEST_LAG_ONE_CORRELATION or halves_differ(blocks)
    ):
        status = "not_stationary"
    return EventCount(n, blocks, low, high, log_t.std_error, garwood, fano, p_value, status)


def event_rate(
    count: EventCount, exposure: float, method: str, unit: str = "s^-1", scatter: str = "ten time blocks"
) -> Record:
    """Return count / exposure as a record: events over total time on test, first and last visits included.

    Parameters
    ----------
    count : EventCount
        The events.
    exposure : float
        Total time at risk of all ions, s.
    method : str
        What is counted over which time.
    unit : str
        Unit of 1/exposure.
    scatter : str
        Over what the log-t interval of the count was taken.
    """
    if exposure <= 0:
        return Record(None, unit, f"{method}: never exposed", n_events=count.n, status="too_few_events")
    claimed = count.status in ("ok", "few_events")
    bounded = count.status != "not_stationary"
    return Record(
        count.n / exposure if claimed else None,
        unit,
        f"{method}; 95 %: {_INTERVAL[count.status].format(scatter)}",
        ci_low=count.low / exposure if bounded and count.n else None,
        ci_high=finite(count.high / exposure) if bounded else None,
        std_error=count.std_error / exposure if claimed else None,
        n_events=count.n,
        status=count.status,
    )


_INTERVAL = {
    "ok": "log-t over {}",
    "few_events": "envelope of log-t over {} and Garwood",
    "too_few_events": "Garwood (one-sided without events)",
    "not_stationary": "none, the rate changes during the run",
}


def finite(value: float) -> float | None:
    """Return `value`, or None if it is infinite (no bound)."""
    return value if math.isfinite(value) else None
