"""What a labeller is, and how one is made from a name and options."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError, UfpError, nearest
from ufpnmr.provenance import file_hash, package_version

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["SHIPPED", "CalculatorLabeller", "LabelError", "Labeller", "Labels", "checked", "create"]

_HERE = "ufpnmr.active.labelling"
SHIPPED = {
    "cp2k": f"{_HERE}.cp2k:CP2K",
    "cp2k-efg": f"{_HERE}.cp2k_efg:CP2KGradients",
    "espresso": f"{_HERE}.espresso:Espresso",
    "castep": f"{_HERE}.castep:Castep",
    "vasp": f"{_HERE}.vasp:Vasp",
    "chgnet": f"{_HERE}.universal:chgnet",
    "sevennet": f"{_HERE}.universal:sevennet",
}
"""Labellers by short name; every other one is named ``module:factory``."""


class LabelError(UfpError):
    """One structure could not be labelled; the queue goes on with the next.

    Attributes
    ----------
    killed : bool
        Its program was ended by a signal: the structure may be sound, the next run tries it again.
    """

    def __init__(self, reason: str, killed: bool = False) -> None:
        super().__init__(reason)
        self.killed = killed


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """What a labeller says about one structure.

    Attributes
    ----------
    energy : float
        eV.
    forces : (N, 3) eV/Å, or None
        Only labels with gradients may leave them out.
    stress : (6,) eV/Å³, or None
        xx yy zz yz xz xy, ASE's sign.
    notes : dict
        What the program said about its work (k points, SCF steps), stored with the labels.
    efg : (N, 3, 3) V/Å², or None
        Electric field gradients, NaN at atoms without one; a positive charge on z gives V_zz > 0.
    """

    energy: float
    forces: NDArray[np.float64] | None
    stress: NDArray[np.float64] | None = None
    notes: dict[str, Any] = dataclasses.field(default_factory=dict)
    efg: NDArray[np.float64] | None = None


@runtime_checkable
class Labeller(Protocol):
    """Makes labels of one structure after the other."""

    def version(self) -> str:
        """Return program and version, stored with every label."""

    def ready(self) -> None:
        """Raise `InputError` where no structure could be labelled: program or pseudopotentials missing."""

    def label(self, atoms: Atoms, folder: Path) -> Labels:
        """Label one structure; `folder` is empty and its own.

        Raises
        ------
        LabelError
            This structure cannot be labelled.
        """


class CalculatorLabeller:
    """Any ASE calculator as a labeller.

    Parameters
    ----------
    calculator : ase.calculators.abc.GetPropertiesMixin
        Its ``directory``, if it has one, is set to a folder of each structure's own.
    version : str
    """

    def __init__(self, calculator: Any, version: str) -> None:
        self.calculator = calculator
        self._version = version

    def version(self) -> str:
        """Return the version of the calculator's package, or the hash of its module."""
        return self._version

    def ready(self) -> None:
        """Nothing to check: the calculator exists."""

    def label(self, atoms: Atoms, folder: Path) -> Labels:
        """Label one structure; see `Labeller`."""
        structure = atoms.copy()  # type: ignore[no-untyped-call]
        calculator = self.calculator
        if hasattr(calculator, "directory"):
            calculator.directory = str(folder)
        able = getattr(calculator, "implemented_properties", ())
        wanted = ["energy", "forces", *(["stress"] if "stress" in able and atoms.pbc.all() else [])]
        try:
            structure.calc = calculator
            found = {name: calculator.get_property(name, structure) for name in wanted}
        except Exception as error:
            # calculators raise what they like
            raise LabelError(f"{type(error).__name__}: {error}") from error
        return Labels(found["energy"], found["forces"], found.get("stress"))


