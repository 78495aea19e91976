"""Relaxation: the correlation function that was transformed, and rates over temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled
from ufpnmr.results.display import record_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.relaxation import RelaxationResult, TemperatureResult

__all__ = ["rates_over_temperature", "spectral_density"]


@styled
def spectral_density(result: RelaxationResult, ax: Axes | None = None) -> Axes:
    """Plot J at 0, ω0 and 2ω0 of every field with its 95 % interval.

    Parameters
    ----------
    result : RelaxationResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    for k, (factor, label) in enumerate(((0, "J(0)"), (1, "J(ω$_0$)"), (2, "J(2ω$_0$)"))):
        value, low, high = (a[:, k] for a in (result.density, result.density_low, result.density_high))
        if factor == 0:
            ax.axhline(value[0], color=COLOURS[k], label=label)
            ax.axhspan(low[0], high[0], color=COLOURS[k], alpha=0.2, linewidth=0)
            continue
        ax.errorbar(
            factor * result.larmor,
            value,
            (value - low, high - value),
            fmt="o",
            color=COLOURS[k],
            label=label,
            capsize=3,
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="frequency / MHz",
        ylabel="J / s$^{-1}$",
        title=f"{result.isotope['name']}, mean correlation time {record_text(result.mean_time)}",
    )
    ax.legend(loc="lower left")
    return ax


@styled
def rates_over_temperature(result: TemperatureResult, ax: Axes | None = None) -> Axes:
    """Plot R1(T) and R1ρ(T), dashed outside the simulated temperatures, with their maxima marked.

    Parameters
    ----------
    result : TemperatureResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    inside = (result.temperature >= result.simulated.min()) & (result.temperature <= result.simulated.max())
    for k, (name, rate) in enumerate(zip(result.names, result.rate, strict=True)):
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(result.temperature, rate, color=colour, linestyle="--", linewidth=1)
        ax.plot(result.temperature[inside], rate[inside], color=colour, label=name)
        peak = result.maxima[name].value
        if peak is not None and result.temperature[0] <= peak <= result.temperature[-1]:
            ax.plot(peak, np.interp(peak, result.temperature, rate), "o", color=colour)
    for t in result.simulated:
        ax.axvline(t, color=GUIDE, linewidth=0.6, linestyle=":")
    ax.set(
        yscale="log",
        xlabel="T / K",
        ylabel="rate / s$^{-1}$",
        title=f"E = {record_text(result.activation)}; dashed: extrapolated",
    )
    ax.legend(loc="best")
    return ax
