"""What an environment is to the model: λ-SOAP hyperparameters, and which of its features are used."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.errors import InputError, nearest

__all__ = ["Descriptor", "Frame", "SelectedFeatures"]

Array = NDArray[np.float64]

PREFACTOR = "neighbours are Gaussians times (pi sigma^2)^(-3/4); real orthonormal harmonics, no Condon-Shortley phase"


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """Atoms as the descriptor takes them.

    Attributes
    ----------
    cell : (3, 3) Å
        Rows a, b, c; of no meaning along directions that are not periodic.
    positions : (N, 3) Å
        The compiled kernels take an axis of frames in front of both.
    elements : sequence of str
    periodic : tuple of bool
    """

    cell: Array
    positions: Array
    elements: Sequence[str]
    periodic: tuple[bool, bool, bool] = (True, True, True)

    @classmethod
    def from_atoms(cls, atoms: Any) -> Frame:
        """Return an ASE structure as a frame."""
        a, b, c = (bool(flag) for flag in atoms.pbc)
        cell = np.array(atoms.cell.complete().array, dtype=np.float64)
        return cls(cell, np.array(atoms.positions, dtype=np.float64), list(map(str, atoms.symbols)), (a, b, c))


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """Hyperparameters of λ-SOAP.

    Attributes
    ----------
    species : tuple of str
        Elements of neighbours, in the order of the channels q = species n_max + n.
    cutoff : float
        r_c, Å; larger than the box is fine, images count.
    width : float
        Å over which the shifted cosine takes neighbours out; 0 is a hard cutoff, for models made elsewhere only.
    sigma : float
        Å, width of a neighbour's Gaussian.
    n_max, l_max : int
        Number of radial functions, and highest angular momentum.
    basis : str
        "gto" (Gaussian-type orbitals) or "laplacian" (eigenstates in the sphere).
    centre_weight : float
        Weight of the centre itself.
    scaling : tuple of float or None
        (r_0 in Å, m) of the radial scaling 1/(1 + (r/r_0)^m); None for none.
    intervals : int
        Of the radial tables per sigma. 48 give errors below 1e-9 of the largest value; models made elsewhere can
        amplify errors a millionfold and are given 512.
    """

    species: tuple[str, ...]
    cutoff: float = 6.0
    width: float = 0.5
    sigma: float = 0.4
    n_max: int = 6
    l_max: int = 4
    basis: str = "gto"
    centre_weight: float = 1.0
    scaling: tuple[float, float] | None = (3.0, 4.0)
    intervals: int = 48

    def __post_init__(self) -> None:
        if not self.species or len(set(self.species)) != len(self.species):
            raise InputError(f"expected different species, found {', '.join(self.species) or 'none'}")
        for name in ("cutoff", "sigma"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name}: expected a positive length in Å, found {value}")
        if not 0 <= self.width < self.cutoff:
            raise InputError(f"width: expected 0 to the cutoff {self.cutoff:g} Å, found {self.width}")
        if not (1 <= self.n_max <= 16 and 0 <= self.l_max <= 8):
            raise InputError(f"expected n_max 1 to 16 and l_max 0 to 8, found {self.n_max} and {self.l_max}")
        if self.basis not in ("gto", "laplacian"):
            raise InputError(f"basis: expected gto or laplacian, found {self.basis!r}")

    @property
    def channels(self) -> int:
        """K = number of species times n_max."""
        return len(self.species) * self.n_max

    def types(self, elements: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of each element among the species.

        Raises
        ------
        InputError
            A species that the model has not been trained with.
        """
        number = {name: k for k, name in enumerate(self.species)}
        unknown = sorted(set(elements) - number.keys())
        if unknown:
            raise InputError(
                f"the model was trained with {', '.join(self.species)}, found {', '.join(unknown)}"
                f"{nearest(unknown[0], self.species)}; it cannot say what these do"
            )
        return np.array([number[name] for name in elements], dtype=np.int64)

    def evaluate(self, frame: Frame, centres: NDArray[np.intp], features: SelectedFeatures, threads: int = 0) -> Array:
        """Return features of some atoms, before normalisation.

        Parameters
        ----------
        frame : Frame
        centres : (n,) int
        features : SelectedFeatures
        threads : int
            OpenMP threads; 0 follows OMP_NUM_THREADS.

        Returns
        -------
        (n, 2λ+1, Q)

        Raises
        ------
        InputError
            A species that the model has not been trained with, atoms on one point.
        """
        try:
            P = np.asarray(
                self._soap.features(
                    self.types(frame.elements),
                    frame.positions,
                    frame.cell,
                    frame.periodic,
                    centres,
                    features.rank,
                    features.channels,
                    features.weighted,
                    threads,
                )
            )
        except _core.DomainError as error:
            raise InputError(str(error)) from None
        return P if features.mixing is None else P @ features.mixing

    @functools.cached_property
    def spec(self) -> Any:
        """The same for the core."""
        return _core.LambdaSoapSpec(
            self.basis,
            self.cutoff,
            self.width,
            self.sigma,
            self.n_max,
            self.l_max,
            len(self.species),
            self.centre_weight,
            self.scaling,
            self.intervals,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}  # without what the core made

    @functools.cached_property
    def _soap(self) -> Any:
        return _core.LambdaSoap(self.spec)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "prefactor": PREFACTOR}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Descriptor:
        """Return what `to_dict` described."""
        values = {name: document[name] for name in cls.__dataclass_fields__}
        values["species"] = tuple(values["species"])
        values["scaling"] = None if values["scaling"] is None else tuple(values["scaling"])
        return cls(**values)


@dataclasses.dataclass(frozen=True, eq=False)
class SelectedFeatures:
    """Selected features of one λ.

    Attributes
    ----------
    rank : int
        λ.
    channels : (F, 4) int
        l1, l2, q1, q2 of each; see `ufpnmr.efg.features`.
    weighted : bool
        Whether features have the weights of an irreducible list; a doubly counted list has none.
    mixing : (F, Q) or None
        Matrix applied from the right, P → P A.
    """

    rank: int
    channels: NDArray[np.int32]
    weighted: bool = True
    mixing: Array | None = None

    def __post_init__(self) -> None:
        channels = np.asarray(self.channels)
        if channels.ndim != 2 or channels.shape[1] != 4 or not np.issubdtype(channels.dtype, np.integer):
            raise InputError(f"expected integers (F, 4): l1 l2 q1 q2, found {channels.dtype} {channels.shape}")
        object.__setattr__(self, "channels", np.ascontiguousarray(channels, dtype=np.int32))
        if self.mixing is not None and (np.ndim(self.mixing) != 2 or len(self.mixing) != len(channels)):
            raise InputError(f"expected a mixing matrix with {len(channels)} rows, found {np.shape(self.mixing)}")

    @property
    def size(self) -> int:
        """Q, the number of columns after mixing."""
        return len(self.channels) if self.mixing is None else int(self.mixing.shape[1])
