"""Decay time of a correlation function, with intervals that survive concerted motion, or the reason why there is none.

Model: A {b² + (1 - b²) exp[-(t/τ)^γ]}, Harper 2025 eq. 5 with a free amplitude, because sampling without averaging
loses the vibrational variance before the first lag. Rules and statuses: spec analysis 1.11, efg 6.6-6.8.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError
from ufpnmr.nmr.decay_errors import TauErrors, tau_errors
from ufpnmr.nmr.hopping_ions import renewal_correction
from ufpnmr.nmr.stretched import Fits, Fixed, fit_curves, model
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.decay import DecayFit
from ufpnmr.results.record import TRUSTWORTHY, Record
from ufpnmr.statistics import student_quantile

__all__ = ["Curves", "Estimate", "estimate", "fit_decay"]

FloatArray = npt.NDArray[np.float64]

MINIMUM_REPLICAS = 200
_SIGNIFICANT = 3.0
_SHALLOW = 0.05
_LONGEST_TAU = 1 / 5
_FEWEST_FRAMES_FREE_GAMMA = 5
"""A shorter τ leaves the start of a stretched decay, which decides γ, between two frames."""
_LONGEST_UPPER = 1 / 2
_FARTHEST_UPPER = math.e
"""Over τ: an error of the first order says nothing about what lies beyond."""
_FEWEST_MOVERS = 5
"""Fewer ions or groups of ions that move independently do not tell their own scatter."""
_FEWEST_MOVERS_FREE_GAMMA = 20
"""A stretched decay is a property of the ensemble: fewer ions do not sample its distribution of rates."""
_FEWEST_DECAYS_FREE_GAMMA = 1000
"""Decay times of all independent ions together, below which the interval of a free γ does not hold (docs/decay.md)."""
_MANY_TAU = 10
_MINIMUM_LAGS = 8
_NOT_FITTED = ("covariance", "unit_interval")
_PS_PER_NS = 1e3
_PER_S = 1e12


@dataclasses.dataclass(frozen=True)
class Curves:
    """Correlation functions over the ensemble's C(0) at the F lags of the window, lag 0 kept apart."""

    lag: FloatArray
    mean: FloatArray
    of_ions: FloatArray
    of_blocks: FloatArray
    cells: FloatArray
    """Share of ion i and block b in the curve over C(0), to first order: (B, N, F)."""
    shares: FloatArray
    zero_of_ions: FloatArray
    zero_of_blocks: FloatArray

    def error(self, of_ions: FloatArray, of_blocks: FloatArray) -> Any:
        """Return the larger of the standard errors over ions and over blocks of a mean over axis 0."""
        return np.maximum(*(_standard_error(units) for units in (of_ions, of_blocks)))


def _standard_error(units: FloatArray) -> Any:
    if len(units) < 2:
        return np.zeros(units.shape[1:])
    return units.std(axis=0, ddof=1) / math.sqrt(len(units))


def _curves(correlation: CorrelationResult, window: float) -> Curves:
    lag = correlation.lag[correlation.fit_index]
    shortest = correlation.parameters.get("shortest_fit_lag_ps", 0.0)
    used = (lag > 0) & (lag >= shortest * (1 - 1e-9)) & (lag <= window * (1 + 1e-9))
    if used.sum() < _MINIMUM_LAGS:
        raise InputError(
            f"expected at least {_MINIMUM_LAGS} lags in the window, found {used.sum()} up to {window:g} ps "
            f"(frames every {correlation.interval:g} ps); take a longer window or a longer run"
        )
    total = correlation.counts.sum(axis=0)
    of_ions = correlation.sums.sum(axis=0) / total
    of_blocks = correlation.sums.mean(axis=1) / correlation.counts
    zero = float(of_ions[:, 0].mean())
    if zero <= 0:
        raise InputError("the correlation function vanishes at lag 0: the observable is zero in every frame")
    of_ions, of_blocks = of_ions / zero, of_blocks / zero
    mean = of_ions[:, used].mean(axis=0)
    cells = correlation.sums / (total * zero)
    shares = correlation.counts / total
    # the curve over C(0) varies with C(0) as well
    cells = cells[:, :, used] - (cells[:, :, :1] - shares[:, None, :1]) * mean
    return Curves(
        lag[used], mean, of_ions[:, used], of_blocks[:, used], cells, shares[:, used], of_ions[:, 0], of_blocks[:, 0]
    )


