"""The trained model: from atoms to field gradients."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr import _core
from ufpnmr.efg import kernels
from ufpnmr.efg.baseline import Baseline, PolarisableBaseline
from ufpnmr.efg.committee import spread
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.engine import Precision
from ufpnmr.efg.prediction import compilable, compiled, proven_precision
from ufpnmr.efg.tensors import from_spherical, to_matrix, to_spherical
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Check", "EFGModel"]

Array = NDArray[np.float64]
_BLOCK = 256
"""Environments whose features are in memory at once."""


@dataclasses.dataclass(frozen=True, eq=False)
class Check:
    """A structure, or the surroundings of one atom, and what the model must predict for it.

    Attributes
    ----------
    frame : Frame
    centres : (n,) int
    expected : (n, 6) V/Å²
        Of the regression, without the baseline beneath it.
    """

    frame: Frame
    centres: NDArray[np.intp]
    expected: Array


@dataclasses.dataclass(frozen=True, eq=False)
class EFGModel:
    """Symmetry-adapted Gaussian process regression of electric field gradients.

    Attributes
    ----------
    descriptor : Descriptor
    centres : tuple of str
        Elements at which the model predicts.
    tensors, invariants : SelectedFeatures
        Selected λ = 2 and λ = 0 features.
    scale : float or None
        Global factor of P²; None divides each environment by ‖P²P²ᵀ‖_F^½ (models made elsewhere).
    zeta : int
        Power of the scalar kernel plus one.
    coefficients : (Q0, Q2) for ζ = 2, (1, Q2) for ζ = 1, (M, Q2) otherwise
        See `ufpnmr.efg.kernels`.
    active : (M, Q0) or None
        Invariants of the active environments, for ζ > 2.
    label_scale : float
        V/Å², rms of a label's five components in training: the unit of the regression.
    committee : (K, ...) or None
        Coefficients of the members.
    alpha : float
        Calibration factor of the committee's spread.
    baseline : Baseline or None
        What the regression stands on, added to it: point charges or polarisable molecules.
    baseline_members : (K, P) or None
        Coefficients of a polarisable baseline beneath each member; None: they share that of the model.
    training : dict
        Record of the fit: labels and their hashes, hyperparameters, regularisation, split, metrics.
    error : dict
        Errors on structures withheld from the fit; see `ufpnmr.efg.metrics.tensor_metrics`.
    metadata : dict
        Source and licence of the labels, provenance.
    checks : tuple of Check
        At least eight environments in a file, with which a reader proves itself.
    """

    descriptor: Descriptor
    centres: tuple[str, ...]
    tensors: SelectedFeatures
    invariants: SelectedFeatures
    coefficients: Array
    zeta: int = 2
    scale: float | None = 1.0
    active: Array | None = None
    label_scale: float = 1.0
    committee: Array | None = None
    alpha: float = 1.0
    baseline: Baseline | None = None
    baseline_members: Array | None = None
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    error: dict[str, Any] = dataclasses.field(default_factory=dict)
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        for element in self.centres:
            if element not in self.descriptor.species:
                raise InputError(f"centre {element}: expected one of {', '.join(self.descriptor.species)}")
        if not self.centres:
            raise InputError("expected at least one centre species, found none")
        if self.zeta < 1 or int(self.zeta) != self.zeta:
            raise InputError(f"zeta: expected an integer of at least 1, found {self.zeta}")
        if self.zeta > 2 and self.active is None:
            raise InputError(f"zeta = {self.zeta} needs the invariants of the active environments, found none")
        q0, q2 = self.invariants.size, self.tensors.size
        rows = {1: 1, 2: q0}.get(self.zeta, 0 if self.active is None else len(self.active))
        if self.coefficients.shape != (rows, q2):
            raise InputError(f"coefficients: expected shape {(rows, q2)}, found {self.coefficients.shape}")
        if self.active is not None and self.active.shape[1:] != (q0,):
            raise InputError(f"active: expected {q0} invariants each, found {self.active.shape[1:]}")
        if self.committee is not None and self.committee.shape[1:] != (rows, q2):
            raise InputError(f"committee: expected members of shape {(rows, q2)}, found {self.committee.shape[1:]}")
        if self.baseline_members is not None:
            size = self.baseline.size if isinstance(self.baseline, PolarisableBaseline) else 0
            expected = (0 if self.committee is None else len(self.committee), size)
            if self.baseline_members.shape != expected:
                raise InputError(f"baseline_members: expected shape {expected}, found {self.baseline_members.shape}")
        for features, rank in ((self.tensors, 2), (self.invariants, 0)):
            if features.rank != rank:
                raise InputError(f"expected features with λ = {rank}, found {features.rank}")
            largest = features.channels.max(axis=0, initial=0)
            if max(largest[:2]) > self.descriptor.l_max or max(largest[2:]) >= self.descriptor.channels:
                raise InputError(
                    f"λ = {rank}: expected l ≤ {self.descriptor.l_max} and channels below {self.descriptor.channels}, "
                    f"found features up to {largest.tolist()}"
                )

    @classmethod
    def read(cls, path: str | Path) -> EFGModel:
        """Read a model file; see `ufpnmr.efg.model_file`.

        Raises
        ------
        InputError
            No such file, another format, a newer version, or damage.
        """
        from ufpnmr.efg.model_file import read_model

        return read_model(path)

    def write(self, path: str | Path, *, force: bool = False) -> None:
        """Write the model file.

        Raises
        ------
        InputError
            The file exists and `force` is not given, or fewer than eight check environments.
        """
        from ufpnmr.efg.model_file import write_model

        write_model(self, path, force=force)

    @property
    def centre(self) -> str:
        """Centre species, separated by spaces."""
        return " ".join(self.centres)

    @property
    def digest(self) -> str:
        """SHA-256 of what decides a prediction."""
        plain = [self.descriptor.to_dict(), self.centres, self.zeta, self.scale, self.label_scale, self._plain_baseline]
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
        for array in (
            *(part for f in (self.tensors, self.invariants) for part in (f.channels, np.array(f.weighted), f.mixing)),
            self.coefficients,
            self.active,
        ):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def engine(self) -> str:
        """One line for the `engine` of a tensor series."""
        d = self.descriptor
        beneath = f" on {self.baseline.name}" if self.baseline else ""
        return (
            f"SA-GPR at {self.centre} (lambda-SOAP {d.basis} n_max {d.n_max} l_max {d.l_max}, cutoff {d.cutoff:g} Å, "
            f"{self.tensors.size}/{self.invariants.size} features, zeta {self.zeta}){beneath}"
        )

    @property
    def description(self) -> dict[str, Any]:
        """What the provenance of a tensor series says beside the digest."""
        return {"descriptor": self.descriptor.to_dict(), "zeta": self.zeta, "baseline": self._plain_baseline}

    @property
    def _plain_baseline(self) -> dict[str, Any]:
        return self.baseline.to_dict() if self.baseline else {}

    def __repr__(self) -> str:
        lines = [f"EFGModel: {self.engine}", f"  species {' '.join(self.descriptor.species)}"]
        if self.committee is not None:
            lines.append(f"  committee of {len(self.committee)}, calibration {self.alpha:.3g}")
        lines += [f"  {name} {value:.4g}" for name, value in self.error.items() if isinstance(value, float)]
        return "\n".join(lines)

    def check(self, elements: Sequence[str], indices: Iterable[int]) -> None:
        """Raise `InputError` unless every species is known and every index is a centre of this model."""
        self.descriptor.types(elements)
        for i in indices:
            if not 0 <= i < len(elements):
                raise InputError(f"expected atoms 0 to {len(elements) - 1}, found {i}")
            if elements[i] not in self.centres:
                raise InputError(f"the model predicts at {self.centre}, but atom {i} is {elements[i]}")

    def features(self, frame: Frame, centres: NDArray[np.intp], threads: int = 0) -> tuple[Array, Array]:
        """Return P² (n, 5, Q2) and P⁰ (n, Q0), selected, mixed and normalised."""
        P2, P0 = (self.descriptor.evaluate(frame, centres, f, threads) for f in (self.tensors, self.invariants))
        return self.normalised(P2, P0[:, 0])

    def normalised(self, P2: Array, P0: Array) -> tuple[Array, Array]:
        """Return features with the normalisation of the model (spec 1.7)."""
        P0 = np.asarray(P0 / np.linalg.norm(P0, axis=1, keepdims=True))
        if self.scale is not None:
            return np.asarray(P2 * self.scale), P0
        gram = np.einsum("imq,inq->imn", P2, P2)
        return np.asarray(P2 / np.sqrt(np.linalg.norm(gram, axis=(1, 2)))[:, None, None]), P0

    def gradients(
        self,
        cell: ArrayLike,
        positions: ArrayLike,
        elements: Sequence[str],
        centres: Sequence[int] | NDArray[np.intp],
        *,
        periodic: tuple[bool, bool, bool] = (True, True, True),
        precision: Precision = "single",
        threads: int = 1,
    ) -> Array:
        """Return tensors from plain arrays, without the checks of `check`.

        Parameters
        ----------
        cell : (3, 3) or (F, 3, 3) Å
        positions : (N, 3) or (F, N, 3) Å
            Of one frame or of several.
        elements : (N,) str
        centres : (n,)
        periodic : tuple of bool
        precision : str
            "single" where the check environments allow it, or "double"; see `precision`.
        threads : int
            OpenMP threads, over frames if there are several; 0 follows OMP_NUM_THREADS.

        Returns
        -------
        (n, 6) or (F, n, 6) V/Å²
            xx yy zz xy xz yz, traceless.
        """
        cell, positions = np.asarray(cell, dtype=np.float64), np.asarray(positions, dtype=np.float64)
        options: dict[str, Any] = {"precision": precision, "threads": threads}
        if positions.ndim == 3 and not compilable(self):
            frames = zip(cell, positions, strict=True)
            return np.array([self.gradients(c, x, elements, centres, periodic=periodic, **options) for c, x in frames])
        frame = Frame(cell, positions, list(elements), periodic)
        return np.asarray(self._tensors(frame, np.asarray(centres, dtype=np.intp), **options)[0])

    def precision(self, wanted: Precision) -> Precision:
        """Return the precision of `gradients`: double if single precision fails the model's check environments.

        Models made elsewhere know double precision only.

        Raises
        ------
        InputError
            The model predicts its own check environments wrongly.
        """
        return proven_precision(self, wanted) if compilable(self) else "double"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kernels"}

    def predict(self, atoms: Atoms, indices: Sequence[int] | None = None) -> Array:
        """Predict field gradients of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            Periodic or not.
        indices : sequence of int, optional
            Atoms of the centre species; all of them if not given.

        Returns
        -------
        (n, 3, 3) V/Å², symmetric and traceless.

        Raises
        ------
        InputError
            A species the model has not been trained with, an index that is no centre, positions that are not finite.
        """
        frame, centres = self._chosen(atoms, indices)
        return to_matrix(self._tensors(frame, centres, "double")[0])

    def predict_with_error(
        self, atoms: Atoms, indices: Sequence[int] | None = None
    ) -> tuple[Array, NDArray[np.float64]]:
        """Return tensors (n, 3, 3) V/Å² and the calibrated standard deviation (n,) V/Å² of one spherical component.

        Raises
        ------
        InputError
            As `predict`, or a model without a committee.
        """
        V = self._with_members(atoms, indices)
        return to_matrix(V[0]), self.alpha * spread(to_spherical(V[1:]))

    def members(self, atoms: Atoms, indices: Sequence[int] | None = None) -> Array:
        """Return the calibrated members y' + α (y_k - ȳ), (K, n, 3, 3) V/Å², around the model's prediction y'."""
        V = self._with_members(atoms, indices)
        return to_matrix(V[0] + self.alpha * (V[1:] - V[1:].mean(axis=0)))

    def baseline_gradients(self, frame: Frame, centres: NDArray[np.intp], threads: int = 0) -> Array:
        """Return the field gradients of the baseline, (..., n, 6) V/Å²; zero without one."""
        if self.baseline is None:
            return np.zeros((len(centres), 6))
        if not all(frame.periodic):
            raise InputError(f"{self.baseline.name} need a structure periodic in a, b and c, found {frame.periodic}")
        return self.baseline.gradients(frame.cell, frame.positions, frame.elements, centres, threads=threads)

    def _with_members(self, atoms: Atoms, indices: Sequence[int] | None) -> Array:
        """Tensors of the model and of its members, (K + 1, n, 6) V/Å²."""
        if self.committee is None:
            raise InputError("this model has no committee, so it states no uncertainty; train it with [committee]")
        frame, centres = self._chosen(atoms, indices)
        members = self._tensors(frame, centres, "double", members=True)
        return np.concatenate([self._tensors(frame, centres, "double"), members])

    def _chosen(self, atoms: Atoms, indices: Sequence[int] | None) -> tuple[Frame, NDArray[np.intp]]:
        frame = Frame.from_atoms(atoms)
        if not (np.isfinite(frame.positions).all() and np.isfinite(frame.cell).all()):
            raise InputError("expected finite positions and cell vectors, found NaN or infinity")
        if indices is None:
            indices = [i for i, element in enumerate(frame.elements) if element in self.centres]
        self.check(frame.elements, indices)
        return frame, np.asarray(indices, dtype=np.intp)

    def _tensors(
        self,
        frame: Frame,
        centres: NDArray[np.intp],
        precision: Precision,
        *,
        members: bool = False,
        threads: int = 0,
    ) -> Array:
        """Tensors of the model, or of its members, (K, n, 6) or, of several frames, (K, F, n, 6) V/Å²."""
        V = self.regressed(frame, centres, precision, members=members, threads=threads)
        if members and self.baseline_members is not None:
            parts = [dataclasses.replace(self, baseline=baseline, baseline_members=None) for baseline in self._beneath]
            return V + np.stack([part.baseline_gradients(frame, centres, threads) for part in parts])
        return V + self.baseline_gradients(frame, centres, threads)

    @functools.cached_property
    def _beneath(self) -> list[PolarisableBaseline]:
        assert isinstance(self.baseline, PolarisableBaseline)
        assert self.baseline_members is not None
        return [dataclasses.replace(self.baseline, coefficients=w) for w in self.baseline_members]

    def regressed(
        self,
        frame: Frame,
        centres: NDArray[np.intp],
        precision: Precision,
        *,
        members: bool = False,
        threads: int = 0,
    ) -> Array:
        """Return what the regression says, without the baseline, (1, n, 6) or of the members (K, n, 6) V/Å²."""
        if compilable(self):
            types = self.descriptor.types(frame.elements)
            try:
                V = self._kernel(precision, members).predict(
                    types, frame.positions, frame.cell, frame.periodic, centres, threads
                )
            except _core.DomainError as error:
                raise InputError(str(error)) from None
            return np.asarray(V)
        return from_spherical(self.label_scale * self._from_features(frame, centres, members, threads))

    def _kernel(self, precision: Precision, members: bool) -> Any:
        kernels_made: dict[tuple[str, bool], Any] = self.__dict__.setdefault("_kernels", {})
        if (precision, members) not in kernels_made:
            C = self.committee if members else self.coefficients[None]
            assert C is not None
            kernels_made[precision, members] = compiled(self, C, proven_precision(self, precision))
        return kernels_made[precision, members]

    def _from_features(self, frame: Frame, centres: NDArray[np.intp], members: bool, threads: int) -> Array:
        """Predictions (K, n, 5) in units of the label scale, from explicit features."""
        C = self.committee if members else self.coefficients[None]
        assert C is not None
        out = np.empty((len(C), len(centres), 5))
        for start in range(0, len(centres), _BLOCK):
            part = slice(start, start + _BLOCK)
            P2, P0 = self.features(frame, centres[part], threads)
            s = kernels.scalars(P0, self.zeta, self.active)
            for y, c in zip(out, C, strict=True):
                y[part] = kernels.contract(P2, s @ c)
        return out
