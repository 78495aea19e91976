"""Least-squares fit of the point-charge model, its error on withheld groups and the intervals of its numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.labels import LabelledColumns
from ufpnmr.efg.metrics import tensor_metrics
from ufpnmr.efg.tensors import to_spherical
from ufpnmr.errors import InputError

__all__ = ["bootstrap", "fit_charges", "predict_withheld"]

Array = NDArray[np.float64]


def fit_charges(data: LabelledColumns, rows: NDArray[np.intp] | None = None) -> Array:
    """Return the effective charges c that minimise Σ‖V - Σ_a c_a E^(a)‖².

    Parameters
    ----------
    data : LabelledColumns
    rows : (R,) int, optional
        Labelled atoms to use, repeated ones counting more than once; all if not given.

    Returns
    -------
    (S,) e, in the order of ``data.species``.

    Raises
    ------
    InputError
        The labels do not determine one number per species.
    """
    rows = np.arange(len(data.V)) if rows is None else rows
    design = np.moveaxis(to_spherical(data.columns[rows]), 1, 2).reshape(-1, len(data.species))
    charges, _, rank, _ = np.linalg.lstsq(design, to_spherical(data.V[rows]).ravel(), rcond=None)
    if rank < len(data.species):
        raise InputError(
            f"expected labels that determine {len(data.species)} charges ({', '.join(data.species)}), found only "
            f"{rank} independent columns; add structures"
        )
    return np.asarray(charges, dtype=np.float64)


def predict_withheld(data: LabelledColumns) -> Array:
    """Predict every label with charges fitted to the other groups only; return (M, 6) V/Å².

    Raises
    ------
    InputError
        Fewer than two groups.
    """
    groups = sorted(set(data.group.tolist()))
    if len(groups) < 2:
        raise InputError(f"expected at least two groups, to withhold one, found {groups}")
    V = np.empty_like(data.V)
    for group in groups:
        withheld = data.group == group
        charges = fit_charges(data, np.flatnonzero(~withheld))
        V[withheld] = np.einsum("s,msc->mc", charges, data.columns[withheld])
    return V


def bootstrap(
    data: LabelledColumns, withheld: Array, quadrupole_moment: float, n_samples: int, seed: int
) -> tuple[Array, dict[str, tuple[float, float]]]:
    """Return 95 % percentile intervals by resampling whole groups.

    Parameters
    ----------
    data : LabelledColumns
    withheld : (M, 6) V/Å²
        From `predict_withheld`.
    quadrupole_moment : float
        mb.
    n_samples, seed : int
        Number of resamples and seed of the generator.

    Returns
    -------
    charges : (2, S) e
        Lower and upper ends.
    metrics : dict
        Name of `tensor_metrics` -> (low, high).
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(data.group == group) for group in sorted(set(data.group.tolist()))]
    charges, metrics = [], []
    for _ in range(n_samples):
        rows = np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))])
        charges.append(fit_charges(data, rows))
        metrics.append(tensor_metrics(withheld[rows], data.V[rows], quadrupole_moment))
    levels = [0.025, 0.975]
    intervals = {}
    for name in metrics[0]:
        low, high = np.quantile([sample[name] for sample in metrics], levels)
        intervals[name] = (float(low), float(high))
    return np.quantile(charges, levels, axis=0), intervals
