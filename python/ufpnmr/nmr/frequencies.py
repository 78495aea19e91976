"""Quadrupolar frequencies, couplings and angles from electric field gradient tensors.

Every function takes V as (..., 6) columns xx yy zz xy xz yz or as (..., 3, 3), in V/Å², symmetric and traceless, and
works through large arrays in chunks. Conventions: docs/nmr.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError, nearest
from ufpnmr.isotopes import Isotope
from ufpnmr.isotopes import isotope as find_isotope

__all__ = [
    "CONVENTIONS",
    "ORDERINGS",
    "PrincipalAxes",
    "angles",
    "convention_factor",
    "coupling",
    "levels",
    "nu_q",
    "omega_q",
    "principal_axes",
    "quadrupolar_product",
    "unit_field",
]

FloatArray = npt.NDArray[np.float64]

CONVENTIONS = {
    "harper2025": "kHz",
    "splitting": "kHz",
    "satellite": "kHz",
    "satellite_rad": "rad/s",
    "splitting_rad": "rad/s",
}
"""Convention -> unit of the number that `omega_q` returns; "splitting" is another name of "harper2025"."""

ORDERINGS = ("haeberlen", "nqr")

_CHUNK = 1 << 16
_TRACE_TOLERANCE = 1e-3
_VANISHING_EFG = 1e-8  # V/Å², about 1 mHz for 7Li: below this there is no axis to speak of
_VANISHING_ETA = 1e-5  # the x axis of a tensor stored in single precision is noise below this


def unit_field(field: npt.ArrayLike) -> FloatArray:
    """Return the unit vector (3,) along the magnetic field."""
    vector = np.asarray(field, dtype=np.float64)
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else math.nan
    if not math.isfinite(length) or length == 0:
        raise InputError(f"expected the field direction as three numbers, not all zero, found {field!r}")
    return np.asarray(vector / length, dtype=np.float64)


def _check_choice(what: str, value: str, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise InputError(f"expected {what} to be one of {', '.join(valid)}, found {value!r}{nearest(value, valid)}")


def convention_factor(convention: str, spin: float) -> float:
    """Return ω_Q in the unit of a convention for κ b·V·b = 1 kHz and a spin I (spec 5.4).

    The transition m -> m - 1 is at κ b·V·b 3(2m - 1)/[4I(2I - 1)]; "satellite" is the innermost one, m = 3/2 for
    half-integer and m = 1 for integer spin: 1/2 for I = 3/2, 3/4 for I = 1, 3/20 for I = 5/2.

    Parameters
    ----------
    convention : str
        One of `CONVENTIONS`.
    spin : float
        Nuclear spin I >= 1.
    """
    _check_choice("convention", convention, tuple(CONVENTIONS))
    m = 1.5 if round(2 * spin) % 2 else 1.0
    factor = 3 * (2 * m - 1) / (4 * spin * (2 * spin - 1)) if convention.startswith("satellite") else 1.0
    return factor * 2e3 * math.pi if convention.endswith("_rad") else factor


def six_columns(tensors: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Return tensors (..., 6) or (..., 3, 3) as columns xx yy zz xy xz yz (..., 6), of the same precision."""
    array = np.asarray(tensors)
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    if array.shape[-2:] == (3, 3):
        size = np.abs(array).max(initial=0.0)
        if np.abs(array - np.swapaxes(array, -1, -2)).max(initial=0.0) > _TRACE_TOLERANCE * size:
            raise InputError("expected symmetric tensors, found V(a,b) and V(b,a) that differ by more than 0.1 %")
        return np.asarray(array[..., (0, 1, 2, 0, 0, 1), (0, 1, 2, 1, 2, 2)])
    if array.ndim == 0 or array.shape[-1] != 6:
        raise InputError(f"expected tensors of shape (..., 6) or (..., 3, 3), found {array.shape}")
    return array


def _by_chunks(
    tensors: npt.ArrayLike, widths: tuple[int, ...], function: Callable[[FloatArray], tuple[FloatArray, ...]]
) -> list[FloatArray]:
    """Apply `function` (n, 6) -> arrays (n, width) to chunks; width 0 means (n,). Not-finite tensors give NaN."""
    six = six_columns(tensors)
    flat = six.reshape(-1, 6)
    results = [np.empty((len(flat), width) if width else len(flat)) for width in widths]
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        chunk = flat[part].astype(np.float64)
        known = np.isfinite(chunk).all(axis=1)
        chunk[~known] = 0.0
        trace = np.abs(chunk[:, :3].sum(axis=1)).max(initial=0.0)
        if trace > _TRACE_TOLERANCE * np.abs(chunk).max(initial=0.0):
            raise InputError(
                f"expected traceless tensors, found a trace of {trace:.3g} V/Å²; subtract a third from xx, yy, zz"
            )
        for result, value in zip(results, function(chunk), strict=True):
            value[~known] = np.nan
            result[part] = value
    lead = six.shape[:-1]
    return [result.reshape(lead + result.shape[1:]) for result in results]