def _resample(units: FloatArray, zero: FloatArray, replicas: int, rng: np.random.Generator) -> FloatArray:
    """Return bootstrap means (R, F) of the curves of units, each over its own C(0)."""
    n = len(units)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=replicas) / n
    return np.asarray((weights @ units) / (weights @ zero)[:, None])


def _parameters(fits: Fits) -> FloatArray:
    """Return ln τ, A/C(0), b², γ and ln <τ> of each fit (R, 5)."""
    log_tau = np.log(fits.tau)
    log_mean = np.array([math.log(1 / g) + math.lgamma(1 / g) for g in fits.gamma])
    return np.column_stack([log_tau, fits.amplitude, fits.plateau, fits.gamma, log_tau + log_mean])


def _bounded(value: float, half: float, sd: float, fixed: bool, method: str, status: str) -> Record:
    """Return a record of a parameter in [0, 1]."""
    if fixed:
        return Record(value, "1", "fixed", value, value, 0.0)
    if status not in TRUSTWORTHY:
        return Record(None, "1", method, status=status)
    return Record(value, "1", method, max(0.0, value - half), min(1.0, value + half), sd, status=status)


def _complement(record: Record, method: str) -> Record:
    """Return the record of 1 - x."""
    return dataclasses.replace(
        record,
        value=None if record.value is None else 1 - record.value,
        ci_low=None if record.ci_high is None else 1 - record.ci_high,
        ci_high=None if record.ci_low is None else 1 - record.ci_low,
        method=method,
    )


def _status(tau: float, high: float, errors: TauErrors, correlation: CorrelationResult, fixed: Fixed) -> str:
    duration = correlation.duration
    if tau < correlation.interval * (1 if fixed.gamma is not None else _FEWEST_FRAMES_FREE_GAMMA):
        return "undersampled"
    if fixed.gamma is not None and fixed.plateau is not None:  # where the decay ends is known
        too_long = high > _FARTHEST_UPPER * tau
    else:
        too_long = tau > _LONGEST_TAU * duration or high > _LONGEST_UPPER * duration
    if too_long:
        return "window_too_short"
    if _too_few(tau, errors, correlation, fixed):
        return "too_few_events"
    return "few_events" if duration * correlation.parameters.get("runs", 1) < _MANY_TAU * tau else "ok"


def _around(value: float, half: float) -> tuple[float, float]:
    """Return the interval of a positive quantity whose logarithm is known to ± half."""
    reach = math.exp(min(half, 500.0))
    return value / reach, value * reach


def _too_few(tau: float, errors: TauErrors, correlation: CorrelationResult, fixed: Fixed) -> str:
    """Return what is too few for an interval that holds, in words; empty if nothing."""
    free = fixed.gamma is None
    n_ions = len(correlation.ids)
    # that fewer than ten ions move independently cannot be shown well enough to leave five of them for certain
    needed = _FEWEST_MOVERS_FREE_GAMMA if free else min(_FEWEST_MOVERS, n_ions / 2)
    if errors.fewest_movers < needed:
        what = f"{needed:g} needed{' for a free γ' if free else ''}"
        return f"perhaps only {errors.fewest_movers:.1f} ions or groups move independently, {what}"
    decays = errors.movers * correlation.duration * correlation.parameters.get("runs", 1) / tau
    if free and decays < _FEWEST_DECAYS_FREE_GAMMA:
        return f"{decays:.0f} decay times of independent ions, {_FEWEST_DECAYS_FREE_GAMMA} needed for a free γ"
    return ""


def _fixed(gamma: float | str, plateau: float | None, amplitude: float | None) -> Fixed:
    if isinstance(gamma, str) and gamma != "free":
        raise InputError(f"expected gamma as a number in (0, 1] or 'free', found {gamma!r}")
    exponent = None if isinstance(gamma, str) else float(gamma)
    if exponent is not None and not 0 < exponent <= 1:
        raise InputError(f"expected gamma in (0, 1] or 'free', found {gamma}")
    if plateau is not None and not 0 <= plateau < 1:
        raise InputError(f"expected the plateau b² in [0, 1), found {plateau}")
    if amplitude is not None and not 0 < amplitude <= 1:
        raise InputError(f"expected the amplitude A/C(0) in (0, 1], found {amplitude}")
    return Fixed(exponent, plateau, amplitude)


