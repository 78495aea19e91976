"""Predictions of a potential beside labels (Fig. 1B of Harper et al. 2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled
from ufpnmr.units import GPA_PER_EV_PER_CUBIC_ANGSTROM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ufpnmr.potential.accuracy import Comparison

__all__ = ["parity"]


@styled
def parity(
    comparison: Comparison, quantity: Literal["energy", "forces", "stress"] = "forces", ax: Axes | None = None
) -> Axes:
    """Plot predictions against labels.

    Parameters
    ----------
    comparison : Comparison
        From `ufpnmr.potential.accuracy.compare`.
    quantity : {"energy", "forces", "stress"}
        Energies per atom relative to the mean label (colours: configuration types), force components (colours:
        elements), or stress components.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    errors = comparison.errors()
    if quantity == "energy":
        shift = comparison.energy_label.mean() if len(comparison.energy_label) else 0.0
        types = np.array(comparison.config_types)[comparison.energy_structure]
        x, y = 1e3 * (comparison.energy_label - shift), 1e3 * (comparison.energy - shift)
        unit, rmse, groups = "energy − mean / meV per atom", f"{_text(errors['energy_rmse'])} meV/atom", types
    elif quantity == "forces":
        x, y = comparison.forces_label.ravel(), comparison.forces.ravel()
        groups = np.repeat(comparison.force_element, 3)
        unit, rmse = "force component / eV/Å", f"{_text(errors['force_rmse'])} meV/Å"
    else:
        gpa = GPA_PER_EV_PER_CUBIC_ANGSTROM
        x, y = gpa * comparison.stress_label.ravel(), gpa * comparison.stress.ravel()
        groups = np.full(len(x), "")
        unit, rmse = "stress component / GPa", f"{_text(errors['stress_rmse'])} GPa"
    _scatter(ax, x, y, groups)
    ax.set(xlabel=f"label: {unit}", ylabel="prediction", title=f"RMSE {rmse}")
    return ax


def _scatter(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.str_]) -> None:
    if not len(x):
        ax.text(0.5, 0.5, "no labels", transform=ax.transAxes, ha="center")
        return
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    margin = 0.03 * max(high - low, 1e-9)
    ends = [low - margin, high + margin]
    ax.plot(ends, ends, color=GUIDE, linewidth=0.8)
    for number, name in enumerate(np.unique(groups)):
        mine = groups == name
        # many points: small and rasterised, so that the figure stays small
        ax.plot(
            x[mine],
            y[mine],
            linestyle="none",
            marker="o",
            markersize=2.5,
            alpha=0.5,
            markeredgewidth=0,
            color=COLOURS[number % len(COLOURS)],
            label=str(name) or None,
            rasterized=True,
        )
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    if len(np.unique(groups)) > 1:
        ax.legend(loc="upper left", markerscale=2, ncols=2 if len(np.unique(groups)) > 4 else 1)


def _text(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}" if value < 10 else f"{value:.1f}"
