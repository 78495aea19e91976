"""First-order errors of ln τ over ions and over time blocks, and the degrees of freedom they are known with.

ln τ of a least-squares fit depends on the curve C(k) by d ln τ = Σ_k g_k dC(k), g = [(JᵀWJ)⁻¹JᵀW]_τ over the parameters
that are not at a bound. Ion i contributes u_ib = Σ_k g_k [S_ib(k)/n(k) - C(k) n_b(k)/n(k)]/N in block b. Then

    V_ions = N/(N-1) Σ_i (Σ_b u_ib)²,  V_blocks = B/(B-1) Σ_b (Σ_i u_ib)²,  V_cells = Σ_ib u_ib².

V_ions is right whatever an ion remembers from block to block, V_cells needs independent blocks too, and r =
V_blocks/V_cells tells whether the ions of a block move together: it is 1 for independent ions, g for ions that move in
groups of g. What blocks remember cancels in r, which has B - 1 degrees of freedom however short the blocks are.

If r does not exceed 1 at the 20 % level of the F test, the error is that over ions. If it does, it is the larger of
sqrt(r V_ions), of N/r movers, and sqrt(V_blocks); Student's t has the degrees of freedom of the one that was taken. A
product of two estimated variances has 1/ν = 1/ν₁ + 1/ν₂, one of n values u with kurtosis κ has ν = 2(n - 1)/(κ - 1)
(Satterthwaite): ions with long and short memories differ far more than Gaussian ones would.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.statistics import student_quantile

__all__ = ["TauErrors", "tau_errors"]

FloatArray = npt.NDArray[np.float64]

_LEVEL = 0.2
_AT_BOUND = 1e-6
_BLOCK_IN_TAU = 3
_FEWEST_BLOCKS = 5


class TauErrors(NamedTuple):
    """Standard errors of ln τ."""

    over_ions: float
    over_blocks: float
    together: float
    """V_blocks/V_cells."""
    std_error: float
    """What is quoted."""
    quantile: float
    """Student's t of what is quoted."""
    unit: str
    """What was counted: "ions", "groups of ions" or "blocks"."""
    movers: float
    """Ions that move independently: all of them, or their number over `together`."""
    fewest_movers: float
    """Lower limit of the same at the level of the F test."""
    quantile_over_ions: float
    quantile_over_blocks: float


def tau_errors(
    lag: FloatArray,
    cells: FloatArray,
    shares: FloatArray,
    weights: FloatArray,
    parameters: tuple[float, float, float, float],
    free: tuple[bool, bool, bool],
    length_in_tau: float,
) -> TauErrors:
    """Return the errors of ln τ.

    Parameters
    ----------
    lag : ndarray (F,)
        Lags of the fit, unit of τ.
    cells : ndarray (B, N, F)
        Mean of ion i in block b times the share of the block in all origins.
    shares : ndarray (B, F)
        Share of each block.
    weights : ndarray (F,)
        Of the fit.
    parameters : (float, float, float, float)
        τ, A, b², γ of the fit to the mean over ions and blocks.
    free : (bool, bool, bool)
        Whether A, b² and γ were fitted.
    length_in_tau : float
        Length of the run over τ: blocks shorter than 3 τ are not independent of each other.
    """
    n_blocks, n_ions = cells.shape[:2]
    gradient = _gradient(lag, weights, parameters, free)
    mean = cells.sum(axis=0).mean(axis=0)
    u = ((cells - shares[:, None, :] * mean) @ gradient) / n_ions
    of_ions, of_blocks = u.sum(axis=0), u.sum(axis=1)
    v_ions = n_ions / (n_ions - 1) * float(of_ions @ of_ions) if n_ions > 1 else math.nan
    v_blocks = n_blocks / (n_blocks - 1) * float(of_blocks @ of_blocks)
    v_cells = float(np.vdot(u, u))
    independent = min(n_blocks, max(_FEWEST_BLOCKS, length_in_tau / _BLOCK_IN_TAU))
    t_blocks = student_quantile(independent - 1)
    together = v_blocks / v_cells if v_cells > 0 else 1.0
    sd_blocks = math.sqrt(v_blocks)
    if n_ions == 1:
        return TauErrors(0.0, sd_blocks, together, sd_blocks, t_blocks, "blocks", 1.0, 1.0, 0.0, t_blocks)
    gaussian = _share_of_gaussian(of_ions)
    sd_ions, t_ions = math.sqrt(v_ions), student_quantile(max(gaussian * (n_ions - 1), 1.0))
    largest, smallest = (_chi_square_over_dof(n_blocks - 1, tail) for tail in (_LEVEL, 1 - _LEVEL))
    fewest = n_ions / max(together / smallest, 1.0)
    quoted = sd_ions, t_ions, "ions", float(n_ions)
    if together > largest:
        movers = n_ions / together
        of_groups = 1 / (1 / max(gaussian * (movers - 1), 1.0) + 1 / (n_blocks - 1))
        quoted = max(
            (sd_ions * math.sqrt(together), student_quantile(of_groups), "groups of ions", movers),
            (sd_blocks, t_blocks, "blocks", movers),
        )
    return TauErrors(sd_ions, sd_blocks, together, *quoted, fewest, t_ions, t_blocks)


def _share_of_gaussian(values: FloatArray) -> float:
    """Return the degrees of freedom of Σ values² over those it would have if the values were Gaussian, at most 1."""
    second = float(np.sum(values**2))
    if second == 0:
        return 1.0
    kurtosis = len(values) * float(np.sum(values**4)) / second**2
    return 2 / max(kurtosis - 1, 2.0)


def _chi_square_over_dof(dof: int, tail: float) -> float:
    from scipy import special

    return float(special.chdtri(dof, tail)) / dof


def _gradient(
    lag: FloatArray,
    weights: FloatArray,
    parameters: tuple[float, float, float, float],
    free: tuple[bool, bool, bool],
) -> FloatArray:
    """Return d ln τ/dC(k) at the minimum, over the parameters that are neither given nor at a bound.

    With γ free a bound does not count: b² and γ trade off against τ, and a fit that ended at b² = 0 or γ = 1 by chance
    has a τ as uncertain as one that did not.
    """
    tau, amplitude, plateau, gamma = parameters
    power = (lag / tau) ** gamma
    decay = np.exp(-power)
    step = amplitude * (1 - plateau)
    columns = [step * decay * power * gamma]
    free_amplitude, free_plateau, free_gamma = free
    inside = free_plateau and (plateau > _AT_BOUND or free_gamma)
    if free_amplitude and inside:
        columns += [np.ones_like(lag), decay]
    elif free_amplitude:
        columns.append(plateau + (1 - plateau) * decay)
    elif inside:
        columns.append(amplitude * (1 - decay))
    if free_gamma:
        columns.append(-step * decay * power * np.log(lag / tau))
    jacobian = np.stack(columns, axis=1)
    weighted = jacobian * weights[:, None]
    return np.asarray(np.linalg.lstsq(jacobian.T @ weighted, weighted.T, rcond=None)[0][0])
