"""What lies beneath the regression: a linear model of the field gradients whose residual is learnt.

Point charges, V = Σ_a c_a E^(a), or ions and polarisable molecules, in which charge flows along bonds and ligands carry
dipoles (docs: efg_training, "Polarisable molecules").
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr import _core
from ufpnmr.efg.point_charges import TOLERANCE, charge_gradients
from ufpnmr.efg.tensors import traceless
from ufpnmr.errors import InputError
from ufpnmr.units import EFG_E_PER_A3_IN_V_PER_A2

__all__ = ["Baseline", "ChargeBaseline", "MolecularBond", "PairKernel", "PolarisableBaseline"]

Array = NDArray[np.float64]
Centres = Sequence[int] | NDArray[np.intp]


class Baseline(Protocol):
    """See `ChargeBaseline` and `PolarisableBaseline`."""

    @property
    def name(self) -> str:
        """In words, for one line of a report."""

    def to_dict(self) -> dict[str, Any]:
        """Return what decides a prediction, as JSON can hold it."""

    def gradients(
        self, cell: ArrayLike, positions: ArrayLike, elements: Sequence[str], centres: Centres, *, threads: int = 1
    ) -> Array:
        """Return tensors of a periodic frame, or of several.

        Parameters
        ----------
        cell : (3, 3) or (F, 3, 3) Å
        positions : (N, 3) or (F, N, 3) Å
        elements : (N,) str
        centres : (n,)
        threads : int
            OpenMP threads over frames; 0 follows OMP_NUM_THREADS.

        Returns
        -------
        (n, 6) or (F, n, 6) V/Å²
            xx yy zz xy xz yz, traceless.

        Raises
        ------
        InputError
            Coincident atoms, a cell without volume, coordinates that are not finite.
        """


@dataclasses.dataclass(frozen=True)
class ChargeBaseline:
    """Point charges in a neutralising background.

    Attributes
    ----------
    charges : dict of str to float
        e, of each species; others carry none.
    """

    charges: dict[str, float]

    @property
    def name(self) -> str:
        """See `Baseline`."""
        return "point charges"

    def to_dict(self) -> dict[str, Any]:
        """See `Baseline`."""
        return dict(self.charges)

    def gradients(
        self, cell: ArrayLike, positions: ArrayLike, elements: Sequence[str], centres: Centres, *, threads: int = 1
    ) -> Array:
        """See `Baseline`."""
        charges = [[self.charges.get(element, 0.0) for element in elements]]
        return traceless(charge_gradients(cell, positions, charges, centres, threads=threads)[..., 0, :])


@dataclasses.dataclass(frozen=True)
class MolecularBond:
    """A ligand and the centre of its molecule.

    Attributes
    ----------
    centre, ligand : str
        Elements, for example P and S of PS4.
    cutoff : float
        Å. A ligand belongs to the nearest centre within it; one without a centre takes no part.
    length : float
        Å, from which the bond counts as stretched.
    """

    centre: str
    ligand: str
    cutoff: float
    length: float = 0.0


@dataclasses.dataclass(frozen=True, eq=False)
class PairKernel:
    """Gaussian kernel between pairs of a site and a ligand, by eight invariants of `PolarisableBaseline.pairs`.

    Attributes
    ----------
    cutoff : float
        Å, where pairs are weighted to zero.
    scale : (8,)
        Length scales of the invariants.
    kind : (M,) int
        Which bond the ligand of a reference pair has; ascending.
    points : (M, 8)
        Invariants of the reference pairs, in units of their scale.
    """

    cutoff: float
    scale: Array = dataclasses.field(default_factory=lambda: np.ones(8))
    kind: NDArray[np.intp] = dataclasses.field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    points: Array = dataclasses.field(default_factory=lambda: np.zeros((0, 8)))

    def to_dict(self) -> dict[str, Any]:
        """Return a document that `from_dict` understands."""
        arrays = {name: getattr(self, name).tolist() for name in ("scale", "kind", "points")}
        return {"cutoff": self.cutoff, **arrays}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> PairKernel:
        """Return what `to_dict` described."""
        points = np.asarray(document["points"], dtype=np.float64).reshape(-1, 8)
        return cls(document["cutoff"], np.asarray(document["scale"]), np.asarray(document["kind"], np.intp), points)


@dataclasses.dataclass(frozen=True, eq=False)
class PolarisableBaseline:
    """Ions and polarisable molecules: one coefficient per column, see `columns`.

    Attributes
    ----------
    species : tuple of str
    bonds : tuple of MolecularBond
        May be empty: then there are the charges of the species only.
    field_charges : tuple of float
        e, of each species: the charges whose field acts at the centre of a tensor.
    first, cutoff : float
        Å. Splines of the short range reach from one to the other, where they end at zero; below `first` they are
        constant.
    splines : int
        Their number.
    coefficients : (P,)
        V/Å² times the unit of a column's inverse.
    surroundings : int
        Splines of the vectors from a ligand to the atoms around it; 0 leaves out those and ligands without a bond.
    kernel : PairKernel or None
    """

    species: tuple[str, ...]
    bonds: tuple[MolecularBond, ...]
    field_charges: tuple[float, ...]
    first: float = 1.5
    cutoff: float = 6.0
    splines: int = 8
    coefficients: Array = dataclasses.field(default_factory=lambda: np.zeros(0))
    surroundings: int = 0
    kernel: PairKernel | None = None

    def __post_init__(self) -> None:
        if len(self.field_charges) != len(self.species):
            raise InputError(f"field_charges: expected {len(self.species)}, found {len(self.field_charges)}")
        for bond in self.bonds:
            for element in (bond.centre, bond.ligand):
                if element not in self.species:
                    raise InputError(f"bond {bond.centre}-{bond.ligand}: expected one of {', '.join(self.species)}")
        coefficients = np.asarray(self.coefficients, dtype=np.float64)
        if coefficients.shape not in ((0,), (self.size,)):
            raise InputError(f"coefficients: expected {self.size}, found shape {coefficients.shape}")
        if not (np.isfinite(coefficients).all() and all(map(math.isfinite, self.field_charges))):
            raise InputError("expected finite coefficients and charges, found NaN or infinity")
        object.__setattr__(self, "coefficients", coefficients)

    @property
    def name(self) -> str:
        """See `Baseline`."""
        bonds = ", ".join(f"{bond.centre}-{bond.ligand}" for bond in self.bonds)
        return f"polarisable molecules ({bonds})"

    @property
    def size(self) -> int:
        """Number of columns."""
        return int(self._model.size)

    def to_dict(self) -> dict[str, Any]:
        """See `Baseline`."""
        plain = {name: getattr(self, name) for name in ("first", "cutoff", "splines")}
        later: dict[str, Any] = {}  # absent where unused: digests of files from before stay what they were
        if self.surroundings:
            later["surroundings"] = self.surroundings
        if self.kernel is not None:
            later["kernel"] = self.kernel.to_dict()
        return {
            "species": list(self.species),
            "bonds": [dataclasses.asdict(bond) for bond in self.bonds],
            "field_charges": list(self.field_charges),
            **plain,
            **later,
            "coefficients": self.coefficients.tolist(),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any], coefficients: Array) -> PolarisableBaseline:
        """Return what `to_dict` described, with its coefficients apart."""
        return cls(
            tuple(document["species"]),
            tuple(MolecularBond(**bond) for bond in document["bonds"]),
            tuple(document["field_charges"]),
            document["first"],
            document["cutoff"],
            document["splines"],
            coefficients,
            document.get("surroundings", 0),
            PairKernel.from_dict(document["kernel"]) if "kernel" in document else None,
        )

    def columns(self, cell: ArrayLike, positions: ArrayLike, elements: Sequence[str], centres: Centres) -> Array:
        """Return the columns of the linear model at some atoms of a periodic structure.

        In the order of `core/include/ufp/polarisable.hpp`: what acts through lattice sums (unit charges on each
        species, charges and dipoles of each bond and of each species of ligands), the `sources` first columns, then
        what is short-ranged, and three tensors of each reference of the kernel.

        Returns
        -------
        (n, P, 6)
            xx yy zz xy xz yz, traceless, V/Å² per unit of the coefficient.

        Raises
        ------
        InputError
            As `Baseline.gradients`.
        """
        try:
            V = self._model.columns(self._types(elements), positions, cell, centres)
        except _core.DomainError as error:
            raise InputError(str(error)) from None
        V = np.array(V)
        V[:, : self.sources] *= EFG_E_PER_A3_IN_V_PER_A2
        return V

    def gradients(
        self, cell: ArrayLike, positions: ArrayLike, elements: Sequence[str], centres: Centres, *, threads: int = 1
    ) -> Array:
        """See `Baseline`."""
        weights = self.coefficients.copy()
        weights[: self.sources] *= EFG_E_PER_A3_IN_V_PER_A2
        try:
            V = self._model.predict(self._types(elements), positions, cell, centres, weights, threads)
        except _core.DomainError as error:
            raise InputError(str(error)) from None
        return np.asarray(V)

    def bond_lengths(
        self, cell: ArrayLike, positions: ArrayLike, elements: Sequence[str]
    ) -> tuple[NDArray[np.intp], Array, int]:
        """Return the kind (B,) and length (B,) Å of every bond, and the number of ligands without a centre."""
        members, length, unbound = self._model.bonds(self._types(elements), positions, cell)
        return np.asarray(members[:, 2], dtype=np.intp), np.asarray(length), int(unbound)

    def pairs(
        self, cell: ArrayLike, positions: ArrayLike, elements: Sequence[str], centres: Centres
    ) -> tuple[NDArray[np.intp], Array]:
        """Return what the kernel sees: the kind (B,) and the invariants (B, 8) of each pair within its cutoff.

        Distance r Å, cosine between pair and bond, stretch of the bond Å, field at the ligand along the pair and along
        the bond e/Å², the same two at the site, gradient of the point charges at the site along the pair e/Å³.
        """
        kind, x = self._model.pairs(self._types(elements), positions, cell, centres)
        return np.asarray(kind, dtype=np.intp), np.asarray(x)

    @property
    def sources(self) -> int:
        """Number of columns that act through lattice sums."""
        species, ligands = len(self.species), len({bond.ligand for bond in self.bonds})
        each = 2 + species + species * self.surroundings if self.surroundings else 0
        return species + len(self.bonds) * (3 + 2 * species) + ligands * each

    def _types(self, elements: Sequence[str]) -> NDArray[np.int32]:
        number = {name: k for k, name in enumerate(self.species)}
        if unknown := sorted(set(elements) - number.keys()):
            raise InputError(f"the baseline knows {', '.join(self.species)}, found {', '.join(unknown)}")
        return np.array([number[name] for name in elements], dtype=np.int32)

    @functools.cached_property
    def _model(self) -> Any:
        number = {name: k for k, name in enumerate(self.species)}
        bonds = [(number[bond.centre], number[bond.ligand], bond.cutoff, bond.length) for bond in self.bonds]
        try:
            kernel = self.kernel or PairKernel(0.0)
            return _core.PolarisableModel(
                bonds,
                list(self.field_charges),
                self.first,
                self.cutoff,
                self.splines,
                TOLERANCE,
                self.surroundings,
                kernel.cutoff,
                list(kernel.scale),
                list(kernel.kind),
                kernel.points.tolist(),
            )
        except _core.DomainError as error:
            raise InputError(str(error)) from None

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}  # without what the core made
