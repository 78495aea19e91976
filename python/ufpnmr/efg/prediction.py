"""How a model reaches the compiled prediction kernel, and the proof that the kernel says what the model means."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.efg.engine import Precision
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.efg.model import EFGModel

__all__ = ["compilable", "compiled", "deviation", "proven_precision"]

_WARN, _REFUSE = 1e-4, 1e-2
"""Deviation from the stored check environments, in units of the label scale (spec 3.3)."""


def compilable(model: EFGModel) -> bool:
    """Whether the kernel knows all that the model does: no mixing, weights of 1.6, one global scale of P²."""
    plain = all(features.weighted and features.mixing is None for features in (model.tensors, model.invariants))
    return plain and model.scale is not None


def compiled(model: EFGModel, coefficients: NDArray[np.float64], precision: Precision) -> Any:
    """Return the kernel for coefficients (A, Q2), or (K, A, Q2) for several members; it predicts V/Å²."""
    assert model.scale is not None
    try:
        return _core.EFGPredictor(
            model.descriptor.spec,
            model.tensors.channels,
            model.invariants.channels,
            coefficients * (model.scale * model.label_scale),
            model.zeta,
            model.active,
            precision,
        )
    except _core.DomainError as error:
        raise InputError(f"the model cannot be evaluated: {error}") from None


def proven_precision(model: EFGModel, wanted: Precision) -> Precision:
    """Return the precision in which the model reproduces its check environments.

    Raises
    ------
    InputError
        Neither does: the file and this program do not mean the same model.

    Warns
    -----
    UserWarning
        Single precision is not good enough; double precision is used.
    """
    off = deviation(model, wanted)
    if wanted == "single" and _WARN < off <= _REFUSE:
        warnings.warn(
            f"single precision deviates by {off:.1g} of the label scale from the model's check environments; "
            "double precision is used",
            stacklevel=2,
        )
        return proven_precision(model, "double")
    if off > _REFUSE:
        raise InputError(
            f"the model predicts its own check environments wrongly, by {off:.2g} of the label scale; it was "
            "damaged, or written by a program with other conventions"
        )
    return wanted


def deviation(model: EFGModel, precision: Precision) -> float:
    """Return the largest deviation of a component from the check environments, in units of the label scale."""
    worst = 0.0
    kernel = compiled(model, model.coefficients, precision)
    for check in model.checks:
        frame = check.frame
        types = model.descriptor.types(frame.elements)
        V = kernel.predict(types, frame.positions, frame.cell, frame.periodic, check.centres, 1)
        worst = max(worst, float(np.abs(V - check.expected).max()) / model.label_scale)
    return worst
