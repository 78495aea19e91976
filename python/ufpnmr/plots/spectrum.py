"""Powder spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.spectrum import SpectrumResult

__all__ = ["spectrum"]


@styled
def spectrum(result: SpectrumResult, ax: Axes | None = None) -> Axes:
    """Plot the spectrum of each series; the central line is cut so that the satellites can be seen.

    Parameters
    ----------
    result : SpectrumResult
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    highest = 0.0
    for k, intensity in enumerate(result.intensity):
        kelvin = result.temperature[k]
        label = f"{kelvin:g} K" if np.isfinite(kelvin) else "all transitions"
        ax.plot(result.frequency, intensity, color=COLOURS[k % len(COLOURS)], linewidth=1.2, label=label)
        away = np.abs(result.frequency) > 3 * result.broadening
        highest = max(highest, float(intensity[away].max()))
    how = f"spinning at {result.spinning:g} kHz" if result.spinning else "static"
    ax.set(
        xlabel="frequency / kHz",
        ylabel="intensity / kHz$^{-1}$",
        ylim=(0, 1.3 * highest),
        title=f"{result.isotope['name']} powder, {how}, averaged over {result.averaging}",
    )
    ax.legend(loc="upper right")
    return ax
