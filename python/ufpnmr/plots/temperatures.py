"""D(T), k(T) and τ(T) with their Arrhenius laws in one figure."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ufpnmr.plots.style import COLOURS, GUIDE, styled
from ufpnmr.results.display import record_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.arrhenius import ArrheniusFit
    from ufpnmr.results.record import Record
    from ufpnmr.results.temperature_scan import TemperatureScan

__all__ = ["over_temperatures"]

_NAMES = {"diffusion": "D", "hop_rate": "hop rate k", "tau_cq": "τ, |C$_Q$|", "tau_powder": "τ, ω$_Q$ powder"}
_AXES = {"cm2/s": "D / (cm²/s)", "s^-1": "k / s⁻¹", "ns": "τ / ns"}
_POINTS = 60
_SHIFT = 0.004
"""Curves of one panel are set side by side by this fraction of the axis."""


@styled
def over_temperatures(result: TemperatureScan, ax: Axes | None = None) -> Axes:
    """Plot every quantity over 1000/T, a panel per unit: 95 % intervals, bounds as arrows, laws with their bands.

    Lines are dashed and points open where the law is extrapolated.

    Parameters
    ----------
    result : TemperatureScan
    ax : Axes, optional
        Holds the quantities of the first unit only; by default a new figure has a panel per unit.

    Returns
    -------
    Axes
        The first panel.
    """
    units = {name: row[0].unit for name, row in result.records.items()}
    panels = {unit: [name for name in units if units[name] == unit] for unit in dict.fromkeys(units.values())}
    if ax is None:
        figure = Figure(figsize=(9.6, 0.4 + 3.0 * len(panels)), layout="constrained")
        axes: list[Axes] = list(figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0])
    else:
        axes = [ax]
    kelvin = [*result.temperature, *(float(at) for row in result.predicted.values() for at in row)]
    for panel, (unit, names) in zip(axes, panels.items(), strict=False):
        for k, name in enumerate(names):
            shift = (k - (len(names) - 1) / 2) * _SHIFT * (1000 / min(kelvin) - 1000 / max(kelvin))
            _quantity(panel, result, name, COLOURS[k % len(COLOURS)], shift)
        panel.set(yscale="log", ylabel=_AXES.get(unit, f"value / ({unit})"))
        panel.margins(y=0.2)
        # beside the panel: bounds may lie anywhere in it
        panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    axes[-1].set_xlabel("1000 K / T")
    top = axes[0].secondary_xaxis("top", functions=(_inverse, _inverse))
    top.set_xlabel("T / K")
    top.set_xticks(result.temperature, [f"{t:g}" for t in result.temperature])
    return axes[0]


def _inverse(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(1000.0 / np.asarray(x, dtype=np.float64))


def _quantity(ax: Axes, result: TemperatureScan, name: str, colour: str, shift: float) -> None:
    for kelvin, record in zip(result.temperature, result.records[name], strict=True):
        _point(ax, 1000 / kelvin + shift, record, colour, filled=True)
    direction = name.removeprefix("tau_omega_q_")
    label = _NAMES.get(name, f"τ, ω$_Q$, field along {direction}" if direction != name else name)
    label += f": E = {record_text(result.activation[name])}"
    law = result.laws.get(name)
    if law is None:
        ax.plot([], [], "o", color=colour, label=label)
        return
    predicted = {float(at): record for at, record in result.predicted.get(name, {}).items()}
    _law(ax, law, [*predicted], colour, label)
    for kelvin, record in predicted.items():
        _point(ax, 1000 / kelvin + shift, record, colour, filled=False)


def _point(ax: Axes, x: float, record: Record, colour: str, *, filled: bool) -> None:
    """Draw value and interval; a record without value as the arrow of its bound."""
    low, high = record.ci_low, record.ci_high
    if record.value is not None:
        ends = [[record.value - (record.value if low is None else low)], [(high or record.value) - record.value]]
        face = colour if filled else "white"
        ax.errorbar(x, record.value, ends, fmt="o", color=colour, markerfacecolor=face, capsize=2, linewidth=1.2)
        return
    for bound, marker in ((low, "^"), (high, "v")):
        if bound is not None and bound > 0:
            ax.plot(x, bound, marker, color=colour, markerfacecolor="white")


def _law(ax: Axes, law: ArrheniusFit, predicted: list[float], colour: str, label: str) -> None:
    low, high = law.temperature.min(), law.temperature.max()
    kelvin = 1 / np.linspace(1 / max(high, *predicted, low), 1 / min(low, *predicted, high), _POINTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the dashes say it
        line = [law.predict(float(t)) for t in kelvin]
    bottom, middle, top = np.array([[r.ci_low, r.value, r.ci_high] for r in line], dtype=float).T
    inside = (kelvin >= low * (1 - 1e-9)) & (kelvin <= high * (1 + 1e-9))
    ax.fill_between(1000 / kelvin, bottom, top, color=colour, alpha=0.12, linewidth=0)
    ax.plot(1000 / kelvin, middle, color=GUIDE, linewidth=0.9, linestyle="--", zorder=1)
    ax.plot(1000 / kelvin[inside], middle[inside], color=colour, label=label)
