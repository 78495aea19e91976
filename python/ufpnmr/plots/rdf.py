"""Pair correlation functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.rdf import RDFResult

__all__ = ["pair_correlation"]

_LABELS = {"g": "g(r)", "paper": "g(r) / Å⁻³ (eq. 1 as printed)", "density": "density / Å⁻³"}


@styled
def pair_correlation(result: RDFResult, ax: Axes | None = None) -> Axes:
    """Plot g(r) of every pair of elements with its 95 % band (Kaiser & Egger 2024, Figs 2b, 5b, 8a).

    Parameters
    ----------
    result : RDFResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    for row, (a, b) in enumerate(result.pairs):
        colour, style = COLOURS[row % len(COLOURS)], ("-", "--", ":")[row // len(COLOURS) % 3]
        band = 1.96 * result.g_std_error[row]
        ax.fill_between(result.r, result.g[row] - band, result.g[row] + band, color=colour, alpha=0.25, linewidth=0)
        ax.plot(result.r, result.g[row], color=colour, linestyle=style, label=f"{a}–{b}, 95 % band")
    norm = str(result.parameters["norm"])
    if norm == "g":
        ax.axhline(1.0, color=GUIDE, linewidth=0.8)
    ax.set(xlabel="r / Å", ylabel=_LABELS[norm], xlim=(0, result.parameters["r_max"]))
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper right")
    return ax
