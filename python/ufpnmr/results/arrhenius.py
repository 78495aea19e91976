"""Arrhenius law fitted to a quantity at several temperatures."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array
from ufpnmr.units import BOLTZMANN_EV

__all__ = ["ArrheniusFit"]


@dataclasses.dataclass(frozen=True, repr=False)
class ArrheniusFit(StoredResult):
    """Fitted law: ln value = ln prefactor - activation energy/(k_B T).

    For a time, which falls with temperature, the energy is that of its inverse (plus instead of minus).

    Attributes
    ----------
    temperature : ndarray (n,)
        K.
    value, std_log : ndarray (n,)
        Quantity in `unit` and the standard error of its logarithm.
    activation_energy : Record
        eV.
    prefactor : Record
        Limit of infinite temperature, `unit`.
    covariance : list
        Of (ln prefactor, activation energy/eV), 2 x 2, inflated where the points scatter more than their errors.
    quantile : float
        Half width of the 95 % intervals in standard errors.
    chi_square, p_value : float
        Sum of squared residuals over errors and the probability of one at least as large, None with two points.
    parameters : dict
        Degrees of freedom behind each error, sign of the energy, notice.
    """

    schema: ClassVar[str] = "ufpnmr-arrhenius"

    activation_energy: Record
    prefactor: Record
    unit: str
    covariance: list[list[float]]
    quantile: float
    chi_square: float
    p_value: float | None
    parameters: dict[str, Any]
    temperature: npt.NDArray[np.float64] = array("K", "(n,)")
    value: npt.NDArray[np.float64] = array("see unit", "(n,)")
    std_log: npt.NDArray[np.float64] = array("1", "(n,)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return {"activation_energy": self.activation_energy, "prefactor": self.prefactor}

    def predict(self, temperature: float) -> Record:
        """Return the fitted value at `temperature` (K) with its 95 % interval.

        A temperature outside the fitted range is a warning and is named in the method of the record: the interval holds
        only if the law does.
        """
        if not temperature > 0:
            raise InputError(f"expected a temperature above 0 K, found {temperature}")
        low, high = float(self.temperature.min()), float(self.temperature.max())
        method = "Arrhenius fit; 95 %: log-t, errors of the points propagated"
        if not low <= temperature <= high:
            method += f"; extrapolated from {low:g} to {high:g} K"
            warnings.warn(
                f"{temperature:g} K is outside the fitted {low:g} to {high:g} K: extrapolated, and the interval holds "
                "only if the same mechanism does",
                stacklevel=2,
            )
        gradient = np.array([1.0, -self.parameters["sign"] / (BOLTZMANN_EV * temperature)])
        error = math.sqrt(gradient @ np.asarray(self.covariance) @ gradient)
        at = self._line(temperature)
        half = self.quantile * error
        return Record(
            math.exp(at),
            self.unit,
            method,
            math.exp(at - half),
            math.exp(at + half),
            math.exp(at) * error,
            n_eff=len(self.temperature),
        )

    def _line(self, temperature: float) -> float:
        energy, prefactor = self.activation_energy.value, self.prefactor.value
        assert energy is not None
        assert prefactor is not None
        return math.log(prefactor) - float(self.parameters["sign"]) * energy / (BOLTZMANN_EV * temperature)
