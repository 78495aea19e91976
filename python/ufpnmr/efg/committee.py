"""Spread of a committee and what it says about the error.

Members are trained on random halves of the shards, with the features of the whole. σ² = (1/5) Σ_μ var_k y_μ^(k) with
divisor K - 1 does not depend on the axes. One factor α per model makes α²σ² the variance of the error.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError

__all__ = ["Calibration", "calibrate", "halves", "spread"]

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How a committee's spread compares with errors on structures that no member has seen.

    Attributes
    ----------
    alpha : float
        Factor of σ.
    log_likelihood : float
        Mean of log N(error | 0, α²σ²) per component, labels in units of their rms.
    within_68, within_95 : float
        Fractions of components within the 68.3 % and 95.4 % intervals of the calibrated Gaussian.
    environments : int
        Number of environments compared.
    """

    alpha: float
    log_likelihood: float
    within_68: float
    within_95: float
    environments: int


def halves(shards: NDArray[np.int64], members: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return `members` random halves of the shards, drawn without replacement, different ones as long as there are."""
    if len(shards) < 2:
        raise InputError(f"expected at least two sets of groups for a committee, found {len(shards)}")
    size = max(1, len(shards) // 2)
    drawn: list[tuple[int, ...]] = []
    while len(drawn) < members:
        half = tuple(int(s) for s in np.sort(rng.choice(shards, size, replace=False)))
        if half not in drawn or len(set(drawn)) == math.comb(len(shards), size):
            drawn.append(half)
    return [np.array(half, dtype=np.int64) for half in drawn]


def spread(members: Array) -> Array:
    """Return σ (N,) of predictions (K, N, 5), in their unit."""
    return np.asarray(np.sqrt(members.var(axis=0, ddof=1).mean(axis=-1)))


def calibrate(members: Array, reference: Array, prediction: Array | None = None) -> Calibration:
    """Compare the spread with the error.

    α² = (ν-2)/ν ⟨(1/5)‖y' - y‖²/σ²⟩ with ν = 5(K-1), which removes the bias of 1/σ² estimated from K members. If the
    prediction y' is the committee's mean, which has a noise of its own, 1/K is subtracted.

    Parameters
    ----------
    members : (K, N, 5)
        At least two members.
    reference : (N, 5)
        Labels that neither the members nor the prediction have seen.
    prediction : (N, 5), optional
        The committee's mean if not given.
    """
    count = len(members)
    if count < 2:
        raise InputError(f"expected at least two committee members, found {count}")
    sigma = spread(members)
    if not (sigma > 0).all():
        raise InputError("expected committee members that differ, found environments on which all agree exactly")
    error = reference - (members.mean(axis=0) if prediction is None else prediction)
    freedom = reference.shape[1] * (count - 1)
    ratio = float(np.mean(np.mean(error**2, axis=1) / sigma**2))
    alpha = np.sqrt(max((freedom - 2) / freedom * ratio - (1 / count if prediction is None else 0.0), 1e-12))
    width = alpha * sigma[:, None]
    z = np.abs(error) / width
    return Calibration(
        alpha=float(alpha),
        log_likelihood=float(np.mean(-0.5 * z**2 - np.log(width) - 0.5 * np.log(2 * np.pi))),
        within_68=float(np.mean(z <= 1.0)),
        within_95=float(np.mean(z <= 2.0)),
        environments=len(reference),
    )
