"""Decay of a correlation function: parameters with honest intervals, or the reason why there are none."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["DecayFit"]


@dataclasses.dataclass(frozen=True, repr=False)
class DecayFit(StoredResult):
    """Fit of A {b² + (1 - b²) exp[-(t/τ)^γ]} (Harper 2025 eq. 5 with a free amplitude). F lags in the window.

    Attributes
    ----------
    status : str
        "ok", "few_events", "no_decay", "window_too_short", "undersampled" or "too_few_events"; only the first two claim
        a τ.
    shallow : bool
        The decay is significant but below 5 % of the curve at the first lag.
    tau, mean_time : Record
        τ and <τ> = (τ/γ) Γ(1/γ), ns.
    rate : Record
        1/τ, s⁻¹.
    plateau, gamma : Record
        b² and γ.
    amplitude : Record
        A over C(0).
    vibrational_fraction : Record
        1 - A/C(0), the part that is lost before the first lag.
    relative_drop : Record
        [C(first lag) - C(last lag)]/C(first lag), the quantity of the decay test.
    z : float
        The drop over its standard error; below 3 there is no decay.
    interval_over_ions, interval_over_blocks : list of float
        The two 95 % intervals of τ, ns; `tau` quotes the wider one.
    model : dict
        Formula and which parameters were fixed.
    observable : str
        Observable, isotope with its quadrupole moment and source, convention, field direction.
    warnings : list of str
        Inherited from the correlation function.
    duration : float
        Length T of the series, ps.
    window : list of float
        First and last lag of the fit, ps.
    covariance : dict
        names and matrix: bootstrap covariance of ln τ, A/C(0), b², γ from the resampling that gave the wider interval.
    lag : ndarray (F,), ps
    curve, std_error, fit, residual : ndarray (F,)
        Correlation function over C(0), its standard error, the model and their difference (None without a decay).
    """

    schema: ClassVar[str] = "ufpnmr-decay"

    status: str
    shallow: bool
    tau: Record
    mean_time: Record
    rate: Record
    plateau: Record
    gamma: Record
    amplitude: Record
    vibrational_fraction: Record
    relative_drop: Record
    z: float
    interval_over_ions: list[float | None]
    interval_over_blocks: list[float | None]
    model: dict[str, Any]
    observable: str
    warnings: list[str]
    duration: float
    window: list[float]
    covariance: dict[str, Any]
    lag: npt.NDArray[np.float64] = array("ps", "(F,)")
    curve: npt.NDArray[np.float64] = array("1", "(F,)")
    std_error: npt.NDArray[np.float64] = array("1", "(F,)")
    fit: npt.NDArray[np.float64] | None = array("1", "(F,)")
    residual: npt.NDArray[np.float64] | None = array("1", "(F,)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def records(self) -> dict[str, Record]:
        """The numbers that leave the package, by name."""
        return {
            "tau": self.tau,
            "rate": self.rate,
            "mean_time": self.mean_time,
            "gamma": self.gamma,
            "plateau": self.plateau,
            "amplitude": self.amplitude,
            "vibrational_fraction": self.vibrational_fraction,
            "relative_drop": self.relative_drop,
        }
