"""A model beside labels that it has not seen: every number and figure of a report comes from here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.baseline import Baseline, PolarisableBaseline
from ufpnmr.efg.labels import LabelledColumns, LabelledTensors
from ufpnmr.efg.metrics import TensorErrors, bootstrap_intervals
from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.tensors import to_voigt6
from ufpnmr.errors import InputError
from ufpnmr.isotopes import Isotope

__all__ = ["Evaluation", "evaluate"]

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions beside labels.

    Attributes
    ----------
    errors : TensorErrors
    structure : (M,) int
        Structure of each label.
    kinds : dict of str to (M,) bool
        Labels of each configuration type and kind of site.
    isotope : Isotope
        Whose quadrupole moment sets the kHz.
    record : dict
        What a report says; JSON can hold it.
    sigma : (M,) V/Å², or None
        Stated standard deviation of a spherical component.
    """

    errors: TensorErrors
    structure: NDArray[np.int64]
    kinds: Mapping[str, NDArray[np.bool_]]
    isotope: Isotope
    record: dict[str, Any]
    sigma: Array | None = None


def evaluate(
    model: EFGModel,
    structures: Sequence[LabelledTensors],
    isotope: Isotope,
    *,
    samples: int = 400,
    seed: int = 0,
    coordination: Mapping[str, float] | None = None,
) -> Evaluation:
    """Predict labelled structures and compare.

    Parameters
    ----------
    model : EFGModel
    structures : sequence of LabelledTensors
    isotope : Isotope
    samples, seed : int
        Resamples of the structures for the 95 % intervals, and the seed.
    coordination : mapping, optional
        Element -> radius (Å): labels are also told apart by the number of such neighbours, e.g. ``{"S": 3.3}``.

    Raises
    ------
    InputError
        No structures, or species that the model does not know.
    """
    if not structures:
        raise InputError("expected labelled structures to compare with, found none")
    predicted, sigma = [], []
    for s in structures:
        try:
            if model.committee is None:
                V = model.predict(s.atoms, s.centres.tolist())
            else:
                V, deviation = model.predict_with_error(s.atoms, s.centres.tolist())
                sigma.append(deviation)
        except InputError as error:
            raise InputError(f"{s.where}: {error}") from None
        predicted.append(to_voigt6(V))
    structure = np.repeat(np.arange(len(structures)), [len(s.centres) for s in structures])
    errors = TensorErrors.compare(
        np.concatenate(predicted), np.concatenate([s.V for s in structures]), isotope.quadrupole_moment_mb
    )
    kinds = _kinds(structures, coordination or {})
    record: dict[str, Any] = {
        "isotope": str(isotope),
        "structures": len(structures),
        "environments": len(structure),
        "metrics": errors.summary(),
        "by_kind": {name: _by_kind(errors, mask) for name, mask in kinds.items()},
        "score_cdf": _cdf(errors),
    }
    if len(structures) > 1:
        record["intervals_95"] = dict(bootstrap_intervals(errors, structure, samples, seed))
    deviation_of_all = np.concatenate(sigma) if sigma else None
    if deviation_of_all is not None:
        record["uncertainty"] = _uncertainty(errors, deviation_of_all)
    charges = model.training.get("point_charges")
    if charges and all(all(s.atoms.pbc) for s in structures):
        record["point_charges"] = _point_charges(charges, structures, isotope)
    if isinstance(model.baseline, PolarisableBaseline):
        record["baseline"] = _beneath(model.baseline, structures, isotope)
    return Evaluation(errors, structure, kinds, isotope, record, deviation_of_all)


def _by_kind(errors: TensorErrors, mask: NDArray[np.bool_]) -> dict[str, float]:
    rows = np.flatnonzero(mask)
    cq_reference, cq = (np.abs(errors.kappa) * _largest(V[rows]) for V in (errors.reference, errors.predicted))
    return {
        "environments": len(rows),
        **errors.summary(rows),
        "mean_cq_khz": float(np.mean(cq)),
        "mean_cq_reference_khz": float(np.mean(cq_reference)),
    }


