"""Rules that suspect units and signs; each is robust, stated, and can be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ufpnmr.structures.labelled import LabelledStructure
from ufpnmr.units import BOHR_ANGSTROM, HARTREE_EV

__all__ = ["RULES", "energy_units", "energy_zeros", "force_units", "stress_units"]

Suspicion = tuple[str, list[int]]

KCAL_EV = 0.0433641153
"""One kcal/mol in eV (4184 J / (N_A e))."""
KJ_EV = KCAL_EV / 4.184
FORCE_UNITS = {
    "Hartree/Bohr": HARTREE_EV / BOHR_ANGSTROM,
    "Ry/Bohr": HARTREE_EV / BOHR_ANGSTROM / 2,
    "kcal/mol/Å": KCAL_EV,
    "kJ/mol/Å": KJ_EV,
}
"""In eV/Å: 51.4, 25.7, 0.0434, 0.0104."""
ENERGY_UNITS = {"Hartree": HARTREE_EV, "Ry": HARTREE_EV / 2, "kcal/mol": KCAL_EV, "kJ/mol": KJ_EV}
"""In eV."""
FORCE_RATIO = 15.0
"""Median force scales of two files further apart than this are suspected."""
ENERGY_RATIO = 0.02
"""Energies per atom of one composition are suspected within this of the ratio of two units."""
ENERGY_ZERO = 1.0
"""eV/atom between files; melting or another phase costs 0.1 to 0.3."""
LARGEST_STRESS = 1.0
"""eV/Å³ (160 GPa): a larger median is GPa or kbar."""
BULK_MODULI = (0.00125, 3.2)
"""eV/Å³: 0.2 GPa (softer than any molecular crystal) to 510 GPa (diamond: 443)."""
VOLUME_SPREAD = 0.03
"""Relative spread of volumes (10 % to 90 % quantile) from which on they tell about the stress."""
FEWEST = 8
"""Structures of one kind that tell about the stress."""
CORRELATION = 0.6
"""|correlation| of mean stress and ln(volume) from which on it is believed."""


def _by_source(structures: Sequence[LabelledStructure]) -> dict[str, list[int]]:
    sources: dict[str, list[int]] = {}
    for index, structure in enumerate(structures):
        sources.setdefault(structure.source, []).append(index)
    return sources


def _reduced_formula(structure: LabelledStructure) -> str:
    symbols = structure.atoms.symbols.formula.count()
    divisor = gcd(*symbols.values())
    return "".join(f"{name}{count // divisor}" for name, count in sorted(symbols.items()))


def force_units(structures: Sequence[LabelledStructure]) -> Iterator[Suspicion]:
    """Compare the force scale of every file with the median of the others.

    The scale of a file is the median over its structures of the rms force component. Files that hold relaxed structures
    only have small forces by right: the message says so.
    """
    scales: dict[str, float] = {}
    sources = _by_source(structures)
    for source, members in sources.items():
        rms = [float(np.sqrt(np.mean(f**2))) for k in members if (f := structures[k].forces) is not None and f.size]
        if rms and np.median(rms) > 0:
            scales[source] = float(np.median(rms))
    for source, scale in scales.items():
        others = {name: value for name, value in scales.items() if name != source}
        if not others:
            continue
        ratio = float(np.median(list(others.values()))) / scale
        if 1 / FORCE_RATIO < ratio < FORCE_RATIO or (len(others) == 1 and ratio < 1):
            continue  # of two files the one with the smaller forces is named
        guess = f"{_nearest_unit(ratio)} suspected"
        if len(others) == 1:
            guess += f", or {_nearest_unit(1 / ratio)} in {next(iter(others))}"
        if ratio > 1:
            guess += ", or relaxed structures only"
        yield (
            (
                f"{source}: forces: typical {scale:.3g}, in the other files {ratio * scale:.3g} eV/Å, a ratio of "
                f"{ratio:.3g}: mixed units? ({guess}); convert to eV/Å"
            ),
            sources[source],
        )


def _nearest_unit(ratio: float) -> str:
    unit = min(FORCE_UNITS, key=lambda name: abs(np.log(FORCE_UNITS[name] / ratio)))
    return f"{unit} = {FORCE_UNITS[unit]:.3g} eV/Å"


def _energies_by_formula(structures: Sequence[LabelledStructure]) -> dict[str, dict[str, list[int]]]:
    table: dict[str, dict[str, list[int]]] = {}
    for index, structure in enumerate(structures):
        if structure.energy is not None:
            table.setdefault(_reduced_formula(structure), {}).setdefault(structure.source, []).append(index)
    return table


def _per_atom(structures: Sequence[LabelledStructure], members: Sequence[int]) -> float:
    return float(np.median([structures[k].energy / len(structures[k].atoms) for k in members]))  # type: ignore[operator]


def _unit_of_ratio(ratio: float) -> str | None:
    for name, value in ENERGY_UNITS.items():
        if abs(ratio / value - 1) < ENERGY_RATIO:
            return name
    return None


def _energy_pairs(structures: Sequence[LabelledStructure]) -> Iterator[tuple[str, str, str, float, float, list[int]]]:
    """Every file with energies of a composition that an earlier one has: formula, both files, energies per atom."""
    for formula, sources in _energies_by_formula(structures).items():
        first, *rest = sources
        one = _per_atom(structures, sources[first])
        for source in rest:
            yield formula, first, source, one, _per_atom(structures, sources[source]), sources[source]


def energy_units(structures: Sequence[LabelledStructure]) -> Iterator[Suspicion]:
    """Compare energies per atom of one composition between files: a ratio within 2 % of that of two units."""
    for formula, first, source, one, two, members in _energy_pairs(structures):
        if one == 0 or two == 0:
            continue
        for ratio, wrong in ((one / two, source), (two / one, first)):
            if unit := _unit_of_ratio(ratio):
                yield (
                    (
                        f"{wrong}: energy: per atom of {formula} {one:.6g} in {first} and {two:.6g} in {source}, a "
                        f"ratio of {ratio:.4g}, that of {unit} to eV: mixed units suspected; convert to eV"
                    ),
                    members,
                )
                break


def energy_zeros(structures: Sequence[LabelledStructure]) -> Iterator[Suspicion]:
    """Compare energies per atom of one composition between files: another method has another zero."""
    for formula, first, source, one, two, members in _energy_pairs(structures):
        units = one * two != 0 and (_unit_of_ratio(one / two) or _unit_of_ratio(two / one))
        if abs(one - two) > ENERGY_ZERO and not units:
            yield (
                (
                    f"{source}: energy: {two:.6g} eV/atom of {formula}, in {first} {one:.6g}: another method or "
                    "pseudopotential suspected; energies of two methods do not enter one fit"
                ),
                members,
            )


def stress_units(structures: Sequence[LabelledStructure]) -> Iterator[Suspicion]:
    """Suspect unit or sign of stresses, file by file.

    Unit: the median of the largest component exceeds 1 eV/Å³, or the bulk modulus d(tr σ/3)/d(ln V) of structures of
    one composition and type lies outside 0.2 to 510 GPa. Sign: that modulus is negative. The modulus is believed where
    8 structures or more spread over 3 % of volume and correlate with it.
    """
    for source, members in _by_source(structures).items():
        labelled = [k for k in members if structures[k].stress is not None]
        if not labelled:
            continue
        stresses = {k: np.asarray(structures[k].stress) for k in labelled}
        typical = float(np.median([np.abs(s).max() for s in stresses.values()]))
        if typical > LARGEST_STRESS:
            yield (
                (
                    f"{source}: stress: its largest component is typically {typical:.3g} eV/Å³ ({typical * 160.2:.0f} "
                    "GPa): GPa or kbar suspected; convert to eV/Å³ (1 GPa = 0.00624 eV/Å³)"
                ),
                labelled,
            )
            continue
        moduli = [m for group in _kinds(structures, labelled) if (m := _modulus(structures, group)) is not None]
        if not moduli:
            continue
        modulus = float(np.median(moduli))
        if modulus < 0:
            yield (
                (
                    f"{source}: stress: it falls where the volume grows (d(tr σ/3)/d ln V = {modulus:.3g} eV/Å³): "
                    "opposite sign suspected; ASE's stress is dE/d(strain)/volume, positive under tension (VASP and "
                    "CP2K print its negative)"
                ),
                labelled,
            )
        elif not BULK_MODULI[0] < modulus < BULK_MODULI[1]:
            yield (
                (
                    f"{source}: stress: a bulk modulus of {modulus * 160.2:.3g} GPa follows from it and the volumes: "
                    "another unit suspected; convert to eV/Å³"
                ),
                labelled,
            )


def _kinds(structures: Sequence[LabelledStructure], members: Sequence[int]) -> list[list[int]]:
    kinds: dict[tuple[str, str | None], list[int]] = {}
    for k in members:
        kinds.setdefault((_reduced_formula(structures[k]), structures[k].config_type), []).append(k)
    return list(kinds.values())


def _modulus(structures: Sequence[LabelledStructure], members: Sequence[int]) -> float | None:
    if len(members) < FEWEST:
        return None
    volumes = np.array([structures[k].atoms.get_volume() / len(structures[k].atoms) for k in members])  # type: ignore[no-untyped-call]
    x: NDArray[np.float64] = np.log(volumes)
    y = np.array([np.mean(np.asarray(structures[k].stress)[:3]) for k in members])
    if np.diff(np.quantile(x, [0.1, 0.9]))[0] < VOLUME_SPREAD or y.std() == 0:
        return None
    if abs(np.corrcoef(x, y)[0, 1]) < CORRELATION:
        return None
    return float(np.polyfit(x, y, 1)[0])


RULES: tuple[tuple[str, Callable[[Sequence[LabelledStructure]], Iterator[Suspicion]]], ...] = (
    ("units", force_units),
    ("units", energy_units),
    ("zero", energy_zeros),
    ("stress", stress_units),
)
"""Kind of problem and the rule that finds it."""
