"""Displacement of single ions against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, FAINT, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.dynamics.series import Paths
    from ufpnmr.results.hops import HopResult

__all__ = ["displacement_traces"]

_POINTS = 2000


@styled
def displacement_traces(
    paths: Paths, hops: HopResult | None = None, ax: Axes | None = None, highlight: Sequence[int] | None = None
) -> Axes:
    """Plot abs(r(t) - r(0)) of every ion, some of them in colour with their hops marked.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped, drift-free paths.
    hops : HopResult, optional
        Its events are drawn as circles at their midpoints.
    ax : Axes, optional
        Drawn into; by default a new figure.
    highlight : sequence of int, optional
        Atom ids to colour; by default the six ions with most hops (or, without hops, the largest displacement).
    """
    ax = new_axes(ax)
    stride = max(1, len(paths.time) // _POINTS)
    time = paths.time[::stride]
    distance = np.linalg.norm(paths.positions[::stride] - paths.positions[0], axis=-1)
    ax.plot(time, distance, color=FAINT, linewidth=0.4, alpha=0.5, rasterized=True, zorder=1)
    for colour, index in zip(COLOURS, _chosen(paths, distance, hops, highlight), strict=False):
        ax.plot(time, distance[:, index], color=colour, linewidth=0.9, label=f"ion {paths.ids[index]}", zorder=2)
        if hops is not None:
            own = hops.time[hops.ion == index]
            height = np.interp(own, time, distance[:, index])
            ax.plot(own, height, "o", color=colour, markersize=5, markeredgecolor="black", zorder=3)
    if hops is not None:
        ax.plot([], [], "o", color="white", markeredgecolor="black", label=f"hop ({len(hops.time)} in all)")
    ax.set(
        xlabel="time / ps",
        ylabel="|r(t) − r(0)| / Å",
        xlim=(time[0], time[-1]),
        ylim=(0, 1.3 * float(distance.max()) or 1.0),
    )
    ax.legend(loc="upper left", ncols=2)
    return ax


def _chosen(paths: Paths, distance: np.ndarray, hops: HopResult | None, highlight: Sequence[int] | None) -> list[int]:
    if highlight is not None:
        return [int(index) for index in np.flatnonzero(np.isin(paths.ids, list(highlight)))]
    n = distance.shape[1]
    score = distance[-1] if hops is None else np.bincount(hops.ion, minlength=n) + distance[-1] / (1 + distance.max())
    return [int(index) for index in np.argsort(score)[::-1][: len(COLOURS)]]
