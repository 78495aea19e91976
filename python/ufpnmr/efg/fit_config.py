"""The TOML of an EFG fit: labels, descriptor, regression, and what is held back to judge it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ufpnmr.toml_file import Count, InputFile, Positive, Section, read_toml

__all__ = ["FitConfig", "candidates", "read_config"]

_TENSORS_ONLY = {"data": ("efg_units", "sign", "check_units", "allow_missing", "site"), "model": ("tensors",)}
"""Keys that mean nothing for a scalar property."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
Scaling = tuple[Positive, Positive] | Literal[False]


class Data(Section):
    """Labelled structures."""

    train: Annotated[list[InputFile], Field(min_length=1)]
    """extxyz (also compressed) or magres."""
    test: list[InputFile] = Field(default_factory=list)
    """Files that are only used to judge the model, once, at the end."""
    withhold: Fraction | None = None
    """Fraction of the groups of `train` that is only used to judge the model."""
    seed: int = 0
    efg_units: Literal["au", "V/Ang^2"] | None = None
    """Unit of extxyz files that do not say it."""
    sign: Literal[1, -1] = 1
    """-1 for codes in which a positive charge on z gives V_zz < 0."""
    check_units: bool = True
    """Refuse structures whose tensors look as if they were in another unit than the others."""
    allow_missing: bool = False
    """Whether centres may lack a label in magres files."""
    group: str = "group"
    """Name in the file under which structures of one run are marked; structures without it are groups of their own."""
    site: str = "site"
    """Per-atom array with the kind of site, for errors by site."""
    exclude: tuple[str, ...] = ()
    """Configuration types that are left out."""


class Model(Section):
    """What is regressed on what."""

    property: str = "efg"
    """"efg" (λ = 2), or the name of a per-atom array of one number, which becomes a λ = 0 model."""
    unit: str | None = None
    """Of a property other than efg; kept in the model."""
    centres: Annotated[tuple[str, ...], Field(min_length=1)]
    """Elements at which the model predicts."""
    species: tuple[str, ...] | None = None
    """Elements of neighbours; those of the training structures if not given."""
    zeta: Annotated[int, Field(ge=1, le=4)] = 2
    tensors: Count = 150
    """λ = 2 features to keep."""
    invariants: Count = 75
    """λ = 0 features to keep."""
    selection_environments: Count = 400
    """Environments on which features are selected."""

    @model_validator(mode="after")
    def _unit_of_scalars(self) -> Model:
        if (self.property == "efg") != (self.unit is None):
            raise ValueError(f"expected unit with a property other than efg, and only there, found {self.unit!r}")
        return self


class Soap(Section):
    """λ-SOAP; see `ufpnmr.efg.descriptor.Descriptor`."""

    basis: Literal["gto", "laplacian"] = "gto"
    cutoff: Positive = 6.0
    width: Positive = 0.5
    sigma: Positive = 0.4
    n_max: Annotated[int, Field(ge=1, le=16)] = 6
    l_max: Annotated[int, Field(ge=1, le=8)] = 4
    centre_weight: float = 1.0
    scaling: Scaling = (3.0, 4.0)
    """r_0 in Å and exponent; false for none."""

    @model_validator(mode="after")
    def _width_below_cutoff(self) -> Soap:
        if self.width >= self.cutoff:
            raise ValueError(f"expected a width below the cutoff {self.cutoff:g} Å, found {self.width:g} Å")
        return self


class Solver(Section):
    """How the regression is solved."""

    method: Literal["primal", "sparse"] | None = None
    """primal: all environments, ζ = 2 only, the default there; sparse: `active` environments, any ζ."""
    active: Count = 1000
    iterations: Count = 300
    regularisation: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=[1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
    )
    """Noise variances to choose from, in units of the mean square of a label component."""
    scratch: Path | None = None
    """Folder for the features; the system's folder for temporary files if not given."""


class Grid(Section):
    """Hyperparameters to choose from by cross-validation: all combinations."""

    cutoff: list[Positive] = Field(default_factory=list)
    sigma: list[Positive] = Field(default_factory=list)
    n_max: list[Count] = Field(default_factory=list)
    l_max: list[Count] = Field(default_factory=list)
    scaling: list[Scaling] = Field(default_factory=list)
    zeta: list[Annotated[int, Field(ge=1, le=4)]] = Field(default_factory=list)


class Bond(Section):
    """A ligand of a molecule and its centre: S and P of PS4."""

    centre: str
    ligand: str
    cutoff: Positive
    """Å. A ligand belongs to the nearest centre within it."""

    @model_validator(mode="after")
    def _two_elements(self) -> Bond:
        if self.centre == self.ligand:
            raise ValueError(f"expected a centre and a ligand of two elements, found {self.centre!r} twice")
        return self


