"""How far predicted field gradients are from reference ones, in the quantities that spectra show."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr.efg.tensors import cosine, relative_rmse, to_matrix, to_spherical
from ufpnmr.units import coupling_khz_per_efg

__all__ = ["directions", "tensor_metrics"]


def directions() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 26 unit vectors (26, 3) and weights (26,) of the Lebedev rule of degree 7; the weights sum to one."""
    points, weights = [], []
    for vector in itertools.product((-1, 0, 1), repeat=3):
        order = sum(map(abs, vector))
        if order:
            points.append(np.array(vector) / np.sqrt(order))
            weights.append({1: 1 / 21, 2: 4 / 105, 3: 9 / 280}[order])
    return np.array(points), np.array(weights)


def tensor_metrics(predicted: ArrayLike, reference: ArrayLike, quadrupole_moment: float) -> dict[str, float]:
    """Compare two sets of tensors.

    Parameters
    ----------
    predicted, reference : (M, 6) V/Å²
        Components xx yy zz xy xz yz, traceless.
    quadrupole_moment : float
        mb, with its sign; sets the scale of the entries in kHz.

    Returns
    -------
    dict
        ``relative_tensor_rmse`` [Σ‖ΔV‖²/Σ‖V‖²]^½; ``mae_omega_q_khz`` mean |κ b·ΔV·b| over atoms and field directions b
        (Lebedev degree 7); ``mae_cq_khz`` of |C_Q| = |κ V_zz|, V_zz the eigenvalue of largest magnitude; ``mae_eta``;
        ``correlation`` Pearson's r of the five spherical components; ``cosine_mean`` and ``cosine_5_percent`` of
        V:V'/(‖V‖‖V'‖).
    """
    predicted, reference = np.asarray(predicted, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    kappa = coupling_khz_per_efg(quadrupole_moment)
    points, weights = directions()
    difference = to_matrix(predicted - reference)
    omega = kappa * np.einsum("da,mab,db->md", points, difference, points)
    (cq, eta), (cq_reference, eta_reference) = (_coupling(V, kappa) for V in (predicted, reference))
    v, w = to_spherical(predicted).ravel(), to_spherical(reference).ravel()
    alignment = cosine(predicted, reference)
    return {
        "relative_tensor_rmse": relative_rmse(predicted, reference),
        "mae_omega_q_khz": float(np.mean(np.abs(omega) @ weights)),
        "mae_cq_khz": float(np.mean(np.abs(cq - cq_reference))),
        "mae_eta": float(np.mean(np.abs(eta - eta_reference))),
        "correlation": float(np.corrcoef(v, w)[0, 1]),
        "cosine_mean": float(np.mean(alignment)),
        "cosine_5_percent": float(np.quantile(alignment, 0.05)),
    }


def _coupling(V: NDArray[np.float64], kappa: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """|C_Q| in kHz and η of each tensor; both are the same in every ordering of the axes."""
    values = np.linalg.eigvalsh(to_matrix(V))
    values = np.take_along_axis(values, np.argsort(np.abs(values), axis=-1), axis=-1)
    largest = np.abs(values[:, 2])
    return abs(kappa) * largest, np.abs(values[:, 0] - values[:, 1]) / largest
