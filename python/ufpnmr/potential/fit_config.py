"""The TOML of a fit: data, splines, noise, regularisation, and what is held back to judge it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ufpnmr.errors import InputError, nearest
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.potential.regularisation import Form, Regularisation
from ufpnmr.toml_file import Count, InputFile, Positive, Section, read_toml

__all__ = ["FitConfig", "basis_of", "read_config"]

Fraction = Annotated[float, Field(gt=0, lt=1)]
Trim = Annotated[int, Field(ge=0, le=8)]
NotNegative = Annotated[float, Field(ge=0)]
Strength = Literal["ridge_1b", "ridge_2b", "ridge_3b", "curvature_2b", "curvature_3b"]


class PairSplines(Section):
    """Spline of a pair: equidistant knots, or all of them."""

    first_knot: Positive
    cutoff: Positive
    intervals: Count
    leading_trim: Trim = 0
    trailing_trim: Trim = 3


class TripletSplines(Section):
    """Splines of a triplet; one number means both legs alike and twice that for the opposite side."""

    first_knot: Positive | tuple[Positive, Positive, Positive]
    """Å; one number holds for all three distances."""
    cutoff: Positive | tuple[Positive, Positive, Positive]
    """Å, r_ij r_ik r_jk; one number c means c, c, 2 c."""
    intervals: Count | tuple[Count, Count, Count]
    """One number n means n, n, 2 n."""
    leading_trim: Trim = 3
    trailing_trim: Trim = 3


class PairChanges(Section):
    """What a pair has of its own."""

    first_knot: Positive | None = None
    cutoff: Positive | None = None
    intervals: Count | None = None
    leading_trim: Trim | None = None
    trailing_trim: Trim | None = None


class TripletChanges(Section):
    """What a triplet has of its own."""

    first_knot: Positive | tuple[Positive, Positive, Positive] | None = None
    cutoff: Positive | tuple[Positive, Positive, Positive] | None = None
    intervals: Count | tuple[Count, Count, Count] | None = None
    leading_trim: Trim | None = None
    trailing_trim: Trim | None = None


class Splines(Section):
    """Knots of all terms; `pairs` and `triplets` name those that differ ("Li-S", "P-S-S")."""

    elements: tuple[str, ...] | None = None
    """Those of the data if not given."""
    pair: PairSplines
    triplet: TripletSplines | None = None
    """Without it the potential has two-body terms only."""
    pairs: dict[str, PairChanges] = Field(default_factory=dict)
    triplets: dict[str, TripletChanges] = Field(default_factory=dict)


class Data(Section):
    """Labelled structures."""

    train: Annotated[list[InputFile], Field(min_length=1)]
    test: list[InputFile] = Field(default_factory=list)
    """Files that are only used to judge the fit."""
    withhold: Fraction | None = None
    """Fraction of the groups of `train` that is only used to judge the fit."""
    seed: int = 0
    keys: dict[str, str] = Field(default_factory=dict)
    """Other names of labels in the files."""
    group: str = "group"
    """Name in the file under which structures of one run are marked; structures without it are groups of their own."""
    exclude: tuple[str, ...] = ()
    """Configuration types that are left out."""


class Noise(Section):
    """Standard deviation of the labels, or what the fit is asked to reach."""

    energy: Positive
    """eV per atom."""
    forces: Positive
    """eV/Å per component."""
    stress: Positive | None = None
    """Virial per atom, eV; stresses are not used without it."""


class TypeWeights(Section):
    """Factors of the squared errors of a configuration type."""

    energy: NotNegative = 1.0
    forces: NotNegative = 1.0
    stress: NotNegative = 1.0


class Strengths(Section):
    """Regularisation by body order, 1/eV²: one over the prior variance of a coefficient or second difference."""

    ridge_1b: NotNegative = 1e-4
    ridge_2b: NotNegative
    ridge_3b: NotNegative = 100.0
    curvature_2b: NotNegative
    curvature_3b: NotNegative = 100.0
    form: Form = "differences"
    """See `ufpnmr.potential.regularisation`."""

    def regularisation(self) -> Regularisation:
        """Return them as the solver takes them."""
        ridge = {1: self.ridge_1b, 2: self.ridge_2b, 3: self.ridge_3b}
        return Regularisation(ridge, {2: self.curvature_2b, 3: self.curvature_3b}, self.form)


class OneBody(Section):
    """Energies of isolated atoms."""

    mode: Literal["fitted", "fixed", "isolated"] = "fitted"
    """fitted with the rest; fixed at `energies`; isolated: from structures of one atom in the training files."""
    energies: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _energies_where_fixed(self) -> OneBody:
        if (self.mode == "fixed") != bool(self.energies):
            raise ValueError("expected energies with mode 'fixed' and only then")
        return self


class Search(Section):
    """Choice of the regularisation by cross-validation over groups, one strength at a time."""

    folds: Annotated[int, Field(ge=2, le=20)] = 5
    strengths: Annotated[list[Strength], Field(min_length=1)] = Field(
        default=["curvature_2b", "ridge_3b", "curvature_3b"]
    )
    """Which strengths may change."""
    factor: Annotated[float, Field(gt=1)] = 10.0
    """Step of a strength."""
    rounds: Count = 3
    """Most passes over all strengths."""
    rule: Literal["minimum", "one-standard-error"] = "minimum"
    """Least error; or the strongest smoothing whose error is within one standard error of the least."""


class Prior(Section):
    """What the coefficients are drawn to; zero if not given."""

    potential: InputFile
    """A potential with the same knots; blocks that it lacks stay at zero."""


class FitConfig(Section):
    """A whole fit file."""

    title: str
    data: Data
    splines: Splines
    noise: Noise
    regularisation: Strengths
    weights: dict[str, TypeWeights] = Field(default_factory=dict)
    """Configuration type -> factors."""
    one_body: OneBody = OneBody()
    search: Search | None = None
    prior: Prior | None = None
    start_from: Annotated[list[InputFile], Field()] = Field(default_factory=list)
    """Normal equations of earlier fits (NAME.gram.h5) that are added."""
    author: str = "ufpnmr"
    citation: str = "none"


def read_config(path: str | Path) -> FitConfig:
    """Read and check the file of a fit; relative paths in it start at its own folder.

    Raises
    ------
    InputError
        See `ufpnmr.toml_file.read_toml`.
    """
    return read_toml(path, FitConfig, "a fit in TOML (docs: fit)")


def basis_of(splines: Splines, elements: tuple[str, ...]) -> SplineBasis:
    """Return the basis of the splines for some elements, ordered as in the file.

    Raises
    ------
    InputError
        Changes for a pair or triplet of other elements, or knots and trims that leave no free coefficient.
    """
    changes_2 = {_pair_key(name, elements): change for name, change in splines.pairs.items()}
    changes_3 = {_triplet_key(name, elements): change for name, change in splines.triplets.items()}
    blocks = []
    pairs = [(a, b) for i, a in enumerate(elements) for b in elements[i:]]
    for a, b in pairs:
        s = splines.pair.model_copy(update=_given(changes_2.get((a, b))))
        knots = _knots(f"pair {a}-{b}", s.first_knot, s.cutoff, s.intervals)
        blocks.append(
            ColumnBlock.pair((a, b), knots, s.cutoff, leading_trim=s.leading_trim, trailing_trim=s.trailing_trim)
        )
    if splines.triplet is not None:
        for centre in elements:
            for j, k in pairs:
                t = splines.triplet.model_copy(update=_given(changes_3.get((centre, j, k))))
                blocks.append(_triplet((centre, j, k), t))
    return SplineBasis.from_blocks(elements, blocks)


def _triplet(elements: tuple[str, str, str], t: TripletSplines) -> ColumnBlock:
    first = t.first_knot if isinstance(t.first_knot, tuple) else (t.first_knot,) * 3
    cutoff = t.cutoff if isinstance(t.cutoff, tuple) else (t.cutoff, t.cutoff, 2 * t.cutoff)
    count = t.intervals if isinstance(t.intervals, tuple) else (t.intervals, t.intervals, 2 * t.intervals)
    x, y, z = (_knots(f"triplet {'-'.join(elements)}", *axis) for axis in zip(first, cutoff, count, strict=True))
    return ColumnBlock.triplet(elements, (x, y, z), cutoff, leading_trim=t.leading_trim, trailing_trim=t.trailing_trim)


def _knots(name: str, first: float, cutoff: float, intervals: int) -> NDArray[np.float64]:
    if not first < cutoff:
        raise InputError(f"{name}: expected a first knot below the cutoff {cutoff:g} Å, found {first:g} Å")
    steps = np.linspace(first, cutoff, intervals + 1)
    return np.concatenate([[first] * 3, steps, [cutoff] * 3])


def _given(changes: Section | None) -> dict[str, object]:
    return {} if changes is None else {k: v for k, v in changes if v is not None}


def _pair_key(name: str, elements: tuple[str, ...]) -> tuple[str, str]:
    parts = _parts(name, 2, elements, "splines.pairs")
    a, b = sorted(parts, key=elements.index)
    return a, b


def _triplet_key(name: str, elements: tuple[str, ...]) -> tuple[str, str, str]:
    centre, *rest = _parts(name, 3, elements, "splines.triplets")
    j, k = sorted(rest, key=elements.index)
    return centre, j, k


def _parts(name: str, count: int, elements: tuple[str, ...], where: str) -> list[str]:
    parts = name.split("-")
    if len(parts) != count:
        raise InputError(f"{where}: expected {count} elements joined by '-', centre first; found {name!r}")
    for part in parts:
        if part not in elements:
            raise InputError(
                f"{where}.{name}: expected elements of {' '.join(elements)}, found {part}{nearest(part, elements)}"
            )
    return parts
