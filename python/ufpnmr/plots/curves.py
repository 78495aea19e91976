"""Figures of structure, vibrations and van Hove functions: of one run, of a mean over runs, of two sets of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ufpnmr.errors import InputError, nearest
from ufpnmr.plots.style import COLOURS, FAINT, GUIDE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.angles import AngleResult
    from ufpnmr.results.comparison import Comparison

__all__ = ["CURVES", "Curve", "angle_traces", "comparison", "curve"]


@dataclass(frozen=True)
class Curve:
    """How a curve is drawn: against which array of the grid, one line per label, or as a map over two."""

    x: str
    xlabel: str
    ylabel: str
    labels: str | None = None
    y: str | None = None
    scale: tuple[str, str] = ("linear", "linear")
    smooth: str | None = None
    guide: float | None = None


_LAG, _R = "lag / ps", "r / Å"
CURVES: Mapping[str, Mapping[str, Curve]] = {
    "ufpnmr-rdf": {
        "g": Curve("r", _R, "g(r)", "pairs", guide=1.0),
        "n": Curve("r", _R, "neighbours within r", "pairs"),
    },
    "ufpnmr-vdos": {"g": Curve("nu", "wavenumber / cm⁻¹", "density of states", "elements", smooth="g_smooth")},
    "ufpnmr-angles": {
        "rho_theta": Curve("theta", "θ / degree", "ρ(θ) / degree⁻¹"),
        "rho_omega": Curve("omega", "ω / (degree/fs)", "ρ(ω) / (fs/degree)"),
    },
    "ufpnmr-ion-density": {
        "density": Curve("phi", "φ / degree", "ρ(r, φ) / (Å⁻¹ degree⁻¹)", y="r"),
        "reduced": Curve("phi", "φ / degree", "ρ/(r² sin φ), mean 1", y="r"),
    },
    "ufpnmr-vanhove": {
        "gs": Curve("lag", _LAG, "G_s / Å⁻³", y="r"),
        "gd": Curve("lag", _LAG, "G_d", y="r"),
        "radial": Curve("lag", _LAG, "4πr²G_s / Å⁻¹", y="r"),
        "alpha2": Curve("lag", _LAG, "α₂", scale=("log", "linear"), guide=0.0),
        "concerted": Curve("lag", _LAG, "G_d within 1 Å over density", scale=("log", "linear"), guide=1.0),
    },
    "ufpnmr-msd": {
        "msd": Curve("lag", _LAG, "mean-square displacement / Å²", scale=("log", "log")),
        "alpha": Curve("lag", _LAG, "d ln MSD / d ln t", scale=("log", "linear"), guide=1.0),
    },
    "ufpnmr-hops": {"scan_rate": Curve("thresholds", "outer radius / Å", "hops per ion and time / s⁻¹")},
}
"""By schema of the result; the first curve is the default figure."""


@styled
def curve(result: Any, kind: str | None = None, ax: Axes | None = None) -> Axes:
    """Plot a curve or map of a result, or of a mean over runs.

    Parameters
    ----------
    result : RDFResult, VDOSResult, AngleResult, IonDensity, VanHoveResult, MSDResult or RunAverage
        The band is 95 % of one run, and the standard deviation over runs of a mean (as in Kaiser & Egger 2024).
    kind : str, optional
        Which curve; the first of `CURVES` for the result by default.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    schema = getattr(result, "kind", None) or result.schema
    name, style = _chosen(schema, kind)
    mean, band, what = _values(result, schema, name)
    grid = _grid(result, style)
    ax = new_axes(ax)
    if style.y is not None:
        _map(ax, style, grid, mean)
        return ax
    labels = _labels(grid, style)
    for row, label in enumerate(labels):
        y = np.atleast_2d(mean)[row]
        spread = None if band is None else np.atleast_2d(band)[row]
        display = getattr(result, style.smooth)[row] if style.smooth and hasattr(result, style.smooth) else None
        _line(ax, style, grid[style.x], y, spread, COLOURS[row % len(COLOURS)], f"{label}{what}", row, display)
    _finish(ax, style)
    return ax


