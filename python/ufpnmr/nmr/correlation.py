"""Correlation functions of ω_Q, C_Q and of the whole tensor (powder), by FFT over all time origins.

Harper 2025 eq. 4 (ω_Q) and eq. 6 (C_Q); powder: <ω_Q(0) ω_Q(t)> averaged over all field directions is exactly
(2/15) κ² V(0):V(t) (spec 6.3), so no grid of directions is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError, nearest
from ufpnmr.isotopes import Isotope
from ufpnmr.isotopes import isotope as find_isotope
from ufpnmr.nmr.lag_sums import Series, block_sums, ladder_lags, lagged_sums, origin_counts
from ufpnmr.nmr.observables import ALONG_FIELD, OBSERVABLES, Observable, field_direction
from ufpnmr.nmr.observables import observable as make_observable
from ufpnmr.nmr.tensor_source import TensorSource
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.statistics import log_spaced

if TYPE_CHECKING:
    from ufpnmr.results.tensor_file import TensorFile
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["METHODS", "NORMALISATIONS", "OBSERVABLES", "correlate"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NORMALISATIONS = ("raw", "zero_lag", "first_lag", "covariance", "covariance_global", "unit_interval")
METHODS = ("fft", "multi_tau")

MINIMUM_BLOCKS = 16
MEMORY = 1 << 29
_ALL_LAGS = 20_000
"""Longer curves are kept at logarithmically spaced lags."""
_KEPT_LAGS = 2_000
_SUBSET_WARNING = (
    "average over {n} of {total} ions{rule}: a selection that depends on the outcome, such as the ions that hop, "
    "biases the decay time; events over exposure (hop rate) is the unbiased quantity"
)
_COVARIANCE_WARNING = (
    "each ion's own mean was removed: the curve is forced below zero when the decay time is comparable to the run; "
    "not for fits"
)


def correlate(
    series: TensorSeries | TensorFile,
    observable: str = "omega_q",
    *,
    isotope: str | Isotope = "7Li",
    field: str | npt.ArrayLike = (0.0, 0.0, 1.0),
    convention: str = "harper2025",
    normalisation: str = "zero_lag",
    n_blocks: int = MINIMUM_BLOCKS,
    average: float | None = None,
    averaging: str = "blocks",
    ions: Sequence[int] | None = None,
    selection: str = "",
    by_outcome: bool = True,
    origins: npt.ArrayLike | None = None,
    cross: str | None = None,
    cross_field: str | npt.ArrayLike | None = None,
    signed: bool = False,
    method: str = "fft",
    memory: int = MEMORY,
) -> CorrelationResult:
    """Correlate an observable over all time origins, C(t) = <x(t0) y(t0 + t)>, lags up to half the run; y = x if alone.

    Parameters
    ----------
    series : TensorSeries or TensorFile
        time (T,) ps equally spaced, ids (N,), V (T, N, 6) V/Å², cell (T, 3, 3) Å. An open `TensorFile` is read a few
        ions at a time.
    observable : {"omega_q", "cq", "powder", "lab_1", "lab_2"}
        Harper 2025 eq. 4, eq. 6 (of the magnitude of C_Q), or the exact average of eq. 4 over all field directions;
        the last two for the relaxation of a single crystal, see `ufpnmr.nmr.observables.observable`.
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
        Replace V by its mean over so many ps first, so that vibrations do not appear as a drop at the first lag.
    averaging : {"blocks", "running"}
        One mean per window, or the running mean, one per frame; lags within a running window are kept out of fits.
    ions : sequence of int, optional
        Atom ids to average over.
    selection : str
        In words, how `ions` or `origins` were chosen; stored.
    by_outcome : bool
        Whether `ions` may have been chosen by what they did; leaves a permanent warning. False for a choice by
        element or by where they started.
    origins : array_like (T, N), bool, optional
        Which ions count as origins at which frame, e.g. those on one kind of site: the correlation function conditional
        on where an ion is at the origin, wherever it goes afterwards. No bias (docs/decay.md).
    cross : {"omega_q", "cq"}, optional
        Second observable: the cross-correlation <x(t0) y(t0 + t)> of the same ion.
    cross_field : array_like (3,) or {"a", "b", "c"}, optional
        Field of a second "omega_q"; default `field`.
    signed : bool
        Correlate C_Q with its sign instead of its magnitude.
    method : {"fft", "multi_tau"}
        Every lag exactly, or only the ladder of lags of `ufpnmr.nmr.lag_sums` (means at most lag/12 frames wide).
    memory : int
        Working memory, bytes. Ions are handled in groups that fit, at least one at a time.

    Returns
    -------
    CorrelationResult

    Raises
    ------
    InputError
        Frames not equally spaced, too few frames, a tensor that is not finite or has a trace, unknown ions or names.
    """
    _check_choice("normalisation", normalisation, NORMALISATIONS)
    _check_choice("method", method, METHODS)
    if n_blocks < MINIMUM_BLOCKS:
        raise InputError(f"expected at least {MINIMUM_BLOCKS} blocks for an honest error, found {n_blocks}")
    nucleus = find_isotope(isotope)
    direction = field_direction(field, series.cell)
    source = TensorSource(series, ions, average, averaging)
    if source.n_frames < 2 * n_blocks:
        raise InputError(f"expected at least {2 * n_blocks} frames for {n_blocks} blocks, found {source.n_frames}")
    what = make_observable(observable, nucleus, direction, convention, signed)
    second = None
    if cross is not None:
        other = direction if cross_field is None else field_direction(cross_field, series.cell)
        second = make_observable(cross, nucleus, other, convention, signed)
        if what.components != second.components:
            raise InputError(f"expected two observables of one kind, found {observable} and {cross}")
    elif cross_field is not None:
        raise InputError("cross_field belongs to a second observable: give cross")
    work = _Accumulation(source, what, second, n_blocks, normalisation, method, origins)
    work.run(memory)

    raw = work.mean
    offset, scale, reference = _scaling(raw, work.zero_level(), normalisation)
    divisor = 1.0 if reference is not None else scale
    std_error = work.std_error(reference) / divisor
    lags, dt = work.lags, source.interval
    warnings = []
    if ions is not None and by_outcome:
        rule = f" ({selection})" if selection else ""
        warnings.append(_SUBSET_WARNING.format(n=source.n_ions, total=len(series.ids), rule=rule))
    if normalisation == "covariance":
        warnings.append(_COVARIANCE_WARNING)
    parameters: dict[str, Any] = {
        "n_blocks": n_blocks,
        "n_frames": source.n_frames,
        "n_ions": source.n_ions,
        "n_ions_in_series": len(series.ids),
        "average_ps": average,
        "averaging": averaging if average is not None else None,
        "shortest_fit_lag_ps": (source.correlated_lag + 1) * dt,
        "engine": series.engine,
        "ions": None if ions is None else [int(i) for i in source.ids],
        "by_outcome": bool(ions is not None and by_outcome),
        "selection": selection,
        "origins": None if origins is None else selection or "user mask",
        "cross": None if second is None else {"observable": second.name, "convention": second.convention},
        "method": method,
        "runs": 1,
    }
    unit = f"{_in_brackets(what.unit)}^2" if second is None or second.unit == what.unit else "kHz rad/s"
    return CorrelationResult(
        observable=observable if second is None else f"{observable} x {cross}",
        isotope={
            "name": nucleus.name,
            "spin": nucleus.spin,
            "quadrupole_moment_mb": nucleus.quadrupole_moment_mb,
            "source": nucleus.source,
        },
        convention=what.convention,
        field=[float(b) for b in direction] if observable in ALONG_FIELD else None,
        axes=series.axes,
        normalisation=normalisation,
        unit=unit if normalisation in ("raw", "covariance", "covariance_global") else "1",
        sums_unit=unit,
        removed={"covariance": "mean of each ion", "covariance_global": "mean of all ions"}.get(
            normalisation, "nothing"
        ),
        warnings=warnings,
        duration=source.n_frames * dt,
        interval=dt,
        lag=np.asarray(lags * dt, dtype=np.float64),
        mean=(raw - offset) / scale,
        std_error=std_error,
        n_origins=source.n_frames - lags,
        per_ion=((work.per_ion() - offset) / scale).astype(np.float32),
        ids=source.ids,
        fit_index=work.fit_index,
        sums=work.sums,
        counts=work.counts,
        parameters=parameters,
        provenance=provenance.collect(**parameters),
    )


class _Accumulation:
    """Curves of all ions and block sums, and what follows from them.

    With a mask of origins every ion and block has its own number of origins n; the mean is then a ratio of sums, and
    the values kept for the errors are C <n> + S - C n, whose scatter is that of the ratio.
    """

    def __init__(
        self,
        source: TensorSource,
        first: Observable,
        second: Observable | None,
        n_blocks: int,
        normalisation: str,
        method: str,
        origins: npt.ArrayLike | None,
    ) -> None:
        self._source, self._first, self._second = source, first, second
        self._n_blocks, self._normalisation, self._method = n_blocks, normalisation, method
        self._origins = None if origins is None else source.times(_mask(origins, source))
        longest = source.n_frames // 2
        self._longest = longest
        fit_lags = ladder_lags(longest, n_blocks)
        if method == "multi_tau":
            self.lags = fit_lags
        elif longest <= _ALL_LAGS:
            self.lags = np.arange(longest + 1, dtype=np.int64)
        else:
            self.lags = np.union1d(fit_lags, np.concatenate([[0], log_spaced(longest, _KEPT_LAGS)]))
        self.fit_index: IntArray = np.searchsorted(self.lags, fit_lags).astype(np.int64)

    def run(self, memory: int) -> None:
        """Go through the ions."""
        source, n_lags = self._source, len(self.lags)
        self._curves = np.empty((source.n_ions, n_lags))  # means over origins, or sums with a mask
        self._counts_of_ions: FloatArray | None = None if self._origins is None else np.empty((source.n_ions, n_lags))
        self.sums = np.empty((self._n_blocks, source.n_ions, len(self.fit_index)))
        shares = None if self._origins is None else np.empty_like(self.sums)
        squares = np.zeros(2)
        means = self._global_means(memory)
        for part, tensors in source.parts(self._components, memory):
            x, y = self._series(tensors, means)
            if self._second is not None:
                squares += np.vdot(x, x).real, np.vdot(x if y is None else y, x if y is None else y).real
            if self._origins is not None:
                mask = self._origins[part]
                y = x if y is None else y
                x = x * mask[:, None, :]
                ones = np.ones_like(mask[:, None, :], dtype=x.dtype)
                assert self._counts_of_ions is not None
                assert shares is not None
                self._counts_of_ions[part] = origin_counts(mask, self.lags)
                shares[:, part] = block_sums(mask[:, None, :].astype(x.dtype), ones, self._longest, self._n_blocks)[0]
            blocks, self._weights = block_sums(x, y, self._longest, self._n_blocks)
            total = np.einsum("bnf,bf->nf", blocks, self._weights)
            if self._method == "multi_tau":
                self._curves[part] = total
            else:
                exact = lagged_sums(x, y, self._longest + 1)[:, self.lags] / (source.n_frames - self.lags)
                self._curves[part] = exact
                # The ladder's means shift the curve a little; the blocks keep their deviations only.
                blocks += exact[:, self.fit_index] - total
            self.sums[:, part] = blocks
        self._squares = squares / (source.n_ions * source.n_frames)
        n_origins = source.n_frames - self.lags[self.fit_index]
        self.counts = self._weights * n_origins
        self._finish(shares)

    def _finish(self, shares: FloatArray | None) -> None:
        if shares is None:
            self.mean = self._curves.mean(axis=0)
            self.sums *= self.counts[:, None, :]
            return
        assert self._counts_of_ions is not None
        self._curves *= self._source.n_frames - self.lags
        total = self._counts_of_ions.sum(axis=0)
        if not (total > 0).all():
            raise InputError(
                f"no origin in the mask at a lag of {self.lags[np.argmin(total)] * self._source.interval:g} ps"
            )
        self.mean = self._curves.sum(axis=0) / total
        level = self.mean[self.fit_index]
        of_blocks = shares.mean(axis=1)
        self.sums += (of_blocks[:, None, :] - shares) * level
        self.counts = self.counts * of_blocks
        self.sums *= (self._weights * (self._source.n_frames - self.lags[self.fit_index]))[:, None, :]
        # the ladder's means of the mask shift the total a little
        excess = self.sums.sum(axis=(0, 1)) / self._source.n_ions - level * self.counts.sum(axis=0)
        self.sums -= (self._weights * excess)[:, None, :]

    def per_ion(self) -> FloatArray:
        """Return the curve of every ion (N, L), NaN where an ion has no origin."""
        if self._counts_of_ions is None:
            return self._curves
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._curves / self._counts_of_ions)

    def zero_level(self) -> float:
        """Return what normalisation "zero_lag" divides by: C(0), or the product of the rms of two observables."""
        return float(self.mean[0]) if self._second is None else math.sqrt(float(self._squares.prod()))

    def std_error(self, reference: int | None) -> FloatArray:
        """Return the larger of the errors over ions and over blocks (L,), of the ratio to lag `reference` if any."""
        of_ions = self._curves
        if self._counts_of_ions is not None:
            each = self._counts_of_ions.mean(axis=0)
            of_ions = self.mean + (self._curves - self.mean * self._counts_of_ions) / each
        of_blocks = self.sums.mean(axis=1) / self.counts
        ion_error = _relative_error(of_ions, None if reference is None else of_ions[:, reference])
        at_fit = None if reference is None else of_blocks[:, reference]
        block_error = _relative_error(of_blocks, at_fit)
        return np.maximum(ion_error, np.interp(self.lags, self.lags[self.fit_index], block_error))

    @property
    def _components(self) -> int:
        return self._first.components + (0 if self._second is None else self._second.components)

    def _series(self, tensors: Series, means: tuple[FloatArray, FloatArray] | None) -> tuple[Series, Series | None]:
        x = self._first.evaluate(tensors)
        y = None if self._second is None else self._second.evaluate(tensors)
        if self._normalisation == "covariance":
            return x - x.mean(axis=2, keepdims=True), None if y is None else y - y.mean(axis=2, keepdims=True)
        if means is not None:
            return x - means[0], None if y is None else y - means[1]
        return x, y

    def _global_means(self, memory: int) -> tuple[FloatArray, FloatArray] | None:
        if self._normalisation != "covariance_global":
            return None
        totals: list[Any] = [0.0, 0.0]
        for _, tensors in self._source.parts(self._components, memory):
            for k, each in enumerate(filter(None, (self._first, self._second))):
                totals[k] = totals[k] + each.evaluate(tensors).mean(axis=2, dtype=np.float64).sum(axis=0)
        first, second = (np.asarray(total)[..., None] / self._source.n_ions for total in totals)
        return first, second


def _in_brackets(unit: str) -> str:
    return f"({unit})" if "/" in unit else unit


def _check_choice(what: str, value: str, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise InputError(f"expected {what} to be one of {', '.join(valid)}, found {value!r}{nearest(value, valid)}")


def _mask(origins: npt.ArrayLike, source: TensorSource) -> npt.NDArray[np.bool_]:
    mask = np.asarray(origins)
    if mask.dtype != np.bool_ or mask.shape != source.shape:
        raise InputError(
            f"expected origins as booleans of shape {source.shape} (frames, ions of the series), "
            f"found {mask.dtype} {mask.shape}"
        )
    return mask


def _relative_error(curves: FloatArray, reference: FloatArray | None) -> FloatArray:
    """Return the standard error (K,) of the mean of `curves` (n, K), or of its ratio to that of `reference` (n,)."""
    if len(curves) < 2:
        return np.zeros(curves.shape[1])
    if reference is not None:
        level = reference.mean()
        # Delta method: the ratio R of two means varies like the mean of (curve - R reference)/level.
        curves = (curves - np.outer(reference, curves.mean(axis=0) / level)) / level
    return np.asarray(curves.std(axis=0, ddof=1) / math.sqrt(len(curves)))


def _scaling(raw: FloatArray, zero: float, normalisation: str) -> tuple[float, float, int | None]:
    """Return offset and scale of a normalisation, and the lag whose value is the scale (None if no such lag)."""
    offset, scale, reference = 0.0, 1.0, None
    if normalisation == "zero_lag":
        scale = zero
        reference = 0 if zero == float(raw[0]) else None
    elif normalisation == "first_lag":
        reference, scale = 1, float(raw[1])
    elif normalisation == "unit_interval":
        offset, scale = float(raw.min()), float(raw.max() - raw.min())
    if scale == 0:
        raise InputError(
            f"the correlation function is constant or zero; normalisation {normalisation!r} does not exist, use 'raw'"
        )
    return offset, scale, reference
