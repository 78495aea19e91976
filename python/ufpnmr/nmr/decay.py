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
from ufpnmr.nmr.stretched import Fits, Fixed, fit_curves, model
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.decay import DecayFit
from ufpnmr.results.record import TRUSTWORTHY, Record
from ufpnmr.statistics import student_quantile

__all__ = ["fit_decay"]

FloatArray = npt.NDArray[np.float64]

MINIMUM_REPLICAS = 200
_SIGNIFICANT = 3.0
_SHALLOW = 0.05
_LONGEST_TAU = 1 / 5
_LONGEST_UPPER = 1 / 2
_MANY_TAU = 10
_MINIMUM_LAGS = 8
_BLOCK_IN_TAU = 3
_FEWEST_BLOCKS = 5
_NOT_FITTED = ("covariance", "unit_interval")
_PS_PER_NS = 1e3
_PER_S = 1e12


@dataclasses.dataclass(frozen=True)
class _Curves:
    """Correlation functions over the ensemble's C(0) at the lags of the window, lag 0 kept apart."""

    lag: FloatArray
    mean: FloatArray
    of_ions: FloatArray
    of_blocks: FloatArray
    zero_of_ions: FloatArray
    zero_of_blocks: FloatArray

    def error(self, of_ions: FloatArray, of_blocks: FloatArray) -> Any:
        """Return the larger of the standard errors over ions and over blocks of a mean over axis 0."""
        return np.maximum(*(_standard_error(units) for units in (of_ions, of_blocks)))


def _standard_error(units: FloatArray) -> Any:
    if len(units) < 2:
        return np.zeros(units.shape[1:])
    return units.std(axis=0, ddof=1) / math.sqrt(len(units))