@styled
def angle_traces(result: AngleResult, ax: Axes | None = None) -> Axes:
    """Plot θ(t) of the first angles, thin as it is and thick through the low-pass filter (Kaiser & Egger, Fig. 3a)."""
    ax = new_axes(ax)
    for row, theta in enumerate(result.trace_theta):
        colour = COLOURS[row % len(COLOURS)]
        ax.plot(result.trace_time, theta, color=colour, linewidth=0.4, alpha=0.5, rasterized=True)
        ax.plot(result.trace_time, result.trace_filtered[row], color=colour, linewidth=2.0, label=f"angle {row + 1}")
    ax.set(xlabel="time / ps", ylabel="θ / degree")
    ax.set_title(f"thick: below {result.parameters['cutoff_cm']:g} cm⁻¹")
    ax.legend(loc="upper right", ncols=2)
    return ax


@styled
def comparison(result: Comparison, ax: Axes | None = None) -> Axes:
    """Plot every curve of two sets of runs over each other, and maps side by side; returns the first axes.

    Parameters
    ----------
    result : Comparison
    ax : Axes, optional
        Only the first curve is drawn into it; by default a new figure holds all.
    """
    keys = [key for key in result.pull if _drawn(result, key) is not None]
    if not keys:
        raise InputError("the comparison holds no curve to draw")
    if ax is not None:
        _overlay(ax, result, keys[0])
        return ax
    from matplotlib.figure import Figure

    columns = min(3, len(keys))
    rows = -(-len(keys) // columns)
    figure = Figure(figsize=(4.6 * columns, 3.4 * rows), layout="constrained")
    for place, key in enumerate(keys, start=1):
        _overlay(figure.add_subplot(rows, columns, place), result, key)
    return figure.axes[0]


def _chosen(schema: str, kind: str | None) -> tuple[str, Curve]:
    curves = CURVES.get(schema)
    if curves is None:
        raise InputError(f"no figure for {schema}; known: {', '.join(CURVES)}")
    name = next(iter(curves)) if kind is None else kind
    if name not in curves:
        raise InputError(f"kind: expected one of {', '.join(curves)}, found {name!r}{nearest(name, curves)}")
    return name, curves[name]


def _values(result: Any, schema: str, name: str) -> tuple[Any, Any, str]:
    """Curve, half-width of its band, and what the band is."""
    if hasattr(result, "mean"):
        stored, factor = ("gs", _shell_area(result.grid["r"])) if name == "radial" else (name, 1.0)
        if stored not in result.mean:
            raise InputError(f"the mean over runs holds {', '.join(result.mean)}, not {stored}")
        many = result.n_runs > 1
        band = result.std[stored] if many else 1.96 * result.sem[stored]
        return factor * result.mean[stored], factor * band, f", sd of {result.n_runs} runs" if many else ", 95 %"
    error = getattr(result, result.curves[name], None) if name in result.curves else None
    return getattr(result, name), None if error is None else 1.96 * error, ", 95 % band"


def _shell_area(r: Any) -> Any:
    """Volume over width of the shells around distances `r` (R,): 4π(r² + dr²/12), Å²."""
    return 4 * np.pi * (r**2 + (r[1] - r[0]) ** 2 / 12)


def _grid(result: Any, style: Curve) -> dict[str, Any]:
    names = [name for name in (style.x, style.y, style.labels) if name is not None]
    source = result.grid if hasattr(result, "mean") else None
    return {name: source[name] if source is not None else getattr(result, name) for name in names}


def _labels(grid: Mapping[str, Any], style: Curve) -> list[str]:
    return [""] if style.labels is None else ["–".join(np.atleast_1d(label)) for label in grid[style.labels]]


def _line(
    ax: Axes, style: Curve, x: Any, y: Any, band: Any, colour: str, label: str, row: int, display: Any = None
) -> None:
    keep = x > 0 if style.scale[0] == "log" else np.ones(len(x), dtype=bool)
    dash = ("-", "--", ":")[row // len(COLOURS) % 3]
    if band is not None:
        ax.fill_between(x[keep], (y - band)[keep], (y + band)[keep], color=colour, alpha=0.2, linewidth=0)
    if display is not None:
        ax.plot(x[keep], y[keep], color=colour, linewidth=0.5, alpha=0.5)
        y = display
    ax.plot(x[keep], y[keep], color=colour, linestyle=dash, label=label.lstrip(", "))


def _finish(ax: Axes, style: Curve) -> None:
    ax.set(xscale=style.scale[0], yscale=style.scale[1], xlabel=style.xlabel, ylabel=style.ylabel)
    if style.guide is not None:
        ax.axhline(style.guide, color=GUIDE, linewidth=0.8)
    ax.legend(loc="best")


def _map(ax: Axes, style: Curve, grid: Mapping[str, Any], values: Any, bar: bool = True) -> None:
    """Values (x, y) of van Hove functions, (y, x) of densities; the colour ends at a percentile off the origin."""
    assert style.y is not None
    x, y = grid[style.x], grid[style.y]
    z = values.T if values.shape == (len(x), len(y)) and style.x == "lag" else values
    away = z[y > 0.5 * y.max() / 8] if style.x == "lag" else z
    finite = away[np.isfinite(away)]
    top = float(np.quantile(finite, 0.995)) if finite.size else 1.0
    mesh = ax.pcolormesh(x, y, z, shading="nearest", cmap="viridis", vmin=0.0, vmax=top or 1.0, rasterized=True)
    ax.grid(False)
    ax.set(xlabel=style.xlabel, ylabel=_R if style.x == "lag" else "distance / Å")
    steps = np.diff(x)
    if style.x == "lag" and len(x) > 3 and steps.max() > 3 * steps.min():
        ax.set_xscale("symlog", linthresh=float(x[x > 0].min()))
    if bar:
        ax.figure.colorbar(mesh, ax=ax, label=style.ylabel, extend="max")


def _drawn(result: Comparison, key: str) -> tuple[str, Curve] | None:
    """Analysis and style of a curve "ANALYSIS.CURVE" of a comparison."""
    analysis, _, name = key.rpartition(".")
    for curves in CURVES.values():
        style = curves.get(name)
        if style is not None and all(
            f"{analysis}.{axis}" in result.grid for axis in (style.x, style.y, style.labels) if axis is not None
        ):
            return analysis, style
    return None


def _overlay(ax: Axes, result: Comparison, key: str) -> None:
    found = _drawn(result, key)
    assert found is not None
    analysis, style = found
    axes = (style.x, style.y, style.labels)
    grid = {axis: result.grid[f"{analysis}.{axis}"] for axis in axes if axis is not None}
    reference, other = result.reference[key], result.other[key]
    if style.y is not None:
        pull = result.pull[key]
        limit = 4.0
        values = pull.T if style.x == "lag" else pull
        x, y = grid[style.x], grid[style.y]
        mesh = ax.pcolormesh(x, y, values, shading="nearest", cmap="RdBu_r", vmin=-limit, vmax=limit, rasterized=True)
        ax.grid(False)
        ax.set(xlabel=style.xlabel, ylabel=_R if style.x == "lag" else "distance / Å")
        ax.figure.colorbar(mesh, ax=ax, label="difference in combined errors", extend="both")
    else:
        for row, label in enumerate(_labels(grid, style)):
            colour = COLOURS[row % len(COLOURS)]
            a, b = np.atleast_2d(reference)[row], np.atleast_2d(other)[row]
            spread = np.atleast_2d(result.other[f"{key}.std"])[row]
            _line(ax, style, grid[style.x], b, spread, colour, f"{label} {result.other_name}", row)
            keep = grid[style.x] > 0 if style.scale[0] == "log" else slice(None)
            ax.plot(grid[style.x][keep], a[keep], color="black", linewidth=1.0, linestyle="--", zorder=3)
        ax.plot([], [], color="black", linewidth=1.0, linestyle="--", label=result.reference_name)
        _finish(ax, style)
        ax.legend(loc="best", fontsize=7)
    ax.set_title(f"{analysis}: {key.rpartition('.')[2]}", fontsize=9, color=GUIDE if style.y is None else FAINT)
