"""Normal equations in a file, so that a later fit adds its structures to them (HDF5, lower triangles).

The basis of the later fit may have more blocks, as when an element is added; the blocks of the file must be among them
with the same knots.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.potential.core_repulsion import Coverage
from ufpnmr.potential.gram import Kind, NormalEquations

__all__ = ["read_equations", "write_equations"]

_SCHEMA, _VERSION = "ufpnmr normal equations", 1


def write_equations(
    path: str | Path,
    equations: NormalEquations,
    basis: SplineBasis,
    covered: Mapping[str, Coverage],
    provenance: dict[str, Any],
) -> None:
    """Write normal equations and the distances that their structures hold; an existing file is replaced whole."""
    import h5py

    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with h5py.File(partial, "w") as file:
        file.attrs["schema"], file.attrs["schema_version"] = _SCHEMA, _VERSION
        file.attrs["blocks"] = json.dumps([_describe(block) for block in basis.blocks])
        file.attrs["structures"] = equations.structures
        file.attrs["coverage"] = json.dumps([c.to_dict() for c in covered.values()])
        file.attrs["provenance"] = json.dumps(provenance)
        for name, kind in equations.kinds.items():
            group = file.create_group(name)
            group["columns"] = kind.columns
            group["gram"] = kind.gram[np.tril_indices(len(kind.columns))]
            group["rhs"] = kind.rhs
            group.attrs["yy"], group.attrs["rows"] = kind.yy, kind.rows
    partial.replace(path)


def read_equations(path: str | Path, basis: SplineBasis) -> tuple[NormalEquations, dict[str, Coverage]]:
    """Read normal equations as those of `basis`, and the distances that their structures hold.

    Raises
    ------
    InputError
        Not such a file, or a block that the basis lacks or has with other knots, cutoffs or trims.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected normal equations of an earlier fit (NAME.gram.h5)")
    if not h5py.is_hdf5(path):
        raise InputError(f"{path}: expected normal equations (HDF5), found another format or a truncated file")
    with h5py.File(path, "r") as file:
        if file.attrs.get("schema") != _SCHEMA:
            raise InputError(f"{path}: expected {_SCHEMA}, found {file.attrs.get('schema') or 'no schema attribute'}")
        if int(file.attrs["schema_version"]) > _VERSION:
            raise InputError(f"{path}: version {file.attrs['schema_version']} is newer than this ufpnmr reads")
        place = _places(path, json.loads(file.attrs["blocks"]), basis.blocks)
        out = NormalEquations.empty(basis)
        out.structures = int(file.attrs["structures"])
        for name, kind in out.kinds.items():
            if name in file:
                _add(kind, file[name], place)
        covered = [Coverage.from_dict(values) for values in json.loads(file.attrs["coverage"])]
    return out, {c.pair: c for c in covered}


def _add(kind: Kind, group: Any, place: NDArray[np.intp]) -> None:
    columns = place[group["columns"][()]]
    where = np.searchsorted(kind.columns, columns)
    count = len(columns)
    gram = np.zeros((count, count))
    gram[np.tril_indices(count)] = group["gram"][()]
    if np.all(np.diff(where) > 0):
        kind.gram[np.ix_(where, where)] += gram
    else:  # blocks in another order: a lower triangle may land above the diagonal
        full = gram + np.tril(gram, -1).T
        moved = np.zeros_like(kind.gram)
        moved[np.ix_(where, where)] = full
        kind.gram += np.tril(moved)
    kind.rhs[where] += group["rhs"][()]
    kind.yy += float(group.attrs["yy"])
    kind.rows += int(group.attrs["rows"])


def _describe(block: ColumnBlock) -> dict[str, Any]:
    """Return what must agree for two blocks to have the same columns."""
    return {
        "name": block.name,
        "elements": list(block.elements),
        "order": block.order,
        "knots": [axis.tolist() for axis in block.knots],
        "cutoffs": list(block.cutoffs),
        "trims": [block.leading_trim, block.trailing_trim],
        "columns": block.n_columns,
    }


def _places(path: Path, stored: Sequence[dict[str, Any]], blocks: Sequence[ColumnBlock]) -> NDArray[np.intp]:
    """Return where each column of the file is in the basis."""
    mine = {(block.order, block.name): block for block in blocks}
    places: list[int] = []
    for old in stored:
        new = mine.get((old["order"], old["name"]))
        if new is None:
            raise InputError(f"{path}: block {old['name']} is not in this fit; add its elements or leave the file out")
        if old["order"] == 1:
            missing = set(old["elements"]) - set(new.elements)
            if missing:
                raise InputError(f"{path}: element {missing.pop()} is not in this fit; add it or leave the file out")
            places += [new.start + new.elements.index(element) for element in old["elements"]]
            continue
        if {**_describe(new), "elements": old["elements"]} != old:
            raise InputError(
                f"{path}: block {old['name']} has other knots, cutoffs or trims than in this fit; use those of the "
                "earlier fit or leave the file out"
            )
        places += range(new.start, new.stop)
    return np.array(places, dtype=np.intp)
