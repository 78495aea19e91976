"""``ufp echo``: the stimulated-echo experiment on a tensor series."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import direction, exit_code, json_option, output_option, report, say, writable


@click.command()
@click.argument("series", type=click.Path(path_type=Path))
@click.option(
    "--tp", type=float, multiple=True, required=True, metavar="US", help="First pulse separation, µs; repeat."
)
@click.option("--td", type=float, multiple=True, metavar="US", help="Third pulse to echo, µs [default: tp].")
@click.option("--isotope", default="7Li", show_default=True, help="Nucleus, mass number and symbol.")
@click.option("--quadrupole-moment", type=float, metavar="MB", help="Quadrupole moment in mb with its sign.")
@click.option("--sequence", default="sin-sin", show_default=True, help="sin-sin or cos-cos.")
@click.option("--angle", type=float, metavar="DEG", help="Flip angle of the second and third pulse.")
@click.option(
    "--phase",
    default="static",
    show_default=True,
    help="static: ω at the frame times tp (eq. 3 literally); window: V integrated over tp and td.",
)
@click.option("--field", metavar="'X Y Z'", help="Single crystal: a, b, c or three numbers [default: powder].")
@click.option("--accuracy", type=float, default=1e-4, show_default=True, help="Of the powder average.")
@click.option(
    "--window",
    type=(float, float),
    default=(1e-5, 1.0),
    show_default=True,
    metavar="S S",
    help="Mixing times the experiment reaches.",
)
@click.option("--sensitivity", type=float, default=10.0, show_default=True, metavar="KHZ", help="Smallest coupling.")
@click.option("--structure", type=click.Path(path_type=Path), help="Structure for the dipolar second moment.")
@output_option("HDF5")
@json_option
def command(
    series: Path,
    tp: tuple[float, ...],
    td: tuple[float, ...],
    isotope: str,
    quadrupole_moment: float | None,
    sequence: str,
    angle: float | None,
    phase: str,
    field: str | None,
    accuracy: float,
    window: tuple[float, float],
    sensitivity: float,
    structure: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Simulate stimulated echoes with finite pulse separations (Harper 2025 eq. 3) and say what can be seen.

    SERIES is a tensor series (HDF5), as `ufp efg predict` writes it. The decay of the signal over the mixing time is
    fitted like an autocorrelation function; the verdict compares it with the window of the experiment. Exit code 3: no
    decay time can be claimed.

    \b
    Examples:
      ufp echo tensors.h5 --tp 10 -o echo.h5
      ufp echo tensors.h5 --tp 5 --tp 10 --tp 20 --tp 30 -o map.h5
      ufp echo tensors.h5 --tp 15 --isotope 6Li --sequence cos-cos
      ufp echo tensors.h5 --tp 0.1 --phase window
    """
    import dataclasses

    from ufpnmr import provenance
    from ufpnmr.cli.common import dipolar_bound
    from ufpnmr.isotopes import isotope as find_isotope
    from ufpnmr.nmr import fit_decay
    from ufpnmr.nmr.echo import stimulated_echo
    from ufpnmr.nmr.visibility import VERDICTS, Experiment, decay_verdict
    from ufpnmr.results import Record
    from ufpnmr.results.tensors import TensorSeries

    target = writable(output, force)
    experiment = Experiment(*window, sensitivity=sensitivity)
    result = stimulated_echo(
        TensorSeries.read(series),
        tp,
        td or None,
        isotope=find_isotope(isotope, quadrupole_moment),
        sequence=sequence,
        angle=angle,
        phase=phase,
        field=None if field is None else direction(field),
        accuracy=accuracy,
    )
    result = dataclasses.replace(result, provenance=provenance.collect([series], **result.parameters))
    say(result.description)
    say(f"rms P_Q {result.coupling:.4g} kHz; sphere rules of degree {', '.join(map(str, result.degree))}")
    if structure is not None:
        bound = dipolar_bound(structure, result.isotope["name"])
        say(str(bound))
        longest = float(max(result.tp.max(), result.td.max()))
        if longest > bound.time:
            say(
                f"warning: phases are not purely quadrupolar: {longest:g} µs is longer than 1/√M2 = {bound.time:.3g} µs"
            )
    for warning in result.warnings:
        say(f"warning: {warning}")
    if target is not None:
        result.write(target)
        say(f"{target}: {len(result.tp)} pulse separations, {len(result.lag)} mixing times to {result.lag[-1]:g} ps")
    records: dict[str, Record] = {}
    verdicts, times = {}, []
    for k, (p, d) in enumerate(zip(result.tp, result.td, strict=True)):
        name = f"tp {p:g} µs" if p == d else f"tp {p:g} td {d:g} µs"
        first, error = float(result.signal[k, 0]), float(result.std_error[k, 0])
        method = "average over ions, time origins and field directions; wider of ion and block error, normal"
        records[f"F(0), {name}"] = Record(first, "1", method, first - 1.96 * error, first + 1.96 * error, error)
        records[f"F(∞)/F(0), {name}"] = Record(
            float(result.ergodic[k] / result.signal[k, 0]), "1", "every ion has visited the states of all ions"
        )
        fit = fit_decay(result.curve(k))
        records |= {f"tau, {name}": fit.tau, f"b², {name}": fit.plateau}
        times.append(fit.tau)
        verdicts[name] = decay_verdict(fit, result.coupling, experiment)
        say(f"{name}: {verdicts[name]}: {VERDICTS[verdicts[name]]}")
    extra = {
        "observable": result.description,
        "experiment": dataclasses.asdict(experiment),
        "coupling_kHz": result.coupling,
        "verdicts": verdicts,
        "warnings": result.warnings,
    }
    report(records, as_json, extra)
    return exit_code(times)


__all__ = ["command"]
