"""Jump processes with known correlation functions, as frequencies (T, N) with thermal noise.

Time is in frames; every process loses its memory in TAU of them, the glass in TAU_GLASS: the fast part of a stretched
decay must not lie between two frames. The jumps are those of a continuous process seen at the frames, so that the
correlation functions are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

Array = np.ndarray

TAU = 5.0
TAU_GLASS = 20.0
SPREAD_OF_BARRIERS = 1.0
"""Standard deviation of the logarithm of the rates of the glass, kT."""
LEVELS = ndtri((np.arange(40) + 0.5) / 40)


def _held(rng: np.random.Generator, n_frames: int, n_ions: int, values: Array, rate: float) -> Array:
    """Values (T, N) kept until a Poisson event of `rate` per frame draws the one of the present frame."""
    fresh = rng.random((n_frames, n_ions)) < -np.expm1(-rate)
    fresh[0] = True
    last = np.maximum.accumulate(np.where(fresh, np.arange(n_frames)[:, None], 0), axis=0)
    return np.take_along_axis(values, last, axis=0)


def two_site(rng: np.random.Generator, n_frames: int, n_ions: int) -> Array:
    """Two sites of 1 and -0.3 with populations 1/3 and 2/3, decay rate 1/TAU, noise of 24 % of the jumps' variance."""
    sites = rng.random((n_frames, n_ions)) < 1 / 3
    x = _held(rng, n_frames, n_ions, np.where(sites, 1.0, -0.3), 1 / TAU)
    return x + 0.3 * rng.standard_normal(x.shape)


def isotropic(rng: np.random.Generator, n_frames: int, n_ions: int) -> Array:
    """New random orientation of a tensor with η = 0.4 at rate 1/TAU, noise of 19 % of the variance."""
    cosine, phi = rng.uniform(-1, 1, (n_frames, n_ions)), rng.uniform(0, 2 * np.pi, (n_frames, n_ions))
    values = 0.5 * (3 * cosine**2 - 1 - 0.4 * (1 - cosine**2) * np.cos(2 * phi))
    x = _held(rng, n_frames, n_ions, values, 1 / TAU)
    return x + 0.2 * rng.standard_normal(x.shape)


def groups(rng: np.random.Generator, n_frames: int, n_ions: int) -> Array:
    """`two_site`, but ions jump together in groups of five."""
    x = np.repeat(two_site(rng, n_frames, -(-n_ions // 5)), 5, axis=1)[:, :n_ions]
    return x + 0.1 * rng.standard_normal(x.shape)


@cache
def _glass_rate() -> float:
    """Median rate per frame at which the glass has decayed to 1/e after TAU_GLASS frames."""
    return float(np.exp(brentq(lambda log: _glass_decay(np.exp(log), np.array([TAU_GLASS]))[0] - np.exp(-1), -9, 1)))


def _leaving(rate: float) -> Array:
    return -np.expm1(-rate * np.exp(SPREAD_OF_BARRIERS * LEVELS))


def _glass_decay(rate: float, lags: Array) -> Array:
    return np.mean((1 - _leaving(rate))[None, :] ** lags[:, None], axis=1)


def glass(rng: np.random.Generator, n_frames: int, n_ions: int) -> Array:
    """Traps with log-normal rates (Gaussian barriers), a new value and a new trap at each hop, noise of 16 %.

    The traps in which ions are found have the 40 levels of rates in equal numbers; those that are entered have them in
    proportion to the rate of leaving, which keeps it so.
    """
    leaving = _leaving(_glass_rate())
    entered = np.cumsum(leaving / leaving.sum())
    here, value = leaving[rng.integers(0, len(leaving), n_ions)], rng.standard_normal(n_ions)
    x, chance = np.empty((n_frames, n_ions)), rng.random((n_frames, n_ions))
    for t in range(n_frames):
        if t:
            hop = np.flatnonzero(chance[t] < here)
            here[hop] = leaving[np.minimum(np.searchsorted(entered, rng.random(len(hop))), len(leaving) - 1)]
            value[hop] = rng.standard_normal(len(hop))
        x[t] = value
    return x + 0.4 * rng.standard_normal(x.shape)


def exponential(lags: Array) -> Array:
    """Decay of the processes with one rate, without plateau and noise."""
    return np.exp(-lags / TAU)


class Process(NamedTuple):
    """A process with one known correlation function."""

    make: Callable[[np.random.Generator, int, int], Array]
    """Frequencies (T, N) from a generator, T and N."""
    decay: Callable[[Array], Array]
    """Its correlation function from 1 to 0, without plateau and noise, at lags in frames."""
    tau: float
    """Frames after which that is 1/e."""


PROCESSES = {
    "two sites": Process(two_site, exponential, TAU),
    "isotropic jumps": Process(isotropic, exponential, TAU),
    "glass": Process(glass, lambda lags: _glass_decay(_glass_rate(), np.asarray(lags, dtype=float)), TAU_GLASS),
    "two sites, in fives": Process(groups, exponential, TAU),
}
