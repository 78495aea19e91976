"""The posterior beside a potential: ``NAME.posterior.h5``, next to ``NAME.uf3``.

A file holds the factor in single precision: its whole triangle, or, where that is too large to ship, the directions at
both ends of its spectrum (`LowRank`). What this does to standard deviations is measured when it is made and stored: the
median and largest relative error over three kinds of rows, called ``training`` (Gaussian rows with the second moments
of the fit, A), ``isotropic`` (Gaussian rows with independent columns of the fit's size, far outside of it) and
``given`` (rows of the caller), and for a low rank the ``least`` and ``largest`` ratio that any row can have.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.potential.calibration import Calibration
from ufpnmr.potential.columns import ColumnLayout
from ufpnmr.potential.posterior import Factor, LowRank, Posterior, Triangle, fingerprint

__all__ = ["compressed", "load", "save"]

Vector = NDArray[np.float64]

_SCHEMA, _VERSION = "ufpnmr.posterior", 1
_PROBES = 64


def compressed(
    posterior: Posterior, max_bytes: int = 5_000_000, *, rank: int | None = None, probes: Vector | None = None
) -> Posterior:
    """Return a posterior in the form in which it will be stored, with its loss measured.

    Parameters
    ----------
    posterior : Posterior
        With the whole triangle.
    max_bytes : int
        The triangle in single precision is kept if it is not larger; else as many directions as fit.
    rank : int
        Number of directions, instead.
    probes : (R, P) array
        Feature rows, e.g. of withheld structures, for which the loss is measured too.

    Raises
    ------
    InputError
        A posterior that is low-rank already, or no room for a single direction.
    """
    if not isinstance(posterior.factor, Triangle):
        raise InputError("posterior: expected the whole triangle, found a low-rank form; compress the one of the fit")
    size = posterior.factor.size
    if rank is None and 2 * size * (size + 1) > max_bytes:
        rank = (max_bytes - 16 * size - 65536) // (4 * size)
    factor: Factor
    if rank is None or rank >= size:
        factor, loss = Triangle(posterior.factor.lower.astype(np.float32)), {}
    elif rank < 1:
        raise InputError(f"posterior: {max_bytes} bytes hold no direction of {size} columns; allow more")
    else:
        exact = LowRank.of(posterior.factor, rank)
        factor = dataclasses.replace(exact, vectors=exact.vectors.astype(np.float32))
        loss = {"least": exact.bounds[0], "largest": exact.bounds[1]}
    out = dataclasses.replace(posterior, factor=factor)
    generator = np.random.default_rng(0)
    lower = np.tril(posterior.factor.lower)
    scaled = {"isotropic": generator.normal(size=(_PROBES, size))}
    scaled["training"] = generator.normal(size=(_PROBES, size)) @ lower.T
    if probes is not None:
        scaled["given"] = np.asarray(probes, dtype=np.float64) * posterior.scale
    for name, rows in scaled.items():
        error = np.abs(_norms(factor, rows) / _norms(posterior.factor, rows) - 1)
        loss[f"{name} median"], loss[f"{name} largest"] = float(np.median(error)), float(error.max())
    return dataclasses.replace(out, loss=loss)


def save(
    posterior: Posterior,
    path: str | Path,
    layout: ColumnLayout,
    *,
    force: bool = False,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write a posterior; a kill leaves either the old file or the new one.

    Parameters
    ----------
    posterior : Posterior
        As fitted (its triangle is then rounded to single precision) or `compressed`.
    path : path
        ``NAME.posterior.h5``.
    layout : ColumnLayout
        Its columns.
    force : bool
        Replace an existing file.
    provenance : dict
        See `ufpnmr.provenance.collect`.
    """
    import h5py

    path = Path(path)
    if path.exists() and not force:
        raise InputError(f"{path} exists; give another name or force=True to overwrite")
    partial = path.with_name(path.name + ".partial")
    factor = posterior.factor
    with h5py.File(partial, "w") as file:
        file.attrs.update(
            schema=_SCHEMA,
            schema_version=_VERSION,
            form="triangle" if isinstance(factor, Triangle) else "low-rank",
            sigma0=posterior.sigma0,
            fingerprint=fingerprint(layout, posterior.coefficients),
            columns=len(posterior.coefficients),
            calibration=json.dumps({kind: c.to_dict() for kind, c in posterior.calibration.items()}),
            loss=json.dumps(dict(posterior.loss)),
            provenance=json.dumps(dict(provenance or {})),
        )
        file.create_dataset("scale", data=posterior.scale).attrs["unit"] = "eV"
        packing: dict[str, Any] = {"compression": "gzip", "shuffle": True}
        if isinstance(factor, Triangle):
            packed = factor.lower[np.tril_indices(factor.size)].astype(np.float32)
            file.create_dataset("triangle", data=packed, **packing)
        elif isinstance(factor, LowRank):
            file.create_dataset("vectors", data=factor.vectors.astype(np.float32), **packing)
            file.create_dataset("values", data=factor.values)
            file.attrs.update(rest=factor.rest, bounds=factor.bounds)
    partial.replace(path)


