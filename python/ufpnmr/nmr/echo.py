"""Stimulated echoes with finite pulse separations, Harper 2025 eq. 3, out of a tensor series.

F(tp, tm, td) = Σ_r λ_r <h_r(φp) h_r(φd)> over ions, time origins and field directions b, with φ the phase that the
innermost satellite collects (convention "satellite_rad") and h_r the functions that the pulses of the sequence give
(`ufpnmr.nmr.spin.echo_sequence`). For one ion and one frame, h_r over all directions is a vector, so F is the mean
scalar product of two such vectors. They are short once rotated to their principal components: phases of a few radians
make smooth functions of b.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError
from ufpnmr.isotopes import Isotope
from ufpnmr.isotopes import isotope as find_isotope
from ufpnmr.nmr.frequencies import convention_factor, quadrupolar_product
from ufpnmr.nmr.observables import field_direction
from ufpnmr.nmr.quadrature import echo_degree, sphere_rule
from ufpnmr.nmr.spin import EchoSequence, echo_sequence
from ufpnmr.results.echo import EchoResult
from ufpnmr.statistics import block_edges, log_spaced

if TYPE_CHECKING:
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["PHASES", "stimulated_echo"]

FloatArray = npt.NDArray[np.float64]
Floating = npt.NDArray[np.floating]

PHASES = ("static", "window")

_BLOCKS = 16
_PS_PER_US = 1e6
_S_PER_PS = 1e-12
_SAMPLE = 400  # tensors on which the degree and the principal components are decided
_DEGREE_STEP = 12
_HIGHEST_DEGREE = 600
_QUANTILE = 0.999
_DOUBLE = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])


@dataclasses.dataclass(frozen=True)
class _Directions:
    """Field directions as weights of the six tensor columns, and the functions of the phase at them."""

    sequence: EchoSequence
    columns: FloatArray
    """(6, D) rad per V/Å² s."""
    weight: FloatArray
    """(D,) quadrature weights, of sum 1."""
    degree: int

    @classmethod
    def of_rule(cls, sequence: EchoSequence, rate: float, degree: int, field: FloatArray | None) -> _Directions:
        b, weight = sphere_rule(degree) if field is None else (field[None], np.ones(1))
        x, y, z = b.T
        columns = rate * np.array([x * x, y * y, z * z, x * y, x * z, y * z]) * _DOUBLE[:, None]
        return cls(sequence, columns, weight, degree if field is None else 0)

    def vectors(self, tensors: Floating) -> Floating:
        """Return h_r at all directions (n, R D) of time integrals of tensors (n, 6), V s/Å², of their precision."""
        values = self.sequence.evaluate(tensors @ self.columns.astype(tensors.dtype))
        return np.asarray(values[0] if len(values) == 1 else np.concatenate(values, axis=1))

    @property
    def metric(self) -> FloatArray:
        """λ_r w of each column of `vectors`: F is the sum over columns of metric h_r(φp) h_r(φd)."""
        return np.outer(self.sequence.factors()[0], self.weight).ravel()


def _integrals(series: TensorSeries, ion: int, frames: int, duration: float, windowed: bool) -> Floating:
    """Return the integral of V over `duration` (s) from every frame on, (T', 6) V s/Å²."""
    V = np.asarray(series.V[:, ion])
    if not windowed:
        return np.asarray(V * V.dtype.type(duration))
    running = np.vstack([np.zeros(6), np.cumsum((V[1:].astype(np.float64) + V[:-1]) / 2, axis=0)])
    step = duration / frames
    return np.asarray((running[frames:] - running[:-frames]) * step, dtype=np.float32)


def _adapted(
    sequence: EchoSequence, rate: float, pairs: tuple[Floating, Floating], degree: int, accuracy: float
) -> _Directions:
    """Raise the degree until the average over directions of sampled pairs of tensors agrees with a finer rule."""

    def average(rule: _Directions) -> FloatArray:
        p, d = (rule.vectors(tensors) for tensors in pairs)
        return np.asarray((p * d) @ rule.metric)

    value = None
    while degree <= _HIGHEST_DEGREE:
        rule = _Directions.of_rule(sequence, rate, degree, None)
        before, value = value, average(rule)
        if before is not None and np.abs(value - before).mean() <= accuracy:
            return rule
        degree += _DEGREE_STEP
    raise InputError(
        f"the powder average needs a sphere rule beyond degree {_HIGHEST_DEGREE}; expected phases below about "
        f"{_HIGHEST_DEGREE / 5:.0f} rad: shorten tp and td or ask for less accuracy"
    )


def _compression(rule: _Directions, sample: Floating, accuracy: float) -> tuple[Floating, Floating]:
    """Return a projector (R D, K) and a metric (K,): F = Σ metric (P h_p)(P h_d) to `accuracy` on a sample (n, 6)."""
    vectors, values, n = rule.vectors(sample).astype(np.float64), rule.sequence.factors()[0], len(rule.weight)
    projectors, metric = [], []
    for r, value in enumerate(values):
        part = slice(r * n, (r + 1) * n)
        scaled = vectors[:, part] * np.sqrt(rule.weight)
        weights, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        lost = np.cumsum(np.maximum(weights, 0.0)) * abs(value)
        kept = np.zeros((vectors.shape[1], int((lost > accuracy / len(values)).sum())))
        kept[part] = np.sqrt(rule.weight)[:, None] * axes[:, len(axes) - kept.shape[1] :]
        projectors.append(kept)
        metric.append(np.full(kept.shape[1], value))
    return np.hstack(projectors).astype(np.float32), np.concatenate(metric).astype(np.float32)


def _lag_sums(p: Floating, d: Floating, lags: npt.NDArray[np.int64], edges: list[npt.NDArray[np.int64]]) -> FloatArray:
    """Return sums (B, M) of p(t)·d(t + lag) over blocks of origins; p, d (T, K), contiguous."""
    sums = np.empty((len(edges[0]) - 1, len(lags)))
    for m, (lag, edge) in enumerate(zip(lags, edges, strict=True)):
        for b, (start, stop) in enumerate(itertools.pairwise(edge)):
            sums[b, m] = np.dot(p[start:stop].ravel(), d[start + lag : stop + lag].ravel())
    return sums


def _mean(vectors: Floating) -> FloatArray:
    """Return the mean over frames; a product with ones is many times faster than a sum along the first axis."""
    return np.asarray((np.ones(len(vectors), vectors.dtype) @ vectors) / len(vectors), dtype=np.float64)


def _window_frames(duration_us: float, interval: float, what: str) -> int:
    frames = round(duration_us * _PS_PER_US / interval)
    if frames < 1 or abs(duration_us * _PS_PER_US - frames * interval) > 0.01 * interval:
        raise InputError(
            f"expected {what} as a multiple of the frame interval {interval:g} ps, found {duration_us:g} µs"
        )
    return frames


def _standard_error(sums: FloatArray, counts: npt.NDArray[np.int64]) -> FloatArray:
    units = (sums.sum(axis=0) / counts.sum(axis=0), sums.mean(axis=1) / counts)
    errors = [u.std(axis=0, ddof=1) / math.sqrt(len(u)) if len(u) > 1 else np.zeros(u.shape[1]) for u in units]
    return np.asarray(np.maximum(*errors))


def _durations(values: npt.ArrayLike, what: str) -> FloatArray:
    out = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if out.ndim != 1 or not len(out) or not np.isfinite(out).all() or (out <= 0).any():
        raise InputError(f"expected {what} as positive times in µs, found {values!r}")
    return out


def stimulated_echo(
    series: TensorSeries,
    tp: npt.ArrayLike,
    td: npt.ArrayLike | None = None,
    *,
    isotope: str | Isotope = "7Li",
    sequence: str = "sin-sin",
    angle: float | None = None,
    phase: str = "static",
    field: str | npt.ArrayLike | None = None,
    accuracy: float = 1e-4,
    degree: int | None = None,
    n_lags: int = 60,
    n_blocks: int = _BLOCKS,
) -> EchoResult:
    """Compute the stimulated-echo signal over pulse separations and mixing times.

    Parameters
    ----------
    series : TensorSeries
        time (T,) ps equally spaced, V (T, N, 6) V/Å².
    tp : float or array_like (P,), µs
        Separation of the first two pulses.
    td : float or array_like (P,), µs, optional
        Time after the third pulse at which the signal is read; default tp, the top of the echo.
    isotope : str or Isotope
    sequence, angle : str, float
        See `ufpnmr.nmr.spin.echo_sequence`; the prefactor follows from them.
    phase : {"static", "window"}
        "static", eq. 3 literally: ω at the frame times tp or td, right only if nothing moves during them. "window":
        the integral of V over the interval, so that motion averages during it; tp + tm + td must fit into the series.
    field : array_like (3,) or {"a", "b", "c"}, optional
        Direction in a single crystal, in the axes of V or a lattice vector; by default a powder, averaged by a sphere
        rule whose degree is chosen from the 99.9 % quantile of P_Q and raised until a finer rule agrees on sampled
        pairs of tensors.
    accuracy : float
        Of the average over directions, absolute in F.
    degree : int, optional
        Fixes the degree of the sphere rule.
    n_lags : int
        Log-spaced mixing times up to half the series, beside 0.
    n_blocks : int
        Blocks of time origins for the errors, at least 16.

    Returns
    -------
    EchoResult

    Raises
    ------
    InputError
        Uneven frames, a tensor that is not finite, durations that do not fit, unknown names.
    """
    if phase not in PHASES:
        raise InputError(f"expected phase to be static or window, found {phase!r}")
    if n_blocks < _BLOCKS:
        raise InputError(f"expected at least {_BLOCKS} blocks for an honest error, found {n_blocks}")
    tp_us = _durations(tp, "tp")
    td_us = tp_us if td is None else np.broadcast_to(_durations(td, "td"), tp_us.shape)
    nucleus = find_isotope(isotope)
    pulses = echo_sequence(nucleus.spin, sequence, angle)
    interval, n_frames, n_ions = series.interval, len(series.time), len(series.ids)
    if n_ions == 0:
        raise InputError("expected at least one ion in the tensor series, found none")
    bad = np.argwhere(~np.isfinite(series.V))
    if len(bad):
        raise InputError(f"tensor that is not finite at frame {bad[0][0]}, atom {series.ids[bad[0][1]]}")
    direction = None if field is None else field_direction(field, series.cell)
    windowed = phase == "window"
    frames = [
        [_window_frames(t, interval, what) if windowed else 0 for t in times]
        for times, what in ((tp_us, "tp"), (td_us, "td"))
    ]
    longest = max(a + b for a, b in zip(*frames, strict=True))
    usable = n_frames - longest
    if usable < 2 * n_blocks:
        raise InputError(
            f"expected tp + td and at least {2 * n_blocks} time origins inside the series of "
            f"{n_frames * interval / _PS_PER_US:g} µs, found room for {max(usable, 0)}: "
            f"shorten tp and td or use phase='static'"
        )
    lags = np.concatenate([[0], log_spaced(usable // 2, n_lags)])

    rng = np.random.default_rng(0)
    picks = rng.integers(0, n_frames, (2, _SAMPLE)), rng.integers(0, n_ions, (2, _SAMPLE))
    sampled = np.asarray(series.V)[picks]
    products = np.abs(quadrupolar_product(sampled, nucleus)).ravel()
    largest = float(np.quantile(products, _QUANTILE))
    rate = 2e3 * math.pi * nucleus.coupling_khz * convention_factor("satellite", nucleus.spin)

    shape = len(tp_us), n_blocks, n_ions, len(lags)
    sums, counts = np.zeros(shape), np.empty((shape[0], n_blocks, len(lags)), dtype=np.int64)
    degrees = np.zeros(len(tp_us), dtype=np.int64)
    ergodic, isotropic = np.empty((2, len(tp_us)))
    for k, (p_s, d_s) in enumerate(zip(tp_us * 1e-6, td_us * 1e-6, strict=True)):
        half = math.pi * convention_factor("satellite", nucleus.spin) * 2e3 * largest * (p_s + d_s) / 2
        n_p, n_d = frames[0][k], frames[1][k]
        pairs = (sampled[0] * np.float64(p_s), sampled[1] * np.float64(d_s))
        if degree is not None or direction is not None:
            rule = _Directions.of_rule(pulses, rate, degree or 0, direction)
        else:
            harmonic = max(h for _, h in pulses.functions)
            rule = _adapted(pulses, rate, pairs, echo_degree(harmonic * half, accuracy) - _DEGREE_STEP, accuracy)
        degrees[k] = rule.degree
        projector, metric = _compression(rule, np.vstack(pairs), accuracy)
        edges = [block_edges(n_frames - n_p - n_d - int(lag), n_blocks) for lag in lags]
        counts[k] = np.array([np.diff(edge) for edge in edges]).T
        mean_p, mean_d = np.zeros((2, len(rule.metric)))
        for ion in range(n_ions):
            p = rule.vectors(_integrals(series, ion, n_p, p_s, windowed))
            same = n_p == n_d and p_s == d_s
            d = p if same else rule.vectors(_integrals(series, ion, n_d, d_s, windowed))
            mean_p += _mean(p)
            mean_d += _mean(d)
            # In "window" mode the second interval begins tp + tm after the first one did.
            short = p @ projector
            later = (short if same else d @ projector) * metric
            sums[k, :, ion] = _lag_sums(short, later[n_p:], lags, edges)
        ergodic[k] = np.sum(mean_p * mean_d * rule.metric) / n_ions**2
        over_directions = [mean.reshape(-1, len(rule.weight)) @ rule.weight / n_ions for mean in (mean_p, mean_d)]
        isotropic[k] = np.sum(over_directions[0] * over_directions[1] * pulses.factors()[0])
    signal = sums.sum(axis=(1, 2)) / (counts.sum(axis=1) * n_ions)
    errors = np.array([_standard_error(s, c) for s, c in zip(sums, counts, strict=True)])

    parameters: dict[str, Any] = {
        "engine": series.engine,
        "n_blocks": n_blocks,
        "n_lags": n_lags,
        "n_ions": n_ions,
        "n_frames": n_frames,
    }
    coupling = math.sqrt(float(np.mean(_norm2_of(series)) * 2 / 3)) * abs(nucleus.coupling_khz)
    return EchoResult(
        sequence={
            "name": pulses.name,
            "angle": pulses.angle,
            "formula": pulses.formula,
            "prefactor": pulses.prefactor,
        },
        phase=phase,
        isotope={
            "name": nucleus.name,
            "spin": nucleus.spin,
            "quadrupole_moment_mb": nucleus.quadrupole_moment_mb,
            "source": nucleus.source,
        },
        field=None if direction is None else [float(b) for b in direction],
        accuracy=accuracy,
        coupling=coupling,
        warnings=[] if windowed else [_STATIC.format(longest=float(max(tp_us.max(), td_us.max())))],
        duration=n_frames * interval,
        interval=interval,
        tp=tp_us,
        td=np.array(td_us),
        degree=degrees,
        lag=lags * interval,
        signal=signal,
        std_error=errors,
        ergodic=ergodic,
        isotropic=isotropic,
        sums=sums,
        counts=counts,
        ids=np.asarray(series.ids),
        parameters=parameters,
        provenance=provenance.collect(**parameters),
    )


_STATIC = (
    "static phases: V is taken as constant during tp and td (up to {longest:g} µs); where the decay time is below five "
    "times that, the experiment sees motionally averaged tensors instead"
)


def _norm2_of(series: TensorSeries) -> FloatArray:
    """Return the mean over time of V:V of each ion (N,), V²/Å⁴."""
    return np.array(
        [np.mean(np.asarray(series.V[:, ion], dtype=np.float64) ** 2 @ _DOUBLE) for ion in range(len(series.ids))]
    )
