"""Where ions go: their paths in space and the network of their sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ufpnmr.errors import InputError
from ufpnmr.plots.style import COLOURS, FAINT, GUIDE, label_colour, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.dynamics.series import Paths
    from ufpnmr.results.site_network import SiteNetwork
    from ufpnmr.results.sites import SiteLabels

__all__ = ["ion_trajectories", "network_map"]

_POINTS = 500
_VIEWS = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}
_EDGES = np.array([[i, i | 1 << k] for i in range(8) for k in range(3) if not i >> k & 1])


@styled
def ion_trajectories(paths: Paths, labels: SiteLabels | None = None, ax: Axes | None = None) -> Axes:
    """Plot the paths of all ions in three dimensions, coloured by their label at t = 0 (Harper et al. 2025, Fig. 5).

    Parameters
    ----------
    paths : IonPaths
        Unwrapped, drift-free paths.
    labels : SiteLabels, optional
        Of the same ions; without them all have one colour.
    ax : Axes, optional
        With a 3-D projection; by default a new figure.
    """
    axes: Any = _axes_3d(ax)
    stride = max(1, len(paths.time) // _POINTS)
    places = np.asarray(paths.positions[::stride])
    start = np.zeros(len(paths.ids), dtype=int)
    if labels is not None:
        if not np.array_equal(labels.ids, paths.ids):
            raise InputError("expected labels of the ions whose paths are drawn, found other atom ids")
        start = labels.label[0].astype(int)
    for code in np.unique(start):
        mine = start == code
        colour = COLOURS[0] if labels is None else label_colour(int(code))
        name = "ions" if labels is None else f"{labels.names.get(str(code), 'transit')} at t = 0"
        for path in np.moveaxis(places[:, mine], 1, 0):
            axes.plot(*path.T, color=colour, linewidth=0.5, alpha=0.8)
        axes.plot([], [], color=colour, label=f"{name}: {int(mine.sum())}")
    corners = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]) @ np.asarray(paths.cell[0])
    for edge in _EDGES:
        axes.plot(*corners[edge].T, color=GUIDE, linewidth=0.6)
    axes.set(xlabel="x / Å", ylabel="y / Å", zlabel="z / Å")
    axes.set_box_aspect(np.ptp(np.concatenate([corners, places.reshape(-1, 3)]), axis=0))
    axes.legend(loc="upper left")
    drawn: Axes = axes
    return drawn


@styled
def network_map(result: SiteNetwork, view: str = "xy", ax: Axes | None = None) -> Axes:
    """Plot sites (area: occupation, colour: kind) and the paths between them (width: how often used), in projection.

    Parameters
    ----------
    result : SiteNetwork
    view : {"xy", "xz", "yz"}
        Plane of projection in the box frame.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    if view not in _VIEWS:
        raise InputError(f"expected a view of {', '.join(_VIEWS)}, found {view!r}")
    ax = new_axes(ax, 5.4, 5.0)
    i, j = _VIEWS[view]
    start = result.fractional[result.edge_from] @ result.cell
    end = (result.fractional[result.edge_to] + result.edge_shift) @ result.cell
    most = max(1, int(result.edge_count.max(initial=1)))
    for a, b, count in zip(start, end, result.edge_count, strict=True):
        ax.plot([a[i], b[i]], [a[j], b[j]], color=FAINT, linewidth=0.4 + 3 * count / most, alpha=0.6, zorder=1)
    places = result.fractional @ result.cell
    for k, code in enumerate(np.unique(result.kind)):
        mine = result.kind == code
        area = 15 + 120 * np.minimum(result.occupation[mine], 1.0)
        name = result.names[str(int(code))]
        colour = COLOURS[k % len(COLOURS)]
        ax.scatter(
            places[mine, i],
            places[mine, j],
            s=area,
            color=colour,
            edgecolors="white",
            linewidths=0.5,
            zorder=2,
            label=f"{name}: {int(mine.sum())} sites, {result.occupations[name].value:.2f} ions each",
        )
    reached = max((row["dimension"] for row in result.percolation), default=0)
    ax.plot([], [], color=FAINT, label=f"{int(result.edge_count.sum())} moves, through in {reached} dimensions")
    ax.set(xlabel=f"{view[0]} / Å", ylabel=f"{view[1]} / Å", aspect="equal")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12))
    return ax


def _axes_3d(ax: Axes | None) -> Any:
    if ax is None:
        from matplotlib.figure import Figure
        from mpl_toolkits.mplot3d import Axes3D  # noqa: F401  registers the projection

        return Figure(figsize=(6.0, 5.4), layout="constrained").add_subplot(projection="3d")
    if ax.name != "3d":
        raise InputError("expected axes with a 3-D projection for paths in space")
    return ax
