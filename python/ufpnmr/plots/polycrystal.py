"""Decay of a model polycrystal by grain size, as in Harper et al. 2025, Fig. 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.polycrystal import PolycrystalResult

__all__ = ["polycrystal"]

_MS = 1e3


@styled
def polycrystal(result: PolycrystalResult, ax: Axes | None = None) -> Axes:
    """Plot C(t)/C(0) of each grain size with its 95 % band; shaded: the decay times asked for.

    Parameters
    ----------
    result : PolycrystalResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    time = result.time * _MS
    for k, (length, curve, error) in enumerate(zip(result.size, result.curve, result.curve_error, strict=True)):
        colour = COLOURS[k % len(COLOURS)]
        ax.fill_between(time, curve - 1.96 * error, curve + 1.96 * error, color=colour, alpha=0.25, linewidth=0)
        ax.plot(time, curve, color=colour, label=f"L = {length:g} nm, τ = {result.tau[k] * _MS:.3g} ms")
    ax.axvspan(*result.target, color=GUIDE, alpha=0.18, linewidth=0, label="τ asked for")
    ax.set(
        xscale="log",
        xlabel="mixing time / ms",
        ylabel="C(t)/C(0)",
        xlim=(time[0], time[-1]),
        ylim=(min(0.0, float(np.min(result.curve))), 1.02),
        title=f"Model: D = {result.diffusion:.2g} cm²/s ({result.diffusion_source})",
    )
    ax.legend(loc="lower left")
    return ax
