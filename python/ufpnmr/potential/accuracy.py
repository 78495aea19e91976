"""How far a potential is from labels: errors by quantity, configuration type and element."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.potential.model import Potential
from ufpnmr.structures import LabelledStructure
from ufpnmr.units import GPA_PER_EV_PER_CUBIC_ANGSTROM

__all__ = ["Comparison", "compare"]

Vector = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Predictions beside labels; arrays of a kind run over the structures that have it.

    Attributes
    ----------
    energy, energy_label : (S,) arrays
        eV per atom.
    energy_structure : (S,) int array
        Number of the structure.
    forces, forces_label : (A, 3) arrays
        eV/Å.
    force_structure : (A,) int array
        Number of the structure of each atom.
    force_element : (A,) str array
        Element of each atom.
    stress, stress_label : (T, 6) arrays
        eV/Å³, xx yy zz yz xz xy, ASE sign.
    stress_structure : (T,) int array
    config_types : tuple of str
        Of each structure; "unnamed" where the file has none.
    short_contacts : int
        Pairs below a first knot, in all structures.
    """

    energy: Vector
    energy_label: Vector
    energy_structure: NDArray[np.intp]
    forces: Vector
    forces_label: Vector
    force_structure: NDArray[np.intp]
    force_element: NDArray[np.str_]
    stress: Vector
    stress_label: Vector
    stress_structure: NDArray[np.intp]
    config_types: tuple[str, ...]
    short_contacts: int

    def errors(self, structures: NDArray[np.bool_] | None = None) -> dict[str, Any]:
        """Return root-mean-square and mean absolute errors, over all structures or some.

        Parameters
        ----------
        structures : (S,) bool array, optional
            Which ones.

        Returns
        -------
        dict
            ``structures``, ``atoms``; ``energy_rmse``, ``energy_mae`` meV/atom; ``force_rmse``, ``force_mae`` meV/Å per
            component; ``force_rmse_by_element`` the same for each; ``force_rms_label`` meV/Å; ``stress_rmse`` GPa. None
            where there are no labels.
        """
        keep = np.ones(len(self.config_types), dtype=bool) if structures is None else structures
        e, f, s = (keep[index] for index in (self.energy_structure, self.force_structure, self.stress_structure))
        energy = 1e3 * (self.energy - self.energy_label)[e]
        forces = 1e3 * (self.forces - self.forces_label)[f]
        elements = self.force_element[f]
        return {
            "structures": int(keep.sum()),
            "atoms": int(f.sum()),
            "energy_rmse": _rms(energy),
            "energy_mae": _mean(np.abs(energy)),
            "force_rmse": _rms(forces),
            "force_mae": _mean(np.abs(forces)),
            "force_rms_label": _rms(1e3 * self.forces_label[f]),
            "force_rmse_by_element": {str(e): _rms(forces[elements == e]) for e in np.unique(elements)},
            "stress_rmse": _rms(GPA_PER_EV_PER_CUBIC_ANGSTROM * (self.stress - self.stress_label)[s]),
        }

    @classmethod
    def joined(cls, parts: Sequence[Comparison]) -> Comparison:
        """Return several comparisons as one; their structures are numbered one after the other."""
        first = np.cumsum([0, *(len(part.config_types) for part in parts)])
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            each = [getattr(part, field.name) for part in parts]
            if field.name.endswith("_structure"):
                each = [numbers + start for numbers, start in zip(each, first, strict=False)]
            values[field.name] = np.concatenate(each) if isinstance(each[0], np.ndarray) else sum(each[1:], each[0])
        return cls(**values)

    def by_config_type(self) -> dict[str, dict[str, Any]]:
        """Return `errors` for each configuration type, in alphabetical order."""
        types = np.array(self.config_types)
        return {str(name): self.errors(types == name) for name in np.unique(types)}


def compare(potential: Potential, structures: Sequence[LabelledStructure], *, threads: int = 0) -> Comparison:
    """Evaluate a potential on labelled structures.

    Parameters
    ----------
    potential : Potential
        Its one-body energies, if it has any, belong to the energies.
    structures : sequence of LabelledStructure
        Labels that a structure lacks are left out.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.

    Raises
    ------
    InputError
        No structure, or an element that the potential does not know, with file and index.
    """
    if not structures:
        raise InputError("expected labelled structures to compare with, found none")
    energy: list[tuple[float, float]] = []
    forces: list[tuple[Vector, Vector]] = []
    stress: list[tuple[Vector, Vector]] = []
    where: dict[str, list[int]] = {"energy": [], "forces": [], "stress": []}
    elements: list[str] = []
    short = 0
    for number, structure in enumerate(structures):
        try:
            out = potential.evaluate(structure.atoms, threads=threads)
        except InputError as error:
            raise InputError(f"{structure.where}: {error}") from None
        atoms = len(structure.atoms)
        short += out.short_contacts
        if structure.energy is not None:
            energy.append((out.energy / atoms, structure.energy / atoms))
            where["energy"].append(number)
        if structure.forces is not None:
            forces.append((out.forces, structure.forces))
            where["forces"] += [number] * atoms
            elements += [str(symbol) for symbol in structure.atoms.symbols]
        if structure.stress is not None and out.stress is not None:
            stress.append((out.stress, structure.stress))
            where["stress"].append(number)
    pairs = np.array(energy).reshape(-1, 2)
    return Comparison(
        energy=pairs[:, 0],
        energy_label=pairs[:, 1],
        energy_structure=np.array(where["energy"], dtype=np.intp),
        forces=_rows([p for p, _ in forces], 3),
        forces_label=_rows([q for _, q in forces], 3),
        force_structure=np.array(where["forces"], dtype=np.intp),
        force_element=np.array(elements, dtype=np.str_),
        stress=_rows([p for p, _ in stress], 6),
        stress_label=_rows([q for _, q in stress], 6),
        stress_structure=np.array(where["stress"], dtype=np.intp),
        config_types=tuple(structure.config_type or "unnamed" for structure in structures),
        short_contacts=short,
    )


def _rows(parts: list[Vector], width: int) -> Vector:
    return np.concatenate([np.reshape(part, (-1, width)) for part in parts]) if parts else np.empty((0, width))


def _rms(values: Vector) -> float | None:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else None


def _mean(values: Vector) -> float | None:
    return float(np.mean(values)) if values.size else None
