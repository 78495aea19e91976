"""Sparse models made elsewhere: from plain arrays to objects that predict the same numbers.

Such models have a hard cutoff, no radial scaling, features that are counted twice, a dense matrix behind the selection
and λ = 2 features normalised environment by environment. They are evaluated as they are, from finely tabulated radial
functions, because a sparse model can amplify errors of its descriptor a millionfold. That is slow, and the hard cutoff
makes tensors jump when an atom crosses it: for anything new, train a model with `ufp efg fit`.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr.efg.descriptor import Descriptor, SelectedFeatures
from ufpnmr.efg.kernels import coefficients
from ufpnmr.efg.labels import UNITS
from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.scalar import ScalarModel
from ufpnmr.errors import InputError, nearest

__all__ = ["Hyperparameters", "scalar_model", "tensor_model"]

Array = NDArray[np.float64]
_INTERVALS = 512
"""Table intervals per sigma: interpolation errors of about 1e-13 of the largest value."""


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """Descriptor of a model made elsewhere.

    Attributes
    ----------
    species : tuple of str
        In the order of the channels q = species n_max + n.
    cutoff, sigma : float
        Å. A program that works with exp(-α r²) has σ = 1/√(2α).
    n_max, l_max : int
    width : float
        Å, of a cosine cutoff; 0 for a hard one.
    centre_weight : float
    scaling : (float, float) or None
        Radial scaling, see `ufpnmr.efg.descriptor.Descriptor`.
    """

    species: tuple[str, ...]
    cutoff: float
    sigma: float
    n_max: int
    l_max: int
    width: float = 0.0
    centre_weight: float = 1.0
    scaling: tuple[float, float] | None = None

    def descriptor(self) -> Descriptor:
        """Return the descriptor, with a warning if its cutoff is hard."""
        if self.width == 0:
            warnings.warn(
                "hard cutoff: predictions jump when an atom crosses it, which a correlation function reads as motion",
                stacklevel=3,
            )
        return Descriptor(**dataclasses.asdict(self), intervals=_INTERVALS)


def tensor_model(
    hyperparameters: Hyperparameters,
    centres: Sequence[str],
    *,
    tensors: ArrayLike,
    invariants: ArrayLike,
    active_tensors: ArrayLike,
    active_invariants: ArrayLike,
    weights: ArrayLike,
    zeta: int,
    tensor_mixing: ArrayLike | None = None,
    invariant_mixing: ArrayLike | None = None,
    units: str = "V/Ang^2",
) -> EFGModel:
    """Return a sparse λ = 2 model that predicts Σ_j [P²(i) P²(j)ᵀ] [P⁰(i)·P⁰(j)]^(ζ-1) w_j.

    Parameters
    ----------
    hyperparameters : Hyperparameters
    centres : sequence of str
        Elements at which the model predicts.
    tensors, invariants : (F2, 4), (F0, 4) int
        l1, l2, q1, q2 of the selected features, each counted as often as it is listed.
    active_tensors : (M, 5, Q2)
        P² of the active environments: selected, mixed, divided by ‖P²P²ᵀ‖_F^½.
    active_invariants : (M, Q0)
        P⁰ of the active environments: selected, mixed, of unit norm.
    weights : (M, 5)
        Component order xy, yz, z², xz, x²-y².
    zeta : int
    tensor_mixing, invariant_mixing : (F2, Q2), (F0, Q0), optional
        Matrices applied to the selected columns; of a complex one the real part counts.
    units : str
        Unit of the predictions: "V/Ang^2" or "au".

    Raises
    ------
    InputError
        Arrays that do not belong together.

    Warns
    -----
    UserWarning
        A hard cutoff.
    """
    if units not in UNITS:
        raise InputError(f"units: expected V/Ang^2 or au, found {units!r}{nearest(units, UNITS)}")
    selected = _features(2, tensors, tensor_mixing), _features(0, invariants, invariant_mixing)
    A2, A0, w = (np.asarray(a, dtype=np.float64) for a in (active_tensors, active_invariants, weights))
    count = len(w)
    for name, array, shape in (
        ("active_tensors", A2, (count, 5, selected[0].size)),
        ("active_invariants", A0, (count, selected[1].size)),
        ("weights", w, (count, 5)),
    ):
        if array.shape != shape:
            raise InputError(f"{name}: expected shape {shape}, found {array.shape}")
    return EFGModel(
        descriptor=hyperparameters.descriptor(),
        centres=tuple(centres),
        tensors=selected[0],
        invariants=selected[1],
        coefficients=coefficients(w, A2, A0, zeta),
        zeta=zeta,
        scale=None,
        active=A0 if zeta > 2 else None,
        label_scale=UNITS[units],
        training={"origin": "arrays of a model made elsewhere", "active": count},
    )


def scalar_model(
    hyperparameters: Hyperparameters,
    centres: Sequence[str],
    *,
    invariants: ArrayLike,
    active: ArrayLike,
    weights: ArrayLike,
    zeta: int = 1,
    mean: float = 0.0,
    mixing: ArrayLike | None = None,
    summed: bool = False,
    name: str = "scalar",
    unit: str = "",
) -> ScalarModel:
    """Return a sparse λ = 0 model that predicts Σ_j [P⁰(i)·P⁰(j)]^ζ w_j plus a mean, of each centre or summed.

    Parameters
    ----------
    hyperparameters : Hyperparameters
    centres : sequence of str
    invariants : (F, 4) int
        l1, l2, q1, q2 of the selected features.
    active : (M, Q)
        P⁰ of the active environments: selected, mixed, of unit norm.
    weights : (M,)
    zeta : int
    mean : float
        Added to each centre, or once to a structure.
    mixing : (F, Q), optional
    summed : bool
        Whether the property belongs to the structure.
    name, unit : str
        What is predicted.

    Raises
    ------
    InputError
        Arrays that do not belong together.

    Warns
    -----
    UserWarning
        A hard cutoff.
    """
    features = _features(0, invariants, mixing)
    A, w = np.asarray(active, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if A.ndim != 2 or A.shape[1] != features.size:
        raise InputError(f"active: expected {features.size} invariants each, found shape {A.shape}")
    if w.shape != (len(A),):
        raise InputError(f"weights: expected {len(A)}, found shape {w.shape}")
    return ScalarModel(
        descriptor=hyperparameters.descriptor(),
        centres=tuple(centres),
        features=features,
        coefficients=coefficients(w[:, None], A[:, None], A, zeta),
        zeta=zeta,
        active=A if zeta > 2 else None,
        mean=mean,
        summed=summed,
        name=name,
        unit=unit,
        training={"origin": "arrays of a model made elsewhere", "active": len(A)},
    )


def _features(rank: int, channels: ArrayLike, mixing: ArrayLike | None) -> SelectedFeatures:
    matrix = None if mixing is None else np.ascontiguousarray(np.real(np.asarray(mixing)), dtype=np.float64)
    return SelectedFeatures(rank, np.asarray(channels), weighted=False, mixing=matrix)
