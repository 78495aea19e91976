"""Paths of hopping ions whose diffusion coefficient and hop rate are known; tests and benchmarks share them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LENGTH2 = 3.0
"""Squared length of a hop, (±1, ±1, ±1), Å²."""
VIBRATION = 0.25
LONGEST_STAY = 20
FRAMEWORK_ATOMS = 168


@dataclasses.dataclass
class Walk:
    """What the analyses read of ion paths."""

    positions: Floats
    time: Floats
    ids: NDArray[np.int64]
    cell: Floats
    drift_mode: str = "framework"
    selection: str = "element X"
    source: str = "synthetic"


@dataclasses.dataclass(frozen=True)
class Process:
    """Synthetic motion with its true values per frame: D in Å² and hops per ion."""

    name: str
    make: Callable[[np.random.Generator, int, int], Floats]
    diffusion: float
    rate: float


def walk(positions: Floats, interval: float = 1.0) -> Walk:
    """Paths (T, N, 3) with a frame every `interval` ps."""
    n_frames, n_ions = positions.shape[:2]
    cell = np.tile(30 * np.eye(3), (n_frames, 1, 1))
    return Walk(positions, np.arange(n_frames) * interval, np.arange(1, n_ions + 1), cell)


def hopping(rng: np.random.Generator, n_frames: int, n_ions: int, rate: float, group: int = 1) -> Floats:
    """Hops in random directions; members of a group hop in the same frames."""
    hops = np.repeat(rng.random((n_frames, n_ions // group)) < rate, group, axis=1)
    hops[0] = False
    return hops[..., None] * rng.choice([-1.0, 1.0], (n_frames, n_ions, 3))


def vibrating(rng: np.random.Generator, steps: Floats) -> Floats:
    return np.cumsum(steps, axis=0) + rng.normal(0, VIBRATION, steps.shape)


def returning(rng: np.random.Generator, n_frames: int, n_ions: int, rate: float) -> Floats:
    """Of all hops forward a fifth is taken back after 8 to 20 frames; one frame in a thousand is far off (flicker).

    The whole cell drifts; what is left after subtraction of the mean of 168 vibrating framework atoms is common noise.
    """
    steps = hopping(rng, n_frames + LONGEST_STAY, n_ions, rate)
    frame, ion = np.nonzero(steps.any(axis=2))
    back = rng.random(len(frame)) < 0.2
    frame, ion = frame[back], ion[back]
    later = frame + rng.integers(8, LONGEST_STAY + 1, len(frame))
    seen = later < len(steps)
    np.add.at(steps, (later[seen], ion[seen]), -steps[frame[seen], ion[seen]])
    x = vibrating(rng, steps[LONGEST_STAY:])
    flicker = rng.random(x.shape[:2]) < 1e-3
    x[flicker] += rng.normal(0, 2.4, (int(flicker.sum()), 3))
    drift = np.cumsum(rng.normal(0, 0.02, (n_frames, 1, 3)), axis=0)
    framework = drift + rng.normal(0, 0.2 / FRAMEWORK_ATOMS**0.5, drift.shape)
    return x + drift - framework


def processes(rate: float) -> tuple[Process, ...]:
    """Three processes in which every ion hops `rate` times per frame."""
    forward = rate / 1.2
    free = rate * LENGTH2 / 6
    return (
        Process("independent", lambda rng, t, n: vibrating(rng, hopping(rng, t, n, rate)), free, rate),
        Process("groups of four", lambda rng, t, n: vibrating(rng, hopping(rng, t, n, rate, 4)), free, rate),
        Process(
            "20 % returns, flicker, drift",
            lambda rng, t, n: returning(rng, t, n, forward),
            0.8 * forward * LENGTH2 / 6,
            rate,
        ),
    )
