"""Mean-square displacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, FAINT, new_axes, styled
from ufpnmr.results.display import record_text
from ufpnmr.units import ANGSTROM2_PER_PS_IN_CM2_PER_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.msd import MSDResult

__all__ = ["mean_square_displacement"]


@styled
def mean_square_displacement(result: MSDResult, ax: Axes | None = None) -> Axes:
    """Plot the MSD of every ion (thin), their mean with its 95 % band, and the fit window with D.

    Parameters
    ----------
    result : MSDResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    keep = result.lag > 0
    lag, mean = result.lag[keep], result.msd[keep]
    ax.plot(lag, result.msd_ion[:, keep].T, color=FAINT, linewidth=0.4, alpha=0.45, rasterized=True, zorder=1)
    ax.plot([], [], color=FAINT, linewidth=0.8, label=f"each of {len(result.msd_ion)} ions")
    band = 1.96 * result.std_error[keep]
    ax.fill_between(lag, np.maximum(mean - band, mean * 1e-2), mean + band, color=COLOURS[0], alpha=0.25, linewidth=0)
    ax.plot(lag, mean, color=COLOURS[0], label="mean, 95 % band")
    window = result.parameters.get("window_ps")
    if window is not None:
        ax.axvspan(*window, color=COLOURS[4], alpha=0.15, linewidth=0, label="fit window")
    if result.diffusion.value is not None and window is not None:
        slope = 6 * result.diffusion.value / ANGSTROM2_PER_PS_IN_CM2_PER_S
        inside = (lag >= window[0]) & (lag <= window[1])
        offset = float(np.mean(mean[inside] - slope * lag[inside]))
        line = slope * lag[inside] + offset
        ax.plot(lag[inside], line, color=COLOURS[1], linestyle="--", label=f"D = {record_text(result.diffusion)}")
    else:
        ax.plot([], [], linestyle="none", label=f"D: {record_text(result.diffusion)}")
    if result.charge_msd is not None and result.charge_lag is not None:
        ratio = record_text(result.charge["haven_ratio"])
        ax.plot(result.charge_lag, result.charge_msd, ".-", color=COLOURS[2], label=f"of the charge; H$_R$ = {ratio}")
    ax.set(xscale="log", yscale="log", xlabel="lag / ps", ylabel="mean-square displacement / Å²")
    ax.set_xlim(lag[0], lag[-1])
    ax.set_ylim(bottom=mean[mean > 0].min() / 5 if np.any(mean > 0) else None)
    ax.legend(loc="upper left")
    return ax
