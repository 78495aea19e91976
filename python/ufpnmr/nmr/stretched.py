"""Least squares of A {b² + (1 - b²) exp[-(t/τ)^γ]} for many curves at once.

For given τ and γ the model is linear in its two levels, so they are solved for exactly (variable projection) and only
τ and γ are searched: on a common grid, the cost of all curves being a few matrix products, then by Newton steps for
each curve.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Fits", "Fixed", "fit_curves", "model"]

FloatArray = npt.NDArray[np.float64]

_GAMMA_LOWEST = 0.1
_GAMMA_POINTS = 13
_GAMMA_STEP = 0.5
"""Step of γ over that of ln τ."""
_GRID_STEP = np.log(10) / 16
_WIDE_STEP = 0.3
_ROUNDS = 9
_ROUNDS_FROM_GRID = 24
_SHRINK = 0.5
_LONGEST_MOVE = 1.5
_CONVERGED = 1e-9
_FINE_STEP = 1e-4
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


def _search_range(lag: FloatArray) -> tuple[float, float]:
    return float(np.log(lag[0] / 10)), float(np.log(100 * lag[-1]))


def fit_curves(
    lag: FloatArray, curves: FloatArray, weights: FloatArray, fixed: Fixed, start: tuple[float, float] | None = None
) -> Fits:
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
    start : (float, float), optional
        τ and γ near which every curve has its minimum, such as those of the curve that was resampled; by default the
        whole range is searched.

    Returns
    -------
    Fits
        τ in the unit of `lag`, amplitude in the unit of `curves`.
    """
    w = weights / weights.sum()
    if start is None:
        log_tau, gamma = _on_grid(lag, curves, w, fixed)
        step, rounds = _GRID_STEP, _ROUNDS_FROM_GRID
    else:
        log_tau = np.full(len(curves), np.log(start[0]))
        gamma = np.full(len(curves), start[1] if fixed.gamma is None else fixed.gamma)
        step, rounds = _WIDE_STEP, _ROUNDS
    some_rows = max(1, _WORKING_NUMBERS // (9 * len(lag)))
    levels = np.empty((2, len(curves)))
    for begin in range(0, len(curves), some_rows):
        part = slice(begin, begin + some_rows)
        some = curves[part]
        log_tau[part], gamma[part], levels[:, part] = _newton(
            lag, some, w, fixed, log_tau[part], gamma[part], step, rounds, fixed.gamma is None
        )
        beyond = begin + np.flatnonzero(~((gamma[part] >= _GAMMA_LOWEST) & (gamma[part] <= 1)))
        if len(beyond):
            bound = np.clip(gamma[beyond], _GAMMA_LOWEST, 1.0)
            log_tau[beyond], gamma[beyond], levels[:, beyond] = _newton(
                lag, curves[beyond], w, fixed, log_tau[beyond], bound, step, rounds, False
            )
    low, high = _search_range(lag)
    return Fits(np.exp(log_tau), levels[0], levels[1], gamma, (log_tau <= low) | (log_tau >= high))


def _on_grid(lag: FloatArray, curves: FloatArray, w: FloatArray, fixed: Fixed) -> tuple[FloatArray, FloatArray]:
    """Return ln τ and γ of the best point of a grid that all curves share, which costs a few matrix products."""
    low, high = _search_range(lag)
    log_taus = np.linspace(low, high, int((high - low) / _GRID_STEP) + 2)
    gammas = np.linspace(_GAMMA_LOWEST, 1.0, _GAMMA_POINTS) if fixed.gamma is None else np.array([fixed.gamma])
    grid_tau, grid_gamma = (axis.ravel() for axis in np.meshgrid(log_taus, gammas, indexing="ij"))
    decays = np.exp(-np.exp(grid_gamma[:, None] * (np.log(lag) - grid_tau[:, None])))
    y, yy = curves @ w, curves**2 @ w
    moments = _Moments(decays @ w, decays**2 @ w, y[:, None], (curves * w) @ decays.T, yy[:, None])
    best = np.argmin(_levels(moments, fixed)[2], axis=1)
    return grid_tau[best], grid_gamma[best]


def _newton(
    lag: FloatArray,
    curves: FloatArray,
    w: FloatArray,
    fixed: Fixed,
    log_tau: FloatArray,
    gamma: FloatArray,
    first_step: float,
    rounds: int,
    free_gamma: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ln τ, γ and the two levels (2, R) at the minimum of each curve.

    Newton steps with derivatives by differences over a stencil that shrinks; where the stencil is not convex, a step to
    its best point. γ may leave its range: the caller repeats such curves on the boundary.
    """
    low, high = _search_range(lag)
    log_lag, weighted = np.log(lag), curves * w
    y, yy = weighted.sum(axis=1)[:, None], (curves * weighted).sum(axis=1)[:, None]
    a, b = (
        axis.ravel().astype(np.float64)
        for axis in np.meshgrid([-1, 0, 1], [-1, 0, 1] if free_gamma else [0], indexing="ij")
    )
    centre, width = len(a) // 2, 3 if free_gamma else 1
    step = np.full(len(curves), first_step)

    def evaluate(tau: FloatArray, exponent: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        g = np.exp(-np.exp(exponent[:, :, None] * (log_lag - tau[:, :, None])))
        moments = _Moments(g @ w, g**2 @ w, y, np.einsum("rpf,rf->rp", g, weighted), yy)
        return _levels(moments, fixed)

    for _ in range(rounds):
        tries = log_tau[:, None] + step[:, None] * a, gamma[:, None] + _GAMMA_STEP * step[:, None] * b
        cost = evaluate(*tries)[2]
        best = np.argmin(cost, axis=1)
        move = np.stack([a[best], b[best]])
        slope = (cost[:, centre + width] - cost[:, centre - width]) / 2
        bend = cost[:, centre + width] - 2 * cost[:, centre] + cost[:, centre - width]
        with np.errstate(divide="ignore", invalid="ignore"):
            if free_gamma:
                slope_b = (cost[:, 5] - cost[:, 3]) / 2
                bend_b = cost[:, 5] - 2 * cost[:, 4] + cost[:, 3]
                mixed = (cost[:, 8] - cost[:, 6] - cost[:, 2] + cost[:, 0]) / 4
                determinant = bend * bend_b - mixed**2
                newton = np.stack([mixed * slope_b - bend_b * slope, mixed * slope - bend * slope_b]) / determinant
                convex = (determinant > 0) & (bend > 0)
            else:
                newton, convex = np.stack([-slope / bend, np.zeros_like(slope)]), bend > 0
        move = np.where(convex & np.isfinite(newton).all(axis=0), newton, move)
        longest = np.abs(move).max(axis=0)
        move = move / np.maximum(longest / _LONGEST_MOVE, 1.0)
        log_tau = np.clip(log_tau + step * move[0], low, high)
        gamma = np.clip(gamma + _GAMMA_STEP * step * move[1], _GAMMA_LOWEST / 2, 2.0)
        if float((np.abs(move).max(axis=0) * step).max()) < _CONVERGED and float(step.max()) < _FINE_STEP:
            break
        step = np.where(longest < _LONGEST_MOVE, step * _SHRINK, step)
    amplitude, plateau, _ = evaluate(log_tau[:, None], gamma[:, None])
    return log_tau, gamma, np.stack([amplitude[:, 0], plateau[:, 0]])
