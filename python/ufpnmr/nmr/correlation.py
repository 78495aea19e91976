"""Autocorrelation functions of ω_Q, C_Q and of the whole tensor (powder), by FFT over all time origins.

Harper 2025 eq. 4 (ω_Q) and eq. 6 (C_Q); powder: <ω_Q(0) ω_Q(t)> averaged over all field directions is exactly
(2/15) κ² V(0):V(t) (spec 6.3), so no grid of directions is needed.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError, nearest
from ufpnmr.isotopes import Isotope
from ufpnmr.isotopes import isotope as find_isotope
from ufpnmr.nmr.frequencies import CONVENTIONS, convention_factor, coupling, omega_q, unit_field
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.statistics import autocorrelation_sums, block_edges, log_spaced

if TYPE_CHECKING:
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["NORMALISATIONS", "OBSERVABLES", "correlate", "field_direction"]

FloatArray = npt.NDArray[np.float64]

OBSERVABLES = ("omega_q", "cq", "powder")
NORMALISATIONS = ("raw", "zero_lag", "first_lag", "covariance", "covariance_global", "unit_interval")

MINIMUM_BLOCKS = 16
_FIT_LAGS = 110  # logarithmic up to T/2, so that about 100 of them lie below T/4
_TIME_TOLERANCE = 1e-3  # of a frame interval; text formats round times
_WORKING_BYTES = 64 << 20
_SUBSET_WARNING = (
    "average over {n} of {total} ions{rule}: a selection that depends on the outcome, such as the ions that hop, "
    "biases the decay time; events over exposure (hop rate) is the unbiased quantity"
)
_COVARIANCE_WARNING = (
    "each ion's own mean was removed: the curve is forced below zero when the decay time is comparable to the run; "
    "not for fits"
)


def field_direction(field: str | npt.ArrayLike, cell: npt.ArrayLike | None) -> FloatArray:
    """Return the unit vector (3,) of a field given as a vector or as "a", "b", "c", a lattice vector of the mean cell.

    Parameters
    ----------
    field : str or array_like (3,)
    cell : array_like (T, 3, 3) or (3, 3), Å, or None
        Rows a, b, c.
    """
    if not isinstance(field, str):
        return unit_field(field)
    if field not in ("a", "b", "c"):
        raise InputError(f"expected the field as three numbers or as a, b or c, found {field!r}")
    if cell is None:
        raise InputError(f"field along {field} needs the cell, and the tensor series has none; give three numbers")
    rows = np.asarray(cell, dtype=np.float64).reshape(-1, 3, 3).mean(axis=0)
    return unit_field(rows["abc".index(field)])


def _interval(time: FloatArray) -> float:
    """Spacing of equally spaced frames, ps."""
    steps = np.diff(time)
    step = float(np.median(steps))
    bad = np.flatnonzero(np.abs(steps - step) > _TIME_TOLERANCE * abs(step))
    if step <= 0 or len(bad):
        k = int(bad[0]) if len(bad) else 0
        raise InputError(
            f"expected equally spaced frames, found {len(bad)} of {len(steps)} steps that differ from {step:g} ps, "
            f"the first from frame {k} at {time[k]:g} ps to frame {k + 1} at {time[k + 1]:g} ps; "
            "correlate the segments on their own"
        )
    return step


def _frames_per_average(average: float | None, interval: float) -> int:
    if average is None:
        return 1
    frames = round(average / interval) if math.isfinite(average) else 0
    if frames < 1 or abs(average - frames * interval) > 0.01 * interval:
        raise InputError(f"expected average as a multiple of the frame interval {interval:g} ps, found {average:g} ps")
    return frames


def _chosen(ids: npt.NDArray[np.int64], ions: Sequence[int] | None) -> npt.NDArray[np.int64]:
    if ions is None:
        return np.arange(len(ids))
    wanted = np.asarray(ions, dtype=np.int64)
    if wanted.size == 0:
        raise InputError("expected at least one ion, found an empty selection")
    missing = np.setdiff1d(wanted, ids)
    if len(missing):
        raise InputError(
            f"no ion {missing[0]} in the tensor series ({len(missing)} of {len(wanted)} ids are not there)"
        )
    return np.flatnonzero(np.isin(ids, wanted))


@dataclasses.dataclass(frozen=True)
class _Observable:
    """What is correlated: tensors (T, n, 6) -> series (n, C, T)."""

    name: str
    convention: str
    unit: str
    evaluate: Callable[[npt.NDArray[np.floating]], FloatArray]


def _observable(name: str, nucleus: Isotope, field: FloatArray, convention: str, signed: bool) -> _Observable:
    if name not in OBSERVABLES:
        raise InputError(
            f"expected observable to be one of {', '.join(OBSERVABLES)}, found {name!r}{nearest(name, OBSERVABLES)}"
        )
    factor = convention_factor(convention, nucleus.spin)
    unit = f"({CONVENTIONS[convention]})^2" if "/" in CONVENTIONS[convention] else f"{CONVENTIONS[convention]}^2"
    if name == "omega_q":
        return _Observable(name, convention, unit, lambda v: omega_q(v, nucleus, field, convention).T[:, None, :])
    if name == "cq":
        sign = "signed C_Q" if signed else "|C_Q|"

        def couplings(v: npt.NDArray[np.floating]) -> FloatArray:
            c_q = coupling(v, nucleus)[0].T[:, None, :]
            return np.asarray(c_q if signed else np.abs(c_q))

        return _Observable(name, sign, "kHz^2", couplings)
    scale = np.sqrt([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]) * math.sqrt(2 / 15) * nucleus.coupling_khz * factor
    return _Observable(name, convention, unit, lambda v: np.ascontiguousarray((v * scale).transpose(1, 2, 0)))


class _Source:
    """The observable of the chosen ions, a few ions at a time."""

    def __init__(
        self, series: TensorSeries, chosen: npt.NDArray[np.int64], frames: int, observable: _Observable
    ) -> None:
        self._tensors, self._chosen, self._frames, self._observable = series.V, chosen, frames, observable
        self._ids, self._time = np.asarray(series.ids), series.time
        self.n_frames = len(series.time) // frames
        self.n_ions = len(chosen)

    def parts(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield a slice of ions and their series (n, C, T)."""
        size = max(1, _WORKING_BYTES // (8 * 6 * len(self._time)))
        for start in range(0, self.n_ions, size):
            ions = self._chosen[start : start + size]
            tensors = np.asarray(self._tensors[:, ions])
            bad = np.argwhere(~np.isfinite(tensors))
            if len(bad):
                frame, ion = bad[0][:2]
                raise InputError(
                    f"tensor that is not finite at frame {frame} ({self._time[frame]:g} ps), "
                    f"atom {self._ids[ions[ion]]}"
                )
            if self._frames > 1:
                used = tensors[: self.n_frames * self._frames]
                tensors = used.reshape(self.n_frames, self._frames, -1, 6).mean(axis=1, dtype=np.float64)
            yield slice(start, start + len(ions)), self._observable.evaluate(tensors)


def _block_sums(x: FloatArray, lags: npt.NDArray[np.int64], n_blocks: int) -> FloatArray:
    """Return sums (B, n, F) of x(t) x(t + lag) over B equal blocks of the origins of each lag; x is (n, C, T)."""
    n_frames = x.shape[-1]
    sums = np.empty((n_blocks, len(x), len(lags)))
    for f, lag in enumerate(lags):
        edges = block_edges(n_frames - int(lag), n_blocks)
        for b, (start, stop) in enumerate(itertools.pairwise(edges)):
            sums[b, :, f] = np.einsum("nct,nct->n", x[:, :, start:stop], x[:, :, start + lag : stop + lag])
    return sums


def _relative_error(curves: FloatArray, reference: FloatArray | None) -> FloatArray:
    """Return the standard error (K,) of the mean of `curves` (n, K), or of its ratio to that of `reference` (n,)."""
    if len(curves) < 2:
        return np.zeros(curves.shape[1])
    if reference is not None:
        level = reference.mean()
        # Delta method: the ratio R of two means varies like the mean of (curve - R reference)/level.
        curves = (curves - np.outer(reference, curves.mean(axis=0) / level)) / level
    return np.asarray(curves.std(axis=0, ddof=1) / math.sqrt(len(curves)))


def _accumulate(
    source: _Source, fit_index: npt.NDArray[np.int64], n_blocks: int, normalisation: str
) -> tuple[FloatArray, FloatArray]:
    """Return the curve of each ion up to half the run (N, L) and the block sums at the fit lags (B, N, F)."""
    n_lags = source.n_frames // 2 + 1
    curves = np.empty((source.n_ions, n_lags))
    sums = np.empty((n_blocks, source.n_ions, len(fit_index)))
    mean: float | FloatArray = 0.0
    if normalisation == "covariance_global":
        mean = np.sum([x.mean(axis=2).sum(axis=0) for _, x in source.parts()], axis=0)[:, None] / source.n_ions
    for part, x in source.parts():
        if normalisation == "covariance":
            mean = x.mean(axis=2, keepdims=True)
        centred = x - mean
        curves[part] = autocorrelation_sums(centred, axis=2)[:, :, :n_lags].sum(axis=1)
        sums[:, part] = _block_sums(centred, fit_index, n_blocks)
    return curves / (source.n_frames - np.arange(n_lags)), sums


def _scaling(raw: FloatArray, normalisation: str) -> tuple[float, float, int | None]:
    """Return offset and scale of a normalisation, and the lag whose value is the scale (None if no such lag)."""
    offset, scale, reference = 0.0, 1.0, None
    if normalisation in ("zero_lag", "first_lag"):
        reference = int(normalisation == "first_lag")
        scale = float(raw[reference])
    elif normalisation == "unit_interval":
        offset, scale = float(raw.min()), float(raw.max() - raw.min())
    if scale == 0:
        raise InputError(
            f"the correlation function is constant or zero; normalisation {normalisation!r} does not exist, use 'raw'"
        )
    return offset, scale, reference


def correlate(
    series: TensorSeries,
    observable: str = "omega_q",
    *,
    isotope: str | Isotope = "7Li",
    field: str | npt.ArrayLike = (0.0, 0.0, 1.0),
    convention: str = "harper2025",
    normalisation: str = "zero_lag",
    n_blocks: int = MINIMUM_BLOCKS,
    average: float | None = None,
    ions: Sequence[int] | None = None,
    selection: str = "",
    signed: bool = False,
) -> CorrelationResult:
    """Autocorrelate an observable over all time origins, C(t) = <x(t0) x(t0 + t)>, lags up to half the run.

    Parameters
    ----------
    series : TensorSeries
        time (T,) ps equally spaced, ids (N,), V (T, N, 6) V/Å², cell (T, 3, 3) Å.
    observable : {"omega_q", "cq", "powder"}
        Harper 2025 eq. 4, eq. 6 (of the magnitude of C_Q), or the exact average of eq. 4 over all field directions.
    isotope : str or Isotope
        See `ufpnmr.isotopes.isotope`.
    field : array_like (3,) or {"a", "b", "c"}
        Direction of the magnetic field in the axes of V, or a lattice vector. Not used by "cq" and "powder".
    convention : str
        See `ufpnmr.nmr.omega_q`.
    normalisation : str
        "raw", "zero_lag" C/C(0), "first_lag" C/C(one frame), "covariance" (mean of each ion removed; never fitted),
        "covariance_global" (mean over ions and time removed), "unit_interval" (C - min)/(max - min) over the lags
        shown, for figures only.
    n_blocks : int
        Blocks of time origins for the errors, at least 16.
    average : float, optional
        Replace V by its averages over so many ps first, so that vibrations do not appear as a drop at the first lag.
    ions : sequence of int, optional
        Atom ids to average over; leaves a permanent warning in the result.
    selection : str
        In words, how `ions` were chosen; stored with the warning.
    signed : bool
        Correlate C_Q with its sign instead of its magnitude.

    Returns
    -------
    CorrelationResult

    Raises
    ------
    InputError
        Frames not equally spaced, too few frames, a tensor that is not finite, unknown ions or names.
    """
    if normalisation not in NORMALISATIONS:
        raise InputError(
            f"expected normalisation to be one of {', '.join(NORMALISATIONS)}, found {normalisation!r}"
            f"{nearest(normalisation, NORMALISATIONS)}"
        )
    if n_blocks < MINIMUM_BLOCKS:
        raise InputError(f"expected at least {MINIMUM_BLOCKS} blocks for an honest error, found {n_blocks}")
    if len(series.time) < 2:
        raise InputError(f"expected a series of frames, found {len(series.time)}")
    interval = _interval(np.asarray(series.time, dtype=np.float64))
    nucleus = find_isotope(isotope)
    direction = field_direction(field, series.cell)
    chosen = _chosen(np.asarray(series.ids), ions)
    if len(chosen) == 0:
        raise InputError("expected at least one ion in the tensor series, found none")
    frames = _frames_per_average(average, interval)
    what = _observable(observable, nucleus, direction, convention, signed)
    source = _Source(series, chosen, frames, what)
    n_frames, dt = source.n_frames, interval * frames
    if n_frames < 2 * n_blocks:
        raise InputError(f"expected at least {2 * n_blocks} frames for {n_blocks} blocks, found {n_frames}")

    fit_index = np.concatenate([[0], log_spaced(n_frames // 2, _FIT_LAGS)])
    curves, sums = _accumulate(source, fit_index, n_blocks, normalisation)
    counts = np.array([np.diff(block_edges(n_frames - int(lag), n_blocks)) for lag in fit_index]).T
    lags = np.arange(curves.shape[1], dtype=np.int64)

    raw = curves.mean(axis=0)
    offset, scale, reference = _scaling(raw, normalisation)
    blocks = sums.sum(axis=1) / (counts * source.n_ions)
    ion_error = _relative_error(curves, None if reference is None else curves[:, reference])
    block_error = _relative_error(blocks, None if reference is None else blocks[:, reference])
    divisor = 1.0 if reference is not None else scale
    std_error = np.maximum(ion_error, np.interp(lags, fit_index, block_error)) / divisor

    warnings = []
    if ions is not None:
        rule = f" ({selection})" if selection else ""
        warnings.append(_SUBSET_WARNING.format(n=source.n_ions, total=len(series.ids), rule=rule))
    if normalisation == "covariance":
        warnings.append(_COVARIANCE_WARNING)
    parameters: dict[str, Any] = {
        "n_blocks": n_blocks,
        "n_frames": n_frames,
        "n_ions": source.n_ions,
        "average_ps": average,
        "engine": series.engine,
        "ions": None if ions is None else [int(i) for i in np.asarray(series.ids)[chosen]],
        "selection": selection,
    }
    return CorrelationResult(
        observable=observable,
        isotope={
            "name": nucleus.name,
            "spin": nucleus.spin,
            "quadrupole_moment_mb": nucleus.quadrupole_moment_mb,
            "source": nucleus.source,
        },
        convention=what.convention,
        field=[float(b) for b in direction] if observable == "omega_q" else None,
        axes=series.axes,
        normalisation=normalisation,
        unit=what.unit if normalisation in ("raw", "covariance", "covariance_global") else "1",
        sums_unit=what.unit,
        removed={"covariance": "mean of each ion", "covariance_global": "mean of all ions"}.get(
            normalisation, "nothing"
        ),
        warnings=warnings,
        duration=n_frames * dt,
        interval=dt,
        lag=np.asarray(lags * dt, dtype=np.float64),
        mean=(raw - offset) / scale,
        std_error=std_error,
        n_origins=n_frames - lags,
        per_ion=((curves - offset) / scale).astype(np.float32),
        ids=np.asarray(series.ids)[chosen],
        fit_index=fit_index,
        sums=sums,
        counts=counts,
        parameters=parameters,
        provenance=provenance.collect(**parameters),
    )
