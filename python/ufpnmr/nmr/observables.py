"""What is correlated: series of numbers made from tensors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError, nearest
from ufpnmr.isotopes import Isotope
from ufpnmr.nmr.frequencies import CONVENTIONS, convention_factor, coupling, omega_q, unit_field

__all__ = ["OBSERVABLES", "Observable", "field_direction", "observable"]

FloatArray = npt.NDArray[np.float64]

OBSERVABLES = ("omega_q", "cq", "powder")

_FRAMES_AT_ONCE = 256  # small enough that a transposition stays in the cache


@dataclasses.dataclass(frozen=True)
class Observable:
    """An observable of a tensor series.

    Attributes
    ----------
    name : str
        One of `OBSERVABLES`.
    convention : str
        Convention of ω_Q, or which C_Q.
    unit : str
        Unit of the observable.
    components : int
        Numbers per tensor.
    evaluate : callable
        Tensors (T, n, 6) in V/Å² -> series (n, components, T), whose scalar product is correlated.
    """

    name: str
    convention: str
    unit: str
    components: int
    evaluate: Callable[[npt.NDArray[np.floating]], npt.NDArray[np.floating]]


def field_direction(field: str | npt.ArrayLike, cell: npt.ArrayLike | None) -> FloatArray:
    """Return the unit vector (3,) of a field given as a vector or as "a", "b", "c", a lattice vector of the mean cell.

    Parameters
    ----------
    field : str or array_like (3,)
    cell : array_like (T, 3, 3) or (3, 3), Å, or None
        Rows a, b, c.
    """
    if not isinstance(field, str):
        return unit_field(field)
    if field not in ("a", "b", "c"):
        raise InputError(f"expected the field as three numbers or as a, b or c, found {field!r}")
    if cell is None:
        raise InputError(f"field along {field} needs the cell, and the tensor series has none; give three numbers")
    rows = np.asarray(cell, dtype=np.float64).reshape(-1, 3, 3).mean(axis=0)
    return unit_field(rows["abc".index(field)])


def observable(name: str, nucleus: Isotope, field: FloatArray, convention: str, signed: bool) -> Observable:
    """Return an observable by name.

    Parameters
    ----------
    name : {"omega_q", "cq", "powder"}
    nucleus : Isotope
    field : ndarray (3,)
        Unit vector; only for "omega_q".
    convention : str
        See `ufpnmr.nmr.omega_q`; not for "cq".
    signed : bool
        Keep the sign of C_Q.
    """
    if name not in OBSERVABLES:
        raise InputError(
            f"expected observable to be one of {', '.join(OBSERVABLES)}, found {name!r}{nearest(name, OBSERVABLES)}"
        )
    factor, unit = convention_factor(convention, nucleus.spin), CONVENTIONS[convention]
    if name == "omega_q":
        return Observable(name, convention, unit, 1, lambda v: omega_q(v, nucleus, field, convention).T[:, None, :])
    if name == "cq":

        def couplings(v: npt.NDArray[np.floating]) -> FloatArray:
            c_q = coupling(v, nucleus)[0].T[:, None, :]
            return np.asarray(c_q if signed else np.abs(c_q))

        return Observable(name, "signed C_Q" if signed else "|C_Q|", "kHz", 1, couplings)
    scale = math.sqrt(2 / 15) * abs(nucleus.coupling_khz * factor)
    return Observable(name, convention, unit, 5, lambda v: _five_components(v, scale))


def _five_components(tensors: npt.NDArray[np.floating], scale: float) -> npt.NDArray[np.floating]:
    """Return `scale` times five components (n, 5, T) whose scalar product is V:W (spec 4), in the precision of V."""
    n_frames, n_ions = tensors.shape[:2]
    result: npt.NDArray[Any] = np.empty((n_ions, 5, n_frames), dtype=tensors.dtype)
    root2, root3_2, root1_2 = (tensors.dtype.type(scale * math.sqrt(x)) for x in (2.0, 1.5, 0.5))
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        xx, yy, zz, xy, xz, yz = tensors[start : start + _FRAMES_AT_ONCE].transpose(2, 1, 0)
        out = result[:, :, start : start + _FRAMES_AT_ONCE]
        out[:, 0] = root3_2 * zz
        out[:, 1] = root1_2 * (xx - yy)
        for k, offdiagonal in enumerate((xy, xz, yz), start=2):
            out[:, k] = root2 * offdiagonal
    return result
