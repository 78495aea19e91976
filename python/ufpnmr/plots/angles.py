"""Where the magnetic field points in the principal axes of the tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError, nearest
from ufpnmr.plots.style import new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.tensors import TensorSeries

__all__ = ["angle_map"]

_WEIGHTS = ("counts", "density")
_BIN = 2.0
_AXIAL = 0.05
_BRIGHTEST = 0.998
"""Quantile of the bins where the colours end: a few bins of a perfect start must not darken the rest."""


@styled
def angle_map(
    series: TensorSeries,
    *,
    field: npt.ArrayLike,
    ordering: str = "haeberlen",
    weight: str = "counts",
    ax: Axes | None = None,
) -> Axes:
    """Plot how often the field has polar angles theta, phi in the principal axes, folded to one octant, 2 degree bins.

    Parameters
    ----------
    series : TensorSeries
    field : array_like (3,)
        Direction of the magnetic field in the axes of the series.
    ordering : str
        Of the principal axes: "haeberlen" or "nqr".
    weight : {"counts", "density"}
        Counts, or counts/sin(theta), which is flat for isotropic tensors; relative to its mean.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    from ufpnmr.nmr import angles, coupling

    if weight not in _WEIGHTS:
        raise InputError(f"weight: expected {' or '.join(_WEIGHTS)}, found {weight!r}{nearest(weight, _WEIGHTS)}")
    ax = new_axes(ax, 6.0, 4.6)
    theta, phi = (np.degrees(part).ravel() for part in angles(series.V, field=field, ordering=ordering, fold=True)[:2])
    known = np.isfinite(theta) & np.isfinite(phi)
    edges = np.arange(0.0, 90.0 + _BIN, _BIN)
    counts, _, _ = np.histogram2d(theta[known], phi[known], bins=(edges, edges))
    label = f"counts per {_BIN:g}° × {_BIN:g}°"
    if weight == "density":
        counts /= np.sin(np.radians((edges[1:] + edges[:-1]) / 2))[:, None]
        counts /= counts.mean() or 1.0
        label = "counts / sin θ, relative to the mean"
    top = float(np.quantile(counts, _BRIGHTEST)) or 1.0
    mesh = ax.pcolormesh(edges, edges, counts, cmap="viridis", vmin=0, vmax=top, rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label=label, extend="max" if counts.max() > top else "neither")
    eta = coupling(series.V)[1]
    direction = "({:.3g}, {:.3g}, {:.3g})".format(*np.asarray(field, dtype=float))
    ax.set(xlabel="φ / degrees", ylabel="θ / degrees", xticks=range(0, 91, 15), yticks=range(0, 91, 15))
    ax.set_title(f"B$_0$ ∥ {direction}, {ordering} axes, folded; η < {_AXIAL}: {np.nanmean(eta < _AXIAL):.1%}")
    ax.grid(visible=False)
    ax.set_aspect("equal")
    return ax
