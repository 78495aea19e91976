"""Distributions of the quadrupolar frequency and coupling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ufpnmr.plots.style import COLOURS, FAINT, label_colour, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.sites import SiteLabels
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["coupling_histogram", "frequency_histogram", "labelled_histogram"]

_BINS = 120


@styled
def frequency_histogram(
    series: TensorSeries,
    *,
    isotope: str,
    field: npt.ArrayLike,
    convention: str = "harper2025",
    labels: SiteLabels | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the distribution of omega_Q over ions and frames, per site label if labels are given.

    Parameters
    ----------
    series : TensorSeries
    isotope : str
        E.g. "7Li".
    field : array_like (3,)
        Direction of the magnetic field in the axes of the series.
    convention : str
        See `ufpnmr.nmr.omega_q`.
    labels : SiteLabels, optional
        Of the same ions and frames.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    from ufpnmr.nmr import omega_q
    from ufpnmr.nmr.frequencies import CONVENTIONS

    ax = new_axes(ax)
    values = omega_q(series.V, isotope=isotope, field=field, convention=convention)
    unit = CONVENTIONS[convention]
    _histogram(ax, values, unit, _codes(series, labels), {} if labels is None else labels.names)
    direction = "({:.3g}, {:.3g}, {:.3g})".format(*np.asarray(field, dtype=float))
    ax.set_xlabel(f"ω$_Q$ of {isotope} ({convention}), B$_0$ ∥ {direction} / {unit}")
    return ax


@styled
def coupling_histogram(
    series: TensorSeries, *, isotope: str, labels: SiteLabels | None = None, ax: Axes | None = None
) -> Axes:
    """Plot the distribution of abs(C_Q) over ions and frames, and of the time-averaged tensor of each ion.

    Parameters
    ----------
    series : TensorSeries
    isotope : str
        E.g. "7Li".
    labels : SiteLabels, optional
        Of the same ions and frames.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    from ufpnmr.nmr import coupling

    ax = new_axes(ax)
    values = np.abs(coupling(series.V, isotope=isotope)[0])
    _histogram(ax, values, "kHz", _codes(series, labels), {} if labels is None else labels.names)
    residual = np.abs(coupling(series.V.mean(axis=0, dtype=np.float64), isotope=isotope)[0])
    low = np.zeros_like(residual)
    ax.plot(residual, low, "|", color="black", markersize=9, label="each ion: time-averaged tensor", clip_on=False)
    ax.set_xlabel(f"|C$_Q$| of {isotope} / kHz")
    ax.set_xlim(left=0)
    ax.legend()
    return ax


@styled
def labelled_histogram(
    values: npt.ArrayLike, name: str, unit: str, sites: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Plot the distribution of a number over labelled atoms, which have no time (Harper et al. 2025, Fig. 4).

    Parameters
    ----------
    values : array_like (M,)
        ω_Q, abs(C_Q) ..., `unit`.
    name, unit : str
        For the axes.
    sites : sequence of str (M,), optional
        Kind of site of each; a histogram each ("LiS4", "LiS6" in the colours of the paper).
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    numbers = np.asarray(values, dtype=np.float64)
    kinds = None if sites is None else np.asarray(sites, dtype=str)
    codes = {} if kinds is None else {kind: _coordination(kind, k) for k, kind in enumerate(np.unique(kinds), 1)}
    names = {str(code): kind for kind, code in codes.items()}
    bins = min(_BINS, max(12, round(2 * len(numbers) ** 0.5)))
    chosen = None if kinds is None else np.array([codes[kind] for kind in kinds])
    _histogram(ax, numbers, unit, chosen, names, what=f"{len(numbers)} labels", bins=bins)
    ax.set_xlabel(f"{name} / {unit}")
    return ax


def _coordination(kind: str, other: int) -> int:
    """Return the label whose colour a kind of site has: its coordination number if its name ends in one."""
    digits = kind[len(kind.rstrip("0123456789")) :]
    return int(digits) if digits else 100 + other


def _codes(series: TensorSeries, labels: SiteLabels | None) -> npt.NDArray[np.int8] | None:
    """Labels at the frames of `series`; None where the two do not cover the same ions."""
    if labels is None or not np.array_equal(labels.ids, series.ids):
        return None
    frames = np.clip(np.searchsorted(labels.time, series.time - 1e-6), 0, len(labels.time) - 1)
    step = series.time[1] - series.time[0] if len(series.time) > 1 else 1.0
    codes = np.array(labels.label[frames], dtype=np.int8)
    codes[np.abs(labels.time[frames] - series.time) > 0.5 * step] = -1
    return codes


def _histogram(
    ax: Axes,
    values: npt.NDArray[np.floating],
    unit: str,
    codes: npt.NDArray[np.integer] | None,
    names: Mapping[str, str],
    what: str = "all ions and frames",
    bins: int = _BINS,
) -> None:
    finite = values[np.isfinite(values)]
    edges = np.linspace(float(np.quantile(finite, 0.001)), float(np.quantile(finite, 0.999)), bins + 1)
    if edges[-1] <= edges[0]:
        edges = np.linspace(edges[0] - 1, edges[0] + 1, bins + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    scale = 1 / (finite.size * width)
    counts, _ = np.histogram(finite, edges)
    ax.fill_between(middle, counts * scale, color=FAINT, alpha=0.35, linewidth=0, step="mid", label=what)
    if codes is not None:
        for code in np.unique(codes[codes > 0]):
            part = values[codes == code]
            counts, _ = np.histogram(part, edges)
            name = names.get(str(code), str(code))
            text = f"{name}: mean {np.nanmean(part):.1f}, sd {np.nanstd(part):.1f} {unit}"
            ax.step(middle, counts * scale, where="mid", color=label_colour(int(code)), linewidth=1.4, label=text)
    else:
        ax.axvline(float(finite.mean()), color=COLOURS[0], linewidth=1.2, label=f"mean {finite.mean():.1f} {unit}")
    ax.set_ylabel(f"probability density / ({unit})$^{{-1}}$")
    ax.set_ylim(bottom=0)
    ax.legend()
