"""Random processes with known correlation functions, as tensor series."""

import dataclasses

import numpy as np

from ufpnmr.isotopes import isotope

KAPPA = isotope("7Li").coupling_khz


@dataclasses.dataclass
class Series:
    """What `correlate` reads of a tensor series."""

    time: np.ndarray
    ids: np.ndarray
    V: np.ndarray
    cell: np.ndarray
    axes: str = "x=a y=b z=c"
    engine: str = "synthetic"


def series(tensors, interval=1.0):
    """Tensors (T, N, 6) as a series."""
    n_frames, n_ions = tensors.shape[:2]
    return Series(
        np.arange(n_frames) * interval, np.arange(1, n_ions + 1), tensors, np.broadcast_to(np.eye(3), (n_frames, 3, 3))
    )


def axial(frequency):
    """Axial tensors along z (T, N, 6) whose ω_Q in kHz for a field along z is `frequency` (T, N)."""
    return frequency[..., None] / KAPPA * np.array([-0.5, -0.5, 1.0, 0.0, 0.0, 0.0])


def site_jumps(rng, n_frames, n_ions, leaving, n_sites=2):
    """Sites (T, N) of ions that leave with probability `leaving` per frame (one, or one per site), stationary start."""
    leaving = np.broadcast_to(np.asarray(leaving, dtype=float), (n_sites,))
    weights = 1 / leaving
    start = rng.choice(n_sites, size=n_ions, p=weights / weights.sum())
    sites = np.empty((n_frames, n_ions), dtype=np.int64)
    sites[0] = start
    for t in range(1, n_frames):
        here = sites[t - 1]
        jump = rng.random(n_ions) < leaving[here]
        target = (here + rng.integers(1, n_sites, n_ions)) % n_sites
        sites[t] = np.where(jump, target, here)
    return sites


def telegraph(rng, n_frames, n_ions, rate, noise=0.0, group=1):
    """Two-site jumps of ±1 with decay rate `rate` per frame plus white noise of variance `noise`, in groups of ions."""
    walkers = site_jumps(rng, n_frames, n_ions // group, (1 - np.exp(-rate)) / 2)
    x = np.repeat(2.0 * walkers - 1, group, axis=1)
    return x + np.sqrt(noise) * rng.standard_normal(x.shape)
