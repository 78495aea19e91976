"""Distributions of the quadrupolar frequency and coupling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ufpnmr.plots.style import COLOURS, FAINT, label_colour, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.sites import SiteLabels
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["coupling_histogram", "frequency_histogram"]

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
    _histogram(ax, values, unit, _codes(series, labels), labels)
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
    _histogram(ax, values, "kHz", _codes(series, labels), labels)
    residual = np.abs(coupling(series.V.mean(axis=0, dtype=np.float64), isotope=isotope)[0])
    low = np.zeros_like(residual)
    ax.plot(residual, low, "|", color="black", markersize=9, label="each ion: time-averaged tensor", clip_on=False)
    ax.set_xlabel(f"|C$_Q$| of {isotope} / kHz")
    ax.set_xlim(left=0)
    ax.legend()
    return ax


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
    codes: npt.NDArray[np.int8] | None,
    labels: SiteLabels | None,
) -> None:
    finite = values[np.isfinite(values)]
    edges = np.linspace(float(np.quantile(finite, 0.001)), float(np.quantile(finite, 0.999)), _BINS + 1)
    if edges[-1] <= edges[0]:
        edges = np.linspace(edges[0] - 1, edges[0] + 1, _BINS + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    scale = 1 / (finite.size * width)
    counts, _ = np.histogram(finite, edges)
    ax.fill_between(
        middle, counts * scale, color=FAINT, alpha=0.35, linewidth=0, step="mid", label="all ions and frames"
    )
    if codes is not None and labels is not None:
        for code in np.unique(codes[codes > 0]):
            part = values[codes == code]
            counts, _ = np.histogram(part, edges)
            name = labels.names.get(str(code), str(code))
            text = f"{name}: mean {np.nanmean(part):.1f}, sd {np.nanstd(part):.1f} {unit}"
            ax.step(middle, counts * scale, where="mid", color=label_colour(int(code)), linewidth=1.4, label=text)
    else:
        ax.axvline(float(finite.mean()), color=COLOURS[0], linewidth=1.2, label=f"mean {finite.mean():.1f} {unit}")
    ax.set_ylabel(f"probability density / ({unit})$^{{-1}}$")
    ax.set_ylim(bottom=0)
    ax.legend()
