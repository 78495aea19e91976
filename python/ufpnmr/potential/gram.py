"""Normal equations of the regression, added up structure by structure; features are never stored.

For every kind of label the Gram matrix G = sum w x x^T, the right-hand side b = sum w x y and the sums needed for
errors. Kinds stay apart, so that weights can be changed and parts added without reading a structure again (spec
uf3 5). Forces are kept per element: the columns of blocks without that element are zero in its rows and are left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from ufpnmr import _core
from ufpnmr.errors import DomainError, InputError
from ufpnmr.potential.basis import CORE_VIRIAL_OF_STRESS, SplineBasis
from ufpnmr.potential.solve import residual_square
from ufpnmr.structures import LabelledStructure

__all__ = ["Kind", "NormalEquations", "Target", "accumulate"]

Vector = NDArray[np.float64]

_ROWS_PER_TILE = 1500  # enough for the matrix product to run at full speed, 40 MB at 3,400 columns


@dataclasses.dataclass(frozen=True, eq=False)
class Target:
    """One labelled structure of a regression.

    Attributes
    ----------
    structure : LabelledStructure
        The structure and its labels; those that are None are left out.
    weights : dict
        Factor of the squared residuals by ``"energy"``, ``"forces"``, ``"stress"``; 1 where absent.
    """

    structure: LabelledStructure
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(eq=False)
class Kind:
    """The sums of one kind of label.

    Attributes
    ----------
    columns : (Q,) int array
        Which columns of the basis the rows can have.
    gram : (Q, Q) array
        sum w x x^T; the lower triangle is valid.
    rhs : (Q,) array
        sum w x y.
    yy : float
        sum w y².
    rows : int
        Number of rows.
    """

    columns: NDArray[np.intp]
    gram: Vector
    rhs: Vector
    yy: float = 0.0
    rows: int = 0

    @classmethod
    def empty(cls, columns: NDArray[np.intp]) -> Kind:
        """Return zero sums for some columns."""
        return cls(columns, np.zeros((len(columns), len(columns))), np.zeros(len(columns)))

    def add_rows(self, x: Vector, y: Vector) -> None:
        """Add rows (R, Q) and their labels (R,), both multiplied by the square root of their weights."""
        if len(y) == 0:
            return
        # BLAS sees the transposed matrices: the lower triangle of ours is the upper one of its
        self.gram = dsyrk(1.0, x.T, beta=1.0, c=self.gram.T, lower=0, overwrite_c=1).T
        self.rhs += x.T @ y
        self.yy += float(y @ y)
        self.rows += len(y)

    def total(self) -> tuple[Vector, Vector, float, int]:
        """Return the four sums."""
        return self.gram, self.rhs, self.yy, self.rows

    def error(self, coefficients: Vector) -> float:
        """Return sum w (x c - y)² for coefficients (P,) of the whole basis."""
        return residual_square(self.gram, self.rhs, self.yy, coefficients[self.columns])


@dataclasses.dataclass(eq=False)
class NormalEquations:
    """Sums over labelled structures for one basis.

    Energies enter per atom (rows and labels divided by N), forces by component, stress as the virial per atom, eV.

    Attributes
    ----------
    n_columns : int
        Columns of the basis.
    kinds : dict
        ``"energy"``, ``"stress"`` and ``"forces:Li"`` etc. -> `Kind`.
    structures : int
        How many structures are in it.
    """

    n_columns: int
    kinds: dict[str, Kind]
    structures: int = 0

    @classmethod
    def empty(cls, basis: SplineBasis) -> NormalEquations:
        """Return zero sums."""
        everything = np.arange(basis.n_columns)
        kinds = {"energy": Kind.empty(everything), "stress": Kind.empty(everything)}
        kinds |= {f"forces:{e}": Kind.empty(basis.force_columns(e)) for e in basis.elements}
        return cls(basis.n_columns, kinds)

    def __iadd__(self, other: NormalEquations) -> NormalEquations:
        """Add the sums of other structures (same basis)."""
        if other.n_columns != self.n_columns or other.kinds.keys() != self.kinds.keys():
            raise InputError("expected normal equations of the same basis, found those of another one")
        for name, kind in self.kinds.items():
            more = other.kinds[name]
            kind.gram += more.gram
            kind.rhs += more.rhs
            kind.yy += more.yy
            kind.rows += more.rows
        self.structures += other.structures
        return self

    def total(self, sigma: Mapping[str, float]) -> Kind:
        """Return the weighted sum of all kinds.

        Parameters
        ----------
        sigma : dict
            Standard deviation of the labels: ``"energy"`` eV/atom, ``"forces"`` eV/Å, ``"stress"`` eV/atom (virial);
            ``"forces:Li"`` overrides ``"forces"`` for an element.

        Returns
        -------
        Kind
            Over all columns.
        """
        out = Kind.empty(np.arange(self.n_columns))
        for name, kind in self.kinds.items():
            weight = float(sigma.get(name, sigma[name.split(":")[0]])) ** -2
            if len(kind.columns) == self.n_columns:
                out.gram += weight * kind.gram
            else:
                out.gram[np.ix_(kind.columns, kind.columns)] += weight * kind.gram
            out.rhs[kind.columns] += weight * kind.rhs
            out.yy += weight * kind.yy
            out.rows += kind.rows
        return out


def accumulate(
    basis: SplineBasis, targets: Iterable[Target], *, threads: int = 0, into: NormalEquations | None = None
) -> NormalEquations:
    """Add structures to the normal equations, some at a time.

    Parameters
    ----------
    basis : SplineBasis
        Columns.
    targets : iterable of Target
        Labelled structures.
    threads : int
        OpenMP threads of the features; 0 follows OMP_NUM_THREADS. The matrix products follow the BLAS library.
    into : NormalEquations
        Add to these instead of new ones.

    Raises
    ------
    InputError
        An element that is not in the basis, or an array of labels of the wrong shape.
    """
    out = NormalEquations.empty(basis) if into is None else into
    waiting: list[Target] = []
    rows = 0
    for target in targets:
        waiting.append(target)
        rows += 3 * len(target.structure.atoms) + 7
        if rows >= _ROWS_PER_TILE:
            _add_tile(out, basis, waiting, threads)
            waiting, rows = [], 0
    if waiting:
        _add_tile(out, basis, waiting, threads)
    return out


def _add_tile(out: NormalEquations, basis: SplineBasis, targets: Sequence[Target], threads: int) -> None:
    structures = [basis.structure(target.structure.atoms) for target in targets]
    species = [structure[0] for structure in structures]
    energy = np.zeros((len(targets), basis.n_columns))
    virial = np.zeros((6 * len(targets), basis.n_columns))
    forces = [
        np.zeros((3 * sum(int((s == number).sum()) for s in species), len(out.kinds[f"forces:{element}"].columns)))
        for number, element in enumerate(basis.elements)
    ]
    try:
        basis.core.tiles(structures, energy, virial, forces, threads)
    except _core.DomainError as error:
        raise DomainError(str(error)) from None

    per_atom = [1 / len(s) for s in species]
    labels = [_label(target, "energy", ()) for target in targets]
    _add_weighted(out.kinds["energy"], energy, labels, per_atom)
    labels = [_label(target, "stress", (6,)) for target in targets]
    volumes = [abs(np.linalg.det(target.structure.atoms.cell.array)) for target in targets]
    virials = [
        (-value[list(CORE_VIRIAL_OF_STRESS)] * volume, weight)
        for (value, weight), volume in zip(labels, volumes, strict=True)
    ]
    _add_weighted(out.kinds["stress"], virial, virials, per_atom)
    labels = [_label(target, "forces", (len(s), 3)) for target, s in zip(targets, species, strict=True)]
    for number, element in enumerate(basis.elements):
        mine = [(value[s == number], weight) for (value, weight), s in zip(labels, species, strict=True)]
        _add_weighted(out.kinds[f"forces:{element}"], forces[number], mine, [1.0] * len(targets))
    out.structures += len(targets)


def _label(target: Target, kind: str, shape: tuple[int, ...]) -> tuple[Vector, float]:
    """Return a label and its weight; zeros without weight where there is none."""
    value = getattr(target.structure, kind)
    if value is None:
        return np.zeros(shape), 0.0
    array = np.asarray(value, dtype=np.float64)
    if array.shape != shape:
        raise InputError(f"{target.structure.where}: {kind}: expected shape {shape}, found {array.shape}")
    return array, target.weights.get(kind, 1.0)


def _add_weighted(kind: Kind, rows: Vector, labels: Sequence[tuple[Vector, float]], scales: Sequence[float]) -> None:
    """Add rows and labels times a scale per structure; those without weight are left out."""
    counts = [value.size for value, _ in labels]
    weight = np.repeat([weight for _, weight in labels], counts)
    factor = np.sqrt(weight) * np.repeat(scales, counts)
    y = np.concatenate([value.ravel() for value, _ in labels]) * factor
    used = weight > 0
    if not used.all():
        rows, y, factor = rows[used], y[used], factor[used]
    if np.any(factor != 1.0):
        rows *= factor[:, None]
    kind.add_rows(rows, y)