def fit_decay(
    correlation: CorrelationResult,
    *,
    gamma: float | str = 1.0,
    plateau: float | None = None,
    amplitude: float | None = None,
    window: float | None = None,
    replicas: int = 400,
    seed: int = 0,
) -> DecayFit:
    """Fit the decay of a correlation function and say whether to believe it.

    First a test: the drop between the first and the last lag of the window against its standard error, the wider of
    the one over ions and the one over time blocks. Below 3 the status is "no_decay" and only bounds are given. Then a
    least-squares fit from the first lag, weighted with the errors of the curve. The interval of τ follows from the
    first-order error over ions, widened if ions move together (`ufpnmr.nmr.decay_errors`); the other parameters have
    the wider of two bootstrap intervals, over ions and over blocks. The covariance of a least-squares fit is not an
    error here: neighbouring lags are correlated.

    Parameters
    ----------
    correlation : CorrelationResult
        Normalisation does not matter (A is free), but "covariance" and "unit_interval" are refused.
    gamma : float or "free"
        Stretching exponent, fixed in (0, 1] or fitted.
    plateau : float, optional
        b², fixed in [0, 1); fitted by default.
    amplitude : float, optional
        A/C(0), fixed in (0, 1]; fitted by default. Fixing it at 1 is right only if V was averaged over vibrations.
    window : float, optional
        Longest lag, ps; default a quarter of the run.
    replicas : int
        Bootstrap samples over ions and again over blocks, at least 200.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DecayFit

    Raises
    ------
    InputError
        A parameter out of range, a curve that must not be fitted, a window with too few lags.
    """
    if correlation.normalisation in _NOT_FITTED:
        raise InputError(
            f"normalisation {correlation.normalisation!r} is for figures: it removes or invents the plateau; "
            "correlate again with 'zero_lag' or 'raw'"
        )
    if replicas < MINIMUM_REPLICAS:
        raise InputError(f"expected at least {MINIMUM_REPLICAS} replicas, found {replicas}")
    fixed = _fixed(gamma, plateau, amplitude)
    longest = float(correlation.lag[-1])
    window = correlation.duration / 4 if window is None else float(window)
    if not 0 < window <= longest * (1 + 1e-9):
        raise InputError(f"expected a window up to {longest:g} ps (half the run), found {window:g} ps")
    found = estimate(correlation, fixed, window)
    curves = found.curves
    bias = _bias_of_selection(correlation, found, fixed, window)
    common: dict[str, Any] = {
        "model": {"formula": "A {b² + (1 - b²) exp[-(t/τ)^γ]}", "fixed": dataclasses.asdict(fixed)},
        "observable": correlation.description,
        "warnings": [*correlation.warnings, *filter(None, (bias,))],
        "duration": correlation.duration,
        "window": [float(curves.lag[0]), float(curves.lag[-1])],
        "lag": curves.lag,
        "curve": curves.mean,
        "std_error": found.sigma,
        "z": found.z,
        "relative_drop": found.relative_drop,
        "parameters": {
            **correlation.parameters,
            "normalisation": correlation.normalisation,
            "replicas": replicas,
            "seed": seed,
        },
    }
    common["provenance"] = provenance.collect(**common["parameters"])
    if found.fit is None:
        return _no_decay(found, common)
    return _decaying(found, fixed, correlation, replicas, seed, common)


def _bias_of_selection(correlation: CorrelationResult, found: Estimate, fixed: Fixed, window: float) -> str | None:
    """Warn, with the measured bias, of an average over ions that were chosen because they hopped."""
    everyone = correlation.parameters.get("n_ions_in_series", 0)
    if not correlation.parameters.get("by_outcome") or everyone <= len(correlation.ids) or found.fit is None:
        return None
    whole = estimate(renewal_correction(correlation, everyone), fixed, window)
    if whole.fit is None:
        return "measured bias: with the other ions put back as constant nothing decays"
    ratio = float(found.fit.tau[0] / whole.fit.tau[0])
    return (
        f"measured bias: τ of these {len(correlation.ids)} ions is {ratio:.2g} times that with the other "
        f"{everyone - len(correlation.ids)} put back as constant (renewal correction)"
    )


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Decay test, fit and error of τ, before any resampling."""

    curves: Curves
    sigma: FloatArray
    z: float
    relative_drop: Record
    status: str
    fit: Fits | None = None
    """One fit; None for "no_decay"."""
    errors: TauErrors | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of τ, ps, whatever the status; (0, inf) without a decay."""
        if self.fit is None or self.errors is None:
            return 0.0, math.inf
        return _around(float(self.fit.tau[0]), self.errors.quantile * self.errors.std_error)


