"""How far predicted field gradients are from reference ones, in the quantities that spectra show."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr.efg.orientation import principal_axes, quaternion_scores
from ufpnmr.efg.tensors import cosine, relative_rmse, to_matrix, to_spherical
from ufpnmr.errors import InputError
from ufpnmr.units import coupling_khz_per_efg

__all__ = ["WITHIN_KHZ", "TensorErrors", "bootstrap_intervals", "directions", "tensor_metrics"]

Array = NDArray[np.float64]

WITHIN_KHZ = 10.0
"""Sensitivity of experiments to ω_Q, kHz (Harper 2025): the band of the parity plot."""
_SCORE = 0.9


def directions() -> tuple[Array, Array]:
    """Return the 26 unit vectors (26, 3) and weights (26,) of the Lebedev rule of degree 7; the weights sum to one."""
    points, weights = [], []
    for vector in itertools.product((-1, 0, 1), repeat=3):
        order = sum(map(abs, vector))
        if order:
            points.append(np.array(vector) / np.sqrt(order))
            weights.append({1: 1 / 21, 2: 4 / 105, 3: 9 / 280}[order])
    return np.array(points), np.array(weights)


@dataclasses.dataclass(frozen=True, eq=False)
class TensorErrors:
    """Two sets of tensors, compared atom by atom.

    Attributes
    ----------
    predicted, reference : (M, 6) V/Å²
        xx yy zz xy xz yz, traceless.
    kappa : float
        kHz per V/Å².
    omega, omega_reference : (M, 3) kHz
        ω_Q = κ b·V·b for the field along x, y and z.
    mean_abs, mean_square : (M,) kHz, kHz²
        abs(Δω_Q) and Δω_Q² averaged over field directions (Lebedev degree 7).
    cq, eta : (M,) kHz, none
        Errors of abs(C_Q) and η.
    cosine, score_d2, score_raw : (M,)
        V:V'/(‖V‖‖V'‖) and `ufpnmr.efg.orientation.quaternion_scores`.
    """

    predicted: Array
    reference: Array
    kappa: float
    omega: Array
    omega_reference: Array
    mean_abs: Array
    mean_square: Array
    cq: Array
    eta: Array
    cosine: Array
    score_d2: Array
    score_raw: Array

    @classmethod
    def compare(cls, predicted: ArrayLike, reference: ArrayLike, quadrupole_moment: float) -> TensorErrors:
        """Compare (M, 6) V/Å² with (M, 6) V/Å² for a quadrupole moment in mb, with its sign."""
        predicted, reference = np.asarray(predicted, dtype=np.float64), np.asarray(reference, dtype=np.float64)
        if predicted.shape != reference.shape or predicted.ndim != 2 or predicted.shape[1] != 6 or not len(predicted):
            raise InputError(f"expected two sets of tensors (M, 6), found {predicted.shape} and {reference.shape}")
        kappa = coupling_khz_per_efg(quadrupole_moment)
        points, weights = directions()
        omega = kappa * np.einsum("da,mab,db->md", points, to_matrix(predicted - reference), points)
        (cq, eta), (cq_reference, eta_reference) = (_coupling(V, kappa) for V in (predicted, reference))
        d2, raw = quaternion_scores(predicted, reference)
        return cls(
            predicted,
            reference,
            kappa,
            kappa * predicted[:, :3],
            kappa * reference[:, :3],
            np.abs(omega) @ weights,
            omega**2 @ weights,
            cq - cq_reference,
            eta - eta_reference,
            cosine(predicted, reference),
            d2,
            raw,
        )

    def summary(self, rows: NDArray[np.intp] | None = None) -> dict[str, float]:
        """Return the numbers of `tensor_metrics` over some atoms, repeated ones counting more than once."""
        r: NDArray[np.intp] = np.arange(len(self.cq)) if rows is None else rows
        difference, reference = self.omega[r] - self.omega_reference[r], self.reference[r]
        rms = np.sqrt(np.mean(2 / 15 * self.kappa**2 * np.sum(to_spherical(reference) ** 2, axis=-1)))
        mae = np.mean(np.abs(difference), axis=0)
        v, w = to_spherical(self.predicted[r]).ravel(), to_spherical(reference).ravel()
        numbers = {
            "relative_tensor_rmse": relative_rmse(self.predicted[r], reference),
            "mae_omega_q_khz": np.mean(self.mean_abs[r]),
            "rmse_omega_q_khz": np.sqrt(np.mean(self.mean_square[r])),
            "rms_omega_q_khz": rms,
            "relative_mae_omega_q": np.mean(self.mean_abs[r]) / rms,
            "mae_omega_q_xyz_khz": np.mean(mae),
            **{f"mae_omega_q_{axis}_khz": value for axis, value in zip("xyz", mae, strict=True)},
            "fraction_within_10_khz": np.mean(np.abs(difference) <= WITHIN_KHZ),
            "mae_cq_khz": np.mean(np.abs(self.cq[r])),
            "rmse_cq_khz": np.sqrt(np.mean(self.cq[r] ** 2)),
            "mae_eta": np.mean(np.abs(self.eta[r])),
            "correlation": np.corrcoef(v, w)[0, 1],
            "cosine_mean": np.mean(self.cosine[r]),
            "cosine_5_percent": np.quantile(self.cosine[r], 0.05),
            "score_d2_above_0.9": np.mean(self.score_d2[r] >= _SCORE),
            "score_raw_above_0.9": np.mean(self.score_raw[r] >= _SCORE),
        }
        return {name: float(value) for name, value in numbers.items()}


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
        ``relative_tensor_rmse`` [Σ‖ΔV‖²/Σ‖V‖²]^½; ``mae_omega_q_khz`` and ``rmse_omega_q_khz`` of κ b·ΔV·b over atoms
        and field directions b (Lebedev degree 7); ``rms_omega_q_khz`` of the reference over all directions and
        ``relative_mae_omega_q``, the MAE divided by it; ``mae_omega_q_x_khz``, ``_y_``, ``_z_`` for the field along an
        axis, ``mae_omega_q_xyz_khz`` their mean and ``fraction_within_10_khz`` of those errors; ``mae_cq_khz`` and
        ``rmse_cq_khz`` of abs(C_Q) = abs(κ V_zz), V_zz the eigenvalue of largest magnitude; ``mae_eta``;
        ``correlation`` Pearson's r of the five spherical components; ``cosine_mean`` and ``cosine_5_percent`` of
        V:V'/(‖V‖‖V'‖); ``score_d2_above_0.9`` and ``score_raw_above_0.9``, fractions of
        `ufpnmr.efg.orientation.quaternion_scores`.
    """
    return TensorErrors.compare(predicted, reference, quadrupole_moment).summary()


def bootstrap_intervals(
    errors: TensorErrors, structure: NDArray[np.int64], samples: int, seed: int
) -> Mapping[str, tuple[float, float]]:
    """Return 95 % percentile intervals of `TensorErrors.summary` by resampling whole structures.

    Parameters
    ----------
    errors : TensorErrors
    structure : (M,) int
        Structure (or group) of each atom.
    samples, seed : int
        Number of resamples and seed of the generator.
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(structure == s) for s in np.unique(structure)]
    drawn = [
        errors.summary(np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))]))
        for _ in range(samples)
    ]
    intervals = {name: np.quantile([sample[name] for sample in drawn], [0.025, 0.975]) for name in drawn[0]}
    return {name: (float(low), float(high)) for name, (low, high) in intervals.items()}


def _coupling(V: Array, kappa: float) -> tuple[Array, Array]:
    """|C_Q| in kHz and η of each tensor; both are the same in every ordering of the axes."""
    values, _ = principal_axes(V)
    largest = np.abs(values[:, 2])
    return abs(kappa) * largest, np.abs(values[:, 0] - values[:, 1]) / largest
