"""Correlation functions of single ions, coloured by the site they start from (Harper et al. 2025, Fig. 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.plots.style import FAINT, GUIDE, label_colour, new_axes, styled
from ufpnmr.results.display import record_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.correlation import CorrelationResult
    from ufpnmr.results.decay import DecayFit
    from ufpnmr.results.hops import HopResult
    from ufpnmr.results.sites import SiteLabels
    from ufpnmr.results.tensors import TensorSeries

__all__ = ["first_origin", "single_ions"]

_POINTS = 2000


@styled
def single_ions(
    result: CorrelationResult,
    labels: SiteLabels | None = None,
    fit: DecayFit | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the curve of every ion over all time origins, their mean with its 95 % band, and the fit of the mean.

    Parameters
    ----------
    result : CorrelationResult
    labels : SiteLabels, optional
        Colour each ion by its label in the first frame.
    fit : DecayFit, optional
        Of the mean.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    lag = result.lag
    _curves(ax, lag, result.per_ion, _codes(result.ids, labels), labels)
    band = 1.96 * result.std_error
    ax.fill_between(lag, result.mean - band, result.mean + band, color="black", alpha=0.2, linewidth=0)
    ax.plot(lag, result.mean, color="black", label=f"mean of {len(result.ids)} ions, 95 % band")
    if fit is not None and fit.fit is not None:
        scale = result.mean[1] / float(np.interp(lag[1], fit.lag, fit.curve))
        ax.plot(fit.lag, fit.fit * scale, color=GUIDE, linestyle="--", label=f"fit, τ = {record_text(fit.tau)}")
    name = result.observable.replace("_", " ")
    ax.set(xlabel="lag / ps", ylabel=f"ACF of {name}, {result.normalisation.replace('_', ' ')}", xlim=(0, lag[-1]))
    ax.legend(loc="best", fontsize=8.5)
    return ax


@styled
def first_origin(
    series: TensorSeries,
    *,
    isotope: str,
    labels: SiteLabels | None = None,
    hops: HopResult | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot C_Q(0) C_Q(t) of every ion, the first frame being the only origin: a hop shows as a step.

    For the eye only: what is fitted is the mean over all origins.

    Parameters
    ----------
    series : TensorSeries
        Best averaged over vibrations (`ufp efg predict`, `fix efg`).
    isotope : str
        E.g. "7Li".
    labels : SiteLabels, optional
        Colour each ion by its label in the first frame.
    hops : HopResult, optional
        Only ions that hopped, their hops marked by ticks.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    from ufpnmr.nmr import coupling

    ax = new_axes(ax)
    chosen = np.arange(len(series.ids))
    if hops is not None:
        chosen = np.flatnonzero(np.isin(series.ids, hops.ids[np.unique(hops.ion)]))
        if not len(chosen):
            raise InputError("none of the ions of the tensor series hopped")
    step = max(1, len(series.time) // _POINTS)
    time = series.time[::step] - series.time[0]
    values = np.abs(coupling(np.asarray(series.V[::step])[:, chosen], isotope=isotope)[0])
    product = (values * values[0]).T
    _curves(ax, time, product, _codes(series.ids[chosen], labels), labels)
    if hops is not None:
        mine = np.isin(hops.ids[hops.ion], series.ids[chosen])
        when = np.asarray(hops.time)[mine] - series.time[0]
        ax.plot(when, np.full(len(when), 1.0), "|", color="black", markersize=8, transform=ax.get_xaxis_transform(),
                clip_on=False, label=f"{len(when)} hops")  # fmt: skip
    ax.plot(time, product.mean(axis=0), color="black", label=f"mean of {len(chosen)} ions, one origin")
    ax.set(xlabel="t / ps", ylabel=f"|C$_Q$(0) C$_Q$(t)| of {isotope} / kHz²", xlim=(0, time[-1]))
    ax.legend(loc="best", fontsize=8.5)
    return ax


def _codes(ids: npt.NDArray[np.int64], labels: SiteLabels | None) -> npt.NDArray[np.int64] | None:
    """Label of each ion in the first frame."""
    if labels is None:
        return None
    place = {int(number): k for k, number in enumerate(labels.ids)}
    missing = [int(number) for number in ids if int(number) not in place]
    if missing:
        raise InputError(f"expected site labels of every ion drawn, found none of ion {missing[0]}")
    return np.array([labels.label[0, place[int(number)]] for number in ids], dtype=np.int64)


def _curves(
    ax: Axes,
    x: npt.NDArray[np.float64],
    curves: npt.NDArray[np.floating],
    codes: npt.NDArray[np.int64] | None,
    labels: SiteLabels | None,
) -> None:
    if codes is None or labels is None:
        ax.plot(x, curves.T, color=FAINT, linewidth=0.6, alpha=0.6, rasterized=True)
        return
    for code in np.unique(codes):
        lines = ax.plot(
            x, curves[codes == code].T, color=label_colour(int(code)), linewidth=0.7, alpha=0.6, rasterized=True
        )
        lines[0].set_label(f"{labels.names.get(str(code), str(code))} in the first frame: {len(lines)}")
