"""``ufp relax``: quadrupolar relaxation rates."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import exit_code, json_option, output_option, report, say, writable
from ufpnmr.errors import InputError


@click.command()
@click.argument("correlations", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--field", type=float, multiple=True, required=True, metavar="T", help="Magnetic field, tesla; repeat.")
@click.option("--spin-lock", type=float, multiple=True, metavar="KHZ", help="Locking field ω1/2π for R1ρ; repeat.")
@click.option(
    "--temperature", type=float, multiple=True, metavar="K", help="One per file: R1(T), R1ρ(T) and their maxima."
)
@click.option(
    "--crystal", is_flag=True, help="Of a single crystal: give the curves of omega_q, lab_1 and lab_2, one --field B0."
)
@click.option("--replicas", type=int, default=200, show_default=True, help="Bootstrap samples over ions and blocks.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap.")
@output_option("JSON or HDF5")
@json_option
def command(
    correlations: tuple[Path, ...],
    field: tuple[float, ...],
    spin_lock: tuple[float, ...],
    temperature: tuple[float, ...],
    crystal: bool,
    replicas: int,
    seed: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Quadrupolar R1, R2 and R1ρ from powder correlation functions (`ufp acf --observable powder`), or of a crystal.

    Exit code 3: a rate cannot be claimed (frames too far apart for the field, motion too slow for Redfield theory,
    nothing decays).

    \b
    Examples:
      ufp acf tensors.h5 --observable powder --average 1 -o powder.h5
      ufp relax powder.h5 --field 9.4 --field 14.1 --spin-lock 30
      ufp relax 400K.h5 450K.h5 500K.h5 --temperature 400 \\
         --temperature 450 --temperature 500 --field 9.4 -o r1.json
      ufp relax omega_q-c.h5 lab_1-c.h5 lab_2-c.h5 --crystal --field 9.4
    """
    import dataclasses

    from ufpnmr import provenance
    from ufpnmr.nmr.relaxation import relaxation
    from ufpnmr.nmr.relaxation_maxima import relaxation_maxima
    from ufpnmr.results import StoredResult
    from ufpnmr.results.correlation import CorrelationResult

    target = writable(output, force)
    if crystal and temperature:
        raise InputError("--crystal and --temperature: give one of the two")
    if len(correlations) > 1 and not crystal and len(temperature) != len(correlations):
        raise InputError(f"expected one --temperature per file, found {len(temperature)} for {len(correlations)} files")
    results = []
    for files in [list(correlations)] if crystal else [[path] for path in correlations]:
        curves = [CorrelationResult.read(path) for path in files]
        result = relaxation(curves, field, spin_lock=spin_lock, replicas=replicas, seed=seed)
        results.append(dataclasses.replace(result, provenance=provenance.collect(files, **result.parameters)))
    say(results[0].observable)
    if len(results) == 1:
        one = results[0]
        say(f"rms ω times mean correlation time {one.redfield:.2g}; static rest {one.static:.3g} kHz rms")
        for tesla, larmor in zip(one.field, one.larmor, strict=True):
            say(f"{tesla:g} T: ν0 = {larmor:.4g} MHz")
        records = {"mean correlation time": one.mean_time, **one.rates}
        shown: StoredResult = one
        warnings, claimed = one.warnings, list(one.rates.values())
    else:
        maxima = relaxation_maxima(results, temperature, seed=seed)
        maxima = dataclasses.replace(maxima, provenance=provenance.collect(correlations, **maxima.parameters))
        records = {"activation energy": maxima.activation, "tau0": maxima.prefactor}
        records |= {f"maximum of {name}": record for name, record in maxima.maxima.items()}
        records |= {
            f"{name} at {t:g} K": record
            for t, one in zip(temperature, results, strict=True)
            for name, record in one.rates.items()
        }
        shown, warnings, claimed = maxima, maxima.warnings, list(maxima.maxima.values())
    for warning in warnings:
        say(f"warning: {warning}")
    if target is not None:
        shown.write(target)
        say(f"{target}: {len(field)} fields")
    report(records, as_json, {"observable": results[0].observable, "warnings": warnings})
    return exit_code(claimed)


__all__ = ["command"]
