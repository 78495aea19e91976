"""Figures of field gradients for ``ufp plot``: along a trajectory, or of labelled structures without time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ufpnmr.cli.common import direction
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Look", "is_labelled", "labelled_figure", "tensor_figure"]

_KINDS = ("omega_q", "cq", "angles", "angles-density", "first-origin")
_LABELLED_KINDS = ("omega_q", "cq")
_STRUCTURES = (".extxyz", ".xyz", ".magres")
_COMPRESSED = (".xz", ".gz", ".bz2")


@dataclasses.dataclass(frozen=True)
class Look:
    """What the command line says about a figure of tensors; names as the options of ``ufp plot``."""

    kind: str | None
    isotope: str | None
    field: str | None
    convention: str
    ordering: str


def is_labelled(file: Path) -> bool:
    """Whether a file holds structures, by its name."""
    return file.with_suffix("").suffix in _STRUCTURES if file.suffix in _COMPRESSED else file.suffix in _STRUCTURES


def tensor_figure(file: Path, look: Look, sites: Path | None, hops: Path | None) -> Axes:
    """Draw a tensor series."""
    from ufpnmr import plots
    from ufpnmr.nmr.observables import field_direction
    from ufpnmr.results.hops import HopResult
    from ufpnmr.results.sites import SiteLabels
    from ufpnmr.results.tensors import TensorSeries

    kind = _known(look.kind, _KINDS)
    series = TensorSeries.read(file)
    labels = SiteLabels.read(sites) if sites else None
    if kind == "cq":
        return plots.coupling_histogram(series, isotope=_given(look.isotope, "--isotope"), labels=labels)
    if kind == "first-origin":
        found = HopResult.read(hops) if hops else None
        return plots.first_origin(series, isotope=_given(look.isotope, "--isotope"), labels=labels, hops=found)
    along = field_direction(direction(_given(look.field, "--field")), series.cell)
    if kind == "omega_q":
        isotope = _given(look.isotope, "--isotope")
        return plots.frequency_histogram(
            series, isotope=isotope, field=along, convention=look.convention, labels=labels
        )
    weight = "density" if kind == "angles-density" else "counts"
    return plots.angle_map(series, field=along, ordering=look.ordering, weight=weight)


def labelled_figure(file: Path, look: Look, centre: str | None, bonds: tuple[str, str] | None) -> Axes:
    """Draw the distribution over labelled structures (extxyz, magres)."""
    import numpy as np

    from ufpnmr import plots
    from ufpnmr.efg.labels import coordination_names, read_tensors
    from ufpnmr.nmr import coupling, omega_q
    from ufpnmr.nmr.frequencies import CONVENTIONS
    from ufpnmr.nmr.observables import field_direction

    kind = _known(look.kind, _LABELLED_KINDS)
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    isotope = _given(look.isotope, "--isotope")
    structures = read_tensors(file, [_given(centre, "--centre")], allow_missing=True)
    sites: list[str] | None = None
    if bonds is not None:
        try:
            radius = float(bonds[1])
        except ValueError:
            raise InputError(f"--bonds: expected an element and a radius in Å, found {' '.join(bonds)!r}") from None
        sites = coordination_names(structures, bonds[0], radius)
    else:
        named = [structure.site for structure in structures if structure.site is not None]
        sites = [str(name) for names in named for name in names] if len(named) == len(structures) else None
    if kind == "cq":
        values = [np.abs(coupling(structure.V, isotope=isotope)[0]) for structure in structures]
        return plots.labelled_histogram(np.concatenate(values), f"|C$_Q$| of {isotope}", "kHz", sites)
    field = direction(_given(look.field, "--field"))
    # a, b and c are those of each structure
    values = [
        omega_q(s.V, isotope=isotope, field=field_direction(field, s.atoms.cell.array), convention=look.convention)
        for s in structures
    ]
    name = f"ω$_Q$ of {isotope} ({look.convention}), B$_0$ ∥ {look.field}"
    return plots.labelled_histogram(np.concatenate(values), name, CONVENTIONS[look.convention], sites)


def _known(kind: str | None, kinds: tuple[str, ...]) -> str:
    if kind not in (None, *kinds):
        raise InputError(f"--kind: expected one of {', '.join(kinds)}, found {kind!r}")
    return kind or kinds[0]


def _given(value: str | None, option: str) -> str:
    if value is None:
        raise InputError(f"field gradients need {option}; it is never guessed")
    return value
