"""``ufp plot``: the figure of a result file."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ufpnmr.cli.common import output_option, say, writable
from ufpnmr.cli.plot_tensors import Look, is_labelled, labelled_figure, tensor_figure
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results import StoredResult


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--fit", type=click.Path(path_type=Path), help="Decay fit (JSON) to draw over a correlation function.")
@click.option(
    "--hops", type=click.Path(path_type=Path), help="Hops (HDF5) to mark on displacement traces or first-origin curves."
)
@click.option(
    "--sites", type=click.Path(path_type=Path), help="Site labels (HDF5) that split a histogram or colour paths."
)
@click.option(
    "--kind",
    metavar="NAME",
    help="Which of several figures. Tensor series: omega_q, cq, angles, angles-density, first-origin. Labelled "
    "structures: omega_q, cq. Correlation function: mean, ions. g(r): g, n. Angles: rho_theta, "
    "rho_omega, traces. Ion paths: traces, trajectories. Van Hove: gs, gd, radial, alpha2, concerted. "
    "Ions around polyanions: density, reduced. "
    "[the first]",
)
@click.option("--view", default="xy", help="Plane of a site network: xy, xz or yz. [xy]")
@click.option("--centre", metavar="EL", help="Element whose labels are drawn, of labelled structures (extxyz, magres).")
@click.option(
    "--bonds",
    nargs=2,
    metavar="EL RADIUS",
    help="Of labelled structures: tell sites apart by the number of EL within RADIUS, Å.",
)
@click.option("--isotope", help="Nucleus of a tensor series, e.g. 7Li (histograms).")
@click.option(
    "--field", metavar="DIRECTION", help="a, b, c or 'X Y Z': field direction for a tensor series (omega_q, angles)."
)
@click.option("--convention", default="harper2025", show_default=True, help="Convention of omega_q.")
@click.option("--ordering", default="haeberlen", show_default=True, help="Ordering of the principal axes (angles).")
@output_option("SVG, PNG, PDF, or CSV for the numbers")
def command(
    file: Path,
    fit: Path | None,
    hops: Path | None,
    sites: Path | None,
    kind: str | None,
    view: str,
    centre: str | None,
    bonds: tuple[str, str] | None,
    isotope: str | None,
    field: str | None,
    convention: str,
    ordering: str,
    output: Path | None,
    force: bool,
) -> int:
    """Draw the figure that belongs to a result FILE; what it holds is read from the file itself.

    With a name ending in .csv the curves are written as columns instead.

    \b
    Examples:
      ufp plot msd.h5 -o msd.svg
      ufp plot acf.h5 --fit decay.json -o acf.png
      ufp plot paths.h5 --kind trajectories --sites sites.h5 -o paths.png
      ufp plot network.h5 --view xz -o network.svg
      ufp plot acf-cq.h5 --kind ions --sites sites.h5 --fit decay.json -o ions.svg
      ufp plot rates.h5 -o distribution.svg
      ufp plot tensors.h5 --kind cq --isotope 7Li -o cq.pdf
      ufp plot labels.extxyz --kind cq --isotope 7Li --centre Li --bonds S 3.3 -o cq.svg
      ufp plot vanhove.h5 --kind gd -o gd.png
      ufp plot compare.json -o compare.svg
      ufp plot acf.h5 -o acf.csv
      ufp plot rdf.h5 -o rdf.csv
    """
    target = writable(output, force)
    if target is None:
        raise InputError("give the figure a name: -o FILE.svg, .png or .pdf")
    from ufpnmr import plots
    from ufpnmr.results.angles import AngleResult, IonDensity
    from ufpnmr.results.arrhenius import ArrheniusFit
    from ufpnmr.results.comparison import Comparison
    from ufpnmr.results.correlation import CorrelationResult
    from ufpnmr.results.decay import DecayFit
    from ufpnmr.results.echo import EchoResult
    from ufpnmr.results.hops import HopResult
    from ufpnmr.results.learning import LearningRecord
    from ufpnmr.results.msd import MSDResult
    from ufpnmr.results.polycrystal import PolycrystalResult
    from ufpnmr.results.rate_distribution import RateDistribution
    from ufpnmr.results.rdf import RDFResult
    from ufpnmr.results.relaxation import RelaxationResult, TemperatureResult
    from ufpnmr.results.runs import RunAverage
    from ufpnmr.results.site_network import SiteNetwork
    from ufpnmr.results.sites import EscapeSurvival, ResidenceTimes, SiteLabels
    from ufpnmr.results.spectrum import SpectrumResult
    from ufpnmr.results.temperature_scan import TemperatureScan
    from ufpnmr.results.tensors import TensorSeries
    from ufpnmr.results.van_hove import VanHoveResult
    from ufpnmr.results.vdos import VDOSResult
    from ufpnmr.trajectory import IonPaths

    look = Look(kind, isotope, field, convention, ordering)

    def correlation_figure() -> Axes:
        curve, decay = CorrelationResult.read(file), DecayFit.read(fit) if fit else None
        if kind == "ions":
            return plots.single_ions(curve, SiteLabels.read(sites) if sites else None, decay)
        return plots.correlation(curve, decay)

    def path_figure() -> Axes:
        paths = IonPaths.read(file)
        if kind == "trajectories":
            return plots.ion_trajectories(paths, SiteLabels.read(sites) if sites else None)
        return plots.displacement_traces(paths, HopResult.read(hops) if hops else None)

    def angle_figure() -> Axes:
        angles = AngleResult.read(file)
        return plots.angle_traces(angles) if kind == "traces" else plots.curve(angles, kind)

    def echo_figure() -> Axes:
        echo = EchoResult.read(file)
        return plots.echo_map(echo) if len(echo.tp) > 2 else plots.echo_signal(echo)

    figures: dict[str, Callable[[], Axes]] = {
        EchoResult.schema: echo_figure,
        PolycrystalResult.schema: lambda: plots.polycrystal(PolycrystalResult.read(file)),
        SpectrumResult.schema: lambda: plots.spectrum(SpectrumResult.read(file)),
        RelaxationResult.schema: lambda: plots.spectral_density(RelaxationResult.read(file)),
        TemperatureResult.schema: lambda: plots.rates_over_temperature(TemperatureResult.read(file)),
        MSDResult.schema: lambda: plots.mean_square_displacement(MSDResult.read(file)),
        CorrelationResult.schema: correlation_figure,
        RateDistribution.schema: lambda: plots.rate_distribution(RateDistribution.read(file)),
        HopResult.schema: lambda: plots.threshold_scan(HopResult.read(file)),
        SiteLabels.schema: lambda: plots.label_populations(SiteLabels.read(file)),
        SiteNetwork.schema: lambda: plots.network_map(SiteNetwork.read(file), view),
        ResidenceTimes.schema: lambda: plots.survival(ResidenceTimes.read(file)),
        EscapeSurvival.schema: lambda: plots.survival(EscapeSurvival.read(file)),
        ArrheniusFit.schema: lambda: plots.arrhenius(ArrheniusFit.read(file)),
        TemperatureScan.schema: lambda: plots.over_temperatures(TemperatureScan.read(file)),
        IonPaths.schema: path_figure,
        LearningRecord.schema: lambda: plots.learning_curve(LearningRecord.read(file)),
        TensorSeries.schema: lambda: tensor_figure(file, look, sites, hops),
        AngleResult.schema: angle_figure,
        Comparison.schema: lambda: plots.comparison(Comparison.read(file)),
    }
    for kind_of_result in (RDFResult, VDOSResult, IonDensity, VanHoveResult, RunAverage):
        figures[kind_of_result.schema] = partial(_curve, kind_of_result, file, kind)
    if file.suffix != ".json" and is_labelled(file):
        plots.save(labelled_figure(file, look, centre, bonds), target)
        say(f"{target}: labelled structures")
        return 0
    schema = _schema(file)
    tables = {
        result.schema: result
        for result in (
            *(MSDResult, CorrelationResult, DecayFit, EchoResult, HopResult),
            *(PolycrystalResult, RateDistribution, RelaxationResult, SpectrumResult),
            *(TemperatureResult, TemperatureScan),
            *(RDFResult, VDOSResult, AngleResult, IonDensity, VanHoveResult, RunAverage),
        )
    }
    if target.suffix == ".csv":
        if schema not in tables:
            raise InputError(f"{file}: no curves in {schema or 'a file without schema'}; known: {', '.join(tables)}")
        tables[schema].read(file).write_csv(target)
        say(f"{target}: {schema}")
        return 0
    if schema not in figures:
        raise InputError(f"{file}: no figure for {schema or 'a file without schema'}; known: {', '.join(figures)}")
    plots.save(figures[schema](), target)
    say(f"{target}: {schema}")
    return 0


def _curve(kind_of_result: type[StoredResult], file: Path, kind: str | None) -> Axes:
    from ufpnmr import plots

    return plots.curve(kind_of_result.read(file), kind)


def _schema(file: Path) -> str:
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    if file.suffix == ".json":
        try:
            return str(json.loads(file.read_text(encoding="utf-8")).get("schema", ""))
        except (json.JSONDecodeError, AttributeError):
            raise InputError(f"{file}: expected a result file, found something that is not its JSON") from None
    import h5py

    if not h5py.is_hdf5(file):
        raise InputError(f"{file}: expected a result file (HDF5 or .json), found another format or a truncated file")
    with h5py.File(file, "r") as opened:
        return str(opened.attrs.get("schema", ""))
