"""Autocorrelation functions with their decay fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled
from ufpnmr.results.display import record_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.correlation import CorrelationResult
    from ufpnmr.results.decay import DecayFit

__all__ = ["correlation"]

_SYMBOLS = {"omega_q": "ω$_Q$", "cq": "|C$_Q$|", "powder": "powder ω$_Q$"}


@styled
def correlation(result: CorrelationResult, fit: DecayFit | None = None, ax: Axes | None = None) -> Axes:
    """Plot an autocorrelation function with its 95 % band and, if given, the fit of eq. 5 (Harper et al. 2025).

    Parameters
    ----------
    result : CorrelationResult
    fit : DecayFit, optional
        Drawn over its window with tau or the status in the legend.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    keep = result.lag > 0
    lag, mean = result.lag[keep], result.mean[keep]
    band = 1.96 * result.std_error[keep]
    ax.fill_between(lag, mean - band, mean + band, color=COLOURS[0], alpha=0.25, linewidth=0)
    ax.plot(lag, mean, color=COLOURS[0], label=_legend(result))
    if fit is not None:
        text = (
            f"eq. 5, γ = {fit.gamma.value:.2g}: τ = {record_text(fit.tau)}"
            if fit.tau.value is not None
            else f"τ: {record_text(fit.tau)}"
        )
        if fit.fit is not None:
            scale = mean[0] / float(np.interp(lag[0], fit.lag, fit.curve))
            ax.plot(fit.lag, fit.fit * scale, color=COLOURS[1], linestyle="--", label=text)
        else:
            ax.plot([], [], linestyle="none", label=text)
        ax.axvline(fit.window[1], color=GUIDE, linewidth=0.8, linestyle=":")
    name = _SYMBOLS.get(result.observable, result.observable)
    unit = "" if result.unit in ("1", "") else f" / {result.unit}"
    ax.set(
        xscale="log",
        xlabel="lag / ps",
        ylabel=f"ACF of {name}, {result.normalisation.replace('_', ' ')}{unit}",
        xlim=(lag[0], lag[-1]),
    )
    shown = mean[lag <= 0.5 * lag[-1]] if len(lag) > 3 else mean
    spread = max(float(np.ptp(shown)), 0.02 * float(np.abs(shown).max()))
    ax.set_ylim(float(shown.min()) - 0.5 * spread, float(shown.max()) + 0.6 * spread)
    ax.legend(loc="upper right")
    return ax


def _legend(result: CorrelationResult) -> str:
    parts = [str(result.isotope["name"]), result.convention]
    if result.field is not None:
        parts.append("B$_0$ ∥ ({:.3g}, {:.3g}, {:.3g})".format(*result.field))
    return ", ".join(parts) + "; 95 % band"
