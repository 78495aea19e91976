"""The TOML of a study: what may stand in it, and one-line answers to what may not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ufpnmr.errors import nearest
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
    """The engine of the tensors."""

    model: InputFile
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


class Output(Section):
    """Where results go."""

    folder: OutputPath


class StudyConfig(Section):
    """A whole study file."""

    system: System
    md: MolecularDynamics | None = None
    trajectory: Trajectory
    efg: ElectricFieldGradient
    nmr: Nmr
    decay: Decay = Decay()
    hops: Hops = Hops()
    sites: Sites | None = None
    output: Output

    @model_validator(mode="after")
    def _one_source_of_frames(self) -> StudyConfig:
        if (self.md is None) == (self.trajectory.path is None):
            found = "both" if self.md else "neither"
            raise ValueError(f"expected either [md] or trajectory.path, found {found}")
        if self.efg.continue_series is not None and (self.md is None or self.md.continue_from is None):
            raise ValueError("efg.continue_series needs md.continue_from: the restart where that series ends")
        return self


def read_config(path: str | Path) -> StudyConfig:
    """Read and check a study file; relative paths in it start at its own folder.

    Raises
    ------
    InputError
        See `ufpnmr.toml_file.read_toml`.
    """
    return read_toml(path, StudyConfig, "a study in TOML (docs: study)")
