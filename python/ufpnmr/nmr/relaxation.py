"""Quadrupolar relaxation rates out of correlation functions of the field gradient, of a powder or of a crystal.

J(ω) = (1/30)(eQ/ħ)² ∫0^∞ C(t) cos ωt dt with C(t) = <V(0):V(t)> of the part that fluctuates (spec efg 6.9). C is
described by a sum of exponentials with non-negative weights on a fixed grid of correlation times and a constant, the
static part: for a reversible process C is such a sum (a spectral decomposition), its transform is known in closed form
at every ω, and the tail beyond the data needs no rule of its own. In a single crystal the components of V along the
field take the place of C, J_m(ω) = (1/6)(eQ/ħ)² ∫0^∞ <V_m V_m*> cos ωt dt at ω = m ω0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError
from ufpnmr.isotopes import Isotope
from ufpnmr.isotopes import isotope as find_isotope
from ufpnmr.nmr.decay import fit_decay
from ufpnmr.nmr.frequencies import convention_factor
from ufpnmr.nmr.observables import ALONG_FIELD
from ufpnmr.nmr.redfield import longitudinal, spin_locked, transverse
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.decay import DecayFit
from ufpnmr.results.record import Record
from ufpnmr.results.relaxation import RelaxationResult
from ufpnmr.statistics import student_quantile

__all__ = ["relaxation", "spectral_density"]

FloatArray = npt.NDArray[np.float64]

_TIMES_PER_DECADE = 8
_REPLICAS = 200
_SAMPLES_PER_PERIOD = 8
_SLOW = 0.1  # of rms ω τ: beyond that second order is not enough
_S_PER_PS = 1e-12
_PS_PER_NS = 1e3
_DENSITY_PER_KHZ2 = math.pi**2 * 1e6  # (1/30)(2πκ)² C over the powder correlation (2/15)κ² C in kHz²


class _Densities(NamedTuple):
    """Correlation as Σ_j a_j exp(-t/τ_j) + static."""

    tau: FloatArray
    """(J,) s."""
    weights: FloatArray
    """(R, J) kHz², the first row from all data."""
    static: FloatArray
    """(R,) kHz²."""
    n_ion_replicas: int

    def at(self, omega: npt.ArrayLike) -> FloatArray:
        """Return J (R, W) s⁻¹ at angular frequencies (W,) rad/s."""
        w = np.atleast_1d(np.asarray(omega, dtype=np.float64))
        lorentz = self.tau[:, None] / (1 + (w * self.tau[:, None]) ** 2)
        return np.asarray(_DENSITY_PER_KHZ2 * self.weights @ lorentz)


def _exponentials(lag: FloatArray, curves: FloatArray, sigma: FloatArray, tau: FloatArray) -> tuple[FloatArray, ...]:
    from scipy.optimize import nnls

    design = np.hstack([np.exp(-lag[:, None] / tau), np.ones((len(lag), 1))]) / sigma[:, None]
    solutions = np.array([nnls(design, curve / sigma)[0] for curve in curves])
    return solutions[:, :-1], solutions[:, -1]


def spectral_density(correlation: CorrelationResult, *, replicas: int = _REPLICAS, seed: int = 0) -> _Densities:
    """Describe a powder correlation function and its bootstrap replicas by exponentials.

    Parameters
    ----------
    correlation : CorrelationResult
        Observable "powder", or of a crystal "omega_q", "lab_1" or "lab_2"; nothing removed.
    replicas : int
        Resamples over ions and again over blocks.
    seed : int

    Returns
    -------
    object with ``at(omega)`` -> J (1 + 2 replicas, W) s⁻¹; the first row is the estimate
    """
    if correlation.removed != "nothing":
        raise InputError(
            f"expected a correlation function with nothing removed, found {correlation.observable} with "
            f"{correlation.removed} removed; correlate with normalisation 'zero_lag'"
        )
    spin = float(correlation.isotope["spin"])
    scale = convention_factor(correlation.convention, spin) ** 2
    lag = correlation.lag[correlation.fit_index]
    used = (lag > 0) & (lag <= correlation.duration / 4 * (1 + 1e-9))
    lag = lag[used] * _S_PER_PS
    of_ions = (correlation.sums.sum(axis=0) / correlation.counts.sum(axis=0))[:, used] / scale
    of_blocks = (correlation.sums.mean(axis=1) / correlation.counts)[:, used] / scale
    mean = of_ions.mean(axis=0)
    errors = [u.std(axis=0, ddof=1) / math.sqrt(len(u)) for u in (of_ions, of_blocks) if len(u) > 1]
    sigma = np.maximum(np.max(errors, axis=0), 1e-6 * abs(mean[0]))
    rng = np.random.default_rng(seed)
    resampled = [
        rng.multinomial(len(u), np.full(len(u), 1 / len(u)), size=replicas) @ u / len(u) for u in (of_ions, of_blocks)
    ]
    decades = math.log10(lag[-1] / lag[0])
    tau = np.geomspace(lag[0], lag[-1], max(2, round(decades * _TIMES_PER_DECADE) + 1))
    weights, static = _exponentials(lag, np.vstack([mean[None], *resampled]), sigma, tau)
    return _Densities(tau, weights, static, replicas)


def _interval(values: FloatArray, n_ions: int, n_blocks: int, replicas: int) -> tuple[FloatArray, FloatArray]:
    """Return the larger log-normal half-width (W,) and standard error of ln, over ions and over blocks."""
    logs = np.log(np.maximum(values, 1e-300))
    ions, blocks = logs[1 : 1 + replicas].std(axis=0, ddof=1), logs[1 + replicas :].std(axis=0, ddof=1)
    half_ions = ions * (student_quantile(n_ions - 1) if n_ions > 1 else 0.0)
    half_blocks = blocks * student_quantile(n_blocks - 1)
    return np.maximum(half_ions, half_blocks), np.where(half_ions > half_blocks, ions, blocks)


def _record(value: float, half: float, error: float, unit: str, method: str, status: str) -> Record:
    if status not in ("ok", "few_events"):
        return Record(None, unit, method, status=status)
    half = min(half, 700.0)
    return Record(value, unit, method, value * math.exp(-half), value * math.exp(half), value * error, status=status)


def _status(fits: Sequence[DecayFit], needed: int) -> str:
    """Return the status of rates made from these components, the first `needed` of which must decay (0: any one).

    A component that does not decay contributes nothing; one whose decay is too slow or too fast to see is not known.
    """
    statuses = [fit.status for fit in fits]
    if "no_decay" in statuses[:needed] or set(statuses) == {"no_decay"}:
        return "no_decay"
    if not set(statuses) <= {"ok", "few_events", "no_decay"}:
        return "window_too_short"
    return "few_events" if "few_events" in statuses else "ok"


def _by_order(correlation: CorrelationResult | Sequence[CorrelationResult]) -> list[CorrelationResult]:
    """Return the correlation functions of V_0, V_±1 and V_±2: one of a powder, or three of a crystal."""
    given = [correlation] if isinstance(correlation, CorrelationResult) else list(correlation)
    names = tuple(curve.observable for curve in given)
    if names == ("powder",):
        return given * 3
    if names != ALONG_FIELD:
        raise InputError(
            f"expected the powder correlation function, or for a crystal {', '.join(ALONG_FIELD)} in this order, "
            f"found {', '.join(names)}"
        )
    first = given[0]
    for curve in given[1:]:
        same = all(getattr(curve, n) == getattr(first, n) for n in ("field", "isotope", "convention", "duration"))
        if not same or not np.array_equal(curve.ids, first.ids):
            raise InputError(
                f"expected {curve.observable} of the same ions, isotope, convention and field as {first.observable}"
            )
    return given


def relaxation(
    correlation: CorrelationResult | Sequence[CorrelationResult],
    fields: Sequence[float],
    *,
    spin_lock: Sequence[float] = (),
    isotope: str | Isotope | None = None,
    replicas: int = _REPLICAS,
    seed: int = 0,
) -> RelaxationResult:
    """Return quadrupolar R1, R2 and R1ρ at a list of fields.

    Parameters
    ----------
    correlation : CorrelationResult or three of them
        Of observable "powder"; or, of a single crystal, of "omega_q", "lab_1" and "lab_2" with the same field. Averaged
        over vibrations first, because sub-sampling at Δ adds σ_vib² Δ/2 to ∫ C dt.
    fields : sequence of float
        Magnetic fields, T.
    spin_lock : sequence of float
        Locking fields ω1/2π, kHz.
    isotope : str or Isotope, optional
        Only for its gyromagnetic ratio; default that of the correlation function.
    replicas : int
        Bootstrap samples over ions and again over blocks; the wider interval is quoted, log-normal, Student.
    seed : int

    Returns
    -------
    RelaxationResult
        A rate is "undersampled" where the frames are further apart than 1/(8 ν0), and R2 and R1ρ are "slow_motion"
        where the root mean square of ω times the correlation time exceeds 0.1. Nothing is claimed without a decay: R1
        of a crystal needs that of "lab_1" or "lab_2", the other rates that of ω_Q, whose strength, mean time and static
        rest are given.
    """
    curves = _by_order(correlation)
    correlation = curves[0]
    field = np.asarray(fields, dtype=np.float64)
    lock = np.asarray(spin_lock, dtype=np.float64)
    if field.ndim != 1 or not len(field) or not np.isfinite(field).all() or (field <= 0).any():
        raise InputError(f"expected at least one magnetic field above zero in tesla, found {list(fields)}")
    if lock.ndim != 1 or (lock <= 0).any():
        raise InputError(f"expected spin-lock fields above zero in kHz, found {list(spin_lock)}")
    nucleus = find_isotope(correlation.isotope["name"] if isotope is None else isotope)
    spin = float(correlation.isotope["spin"])
    crystal = correlation.observable != "powder"
    fits = [fit_decay(curve) for curve in curves] if crystal else [fit_decay(correlation)] * 3
    # one seed: the same resamples of ions and blocks for all three
    orders = [spectral_density(curve, replicas=replicas, seed=seed) for curve in (curves if crystal else curves[:1])]
    orders = orders if crystal else orders * 3
    densities = orders[0]
    n_blocks, n_ions = correlation.sums.shape[:2]

    larmor = np.abs(field * nucleus.larmor_mhz_per_tesla)
    omega0 = 2e6 * math.pi * larmor
    j = np.stack([each.at(m * omega0) for m, each in enumerate(orders)], axis=2)
    half, _ = _interval(j.reshape(len(j), -1), n_ions, n_blocks, replicas)
    half = np.minimum(half.reshape(j.shape[1:]), 700.0)

    omega1 = 2e3 * math.pi * lock
    locked = np.stack([densities.at(np.zeros(len(lock))), densities.at(omega1), densities.at(2 * omega1)], axis=2)
    fluctuating = densities.weights.sum(axis=1)  # kHz²
    mean_time = (densities.weights @ densities.tau) / np.maximum(fluctuating, 1e-300)
    factor = convention_factor("satellite", spin)
    redfield = 2e3 * math.pi * factor * math.sqrt(fluctuating[0]) * mean_time[0]
    static = factor * math.sqrt(densities.static[0])

    method = "sum of exponentials, bootstrap over ions and blocks (the wider), log-normal, Student"
    base = _status(fits[:1], 1)
    rates: dict[str, Record] = {}
    components = []
    for f, tesla in enumerate(field):
        sampled = correlation.interval * _S_PER_PS * _SAMPLES_PER_PERIOD * larmor[f] * 1e6 <= 1
        samples = {"R1": [longitudinal(spin, x) for x in j[:, f]], "R2": [transverse(spin, x) for x in j[:, f]]}
        for w, khz in enumerate(lock):
            samples[f"R1rho({khz:g} kHz)"] = [
                spin_locked(spin, x, y) for x, y in zip(j[:, f], locked[:, w], strict=True)
            ]
        components.append({name: values[0] for name, values in samples.items()})
        for name, values in samples.items():
            status = _status(fits[1:], 0) if name == "R1" else _status(fits, 1)
            if status in ("ok", "few_events") and not sampled:
                status = "undersampled"
            if name != "R1" and status in ("ok", "few_events") and redfield > _SLOW:
                status = "slow_motion"
            slopes = np.array([[v.initial] for v in values])
            width, error = _interval(slopes, n_ions, n_blocks, replicas)
            what = f"initial slope of {name}; {method}"
            rates[f"{name}, {tesla:g} T"] = _record(
                values[0].initial, float(width[0]), float(error[0]), "s^-1", what, status
            )
    strength_width, strength_error = _interval(fluctuating[:, None], n_ions, n_blocks, replicas)
    time_width, time_error = _interval(mean_time[:, None], n_ions, n_blocks, replicas)

    lag = correlation.lag[correlation.fit_index]
    warnings = list(correlation.warnings)
    if static > 0.1 * factor * math.sqrt(fluctuating[0]):
        warnings.append(
            f"satellite frequencies of {static:.3g} kHz rms do not average out: with that splitting resolved, "
            "transverse rates belong to single transitions"
        )
    if correlation.parameters.get("average_ps") is None:
        warnings.append(
            f"tensors not averaged over vibrations: sampling every {correlation.interval:g} ps turns their variance "
            "into noise; average first"
        )
    conversion = convention_factor(correlation.convention, spin) ** 2
    curve = (correlation.sums.sum(axis=(0, 1)) / (correlation.counts.sum(axis=0) * n_ions)) / conversion
    model = np.exp(-lag[:, None] * _S_PER_PS / densities.tau) @ densities.weights[0] + densities.static[0]
    parameters = {**correlation.parameters, "replicas": replicas, "seed": seed, "decay_test_z": fits[0].z}
    return RelaxationResult(
        status="no_decay" if all(fit.status == "no_decay" for fit in fits) else "ok",
        observable=correlation.description + (", with lab_1 and lab_2: single crystal" if crystal else ""),
        isotope=correlation.isotope,
        warnings=warnings,
        strength=_record(
            _DENSITY_PER_KHZ2 * fluctuating[0], float(strength_width[0]), float(strength_error[0]), "s^-2", method, base
        ),
        mean_time=_record(
            mean_time[0] / _S_PER_PS / _PS_PER_NS, float(time_width[0]), float(time_error[0]), "ns", method, base
        ),
        redfield=redfield,
        static=static,
        rates=rates,
        field=field,
        larmor=larmor,
        density=j[0],
        density_low=j[0] * np.exp(-half),
        density_high=j[0] * np.exp(half),
        r1=np.array([c["R1"].rates for c in components]),
        r1_weight=np.array([c["R1"].weights for c in components]),
        r2=np.array([c["R2"].rates for c in components]),
        r2_weight=np.array([c["R2"].weights for c in components]),
        lock=lock,
        r1rho=np.array([[c[f"R1rho({khz:g} kHz)"].initial for khz in lock] for c in components]),
        time=lag,
        correlation=curve,
        model=model,
        parameters=parameters,
        provenance=provenance.collect(**parameters),
    )
