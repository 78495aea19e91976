"""Mean-square displacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, FAINT, GUIDE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.msd import MSDResult

__all__ = ["mean_square_displacement"]

_POINTS = 300


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
    keep = _log_spaced(len(result.lag))
    lag, mean = result.lag[keep], result.msd[keep]
    if result.msd_ion is not None:
        ax.plot(lag, result.msd_ion[:, keep].T, color=FAINT, linewidth=0.4, alpha=0.45, rasterized=True, zorder=1)
        ax.plot([], [], color=FAINT, linewidth=0.8, label=f"each of {len(result.msd_ion)} ions")
    band = 1.96 * result.std_error[keep]
    ax.fill_between(lag, np.maximum(mean - band, mean * 1e-2), mean + band, color=COLOURS[0], alpha=0.25, linewidth=0)
    ax.plot(lag, mean, color=COLOURS[0], label="mean, 95 % band")
    window = result.window
    if window is not None:
        ax.axvspan(*window, color=COLOURS[4], alpha=0.15, linewidth=0, label="fit window")
    if result.diffusion.value is not None and window is not None:
        slope = 6 * result.diffusion.value / 1e-4
        ends = np.array(window)
        offset = float(np.interp(ends.mean(), result.lag, result.msd)) - slope * ends.mean()
        ax.plot(ends, slope * ends + offset, color=COLOURS[1], linestyle="--", label=f"D = {result.diffusion}")
    else:
        ax.plot([], [], linestyle="none", label=f"D: {result.diffusion}")
    ax.set(xscale="log", yscale="log", xlabel="lag / ps", ylabel="mean-square displacement / Å²")
    ax.set_xlim(lag[0], lag[-1])
    ax.set_ylim(bottom=mean[mean > 0].min() / 5 if np.any(mean > 0) else None)
    ax.legend(loc="upper left")
    ax.tick_params(colors=GUIDE, labelcolor="black")
    return ax


def _log_spaced(n: int) -> np.ndarray:
    """Indices 1 ... n-1, about evenly spaced in their logarithm."""
    return np.unique(np.geomspace(1, max(n - 1, 1), _POINTS).round().astype(int))
