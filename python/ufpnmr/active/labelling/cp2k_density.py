"""The density matrix that CP2K leaves in the restart file of a k-point calculation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

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
        from scipy.io import FortranFile

        try:
            with FortranFile(path, "r") as stream:
                stream.read_ints(np.int32)
                atoms, size, _, _ = (int(n) for n in stream.read_ints(np.int32))
                stream.read_ints(np.int32)
                stream.read_ints(np.int32)
                functions = stream.read_ints(np.int32).reshape(atoms, -1).sum(1)
                blocks = {}
                for _ in range(int(stream.read_ints(np.int32)[2])):
                    _, a, b, c = (int(n) for n in stream.read_ints(np.int32))
                    blocks[a, b, c] = np.array([stream.read_reals(np.float64) for _ in range(size)]).T
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
        at = np.repeat(np.arange(len(count)), count)
        upper, diagonal = at[:, None] < at[None], at[:, None] == at[None]
        odd = (at[:, None] + at[None]) % 2 == 1
        ks, weights = k_points(divisions)
        matrix = np.zeros((len(ks), len(at), len(at)), complex)
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        seen: dict[tuple[int, ...], NDArray[np.bool_]] = {}
        for cell, block in sorted(self.blocks.items(), key=lambda item: float(np.linalg.norm(item[0]))):
            new = np.add.reduceat(np.add.reduceat(np.abs(block), first, 0), first, 1) > 0
            new &= np.triu(np.ones_like(new))
            taken = seen.setdefault(
                tuple(x % n for x, n in zip(cell, divisions, strict=True)), np.zeros((len(count),) * 2, bool)
            )
            use = np.repeat(np.repeat(new & ~taken, count, 0), count, 1)
            taken |= new
            own, even, swapped = (block * (use & part) for part in (diagonal, upper & ~odd, upper & odd))
            for k, point in enumerate(ks):
                phase = np.exp(2j * np.pi * np.dot(point, cell))
                matrix[k] += phase * (own + even + swapped.T) + np.conj(phase) * (swapped + even.T)
        out = []
        for point, weight, p in zip(ks, weights, matrix, strict=True):
            occupation, vectors = np.linalg.eigh((p + p.conj().T) / 2)
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
