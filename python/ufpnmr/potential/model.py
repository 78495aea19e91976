"""A potential as a value: blocks of knots and coefficients, and what it gives for a structure.

Energy (spec uf3 1, after Xie, Rupp, Hennig, npj Comput. Mater. 9, 162 (2023), eqs 1-8)::

    E = sum_i e1[t_i] + sum_i sum_{j != i} V2(r_ij) + sum_i sum_{{j,k}} V3(r_ij, r_ik, r_jk)

Pairs are ordered (each bond counts twice), each pair of neighbours counts once per centre. V2 and V3 are cubic
B-splines, and tensor products of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.errors import DomainError, InputError, nearest

if TYPE_CHECKING:
    from ase import Atoms

    from ufpnmr.potential.basis import SplineBasis
    from ufpnmr.potential.calculator import SplineCalculator
    from ufpnmr.potential.posterior import Posterior
    from ufpnmr.potential.uncertainty import Deviations

__all__ = ["Evaluation", "PairBlock", "Potential", "TripletBlock"]

Vector = NDArray[np.float64]
MissingTriplets = Literal["error", "zero"]


def _frozen(values: Any) -> Vector:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


@dataclasses.dataclass(frozen=True, eq=False)
class PairBlock:
    """The two-body term of one pair of elements.

    Attributes
    ----------
    elements : (str, str)
        Element symbols; the order has no meaning.
    knots : (K,) array
        Å, not decreasing.
    coefficients : (K - 4,) array
        eV; trimmed ones are present as zeros.
    cutoff : float
        Å; the term counts for r < cutoff.
    leading_trim, trailing_trim : int
        How many coefficients the fit held at zero; information only.
    """

    elements: tuple[str, str]
    knots: Vector
    coefficients: Vector
    cutoff: float
    leading_trim: int = 0
    trailing_trim: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        object.__setattr__(self, "knots", _frozen(self.knots))
        object.__setattr__(self, "coefficients", _frozen(self.coefficients))
        object.__setattr__(self, "cutoff", float(self.cutoff))

    @property
    def name(self) -> str:
        """The elements, joined: ``"Li-S"``."""
        return "-".join(self.elements)


@dataclasses.dataclass(frozen=True, eq=False)
class TripletBlock:
    """The three-body term of a centre i and an unordered pair of neighbours j, k.

    Attributes
    ----------
    elements : (str, str, str)
        Centre, j, k.
    knots : tuple of three (K,) arrays
        Å, of r_ij, r_ik, r_jk.
    coefficients : (L, M, N) array
        eV, axes r_ij, r_ik, r_jk; symmetric in the first two if j and k are one element.
    cutoffs : (float, float, float)
        Å, of r_ij, r_ik, r_jk.
    leading_trim, trailing_trim : int
        How many coefficients of every axis the fit held at zero; information only.
    """

    elements: tuple[str, str, str]
    knots: tuple[Vector, Vector, Vector]
    coefficients: Vector
    cutoffs: tuple[float, float, float]
    leading_trim: int = 0
    trailing_trim: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        object.__setattr__(self, "knots", tuple(_frozen(axis) for axis in self.knots))
        object.__setattr__(self, "coefficients", _frozen(self.coefficients))
        object.__setattr__(self, "cutoffs", tuple(float(c) for c in self.cutoffs))

    @property
    def name(self) -> str:
        """The elements, joined, centre first: ``"P-S-S"``."""
        return "-".join(self.elements)

    def exchanged(self) -> TripletBlock:
        """Return the same term with j and k listed in the other order: c'[m][l][n] = c[l][m][n]."""
        i, j, k = self.elements
        ij, ik, jk = self.knots
        c_ij, c_ik, c_jk = self.cutoffs
        return dataclasses.replace(
            self,
            elements=(i, k, j),
            knots=(ik, ij, jk),
            coefficients=self.coefficients.transpose(1, 0, 2),
            cutoffs=(c_ik, c_ij, c_jk),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a potential gives for one structure.

    Attributes
    ----------
    energy : float
        eV.
    forces : (N, 3) array
        eV/Å.
    stress : (6,) array or None
        eV/Å³, xx yy zz yz xz xy, ASE sign (positive under tension); None if the cell has no volume.
    energies : (N,) array
        eV; a pair term half to each atom, a triplet a third, a one-body energy to its atom.
    short_contacts : int
        Pairs closer than the first knot, where the energy is a continuation.
    closest : (int, int, float) or None
        The closest of those: its atoms and distance in Å.
    deviations : Deviations or None
        Calibrated standard deviations, where they were asked for.
    """

    energy: float
    forces: Vector
    stress: Vector | None
    energies: Vector
    short_contacts: int
    closest: tuple[int, int, float] | None
    deviations: Deviations | None = None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Potential:
    """A two- and three-body spline potential.

    Attributes
    ----------
    pairs : tuple of PairBlock
        Two-body terms.
    triplets : tuple of TripletBlock
        Three-body terms; empty for a pair potential.
    one_body : dict
        Energy of an isolated atom of each element, eV. Empty: the energies of this potential have no offset.
    date, author, citation : str
        Header of the ``.uf3`` file.
    training : dict
        Training record: data, weights, errors, coverage; also what a UF3 JSON file holds beyond the model.
    provenance : dict
        See `ufpnmr.provenance.collect`.
    records : tuple of str
        Other ``#UFP`` lines of the file, kept word for word.
    source : str
        File it was read from.
    posterior_file : Path or None
        What its fit left open (``NAME.posterior.h5`` beside ``NAME.uf3``), if there is such a file.

    Raises
    ------
    InputError
        Wrong counts, decreasing knots, a number that is not finite, an asymmetric block, a block given twice.
    """

    pairs: tuple[PairBlock, ...]
    triplets: tuple[TripletBlock, ...] = ()
    one_body: Mapping[str, float] = dataclasses.field(default_factory=dict)
    date: str = "none"
    author: str = "ufpnmr"
    citation: str = "none"
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    records: tuple[str, ...] = ()
    source: str = "potential"
    posterior_file: Path | None = None

    def __post_init__(self) -> None:
        for name in ("pairs", "triplets", "records"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "one_body", {str(e): float(v) for e, v in self.one_body.items()})
        try:
            _core.validate_uf3(self.to_core(), self.source)
        except _core.DomainError as error:
            raise InputError(str(error)) from None

    @property
    def elements(self) -> tuple[str, ...]:
        """Element symbols in order of first appearance."""
        names = [e for pair in self.pairs for e in pair.elements]
        names += [e for triplet in self.triplets for e in triplet.elements]
        return tuple(dict.fromkeys([*names, *self.one_body]))

    @property
    def n_coefficients(self) -> int:
        """Number of coefficients, trimmed ones included."""
        return sum(b.coefficients.size for b in self.pairs) + sum(b.coefficients.size for b in self.triplets)

    @property
    def degree(self) -> int:
        """2 for a pair potential, 3 with three-body terms."""
        return 3 if self.triplets else 2

    @property
    def cutoff(self) -> float:
        """Largest distance from a centre that matters, Å."""
        return max([b.cutoff for b in self.pairs] + [c for b in self.triplets for c in b.cutoffs[:2]])

    @property
    def notes(self) -> list[str]:
        """What a user should know: attractive walls, energies that jump at short range, legs that uf3 would cut."""
        names = [e for e in self.elements if any(e in b.elements for b in self.pairs)]
        return list(self._folded(tuple(names), self.degree, False, "zero").notes)

    def pair(self, a: str, b: str) -> PairBlock:
        """Return the two-body term of elements `a` and `b`, in either order.

        Raises
        ------
        InputError
            No such block.
        """
        for block in self.pairs:
            if sorted(block.elements) == sorted((a, b)):
                return block
        raise InputError(f"{self.source}: no 2B block {a}-{b}; there are {', '.join(b.name for b in self.pairs)}")

    def triplet(self, centre: str, j: str, k: str) -> TripletBlock:
        """Return the three-body term of `centre` with neighbours `j` and `k`, its axes in this order.

        Raises
        ------
        InputError
            No such block.
        """
        for block in self.triplets:
            if block.elements == (centre, j, k):
                return block
            if block.elements == (centre, k, j):
                return block.exchanged()
        raise InputError(
            f"{self.source}: no 3B block {centre}-{j}-{k}; there are {', '.join(b.name for b in self.triplets)}"
        )

    def curve(self, a: str, b: str, distance: Any) -> tuple[Vector, Vector]:
        """Return V2 and its derivative at some distances, the continuation below the first knot included.

        Parameters
        ----------
        a, b : str
            Elements.
        distance : (M,) array
            Å.

        Returns
        -------
        value : (M,) array
            eV; a bond contributes twice this.
        derivative : (M,) array
            eV/Å.
        """
        self.pair(a, b)
        names = tuple(dict.fromkeys((a, b)))
        model = self._folded(names, 2, False, "error")
        value, slope = model.pair(0, names.index(b), np.asarray(distance, dtype=np.float64).ravel())
        return value, slope

    def evaluate(
        self,
        atoms: Atoms,
        onebody: bool = True,
        *,
        uncertainty: bool = False,
        missing3b: MissingTriplets = "error",
        threads: int = 0,
    ) -> Evaluation:
        """Energy, forces, stress and per-atom energies of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            Any cell and periodicity, also cells smaller than the cutoff.
        onebody : bool
            Add the one-body energies, if the potential has any. ``pair_style ufp`` leaves them out unless told
            ``onebody yes``.
        uncertainty : bool
            Also give standard deviations, calibrated on structures that the fit did not see. Needs the posterior.
        missing3b : {"error", "zero"}
            What a three-body block that the structure needs and the potential lacks means.
        threads : int
            OpenMP threads; 0 follows OMP_NUM_THREADS.

        Raises
        ------
        InputError
            An element that the potential does not know, a missing block, or no posterior for an uncertainty.
        DomainError
            Two atoms on one point, or a cell without volume.
        """
        symbols = [str(symbol) for symbol in atoms.symbols]
        names = tuple(dict.fromkeys(symbols))
        for name in names:
            if name not in self.elements:
                hint = nearest(name, self.elements)
                raise InputError(
                    f"{self.source}: expected atoms of {' '.join(self.elements)}, found {name} "
                    f"(atom {symbols.index(name)}){hint}"
                )
        index = {name: i for i, name in enumerate(names)}
        try:
            model = self._folded(names, self.degree, onebody and bool(self.one_body), missing3b)
            out = model.evaluate(
                np.array([index[s] for s in symbols], dtype=np.intc),
                atoms.positions,
                atoms.cell.array,
                atoms.pbc,
                threads,
            )
        except _core.DomainError as error:
            raise DomainError(str(error)) from None
        volume = abs(np.linalg.det(atoms.cell.array))
        xx, yy, zz, xy, xz, yz = out["virial"]
        stress = -np.array([xx, yy, zz, yz, xz, xy]) / volume if volume > 0 else None
        return Evaluation(
            out["energy"],
            out["forces"],
            stress,
            out["energies"],
            out["short_contacts"],
            out["closest"],
            self._deviations(atoms, threads) if uncertainty else None,
        )

    def _deviations(self, atoms: Atoms, threads: int) -> Deviations:
        from ufpnmr.potential.uncertainty import deviations

        basis, posterior = self._posterior
        return deviations(posterior, basis, atoms, threads=threads)

    @cached_property
    def _posterior(self) -> tuple[SplineBasis, Posterior]:
        from ufpnmr.potential.basis import SplineBasis
        from ufpnmr.potential.posterior_file import load

        if self.posterior_file is None:
            raise InputError(
                f"{self.source}: no posterior beside it (NAME.posterior.h5), so no uncertainty; `ufp fit` writes one"
            )
        basis = SplineBasis.of(self)
        return basis, load(self.posterior_file, basis, basis.coefficients(self))

    def calculator(self, **options: Any) -> SplineCalculator:
        """Return an ASE calculator; see `SplineCalculator` for the options."""
        from ufpnmr.potential.calculator import SplineCalculator

        return SplineCalculator(self, **options)

    @classmethod
    def read(cls, path: str | Path) -> Potential:
        """Read a ``.uf3`` file or a UF3 JSON model (told apart by their contents).

        Raises
        ------
        InputError
            ``file:line: expected ..., found ...``.
        """
        from ufpnmr.potential import formats

        return formats.read(Path(path))

    def write(self, path: str | Path, *, force: bool = False, allow_unloadable: bool = False) -> None:
        """Write ``NAME.uf3`` or UF3 JSON ``NAME.json``.

        Parameters
        ----------
        path : path
            The suffix decides the format.
        force : bool
            Replace an existing file.
        allow_unloadable : bool
            Also write a ``.uf3`` that LAMMPS's own ``pair_style uf3`` cannot load (``pair_style ufp`` can).

        Raises
        ------
        InputError
            The file exists, an unknown suffix, or a potential that ``pair_style uf3`` cannot load.
        """
        from ufpnmr.potential import formats

        formats.write(self, Path(path), force=force, allow_unloadable=allow_unloadable)

    def to_core(self) -> _core.Uf3Potential:
        """Return the value the C++ core works on."""
        from ufpnmr.potential import formats

        return formats.to_core(self)

    @cached_property
    def _models(self) -> dict[tuple[Any, ...], _core.Uf3Model]:
        return {}

    def _folded(self, names: tuple[str, ...], degree: int, onebody: bool, missing3b: MissingTriplets) -> _core.Uf3Model:
        if missing3b not in ("error", "zero"):
            raise InputError(f"missing3b: expected 'error' or 'zero', found {missing3b!r}")
        key = (names, degree, onebody, missing3b)
        if key not in self._models:
            try:
                self._models[key] = _core.Uf3Model(self.to_core(), list(names), degree, onebody, missing3b == "zero")
            except _core.DomainError as error:
                raise InputError(f"{self.source}: {error}") from None
        return self._models[key]

    def __repr__(self) -> str:
        first = _span(b.knots[0] for b in self.pairs)
        one_body = ", ".join(f"{e} {v:.4f}" for e, v in self.one_body.items()) or "none"
        lines = [
            f"Potential {self.source}: {' '.join(self.elements)}",
            f"  {len(self.pairs)} pair and {len(self.triplets)} triplet blocks, {self.n_coefficients} coefficients",
            f"  pair cutoff {_span(b.cutoff for b in self.pairs)} Å, first knot {first} Å",
        ]
        if self.triplets:
            legs = _span(c for b in self.triplets for c in b.cutoffs[:2])
            lines.append(f"  triplet legs {legs} Å, opposite side {_span(b.cutoffs[2] for b in self.triplets)} Å")
        lines.append(f"  one-body energies (eV): {one_body}")
        lines.append(f"  date {self.date}, author {self.author}, citation {self.citation}")
        if self.training:
            lines.append(f"  training record: {', '.join(self.training)}")
        return "\n".join(lines)


def _span(values: Any) -> str:
    values = [float(v) for v in values]
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
