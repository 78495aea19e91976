"""The common look: colour-blind safe palette (Okabe and Ito 2008), readable type, axes made on demand."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ufpnmr.errors import InputError, nearest

__all__ = ["COLOURS", "FAINT", "GUIDE", "label_colour", "new_axes", "save", "styled"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Blue, vermilion, green, purple, orange, sky: distinguishable with any colour vision."""
FAINT = "#9aa7b1"
"""Single ions behind a mean."""
GUIDE = "#5b6670"
"""Windows, thresholds and other guides."""

_RC: Any = {
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e3e7ea",
    "grid.linewidth": 0.7,
    "legend.fontsize": 9.5,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.8,
    "svg.hashsalt": "ufpnmr",
    "svg.fonttype": "path",
}
_SUFFIXES = (".svg", ".png", ".pdf")

P = ParamSpec("P")
R = TypeVar("R")


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Draw with the package's style without touching the user's settings."""

    @wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(_RC):
            return function(*args, **kwargs)

    return inside


def new_axes(ax: Axes | None, width: float = 6.4, height: float = 4.0) -> Axes:
    """Return `ax`, or the axes of a new figure of the given size in inches."""
    if ax is not None:
        return ax
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure.add_subplot()


def label_colour(code: int) -> str:
    """Return the colour of a site label: LiS6 green and LiS4 blue as in Harper et al. 2025, Fig. 5; transit grey."""
    return {4: COLOURS[0], 6: COLOURS[2]}.get(code, FAINT if code <= 0 else COLOURS[code % len(COLOURS)])


def save(ax: Axes, path: str | Path) -> None:
    """Write the figure of `ax`.

    Parameters
    ----------
    ax : Axes
        As returned by the functions of this package.
    path : path
        Ends in .svg, .png or .pdf.

    Raises
    ------
    InputError
        Another suffix.
    """
    path = Path(path)
    if path.suffix not in _SUFFIXES:
        raise InputError(f"{path}: expected a name ending in {', '.join(_SUFFIXES)}{nearest(path.suffix, _SUFFIXES)}")
    figure = ax.figure
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    with mpl.rc_context(_RC):
        figure.savefig(partial, metadata=metadata)  # type: ignore[union-attr]
    partial.replace(path)
