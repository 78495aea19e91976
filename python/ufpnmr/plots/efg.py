"""Predicted field gradients beside reference ones (Fig. 1C of Harper et al. 2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ufpnmr.efg.metrics import WITHIN_KHZ
from ufpnmr.efg.orientation import random_fraction
from ufpnmr.plots.style import COLOURS, FAINT, GUIDE, new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ufpnmr.efg.metrics import TensorErrors

__all__ = ["omega_q_parity", "quaternion_scores", "tensor_learning_curve"]


@styled
def omega_q_parity(
    errors: TensorErrors,
    *,
    isotope: str,
    kinds: Mapping[str, NDArray[np.bool_]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot predicted against reference ω_Q for the field along x, y and z, with the band of ±10 kHz.

    Parameters
    ----------
    errors : TensorErrors
        From `ufpnmr.efg.metrics.TensorErrors.compare`.
    isotope : str
        Named on the axes.
    kinds : mapping, optional
        Name -> (M,) bool, drawn in different colours.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax, 4.8, 4.6)
    low = float(min(errors.omega.min(), errors.omega_reference.min()))
    high = float(max(errors.omega.max(), errors.omega_reference.max()))
    margin = 0.04 * (high - low)
    ends = np.array([low - margin, high + margin])
    ax.fill_between(ends, ends - WITHIN_KHZ, ends + WITHIN_KHZ, color=FAINT, alpha=0.3, linewidth=0)
    ax.plot(ends, ends, color=GUIDE, linewidth=0.8)
    groups = kinds or {"": np.ones(len(errors.omega), dtype=bool)}
    for number, (name, mine) in enumerate(groups.items()):
        ax.plot(
            errors.omega_reference[mine].ravel(),
            errors.omega[mine].ravel(),
            linestyle="none",
            marker="o",
            markersize=2.5,
            alpha=0.5,
            markeredgewidth=0,
            color=COLOURS[number % len(COLOURS)],
            label=name or None,
            rasterized=True,
        )
    if kinds:
        ax.legend(loc="lower right", markerscale=2)
    summary = errors.summary()
    ax.set(
        xlim=ends,
        ylim=ends,
        aspect="equal",
        xlabel=f"reference ω$_Q$({isotope}), B$_0$ ∥ x, y, z / kHz",
        ylabel="prediction / kHz",
        title=f"MAE {summary['mae_omega_q_xyz_khz']:.1f} kHz, {summary['fraction_within_10_khz']:.0%} within ±10 kHz",
    )
    return ax


@styled
def quaternion_scores(errors: TensorErrors, *, ax: Axes | None = None) -> Axes:
    """Plot the fraction of tensors whose principal axes agree better than a score, with and without D2.

    Parameters
    ----------
    errors : TensorErrors
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    ax = new_axes(ax)
    for number, (name, values) in enumerate(
        (("axes up to D2", errors.score_d2), ("signs of the axes as they come", errors.score_raw))
    ):
        ordered = np.sort(values)
        fraction = np.arange(1, len(ordered) + 1) / len(ordered)
        above = float(np.mean(values >= 0.9))
        ax.step(ordered, fraction, where="post", color=COLOURS[number], label=f"{name}: {above:.1%} ≥ 0.9")
    grid = np.linspace(0, 1, 201)
    ax.plot(grid, [1 - random_fraction(x, d2=False) for x in grid], color=GUIDE, linewidth=0.9, linestyle=":")
    upper = grid[grid >= np.sqrt(0.5)]
    random = [1 - random_fraction(x, d2=True) for x in upper]
    ax.plot(upper, random, color=GUIDE, linewidth=0.9, linestyle=":", label="random axes")
    ax.axvline(0.9, color=GUIDE, linewidth=0.8, linestyle="--")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="|q$_A$·q$_B$|", ylabel="fraction of tensors below")
    ax.legend(loc="upper left")
    return ax


@styled
def tensor_learning_curve(curve: Sequence[Mapping[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Plot the cross-validated error against the number of training environments.

    Parameters
    ----------
    curve : sequence of mappings
        ``environments`` and ``relative_tensor_rmse``, as in the record of a training.
    ax : Axes, optional
        Drawn into; by default a new figure.
    """
    from matplotlib.ticker import FormatStrFormatter, NullFormatter

    ax = new_axes(ax)
    x = [point["environments"] for point in curve]
    ax.plot(x, [100 * point["relative_tensor_rmse"] for point in curve], marker="o", color=COLOURS[0])
    ax.set(xscale="log", yscale="log", xlabel="training environments", ylabel="relative tensor RMSE / %")
    ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    return ax
