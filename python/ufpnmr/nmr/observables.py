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

__all__ = ["ALONG_FIELD", "OBSERVABLES", "Observable", "field_direction", "observable"]

FloatArray = npt.NDArray[np.float64]

OBSERVABLES = ("omega_q", "cq", "powder", "lab_1", "lab_2")

ALONG_FIELD = ("omega_q", "lab_1", "lab_2")
"""Those that depend on the direction of the field."""

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
    name : {"omega_q", "cq", "powder", "lab_1", "lab_2"}
        "lab_1" and "lab_2": the components with m = ±1 and ±2 of V along the field, √(2/3) κ V_m, which drive the
        relaxation of a single crystal (spec efg 6.9); that with m = 0 is ω_Q. Over all directions each of the three has
        the correlation function of "powder".
    nucleus : Isotope
    field : ndarray (3,)
        Unit vector; not for "cq" and "powder".
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
    if name in ("lab_1", "lab_2"):
        lab = abs(nucleus.coupling_khz * factor)
        return Observable(name, convention, unit, 2, lambda v: _lab_components(v, field, int(name[-1]), lab))
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


def _lab_components(
    tensors: npt.NDArray[np.floating], field: FloatArray, order: int, scale: float
) -> npt.NDArray[np.floating]:
    """Return √(2/3) `scale` times the two components V_±m (n, 2, T), m = `order`, in axes with z along the field."""
    first = np.cross(field, np.eye(3)[np.argmin(np.abs(field))])
    first /= np.linalg.norm(first)
    second = np.cross(field, first)

    def along(a: FloatArray, b: FloatArray) -> npt.NDArray[np.floating]:
        """a·V·b, (n, T)."""
        weights = np.array(
            [a[0] * b[0], a[1] * b[1], a[2] * b[2], *(a[i] * b[j] + a[j] * b[i] for i, j in ((0, 1), (0, 2), (1, 2)))]
        )
        return np.asarray((tensors @ weights.astype(tensors.dtype)).T)

    if order == 1:
        pair = [math.sqrt(2 / 3) * scale * along(axis, field) for axis in (first, second)]
    else:
        difference = 0.5 * (along(first, first) - along(second, second))
        pair = [math.sqrt(2 / 3) * scale * part for part in (difference, along(first, second))]
    return np.ascontiguousarray(np.stack(pair, axis=1))
