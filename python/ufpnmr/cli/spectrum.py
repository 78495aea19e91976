"""``ufp spectrum``: powder spectra of motionally averaged tensors."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import json_option, output_option, report, say, writable
from ufpnmr.errors import InputError


@click.command()
@click.argument("series", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--isotope", default="7Li", show_default=True, help="Nucleus, mass number and symbol.")
@click.option("--quadrupole-moment", type=float, metavar="MB", help="Quadrupole moment in mb with its sign.")
@click.option("--temperature", type=float, multiple=True, metavar="K", help="One per series: width over temperature.")
@click.option("--spinning", type=float, default=0.0, show_default=True, metavar="KHZ", help="Magic-angle spinning.")
@click.option("--broadening", type=float, metavar="KHZ", help="Gaussian full width [default: 1 % of P_Q].")
@click.option("--average", type=float, metavar="PS", help="Motion averages over so long [default: the whole series].")
@click.option("--structure", type=click.Path(path_type=Path), help="Structure for the dipolar second moment.")
@click.option("--mrsimulator", type=click.Path(path_type=Path), metavar="FILE", help="Spin systems as JSON.")
@click.option("--simpson", type=click.Path(path_type=Path), metavar="FOLDER", help="One .spinsys per tensor.")
@output_option("HDF5 or JSON")
@json_option
def command(
    series: tuple[Path, ...],
    isotope: str,
    quadrupole_moment: float | None,
    temperature: tuple[float, ...],
    spinning: float,
    broadening: float | None,
    average: float | None,
    structure: Path | None,
    mrsimulator: Path | None,
    simpson: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Powder spectra, all transitions, first order, of tensors averaged along tensor series.

    \b
    Examples:
      ufp spectrum tensors.h5 -o static.h5
      ufp spectrum tensors.h5 --spinning 20 -o mas.h5
      ufp spectrum 300K.h5 400K.h5 --temperature 300 --temperature 400
      ufp spectrum tensors.h5 --mrsimulator sites.json --simpson sites
    """
    import dataclasses

    from ufpnmr import provenance
    from ufpnmr.cli.common import dipolar_bound
    from ufpnmr.isotopes import isotope as find_isotope
    from ufpnmr.nmr.spectrum import spectrum
    from ufpnmr.nmr.spectrum_export import write_mrsimulator, write_simpson
    from ufpnmr.results import Record
    from ufpnmr.results.tensors import TensorSeries

    target = writable(output, force)
    exported = writable(mrsimulator, force)
    if simpson is not None and simpson.exists() and not force:
        raise InputError(f"{simpson} exists; give another name or --force to overwrite")
    result = spectrum(
        [TensorSeries.read(path) for path in series],
        isotope=find_isotope(isotope, quadrupole_moment),
        temperatures=temperature or None,
        spinning=spinning,
        broadening=broadening,
        average=average,
    )
    result = dataclasses.replace(result, provenance=provenance.collect(series, **result.parameters))
    nucleus = result.isotope
    say(
        f"{nucleus['name']} (I = {nucleus['spin']:g}, Q = {nucleus['quadrupole_moment_mb']:g} mb, "
        f"{nucleus['source']}), "
        f"{'static' if not spinning else f'spinning at {spinning:g} kHz'}, averaged over {result.averaging}, "
        f"broadened by {result.broadening:.3g} kHz"
    )
    for warning in result.warnings:
        say(f"warning: {warning}")
    if structure is not None:
        say(str(dipolar_bound(structure, nucleus["name"])))
    if target is not None:
        result.write(target)
        say(f"{target}: {len(result.frequency)} points, {len(series)} spectra")
    if exported is not None:
        write_mrsimulator(result, exported)
        say(f"{exported}: {len(result.c_q)} spin systems")
    if simpson is not None:
        say(f"{simpson}: {write_simpson(result, simpson)} spin systems")
    records = {}
    for k, path in enumerate(series):
        name = f"{temperature[k]:g} K" if temperature else path.name
        records[f"width, {name}"] = Record(float(result.width[k]), "kHz", "satellites, outermost half maximum")
        records[f"M2, {name}"] = Record(float(result.second_moment[k]), "kHz^2", "second moment, all transitions")
        records[f"rms P_Q, {name}"] = Record(float(result.rms_coupling[k]), "kHz", "over averaged tensors")
    return report(records, as_json, {"isotope": nucleus, "warnings": result.warnings})


__all__ = ["command"]