def load(path: str | Path, layout: ColumnLayout, coefficients: Vector) -> Posterior:
    """Read the posterior of a potential.

    Parameters
    ----------
    path : path
        ``NAME.posterior.h5``.
    layout : ColumnLayout
        Columns of the potential.
    coefficients : (P,) array
        Its coefficients.

    Raises
    ------
    InputError
        No such file, not a posterior, a newer version, or the posterior of another potential.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the posterior beside its potential; a fit writes both")
    if not h5py.is_hdf5(path):
        raise InputError(f"{path}: expected a {_SCHEMA} file (HDF5), found another format or a truncated file")
    with h5py.File(path, "r") as file:
        attributes = dict(file.attrs)
        if attributes.get("schema") != _SCHEMA:
            raise InputError(
                f"{path}: expected a {_SCHEMA} file, found {attributes.get('schema') or 'no schema attribute'}"
            )
        if int(attributes["schema_version"]) > _VERSION:
            raise InputError(
                f"{path}: {_SCHEMA} version {attributes['schema_version']} is newer than this ufpnmr reads ({_VERSION})"
            )
        _check(path, attributes, layout, coefficients)
        factor: Factor
        if attributes["form"] == "triangle":
            lower = np.zeros((layout.n_columns,) * 2, dtype=np.float32)
            lower[np.tril_indices(layout.n_columns)] = file["triangle"][()]
            factor = Triangle(lower)
        else:
            low, high = (float(b) for b in attributes["bounds"])
            factor = LowRank(file["vectors"][()], file["values"][()], float(attributes["rest"]), (low, high))
        scale = file["scale"][()]
    calibration = json.loads(attributes["calibration"])
    return Posterior(
        coefficients=np.array(coefficients, dtype=np.float64),
        scale=scale,
        factor=factor,
        sigma0=float(attributes["sigma0"]),
        calibration={kind: Calibration(**fields) for kind, fields in calibration.items()},
        loss=json.loads(attributes["loss"]),
    )


def _check(path: Path, attributes: Mapping[str, Any], layout: ColumnLayout, coefficients: Vector) -> None:
    if int(attributes["columns"]) != layout.n_columns:
        raise InputError(
            f"{path}: belongs to another potential: expected {layout.n_columns} columns as this potential has, found "
            f"{attributes['columns']}; take the file that was written with the potential, or fit again"
        )
    own = fingerprint(layout, coefficients)
    if attributes["fingerprint"] != own:
        raise InputError(
            f"{path}: belongs to another potential: expected the coefficients' hash {own[:12]}, found "
            f"{attributes['fingerprint'][:12]}; take the file that was written with the potential, or fit again"
        )


def _norms(factor: Factor, rows: Vector) -> Vector:
    return np.asarray(np.linalg.norm(factor.whiten(rows), axis=1))
