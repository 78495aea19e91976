"""The TOML of a study: what may stand in it, and one-line answers to what may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ufpnmr.errors import InputError, nearest
from ufpnmr.results import STATUSES
from ufpnmr.toml_file import Count, InputFile, OutputPath, Positive, Section, read_toml

__all__ = ["Statuses", "StudyConfig", "read_config"]


def _direction(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    if not any(vector):
        raise ValueError("expected a direction, found the zero vector")
    return vector


def _statuses(given: Any) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if name not in STATUSES:
            raise ValueError(f"expected one of {', '.join(STATUSES)}; found {name!r}{nearest(str(name), STATUSES)}")
    return names


_SET_ELSEWHERE = {
    "name": "the study",
    "data": "md.data",
    "potential": "md.potential",
    "T": "system.temperature_K",
    "timestep": "trajectory.timestep_ps",
    "steps": "md.steps",
    "dump": "md.dump_every",
}


def _free_names(variables: dict[str, str | int | float]) -> dict[str, str | int | float]:
    for name in variables:
        if name in _SET_ELSEWHERE:
            raise ValueError(f"{name} is set by {_SET_ELSEWHERE[name]}; remove it here")
    return variables


def _file_names(fields: dict[str, Any]) -> dict[str, Any]:
    for name in fields:
        if not re.fullmatch(r"[A-Za-z0-9_]+", name):
            raise ValueError(f"expected names of letters, digits and _, found {name!r}")
    return fields


Direction = Annotated[tuple[float, float, float], AfterValidator(_direction)]
Statuses = Annotated[tuple[str, ...], BeforeValidator(_statuses)]


class System(Section):
    """What is simulated; printed in the report."""

    title: str
    phase: str
    temperature_K: Positive
    axes: str
    """Names of the box axes, e.g. "x=a y=b z=c (Pnma)"."""
    caveats: tuple[str, ...] = ()
    expected_status: dict[str, Statuses] = Field(default_factory=dict)
    """Record name -> status (or statuses) expected of this run; headline records not named must be claimed."""


class MolecularDynamics(Section):
    """A LAMMPS run through an input script that takes its settings as ``-var`` (see inputs/lps/in.md)."""

    input: InputFile
    data: InputFile
    potential: InputFile
    steps: Count
    """Total number of steps, those of `continue_from` included."""
    dump_every: Count
    ranks: Count = 1
    threads: Count = 1
    variables: Annotated[dict[str, str | int | float], AfterValidator(_free_names)] = Field(default_factory=dict)
    continue_from: InputFile | None = None


class Trajectory(Section):
    """How positions are read; `path` names an existing trajectory when there is no [md]."""

    timestep_ps: Positive
    selection: str
    path: InputFile | None = None
    elements: tuple[str, ...] | None = None
    topology: InputFile | None = None
    drift: Literal["framework", "com", "none"] = "framework"


class ElectricFieldGradient(Section):
    """The engine of the tensors; without a name the model shipped for these elements and this isotope."""

    model: InputFile | None = None
    continue_series: InputFile | None = None


class Nmr(Section):
    """What the spectrometer would see."""

    isotope: str
    fields: Annotated[dict[str, Direction], Field(min_length=1), AfterValidator(_file_names)]
    """Name -> direction of the magnetic field in the box frame."""
    convention: str = "harper2025"
    ordering: Literal["haeberlen", "nqr"] = "haeberlen"
    average_ps: Positive | None = None
    """Tensors are averaged over this time first (vibrations)."""
    blocks: Annotated[int, Field(ge=16)] = 16


class Decay(Section):
    """Fit of eq. 5 of Harper et al. 2025."""

    gamma: Annotated[float, Field(gt=0, le=1)] | Literal["free"] = 1.0
    plateau: Annotated[float, Field(ge=0, lt=1)] | None = None
    window_ps: Positive | None = None


class Hops(Section):
    """Hop detection without a site list."""

    minimum_residence_ps: Positive | None = None
    outer_radius_A: Positive | None = None


class Sites(Section):
    """Labels by coordination."""

    ion: str
    ligand: str
    coordination: Annotated[tuple[int, ...], Field(min_length=1)]
    radius_A: Positive | None = None
    half_gap_A: Annotated[float, Field(ge=0)] | None = None


class PairCorrelation(Section):
    """Pair correlation functions, as `ufp rdf`."""

    pairs: Annotated[tuple[tuple[str, str], ...], Field(min_length=1)] | None = None
    r_max_A: Positive = 10.0
    dr_A: Positive = 0.05
    norm: Literal["g", "paper", "density"] = "g"
    frames: Count = 2000
    """At most so many, evenly spaced."""


class Vibrations(Section):
    """Vibrational densities of states, as `ufp vdos`."""

    elements: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    norm: Literal["dof", "paper", "unit"] = "dof"
    segment_ps: Positive = 16.7
    limits_cm: tuple[float, float] | None = None
    smoothing_cm: Positive = 15.0
    order: Annotated[int, Field(ge=0)] = 3


class Angles(Section):
    """Tetrahedra and the ions around them, as `ufp angles`."""

    centre: str | None = None
    ligand: str | None = None
    lattice: str | None = None
    bond_cutoff_A: Positive | None = None
    kind: Literal["face", "bond"] = "face"
    reference_deg: Positive | None = None
    cutoff_cm: Positive = 5.0
    filtered: bool = False
    ion: str | None = None
    """Also the density of this element around the polyanions."""

    @model_validator(mode="after")
    def _one_kind_of_tetrahedra(self) -> Angles:
        if (self.centre is None) != (self.ligand is None) or (self.centre is None) == (self.lattice is None):
            raise ValueError("expected centre with ligand, or lattice: it says which atoms form tetrahedra")
        if self.ion is not None and self.centre is None:
            raise ValueError("ion needs centre and ligand: the angle is centre-ligand-ion")
        return self


class VanHove(Section):
    """Van Hove functions of the ions, as `ufp vanhove`."""

    r_max_A: Positive = 8.0
    dr_A: Positive = 0.05
    max_lag_ps: Positive | None = None
    spacing: Literal["log", "linear"] = "log"
    origins: Count = 500
    relative: bool = False


class Output(Section):
    """Where results go."""

    folder: OutputPath


class StudyConfig(Section):
    """A whole study file."""

    system: System
    md: MolecularDynamics | None = None
    trajectory: Trajectory
    efg: ElectricFieldGradient = ElectricFieldGradient()
    nmr: Nmr
    decay: Decay = Decay()
    hops: Hops = Hops()
    sites: Sites | None = None
    rdf: PairCorrelation | None = None
    vdos: Vibrations | None = None
    angles: Angles | None = None
    vanhove: VanHove | None = None
    output: Output

    @model_validator(mode="after")
    def _one_source_of_frames(self) -> StudyConfig:
        if (self.md is None) == (self.trajectory.path is None):
            found = "both" if self.md else "neither"
            raise ValueError(f"expected either [md] or trajectory.path, found {found}")
        if self.efg.continue_series is not None and (self.md is None or self.md.continue_from is None):
            raise ValueError("efg.continue_series needs md.continue_from: the restart where that series ends")
        return self

    @model_validator(mode="after")
    def _elements_that_are_there(self) -> StudyConfig:
        there = self.trajectory.elements
        for key, name in self._named_elements():
            if there is not None and name not in there:
                raise ValueError(f"{key}: expected one of trajectory.elements ({', '.join(there)}), found {name!r}")
        return self

    @property
    def efg_model(self) -> Path:
        """The model of the tensors: the one named, or the one shipped for the elements and the isotope.

        Raises
        ------
        InputError
            None is named and none fits.
        """
        from ufpnmr.efg.shipped import shipped_model

        if self.efg.model is not None:
            return self.efg.model
        if self.trajectory.elements is None:
            raise InputError("efg.model: name a model, or give trajectory.elements, by which a shipped one is found")
        return shipped_model(self.trajectory.elements, self.nmr.isotope.lstrip("0123456789"))

    @model_validator(mode="after")
    def _a_model_that_fits(self) -> StudyConfig:
        try:
            self.efg_model  # noqa: B018
        except InputError as error:
            raise ValueError(f"efg.model: {str(error).removeprefix('efg.model: ')}") from None
        return self

    def _named_elements(self) -> Iterator[tuple[str, str]]:
        """Every element that an analysis names, with its key."""
        sections = {"sites": ("ion", "ligand"), "angles": ("centre", "ligand", "lattice", "ion")}
        for section, keys in sections.items():
            for key in keys:
                name = getattr(getattr(self, section), key, None)
                if name is not None:
                    yield f"{section}.{key}", name
        for pair in (self.rdf and self.rdf.pairs) or ():
            yield from (("rdf.pairs", name) for name in pair)
        yield from (("vdos.elements", name) for name in (self.vdos and self.vdos.elements) or ())


def read_config(path: str | Path) -> StudyConfig:
    """Read and check a study file; relative paths in it start at its own folder.

    Raises
    ------
    InputError
        See `ufpnmr.toml_file.read_toml`.
    """
    return read_toml(path, StudyConfig, "a study in TOML (docs: study)")
