"""The regression's view of a potential: columns, and what multiplies them for a structure.

Energy, forces and virial of a structure are linear in the coefficients, y = X c (spec uf3 5). The rows X come from the
C++ core, from the same splines and the same neighbours as the evaluation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.errors import DomainError, InputError
from ufpnmr.potential.columns import ColumnBlock, stack
from ufpnmr.potential.model import PairBlock, Potential, TripletBlock

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["CORE_VIRIAL_OF_STRESS", "Features", "SplineBasis"]

Vector = NDArray[np.float64]
Structure = tuple[NDArray[np.intc], Vector, Vector, list[bool]]

CORE_VIRIAL_OF_STRESS = (0, 1, 2, 5, 4, 3)
"""The core's virial xx yy zz xy xz yz, taken in this order, is ASE's xx yy zz yz xz xy (and the other way round)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """What multiplies the coefficients of one structure with N atoms, for P columns.

    Attributes
    ----------
    energy : (P,) array
        Energy in eV when multiplied by coefficients, one-body energies included.
    forces : (N, 3, P) array
        Forces, eV/Å.
    virial : (6, P) array
        Virial W = -dE/d(strain), eV, xx yy zz yz xz xy; the ASE stress is -W / volume.
    """

    energy: Vector
    forces: Vector
    virial: Vector


