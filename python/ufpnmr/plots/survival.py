"""Survival of visits, and Arrhenius fits."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled
from ufpnmr.results.display import record_text
from ufpnmr.results.sites import EscapeSurvival
from ufpnmr.units import PER_PS_IN_PER_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.arrhenius import ArrheniusFit
    from ufpnmr.results.sites import ResidenceTimes

__all__ = ["arrhenius", "survival"]


@styled
def survival(result: ResidenceTimes, ax: Axes | None = None) -> Axes:
    """Plot the Kaplan-Meier curve with its 95 % band; for an escape the exponential of its rate beside it.

    Parameters
    ----------
    result : ResidenceTimes or EscapeSurvival
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    stays, cut = result.parameters["n_visits"], result.parameters["n_censored"]
    ax.fill_between(result.time, result.low, result.high, step="post", color=COLOURS[0], alpha=0.25, linewidth=0)
    ax.step(result.time, result.survival, where="post", color=COLOURS[0], label=f"{stays} stays, {cut} cut; 95 % band")
    ax.plot([], [], linestyle="none", label=f"median: {record_text(result.median)}")
    if isinstance(result, EscapeSurvival):
        label = f"escape: {record_text(result.rate)}"
        if result.rate.value is None:
            ax.plot([], [], linestyle="none", label=label)
        else:
            model = np.exp(-result.rate.value / PER_PS_IN_PER_S * result.time)
            ax.plot(result.time, model, color=GUIDE, linestyle="--", label=label)
    ax.set(xlabel="residence / ps", ylabel="fraction that stays longer", ylim=(0, 1.05))
    ax.set_xlim(left=0)
    ax.legend(loc="upper right")
    return ax


@styled
def arrhenius(result: ArrheniusFit, ax: Axes | None = None) -> Axes:
    """Plot the points with their 95 % intervals over 1000/T and the fitted law with its band.

    Parameters
    ----------
    result : ArrheniusFit
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    kelvin = 1 / np.linspace(1 / result.temperature.max(), 1 / result.temperature.min(), 60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the ends, by round-off
        line = [result.predict(float(value)) for value in kelvin]
    low, middle, high = np.array([[r.ci_low, r.value, r.ci_high] for r in line], dtype=float).T
    ax.fill_between(1000 / kelvin, low, high, color=COLOURS[0], alpha=0.2, linewidth=0)
    label = f"E$_a$ = {record_text(result.activation_energy)}"
    ax.plot(1000 / kelvin, middle, color=COLOURS[0], label=label)
    spread = np.exp(1.96 * result.std_log)
    errors = np.stack([result.value * (1 - 1 / spread), result.value * (spread - 1)])
    ax.errorbar(1000 / result.temperature, result.value, errors, fmt="o", color=COLOURS[1], label="95 % intervals")
    ax.set(xlabel="1000 K / T", ylabel=f"value / ({result.unit})", yscale="log")
    ax.legend(loc="best")
    return ax
