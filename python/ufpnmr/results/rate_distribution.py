"""Distribution of decay times of a correlation function."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.results.storage import StoredResult, array

__all__ = ["Peak", "RateDistribution"]


class Peak(NamedTuple):
    """A peak of the distribution that persists in 95 % of the resamples."""

    tau: float
    """Decay time, ps."""
    low: float
    """2.5 % quantile of its place over the resamples, ps."""
    high: float
    """97.5 % quantile, ps."""
    share: float
    """Of the decaying part of the curve, between the neighbouring peaks."""
    persistence: float
    """Share of resamples with a peak there."""


@dataclasses.dataclass(frozen=True, repr=False)
class RateDistribution(StoredResult):
    """Regularised inverse Laplace transform of a correlation function over C(0). K decay times, F lags.

    Attributes
    ----------
    observable : str
    non_negative : bool
    strength : float
        Regularisation, from generalised cross-validation.
    floor : float
        Part that does not decay.
    peaks : list of Peak
        Those that persist.
    warnings : list of str
        Inherited from the correlation function.
    tau : ndarray (K,), ps
    weight, low, high : ndarray (K,)
        Weight of each τ and its 95 % band.
    lag : ndarray (F,), ps
    curve, fit : ndarray (F,)
    """

    schema: ClassVar[str] = "ufpnmr-rate-distribution"

    observable: str
    non_negative: bool
    strength: float
    floor: float
    peaks: list[Peak]
    warnings: list[str]
    tau: npt.NDArray[np.float64] = array("ps", "(K,)")
    weight: npt.NDArray[np.float64] = array("1", "(K,)")
    low: npt.NDArray[np.float64] = array("1", "(K,)")
    high: npt.NDArray[np.float64] = array("1", "(K,)")
    lag: npt.NDArray[np.float64] = array("ps", "(F,)")
    curve: npt.NDArray[np.float64] = array("1", "(F,)")
    fit: npt.NDArray[np.float64] = array("1", "(F,)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "peaks", [Peak(*peak) for peak in self.peaks])