def _curves(correlation: CorrelationResult, window: float) -> _Curves:
    lag = correlation.lag[correlation.fit_index]
    used = (lag > 0) & (lag <= window * (1 + 1e-9))
    if used.sum() < _MINIMUM_LAGS:
        raise InputError(
            f"expected at least {_MINIMUM_LAGS} lags in the window, found {used.sum()} up to {window:g} ps "
            f"(frames every {correlation.interval:g} ps); take a longer window or a longer run"
        )
    of_ions = correlation.sums.sum(axis=0) / correlation.counts.sum(axis=0)
    of_blocks = correlation.sums.mean(axis=1) / correlation.counts
    zero = float(of_ions[:, 0].mean())
    if zero <= 0:
        raise InputError("the correlation function vanishes at lag 0: the observable is zero in every frame")
    of_ions, of_blocks = of_ions / zero, of_blocks / zero
    return _Curves(
        lag[used], of_ions[:, used].mean(axis=0), of_ions[:, used], of_blocks[:, used], of_ions[:, 0], of_blocks[:, 0]
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


def _log_interval(log_value: float, half: float) -> tuple[float, float]:
    return math.exp(max(log_value - half, -700.0)), math.exp(min(log_value + half, 700.0))


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


def _status(tau: float, high: float, duration: float, interval: float) -> str:
    if tau < interval:
        return "undersampled"
    if tau > _LONGEST_TAU * duration or high > _LONGEST_UPPER * duration:
        return "window_too_short"
    return "few_events" if duration < _MANY_TAU * tau else "ok"


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
    least-squares fit from the first lag, weighted with the errors of the curve, repeated on curves resampled over
    ions and, separately, over blocks. The interval of τ is log-normal with Student's quantile; the wider of the two
    is quoted. The covariance of a least-squares fit is not an error here: neighbouring lags are correlated.

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
    curves = _curves(correlation, window)
    sigma = curves.error(curves.of_ions, curves.of_blocks)
    common: dict[str, Any] = {
        "model": {"formula": "A {b² + (1 - b²) exp[-(t/τ)^γ]}", "fixed": dataclasses.asdict(fixed)},
        "observable": correlation.description,
        "warnings": correlation.warnings,
        "duration": correlation.duration,
        "window": [float(curves.lag[0]), float(curves.lag[-1])],
        "lag": curves.lag,
        "curve": curves.mean,
        "std_error": sigma,
        "parameters": {
            **correlation.parameters,
            "normalisation": correlation.normalisation,
            "replicas": replicas,
            "seed": seed,
        },
    }
    common["provenance"] = provenance.collect(**common["parameters"])

    first = float(curves.mean[0])
    drop = float(curves.mean[0] - curves.mean[-1]) / first
    drop_error = float(
        curves.error(curves.of_ions[:, 0] - curves.of_ions[:, -1], curves.of_blocks[:, 0] - curves.of_blocks[:, -1])
    ) / abs(first)
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
    common |= {"z": z, "relative_drop": relative_drop}
    if z < _SIGNIFICANT:
        return _no_decay(curves, max(drop, 0.0) + drop_half, common)
    return _decaying(curves, sigma, fixed, correlation, replicas, seed, common)


def _no_decay(curves: _Curves, largest_drop: float, common: dict[str, Any]) -> DecayFit:
    method = f"decay test: drop of {common['z']:.2f} standard errors, 3 needed"
    shortest = float(curves.lag[-1]) / -math.log1p(-largest_drop) if largest_drop < 1 else None
    bound_ns = None if shortest is None else shortest / _PS_PER_NS
    bounded = f"{method}; bound for b² = 0, γ = 1 from the 97.5 % limit of the drop"
    tail = curves.lag > curves.lag[-1] * 2 / 3
    level = float(curves.mean[tail].mean() / curves.mean[0])
    drop = common["relative_drop"]
    plateau = Record(
        level,
        "1",
        "mean of the last third of the window over C(first lag); interval that of the drop at its end",
        level - (drop.ci_high - drop.value),
        level + (drop.ci_high - drop.value),
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
    curves: _Curves,
    sigma: FloatArray,
    fixed: Fixed,
    correlation: CorrelationResult,
    replicas: int,
    seed: int,
    common: dict[str, Any],
) -> DecayFit:
    rng = np.random.default_rng(seed)
    weights = 1 / np.maximum(sigma, 1e-9) ** 2
    ions = _resample(curves.of_ions, curves.zero_of_ions, replicas, rng)
    blocks = _resample(curves.of_blocks, curves.zero_of_blocks, replicas, rng)
    fits = fit_curves(curves.lag, np.vstack([curves.mean, ions, blocks]), weights, fixed)
    table = _parameters(fits)
    value, of_ions, of_blocks = table[0], table[1 : 1 + replicas], table[1 + replicas :]

    # Blocks shorter than 3 τ are not independent of each other: the quantile counts blocks of that length instead.
    n_blocks = len(curves.of_blocks)
    independent = min(n_blocks, max(_FEWEST_BLOCKS, correlation.duration / (_BLOCK_IN_TAU * math.exp(value[0]))))
    n_ions = len(curves.of_ions)
    quantiles = [student_quantile(n_ions - 1) if n_ions > 1 else 0.0, student_quantile(independent - 1)]
    sd_both = np.array([of_ions.std(axis=0, ddof=1), of_blocks.std(axis=0, ddof=1)])
    half_both = sd_both * np.array(quantiles)[:, None]
    wider = np.argmax(half_both, axis=0)
    pick = wider, np.arange(table.shape[1])
    sd, half = sd_both[pick], half_both[pick]
    names = ("ions", "blocks")

    log_tau = float(value[0])
    tau = math.exp(log_tau)
    high = _log_interval(log_tau, float(half[0]))[1]
    status = _status(tau, high, correlation.duration, correlation.interval)
    method = f"least squares, bootstrap over {names[wider[0]]} (the wider of ions and blocks), log-normal, Student"
    n_eff = float(1 / sd[0] ** 2) if sd[0] > 0 else None

    def positive(log_value: float, k: int, unit: str, scale: float) -> Record:
        lower, upper = _log_interval(log_value, float(half[k]))
        if status == "window_too_short":
            return Record(None, unit, f"{method}; lower end of the 95 % interval", ci_low=lower * scale, status=status)
        if status == "undersampled":
            return Record(None, unit, f"{method}; upper end of the 95 % interval", ci_high=upper * scale, status=status)
        central = math.exp(log_value)
        return Record(
            central * scale,
            unit,
            method,
            lower * scale,
            upper * scale,
            central * float(sd[k]) * scale,
            None,
            n_eff,
            status,
        )

    time = positive(log_tau, 0, "ns", 1 / _PS_PER_NS)
    mean_time = positive(float(value[4]), 4, "ns", 1 / _PS_PER_NS)

    def inverse(bound: float | None) -> float | None:
        return None if bound is None else _PER_S / (bound * _PS_PER_NS)

    rate = Record(
        inverse(time.value),
        "s^-1",
        "1/τ; " + time.method,
        inverse(time.ci_high),
        inverse(time.ci_low),
        None if time.value is None else _PER_S / tau * float(sd[0]),
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
        [bound / _PS_PER_NS for bound in _log_interval(log_tau, float(h))] for h in half_both[:, 0]
    ]
    chosen = (of_ions, of_blocks)[wider[0]]
    return DecayFit(
        status=status,
        shallow=bool(common["relative_drop"].value < _SHALLOW),
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
        },
        fit=shown,
        residual=curves.mean - shown,
        **common,
    )
