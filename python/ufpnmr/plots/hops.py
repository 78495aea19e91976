"""Choice of the hop threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ufpnmr.plots.style import COLOURS, FAINT, GUIDE, new_axes, styled
from ufpnmr.results.display import record_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.hops import HopResult

__all__ = ["threshold_scan"]


@styled
def threshold_scan(result: HopResult, ax: Axes | None = None) -> Axes:
    """Plot the number of hops against the outer radius, with the plateau, the radius used and other minimum residences.

    Parameters
    ----------
    result : HopResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    ax.plot(
        result.thresholds,
        result.counts,
        "o-",
        color=COLOURS[0],
        label=f"stays of at least {result.parameters['minimum_residence_ps']:g} ps",
    )
    plateau = result.parameters.get("plateau")
    if plateau is not None:
        ax.axvspan(*plateau, color=COLOURS[4], alpha=0.18, linewidth=0, label="plateau")
    radius = result.parameters.get("outer_radius")
    if radius is not None:
        ax.axvline(radius, color=GUIDE, linestyle="--", linewidth=1, label=f"r$_{{out}}$ used: {radius:.2f} Å")
    scans = result.stability.get("scans", {"minimum_residence_ps": [], "counts": []})
    others = zip(scans["minimum_residence_ps"][1:], scans["counts"][1:], strict=True)
    for (residence, counts), style in zip(others, (":", "-."), strict=False):
        ax.plot(result.thresholds, counts, style, color=FAINT, label=f"with stays of at least {residence:g} ps")
    ax.plot([], [], linestyle="none", label=f"rate: {record_text(result.rate)}")
    ax.set(xscale="log", xlabel="outer radius r$_{out}$ / Å", ylabel="number of hops")
    ax.set_ylim(bottom=0, top=max(1.0, 1.35 * float(result.counts.max(initial=0))))
    ax.set_xticks([0.7, 1.0, 1.4, 2.0, 2.8], ["0.7", "1.0", "1.4", "2.0", "2.8"])
    ax.minorticks_off()
    ax.legend(loc="upper right")
    return ax
