"""The TOML of an active-learning run: what is known, where to look, what to spend, whom to ask, when to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from ufpnmr.active.selection import Method
from ufpnmr.errors import InputError
from ufpnmr.potential.fit_config import FitConfig
from ufpnmr.potential.fit_config import read_config as read_fit_config
from ufpnmr.toml_file import Count, InputFile, OutputPath, Positive, Section, read_toml

__all__ = [
    "ActiveConfig",
    "Gradients",
    "Labelling",
    "MDConfig",
    "PathConfig",
    "SelectionConfig",
    "State",
    "Stopping",
    "read_config",
]

WAIT = "external"
"""Labeller that labels nothing: the run ends and goes on when the labels are there."""


def _existing_folder(path: Path, info: ValidationInfo) -> Path:
    folder: Path = info.context["folder"] if info.context else Path()
    path = path if path.is_absolute() else folder / path
    if not path.is_dir():
        raise ValueError(f"no such folder: {path}")
    return path


InputFolder = Annotated[Path, AfterValidator(_existing_folder)]
"""An existing folder; relative paths start at the folder of the TOML file."""
Number = Annotated[int, Field(ge=0)]


class State(Section):
    """Where molecular dynamics is run: every temperature at every volume."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    """Part of the names of folders and structures."""
    structure: InputFile
    """Start, in a format that ASE reads; the last structure of the file."""
    config_type: str
    """Of the frames: crystal, amorphous ..."""
    temperatures_K: Annotated[list[Positive], Field(min_length=1)]
    volume_factors: Annotated[list[Positive], Field(min_length=1)] = Field(default=[1.0])
    """Volume over that of the file; the cell is scaled evenly."""
    repeat: tuple[Count, Count, Count] = (1, 1, 1)
    """Supercell."""


class MDConfig(Section):
    """How the molecular dynamics is run."""

    steps: Count
    """Of each run in each cycle."""
    timestep_ps: Positive
    frame_every: Count
    """Steps between frames."""
    look_every: Count = 10
    """Frames between two looks at the predicted errors: the leash."""
    candidate_every: Count = 1
    """Every so many frames one is a candidate; the frames around hops are in any case."""
    skip_frames: Number = 0
    """At the start of a run; no candidates."""
    largest_force_error: Positive | None = None
    """eV/Å; a run ends with the first frame with a larger predicted error of a force."""
    continued: bool = False
    """Start where the same run of the cycle before ended, if it was complete; else from the structure file."""
    damping_ps: Positive = 0.1
    """Of the Nosé-Hoover thermostat."""
    ranks: Count = 1
    threads: Count = 1


class Hops(Section):
    """Frames around hops of ions as candidates."""

    element: str = "Li"
    frames: Number = 1
    """So many before and after the middle of the hop."""
    minimum_residence_ps: Positive | None = None
    """See `ufp hops`."""
    outer_radius_A: Positive | None = None
    """See `ufp hops`."""


class PathConfig(Section):
    """Images of the path of least energy between two structures, by `neb` of LAMMPS, as candidates."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    initial: InputFile
    final: InputFile
    """The same atoms in the same order and cell."""
    images: Annotated[int, Field(ge=3, le=64)] = 7
    """Ends included; one process each."""
    config_type: str = "neb"
    steps: Count = 200
    """Of the minimisation, and as many with a climbing image."""
    force_eV_per_A: Positive = 0.05
    """Where the minimisation stops."""


class Candidates(Section):
    """Candidates that are not sampled, and which ones are too odd."""

    pool: list[InputFile] = Field(default_factory=list)
    """Structures in files; without [[states]] and [[paths]] the only candidates."""
    folders: list[InputFolder] = Field(default_factory=list)
    """Every file in them that ASE reads is looked at anew in each cycle."""
    config_type: str = "pool"
    """Of structures that have none."""
    largest_force_error: Positive | None = None
    """eV/Å; structures with a larger predicted error of a force, from whatever source, are too odd to be labelled."""


