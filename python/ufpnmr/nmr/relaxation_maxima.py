"""R1(T) and R1ρ(T) and their maxima, from correlation times at a few temperatures.

ln τ(T) = ln τ0 + E/kT by weighted least squares; J(ω) = s τ/(1 + ω²τ²) with the strength s averaged over temperatures.
A single correlation time is assumed at each temperature: a distribution makes real maxima broader and lower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError
from ufpnmr.nmr.redfield import longitudinal, spin_locked
from ufpnmr.results.record import Record
from ufpnmr.results.relaxation import RelaxationResult, TemperatureResult
from ufpnmr.units import BOLTZMANN_EV

__all__ = ["relaxation_maxima"]

FloatArray = npt.NDArray[np.float64]

_POINTS = 300
_DRAWS = 2000
_S_PER_NS = 1e-9
_NORMAL = 1.96
_MARGIN = 2.0  # curves reach from half the lowest to twice the highest simulated temperature
_SEARCH = np.geomspace(1e-13, 1e-1, 4000)  # s


def _rates(results: Sequence[RelaxationResult], strength: float) -> dict[str, Callable[[FloatArray], FloatArray]]:
    """Return name -> rate (G,) s⁻¹ of correlation times (G,) s."""
    first = results[0]
    spin = float(first.isotope["spin"])

    def densities(tau: float, omega: float) -> list[float]:
        return [strength * tau / (1 + (k * omega * tau) ** 2) for k in range(3)]

    def r1(omega: float) -> Callable[[FloatArray], FloatArray]:
        return lambda tau: np.array([longitudinal(spin, densities(t, omega)).initial for t in tau])

    def r1rho(omega: float, lock: float) -> Callable[[FloatArray], FloatArray]:
        return lambda tau: np.array([spin_locked(spin, densities(t, omega), densities(t, lock)).initial for t in tau])

    rates = {}
    for tesla, mhz in zip(first.field, first.larmor, strict=True):
        omega = 2e6 * math.pi * mhz
        rates[f"R1, {tesla:g} T"] = r1(omega)
        for khz in first.lock:
            rates[f"R1rho({khz:g} kHz), {tesla:g} T"] = r1rho(omega, 2e3 * math.pi * khz)
    return rates


def relaxation_maxima(
    results: Sequence[RelaxationResult], temperatures: Sequence[float], *, seed: int = 0
) -> TemperatureResult:
    """Return R1(T), R1ρ(T) and the temperatures of their maxima.

    Parameters
    ----------
    results : sequence of RelaxationResult
        One per temperature, same fields and isotope; those without a claimed correlation time are refused.
    temperatures : sequence of float
        K, at least two different ones.
    seed : int
        Of the draws that carry the errors of E and τ0 over to the maxima.
    """
    kelvin = np.asarray(temperatures, dtype=np.float64)
    if len(results) != len(kelvin) or len(np.unique(kelvin)) < 2 or (kelvin <= 0).any():
        raise InputError(
            f"expected one temperature above 0 K per result and at least two different ones, found {list(temperatures)}"
            f" for {len(results)} results"
        )
    for result, t in zip(results, kelvin, strict=True):
        same = all(np.array_equal(getattr(result, n), getattr(results[0], n)) for n in ("field", "lock"))
        if not same or result.isotope != results[0].isotope:
            raise InputError(f"expected the same isotope and fields at every temperature, found others at {t:g} K")
        if result.mean_time.value is None:
            raise InputError(f"no correlation time at {t:g} K ({result.mean_time.status}); leave that temperature out")
    tau = np.array([r.mean_time.value for r in results], dtype=np.float64) * _S_PER_NS
    error = np.array([r.mean_time.std_error or 0.0 for r in results]) * _S_PER_NS / tau
    strength = float(np.mean([r.strength.value for r in results if r.strength.value is not None]))

    weight = 1 / np.maximum(error, 1e-3)
    design = np.column_stack([np.ones_like(kelvin), 1 / (BOLTZMANN_EV * kelvin)]) * weight[:, None]
    solution = np.linalg.lstsq(design, np.log(tau) * weight, rcond=None)[0]
    covariance = np.linalg.inv(design.T @ design)
    degrees = len(kelvin) - 2
    if degrees:  # a scatter beyond the errors widens them
        chi2 = float(np.sum((design @ solution - np.log(tau) * weight) ** 2)) / degrees
        covariance *= max(1.0, chi2)
    draws = np.random.default_rng(seed).multivariate_normal(solution, covariance, size=_DRAWS)

    grid = np.linspace(kelvin.min() / _MARGIN, kelvin.max() * _MARGIN, _POINTS)
    on_grid = np.exp(solution[0] + solution[1] / (BOLTZMANN_EV * grid))
    rates = _rates(results, strength)
    warnings = [w for r in results for w in r.warnings]
    maxima = {}
    method = "Arrhenius law of the mean correlation time, weighted least squares, one correlation time per temperature"
    for name, rate in rates.items():
        log_tau = math.log(_SEARCH[int(np.argmax(rate(_SEARCH)))])

        def position(parameters: FloatArray, log_tau: float = log_tau) -> FloatArray:
            return np.asarray(parameters[..., 1] / (BOLTZMANN_EV * (log_tau - parameters[..., 0])))

        value, spread = float(position(np.asarray(solution, dtype=np.float64))), position(draws)
        if not value > 0:
            maxima[name] = Record(None, "K", method + "; τ does not reach the maximum", status="not_stationary")
            continue
        low, high = (float(q) for q in np.quantile(spread[spread > 0], [0.025, 0.975]))
        maxima[name] = Record(value, "K", method, low, high, float(spread[spread > 0].std()))
        if not kelvin.min() <= value <= kelvin.max():
            warnings.append(
                f"the maximum of {name} at {value:.0f} K is extrapolated: simulated from {kelvin.min():g} "
                f"to {kelvin.max():g} K"
            )
    deviation = np.sqrt(np.diag(covariance))
    parameters: dict[str, Any] = {"temperatures_K": [float(t) for t in kelvin], "seed": seed}
    log_prefactor = float(solution[0]) + math.log(1e12)
    return TemperatureResult(
        observable=results[0].observable,
        warnings=list(dict.fromkeys(warnings)),
        activation=Record(
            float(solution[1]),
            "eV",
            method,
            float(solution[1] - _NORMAL * deviation[1]),
            float(solution[1] + _NORMAL * deviation[1]),
            float(deviation[1]),
        ),
        prefactor=Record(
            math.exp(log_prefactor),
            "ps",
            method,
            math.exp(log_prefactor - _NORMAL * deviation[0]),
            math.exp(log_prefactor + _NORMAL * deviation[0]),
            math.exp(log_prefactor) * float(deviation[0]),
        ),
        maxima=maxima,
        names=list(rates),
        simulated=kelvin,
        mean_time=tau / _S_PER_NS,
        temperature=grid,
        rate=np.array([rate(on_grid) for rate in rates.values()]),
        parameters=parameters,
        provenance=provenance.collect(**parameters),
    )