def estimate(correlation: CorrelationResult, fixed: Fixed, window: float) -> Estimate:
    """Test for a decay, fit it, and find the first-order error of τ and the status.

    Parameters
    ----------
    correlation : CorrelationResult
    fixed : Fixed
    window : float
        Longest lag, ps.
    """
    curves = _curves(correlation, window)
    sigma = curves.error(curves.of_ions, curves.of_blocks)
    level = float(curves.mean[0])
    drop = float(curves.mean[0] - curves.mean[-1]) / level
    drop_error = float(
        curves.error(curves.of_ions[:, 0] - curves.of_ions[:, -1], curves.of_blocks[:, 0] - curves.of_blocks[:, -1])
    ) / abs(level)
    z = drop / max(drop_error, 1e-12)
    smallest_sample = min(n for n in (len(curves.of_ions), len(curves.of_blocks)) if n > 1)
    drop_half = student_quantile(smallest_sample - 1) * drop_error
    relative_drop = Record(
        drop,
        "1",
        "drop from the first to the last lag over C(first lag); wider of ion and block error, Student",
        drop - drop_half,
        drop + drop_half,
        drop_error,
    )
    if z < _SIGNIFICANT:
        return Estimate(curves, sigma, z, relative_drop, "no_decay")
    weights = 1 / np.maximum(sigma, 1e-9) ** 2
    fit = fit_curves(curves.lag, curves.mean[None], weights, fixed)
    best = float(fit.tau[0]), float(fit.amplitude[0]), float(fit.plateau[0]), float(fit.gamma[0])
    free = fixed.amplitude is None, fixed.plateau is None, fixed.gamma is None
    length = correlation.duration * correlation.parameters.get("runs", 1) / best[0]
    errors = tau_errors(curves.lag, curves.cells, curves.shares, weights, best, free, length)
    found = Estimate(curves, sigma, z, relative_drop, "ok", fit, errors)
    return dataclasses.replace(found, status=_status(best[0], found.interval[1], errors, correlation, fixed))


def _no_decay(found: Estimate, common: dict[str, Any]) -> DecayFit:
    curves, drop = found.curves, found.relative_drop
    half = float(drop.ci_high or 0.0) - float(drop.value or 0.0)
    largest_drop = max(max(float(drop.value or 0.0), 0.0) + half, float(np.finfo(np.float64).eps))
    method = f"decay test: drop of {common['z']:.2f} standard errors, 3 needed"
    shortest = float(curves.lag[-1]) / -math.log1p(-largest_drop) if largest_drop < 1 else None
    bound_ns = None if shortest is None else shortest / _PS_PER_NS
    bounded = f"{method}; bound for b² = 0, γ = 1 from the 97.5 % limit of the drop"
    tail = curves.lag > curves.lag[-1] * 2 / 3
    level = float(curves.mean[tail].mean() / curves.mean[0])
    plateau = Record(
        level,
        "1",
        "mean of the last third of the window over C(first lag); interval that of the drop at its end",
        level - half,
        level + half,
        drop.std_error,
    )
    nothing = Record(None, "1", method, status="no_decay")
    return DecayFit(
        status="no_decay",
        shallow=False,
        tau=Record(None, "ns", bounded, ci_low=bound_ns, status="no_decay"),
        mean_time=Record(None, "ns", bounded, ci_low=bound_ns, status="no_decay"),
        rate=Record(None, "s^-1", bounded, ci_high=None if shortest is None else _PER_S / shortest, status="no_decay"),
        plateau=plateau,
        gamma=nothing,
        amplitude=nothing,
        vibrational_fraction=nothing,
        interval_over_ions=[None, None],
        interval_over_blocks=[None, None],
        covariance={},
        fit=None,
        residual=None,
        **common,
    )


