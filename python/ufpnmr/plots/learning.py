"""Force errors against the number of labelled structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.plots.style import COLOURS, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.learning import LearningRecord

__all__ = ["learning_curve"]


@styled
def learning_curve(record: LearningRecord, ax: Axes | None = None) -> Axes:
    """Plot largest and mean predicted force error of the candidates, and the withheld force error.

    As Figs 2a and 5a of Kaiser, Egger et al., J. Mater. Chem. A 12, 11344 (2024), over labelled structures.

    Parameters
    ----------
    record : LearningRecord
        Of `ufp active run`.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    labelled = np.array(record.column("labelled"), dtype=np.float64)
    curves = (
        (("candidates", "largest"), 1.0, "predicted, largest of the candidates", COLOURS[1], "s"),
        (("candidates", "mean"), 1.0, "predicted, mean of the candidates", COLOURS[0], "o"),
        (("withheld_predicted", "mean"), 1.0, "predicted, mean of the withheld", COLOURS[5], "v"),
        (("withheld", "force_rmse"), 1e-3, "withheld, root mean square", COLOURS[2], "D"),
    )
    for keys, factor, name, colour, marker in curves:
        values = factor * np.array([np.nan if v is None else v for v in record.column(*keys)])
        known = np.isfinite(values) & (values > 0)
        if known.any():
            ax.plot(labelled[known], values[known], color=colour, marker=marker, markersize=5, label=name)
    ax.set(xlabel="labelled structures", ylabel="force error by component / eV Å$^{-1}$", title=record.title)
    if ax.lines:
        ax.set_yscale("log")
        ax.legend()
    return ax
