"""One number with its uncertainty: the only form in which a result leaves the package."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ufpnmr.errors import InputError, nearest

__all__ = ["STATUSES", "TRUSTWORTHY", "Record"]

TRUSTWORTHY = ("ok", "few_events", "shallow")
"""Statuses that claim a central value (spec analysis 0)."""

STATUSES = (
    *TRUSTWORTHY,
    "too_few_events",
    "no_decay",
    "window_too_short",
    "not_diffusive",
    "undersampled",
    "threshold_sensitive",
    "not_stationary",
    "slow_motion",
)
"""All statuses. Outside `TRUSTWORTHY` no central value is claimed: ``value`` is None or a bound's companion."""


@dataclasses.dataclass(frozen=True)
class Record:
    """A number, its 95 % interval, how it was obtained and whether to believe it.

    Attributes
    ----------
    value : float or None
        Central value; None when `status` claims none.
    ci_low, ci_high : float or None
        95 % interval, or a one-sided bound with the other end None.
    std_error : float or None
        Standard error (of the logarithm times the value for positive quantities).
    unit : str
        Unit of the four numbers, "1" if none.
    method : str
        One line: estimator and kind of interval.
    n_events, n_eff : float or None
        Number of events, or effective number of independent samples, behind the value.
    status : str
        One of `STATUSES`.
    """

    value: float | None
    unit: str
    method: str
    ci_low: float | None = None
    ci_high: float | None = None
    std_error: float | None = None
    n_events: float | None = None
    n_eff: float | None = None
    status: str = "ok"

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise InputError(f"expected a status of {STATUSES}, found {self.status!r}{nearest(self.status, STATUSES)}")

    @property
    def trustworthy(self) -> bool:
        """Whether a central value is claimed."""
        return self.status in TRUSTWORTHY

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """Rebuild a record from `to_dict`."""
        return cls(**data)

    def __str__(self) -> str:
        if self.value is None:
            bounds = []
            if self.ci_low is not None:
                bounds.append(f"> {self.ci_low:.3g}")
            if self.ci_high is not None:
                bounds.append(f"< {self.ci_high:.3g}")
            return f"{' and '.join(bounds) or 'none'} {self.unit} ({self.status})"
        unit = "" if self.unit == "1" else f" {self.unit}"
        text = f"{self.value:.4g}{unit}"
        if self.ci_low is not None and self.ci_high is not None:
            text += f" (95 %: {self.ci_low:.3g} to {self.ci_high:.3g})"
        return text if self.status == "ok" else f"{text} ({self.status})"
