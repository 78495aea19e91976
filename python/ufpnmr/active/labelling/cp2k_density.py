"""The density matrix that CP2K leaves in the restart file of a k-point calculation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ufpnmr.active.labelling.labeller import LabelError

__all__ = ["DensityMatrix", "State", "k_points"]

_NEGLIGIBLE = 1e-9
"""Occupation below which a natural state is left out."""


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """The occupied states of one k point: density = Σ_n occupation_n |Σ_p coefficients_pn χ_pk|².

    Attributes
    ----------
    k : (3,)
        In fractions of the reciprocal vectors.
    coefficients : (nao, n) complex
    occupation : (n,)
        With the weight of the k point.
    """

    k: NDArray[np.float64]
    coefficients: NDArray[np.complex128]
    occupation: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class DensityMatrix:
    """P(R) by lattice vector R, in CP2K's order of the basis functions.

    Of a pair of atoms i <= j the block of R holds P_ij(R) if i + j is even and P_ij(-R) if it is odd (the order of the
    pair in CP2K's neighbour list); the lower blocks repeat the upper ones. Cells are counted from the images of the
    atoms nearest to the origin.

    Attributes
    ----------
    blocks : dict
        (nao, nao) by (i, j, k).
    functions : (N,) int
        Basis functions of each atom.
    """

    blocks: dict[tuple[int, int, int], NDArray[np.float64]]
    functions: NDArray[np.intp]

    @classmethod
    def read(cls, path: Path) -> DensityMatrix:
        """Read ``NAME-RESTART.kp``.

        Raises
        ------
        LabelError
            Missing, cut or of another version of CP2K.
        """
        try:
            with open(path, "rb") as stream:
                _integers(stream)
                atoms, size, _, _ = _integers(stream)
                _integers(stream)
                _integers(stream)
                functions = _integers(stream).reshape(atoms, -1).sum(1)
                blocks = {}
                for _ in range(_integers(stream)[2]):
                    _, a, b, c = _integers(stream).tolist()
                    blocks[a, b, c] = _columns(stream, int(size)).T
        except (OSError, TypeError, ValueError, IndexError) as error:
            raise LabelError(
                f"cp2k: {path.name}: not the restart file of a k-point run of CP2K 2023: {error}"
            ) from error
        if functions.sum() != size or (0, 0, 0) not in blocks:
            raise LabelError(f"cp2k: {path.name}: {functions.sum()} basis functions by atom, {size} in all")
        return cls(blocks, functions.astype(np.intp))

    def states(self, divisions: tuple[int, int, int]) -> list[State]:
        """Return the natural states of the density at the k points of one half of a mesh.

        P(k) = Σ_R P(R) exp(2πi k·R) over one R of each class modulo the divisions: P(R) repeats over the supercell of
        the mesh up to its phase.

        Parameters
        ----------
        divisions : (int, int, int)
            Of the Monkhorst-Pack mesh.
        """
        count = self.functions
        atoms = np.arange(len(count))
        upper, odd = atoms[:, None] < atoms[None], (atoms[:, None] + atoms[None]) % 2 == 1
        ks, weights = k_points(divisions)
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        half = np.zeros((2, len(ks), count.sum(), count.sum()))  # real and imaginary part of P(k) = half + its adjoint
        seen: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        for cell, block in sorted(self.blocks.items(), key=lambda item: float(np.linalg.norm(item[0]))):
            new = np.add.reduceat(np.add.reduceat(np.abs(block), first, 0), first, 1) > 0
            new &= ~(upper.T)
            taken = seen.setdefault(
                tuple(x % n for x, n in zip(cell, divisions, strict=True)), np.zeros((len(count),) * 2, bool)
            )
            use = new & ~taken
            taken |= new
            straight = np.where(upper, use & ~odd, 0.5 * use)
            part = block * _by_function(straight, count) + (block * _by_function(use & upper & odd, count)).T
            for k, point in enumerate(ks):
                phase = np.exp(2j * np.pi * np.dot(point, cell))
                for total, factor in zip(half[:, k], (phase.real, phase.imag), strict=True):
                    if abs(factor) > 1e-12:
                        total += factor * part
        out = []
        for point, weight, real, imaginary in zip(ks, weights, *half, strict=True):
            occupation, vectors = np.linalg.eigh(real + real.T + 1j * (imaginary - imaginary.T))
            keep = np.abs(occupation) > _NEGLIGIBLE
            out.append(State(point, np.ascontiguousarray(vectors[:, keep]), weight * occupation[keep]))
        return out


def k_points(divisions: tuple[int, int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points of a Monkhorst-Pack mesh, one of each pair k and -k, and their weights.

    Returns
    -------
    points : (n, 3)
        In fractions of the reciprocal vectors.
    weights : (n,)
        Their sum is 1.
    """
    axes = [(2 * np.arange(1, n + 1) - n - 1) / (2 * n) for n in divisions]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    last = np.array([next((k for k in point[::-1] if abs(k) > 1e-12), 0.0) for point in mesh])
    return mesh[last >= 0], np.where(last > 0, 2.0, 1.0)[last >= 0] / len(mesh)


def _integers(stream: BinaryIO) -> NDArray[np.int32]:
    """Read one record of integers of a Fortran file without format."""
    (length,) = np.fromfile(stream, np.int32, 1)
    values = np.fromfile(stream, np.int32, length // 4)
    if len(values) != length // 4 or np.fromfile(stream, np.int32, 1).tolist() != [length]:
        raise ValueError("a record is cut")
    return values


def _columns(stream: BinaryIO, size: int) -> NDArray[np.float64]:
    """Read `size` records of as many numbers at once."""
    record = np.dtype([("before", np.int32), ("values", np.float64, size), ("after", np.int32)])
    found = np.fromfile(stream, record, size)
    if len(found) != size or (found["before"] != 8 * size).any() or (found["after"] != 8 * size).any():
        raise ValueError("a record is cut")
    return np.ascontiguousarray(found["values"])


def _by_function(pairs: NDArray[Any], count: NDArray[np.intp]) -> NDArray[Any]:
    """Repeat what is known of each pair of atoms for the pairs of their basis functions."""
    return np.repeat(np.repeat(pairs, count, 0), count, 1)
