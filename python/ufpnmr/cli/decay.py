"""``ufp decay``: decay time of an autocorrelation function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import exit_code, json_option, output_option, report, say, writable
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.results import Record
    from ufpnmr.results.correlation import CorrelationResult
    from ufpnmr.results.decay import DecayFit


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
@click.option("--models", is_flag=True, help="Compare one exponential, a stretched one and sums of up to four (BIC).")
@click.option(
    "--distribution", type=click.Path(path_type=Path), metavar="FILE.h5", help="Write the distribution of decay times."
)
@click.option("--signed", is_flag=True, help="With --distribution: do not demand that it be non-negative.")
@click.option(
    "--hops", type=click.Path(path_type=Path), metavar="HOPS.h5", help="Print the hop rate beside the decay rate."
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
    models: bool,
    distribution: Path | None,
    signed: bool,
    hops: Path | None,
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
      ufp decay acf.h5 --models --distribution rates.h5
      ufp decay acf.h5 --hops hops.h5
    """
    import dataclasses

    from ufpnmr import provenance
    from ufpnmr.nmr import fit_decay
    from ufpnmr.results.correlation import CorrelationResult

    target = writable(output, force)
    if target is not None and target.suffix != ".json":
        raise InputError(f"{target}: a decay fit is written as JSON; give a name that ends in .json")
    curve = CorrelationResult.read(correlation)
    fit = fit_decay(
        curve,
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
    extra: dict[str, Any] = {
        "observable": fit.observable,
        "status": fit.status,
        "shallow": fit.shallow,
        "z": fit.z,
        "warnings": fit.warnings,
    }
    records = dict(fit.records)
    if hops is not None:
        records |= _beside_hops(fit, hops)
    if models and fit.status != "no_decay":
        extra["models"] = _models(curve, window)
    if distribution is not None and fit.status != "no_decay":
        _distribution(curve, window, not signed, writable(distribution, force))
    report(records, as_json, extra)
    return exit_code([fit.tau])


def _beside_hops(fit: DecayFit, path: Path) -> dict[str, Record]:
    from ufpnmr.nmr import rate_ratio
    from ufpnmr.nmr.interpretation import PROCESSES
    from ufpnmr.results.hops import HopResult

    hops = HopResult.read(path)
    say("expected decay rate over hop rate: " + "; ".join(PROCESSES.values()))
    ratio = rate_ratio(fit, hops)
    return {"hop_rate": hops.rate, **({} if ratio is None else {"rate_over_hop_rate": ratio})}


def _models(curve: CorrelationResult, window: float | None) -> list[dict[str, Any]]:
    from ufpnmr.nmr import compare_models

    fits = compare_models(curve, window=window)
    for fit in fits:
        times = ", ".join(f"{tau / 1e3:.3g}" for tau in _numbers(fit.parameters["tau_ps"]))
        say(f"{fit.name:>14}: BIC + {fit.delta_bic:.1f}, chi² {fit.chi_square:.1f}, tau {times} ns")
    return [
        {"name": fit.name, "delta_bic": fit.delta_bic, "chi_square": fit.chi_square, **fit.parameters} for fit in fits
    ]


def _numbers(value: float | list[float]) -> list[float]:
    return value if isinstance(value, list) else [value]


def _distribution(curve: CorrelationResult, window: float | None, non_negative: bool, target: Path | None) -> None:
    from ufpnmr.nmr import rate_distribution

    result = rate_distribution(curve, non_negative=non_negative, window=window)
    for peak in result.peaks:
        say(
            f"peak at {peak.tau / 1e3:.3g} ns (95 % of the resamples: {peak.low / 1e3:.3g} to {peak.high / 1e3:.3g}), "
            f"{peak.share:.0%} of the decay"
        )
    if not result.peaks:
        say("no peak persists in 95 % of the resamples")
    assert target is not None
    result.write(target)
    say(f"{target}: distribution of decay times")


__all__ = ["command"]