def _largest(V: Array) -> Array:
    from ufpnmr.efg.orientation import principal_axes

    return np.asarray(np.abs(principal_axes(V)[0][:, 2]))


def _cdf(errors: TensorErrors) -> dict[str, list[float]]:
    """Fractions of scores below each grid point (spec 5.6: both are published)."""
    grid = np.linspace(0, 1, 101)
    return {
        "score": grid.tolist(),
        **{
            name: (np.searchsorted(np.sort(values), grid) / len(values)).tolist()
            for name, values in (("d2", errors.score_d2), ("raw", errors.score_raw))
        },
    }


def _uncertainty(errors: TensorErrors, sigma: Array) -> dict[str, float]:
    from ufpnmr.efg.tensors import to_spherical

    z = np.abs(to_spherical(errors.predicted - errors.reference)) / sigma[:, None]
    rms = np.sqrt(np.mean(to_spherical(errors.reference) ** 2))
    return {
        "within_68": float(np.mean(z <= 1)),
        "within_95": float(np.mean(z <= 2)),
        "mean_log_likelihood": float(np.mean(-0.5 * z**2 - np.log(sigma / rms)[:, None] - 0.5 * np.log(2 * np.pi))),
        "largest_relative_deviation": float(sigma.max() / rms),
    }


def _point_charges(
    charges: Mapping[str, float], structures: Sequence[LabelledTensors], isotope: Isotope
) -> dict[str, float]:
    """Errors of the point charges of the training set, for comparison."""
    data = LabelledColumns.from_tensors(structures, tuple(charges))
    V = np.einsum("s,msc->mc", np.array(list(charges.values())), data.columns)
    return TensorErrors.compare(V, data.V, isotope.quadrupole_moment_mb).summary()


def _beneath(baseline: Baseline, structures: Sequence[LabelledTensors], isotope: Isotope) -> dict[str, float]:
    """Errors of the baseline alone."""
    V = [
        baseline.gradients(s.atoms.cell.array, s.atoms.positions, list(map(str, s.atoms.symbols)), s.centres)
        for s in structures
    ]
    reference = np.concatenate([s.V for s in structures])
    return TensorErrors.compare(np.concatenate(V), reference, isotope.quadrupole_moment_mb).summary()


def _kinds(structures: Sequence[LabelledTensors], coordination: Mapping[str, float]) -> dict[str, NDArray[np.bool_]]:
    names: list[list[str]] = []
    for s in structures:
        counts = {element: _neighbours(s, element, radius) for element, radius in coordination.items()}
        for k, atom in enumerate(s.centres):
            of_atom = [f"centre {s.atoms.symbols[atom]}"]
            of_atom += [f"configuration {s.config_type}"] if s.config_type is not None else []
            of_atom += [f"site {s.site[k]}"] if s.site is not None else []
            of_atom += [f"{s.atoms.symbols[atom]}{element}{count[k]}" for element, count in counts.items()]
            names.append(of_atom)
    every = sorted({name for of_atom in names for name in of_atom})
    masks = {name: np.array([name in of_atom for of_atom in names]) for name in every}
    return {name: mask for name, mask in masks.items() if not (name.startswith("centre") and mask.all())}


def _neighbours(s: LabelledTensors, element: str, radius: float) -> NDArray[np.int64]:
    from ufpnmr import _core

    if radius <= 0:
        raise InputError(f"coordination: expected a positive radius in Å for {element}, found {radius}")
    i, j, _, _, _ = _core.neighbor_list(s.atoms.positions, s.atoms.cell.complete().array, s.atoms.pbc, radius)
    of_element = np.asarray(s.atoms.symbols) == element
    return np.bincount(i[of_element[j]], minlength=len(s.atoms))[s.centres]
