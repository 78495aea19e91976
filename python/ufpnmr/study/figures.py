"""The figures of a study: what each needs, how it is drawn, what its caption says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from ufpnmr.study.work import Workshop

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FigurePlan", "figure_plans"]


@dataclasses.dataclass(frozen=True)
class FigurePlan:
    """One figure.

    Attributes
    ----------
    name : str
        Of the file, without suffix.
    section : str
        Heading of the report it belongs to.
    caption : str
        One or two sentences.
    needs : tuple of str
        Stages whose results it shows.
    draw : callable
        Returns the axes.
    """

    name: str
    section: str
    caption: str
    needs: tuple[str, ...]
    draw: Callable[[], Axes]


def figure_plans(shop: Workshop) -> list[FigurePlan]:
    """Return the figures of a study in the order of the report."""
    sites = ("sites",) if shop.config.sites else ()
    plans = [
        FigurePlan(
            "msd",
            "Motion",
            "Mean-square displacement over all time origins: every ion (grey), the mean with its 95 % band, the "
            "window of the fit and the diffusion coefficient or the reason why none is claimed.",
            ("msd",),
            lambda: _msd(shop),
        ),
        FigurePlan(
            "traces",
            "Motion",
            "Distance of each ion from its first position. The ions with most hops are coloured, circles mark the hops "
            "found. Hops are detected in three dimensions: those tangential to the sphere do not show as a step here.",
            ("trajectory", "hops"),
            lambda: _traces(shop),
        ),
        FigurePlan(
            "hop-scan",
            "Motion",
            "Number of hops against the outer radius of the detector. A plateau means that the count does not depend "
            "on the choice; without one no rate is claimed.",
            ("hops",),
            lambda: _scan(shop),
        ),
    ]
    if sites:
        plans.append(
            FigurePlan(
                "sites",
                "Motion",
                "Fraction of ions with each settled site label against time.",
                ("sites",),
                lambda: _sites(shop),
            )
        )
    for observable, field in observables(shop):
        slug = "-".join(filter(None, (observable, field)))
        stage = " ".join(filter(None, (observable, field)))
        plans.append(
            FigurePlan(
                f"acf-{slug}",
                "Correlation functions and decay",
                f"Autocorrelation function of {describe(observable, field)} with its 95 % band and the fit of eq. 5 "
                "(Harper et al. 2025, amplitude free). The dotted line ends the window of the fit.",
                (f"acf {stage}", f"decay {stage}"),
                lambda slug=slug: _acf(shop, slug),  # type: ignore[misc]
            )
        )
    plans.append(
        FigurePlan(
            "histogram-cq",
            "Distributions",
            "Distribution of |C_Q| over ions and frames; ticks on the axis: C_Q of the time-averaged tensor of each "
            "ion (tensor averaged first, then diagonalised).",
            ("efg", *sites),
            lambda: _cq(shop),
        )
    )
    plans += [
        FigurePlan(
            f"histogram-omega_q-{field}",
            "Distributions",
            f"Distribution of {describe('omega_q', field)} over ions and frames.",
            ("efg", *sites),
            lambda field=field: _omega_q(shop, field),  # type: ignore[misc]
        )
        for field in shop.config.nmr.fields
    ]
    plans += [
        FigurePlan(
            f"angles-{field}-{weight}",
            "Direction of the field in the principal axes",
            f"Polar angles of the field {field} in the principal axes of the tensors, folded to one octant: "
            + ("counts." if weight == "counts" else "counts/sin θ, flat for isotropic tensors."),
            ("efg",),
            lambda field=field, weight=weight: _angles(shop, field, weight),  # type: ignore[misc]
        )
        for field in shop.config.nmr.fields
        for weight in ("counts", "density")
    ]
    return plans


def observables(shop: Workshop) -> list[tuple[str, str | None]]:
    """Return the correlated observables: omega_q per field, |C_Q| and the powder average."""
    return [*(("omega_q", field) for field in shop.config.nmr.fields), ("cq", None), ("powder", None)]


def describe(observable: str, field: str | None) -> str:
    """Return an observable in words."""
    if observable == "omega_q":
        return f"ω_Q with the magnetic field along {field}"
    return "|C_Q|" if observable == "cq" else "ω_Q averaged over all field directions (powder)"


def _msd(shop: Workshop) -> Axes:
    from ufpnmr.plots import mean_square_displacement
    from ufpnmr.results.msd import MSDResult

    return mean_square_displacement(MSDResult.read(shop.folder / "msd.h5"))


def _traces(shop: Workshop) -> Axes:
    from ufpnmr.plots import displacement_traces
    from ufpnmr.results.hops import HopResult

    return displacement_traces(shop.paths(), HopResult.read(shop.folder / "hops.h5"))


def _scan(shop: Workshop) -> Axes:
    from ufpnmr.plots import threshold_scan
    from ufpnmr.results.hops import HopResult

    return threshold_scan(HopResult.read(shop.folder / "hops.h5"))


def _sites(shop: Workshop) -> Axes:
    from ufpnmr.plots import label_populations

    labels = shop.sites()
    assert labels is not None
    return label_populations(labels)


def _acf(shop: Workshop, slug: str) -> Axes:
    from ufpnmr.plots import correlation
    from ufpnmr.results.correlation import CorrelationResult
    from ufpnmr.results.decay import DecayFit

    return correlation(
        CorrelationResult.read(shop.folder / f"acf-{slug}.h5"), DecayFit.read(shop.folder / f"decay-{slug}.json")
    )


def _cq(shop: Workshop) -> Axes:
    from ufpnmr.plots import coupling_histogram

    return coupling_histogram(shop.tensors(), isotope=shop.config.nmr.isotope, labels=shop.sites())


def _omega_q(shop: Workshop, field: str) -> Axes:
    from ufpnmr.plots import frequency_histogram

    section = shop.config.nmr
    return frequency_histogram(
        shop.tensors(),
        isotope=section.isotope,
        field=section.fields[field],
        convention=section.convention,
        labels=shop.sites(),
    )


def _angles(shop: Workshop, field: str, weight: str) -> Axes:
    from ufpnmr.plots import angle_map

    section = shop.config.nmr
    return angle_map(shop.tensors(), field=section.fields[field], ordering=section.ordering, weight=weight)