def _decaying(
    found: Estimate, fixed: Fixed, correlation: CorrelationResult, replicas: int, seed: int, common: dict[str, Any]
) -> DecayFit:
    curves, errors, status = found.curves, found.errors, found.status
    assert found.fit is not None
    assert errors is not None
    rng = np.random.default_rng(seed)
    weights = 1 / np.maximum(found.sigma, 1e-9) ** 2
    ions = _resample(curves.of_ions, curves.zero_of_ions, replicas, rng)
    blocks = _resample(curves.of_blocks, curves.zero_of_blocks, replicas, rng)
    near = float(found.fit.tau[0]), float(found.fit.gamma[0])
    resampled = fit_curves(curves.lag, np.vstack([ions, blocks]), weights, fixed, near)
    fits = Fits(*(np.concatenate(pair) for pair in zip(found.fit, resampled, strict=True)))
    table = _parameters(fits)
    value, of_ions, of_blocks = table[0], table[1 : 1 + replicas], table[1 + replicas :]

    n_ions, n_blocks = len(curves.of_ions), len(curves.of_blocks)
    quantiles = [student_quantile(n_ions - 1) if n_ions > 1 else 0.0, errors.quantile_over_blocks]
    sd_both = np.array([of_ions.std(axis=0, ddof=1), of_blocks.std(axis=0, ddof=1)])
    sd_both *= np.sqrt([n_ions / max(n_ions - 1, 1), n_blocks / (n_blocks - 1)])[:, None]
    half_both = sd_both * np.array(quantiles)[:, None]
    wider = np.argmax(half_both, axis=0)
    pick = wider, np.arange(table.shape[1])
    sd, half = sd_both[pick], half_both[pick]
    names = ("ions", "blocks")

    log_tau = float(value[0])
    tau = math.exp(log_tau)
    together = "" if errors.unit == "ions" else f", {errors.together:.1f} times the variance of independent ions"
    method = f"least squares; first-order error of ln τ over {errors.unit}{together}, t = {errors.quantile:.2f}"
    n_eff = 1 / errors.std_error**2 if errors.std_error > 0 else None

    def positive(log_value: float, sd_log: float) -> Record:
        lower, upper = _around(math.exp(log_value) / _PS_PER_NS, errors.quantile * sd_log)
        if status == "window_too_short":
            return Record(None, "ns", f"{method}; lower end of the 95 % interval", ci_low=lower, status=status)
        if status == "too_few_events":
            reason = _too_few(tau, errors, correlation, fixed)
            return Record(None, "ns", f"{method}; {reason}", lower, upper, status=status)
        if status == "undersampled":
            return Record(None, "ns", f"{method}; upper end of the 95 % interval", ci_high=upper, status=status)
        central = math.exp(log_value) / _PS_PER_NS
        return Record(central, "ns", method, lower, upper, central * sd_log, None, n_eff, status)

    time = positive(log_tau, errors.std_error)
    widening = max(float(half[4]) / max(errors.quantile * errors.std_error, 1e-12), 1.0)
    mean_time = positive(float(value[4]), widening * errors.std_error)

    def inverse(bound: float | None) -> float | None:
        return None if bound is None else _PER_S / (bound * _PS_PER_NS)

    rate = Record(
        inverse(time.value),
        "s^-1",
        "1/τ; " + time.method,
        inverse(time.ci_high),
        inverse(time.ci_low),
        None if time.value is None else _PER_S / tau * errors.std_error,
        None,
        time.n_eff,
        status,
    )
    normal = "least squares, bootstrap over {}, normal, Student"
    bounded = [
        _bounded(float(value[k]), float(half[k]), float(sd[k]), is_fixed, normal.format(names[wider[k]]), status)
        for k, is_fixed in (
            (1, fixed.amplitude is not None),
            (2, fixed.plateau is not None),
            (3, fixed.gamma is not None),
        )
    ]
    lost = _complement(bounded[0], "1 - A/C(0); " + bounded[0].method)
    shown = model(curves.lag, tau, float(fits.amplitude[0]), float(fits.plateau[0]), float(fits.gamma[0]))
    intervals: list[list[float | None]] = [
        list(_around(tau / _PS_PER_NS, quantile * sd_log))
        for quantile, sd_log in (
            (errors.quantile_over_ions, errors.over_ions),
            (errors.quantile_over_blocks, errors.over_blocks),
        )
    ]
    chosen = (of_ions, of_blocks)[wider[0]]
    return DecayFit(
        status=status,
        shallow=bool((found.relative_drop.value or 0.0) < _SHALLOW),
        tau=time,
        mean_time=mean_time,
        rate=rate,
        amplitude=bounded[0],
        plateau=bounded[1],
        gamma=bounded[2],
        vibrational_fraction=lost,
        interval_over_ions=intervals[0],
        interval_over_blocks=intervals[1],
        covariance={
            "names": ["ln tau", "A/C(0)", "b2", "gamma"],
            "matrix": np.cov(chosen[:, :4], rowvar=False).tolist(),
            "resampled": names[wider[0]],
            "at_bound": float(fits.at_bound[1:].mean()),
            "variance_ratio_of_blocks": errors.together,
        },
        fit=shown,
        residual=curves.mean - shown,
        **common,
    )
