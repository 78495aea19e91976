"""Which decay model the data ask for: one exponential, a stretched one, or a sum of up to four.

Points and covariance: `binned_curve`. Models are compared by BIC = chi² + p ln n.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.nmr.binned_curve import binned_curve
from ufpnmr.nmr.decay import estimate
from ufpnmr.nmr.stretched import Fixed, fit_curves, model
from ufpnmr.results.correlation import CorrelationResult

__all__ = ["ModelFit", "compare_models"]

FloatArray = npt.NDArray[np.float64]

_MOST_TERMS = 4
_START_GRID = 60


@dataclasses.dataclass(frozen=True)
class ModelFit:
    """One model of the comparison.

    Attributes
    ----------
    name : str
        "exponential", "stretched", "2 exponentials", ...
    parameters : dict
        tau_ps (list), weight (list, of each exponential over C(0)), plateau, gamma.
    n_parameters : int
    chi_square : float
        With the shrunk covariance.
    bic : float
    delta_bic : float
        Over the best model; above 6 is strong evidence against (Kass and Raftery, J. Am. Stat. Assoc. 90, 773 (1995)).
    residual : ndarray (P,)
        At the points, over C(0).
    """

    name: str
    parameters: dict[str, float | list[float]]
    n_parameters: int
    chi_square: float
    bic: float
    delta_bic: float
    residual: FloatArray


def compare_models(correlation: CorrelationResult, *, window: float | None = None) -> list[ModelFit]:
    """Fit all models and sort them by BIC, the best first.

    Parameters
    ----------
    correlation : CorrelationResult
    window : float, optional
        Longest lag, ps; default a quarter of the run.

    Returns
    -------
    list of ModelFit

    Raises
    ------
    InputError
        Nothing decays, or too few lags.
    """
    window = correlation.duration / 4 if window is None else float(window)
    found = estimate(correlation, Fixed(gamma=1.0), window)
    if found.fit is None:
        raise InputError(f"no decay to compare models on: the drop is {found.z:.1f} standard errors, 3 needed")
    binned = binned_curve(found.curves)
    lag, points, whitener = binned.lag, binned.mean, binned.whitener
    candidates = [_stretched(lag, points, whitener, 1.0), _stretched(lag, points, whitener, None)]
    for terms in range(2, _MOST_TERMS + 1):
        fit = _exponentials(lag, points, whitener, terms)
        if fit is None:
            break
        candidates.append(fit)
    n = len(points)
    fits = []
    for name, parameters, count, curve in candidates:
        residual = points - curve
        chi_square = float(np.sum((whitener @ residual) ** 2))
        bic = chi_square + count * math.log(n)
        fits.append(ModelFit(name, parameters, count, chi_square, bic, 0.0, residual))
    best = min(fit.bic for fit in fits)
    return sorted((dataclasses.replace(fit, delta_bic=fit.bic - best) for fit in fits), key=lambda fit: fit.bic)


_Candidate = tuple[str, dict[str, float | list[float]], int, FloatArray]


def _stretched(lag: FloatArray, points: FloatArray, whitener: FloatArray, gamma: float | None) -> _Candidate:
    """Start from the weighted fit, then least squares with the covariance."""
    from scipy.optimize import least_squares

    weights = np.diag(whitener) ** 2
    start = fit_curves(lag, points[None], weights, Fixed(gamma=gamma))

    def curve(x: FloatArray) -> FloatArray:
        return model(lag, math.exp(x[0]), x[1], x[2], gamma if gamma is not None else x[3])

    first = [math.log(start.tau[0]), start.amplitude[0], min(max(start.plateau[0], 1e-6), 0.999)]
    low, high = [-50.0, 1e-9, 0.0], [80.0, 10.0, 1.0]
    if gamma is None:
        first, low, high = [*first, min(start.gamma[0], 0.999)], [*low, 0.1], [*high, 1.0]
    solved = least_squares(lambda x: whitener @ (points - curve(x)), first, bounds=(low, high))
    tau, amplitude, plateau = math.exp(solved.x[0]), float(solved.x[1]), float(solved.x[2])
    exponent = gamma if gamma is not None else float(solved.x[3])
    parameters: dict[str, float | list[float]] = {
        "tau_ps": [tau],
        "weight": [amplitude * (1 - plateau)],
        "plateau": plateau,
        "gamma": exponent,
    }
    name = "exponential" if gamma is not None else "stretched"
    return name, parameters, 3 if gamma is not None else 4, curve(solved.x)


def _exponentials(lag: FloatArray, points: FloatArray, whitener: FloatArray, terms: int) -> _Candidate | None:
    """Non-negative least squares on a grid of decay times, clustered, then refined; None if there are not as many."""
    from scipy.optimize import least_squares, nnls

    grid = np.geomspace(lag[0] / 3, 3 * lag[-1], _START_GRID)
    design = np.column_stack([np.exp(-lag[:, None] / grid), np.ones(len(lag))])
    weights = nnls(whitener @ design, whitener @ points)[0][:-1]
    used = np.flatnonzero(weights > 0)
    if len(used) == 0:
        return None
    groups = np.array_split(np.log(grid[used]), terms) if len(used) >= terms else None
    start = (
        np.array([group.mean() for group in groups])
        if groups is not None
        else np.linspace(math.log(lag[0]), math.log(lag[-1] / 2), terms)
    )

    def levels(log_tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        columns = np.column_stack([np.exp(-lag[:, None] / np.exp(log_tau)), np.ones(len(lag))])
        solution = nnls(whitener @ columns, whitener @ points)[0]
        return solution, columns @ solution

    bounds = (math.log(lag[0] / 10), math.log(30 * lag[-1]))
    solved = least_squares(
        lambda x: whitener @ (points - levels(x)[1]), np.clip(start, bounds[0] + 1e-6, bounds[1] - 1e-6), bounds=bounds
    )
    order = np.argsort(solved.x)
    solution, curve = levels(solved.x)
    total = float(solution.sum())
    parameters: dict[str, float | list[float]] = {
        "tau_ps": [math.exp(solved.x[k]) for k in order],
        "weight": [float(solution[k]) for k in order],
        "plateau": float(solution[-1] / total) if total > 0 else 0.0,
        "gamma": 1.0,
    }
    return f"{terms} exponentials", parameters, 2 * terms + 1, curve
