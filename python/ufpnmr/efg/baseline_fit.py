"""Ridge regression of the polarisable baseline, its strength chosen by cross-validation on whole groups.

The columns lie in a scratch file, structure by structure, and are read in blocks: memory does not grow with the set.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.baseline import MolecularBond, PairKernel, PolarisableBaseline
from ufpnmr.efg.baseline_kernel import Whitened, with_references
from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.fit_config import Baseline as BaselineConfig
from ufpnmr.efg.labels import LabelledTensors
from ufpnmr.efg.tensors import from_spherical, to_spherical
from ufpnmr.errors import InputError

__all__ = ["BaselineFit", "fit_polarisable"]

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class BaselineFit:
    """A fitted baseline and what it says about labels that it has not seen.

    Attributes
    ----------
    baseline : PolarisableBaseline
        Fitted to all structures.
    withheld : list of (n, 6) V/Å²
        Of each structure, predicted by a fit without its fold.
    record : dict
        Choice of the ridge, bonds found; JSON can hold it.
    """

    baseline: PolarisableBaseline
    withheld: list[Array]
    record: dict[str, Any]
    _columns: FeatureSet
    _size: Array
    _whitened: Whitened

    def refitted(self, structures: NDArray[np.intp]) -> tuple[Array, list[Array]]:
        """Return the coefficients (P,) of a fit to some structures and its tensors (n, 6) V/Å² of all of them."""
        w = _normal_equations(self._columns, structures).solve(self._size, self.record["regularisation"])
        return self._whitened.coefficients(w), _tensors(self._columns, lambda _: w)


def fit_polarisable(
    config: BaselineConfig,
    structures: Sequence[LabelledTensors],
    charges: dict[str, float],
    fold: NDArray[np.int64],
    scratch: str | Path | None = None,
) -> BaselineFit:
    """Fit the coefficients w that minimise Σ‖V - Σ_k w_k X_k‖² + λN Σ_k (s_k w_k)².

    s_k is the rms of column k; columns of the kernel are taken as `baseline_kernel.Whitened` says.

    Parameters
    ----------
    config : BaselineConfig
        Of ``kind = "polarisable"``.
    structures : sequence of LabelledTensors
    charges : dict of str to float
        Point charges fitted to the same labels, e, of every species; their field acts at the centres of the tensors.
    fold : (len(structures),) int
        Fold in which each structure is withheld; a group is in one fold only.
    scratch : path, optional
        Folder for the columns; the system's folder for temporary files if not given.

    Raises
    ------
    InputError
        A structure that is not periodic; a bond that no structure has.
    """
    for s in structures:
        if not all(s.atoms.pbc):
            raise InputError(f"{s.where}: the baseline needs a structure periodic in a, b and c, found {s.atoms.pbc}")
    empty, bonds = _with_lengths(config, structures, charges)
    empty = with_references(empty, config, [empty.pairs(*_arrays(s), s.centres) for s in structures])
    whitened = Whitened(empty)
    columns = _columns(empty, whitened, structures, scratch)
    sums = {int(f): _normal_equations(columns, np.flatnonzero(fold == f)) for f in np.unique(fold)}
    total = _added(sums.values())
    size = whitened.sizes(np.diag(total.gram) / total.count)
    strengths = np.sort(np.asarray(config.regularisation, dtype=np.float64))
    squares = np.zeros(len(strengths))
    for held in sums.values():
        rest = total.minus(held)
        squares += [held.squares(rest.solve(size, strength)) for strength in strengths]
    error = np.sqrt(squares / total.yy)
    best = float(strengths[error.argmin()])
    without = {f: total.minus(held).solve(size, best) for f, held in sums.items()}
    withheld = _tensors(columns, lambda k: without[int(fold[k])])
    baseline = dataclasses.replace(empty, coefficients=whitened.coefficients(total.solve(size, best)))
    record = {
        "kind": "polarisable",
        "columns": empty.size,
        "regularisation": best,
        "scan": [
            {"regularisation": float(strength), "relative_tensor_rmse": float(value)}
            for strength, value in zip(strengths, error, strict=True)
        ],
        "references": 0 if baseline.kernel is None else len(baseline.kernel.points),
        **bonds,
    }
    return BaselineFit(baseline, withheld, record, columns, size, whitened)


def _columns(
    empty: PolarisableBaseline,
    whitened: Whitened,
    structures: Sequence[LabelledTensors],
    scratch: str | Path | None,
) -> FeatureSet:
    """Return the columns of all labels as a set whose shards are the structures and which has no invariants."""
    columns: FeatureSet | None = None
    for k, s in enumerate(structures):
        X = np.moveaxis(whitened.columns(to_spherical(empty.columns(*_arrays(s), s.centres))), 1, 2)
        if columns is None:
            columns = FeatureSet(X.shape[2], 0, scratch)
        columns.append(X, np.empty((len(X), 0)), to_spherical(s.V), k)
    assert columns is not None
    columns.finish()
    return columns


def _tensors(columns: FeatureSet, coefficients: Callable[[int], Array]) -> list[Array]:
    """Return the tensors (n, 6) of each structure by the coefficients for it."""
    return [
        from_spherical(np.concatenate([X @ coefficients(k) for _, X, _ in columns.blocks([k])])) for k in columns.shards
    ]


@dataclasses.dataclass(frozen=True, eq=False)
class _NormalEquations:
    """Sums over the labels of a fold: XᵀX, Xᵀy, y·y and their number."""

    gram: Array
    moment: Array
    yy: float
    count: int

    def minus(self, other: _NormalEquations) -> _NormalEquations:
        return _NormalEquations(
            self.gram - other.gram, self.moment - other.moment, self.yy - other.yy, self.count - other.count
        )

    def solve(self, size: Array, strength: float) -> Array:
        scaled = self.gram / np.outer(size, size) + strength * self.count * np.eye(len(size))
        return np.asarray(np.linalg.solve(scaled, self.moment / size) / size)

    def squares(self, w: Array) -> float:
        """Σ‖y - X w‖² of this fold."""
        return float(self.yy - 2 * self.moment @ w + w @ self.gram @ w)


def _normal_equations(columns: FeatureSet, structures: Iterable[int]) -> _NormalEquations:
    """Sum over the labels of some structures, block by block."""
    gram, moment, yy, count = np.zeros((columns.q2, columns.q2)), np.zeros(columns.q2), 0.0, 0
    for rows, block, _ in columns.blocks(structures):
        X, y = block.reshape(-1, columns.q2), columns.y[rows].ravel()
        gram += X.T @ X
        moment += X.T @ y
        yy += float(y @ y)
        count += len(y)
    return _NormalEquations(gram, moment, yy, count)


def _added(parts: Any) -> _NormalEquations:
    parts = list(parts)
    return _NormalEquations(
        sum(part.gram for part in parts),
        sum(part.moment for part in parts),
        sum(part.yy for part in parts),
        sum(part.count for part in parts),
    )


def _with_lengths(
    config: BaselineConfig, structures: Sequence[LabelledTensors], charges: dict[str, float]
) -> tuple[PolarisableBaseline, dict[str, Any]]:
    """Return the baseline without coefficients, each bond with its mean length, and what was found."""
    named = tuple(MolecularBond(bond.centre, bond.ligand, bond.cutoff) for bond in config.bonds)
    shape = (config.first, config.cutoff, config.splines)
    kernel = PairKernel(config.kernel_cutoff) if config.references else None
    bare = PolarisableBaseline(
        tuple(charges), named, tuple(charges.values()), *shape, surroundings=config.surroundings, kernel=kernel
    )
    kinds, lengths, unbound = [], [], []
    for s in structures:
        kind, length, left_out = bare.bond_lengths(*_arrays(s))
        kinds.append(kind)
        lengths.append(length)
        unbound.append(left_out)
    kind, length = np.concatenate(kinds), np.concatenate(lengths)
    bonds = []
    for k, bond in enumerate(named):
        if not (kind == k).any():
            raise InputError(
                f"baseline.bonds: no {bond.ligand} lies within {bond.cutoff:g} Å of a {bond.centre} in any training "
                "structure; correct the elements or the cutoff"
            )
        bonds.append(dataclasses.replace(bond, length=float(length[kind == k].mean())))
    found = {
        "bonds": [{**dataclasses.asdict(b), "found": int((kind == k).sum())} for k, b in enumerate(bonds)],
        "ligands_without_centre": int(sum(unbound)),
        "structures_with_such": int(np.count_nonzero(unbound)),
    }
    return dataclasses.replace(bare, bonds=tuple(bonds)), found


def _arrays(s: LabelledTensors) -> tuple[Array, Array, list[str]]:
    return s.atoms.cell.array, s.atoms.positions, list(map(str, s.atoms.symbols))
