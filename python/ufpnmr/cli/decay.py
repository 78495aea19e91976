"""``ufp decay``: decay time of an autocorrelation function."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import exit_code, json_option, output_option, report, say, writable
from ufpnmr.errors import InputError


def _gamma(text: str) -> float | str:
    if text == "free":
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--gamma: expected a number in (0, 1] or 'free', found {text!r}") from None


@click.command()
@click.argument("correlation", type=click.Path(path_type=Path))
@click.option("--gamma", default="1", show_default=True, help="Stretching exponent in (0, 1], or free.")
@click.option("--plateau", type=float, metavar="B2", help="Fix b² (0 to 1); fitted by default.")
@click.option("--amplitude", type=float, metavar="A", help="Fix A/C(0) (0 to 1); fitted by default.")
@click.option("--window", type=float, metavar="PS", help="Longest lag of the fit [default: a quarter of the run].")
@click.option(
    "--replicas", type=int, default=400, show_default=True, help="Bootstrap samples over ions and blocks each."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap.")
@output_option("JSON")
@json_option
def command(
    correlation: Path,
    gamma: str,
    plateau: float | None,
    amplitude: float | None,
    window: float | None,
    replicas: int,
    seed: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Fit A {b² + (1 - b²) exp[-(t/tau)^gamma]} (Harper 2025 eq. 5, free amplitude) to an autocorrelation function.

    CORRELATION is a file that `ufp acf` wrote. Exit code 3: nothing decays, or the run is too short for a decay time;
    then bounds are printed instead.

    \b
    Examples:
      ufp decay acf.h5
      ufp decay acf.h5 --gamma free -o decay.json
    """
    import dataclasses

    from ufpnmr import provenance
    from ufpnmr.nmr import fit_decay
    from ufpnmr.results.correlation import CorrelationResult

    target = writable(output, force)
    if target is not None and target.suffix != ".json":
        raise InputError(f"{target}: a decay fit is written as JSON; give a name that ends in .json")
    fit = fit_decay(
        CorrelationResult.read(correlation),
        gamma=_gamma(gamma),
        plateau=plateau,
        amplitude=amplitude,
        window=window,
        replicas=replicas,
        seed=seed,
    )
    fit = dataclasses.replace(fit, provenance=provenance.collect([correlation], **fit.parameters))
    say(fit.observable)
    for warning in fit.warnings:
        say(f"warning: {warning}")
    say(f"{fit.model['formula']}, lags {fit.window[0]:g} to {fit.window[1]:g} ps, decay test z = {fit.z:.1f}")
    if fit.shallow:
        say("shallow: the decay is below 5 % of the curve at the first lag")
    if target is not None:
        fit.write(target)
        say(f"{target}: {fit.status}")
    extra = {
        "observable": fit.observable,
        "status": fit.status,
        "shallow": fit.shallow,
        "z": fit.z,
        "warnings": fit.warnings,
    }
    report(fit.records, as_json, extra)
    return exit_code([fit.tau])


__all__ = ["command"]