def _along_field(field: npt.ArrayLike) -> FloatArray:
    x, y, z = unit_field(field)
    return np.array([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z])


def omega_q(
    V: npt.ArrayLike,
    isotope: str | Isotope = "7Li",
    field: npt.ArrayLike = (0.0, 0.0, 1.0),
    convention: str = "harper2025",
) -> FloatArray:
    """Return the quadrupolar frequency for a magnetic field along `field`.

    ω_Q = (C_Q/2)(3cos²θ - 1 - η sin²θ cos2φ) = κ b·V·b with κ = eQ/h (Harper 2025 eq. 2), times the factor of the
    convention (`convention_factor`). No diagonalisation is needed.

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    isotope : str or Isotope
        See `ufpnmr.isotopes.isotope`.
    field : array_like (3,)
        Direction of the magnetic field in the axes of V, of any length.
    convention : str
        "harper2025" (splitting of the two satellites, kHz), "satellite" (offset of one satellite, kHz),
        "satellite_rad" or "splitting_rad" (rad/s). Only "satellite_rad" belongs inside sin(ω t).

    Returns
    -------
    ndarray (...), kHz or rad/s
    """
    nucleus = find_isotope(isotope)
    weights = _along_field(field) * (nucleus.coupling_khz * convention_factor(convention, nucleus.spin))
    return _by_chunks(V, (0,), lambda chunk: (chunk @ weights,))[0]


def levels(V: npt.ArrayLike, isotope: str | Isotope = "7Li", field: npt.ArrayLike = (0.0, 0.0, 1.0)) -> FloatArray:
    """Return the first-order quadrupolar shifts of the Zeeman levels.

    E_m/h = κ b·V·b [3m² - I(I + 1)]/[4I(2I - 1)] (spec 5.4).

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    isotope : str or Isotope
    field : array_like (3,)
        Direction of the magnetic field in the axes of V.

    Returns
    -------
    ndarray (..., 2I + 1), kHz
        For m = I, I - 1, ..., -I.
    """
    nucleus = find_isotope(isotope)
    spin = nucleus.spin
    m = spin - np.arange(round(2 * spin) + 1)
    shape = (3 * m**2 - spin * (spin + 1)) / (4 * spin * (2 * spin - 1))
    return np.asarray(np.multiply.outer(omega_q(V, nucleus, field), shape))


def _norm2(chunk: FloatArray) -> FloatArray:
    """V:V of each tensor; the off-diagonal components count twice."""
    return np.asarray(np.einsum("nk,nk,k->n", chunk, chunk, np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])))


