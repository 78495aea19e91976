"""``ufp acf``: autocorrelation function of a tensor series."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import json_option, output_option, report, say, writable
from ufpnmr.errors import InputError


def _field(text: str) -> str | list[float]:
    if text in ("a", "b", "c"):
        return text
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"--field: expected a, b, c or three numbers, found {text!r}") from None


def _ions(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"--ions: expected atom ids such as '3 17 42', found {text!r}") from None


@click.command()
@click.argument("series", type=click.Path(path_type=Path))
@click.option(
    "--observable",
    default="omega_q",
    show_default=True,
    help="omega_q (Harper 2025 eq. 4), cq (eq. 6, magnitude) or powder (eq. 4 averaged over all field directions).",
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
@click.option("--blocks", type=int, default=16, show_default=True, help="Blocks of time origins for the errors.")
@click.option("--ions", metavar="IDS", help="Atom ids to average over; leaves a warning in the result.")
@click.option("--selection", default="", metavar="TEXT", help="How --ions were chosen, in words.")
@click.option("--signed", is_flag=True, help="With --observable cq: keep the sign of C_Q.")
@output_option("HDF5")
@json_option
def command(
    series: Path,
    observable: str,
    isotope: str,
    quadrupole_moment: float | None,
    field: str,
    convention: str,
    normalisation: str,
    average: float | None,
    blocks: int,
    ions: str | None,
    selection: str,
    signed: bool,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Autocorrelate ω_Q, C_Q or the whole tensor over all time origins.

    SERIES is a tensor series (HDF5), as `ufp efg predict` writes it.

    \b
    Examples:
      ufp acf tensors.h5 -o acf.h5
      ufp acf tensors.h5 --field a --average 20 -o acf-a.h5
      ufp acf tensors.h5 --observable powder -o powder.h5
      ufp acf tensors.h5 --isotope 6Li --observable cq -o cq.h5
    """
    import dataclasses

    from ufpnmr import provenance
    from ufpnmr.isotopes import isotope as find_isotope
    from ufpnmr.nmr import correlate
    from ufpnmr.results import Record
    from ufpnmr.results.tensors import TensorSeries

    target = writable(output, force)
    nucleus = find_isotope(isotope, quadrupole_moment)
    direction, chosen = _field(field), _ions(ions)
    result = correlate(
        TensorSeries.read(series),
        observable,
        isotope=nucleus,
        field=direction,
        convention=convention,
        normalisation=normalisation,
        n_blocks=blocks,
        average=average,
        ions=chosen,
        selection=selection,
        signed=signed,
    )
    result = dataclasses.replace(result, provenance=provenance.collect([series], **result.parameters))
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

    quarter = len(result.lag) // 2
    records = {"C(first lag)": point(1), "C(T/4)": point(quarter)}
    extra = {"observable": result.description, "normalisation": result.normalisation, "warnings": result.warnings}
    return report(records, as_json, extra)


__all__ = ["command"]
