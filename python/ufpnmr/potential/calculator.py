"""ASE calculator of a spline potential."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from ufpnmr.errors import DomainError, InputError
from ufpnmr.potential.model import Potential

__all__ = ["SplineCalculator"]


class SplineCalculator(Calculator):
    """Energy, forces, stress and per-atom energies of a `Potential` for ASE.

    Parameters
    ----------
    potential : Potential
        The model.
    onebody : bool
        Include the one-body energies, if the potential has any.
    short : {"warn", "error", "quiet"}
        A pair closer than the first knot: warn once per calculator, raise `DomainError`, or say nothing.
    missing3b : {"error", "zero"}
        See `Potential.evaluate`.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012 (ASE declares it)

    def __init__(
        self,
        potential: Potential,
        *,
        onebody: bool = True,
        short: Literal["warn", "error", "quiet"] = "warn",
        missing3b: Literal["error", "zero"] = "error",
        threads: int = 0,
        **kwargs: Any,
    ) -> None:
        if short not in ("warn", "error", "quiet"):
            raise InputError(f"short: expected 'warn', 'error' or 'quiet', found {short!r}")
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.potential = potential
        self._options: dict[str, Any] = {"onebody": onebody, "missing3b": missing3b, "threads": threads}
        self._short = short
        self._warned = False

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Fill ``results`` (called by ASE)."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        structure = self.atoms
        if structure is None:
            raise InputError("expected a structure, found none: calculate(atoms)")
        out = self.potential.evaluate(structure, **self._options)
        if out.closest is not None:
            self._report_short(structure, out.closest, out.short_contacts)
        self.results = {
            "energy": out.energy,
            "free_energy": out.energy,
            "energies": out.energies,
            "forces": out.forces,
        }
        if out.stress is not None:
            self.results["stress"] = out.stress
        elif "stress" in properties:
            raise PropertyNotImplementedError("stress needs a cell with a volume")

    def _report_short(self, atoms: Atoms, closest: tuple[int, int, float], count: int) -> None:
        i, j, distance = closest
        a, b = atoms.symbols[i], atoms.symbols[j]
        first = float(self.potential.pair(a, b).knots[0])
        message = (
            f"{count} contact(s) below the first knot; the closest is {a} {i} - {b} {j} at {distance:.4g} Å, "
            f"first knot {first:.4g} Å: the energy there is a continuation, not a fit"
        )
        if self._short == "error":
            raise DomainError(message)
        if self._short == "warn" and not self._warned:
            self._warned = True
            warnings.warn(message, stacklevel=2)