@dataclasses.dataclass(frozen=True, eq=False)
class SplineBasis:
    """Knots, cutoffs and free coefficients of a potential, without their values.

    Attributes
    ----------
    blocks : tuple of ColumnBlock
        The one-body block, then pairs, then triplets; their columns follow each other.
    """

    blocks: tuple[ColumnBlock, ...]

    @classmethod
    def from_blocks(cls, elements: Sequence[str], blocks: Sequence[ColumnBlock]) -> SplineBasis:
        """Return the basis of some pair and triplet blocks.

        Parameters
        ----------
        elements : sequence of str
            Element symbols, each once; every one needs a pair block with each other one and itself.
        blocks : sequence of ColumnBlock
            Pairs and triplets in any order.

        Raises
        ------
        InputError
            A pair is missing, given twice, or of an element that is not listed; likewise for triplets, of which there
            may be none.
        """
        ordered = sorted(blocks, key=lambda block: block.order)
        _check_complete(tuple(elements), ordered)
        return cls(stack([ColumnBlock.one_body(elements), *ordered]))

    @classmethod
    def of(cls, potential: Potential) -> SplineBasis:
        """Return the basis of a potential: its knots, cutoffs and trims."""
        blocks = [
            ColumnBlock.pair(b.elements, b.knots, b.cutoff, leading_trim=b.leading_trim, trailing_trim=b.trailing_trim)
            for b in potential.pairs
        ]
        blocks += [
            ColumnBlock.triplet(
                b.elements, b.knots, b.cutoffs, leading_trim=b.leading_trim, trailing_trim=b.trailing_trim
            )
            for b in potential.triplets
        ]
        return cls.from_blocks(potential.elements, blocks)

    @property
    def elements(self) -> tuple[str, ...]:
        """Element symbols, in the order of the one-body columns."""
        return self.blocks[0].elements

    @property
    def n_columns(self) -> int:
        """Number of columns P."""
        return self.blocks[-1].stop

    def __getstate__(self) -> dict[str, Any]:
        """Leave the core's object behind where the basis is sent to another process; it is made anew there."""
        return {"blocks": self.blocks}

    def block(self, name: str) -> ColumnBlock:
        """Return a block by name, ``"one-body"``, ``"Li-S"``, ``"P-S-S"``.

        Raises
        ------
        InputError
            No such block.
        """
        for block in self.blocks:
            if block.name == name:
                return block
        raise InputError(f"no block {name}; there are {', '.join(block.name for block in self.blocks)}")

    def features(self, atoms: Atoms, *, threads: int = 0) -> Features:
        """Return what multiplies the coefficients for a structure.

        Below a first knot the features continue the splines as the evaluation does where the pair term is repulsive.

        Parameters
        ----------
        atoms : ase.Atoms
            Any cell and periodicity.
        threads : int
            OpenMP threads; 0 follows OMP_NUM_THREADS.

        Raises
        ------
        InputError
            An element that is not in the basis.
        DomainError
            A cell without volume in periodic directions.
        """
        try:
            energy, forces, virial = self.core.one(self.structure(atoms), threads)
        except _core.DomainError as error:
            raise DomainError(str(error)) from None
        return Features(energy, forces, virial[list(CORE_VIRIAL_OF_STRESS)])

    def structure(self, atoms: Atoms) -> Structure:
        """Return species, positions, cell and periodicity as the core takes them.

        Raises
        ------
        InputError
            An element that is not in the basis.
        """
        index = {element: number for number, element in enumerate(self.elements)}
        symbols = [str(symbol) for symbol in atoms.symbols]
        for number, symbol in enumerate(symbols):
            if symbol not in index:
                raise InputError(f"expected atoms of {' '.join(self.elements)}, found {symbol} (atom {number})")
        species = np.array([index[symbol] for symbol in symbols], dtype=np.intc)
        return species, atoms.positions, atoms.cell.array, [bool(p) for p in atoms.pbc]

    def force_columns(self, element: str) -> NDArray[np.intp]:
        """Return the columns on which forces on atoms of an element can depend."""
        species = self.elements.index(element)
        used = [b for number, b in enumerate(self.blocks) if self.core.touches(number, species)]
        return np.concatenate([np.arange(b.start, b.stop) for b in used])

    def potential(self, coefficients: Any, *, one_body: Mapping[str, float] | None = None, **header: Any) -> Potential:
        """Return the potential with these coefficients.

        Parameters
        ----------
        coefficients : (P,) array
            eV; the first ones are the one-body energies.
        one_body : dict
            One-body energies instead of those among the coefficients.
        **header
            ``date``, ``author``, ``citation``, ``training``, ``provenance`` of `Potential`.
        """
        c = np.asarray(coefficients, dtype=np.float64)
        if c.shape != (self.n_columns,):
            raise InputError(f"expected {self.n_columns} coefficients, found an array of shape {c.shape}")
        pairs: list[PairBlock] = []
        triplets: list[TripletBlock] = []
        for b in self.blocks:
            grid = b.expand(c[b.columns])
            if b.order == 2:
                pairs.append(
                    PairBlock(
                        (b.elements[0], b.elements[1]), b.knots[0], grid, b.cutoffs[0], b.leading_trim, b.trailing_trim
                    )
                )
            elif b.order == 3:
                i, j, k = b.elements
                x, y, z = b.knots
                triplets.append(
                    TripletBlock(
                        (i, j, k),
                        (x, y, z),
                        grid,
                        (b.cutoffs[0], b.cutoffs[1], b.cutoffs[2]),
                        b.leading_trim,
                        b.trailing_trim,
                    )
                )
        if one_body is None:
            one_body = dict(zip(self.elements, c[self.blocks[0].columns].tolist(), strict=True))
        return Potential(tuple(pairs), tuple(triplets), one_body, **header)

    def coefficients(self, potential: Potential) -> Vector:
        """Return the (P,) coefficients of a potential that has the knots of this basis.

        Raises
        ------
        InputError
            A block is missing or has other knots.
        """
        return np.concatenate([self.block_coefficients(block, potential) for block in self.blocks])

    def block_coefficients(self, block: ColumnBlock, potential: Potential) -> Vector:
        """Return the coefficients of a potential on the columns of one block.

        Raises
        ------
        InputError
            The potential lacks the block or has it with other knots.
        """
        if block.order == 1:
            return np.array([potential.one_body.get(element, 0.0) for element in block.elements])
        knots: tuple[Vector, ...]
        if block.order == 2:
            pair = potential.pair(block.elements[0], block.elements[1])
            knots, grid = (pair.knots,), pair.coefficients
        else:
            triplet = potential.triplet(block.elements[0], block.elements[1], block.elements[2])
            knots, grid = triplet.knots, triplet.coefficients
        if not all(map(_same_knots, block.knots, knots)):
            raise InputError(f"{potential.source}: block {block.name}: expected the knots of the basis, found others")
        return block.compress(grid)

    @cached_property
    def core(self) -> _core.Uf3Features:
        """The featuriser of the C++ core."""
        index = {element: number for number, element in enumerate(self.elements)}
        pairs, triplets = [], []
        for b in self.blocks:
            species = tuple(index[element] for element in b.elements)
            column = b.column_map.ravel().tolist()
            if b.order == 2:
                pairs.append((species, b.knots[0], b.cutoffs[0], column))
            elif b.order == 3:
                triplets.append((species, b.knots, b.cutoffs, column))
        return _core.Uf3Features(len(self.elements), pairs, triplets)


def _check_complete(elements: tuple[str, ...], blocks: Sequence[ColumnBlock]) -> None:
    if not elements or len(set(elements)) != len(elements):
        raise InputError(f"expected elements, each once, found {' '.join(elements) or 'none'}")
    found: set[tuple[str, ...]] = set()
    for b in blocks:
        if not set(b.elements) <= set(elements):
            raise InputError(f"block {b.name}: expected elements of {' '.join(elements)}")
        key = _unordered(b.elements)
        if key in found:
            raise InputError(f"block {b.name}: expected once, found twice")
        found.add(key)
    wanted = [_unordered((a, b)) for a in elements for b in elements]
    if any(b.order == 3 for b in blocks):
        wanted += [_unordered((a, b, c)) for a in elements for b in elements for c in elements]
    for key in wanted:
        if key not in found:
            names = " ".join(elements)
            raise InputError(f"expected a block for every pair and triplet of {names}, found none for {'-'.join(key)}")


def _unordered(elements: Sequence[str]) -> tuple[str, ...]:
    """Return a key under which the orders that mean the same block agree: the centre of a triplet stays first."""
    free = 1 if len(elements) == 3 else 0
    return (*elements[:free], *sorted(elements[free:]))


def _same_knots(a: Vector, b: Vector) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=1e-8))
