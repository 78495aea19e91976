"""Populations of site labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import label_colour, new_axes, styled
from ufpnmr.results.display import record_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.sites import SiteLabels

__all__ = ["label_populations"]

_POINTS = 1000


@styled
def label_populations(result: SiteLabels, ax: Axes | None = None) -> Axes:
    """Plot the fraction of ions with each settled label against time; the time averages stand in the legend.

    Parameters
    ----------
    result : SiteLabels
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    stride = max(1, len(result.time) // _POINTS)
    time, label = result.time[::stride], result.label[::stride]
    for code in np.unique(result.label):
        name = result.names.get(str(code), str(code))
        average = f": {record_text(result.populations[name])}" if name in result.populations else ""
        fraction = (label == code).mean(axis=1)
        ax.plot(time, fraction, color=label_colour(int(code)), linewidth=1.3, label=f"{name}{average}")
    ax.set(xlabel="time / ps", ylabel="fraction of ions", xlim=(time[0], time[-1]), ylim=(0, 1.25))
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.legend(loc="upper right")
    return ax