def create(name: str, options: Mapping[str, Any] | None = None) -> Labeller:
    """Make a labeller.

    Parameters
    ----------
    name : str
        One of `SHIPPED`, or ``module:factory``: a callable that returns an ASE calculator or a `Labeller`. The module
        is looked for in the working directory too.
    options : mapping
        Keyword arguments of the factory.

    Raises
    ------
    InputError
        No such labeller, option or value, or a package is not installed.
    """
    options = dict(options or {})
    target = SHIPPED.get(name, name)
    if ":" not in target:
        raise InputError(
            f"labeller {name!r}: expected one of {', '.join(SHIPPED)} or module:factory{nearest(name, SHIPPED)}"
        )
    module_name, _, attribute = target.partition(":")
    factory = _factory(name, module_name, attribute)
    _check_options(name, factory, options)
    try:
        made = factory(**options)
    except (TypeError, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"labeller {name}: {type(error).__name__}: {error}; see its options") from error
    if isinstance(made, Labeller):
        return made
    if callable(getattr(made, "get_property", None)):
        return CalculatorLabeller(made, _version_of(module_name))
    raise InputError(f"labeller {name}: expected an ASE calculator or a labeller, found {type(made).__name__}")


def checked(labels: Labels, atoms: Atoms) -> Labels:
    """Return `labels` as arrays of the right shape.

    Raises
    ------
    LabelError
        Something is missing, of a wrong shape or not finite.
    """
    try:
        energy = float(labels.energy)
        forces = None if labels.forces is None else np.asarray(labels.forces, dtype=np.float64)
        stress = None if labels.stress is None else np.asarray(labels.stress, dtype=np.float64)
        efg = None if labels.efg is None else np.asarray(labels.efg, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LabelError(f"labels: expected numbers: {error}") from None
    if forces is None and efg is None:
        raise LabelError("labels: expected forces or efg, found neither")
    if forces is not None and forces.shape != (len(atoms), 3):
        raise LabelError(f"forces: expected shape ({len(atoms)}, 3), found {forces.shape}")
    if stress is not None and stress.shape != (6,):
        raise LabelError(f"stress: expected shape (6,), found {stress.shape}")
    if not all(np.isfinite(given).all() for given in (energy, forces, stress) if given is not None):
        raise LabelError("labels: expected finite numbers, found NaN or infinity")
    if efg is not None:
        if efg.shape != (len(atoms), 3, 3):
            raise LabelError(f"efg: expected shape ({len(atoms)}, 3, 3), found {efg.shape}")
        known = np.isfinite(efg).all(axis=(1, 2))
        if not known.any() or not np.isnan(efg[~known]).all():
            raise LabelError("efg: expected each tensor finite or all NaN, and one at least finite")
    return Labels(energy, forces, stress, labels.notes, efg)


def _factory(name: str, module_name: str, attribute: str) -> Callable[..., Any]:
    here = os.getcwd()
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(f"labeller {name}: module {module_name!r} cannot be imported: {error}") from error
    finally:
        if added:
            sys.path.remove(here)
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise InputError(
            f"labeller {name}: {module_name} has no callable {attribute!r}{nearest(attribute, dir(module))}"
        )
    return factory  # type: ignore[no-any-return]


def _check_options(name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
    parameters = _parameters(factory)
    if parameters is None:
        return
    for key in options:
        if key not in parameters:
            raise InputError(
                f"labeller {name}: no option {key!r}{nearest(key, parameters)}; there are {', '.join(parameters)}"
            )


def _parameters(factory: Callable[..., Any]) -> list[str] | None:
    """Return the names a factory takes, with those that a labeller hands on to its bases; None where it takes any."""
    classes = factory.__mro__ if inspect.isclass(factory) and issubclass(factory, Labeller) else ()
    names: list[str] = []
    for constructor in [vars(c)["__init__"] for c in classes if "__init__" in vars(c)] or [factory]:
        try:
            parameters = inspect.signature(constructor).parameters.values()
        except (TypeError, ValueError):
            return None
        names += [p.name for p in parameters if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names
    return None


def _version_of(module_name: str) -> str:
    package = module_name.partition(".")[0]
    version = package_version(package)
    if version != "not installed":
        return f"{package} {version}"
    path = getattr(sys.modules[module_name], "__file__", None)
    return f"{package} sha256:{file_hash(path)[:12]}" if path else package