class Baseline(Section):
    """A linear model beneath the regression; see `ufpnmr.efg.baseline`."""

    kind: Literal["charges", "polarisable"] = "charges"
    """Point charges, one fitted number per species, or also molecules that are polarised."""
    subtract: bool = False
    """Train on what it leaves; prediction then needs its lattice sums."""
    bonds: tuple[Bond, ...] = ()
    """Of the molecules."""
    first: Positive = 1.5
    """Å, where the splines of the short range begin."""
    cutoff: Positive = 6.0
    """Å, where they end."""
    splines: Annotated[int, Field(ge=1, le=64)] = 8
    surroundings: Annotated[int, Field(ge=0, le=64)] = 4
    """Splines, over the same distances, of the vectors from a ligand to the atoms around it; 0 leaves out those and
    ligands without a bond."""
    references: Annotated[int, Field(ge=0, le=4096)] = 200
    """Pairs of a site and a ligand with which the kernel compares others; 0 for no kernel."""
    kernel_cutoff: Positive = 5.0
    """Å, up to where it looks."""
    regularisation: Annotated[list[Positive], Field(min_length=1)] = Field(
        default=[1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
    )
    """Strengths of the ridge to choose from, in units of the mean square of a column."""

    @model_validator(mode="after")
    def _of_molecules(self) -> Baseline:
        molecules = self.model_fields_set - {"kind", "subtract"}
        if self.kind == "charges" and molecules:
            raise ValueError(f"{min(molecules)} is for kind = 'polarisable'; give that or remove it")
        if self.kind == "polarisable" and not self.bonds:
            raise ValueError(
                "kind = 'polarisable' needs bonds, for example [{centre = 'P', ligand = 'S', cutoff = 2.7}]"
            )
        pairs = [(bond.centre, bond.ligand) for bond in self.bonds]
        if len(set(pairs)) != len(pairs):
            raise ValueError(f"expected each pair of elements once in bonds, found {pairs}")
        if self.first >= self.cutoff:
            raise ValueError(f"expected first below the cutoff {self.cutoff:g} Å, found {self.first:g} Å")
        return self


class Committee(Section):
    """Models of random halves of the data, whose spread is the uncertainty."""

    members: Annotated[int, Field(ge=2, le=64)] = 8
    calibration_folds: Count = 2
    """Folds on which the spread is compared with the error."""


class Report(Section):
    """What the report says."""

    isotope: str = "7Li"
    quadrupole_moment: float | None = None
    """mb, with its sign; that of the isotope if not given."""
    bootstrap: Annotated[int, Field(ge=20)] = 400
    """Resamples of the structures for the intervals."""
    learning_curve: bool = True


class FitConfig(Section):
    """A whole fit file."""

    title: str
    data: Data
    model: Model
    descriptor: Soap = Soap()
    solver: Solver = Solver()
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    seed: int = 0
    grid: Grid = Grid()
    baseline: Baseline = Baseline()
    committee: Committee | None = Committee()
    report: Report = Report()
    metadata: dict[str, str] = Field(default_factory=dict)
    """Source, functional, licence of the labels: stored in the model."""

    @model_validator(mode="after")
    def _primal_means_zeta_2(self) -> FitConfig:
        zetas = {self.model.zeta, *self.grid.zeta}
        if self.solver.method == "primal" and zetas != {2}:
            raise ValueError(f"solver.method 'primal' needs zeta = 2, found {sorted(zetas)}; use 'sparse'")
        return self

    @model_validator(mode="after")
    def _tensors_only(self) -> FitConfig:
        if self.model.property == "efg":
            return self
        given = [f"[{name}]" for name in ("committee", "baseline", "report") if name in self.model_fields_set]
        for name, keys in _TENSORS_ONLY.items():
            given += [f"{name}.{key}" for key in keys if key in getattr(self, name).model_fields_set]
        if given:
            raise ValueError(f"{given[0]} is for field gradients, found property {self.model.property!r}; remove it")
        return self


def read_config(path: str | Path) -> FitConfig:
    """Read and check the file of a fit; relative paths in it start at its own folder.

    Raises
    ------
    InputError
        See `ufpnmr.toml_file.read_toml`.
    """
    return read_toml(path, FitConfig, "an EFG fit in TOML (docs: efg_training)")


def candidates(config: FitConfig) -> list[tuple[Soap, int]]:
    """Return descriptor and ζ of every point of the grid, that of the sections if there is none."""
    names = [name for name in type(config.grid).model_fields if getattr(config.grid, name)]
    points = []
    for values in itertools.product(*(getattr(config.grid, name) for name in names)):
        chosen = dict(zip(names, values, strict=True))
        zeta = chosen.pop("zeta", config.model.zeta)
        points.append((Soap.model_validate({**config.descriptor.model_dump(), **chosen}), zeta))
    return points
