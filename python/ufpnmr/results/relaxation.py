"""Quadrupolar relaxation rates at a list of fields."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["RelaxationResult", "TemperatureResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class RelaxationResult(StoredResult):
    """Spectral densities and rates. F fields, K exponentials of a decay, W locking fields, L times.

    Attributes
    ----------
    status : str
        "ok", or "no_decay" where the tensors do not fluctuate measurably and no rate is claimed.
    observable : str
        Isotope with its quadrupole moment and source, and the correlation function.
    warnings : list of str
    strength : Record
        J(0) over the mean correlation time: (eQ/ħ)² <V:V>/30 of the fluctuating part, s⁻².
    mean_time : Record
        Mean correlation time ∫ C dt/C(0) of the fluctuating part, ns.
    redfield : float
        Root mean square of ω (satellite, rad/s) times the mean correlation time; the theory needs it well below 1.
    static : float
        Root mean square satellite frequency that does not average out, kHz.
    field : ndarray (F,), T
    larmor : ndarray (F,), MHz
    density, density_low, density_high : ndarray (F, 3), s⁻¹
        J at 0, ω0, 2ω0 and its 95 % interval.
    r1, r1_weight, r2, r2_weight : ndarray (F, K)
        Rates (s⁻¹) and weights of the decays of I_z and I_x.
    lock : ndarray (W,), kHz
        Spin-lock fields ω1/2π.
    r1rho : ndarray (F, W), s⁻¹
        Initial slope of the locked decay.
    rates : dict of Record
        The numbers that are claimed, by name.
    time, correlation, model : ndarray (L,)
        Powder correlation function of κ b·V·b and the sum of exponentials that was transformed, kHz².
    """

    schema: ClassVar[str] = "ufpnmr-relaxation"

    status: str
    observable: str
    isotope: dict[str, Any]
    warnings: list[str]
    strength: Record
    mean_time: Record
    redfield: float
    static: float
    rates: dict[str, Record]
    field: npt.NDArray[np.float64] = array("T", "(F,)")
    larmor: npt.NDArray[np.float64] = array("MHz", "(F,)")
    density: npt.NDArray[np.float64] = array("s^-1", "(F, 3)")
    density_low: npt.NDArray[np.float64] = array("s^-1", "(F, 3)")
    density_high: npt.NDArray[np.float64] = array("s^-1", "(F, 3)")
    r1: npt.NDArray[np.float64] = array("s^-1", "(F, K)")
    r1_weight: npt.NDArray[np.float64] = array("1", "(F, K)")
    r2: npt.NDArray[np.float64] = array("s^-1", "(F, K)")
    r2_weight: npt.NDArray[np.float64] = array("1", "(F, K)")
    lock: npt.NDArray[np.float64] = array("kHz", "(W,)")
    r1rho: npt.NDArray[np.float64] = array("s^-1", "(F, W)")
    time: npt.NDArray[np.float64] = array("ps", "(L,)")
    correlation: npt.NDArray[np.float64] = array("kHz^2", "(L,)")
    model: npt.NDArray[np.float64] = array("kHz^2", "(L,)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)

    table_axis: ClassVar[str] = "(L,)"


@dataclasses.dataclass(frozen=True, repr=False)
class TemperatureResult(StoredResult):
    """R1(T) and R1ρ(T) from an Arrhenius law of the correlation time. G temperatures of the curves, S simulated ones.

    Attributes
    ----------
    observable : str
    warnings : list of str
        Among them which maxima lie outside the simulated temperatures.
    activation : Record
        Activation energy, eV.
    prefactor : Record
        Correlation time at infinite temperature, ps.
    maxima : dict of Record
        Temperature of the maximum of each rate, K.
    names : list of str
        Names of the rates, in the order of `rate`.
    simulated : ndarray (S,), K
    mean_time : ndarray (S,), ns
    temperature : ndarray (G,), K
    rate : ndarray (R, G), s⁻¹
    """

    schema: ClassVar[str] = "ufpnmr-relaxation-temperature"
    table_axis: ClassVar[str] = "(G,)"

    observable: str
    warnings: list[str]
    activation: Record
    prefactor: Record
    maxima: dict[str, Record]
    names: list[str]
    simulated: npt.NDArray[np.float64] = array("K", "(S,)")
    mean_time: npt.NDArray[np.float64] = array("ns", "(S,)")
    temperature: npt.NDArray[np.float64] = array("K", "(G,)")
    rate: npt.NDArray[np.float64] = array("s^-1", "(R, G)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
