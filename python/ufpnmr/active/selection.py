"""Which structures to label next: the most information per cost, given everything that is known already.

The coefficients of a potential have the posterior covariance sigma0^2 A^-1, and the labels of a structure are
y = X c + noise (energy per atom, force components, virial per atom; noise sigma0 sigma, `ufpnmr.potential.posterior`).
With rows scaled by one over sigma, what these labels would say about the coefficients is (MacKay, Neural Comput. 4, 590
(1992); Bayesian D-optimality)

    gain = 1/2 log det(1 + X A^-1 X^T)        nats,

whatever the labels turn out to be. Structures are chosen one after the other; after each, A becomes A + X^T X: the next
gain is what a structure says beyond all chosen ones, so that two that are alike are not both chosen. Diversity needs no
rule of its own.

``variance`` asks instead for what is wanted of the potential (A-optimality over the candidates): by how much would the
labels reduce the mean variance of all force components of all candidates?

    gain = tr[(1 + X A^-1 X^T)^-1 X A^-1 H A^-1 X^T],    H = mean over force rows of x x^T

Gains never grow as structures are added (exactly so for the information, which is submodular): the gains of earlier
rounds bound those of this one, and only candidates whose bound is the largest are computed again (lazy greedy
selection, Minoux 1978).
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ufpnmr.errors import InputError, nearest
from ufpnmr.potential.basis import Features, SplineBasis
from ufpnmr.potential.fit_config import TypeWeights
from ufpnmr.potential.posterior import Posterior, Triangle

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Budget", "Knowledge", "Method", "Pick", "force_deviation", "scaled_rows", "select"]

Vector = NDArray[np.float64]
Method = Literal["information", "variance", "random"]


def force_deviation(features: Features, posterior: Posterior) -> Vector:
    """Return the predicted error of the force on each atom, (N,) in eV/Å.

    The root of the mean variance of its three components, to be compared with a root-mean-square error by component;
    calibrated on withheld forces where the posterior is.

    Parameters
    ----------
    features : Features
        Of the structure.
    posterior : Posterior
        Of the potential.
    """
    kind = "forces" if "forces" in posterior.calibration else None
    return np.asarray(np.sqrt(posterior.variance(features.forces, kind).mean(axis=1)))


def scaled_rows(
    features: Features, volume: float, sigma: Mapping[str, float], weights: TypeWeights | None = None
) -> Vector:
    """Return the (R, P) rows that the labels of a structure will add to the fit, divided by their sigma.

    Parameters
    ----------
    features : Features
        Of a structure with N atoms.
    volume : float
        Å³; zero where the structure has no stress.
    sigma : dict
        Noise of the fit: ``energy`` eV/atom, ``forces`` eV/Å, and ``stress`` (virial per atom, eV) if stresses are
        used.
    weights : TypeWeights, optional
        Of the configuration type.
    """
    weights = weights or TypeWeights()
    n_atoms, columns = len(features.forces), features.energy.shape[-1]
    parts = [
        features.energy[None] * (math.sqrt(weights.energy) / (n_atoms * sigma["energy"])),
        features.forces.reshape(-1, columns) * (math.sqrt(weights.forces) / sigma["forces"]),
    ]
    if "stress" in sigma and volume > 0:
        parts.append(features.virial * (math.sqrt(weights.stress) / (n_atoms * sigma["stress"])))
    return np.vstack(parts)


class Knowledge:
    """What is known of the coefficients, as labels are added whose values are not known yet.

    Parameters
    ----------
    posterior : Posterior
        With the whole triangle.
    target : (P, P) array, optional
        H, for the gain in variance.
    """

    def __init__(self, posterior: Posterior, target: Vector | None = None) -> None:
        if not isinstance(posterior.factor, Triangle):
            raise InputError(
                "selection: expected a posterior with its whole triangle, found a low-rank one; fit again or keep the "
                "file that the fit wrote"
            )
        self._scale = posterior.scale
        self._lower = np.tril(np.asarray(posterior.factor.lower, dtype=np.float64))
        self._target = None if target is None else target * np.outer(self._scale, self._scale)
        self._white_target: Vector | None = None
        self._whiten_target()

    def gain(self, rows: Vector) -> float:
        """Return what labels with these scaled rows (R, P) would bring."""
        white = self._whitened(rows * self._scale)
        if self._white_target is None:
            small = white if len(white) <= white.shape[1] else white.T
            factor = linalg.cholesky(np.eye(len(small)) + small @ small.T, lower=True, check_finite=False)
            return float(np.log(np.diagonal(factor)).sum())
        along = white @ self._white_target
        solved = linalg.solve(
            np.eye(len(white)) + white @ white.T, along, assume_a="pos", check_finite=False, overwrite_b=True
        )
        return float((solved * white).sum())

    def add(self, rows: Vector) -> None:
        """Take labels with these scaled rows as known."""
        scaled = rows * self._scale
        matrix = self._lower @ self._lower.T
        matrix += scaled.T @ scaled
        self._lower = linalg.cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
        self._whiten_target()

    def _whitened(self, scaled: Vector) -> Vector:
        out: Vector = linalg.solve_triangular(self._lower, scaled.T, lower=True, check_finite=False).T
        return out

    def _whiten_target(self) -> None:
        if self._target is not None:
            self._white_target = self._whitened(self._whitened(self._target).T)


@dataclasses.dataclass(frozen=True)
class Budget:
    """What may be spent on labels.

    Attributes
    ----------
    structures : int or None
        Largest number of structures.
    atoms : int or None
        Largest number of atoms in all.
    exponent : float
        The cost of labelling N atoms is N^exponent; gains are compared per cost. 0: every structure costs the same.
    """

    structures: int | None = None
    atoms: int | None = None
    exponent: float = 0.0

    def allows(self, sizes: Sequence[int], size: int) -> bool:
        """Whether a structure of `size` atoms may follow chosen ones of `sizes`."""
        return (self.structures is None or len(sizes) < self.structures) and (
            self.atoms is None or sum(sizes) + size <= self.atoms
        )

    def cost(self, size: int) -> float:
        """Return the cost of a structure of `size` atoms."""
        return float(np.power(float(size), self.exponent))


@dataclasses.dataclass(frozen=True)
class Pick:
    """A structure that was chosen.

    Attributes
    ----------
    index : int
        Its number among the candidates.
    gain : float or None
        Information in nats, or reduction of the mean force variance in (eV/Å)² over sigma0²; None if drawn at random.
    """

    index: int
    gain: float | None


def select(
    candidates: Sequence[Atoms],
    basis: SplineBasis,
    posterior: Posterior,
    sigma: Mapping[str, float],
    budget: Budget,
    *,
    method: Method = "information",
    reserved: Sequence[tuple[Sequence[int], int]] = (),
    weights: Mapping[str, TypeWeights] | None = None,
    seed: int = 0,
    threads: int = 0,
) -> list[Pick]:
    """Choose the structures to be labelled.

    Features are computed when they are needed and not kept: the memory is that of a few P x P matrices.

    Parameters
    ----------
    candidates : sequence of ase.Atoms
        ``info["config_type"]`` is looked up in `weights`.
    basis : SplineBasis
        Columns of the potential.
    posterior : Posterior
        Its posterior, with the whole triangle.
    sigma : dict
        Noise of the fit, see `scaled_rows`.
    budget : Budget
        What may be spent.
    method : {"information", "variance", "random"}
        See above; "random" is for comparison and draws without looking.
    reserved : sequence of (indices, count)
        First choose up to `count` of these candidates, then from all.
    weights : dict, optional
        Weights of configuration types in the fit.
    seed : int
        Of "random".
    threads : int
        OpenMP threads of the features; 0 follows OMP_NUM_THREADS.

    Returns
    -------
    list of Pick
        In the order in which they were chosen.

    Raises
    ------
    InputError
        An unknown method, an element without coefficients, or a low-rank posterior.
    """
    if method not in get_args(Method):
        raise InputError(
            f"selection: expected {', '.join(get_args(Method))}, found {method!r}{nearest(method, get_args(Method))}"
        )
    rounds = [*reserved, (range(len(candidates)), len(candidates))]
    if method == "random":
        return _random(candidates, budget, rounds, seed)

    def rows(index: int) -> Vector:
        atoms = candidates[index]
        features = basis.features(atoms, threads=threads)
        of_type = (weights or {}).get(str(atoms.info.get("config_type")))
        return scaled_rows(features, _volume(atoms), sigma, of_type)

    target = _target(candidates, basis, threads) if method == "variance" else None
    knowledge = Knowledge(posterior, target)
    picks: list[Pick] = []
    bounds = np.empty(len(candidates))
    for index, atoms in enumerate(candidates):
        bounds[index] = knowledge.gain(rows(index)) / budget.cost(len(atoms))
    for among, count in rounds:
        chosen = {pick.index for pick in picks}
        heap = [(-bounds[index], index) for index in among if index not in chosen]
        heapq.heapify(heap)
        last = len(picks) + count
        while heap and len(picks) < last:
            _, index = heapq.heappop(heap)
            size = len(candidates[index])
            if not budget.allows([len(candidates[p.index]) for p in picks], size):
                continue
            found = rows(index)
            gain = knowledge.gain(found)
            bounds[index] = gain / budget.cost(size)
            if heap and -bounds[index] > heap[0][0]:  # another may bring more
                heapq.heappush(heap, (-bounds[index], index))
                continue
            picks.append(Pick(index, gain))
            knowledge.add(found)
    return picks


def _target(candidates: Sequence[Atoms], basis: SplineBasis, threads: int) -> Vector:
    out, count = np.zeros((basis.n_columns,) * 2), 0
    for atoms in candidates:
        x = basis.features(atoms, threads=threads).forces.reshape(-1, basis.n_columns)
        out += x.T @ x
        count += len(x)
    return out / max(count, 1)


def _random(
    candidates: Sequence[Atoms], budget: Budget, rounds: Sequence[tuple[Sequence[int], int]], seed: int
) -> list[Pick]:
    picks: list[Pick] = []
    generator = np.random.default_rng(seed)
    for among, count in rounds:
        last = len(picks) + count
        for index in generator.permutation(np.asarray(among, dtype=np.intp)):
            if len(picks) == last:
                break
            sizes = [len(candidates[p.index]) for p in picks]
            if int(index) not in {p.index for p in picks} and budget.allows(sizes, len(candidates[index])):
                picks.append(Pick(int(index), None))
    return picks


def _volume(atoms: Atoms) -> float:
    return abs(float(np.linalg.det(atoms.cell.array))) if atoms.pbc.all() else 0.0
