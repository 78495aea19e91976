"""Arrhenius law of diffusion coefficients, rates and times, with the errors of the points carried through."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.arrhenius import ArrheniusFit
from ufpnmr.results.temperature_scan import TemperatureScan
from ufpnmr.units import BOLTZMANN_EV

__all__ = ["TIMES", "ArrheniusFit", "fit", "over_temperatures"]

BLOCK_DOF = 9
"""Degrees of freedom of an error from ten time blocks."""
SCATTER_LEVEL = 0.05
TIMES = ("ps", "ns", "us", "s")
"""Units of quantities that fall with temperature."""


def fit(
    temperature: npt.ArrayLike,
    value: npt.ArrayLike,
    std_log: npt.ArrayLike,
    *,
    unit: str = "1",
    time: bool = False,
    dof: float = BLOCK_DOF,
) -> ArrheniusFit:
    """Fit ln value = ln prefactor ∓ activation energy/(k_B T) by weighted least squares.

    Parameters
    ----------
    temperature : array_like (n,)
        K; at least two different ones.
    value : array_like (n,)
        Positive quantity, `unit`.
    std_log : array_like (n,)
        Standard error of ln value: std_error/value.
    unit : str
        Unit of `value`.
    time : bool
        Whether `value` falls with temperature (a correlation or residence time), so that its energy counts with a plus.
    dof : float
        Degrees of freedom behind each error; 9 for ten time blocks.

    Returns
    -------
    ArrheniusFit

    Raises
    ------
    InputError
        Shapes that differ, values or errors that are not positive and finite, fewer than two temperatures.

    Notes
    -----
    Intervals are t times the standard error with the degrees of freedom of Welch and Satterthwaite: each error is
    itself an estimate. Points that scatter significantly (5 %) more than their errors inflate the covariance by
    chi²/(n - 2) and t has n - 2 degrees of freedom (Birge 1932); that is said, because it may be curvature.
    """
    kelvin, values, errors = (np.asarray(x, dtype=np.float64) for x in (temperature, value, std_log))
    _check(kelvin, values, errors)
    sign = -1.0 if time else 1.0
    beta = 1 / (BOLTZMANN_EV * kelvin)
    scale = 1 / errors
    # centred, so that prefactor and energy stay well conditioned
    centre = float((beta * scale**2).sum() / (scale**2).sum())
    design = np.stack([np.ones_like(beta), -sign * (beta - centre)], axis=1) * scale[:, None]
    inverse = np.linalg.inv(design.T @ design)
    to_values = inverse @ (design * scale[:, None]).T
    at_centre, energy = to_values @ np.log(values)
    residuals = (np.log(values) - at_centre + sign * energy * (beta - centre)) * scale
    chi_square, free = float(residuals @ residuals), len(values) - 2
    p_value, notice = None, ""
    # weight of each point in the variance of the energy (Welch-Satterthwaite)
    shares = (to_values[1] * errors) ** 2 / inverse[1, 1]
    t = statistics.student_quantile(dof / float((shares**2).sum()))
    if free > 0:
        p_value = statistics.chi_square_tail(chi_square, free)
        if p_value < SCATTER_LEVEL:
            inverse = inverse * chi_square / free
            t = max(t, statistics.student_quantile(free))
            notice = (
                f"points scatter more than their errors (chi² {chi_square:.1f} for {free}): errors inflated, or no line"
            )
    back = np.array([[1.0, sign * centre], [0.0, 1.0]])
    covariance = back @ inverse @ back.T
    log_prefactor = float(at_centre + sign * energy * centre)
    half = t * np.sqrt(np.diag(covariance))
    method = f"Arrhenius fit of {len(values)} temperatures; 95 %: errors of the points propagated"
    prefactor = math.exp(log_prefactor)
    return ArrheniusFit(
        activation_energy=Record(
            float(energy),
            "eV",
            method,
            float(energy - half[1]),
            float(energy + half[1]),
            float(half[1] / t),
            n_eff=len(values),
        ),
        prefactor=Record(
            prefactor,
            unit,
            method,
            prefactor * math.exp(-half[0]),
            prefactor * math.exp(half[0]),
            prefactor * float(half[0]) / t,
            n_eff=len(values),
        ),
        unit=unit,
        covariance=covariance.tolist(),
        quantile=t,
        chi_square=chi_square,
        p_value=p_value,
        parameters={"sign": sign, "dof": dof, "notice": notice},
        temperature=kelvin,
        value=values,
        std_log=errors,
        provenance=collect(analysis="arrhenius"),
    )


def over_temperatures(
    temperature: Sequence[float], records: Mapping[str, Sequence[Record]], predict: Sequence[float] = ()
) -> TemperatureScan:
    """Fit an Arrhenius law to each of several quantities that were measured at the same temperatures.

    Parameters
    ----------
    temperature : sequence of float
        K.
    records : mapping
        Name of a quantity -> one record per temperature. Those that claim no value take no part in its fit; times
        (units ps, ns, us, s) fall with temperature.
    predict : sequence of float
        K, where the laws are evaluated. Outside the temperatures that claim the quantity this is an extrapolation: it
        is named in the record, and in `TemperatureScan.notices`.

    Returns
    -------
    TemperatureScan
        A quantity claimed at fewer than two temperatures has no law; its activation energy is a record without value.
    """
    kelvin = np.asarray(temperature, dtype=np.float64)
    laws: dict[str, ArrheniusFit] = {}
    predicted: dict[str, dict[str, Record]] = {}
    notices = []
    for name, row in records.items():
        if len(row) != len(kelvin):
            raise InputError(f"{name}: expected one record per temperature, found {len(row)} for {len(kelvin)}")
        claimed = [k for k, record in enumerate(row) if record.trustworthy and record.value and record.std_error]
        if len(claimed) < 2:
            notices.append(f"{name}: no activation energy, {len(claimed)} of {len(kelvin)} temperatures claim a value")
            continue
        unit = row[claimed[0]].unit
        values, errors = np.array([(row[k].value, row[k].std_error) for k in claimed], dtype=np.float64).T
        law = fit(kelvin[claimed], values, errors / values, unit=unit, time=unit in TIMES)
        laws[name] = law
        if law.parameters["notice"]:
            notices.append(f"{name}: {law.parameters['notice']}")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            predicted[name] = {f"{at:g}": law.predict(at) for at in predict}
        notices += [f"{name}: {warning.message}" for warning in said]
    return TemperatureScan(
        records={name: list(row) for name, row in records.items()},
        laws=laws,
        predicted=predicted,
        notices=notices,
        temperature=kelvin,
    )


def _check(kelvin: npt.NDArray[np.float64], values: npt.NDArray[np.float64], errors: npt.NDArray[np.float64]) -> None:
    if kelvin.ndim != 1 or not kelvin.shape == values.shape == errors.shape:
        raise InputError(
            f"expected temperatures, values and errors of one shape (n,), found {kelvin.shape}, {values.shape} and "
            f"{errors.shape}"
        )
    for name, found in (("temperature (K)", kelvin), ("value", values), ("standard error of ln value", errors)):
        wrong = np.flatnonzero(~(np.isfinite(found) & (found > 0)))
        if len(wrong):
            raise InputError(
                f"expected a positive {name} at every point, found {found[wrong[0]]:g} at point {wrong[0]}"
            )
    if len(np.unique(kelvin)) < 2:
        raise InputError(
            f"expected at least two different temperatures for an activation energy, "
            f"found {np.unique(kelvin).tolist()} K"
        )
