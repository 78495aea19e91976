"""Distribution of decay times, and the curve it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ufpnmr.plots.style import COLOURS, GUIDE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.rate_distribution import RateDistribution

__all__ = ["rate_distribution"]

_PS_PER_NS = 1e3


@styled
def rate_distribution(result: RateDistribution, ax: Axes | None = None) -> Axes:
    """Plot the weights of the decay times with their 95 % band and the peaks that persist in the resamples.

    Parameters
    ----------
    result : RateDistribution
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    tau = result.tau / _PS_PER_NS
    kind = "non-negative" if result.non_negative else "of either sign"
    label = f"{kind}, 95 % band of the resamples"
    ax.fill_between(tau, result.low, result.high, color=COLOURS[0], alpha=0.25, linewidth=0)
    ax.plot(tau, result.weight, color=COLOURS[0], label=label)
    for k, peak in enumerate(result.peaks, 1):
        colour = COLOURS[k % len(COLOURS)]
        low, high = peak.low / _PS_PER_NS, peak.high / _PS_PER_NS
        text = f"τ = {peak.tau / _PS_PER_NS:.3g} ns ({low:.3g} … {high:.3g}), {peak.share:.0%} of the decay"
        ax.axvspan(low, high, color=colour, alpha=0.2, linewidth=0)
        ax.axvline(peak.tau / _PS_PER_NS, color=colour, linestyle="--", linewidth=1.2, label=text)
    if not result.peaks:
        ax.plot([], [], linestyle="none", label="no peak persists in 95 % of the resamples")
    ax.axhline(0, color=GUIDE, linewidth=0.8)
    ax.set(
        xscale="log",
        xlabel="τ / ns",
        ylabel="weight of exp(-t/τ) in C(t)/C(0)",
        xlim=(tau[0], tau[-1]),
        title=f"does not decay: {result.floor:.2f}",
    )
    ax.legend(loc="best", fontsize=8.5)
    return ax
