"""The prior of a spline fit as a quadratic penalty: (c - c0)^T Lambda (c - c0).

Lambda is the inverse covariance of a Gaussian prior and has one dense matrix per block of columns (spec uf3 5). With S
the symmetry map of a block (columns -> grid, `ColumnBlock.expand`), the forms are:

``differences`` (default)
    ridge: r I, so that sqrt(1/r) is the prior standard deviation of a coefficient in eV. curvature: c S^T D^T D S with
    D all second differences [1, -2, 1] along every axis of the full grid. The sum of the squared differences of each
    axis leaves only linear functions free; the square of their sum (the Laplacian) would also leave saddles free.
    Trimmed coefficients take part as the zeros they are; differences that touch a coefficient which can never act (no
    triangle, or beyond the cutoff) are left out, because its value means nothing.
``uf3``
    What the Python package UF3 does since 2023: the same ridge; curvature c M^T M with M = D S, where D has one row per
    kept coefficient: a pair's second difference, which at both ends of the axis becomes a first difference, or a
    triplet's graph Laplacian (neighbours minus the centre, neighbours beyond the grid left out).
``uf3-0.4.0``
    The release 0.4.0: (c K + r I)^T (c K + r I) with the strengths inside the square; K is minus the second difference
    of a pair; of a triplet it has -1 at the neighbours (periodic along r_jk), 2 on the diagonal, 1 where an end of r_ij
    or r_ik is near, and is cut to its first n grid points instead of the kept ones. Only to reproduce old fits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ufpnmr.errors import InputError, nearest
from ufpnmr.potential.columns import ColumnBlock, ColumnLayout

__all__ = ["Form", "Penalty", "Regularisation", "apply", "penalty", "quadratic", "symmetry_map", "uf3_sigmas"]

Vector = NDArray[np.float64]
Penalty = list[tuple[slice, Vector]]
Form = Literal["differences", "uf3", "uf3-0.4.0"]

_RIDGE = {1: 1e-4, 2: 1.0, 3: 100.0}
_CURVATURE = {2: 1.0, 3: 100.0}


@dataclasses.dataclass(frozen=True)
class Regularisation:
    """Strengths of the penalty by body order.

    Attributes
    ----------
    ridge : dict
        {1, 2, 3} -> 1/eV²: one over the prior variance of a coefficient. Orders left out keep the default: a standard
        deviation of 100 eV (one-body), 1 eV (pair) and 0.1 eV (triplet).
    curvature : dict
        {2, 3} -> 1/eV²: one over the prior variance of a second difference. Default 1 and 100.
    form : {"differences", "uf3", "uf3-0.4.0"}
        See the module.

    Raises
    ------
    InputError
        Another order or form, or a strength that is negative or not finite.
    """

    ridge: Mapping[int, float] = dataclasses.field(default_factory=dict)
    curvature: Mapping[int, float] = dataclasses.field(default_factory=dict)
    form: Form = "differences"

    def __post_init__(self) -> None:
        for name, defaults in (("ridge", _RIDGE), ("curvature", _CURVATURE)):
            given = {int(order): float(value) for order, value in getattr(self, name).items()}
            for order, value in given.items():
                if order not in defaults:
                    raise InputError(f"{name}: expected body orders {', '.join(map(str, defaults))}, found {order}")
                if not (np.isfinite(value) and value >= 0):
                    raise InputError(f"{name} of order {order}: expected a number of 0 or more, found {value}")
            object.__setattr__(self, name, {**defaults, **given})
        if self.form not in get_args(Form):
            raise InputError(
                f"form of the regularisation: expected one of {', '.join(get_args(Form))}, found {self.form!r}"
                f"{nearest(str(self.form), get_args(Form))}"
            )

    def scaled(self, kind: Literal["ridge", "curvature"], order: int, factor: float) -> Regularisation:
        """Return the same with one strength multiplied."""
        strengths = {**getattr(self, kind), order: getattr(self, kind)[order] * factor}
        if kind == "ridge":
            return dataclasses.replace(self, ridge=strengths)
        return dataclasses.replace(self, curvature=strengths)

    def to_dict(self) -> dict[str, Any]:
        """Return the strengths as JSON can hold them."""
        return {
            "ridge": {str(order): value for order, value in self.ridge.items()},
            "curvature": {str(order): value for order, value in self.curvature.items()},
            "form": self.form,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Regularisation:
        """Return what `to_dict` described."""
        return cls(**values)


def penalty(layout: ColumnLayout, regularisation: Regularisation) -> Penalty:
    """Return Lambda as its blocks: (columns, symmetric matrix in 1/eV²), one per block of the layout."""
    return [(block.columns, _block_penalty(block, regularisation)) for block in layout.blocks]


def apply(blocks: Penalty, values: Vector) -> Vector:
    """Return Lambda v of a (P,) vector."""
    out = np.zeros_like(values, dtype=np.float64)
    for columns, matrix in blocks:
        out[columns] = matrix @ values[columns]
    return out


def quadratic(blocks: Penalty, values: Vector) -> float:
    """Return v^T Lambda v of a (P,) vector: with v = c - c0, minus twice the logarithm of the prior."""
    return float(values @ apply(blocks, values))


def uf3_sigmas(energies: ArrayLike, forces: ArrayLike, weight: float = 0.5, form: Form = "uf3") -> tuple[float, float]:
    """Return the sigmas that weigh labels as the package UF3 does.

    UF3 multiplies squared errors of energies per atom by w / (N_E s_E^2) and those of force components by
    (1 - w) / (N_F s_F^2), s being the standard deviation of the labels; release 0.4.0 uses w^2 / (N_E s_E)^2
    and (1 - w)^2 / (N_F s_F)^2. These are no noise levels: a posterior from them needs another scale.

    Parameters
    ----------
    energies : (N_E,) array
        eV per atom.
    forces : (N_F,) array
        All components, eV/Å.
    weight : float
        w, above 0 and below 1; larger favours energies.
    form : {"uf3", "uf3-0.4.0"}
        Which release.

    Returns
    -------
    (float, float)
        Sigma of an energy per atom, eV, and of a force component, eV/Å.
    """
    if not 0 < weight < 1:
        raise InputError(f"weight: expected a number above 0 and below 1, found {weight}")
    shares = {"energies": (energies, weight), "forces": (forces, 1 - weight)}
    out = []
    for name, (values, share) in shares.items():
        labels = np.ravel(np.asarray(values, dtype=np.float64))
        spread = float(labels.std()) if len(labels) else 0.0
        if spread == 0:
            raise InputError(f"weight: expected {name} that differ, found {len(labels)} without spread; give sigmas")
        out.append(
            spread * len(labels) / share if form == "uf3-0.4.0" else spread * float(np.sqrt(len(labels) / share))
        )
    return out[0], out[1]


def _block_penalty(block: ColumnBlock, regularisation: Regularisation) -> Vector:
    ridge, curvature = regularisation.ridge[block.order], regularisation.curvature.get(block.order, 0.0)
    identity = np.eye(block.n_columns)
    if regularisation.form == "uf3-0.4.0":
        root = ridge * identity
        if block.order > 1:
            root = root + curvature * _root_of_040(block)
        return np.asarray(root.T @ root)
    out = ridge * identity
    if block.order > 1 and curvature > 0:
        rows = _differences(block) if regularisation.form == "differences" else _kept_laplacian(block)
        folded = rows @ symmetry_map(block)
        out += curvature * (folded.T @ folded).toarray()
    return out


def symmetry_map(block: ColumnBlock) -> sparse.csr_array:
    """Return S, (grid points, columns): the sparse matrix of `ColumnBlock.expand`."""
    column = block.column_map.ravel()
    (points,) = np.nonzero(column >= 0)
    return sparse.csr_array((np.ones(len(points)), (points, column[points])), shape=(column.size, block.n_columns))


def _differences(block: ColumnBlock) -> sparse.csr_array:
    """All second differences between grid points that are free or trimmed to zero."""
    valid = (block.column_map >= 0) | _trimmed(block)
    stencils = []
    for axis, count in enumerate(block.shape):
        inside = np.moveaxis(valid, axis, 0)
        whole = np.moveaxis(inside[:-2] & inside[1:-1] & inside[2:], 0, axis)
        stencils.append(_along(block.shape, axis, _second_difference(count))[np.flatnonzero(whole)])
    return sparse.csr_array(sparse.vstack(stencils))


def _second_difference(count: int) -> sparse.csr_array:
    return sparse.csr_array(sparse.diags_array([1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(max(count - 2, 0), count)))


def _trimmed(block: ColumnBlock) -> NDArray[np.bool_]:
    out = np.zeros(block.shape, dtype=bool)
    for axis, count in enumerate(block.shape):
        number = np.arange(count)
        ends = (number < block.leading_trim) | (number >= count - block.trailing_trim)
        out |= ends.reshape([-1 if a == axis else 1 for a in range(len(block.shape))])
    return out


def _kept_laplacian(block: ColumnBlock) -> sparse.csr_array:
    """Graph Laplacian of the grid: all rows of a pair, those of the kept coefficients of a triplet."""
    total = sparse.csr_array((int(np.prod(block.shape)),) * 2)
    for axis in range(len(block.shape)):
        total = total + _along(block.shape, axis, _path_laplacian(block.shape[axis]))
    if block.order == 2:
        return total
    return sparse.csr_array(total)[np.ravel_multi_index(tuple(block.index.T), block.shape)]


def _along(shape: tuple[int, ...], axis: int, matrix: sparse.csr_array) -> sparse.csr_array:
    """Return the matrix that acts along one axis of a flattened grid."""
    before, after = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
    return sparse.csr_array(sparse.kron(sparse.kron(sparse.eye_array(before), matrix), sparse.eye_array(after)))


def _path_laplacian(count: int) -> sparse.csr_array:
    out = sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(count, count)).tolil()
    out[0, 0] = out[count - 1, count - 1] = -1.0
    return sparse.csr_array(out)


def _root_of_040(block: ColumnBlock) -> Vector:
    if block.order == 2:
        kept = block.index[:, 0]
        return np.asarray(-_path_laplacian(block.shape[0]).toarray()[np.ix_(kept, kept)])
    neighbours = sparse.csr_array((int(np.prod(block.shape)),) * 2)
    for axis, count in enumerate(block.shape):
        step = sparse.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(count, count)).tolil()
        if axis == 2:
            step[0, count - 1] = step[count - 1, 0] = 1.0
        neighbours = neighbours + _along(block.shape, axis, sparse.csr_array(step))
    centre = np.full(block.shape, 2.0)
    centre[[0, -1]] = centre[:, [0, -1]] = 1.0
    first = block.n_columns
    return np.asarray((sparse.diags_array(centre.ravel()) - neighbours).tocsr()[:first, :first].toarray())
