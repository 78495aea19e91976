"""The TOML of a study: what may stand in it, and one-line answers to what may not."""

from __future__ import annotations

import re
import sys
import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ufpnmr.errors import InputError, nearest
from ufpnmr.results import STATUSES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["StudyConfig", "read_config"]


def _beside_the_toml(path: Path, info: ValidationInfo) -> Path:
    folder: Path = info.context["folder"] if info.context else Path()
    return path if path.is_absolute() else Path(folder / path)


def _existing(path: Path, info: ValidationInfo) -> Path:
    path = _beside_the_toml(path, info)
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    return path


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


InputFile = Annotated[Path, AfterValidator(_existing)]
OutputFolder = Annotated[Path, AfterValidator(_beside_the_toml)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Direction = Annotated[tuple[float, float, float], AfterValidator(_direction)]
Statuses = Annotated[tuple[str, ...], BeforeValidator(_statuses)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class System(_Section):
    """What is simulated; printed in the report."""

    title: str
    phase: str
    temperature_K: Positive
    axes: str
    """Names of the box axes, e.g. "x=a y=b z=c (Pnma)"."""
    caveats: tuple[str, ...] = ()
    expected_status: dict[str, Statuses] = {}
    """Record name -> status (or statuses) expected of this run; headline records not named must be claimed."""


class MolecularDynamics(_Section):
    """A LAMMPS run through an input script that takes its settings as ``-var`` (see inputs/lps/in.md)."""

    input: InputFile
    data: InputFile
    potential: InputFile
    steps: Count
    """Total number of steps, those of `continue_from` included."""
    dump_every: Count
    ranks: Count = 1
    threads: Count = 1
    variables: Annotated[dict[str, str | int | float], AfterValidator(_free_names)] = {}
    continue_from: InputFile | None = None


class Trajectory(_Section):
    """How positions are read; `path` names an existing trajectory when there is no [md]."""

    timestep_ps: Positive
    selection: str
    path: InputFile | None = None
    elements: tuple[str, ...] | None = None
    topology: InputFile | None = None
    drift: Literal["framework", "com", "none"] = "framework"


class ElectricFieldGradient(_Section):
    """The engine of the tensors."""

    model: InputFile
    engine: Literal["point-charges"] = "point-charges"
    continue_series: InputFile | None = None


class Nmr(_Section):
    """What the spectrometer would see."""

    isotope: str
    fields: Annotated[dict[str, Direction], Field(min_length=1), AfterValidator(_file_names)]
    """Name -> direction of the magnetic field in the box frame."""
    convention: str = "harper2025"
    ordering: Literal["haeberlen", "nqr"] = "haeberlen"
    average_ps: Positive | None = None
    """Tensors are averaged over this time first (vibrations)."""
    blocks: Annotated[int, Field(ge=16)] = 16


class Decay(_Section):
    """Fit of eq. 5 of Harper et al. 2025."""

    gamma: Annotated[float, Field(gt=0, le=1)] | Literal["free"] = 1.0
    plateau: Annotated[float, Field(ge=0, lt=1)] | None = None
    window_ps: Positive | None = None


class Hops(_Section):
    """Hop detection without a site list."""

    minimum_residence_ps: Positive | None = None
    outer_radius_A: Positive | None = None


class Sites(_Section):
    """Labels by coordination."""

    ion: str
    ligand: str
    coordination: Annotated[tuple[int, ...], Field(min_length=1)]
    radius_A: Positive | None = None
    half_gap_A: Annotated[float, Field(ge=0)] | None = None


class Output(_Section):
    """Where results go."""

    folder: OutputFolder


class StudyConfig(_Section):
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

    Parameters
    ----------
    path : path
        The TOML file.

    Raises
    ------
    InputError
        Not TOML, a key that does not exist (the nearest valid one is named), a missing key, a wrong value or file.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a study in TOML (docs: study)")
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected TOML: {error}") from None
    try:
        return StudyConfig.model_validate(document, context={"folder": path.resolve().parent})
    except ValidationError as error:
        # a misspelt required key is also a missing one: name the misspelling
        first = min(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
        raise InputError(f"{path}{_line_of(first['loc'], text)}: {_one_line(first)}") from None


def _line_of(location: tuple[int | str, ...], text: str) -> str:
    """Return ``":7"`` if the offending key or section is written on line 7 and only there."""
    names = [part for part in location if isinstance(part, str)]
    if not names:
        return ""
    key = re.compile(rf"\s*(\[{re.escape('.'.join(names))}\]|{re.escape(names[-1])}\s*=)")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if key.match(line)]
    return f":{lines[0]}" if len(lines) == 1 else ""


def _one_line(error: Any) -> str:
    location = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        *sections, key = location
        model = _model_at(sections)
        where = f"[{'.'.join(sections)}]: " if sections else ""
        return f"{where}unknown key {key!r}{nearest(key, model.model_fields)}; valid: {', '.join(model.model_fields)}"
    name = ".".join(location)
    if error["type"] == "missing":
        return f"{name} is missing; it has no default and must be given"
    message = error["msg"].removeprefix("Value error, ")
    found = "" if error["type"] == "value_error" else f", found {error['input']!r}"
    return f"{name}: {message}{found}" if name else f"{message}{found}"


def _model_at(sections: list[str]) -> type[BaseModel]:
    model: type[BaseModel] = StudyConfig
    for section in sections:
        annotation = model.model_fields[section].annotation
        options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
        model = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return model
