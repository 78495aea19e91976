"""Stimulated echoes: signal over the mixing time, and the map over pulse separation and mixing time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.echo import EchoResult

__all__ = ["echo_map", "echo_signal"]

_LINES = 6


@styled
def echo_signal(result: EchoResult, ax: Axes | None = None) -> Axes:
    """Plot F over the mixing time with its 95 % band, one curve per pulse separation, at most six.

    Dashed: what is left once every ion has visited the states of all ions.

    Parameters
    ----------
    result : EchoResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    keep = result.lag > 0
    shown = np.unique(np.rint(np.linspace(0, len(result.tp) - 1, _LINES)).astype(int))
    for k, colour in zip(shown, COLOURS, strict=False):
        band = 1.96 * result.std_error[k, keep]
        lag, signal = result.lag[keep], result.signal[k, keep]
        ax.fill_between(lag, signal - band, signal + band, color=colour, alpha=0.25, linewidth=0)
        ax.plot(lag, signal, color=colour, label=f"t$_p$ = {result.tp[k]:g} µs, t$_d$ = {result.td[k]:g} µs")
        ax.axhline(result.ergodic[k], color=colour, linestyle="--", linewidth=0.9)
    ax.set(
        xscale="log",
        xlabel="mixing time / ps",
        ylabel=f"{result.sequence['name']} echo of {result.isotope['name']}, F",
        title=f"{result.phase} phases, {'powder' if result.field is None else 'single crystal'}; 95 % bands",
    )
    ax.set_ylim(min(0.0, float(result.signal.min()) * 1.05), None)
    ax.legend(loc="upper right")
    return ax


@styled
def echo_map(result: EchoResult, ax: Axes | None = None) -> Axes:
    """Plot F over mixing time (across) and pulse separation tp (up) as a map.

    Parameters
    ----------
    result : EchoResult
        With at least three pulse separations.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax, 6.8, 4.4)
    keep = result.lag > 0
    order = np.argsort(result.tp)
    mesh = ax.pcolormesh(
        result.lag[keep], result.tp[order], result.signal[order][:, keep], cmap="cividis", shading="nearest"
    )
    levels = ax.contour(result.lag[keep], result.tp[order], result.signal[order][:, keep], 6, colors=GUIDE)
    ax.clabel(levels, fontsize=8)
    ax.grid(visible=False)
    ax.figure.colorbar(mesh, ax=ax, label=f"{result.sequence['name']} echo of {result.isotope['name']}, F")
    ax.set(xscale="log", xlabel="mixing time / ps", ylabel="t$_p$ / µs", title=f"{result.phase} phases")
    return ax
