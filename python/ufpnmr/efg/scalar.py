"""Models of a number at each centre, λ = 0: the kernel is [P⁰(i)·P⁰(j)]^ζ, the rest is that of the tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg import kernels
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.model import Check
from ufpnmr.efg.model_file import check_arrays, read_arrays, read_checks, write_arrays
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["ScalarModel"]

Array = NDArray[np.float64]
_REFUSE = 1e-6
"""Deviation from the stored check environments, in units of the label scale."""


@dataclasses.dataclass(frozen=True, eq=False)
class ScalarModel:
    """Gaussian process regression of a scalar property of atoms, or of structures as a sum over their centres.

    With invariants in the place of P² and one component, the algebra is that of `ufpnmr.efg.kernels`: a prediction is
    mean + scale Σ_q P⁰_q T_q, T = s C.

    Attributes
    ----------
    descriptor : Descriptor
    centres : tuple of str
        Elements at which the model predicts.
    features : SelectedFeatures
        Selected λ = 0 features.
    coefficients : (1, Q) for ζ = 1, (Q, Q) for ζ = 2, (M, Q) otherwise
    zeta : int
        Power of the kernel.
    active : (M, Q) or None
        Invariants of the active environments, for ζ > 2.
    mean, scale : float
        Of the labels in training, in `unit`. The mean is added to each centre, or once to a structure.
    summed : bool
        Whether the property belongs to the structure.
    name, unit : str
        What is predicted.
    training, metadata : dict
        Record of the fit; source and licence of the labels.
    checks : tuple of Check
        At least eight environments in a file; `expected` (n,) holds the numbers of single centres.
    """

    descriptor: Descriptor
    centres: tuple[str, ...]
    features: SelectedFeatures
    coefficients: Array
    zeta: int = 2
    active: Array | None = None
    mean: float = 0.0
    scale: float = 1.0
    summed: bool = False
    name: str = "scalar"
    unit: str = ""
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        size = self.features.size
        if self.features.rank != 0:
            raise InputError(f"expected features with λ = 0, found {self.features.rank}")
        if self.zeta > 2 and self.active is None:
            raise InputError(f"zeta = {self.zeta} needs the invariants of the active environments, found none")
        if self.active is not None and self.active.shape[1:] != (size,):
            raise InputError(f"active: expected {size} invariants each, found shape {self.active.shape}")
        rows = {1: 1, 2: size}.get(self.zeta, 0 if self.active is None else len(self.active))
        if self.coefficients.shape != (rows, size):
            raise InputError(f"coefficients: expected shape {(rows, size)}, found {self.coefficients.shape}")

    def predict(self, atoms: Atoms, indices: Sequence[int] | None = None) -> Array:
        """Return the property of each centre (n,), or of the structure (), in `unit`.

        Parameters
        ----------
        atoms : ase.Atoms
            Periodic or not.
        indices : sequence of int, optional
            Atoms of the centre species; all of them if not given.

        Raises
        ------
        InputError
            A species the model has not been trained with, an index that is no centre.
        """
        frame = Frame.from_atoms(atoms)
        if indices is None:
            indices = [i for i, element in enumerate(frame.elements) if element in self.centres]
        for i in indices:
            if not 0 <= i < len(frame.elements) or frame.elements[i] not in self.centres:
                raise InputError(f"the model predicts at {' '.join(self.centres)}, but atom {i} is none of them")
        y = self.of_centres(frame, np.asarray(indices, dtype=np.intp))
        return np.asarray(y.sum() + self.mean if self.summed else y + self.mean)

    def of_centres(self, frame: Frame, centres: NDArray[np.intp], threads: int = 0) -> Array:
        """Return what the regression says of each centre, without the mean, (n,)."""
        P0 = self.descriptor.evaluate(frame, centres, self.features, threads)[:, 0]
        P0 = P0 / np.linalg.norm(P0, axis=1, keepdims=True)
        return self.scale * kernels.predict(P0[:, None], P0, self.coefficients, self.zeta, self.active)[:, 0]

    def write(self, path: str | Path, *, force: bool = False) -> None:
        """Write the model file, in the format of `ufpnmr.efg.model_file`.

        Raises
        ------
        InputError
            The file exists and `force` is not given, or fewer than eight check environments.
        """
        header = {
            "schema": "ufpnmr.ScalarModel",
            "property": {"name": self.name, "rank": 0, "unit": self.unit, "summed": self.summed},
            "descriptor": self.descriptor.to_dict(),
            "centres": list(self.centres),
            "zeta": self.zeta,
            "normalisation": {"invariants": "unit norm"},
            "label": {"mean": self.mean, "scale": self.scale, "unit": self.unit},
            "features": {
                "invariants": {"l1 l2 q1 q2": self.features.channels.tolist(), "weighted": self.features.weighted}
            },
            "checks": {"periodic": [list(check.frame.periodic) for check in self.checks]},
            "training": self.training,
            "metadata": self.metadata,
        }
        arrays = {
            "coefficients": self.coefficients,
            "active": self.active,
            "invariants_mixing": self.features.mixing,
            **check_arrays(self.checks, self.descriptor),
        }
        write_arrays(path, header, arrays, force=force)

    @classmethod
    def read(cls, path: str | Path) -> ScalarModel:
        """Read a model file.

        Raises
        ------
        InputError
            No such file, another format, a newer version, damage, a model of tensors, or one that predicts its own
            check environments wrongly.
        """
        header, arrays = read_arrays(path)
        kind = header.get("property", {})
        if kind.get("rank") != 0:
            raise InputError(f"{path}: expected a model of a scalar (rank 0), found {kind}")
        try:
            descriptor = Descriptor.from_dict(header["descriptor"])
            entry = header["features"]["invariants"]
            channels = np.array(entry["l1 l2 q1 q2"], dtype=np.int32).reshape(-1, 4)
            model = cls(
                descriptor=descriptor,
                centres=tuple(header["centres"]),
                features=SelectedFeatures(0, channels, entry["weighted"], arrays.get("invariants_mixing")),
                coefficients=arrays["coefficients"],
                zeta=header["zeta"],
                active=arrays.get("active"),
                mean=header["label"]["mean"],
                scale=header["label"]["scale"],
                summed=kind["summed"],
                name=kind["name"],
                unit=kind["unit"],
                training=header.get("training", {}),
                metadata=header.get("metadata", {}),
                checks=read_checks(header, arrays, descriptor),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(
                f"{path}: the header lacks or misstates an entry: {type(error).__name__}: {error}"
            ) from None
        for check in model.checks:
            off = np.abs(model.of_centres(check.frame, check.centres) - check.expected).max() / model.scale
            if not off <= _REFUSE:
                raise InputError(f"{path}: it predicts its own check environments wrongly, by {off:.2g} of their scale")
        return model
