"""Least squares of A {b² + (1 - b²) exp[-(t/τ)^γ]} for many curves at once.

For given τ and γ the model is linear in its two levels, so they are solved for exactly (variable projection) and only
τ and γ are searched: on a common grid, the cost of all curves being a few matrix products, then on grids of their own
that shrink around the best point of each curve.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Fits", "Fixed", "fit_curves", "model"]

FloatArray = npt.NDArray[np.float64]

_GAMMA_LOWEST = 0.1
_TAU_PER_DECADE = 16
_GAMMA_POINTS = 13
_ROUNDS = 14
_SHRINK = 0.5
_STENCIL = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
_WORKING_NUMBERS = 1 << 22


@dataclasses.dataclass(frozen=True)
class Fixed:
    """Parameters that are not fitted; None means free."""

    gamma: float | None = 1.0
    plateau: float | None = None
    amplitude: float | None = None


class Fits(NamedTuple):
    """Fitted parameters of R curves, each (R,)."""

    tau: FloatArray
    amplitude: FloatArray
    plateau: FloatArray
    gamma: FloatArray
    at_bound: npt.NDArray[np.bool_]
    """τ ended at an end of the searched range."""


def model(lag: FloatArray, tau: float, amplitude: float, plateau: float, gamma: float) -> FloatArray:
    """Return A {b² + (1 - b²) exp[-(t/τ)^γ]} at `lag`; b² is `plateau`."""
    return np.asarray(amplitude * (plateau + (1 - plateau) * np.exp(-((lag / tau) ** gamma))))


class _Moments(NamedTuple):
    """Weighted sums over lags for decays g: w is normalised, so <1> = 1."""

    g: FloatArray
    gg: FloatArray
    y: FloatArray
    gy: FloatArray
    yy: FloatArray


def _levels(m: _Moments, fixed: Fixed) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Best amplitude, plateau b² in [0, 1] and weighted mean square residual for every decay."""
    if fixed.plateau is not None:
        b2 = fixed.plateau
        hh = b2**2 + 2 * b2 * (1 - b2) * m.g + (1 - b2) ** 2 * m.gg
        hy = b2 * m.y + (1 - b2) * m.gy
        amplitude = hy / hh if fixed.amplitude is None else np.full_like(hy, fixed.amplitude)
        return amplitude, np.full_like(hy, b2), m.yy - 2 * amplitude * hy + amplitude**2 * hh
    if fixed.amplitude is not None:
        a: float | FloatArray = fixed.amplitude
        # y - a g = (a b²)(1 - g)
        numerator = (m.y - m.gy) - a * (m.g - m.gg)
        with np.errstate(divide="ignore", invalid="ignore"):
            plateau = np.clip(np.nan_to_num(numerator / (a * (1 - 2 * m.g + m.gg))), 0.0, 1.0)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.nan_to_num((m.gy - m.g * m.y) / (m.gg - m.g**2), posinf=0.0, neginf=0.0)
            free_decay = m.gy / m.gg
        floor = m.y - step * m.g
        step, floor = np.where(step < 0, 0.0, step), np.where(step < 0, m.y, floor)
        step, floor = np.where(floor < 0, free_decay, step), np.where(floor < 0, 0.0, floor)
        a = step + floor
        with np.errstate(divide="ignore", invalid="ignore"):
            plateau = np.nan_to_num(floor / a)
    level, step = a * plateau, a * (1 - plateau)
    residual = m.yy - 2 * level * m.y - 2 * step * m.gy + level**2 + 2 * level * step * m.g + step**2 * m.gg
    return np.broadcast_to(a, residual.shape), plateau, residual


def _search_grid(lag: FloatArray, fixed: Fixed) -> tuple[FloatArray, FloatArray]:
    low, high = np.log(lag[0] / 10), np.log(100 * lag[-1])
    log_tau = np.linspace(low, high, int((high - low) / np.log(10) * _TAU_PER_DECADE))
    gamma = np.linspace(_GAMMA_LOWEST, 1.0, _GAMMA_POINTS) if fixed.gamma is None else np.array([fixed.gamma])
    return log_tau, gamma


def fit_curves(lag: FloatArray, curves: FloatArray, weights: FloatArray, fixed: Fixed) -> Fits:
    """Fit every curve.

    Parameters
    ----------
    lag : ndarray (F,)
        Positive lags, increasing.
    curves : ndarray (R, F)
        Curves that share `weights`.
    weights : ndarray (F,)
        Weights of the squared residuals.
    fixed : Fixed
        Parameters that are not fitted.

    Returns
    -------
    Fits
        τ in the unit of `lag`, amplitude in the unit of `curves`.
    """
    w = weights / weights.sum()
    log_tau, gammas = _search_grid(lag, fixed)
    grid_tau, grid_gamma = (axis.ravel() for axis in np.meshgrid(log_tau, gammas, indexing="ij"))
    decays = np.exp(-np.exp(grid_gamma[:, None] * (np.log(lag) - grid_tau[:, None])))
    y, yy = curves @ w, curves**2 @ w
    moments = _Moments(decays @ w, decays**2 @ w, y[:, None], (curves * w) @ decays.T, yy[:, None])
    best = np.argmin(_levels(moments, fixed)[2], axis=1)
    tau, gamma = grid_tau[best], grid_gamma[best]

    half_tau = log_tau[1] - log_tau[0]
    half_gamma = gammas[1] - gammas[0] if len(gammas) > 1 else 0.0
    gamma_stencil = _STENCIL if len(gammas) > 1 else np.zeros(1)
    rows = max(1, _WORKING_NUMBERS // (len(_STENCIL) * len(gamma_stencil) * len(lag)))
    amplitude, plateau = np.empty_like(tau), np.empty_like(tau)
    for start in range(0, len(curves), rows):
        part = slice(start, start + rows)
        weighted = curves[part] * w
        step_tau, step_gamma = half_tau, half_gamma
        for _ in range(_ROUNDS):
            try_tau = tau[part, None, None] + step_tau * _STENCIL[:, None]
            try_gamma = np.clip(gamma[part, None, None] + step_gamma * gamma_stencil, _GAMMA_LOWEST, 1.0)
            if fixed.gamma is not None:
                try_gamma = np.full_like(try_gamma, fixed.gamma)
            try_tau, try_gamma = (
                np.broadcast_to(t, (len(weighted), 5, len(gamma_stencil))) for t in (try_tau, try_gamma)
            )
            flat_tau, flat_gamma = try_tau.reshape(len(weighted), -1), try_gamma.reshape(len(weighted), -1)
            g = np.exp(-np.exp(flat_gamma[:, :, None] * (np.log(lag) - flat_tau[:, :, None])))
            local = _Moments(g @ w, g**2 @ w, y[part, None], np.einsum("rpf,rf->rp", g, weighted), yy[part, None])
            levels = _levels(local, fixed)
            best = np.argmin(levels[2], axis=1)
            pick = np.arange(len(best)), best
            tau[part], gamma[part] = flat_tau[pick], flat_gamma[pick]
            amplitude[part], plateau[part] = levels[0][pick], levels[1][pick]
            step_tau, step_gamma = step_tau * _SHRINK, step_gamma * _SHRINK
    at_bound = (tau <= log_tau[0]) | (tau >= log_tau[-1])
    return Fits(np.exp(tau), amplitude, plateau, gamma, at_bound)
