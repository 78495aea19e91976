"""Distribution of decay times behind a correlation function: regularised inverse Laplace transform.

C(t) = Σ_k p_k exp(-t/τ_k) + floor on 100 logarithmically spaced τ. Tikhonov with second differences of p; the
strength minimises the generalised cross-validation function of the linear problem (G. H. Golub, M. Heath, G. Wahba,
Technometrics 21, 215 (1979)). With p >= 0 (NNLS) or without (J. Granwehr, P. J. Roberts, J. Chem. Theory Comput. 8,
3473 (2012)).
The cross-validation needs independent errors: the curve is binned and whitened (`binned_curve`). Bands by bootstrap
over ions or blocks, whichever scatter more; a peak is reported only if 95 % of the resamples have one there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import provenance
from ufpnmr.errors import InputError
from ufpnmr.nmr.binned_curve import binned_curve
from ufpnmr.nmr.decay import estimate
from ufpnmr.nmr.stretched import Fixed
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.rate_distribution import Peak, RateDistribution

__all__ = ["rate_distribution"]

FloatArray = npt.NDArray[np.float64]

_GRID = 100
_STRENGTHS = np.geomspace(1e-6, 1e4, 41)
_PERSISTENT = 0.95
_SMALLEST_PEAK = 0.02
"""Of the largest value: lower ones are ripple."""
_MINIMUM_REPLICAS = 100


def rate_distribution(
    correlation: CorrelationResult,
    *,
    non_negative: bool = True,
    window: float | None = None,
    replicas: int = 200,
    seed: int = 0,
) -> RateDistribution:
    """Invert a correlation function.

    Parameters
    ----------
    correlation : CorrelationResult
    non_negative : bool
        Demand p >= 0.
    window : float, optional
        Longest lag, ps; default a quarter of the run.
    replicas : int
        Bootstrap samples, at least 100.
    seed : int
        Of the bootstrap.

    Returns
    -------
    RateDistribution

    Raises
    ------
    InputError
        Nothing decays, too few lags or too few replicas.
    """
    if replicas < _MINIMUM_REPLICAS:
        raise InputError(f"expected at least {_MINIMUM_REPLICAS} replicas, found {replicas}")
    window = correlation.duration / 4 if window is None else float(window)
    found = estimate(correlation, Fixed(gamma=1.0), window)
    if found.fit is None:
        raise InputError(f"no decay to invert: the drop is {found.z:.1f} standard errors, 3 needed")
    binned = binned_curve(found.curves)
    tau = np.geomspace(binned.lag[0] / 3, binned.lag[-1], _GRID)  # slower parts are the floor
    design = binned.whitener @ np.column_stack([np.exp(-binned.lag[:, None] / tau), np.ones(len(binned.lag))])
    data = binned.whitener @ binned.mean
    roughness = np.zeros((_GRID, _GRID + 1))
    np.fill_diagonal(roughness, -2.0)
    roughness[np.arange(1, _GRID), np.arange(_GRID - 1)] = 1.0
    roughness[np.arange(_GRID - 1), np.arange(1, _GRID)] = 1.0
    gram = design.T @ design
    # strengths relative to the size of the data term
    penalty = roughness.T @ roughness * (np.trace(gram) / np.trace(roughness.T @ roughness))
    strength = _by_gcv(design, gram, penalty, data)

    rng = np.random.default_rng(seed)
    n = len(binned.units)
    draws = rng.multinomial(n, np.full(n, 1 / n), size=replicas) / n
    solve = _solver(design, gram, penalty * strength, non_negative)
    best = solve(data)
    samples = np.array([solve(row) for row in draws @ binned.units @ binned.whitener.T])
    density, all_densities = best[:-1], samples[:, :-1]
    low, high = np.quantile(all_densities, [0.025, 0.975], axis=0)
    parameters: dict[str, Any] = {
        "non_negative": non_negative,
        "strength": float(strength),
        "replicas": replicas,
        "seed": seed,
        "resampled": binned.unit,
        "window_ps": window,
    }
    return RateDistribution(
        observable=correlation.description,
        non_negative=non_negative,
        strength=float(strength),
        floor=float(best[-1]),
        peaks=_peaks(tau, density, all_densities),
        warnings=list(correlation.warnings),
        tau=tau,
        weight=density,
        low=low,
        high=high,
        lag=binned.lag,
        curve=binned.mean,
        fit=np.linalg.solve(binned.whitener, design @ best),
        parameters=parameters,
        provenance=provenance.collect(**parameters),
    )


def _by_gcv(design: FloatArray, gram: FloatArray, penalty: FloatArray, data: FloatArray) -> float:
    n = len(data)
    scores = []
    for strength in _STRENGTHS:
        solution = np.linalg.solve(gram + strength * penalty + 1e-12 * np.trace(gram) * np.eye(len(gram)), design.T)
        influence = design @ solution
        residual = data - influence @ data
        scores.append(n * float(residual @ residual) / (n - float(np.trace(influence))) ** 2)
    return float(_STRENGTHS[int(np.argmin(scores))])


def _solver(
    design: FloatArray, gram: FloatArray, penalty: FloatArray, non_negative: bool
) -> Callable[[FloatArray], FloatArray]:
    """Return a function from weighted data to (p, floor)."""
    matrix = gram + penalty + 1e-12 * np.trace(gram) * np.eye(len(gram))
    if not non_negative:
        inverse = np.linalg.solve(matrix, design.T)
        return lambda data: inverse @ data
    from scipy.optimize import nnls

    root = np.linalg.cholesky(matrix).T
    back = np.linalg.solve(root.T, design.T)
    return lambda data: nnls(root, back @ data, maxiter=50 * len(root))[0]


def _peaks(tau: FloatArray, density: FloatArray, samples: FloatArray) -> list[Peak]:
    """Peaks of the estimate that have a peak of the resample within their basin in 95 % of the resamples."""
    tops = _tops(density)
    if not len(tops):
        return []
    log_tau = np.log(tau)
    edges = np.concatenate([[-np.inf], (log_tau[tops][1:] + log_tau[tops][:-1]) / 2, [np.inf]])
    peaks = []
    for k, top in enumerate(tops):
        places = []
        for sample in samples:
            there = _tops(sample)
            inside = there[(log_tau[there] > edges[k]) & (log_tau[there] < edges[k + 1])]
            if len(inside):
                places.append(float(log_tau[inside[np.argmax(sample[inside])]]))
        persistence = len(places) / len(samples)
        if persistence >= _PERSISTENT:
            low, high = np.exp(np.quantile(places, [0.025, 0.975]))
            basin = (log_tau > edges[k]) & (log_tau <= edges[k + 1])
            share = float(density[basin].sum() / density.sum())
            peaks.append(Peak(float(tau[top]), float(low), float(high), share, persistence))
    return peaks


def _tops(density: FloatArray) -> npt.NDArray[np.intp]:
    padded = np.concatenate([[-np.inf], density, [-np.inf]])
    higher = (padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])
    # without the constraint a peak must stand above the deepest negative lobe
    return np.flatnonzero(higher & (density > max(_SMALLEST_PEAK * density.max(), -density.min())))
