"""A study file that lists temperatures: one study for each, in sub-folders of its output folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ufpnmr.errors import InputError
from ufpnmr.study.config import Statuses, StudyConfig
from ufpnmr.toml_file import Positive, Section, check_toml, load_toml

__all__ = ["ScanConfig", "read_scan", "temperature_name"]

_WHAT = "a study in TOML (docs: study)"


def temperature_name(kelvin: float) -> str:
    """Return the name of a temperature's sub-folder: "600K"."""
    return f"{kelvin:g}K"


def _distinct(kelvin: tuple[float, ...]) -> tuple[float, ...]:
    if len(set(kelvin)) < max(2, len(kelvin)):
        raise ValueError(f"expected at least two temperatures, each once, found {list(kelvin)}")
    return kelvin


class Changes(Section):
    """What is different at one temperature; each table changes the keys it names in that of the whole file."""

    expected_status: dict[str, Statuses] = Field(default_factory=dict)
    md: dict[str, Any] = Field(default_factory=dict)
    trajectory: dict[str, Any] = Field(default_factory=dict)
    efg: dict[str, Any] = Field(default_factory=dict)
    decay: dict[str, Any] = Field(default_factory=dict)
    hops: dict[str, Any] = Field(default_factory=dict)
    sites: dict[str, Any] = Field(default_factory=dict)
    rdf: dict[str, Any] = Field(default_factory=dict)
    vdos: dict[str, Any] = Field(default_factory=dict)
    angles: dict[str, Any] = Field(default_factory=dict)
    vanhove: dict[str, Any] = Field(default_factory=dict)


class Temperatures(Section):
    """The section [temperatures]."""

    kelvin: Annotated[tuple[Positive, ...], AfterValidator(_distinct)]
    predict_K: tuple[Positive, ...] = ()
    """Where the fitted laws are evaluated; outside `kelvin` that is an extrapolation, and said so."""
    at: dict[str, Changes] = Field(default_factory=dict)
    """Temperature, as text -> what is different there."""

    @model_validator(mode="after")
    def _known(self) -> Temperatures:
        for name in self.at:
            if name not in {f"{kelvin:g}" for kelvin in self.kelvin}:
                raise ValueError(f"temperatures.at: expected one of kelvin = {list(self.kelvin)}, found {name!r}")
        return self


@dataclasses.dataclass(frozen=True)
class ScanConfig:
    """One study per temperature.

    Attributes
    ----------
    folder : Path
        Output folder of the whole; a study works in the sub-folder `temperature_name`.
    kelvin, predict : tuple of float
        K: simulated, and evaluated from the fits.
    studies : tuple of StudyConfig
        In the order of `kelvin`.
    """

    folder: Path
    kelvin: tuple[float, ...]
    predict: tuple[float, ...]
    studies: tuple[StudyConfig, ...]


def read_scan(path: str | Path) -> ScanConfig | None:
    """Read and check a study file with a section [temperatures]; None if it has none.

    Raises
    ------
    InputError
        See `ufpnmr.toml_file.read_toml`; also a temperature in [system] beside those of [temperatures].
    """
    text, document = load_toml(path, _WHAT)
    if "temperatures" not in document:
        return None
    section = check_toml({"temperatures": document.pop("temperatures")}, _Head, path, text).temperatures
    system, output = _table(document, "system"), _table(document, "output")
    if "temperature_K" in system:
        raise InputError(f"{path}: expected either system.temperature_K or [temperatures], found both")
    studies = []
    for kelvin in section.kelvin:
        changes = section.at.get(f"{kelvin:g}", Changes())
        one = {
            **document,
            "system": {
                **system,
                "temperature_K": kelvin,
                "expected_status": {**_table(system, "expected_status"), **changes.expected_status},
            },
            **{
                name: {**_table(document, name), **table}
                for name, table in changes.model_dump(exclude={"expected_status"}).items()
                if table
            },
        }
        if isinstance(output.get("folder"), str):
            one["output"] = {**output, "folder": str(Path(output["folder"]) / temperature_name(kelvin))}
        studies.append(check_toml(one, StudyConfig, path, text))
    return ScanConfig(studies[0].output.folder.parent, section.kelvin, section.predict_K, tuple(studies))


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


class _Head(Section):
    temperatures: Temperatures