class SelectionConfig(Section):
    """What is chosen in each cycle."""

    method: Method = "information"
    structures: Count | None = None
    """Largest number per cycle."""
    atoms: Count | None = None
    """Largest number of atoms per cycle."""
    cost_exponent: Annotated[float, Field(ge=0, le=4)] | None = None
    """Labels of N atoms cost N to this power; 1 where the budget is in atoms, else 0."""
    reserve: dict[Literal["md", "hops", "neb", "pool", "folder"], Count] = Field(default_factory=dict)
    """Structures of these sources that are chosen before all others."""

    @model_validator(mode="after")
    def _some_budget(self) -> SelectionConfig:
        if self.structures is None and self.atoms is None:
            raise ValueError("expected a budget: structures, atoms or both")
        return self


class Labelling(Section):
    """Who labels; see `ufp active label`."""

    name: str
    """A shipped labeller, module:factory, or external: wait for labels made elsewhere."""
    options: dict[str, Any] = Field(default_factory=dict)
    jobs: Count = 1
    nice: Annotated[int, Field(ge=0, le=19)] = 0
    dask: str | None = None
    """Address of a Dask scheduler."""


class Gradients(Section):
    """A model of field gradients that learns beside the potential."""

    fit_file: InputFile
    """The TOML of `ufp efg fit`: initial labelled structures and settings."""
    labeller: Labelling | None = None
    """Who makes the tensors; without it they are those that the other labels hold, if any."""
    structures: Count | None = None
    """So many of the structures chosen in a cycle get tensors, in the order of their choice; all if not given."""

    @model_validator(mode="after")
    def _structures_of_a_labeller(self) -> Gradients:
        if self.structures is not None and self.labeller is None:
            raise ValueError("structures: expected a [gradients.labeller] whose work it limits")
        return self


class Stopping(Section):
    """When the run ends; checked after each fit."""

    maximum_cycles: Count
    """Rounds of labelling."""
    patience: Count = 2
    """Cycles over which a change is judged."""
    force_rmse_change: Positive | None = None
    """Converged: the withheld force error fell by less than this fraction over `patience` cycles."""
    uncertainty_change: Positive | None = None
    """Stable: the mean predicted force error changed by less than this fraction over `patience` cycles."""
    largest_force_error: Positive | None = None
    """eV/Å; good enough: no candidate has a larger predicted error of a force."""


class Output(Section):
    """Where the cycles go."""

    folder: OutputPath


class ActiveConfig(Section):
    """A whole run."""

    title: str
    seed: Number = 0
    fit_file: InputFile | None = None
    """The TOML of `ufp fit`: initial labelled structures and settings."""
    fit: FitConfig | None = None
    """The same tables, instead."""
    states: list[State] = Field(default_factory=list)
    md: MDConfig | None = None
    hops: Hops | None = None
    paths: list[PathConfig] = Field(default_factory=list)
    candidates: Candidates = Candidates()
    selection: SelectionConfig
    labeller: Labelling
    gradients: Gradients | None = None
    stop: Stopping
    output: Output

    @model_validator(mode="after")
    def _consistent(self) -> ActiveConfig:
        if (self.fit_file is None) == (self.fit is None):
            raise ValueError("expected fit_file or a [fit] table, and not both")
        if bool(self.states) != (self.md is not None):
            raise ValueError("expected [[states]] and [md] together")
        if self.hops is not None and not self.states:
            raise ValueError("hops: expected [[states]] in whose runs to find them")
        if not (self.states or self.paths or self.candidates.pool or self.candidates.folders):
            raise ValueError("expected a source of candidates: [[states]], [[paths]], candidates.pool or .folders")
        names = [state.name for state in self.states] + [path.name for path in self.paths]
        if len(set(names)) < len(names):
            raise ValueError(f"expected states and paths of different names, found {', '.join(names)}")
        return self

    @property
    def fit_config(self) -> FitConfig:
        """The settings of the fits."""
        if self.fit is not None:
            return self.fit
        assert self.fit_file is not None
        return read_fit_config(self.fit_file)


def read_config(path: str | Path) -> ActiveConfig:
    """Read and check the file of an active-learning run; relative paths in it start at its own folder.

    Raises
    ------
    InputError
        See `ufpnmr.toml_file.read_toml`; also where the fit file is wrong, or nothing is withheld to judge a fit by.
    """
    config = read_toml(path, ActiveConfig, "an active-learning run in TOML (docs: active)")
    fit = config.fit_config
    if not fit.data.test and fit.data.withhold is None:
        raise InputError(
            f"{path}: the fit withholds nothing: give data.test or data.withhold, by which cycles are judged"
        )
    return config