def largest_principal_value(chunk: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return V_zz (n,), V/Å², and η (n,) of traceless tensors (n, 6) in closed form.

    The roots of the characteristic cubic are 2p cos(α/3 + 2πk/3), p² = V:V/6, cos α = ``|det V|``/(2p³): the largest
    has the sign of the determinant, and η = √3 tan(α/3). η near 0 is exact to 1e-8 only, because α is the arc cosine
    of nearly 1.
    """
    xx, yy, zz, xy, xz, yz = chunk.T
    determinant = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    p = np.sqrt(_norm2(chunk) / 6)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.where(p > 0, np.abs(determinant) / (2 * p**3), 1.0)
    third = np.arccos(np.minimum(cosine, 1.0)) / 3
    return np.copysign(2 * p * np.cos(third), determinant), np.minimum(math.sqrt(3) * np.tan(third), 1.0)


def coupling(
    V: npt.ArrayLike, isotope: str | Isotope = "7Li", ordering: str = "haeberlen"
) -> tuple[FloatArray, FloatArray]:
    """Return the quadrupolar coupling constant and the asymmetry parameter.

    C_Q = e Q V_zz/h with V_zz the largest principal value in magnitude, η = ``|V_xx - V_yy|/|V_zz|`` in [0, 1]. Both
    are the same in the two orderings, which only exchange the names of the x and y axes; `ordering` is checked so
    that a script can name it once for this function, `principal_axes` and `angles`. The sign of C_Q is ill-defined as
    η -> 1: use its magnitude in summaries.

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    isotope : str or Isotope
    ordering : {"haeberlen", "nqr"}

    Returns
    -------
    C_Q : ndarray (...), kHz, signed
    eta : ndarray (...), NaN where V vanishes
    """
    _check_choice("ordering", ordering, ORDERINGS)
    kappa = find_isotope(isotope).coupling_khz

    def evaluate(chunk: FloatArray) -> tuple[FloatArray, FloatArray]:
        v_zz, eta = largest_principal_value(chunk)
        eta[np.abs(v_zz) <= _VANISHING_EFG] = np.nan
        return kappa * v_zz, eta

    c_q, eta = _by_chunks(V, (0, 0), evaluate)
    return c_q, eta


def quadrupolar_product(V: npt.ArrayLike, isotope: str | Isotope = "7Li") -> FloatArray:
    """Return P_Q = C_Q √(1 + η²/3), with the sign of C_Q; P_Q² = (2/3) κ² V:V (spec 5.4).

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    isotope : str or Isotope

    Returns
    -------
    ndarray (...), kHz
    """
    kappa = find_isotope(isotope).coupling_khz

    def evaluate(chunk: FloatArray) -> tuple[FloatArray]:
        return (np.copysign(np.sqrt(_norm2(chunk) * (2 / 3)), largest_principal_value(chunk)[0]) * kappa,)

    return _by_chunks(V, (0,), evaluate)[0]


def nu_q(V: npt.ArrayLike, isotope: str | Isotope = "7Li") -> FloatArray:
    """Return ν_Q = 3 C_Q/[2I(2I - 1)], which is C_Q/2 for I = 3/2.

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    isotope : str or Isotope

    Returns
    -------
    ndarray (...), kHz
    """
    nucleus = find_isotope(isotope)
    return coupling(V, nucleus)[0] * (3 / (2 * nucleus.spin * (2 * nucleus.spin - 1)))


class PrincipalAxes(NamedTuple):
    """Principal axes of tensors."""

    values: FloatArray
    """(..., 3) V_xx, V_yy, V_zz in V/Å²."""
    vectors: FloatArray
    """(..., 3, 3) axes x, y, z as columns, determinant +1."""
    eta: FloatArray
    """(...) asymmetry parameter."""
    defined: npt.NDArray[np.bool_]
    """(...) False where the tensor vanishes or is not finite; everything else is NaN there."""


def principal_axes(V: npt.ArrayLike, ordering: str = "haeberlen") -> PrincipalAxes:
    """Diagonalise tensors.

    "haeberlen": ``|V_zz| >= |V_xx| >= |V_yy|``, η = (V_yy - V_xx)/V_zz, the ordering that goes with Harper 2025 eq. 2;
    "nqr": ``|V_zz| >= |V_yy| >= |V_xx|``, η = (V_xx - V_yy)/V_zz (spec 5.3).

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    ordering : {"haeberlen", "nqr"}

    Returns
    -------
    PrincipalAxes
    """
    _check_choice("ordering", ordering, ORDERINGS)
    order = (1, 0, 2) if ordering == "haeberlen" else (0, 1, 2)

    def evaluate(chunk: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        matrix = chunk[:, (0, 3, 4, 3, 1, 5, 4, 5, 2)].reshape(-1, 3, 3)
        values, vectors = np.linalg.eigh(matrix)
        rank = np.argsort(np.abs(values), axis=1, kind="stable")[:, order]
        values = np.take_along_axis(values, rank, axis=1)
        vectors = np.take_along_axis(vectors, rank[:, None, :], axis=2)
        vectors[:, :, 1] *= np.sign(np.linalg.det(vectors))[:, None]
        vanishing = np.abs(values[:, 2]) <= _VANISHING_EFG
        values[vanishing] = np.nan
        vectors[vanishing] = np.nan
        return values, vectors.reshape(-1, 9), np.abs(values[:, 0] - values[:, 1]) / np.abs(values[:, 2])

    values, vectors, eta = _by_chunks(V, (3, 9, 0), evaluate)
    return PrincipalAxes(values, vectors.reshape(*vectors.shape[:-1], 3, 3), eta, np.isfinite(eta))


def angles(
    V: npt.ArrayLike, field: npt.ArrayLike = (0.0, 0.0, 1.0), ordering: str = "haeberlen", fold: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Return the polar angles of the magnetic field in the principal-axis system of each tensor.

    b_PAS = Rᵀ b with R the matrix of eigenvectors. The signs of eigenvectors are arbitrary and ω_Q depends on the
    octant only, so `fold` maps both angles to [0, π/2].

    Parameters
    ----------
    V : array_like (..., 6) or (..., 3, 3)
        Electric field gradient, V/Å².
    field : array_like (3,)
        Direction of the magnetic field in the axes of V.
    ordering : {"haeberlen", "nqr"}
        With "haeberlen" the angles are those of Harper 2025 eq. 2.
    fold : bool
        Map θ and φ to [0, π/2]; otherwise θ in [0, π], φ in (-π, π].

    Returns
    -------
    theta, phi : ndarray (...), rad
        NaN where the tensor vanishes; φ also where η -> 0 and the x axis is arbitrary.
    """
    b = unit_field(field)
    axes = principal_axes(V, ordering)
    in_axes = np.einsum("...ab,a->...b", axes.vectors, b)
    if fold:
        in_axes = np.abs(in_axes)
    x, y, z = in_axes[..., 0], in_axes[..., 1], in_axes[..., 2]
    theta = np.arctan2(np.hypot(x, y), z)
    phi = np.where(axes.eta < _VANISHING_ETA, np.nan, np.arctan2(y, x))
    return theta, phi
