"""Finite volumes on a Voronoi structure: analytic spheres, exact exponentials, conservation."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

from ufpnmr.errors import InputError
from ufpnmr.nmr.grains import decay_measure, diffusion_operator, grain_diameters, grain_structure


def sphere(voxels, radius):
    x = (np.arange(voxels) + 0.5) / voxels - 0.5
    return (x[:, None, None] ** 2 + x[:, None] ** 2 + x**2 < radius**2).astype(np.int64)


def test_voronoi_cells_are_the_nearest_points():
    rng, again = np.random.default_rng(1), np.random.default_rng(1)
    labels = grain_structure(30, 16, rng)
    again.standard_normal(30)
    seeds = again.random((30, 3))
    x = (np.array([3, 11, 7]) + 0.5) / 16
    distance = np.linalg.norm((x - seeds + 0.5) % 1 - 0.5, axis=1)
    same = np.linalg.norm((np.argwhere(labels == labels[3, 11, 7]) + 0.5) / 16 - x, axis=1)
    assert np.all(np.isfinite(same))
    for voxel in np.argwhere(labels == labels[3, 11, 7]):
        other = np.linalg.norm(((voxel + 0.5) / 16 - seeds + 0.5) % 1 - 0.5, axis=1)
        assert np.argmin(other) == np.argmin(distance)


def test_spread_widens_the_size_distribution():
    variation = [
        np.std(d := grain_diameters(grain_structure(300, 40, np.random.default_rng(2), s))) / np.mean(d)
        for s in (0.0, 0.6)
    ]
    assert variation[1] > 1.2 * variation[0]
    labels = grain_structure(300, 40, np.random.default_rng(2))
    assert np.sum(grain_diameters(labels) ** 3) * math.pi / 6 == pytest.approx(1)
    assert 0.3 < np.std(np.bincount(labels.ravel())) / np.mean(np.bincount(labels.ravel())) < 0.6  # 0.42 by theory


def test_operator_conserves_and_is_symmetric():
    labels = grain_structure(5, 6, np.random.default_rng(3))
    operator = diffusion_operator(labels, np.linspace(0.5, 2, labels.max() + 1), permeability=3.0)
    dense = operator.toarray()
    np.testing.assert_allclose(dense, dense.T)
    np.testing.assert_allclose(dense.sum(axis=0), 0, atol=1e-10)
    assert np.linalg.eigvalsh(dense).max() < 1e-9


def test_quadrature_is_the_exponential():
    """Against scipy.linalg.expm of the dense matrix."""
    rng = np.random.default_rng(4)
    labels = grain_structure(5, 6, rng)
    operator = diffusion_operator(labels, 1.0, permeability=2.0)
    fields = rng.standard_normal((216, 3))
    measure = decay_measure(operator, fields, 120)
    for t in (0.0, 1e-3, 0.01, 0.1, 3.0):
        exact = np.trace(fields.T @ expm(t * operator.toarray()) @ fields)
        assert measure.at([t])[0] == pytest.approx(exact, rel=1e-8)


def absorbing_sphere(t):
    """Survival in a sphere of radius 1 with an absorbing surface, D = 1: 6/π² Σ exp(-n²π²t)/n²."""
    n = np.arange(1, 400)[:, None]
    return 6 / math.pi**2 * np.sum(np.exp(-(n**2) * math.pi**2 * t) / n**2, axis=0)


def test_absorbing_sphere_converges_to_the_analytic_one():
    """The absorbing surface lies somewhere between two voxels: an error of first order, gone after extrapolation."""
    times = np.array([0.01, 0.03, 0.1, 0.2])  # √(Dt) at least two voxels of the finer grid
    deviation = {}
    for voxels in (24, 48):
        inside = np.flatnonzero(sphere(voxels, 0.45).ravel())
        operator = diffusion_operator(np.zeros((voxels,) * 3, dtype=np.int64), 1.0)[inside][:, inside]
        radius = (3 * len(inside) / voxels**3 / (4 * math.pi)) ** (1 / 3)
        measure = decay_measure(operator, np.ones((len(inside), 1)), 120)
        deviation[voxels] = measure.at(times * radius**2) / len(inside) - absorbing_sphere(times)
    np.testing.assert_allclose(deviation[24] / deviation[48], 2, rtol=0.1)
    np.testing.assert_allclose(2 * deviation[48] - deviation[24], 0, atol=0.004)


def sphere_memory(t):
    """Probability of being in the sphere (R = 1, D = 1) again at t, without walls.

    Overlap of two spheres at distance r, 1 - 3r/4 + r³/16, averaged over the Gaussian of the displacement.
    """
    r = np.linspace(0, 2, 4001)
    overlap = 1 - 0.75 * r + r**3 / 16
    gauss = 4 * math.pi * r**2 * np.exp(-(r**2) / (4 * t[:, None])) / (4 * math.pi * t[:, None]) ** 1.5
    return np.trapezoid(gauss * overlap, r, axis=1)


def test_sphere_without_walls_is_the_analytic_one():
    times = np.array([0.02, 0.05, 0.1, 0.3])
    labels = sphere(48, 0.15)
    inside = labels.ravel().astype(float)
    radius = (3 * inside.mean() / (4 * math.pi)) ** (1 / 3)
    found = decay_measure(diffusion_operator(labels, 1.0), inside[:, None]).at(times * radius**2) / inside.sum()
    np.testing.assert_allclose(found, sphere_memory(times), atol=0.01)


def test_barrier_slows_the_exchange_to_its_own_rate():
    """A sphere with P ≪ D/R empties into its surroundings at 3P/R (and the surroundings return what they hold)."""
    labels = sphere(32, 0.25)
    inside = labels.ravel().astype(float)
    fraction, permeability = inside.mean(), 0.05
    faces = sum(np.abs(np.diff(labels, axis=a, append=labels.take([0], axis=a))).sum() for a in range(3)) / 32**2
    rate = permeability * faces / (fraction * (1 - fraction))
    measure = decay_measure(diffusion_operator(labels, 50.0, permeability), inside[:, None])
    t = np.array([0.2, 0.5, 1.0]) / rate
    expected = fraction + (1 - fraction) * np.exp(-rate * t)
    np.testing.assert_allclose(measure.at(t) / inside.sum(), expected, rtol=0.02)


def test_bad_input():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="at least one grain"):
        grain_structure(0, 8, rng)
    with pytest.raises(InputError, match="positive"):
        diffusion_operator(np.zeros((4, 4, 4), dtype=np.int64), 0.0)
    with pytest.raises(InputError, match="not zero"):
        decay_measure(diffusion_operator(np.zeros((4, 4, 4), dtype=np.int64), 1.0), np.zeros((64, 1)))
