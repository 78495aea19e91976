"""Diffusion in a polycrystal: a periodic Voronoi structure, finite volumes on it, and its correlation functions.

Lengths in units of the edge of the periodic box. Equal equilibrium concentration everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["DecayMeasure", "decay_measure", "diffusion_operator", "grain_diameters", "grain_structure"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def grain_structure(n_grains: int, voxels: int, rng: np.random.Generator, spread: float = 0.0) -> IntArray:
    """Return the grain of every voxel of a periodic cube (n, n, n).

    Voronoi cells of random points, weighted if `spread` > 0 (Laguerre cells, the point with the smallest |x - s|² - r²,
    with log-normal radii r). Found as nearest neighbours in four dimensions, the fourth being √(r_max² - r²).

    Parameters
    ----------
    n_grains : int
    voxels : int
        n.
    rng : numpy.random.Generator
    spread : float
        Standard deviation of ln r; 0 gives plain Voronoi cells, whose volumes already scatter by 42 %.
    """
    if n_grains < 1 or voxels < 2 or not 0 <= spread <= 1:
        raise InputError(
            f"expected at least one grain, two voxels and a spread from 0 to 1, found {n_grains}, {voxels}, {spread}"
        )
    from scipy.spatial import cKDTree

    radii = 0.5 * (3 / (4 * np.pi * n_grains)) ** (1 / 3) * np.exp(spread * rng.standard_normal(n_grains))
    seeds = np.column_stack([rng.random((n_grains, 3)), np.sqrt(radii.max() ** 2 - radii**2)])
    centres = (np.arange(voxels) + 0.5) / voxels
    grid = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), axis=-1).reshape(-1, 3)
    tree = cKDTree(seeds, boxsize=[1.0, 1.0, 1.0, 0.0])
    nearest = tree.query(np.column_stack([grid, np.zeros(len(grid))]))[1]
    return np.asarray(np.unique(nearest, return_inverse=True)[1].reshape(voxels, voxels, voxels), dtype=np.int64)


def grain_diameters(labels: IntArray) -> FloatArray:
    """Return the diameter of the sphere of equal volume of each grain (G,)."""
    return np.asarray((6 / np.pi * np.bincount(labels.ravel()) / labels.size) ** (1 / 3))


def diffusion_operator(labels: IntArray, diffusivity: npt.ArrayLike, permeability: float = np.inf) -> csr_array:
    """Return the finite-volume Laplacian (n³, n³), symmetric and negative, of dc/dt = ∇·D∇c in a periodic cube.

    Two half voxels and, between grains, the boundary are resistances in series: conductance per area
    1/(h/2D_i + h/2D_j + 1/P).

    Parameters
    ----------
    labels : ndarray (n, n, n)
        Grain of each voxel.
    diffusivity : float or array_like (G,)
        D of the grains, box edge² per unit of time.
    permeability : float
        P of grain boundaries, box edge per unit of time; infinite for boundaries that are no obstacle.
    """
    from scipy.sparse import coo_array

    n = len(labels)
    grains = np.broadcast_to(np.asarray(diffusivity, dtype=np.float64), (int(labels.max()) + 1,))
    if (grains <= 0).any() or not permeability > 0:
        raise InputError(f"expected positive diffusivities and permeability, found {diffusivity!r} and {permeability}")
    resistance = 1 / (2 * n * grains[labels])
    index = np.arange(n**3).reshape(n, n, n)
    rows, columns, rates = [], [], []
    for axis in range(3):
        other = np.roll(index, -1, axis=axis)
        total = resistance + np.roll(resistance, -1, axis=axis)
        total = total + (labels != np.roll(labels, -1, axis=axis)) / permeability
        rows.append(index.ravel())
        columns.append(other.ravel())
        rates.append((n / total).ravel())
    i, j, rate = (np.concatenate(part) for part in (rows, columns, rates))
    diagonal = np.bincount(i, rate, n**3) + np.bincount(j, rate, n**3)
    every = np.arange(n**3)
    entries = (np.concatenate([rate, rate, -diagonal]), (np.concatenate([i, j, every]), np.concatenate([j, i, every])))
    return coo_array(entries, shape=(n**3, n**3)).tocsr()


class DecayMeasure(NamedTuple):
    """A correlation function Σ_k w_k exp(-λ_k t)."""

    rates: FloatArray
    """(K,), inverse unit of time."""
    weights: FloatArray
    """(K,), of sum C(0)."""

    def at(self, time: npt.ArrayLike) -> FloatArray:
        """Return C at times (T,)."""
        return np.asarray(np.exp(-np.multiply.outer(np.asarray(time, dtype=np.float64), self.rates)) @ self.weights)


def decay_measure(operator: csr_array, fields: FloatArray, steps: int = 160) -> DecayMeasure:
    """Return the correlation function Σ f·exp(L t)f of fields (n, F) under a negative symmetric operator L.

    Gauss quadrature of the spectral measure by Lanczos steps (Golub and Meurant, Matrices, Moments and Quadrature,
    2010): `steps` nodes reproduce 2 `steps` derivatives at t = 0 and converge from there, for all times at once.

    Parameters
    ----------
    operator : sparse array (n, n)
    fields : ndarray (n, F)
    steps : int
        About √(t ‖L‖) are needed for times up to t.
    """
    columns = fields[:, np.linalg.norm(fields, axis=0) > 0]
    if columns.shape[1] == 0:
        raise InputError("expected at least one field that is not zero")
    norms = np.linalg.norm(columns, axis=0)
    current, previous = columns / norms, np.zeros_like(columns)
    steps = min(steps, len(columns))
    alpha, beta = np.zeros((steps, len(norms))), np.zeros((steps, len(norms)))
    scale = float(np.abs(operator.diagonal()).max()) or 1.0
    for k in range(steps):
        image = operator @ current - (beta[k - 1] * previous if k else 0.0)
        alpha[k] = np.einsum("nf,nf->f", current, image)
        image -= alpha[k] * current
        size = np.linalg.norm(image, axis=0)
        beta[k] = np.where(size > 1e-12 * scale, size, 0.0)
        previous, current = current, np.divide(image, size, out=np.zeros_like(image), where=beta[k] > 0)
    rates, weights = [], []
    for f, norm in enumerate(norms):
        nodes, modes = np.linalg.eigh(np.diag(alpha[:, f]) + np.diag(beta[:-1, f], 1) + np.diag(beta[:-1, f], -1))
        rates.append(np.maximum(-nodes, 0.0))
        weights.append(norm**2 * modes[0] ** 2)
    return DecayMeasure(np.concatenate(rates), np.concatenate(weights))
