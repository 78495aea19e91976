"""Point-charge model of field gradients: one number per species, summed over the crystal by Ewald's method.

V(i) = Σ_a c_a E^(a)(i), where E^(a) is the field gradient of unit charges on all atoms of species a in a uniform
neutralising background, and c_a = (1-γ∞) q_a is a charge times the Sternheimer factor of the centre.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufpnmr import _core
from ufpnmr.efg.engine import Precision
from ufpnmr.efg.tensors import to_matrix, traceless
from ufpnmr.errors import InputError, nearest
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.units import EFG_E_PER_A3_IN_V_PER_A2

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["TOLERANCE", "PointCharges", "charge_gradients", "unit_charge_gradients"]

TOLERANCE = 1e-8
"""Truncation error of the Ewald sum relative to the rms field gradient."""

Centres = Sequence[int] | NDArray[np.intp]
"""Indices of atoms."""

_SCHEMA = "ufpnmr.PointCharges"
_VERSION = 1
_UNITS = {"charge": "e", "efg": "V/Ang^2"}
_KEYS = ("schema", "version", "centre", "units", "charges", "training", "error")


def charge_gradients(
    cell: ArrayLike,
    positions: ArrayLike,
    charges: ArrayLike,
    centres: Centres,
    *,
    alpha: float | None = None,
    tolerance: float = TOLERANCE,
    threads: int = 0,
) -> NDArray[np.float64]:
    """Return the field gradients of periodic point charges, V_ab = ∂²φ/∂x_a∂x_b, with their trace.

    With D the separation of a periodic image, g = (2α/√π) exp(-α²r²), B1 = [erfc(αr)/r + g]/r², B2 = [3 B1 + 2α² g]/r²:

    V_ab = Σ_j q_j (B2 D_a D_b - B1 δ_ab) - (4π/Ω) Σ_{k≠0} k_a k_b exp(-k²/4α²)/k² Re[exp(-ik·x_i) Σ_j q_j exp(ik·x_j)]
    + δ_ab 4α³ q_i/(3√π)

    (second derivative of the Ewald potential). The atom itself is excluded, its images are not.

    Parameters
    ----------
    cell : (3, 3) or (F, 3, 3) Å
        Rows a, b, c; of one frame or of several.
    positions : (N, 3) or (F, N, 3) Å
        Wrapped or not.
    charges : (S, N) e
        S sets of charges. A set that is not neutral sits in a uniform neutralising background: its tensors have the
        trace 4πΣq/Ω, and their traceless part is that of the charges.
    centres : (n,)
        Indices of the atoms at which to evaluate.
    alpha : float, optional
        Ewald parameter, 1/Å; the result does not depend on it. Chosen for the least work if not given.
    tolerance : float
        Truncation error relative to the rms field gradient, 1e-15 to 1e-2.
    threads : int
        OpenMP threads over frames; 0 follows OMP_NUM_THREADS.

    Returns
    -------
    (n, S, 6) or (F, n, S, 6) V/Å²
        xx yy zz xy xz yz.

    Raises
    ------
    InputError
        No cell volume, coordinates that are not finite, two atoms at one point, alpha or tolerance out of range.
    """
    if alpha is not None and not alpha > 0:
        raise InputError(f"expected an Ewald parameter alpha > 0 (1/Å), found {alpha}")
    if not 1e-15 <= tolerance <= 1e-2:
        raise InputError(f"expected a tolerance from 1e-15 to 1e-2, found {tolerance}")
    try:
        V = _core.point_charge_efg(cell, positions, charges, centres, alpha or 0.0, tolerance, threads)
    except _core.DomainError as error:
        raise InputError(str(error)) from None
    return EFG_E_PER_A3_IN_V_PER_A2 * np.asarray(V)


def unit_charge_gradients(
    cell: ArrayLike, positions: ArrayLike, elements: Sequence[str], species: Sequence[str], centres: Centres
) -> NDArray[np.float64]:
    """Return E^(a): traceless gradients of unit charges on one species at a time, in a neutralising background.

    Parameters
    ----------
    cell : (3, 3) Å
    positions : (N, 3) Å
    elements : (N,) str
    species : (S,) str
        One column each.
    centres : (n,)

    Returns
    -------
    (n, S, 6) V/Å² per e.
    """
    charges = np.array([[float(element == kind) for element in elements] for kind in species])
    return traceless(charge_gradients(cell, positions, charges, centres))


@dataclasses.dataclass(frozen=True)
class PointCharges:
    """Point-charge model of the field gradient at one species.

    Attributes
    ----------
    centre : str
        Element at which the model predicts.
    charges : dict of str to float
        Effective charge of each species, e: charge times the Sternheimer factor of the centre. They need not add up to
        zero in a cell; the sum runs in a uniform neutralising background.
    training : dict
        How the numbers came about: labels, their hash, method, intervals.
    error : dict
        Errors on structures withheld from the fit, see `ufpnmr.efg.metrics.tensor_metrics`.
    """

    centre: str
    charges: dict[str, float]
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    error: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, charge in self.charges.items():
            if isinstance(charge, bool) or not isinstance(charge, (int, float)) or not math.isfinite(charge):
                raise InputError(f"expected a finite charge in e for {name}, found {charge!r}")
        if self.centre not in self.charges:
            raise InputError(f"expected a charge for the centre {self.centre}, found only {', '.join(self.charges)}")

    @classmethod
    def read(cls, path: str | Path) -> PointCharges:
        """Read a model file.

        Raises
        ------
        InputError
            No such file, not TOML, another schema or unit, a newer version, unknown or missing keys.
        """
        path = Path(path)
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; expected a point-charge model (TOML)") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: expected a point-charge model (TOML): {error}") from None
        for key in document:
            if key not in _KEYS:
                raise InputError(f"{path}: unknown key {key!r}{nearest(key, _KEYS)}")
        for key in ("schema", "version", "centre", "units", "charges"):
            if key not in document:
                raise InputError(f"{path}: missing key {key!r}")
        if document["schema"] != _SCHEMA:
            raise InputError(f"{path}: expected schema {_SCHEMA!r}, found {document['schema']!r}")
        if not isinstance(document["version"], int) or document["version"] > _VERSION:
            raise InputError(
                f"{path}: version {document['version']} is newer than the {_VERSION} this ufpnmr reads; upgrade it"
            )
        if document["units"] != _UNITS:
            raise InputError(f"{path}: expected units {_UNITS}, found {document['units']}")
        if not isinstance(document["charges"], dict):
            raise InputError(f"{path}: expected a table [charges] of numbers in e, found {document['charges']!r}")
        try:
            return cls(document["centre"], document["charges"], document.get("training", {}), document.get("error", {}))
        except InputError as error:
            raise InputError(f"{path}: [charges]: {error}") from None

    def write(self, path: str | Path) -> None:
        """Write the model file (TOML); an existing one is replaced."""
        tables: dict[str, Mapping[str, Any]] = {"units": _UNITS, "charges": self.charges}
        tables |= {name: table for name in ("training", "error") if (table := getattr(self, name))}
        lines = [f"schema = {_toml(_SCHEMA)}", f"version = {_VERSION}", f"centre = {_toml(self.centre)}"]
        for name, table in tables.items():
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
        write_text_atomically(path, "\n".join(lines) + "\n")

    @property
    def digest(self) -> str:
        """SHA-256 of what decides a prediction: centre and charges."""
        text = json.dumps([self.centre, sorted(self.charges.items())])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def engine(self) -> str:
        """One line for the `engine` of a tensor series."""
        numbers = ", ".join(f"{name} {charge:+.4f}" for name, charge in self.charges.items())
        return f"point charges at {self.centre} (Ewald; e: {numbers}; neutralising background)"

    @property
    def description(self) -> dict[str, Any]:
        """What the provenance of a tensor series says beside the digest."""
        return {"ewald_tolerance": TOLERANCE, "charges": self.charges}

    def check(self, elements: Sequence[str], indices: Iterable[int]) -> None:
        """Raise `InputError` unless every atom has a charge and every index is a centre of this model."""
        unknown = sorted(set(elements) - self.charges.keys())
        if unknown:
            raise InputError(
                f"the point-charge model knows {', '.join(self.charges)}, found {', '.join(map(repr, unknown))}"
                f"{nearest(unknown[0], self.charges)}"
            )
        for i in indices:
            if elements[i] != self.centre:
                raise InputError(f"the point-charge model predicts at {self.centre}, but atom {i} is {elements[i]}")

    def precision(self, wanted: Precision) -> Precision:
        """Return "double", whatever is asked for."""
        return "double"

    def gradients(
        self,
        cell: ArrayLike,
        positions: ArrayLike,
        elements: Sequence[str],
        centres: Centres,
        *,
        precision: Precision = "double",
        threads: int = 1,
    ) -> NDArray[np.float64]:
        """Return tensors from plain arrays, without the checks of `check`.

        Parameters
        ----------
        cell : (3, 3) or (F, 3, 3) Å
        positions : (N, 3) or (F, N, 3) Å
            Of one frame or of several.
        elements : (N,) str
        centres : (n,)
        precision : str
            Of no effect, see `precision`.
        threads : int
            OpenMP threads over frames.

        Returns
        -------
        (n, 6) or (F, n, 6) V/Å²
            xx yy zz xy xz yz, traceless.
        """
        charges = [[self.charges[element] for element in elements]]
        return traceless(charge_gradients(cell, positions, charges, centres, threads=threads)[..., 0, :])

    def predict(self, atoms: Atoms, indices: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Predict field gradients of a structure.

        Parameters
        ----------
        atoms : ase.Atoms
            Periodic in all three directions.
        indices : sequence of int, optional
            Atoms of the centre species; all of them if not given.

        Returns
        -------
        (n, 3, 3) V/Å², symmetric and traceless.

        Raises
        ------
        InputError
            A structure that is not periodic, a species without a charge, an index that is not a centre, coincident
            atoms.
        """
        elements = list(map(str, atoms.symbols))
        if not all(atoms.pbc):
            raise InputError(f"expected a structure periodic in a, b and c, found pbc = {atoms.pbc.tolist()}")
        if indices is None:
            indices = [i for i, element in enumerate(elements) if element == self.centre]
        self.check(elements, indices)
        return to_matrix(self.gradients(atoms.cell.array, atoms.positions, elements, indices))


def _toml(value: Any) -> str:
    """Return `value` as TOML; JSON's strings, numbers and lists are TOML's."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
