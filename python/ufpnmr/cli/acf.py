"""``ufp acf``: autocorrelation function of a tensor series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import direction, json_option, output_option, report, say, writable
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.results.tensor_file import TensorFile
    from ufpnmr.results.tensors import TensorSeries


def _ions(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"--ions: expected atom ids such as '3 17 42', found {text!r}") from None


@click.command()
@click.argument("series", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--observable",
    default="omega_q",
    show_default=True,
    help="omega_q (Harper 2025 eq. 4), cq (eq. 6, magnitude) or powder (eq. 4 averaged over all field directions); "
    "lab_1, lab_2: components of V along the field, for `ufp relax --crystal`.",
)
@click.option("--isotope", default="7Li", show_default=True, help="Nucleus, mass number and symbol.")
@click.option(
    "--quadrupole-moment",
    type=float,
    metavar="MB",
    help="Quadrupole moment in mb with its sign, instead of the table's (Pyykkö 2018).",
)
@click.option("--field", default="0 0 1", show_default=True, help="Field direction: a, b, c or three numbers.")
@click.option(
    "--convention",
    default="harper2025",
    show_default=True,
    help="harper2025 (splitting of the satellites, kHz), satellite, satellite_rad or splitting_rad.",
)
@click.option(
    "--normalisation",
    default="zero_lag",
    show_default=True,
    help="raw, zero_lag, first_lag, covariance_global; for figures only: covariance, unit_interval.",
)
@click.option("--average", type=float, metavar="PS", help="Average the tensors over so many ps first (vibrations).")
@click.option(
    "--averaging", default="blocks", show_default=True, help="With --average: blocks, or running (one mean per frame)."
)
@click.option("--blocks", type=int, default=16, show_default=True, help="Blocks of time origins for the errors.")
@click.option("--ions", metavar="IDS", help="Atom ids to average over; leaves a warning in the result.")
@click.option("--selection", default="", metavar="TEXT", help="How --ions were chosen, in words.")
@click.option(
    "--element", nargs=2, metavar="PATHS.h5 EL", help="Only ions of this element; ion paths that `ufp msd` keeps."
)
@click.option(
    "--hopping", type=click.Path(path_type=Path), metavar="HOPS.h5", help="Only ions that hopped (biased; warns)."
)
@click.option(
    "--site",
    nargs=2,
    metavar="SITES.h5 NAME",
    help="Only time origins at which the ion is on this site (`ufp sites`), wherever it goes afterwards: no bias.",
)
@click.option("--cross", metavar="OBSERVABLE", help="Cross-correlation with a second observable: omega_q or cq.")
@click.option("--cross-field", metavar="B0", help="Field of a second omega_q [default: that of --field].")
@click.option("--signed", is_flag=True, help="With --observable cq: keep the sign of C_Q.")
@click.option(
    "--method", default="fft", show_default=True, help="fft (every lag) or multi_tau (a ladder of lags; long runs)."
)
@click.option("--memory", type=float, default=0.5, show_default=True, metavar="GIB", help="Working memory.")
@click.option("--resample", is_flag=True, help="Put frames that are not equally spaced on an even grid first.")
@output_option("HDF5")
@json_option
def command(series: tuple[Path, ...], output: Path | None, force: bool, as_json: bool, **options: Any) -> int:
    """Autocorrelate ω_Q, C_Q or the whole tensor over all time origins.

    SERIES is a tensor series (HDF5), as `ufp efg predict` writes it; several are independent runs of one system, whose
    curves are averaged with the error between runs. A series that does not fit into memory is read in parts.

    \b
    Examples:
      ufp acf tensors.h5 -o acf.h5
      ufp acf tensors.h5 --field a --average 20 -o acf-a.h5
      ufp acf tensors.h5 --observable powder -o powder.h5
      ufp acf tensors.h5 --isotope 6Li --observable cq -o cq.h5
      ufp acf run1.h5 run2.h5 run3.h5 run4.h5 run5.h5 -o merged.h5
      ufp acf tensors.h5 --site sites.h5 LiS4 -o from-LiS4.h5
      ufp acf tensors.h5 --hopping hops.h5 --observable cq -o hopping-ions.h5
      ufp acf microsecond.h5 --method multi_tau --memory 1 -o acf.h5
    """
    import dataclasses

    from ufpnmr import provenance
    from ufpnmr.isotopes import isotope as find_isotope
    from ufpnmr.nmr import correlate, merge_runs
    from ufpnmr.results import Record

    target = writable(output, force)
    nucleus = find_isotope(options["isotope"], options["quadrupole_moment"])
    if len(series) > 1 and (options["site"] or options["hopping"] or options["element"]):
        raise InputError("--site, --hopping and --element belong to one run; give one series")
    cross_field = options["cross_field"]
    results, files = [], list(series)
    for path in series:
        with _opened(path, options["resample"]) as opened:
            chosen, origins, inputs = _subset(opened, options)
            files += inputs
            results.append(
                correlate(
                    opened,
                    options["observable"],
                    isotope=nucleus,
                    field=direction(options["field"]),
                    convention=options["convention"],
                    normalisation=options["normalisation"],
                    n_blocks=options["blocks"],
                    average=options["average"],
                    averaging=options["averaging"],
                    origins=origins,
                    cross=options["cross"],
                    cross_field=None if cross_field is None else direction(cross_field, "--cross-field"),
                    signed=options["signed"],
                    method=options["method"],
                    memory=int(options["memory"] * 2**30),
                    **chosen,
                )
            )
    result = results[0] if len(results) == 1 else merge_runs(results)
    result = dataclasses.replace(result, provenance=provenance.collect(files, **result.parameters))
    say(result.description)
    for warning in result.warnings:
        say(f"warning: {warning}")
    if target is not None:
        result.write(target)
        say(f"{target}: {len(result.lag)} lags up to {result.lag[-1]:g} ps, {len(result.ids)} ions")

    def point(k: int) -> Record:
        value, error = float(result.mean[k]), float(result.std_error[k])
        return Record(
            value,
            result.unit,
            f"all-origin average at lag {result.lag[k]:g} ps; wider of ion and block error, normal",
            value - 1.96 * error,
            value + 1.96 * error,
            error,
        )

    quarter = int(abs(result.lag - result.duration / 4).argmin())
    records = {"C(first lag)": point(1), "C(T/4)": point(quarter)}
    extra = {"observable": result.description, "normalisation": result.normalisation, "warnings": result.warnings}
    return report(records, as_json, extra)


def _opened(path: Path, resample: bool) -> Any:
    """Open a series, left on disk unless it has to be changed."""
    from contextlib import nullcontext

    from ufpnmr.nmr import resampled
    from ufpnmr.results.tensor_file import TensorFile
    from ufpnmr.results.tensors import TensorSeries

    return nullcontext(resampled(TensorSeries.read(path))) if resample else TensorFile(path)


def _subset(series: TensorFile | TensorSeries, options: dict[str, Any]) -> tuple[dict[str, Any], Any, list[Path]]:
    """Return keywords of `correlate` for the choice of ions, the mask of origins, and the files read for them."""
    given = [name for name in ("ions", "element", "hopping") if options[name]]
    if len(given) > 1:
        raise InputError(f"--{given[0]} and --{given[1]}: give one choice of ions")
    inputs: list[Path] = []
    chosen: dict[str, Any] = {"ions": _ions(options["ions"]), "selection": options["selection"]}
    if options["element"]:
        from ufpnmr.trajectory import IonPaths

        file, element = options["element"]
        paths = IonPaths.read(Path(file))
        inputs.append(Path(file))
        ids = paths.ids[paths.elements == element]
        if len(ids) == 0:
            raise InputError(
                f"{file}: no ion of element {element!r}; there are {', '.join(sorted(set(paths.elements)))}"
            )
        chosen = {"ions": ids, "selection": f"element {element}", "by_outcome": False}
    if options["hopping"]:
        from ufpnmr.results.hops import HopResult

        hops = HopResult.read(options["hopping"])
        inputs.append(options["hopping"])
        ids = sorted({int(hops.ids[k]) for k in hops.ion})
        chosen = {"ions": ids, "selection": f"ions that hopped, {options['hopping'].name}"}
    origins = None
    if options["site"]:
        file, name = options["site"]
        origins = _at_site(series, Path(file), name)
        inputs.append(Path(file))
        chosen["selection"] = f"{chosen['selection']}; origins on {name}".removeprefix("; ")
    return chosen, origins, inputs


def _at_site(series: TensorFile | TensorSeries, file: Path, name: str) -> Any:
    """Return which ions are on a site at which frame (T, N)."""
    import numpy as np

    from ufpnmr.results.sites import SiteLabels

    labels = SiteLabels.read(file)
    codes = {text: int(code) for code, text in labels.names.items()}
    if name not in codes:
        raise InputError(f"{file}: no site {name!r}; there are {', '.join(codes)}")
    if not np.array_equal(labels.ids, series.ids):
        raise InputError(f"{file}: labels of other ions than the tensor series")
    if labels.time.shape != series.time.shape or np.abs(labels.time - series.time).max() > 1e-3 * series.time[1]:
        raise InputError(f"{file}: labels at other times than the {len(series.time)} frames of the tensor series")
    return labels.label == codes[name]


__all__ = ["command"]
