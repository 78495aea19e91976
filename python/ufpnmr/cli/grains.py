"""``ufp grains``: echo decay of a model polycrystal or glass ceramic."""

from __future__ import annotations

from pathlib import Path

import click

from ufpnmr.cli.common import exit_code, json_option, output_option, report, say, writable
from ufpnmr.errors import InputError


@click.command()
@click.argument("series", type=click.Path(path_type=Path), required=False)
@click.option(
    "--coupling", type=(float, float), metavar="KHZ ETA", help="C_Q and η of the averaged tensor, for SERIES."
)
@click.option("--size", type=float, multiple=True, required=True, metavar="NM", help="Mean grain diameter; repeat.")
@click.option("--diffusion", type=float, metavar="CM2/S", help="Li diffusion coefficient inside grains.")
@click.option(
    "--hops", type=(float, float), metavar="1/S A", help="Instead: D = rate × length²/6 of uncorrelated hops."
)
@click.option("--source", metavar="TEXT", required=True, help="Where the diffusion coefficient comes from.")
@click.option("--spread", type=float, default=0.0, show_default=True, help="Of ln(radius) in the Laguerre weights.")
@click.option("--boundary-rate", type=float, metavar="1/S", help="Rate of crossing a boundary [default: no obstacle].")
@click.option("--jump-length", type=float, default=3.0, show_default=True, metavar="A", help="With --boundary-rate.")
@click.option("--amorphous", type=(float, float), metavar="FRACTION CM2/S", help="Glass ceramic: fraction and its D.")
@click.option("--amorphous-residual", type=float, default=0.0, show_default=True, help="Its |V̄| over the crystal's.")
@click.option("--tp", type=float, multiple=True, default=(10.0,), show_default=True, metavar="US", help="tp = td, µs.")
@click.option(
    "--target", type=(float, float), default=(30.0, 50.0), show_default=True, metavar="MS MS", help="τ wanted."
)
@click.option("--isotope", default="7Li", show_default=True, help="Nucleus, mass number and symbol.")
@click.option(
    "--grains", "count", type=int, default=250, show_default=True, help="Grains per realisation, at least 200."
)
@click.option("--voxels", type=int, default=48, show_default=True, help="Edge of the grid.")
@click.option("--realisations", type=int, default=4, show_default=True, help="Independent structures, for the errors.")
@click.option("--seed", type=int, default=0, show_default=True)
@output_option("HDF5 or JSON")
@json_option
def command(
    series: Path | None,
    coupling: tuple[float, float] | None,
    size: tuple[float, ...],
    diffusion: float | None,
    hops: tuple[float, float] | None,
    source: str,
    spread: float,
    boundary_rate: float | None,
    jump_length: float,
    amorphous: tuple[float, float] | None,
    amorphous_residual: float,
    tp: tuple[float, ...],
    target: tuple[float, float],
    isotope: str,
    count: int,
    voxels: int,
    realisations: int,
    seed: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Predict the echo decay of a MODEL polycrystal, from nanoseconds to milliseconds (Harper 2025, Fig. 7).

    SERIES is a tensor series of the single crystal: its mean over ions and time is the tensor of a grain. Ions diffuse
    through a Voronoi structure with random orientations.

    \b
    Examples:
      ufp grains --coupling 60 0.3 --size 50 --hops 2.57e5 3.2 \\
         --source "Harper 2025, hop rate"
      ufp grains tensors.h5 --size 20 --size 50 --size 100 \\
         --diffusion 4e-11 --source "MSD at 300 K" -o grains.h5
      ufp grains tensors.h5 --size 50 --diffusion 4e-11 \\
         --source "MSD" --amorphous 0.3 1e-9
    """
    import dataclasses

    import numpy as np

    from ufpnmr import provenance
    from ufpnmr.nmr.polycrystal import Grains, hop_diffusion, polycrystal, uniaxial
    from ufpnmr.nmr.visibility import VERDICTS
    from ufpnmr.results import Record
    from ufpnmr.results.tensors import TensorSeries

    destination = writable(output, force)
    if (series is None) == (coupling is None):
        raise InputError("expected either a tensor series or --coupling KHZ ETA, one of the two")
    if (diffusion is None) == (hops is None):
        raise InputError("expected either --diffusion or --hops, one of the two")
    if coupling is not None:
        tensors = uniaxial(*coupling, isotope)
    else:
        tensors = np.asarray(TensorSeries.read(series).V).mean(axis=0, dtype=np.float64)  # type: ignore[arg-type]
    structure = Grains(
        count=count,
        voxels=voxels,
        spread=spread,
        realisations=realisations,
        boundary_rate=boundary_rate,
        jump_length=jump_length,
        amorphous=amorphous[0] if amorphous else 0.0,
        amorphous_diffusion=amorphous[1] if amorphous else None,
        amorphous_residual=amorphous_residual,
    )
    result = polycrystal(
        tensors,
        sorted(size),
        hop_diffusion(*hops) if hops else diffusion,  # type: ignore[arg-type]
        source,
        grains=structure,
        isotope=isotope,
        tp=tp,
        target=target,
        seed=seed,
    )
    inputs = [] if series is None else [series]
    result = dataclasses.replace(result, provenance=provenance.collect(inputs, **result.parameters))
    nucleus = result.isotope
    say(f"{result.model}; {nucleus['name']} (Q = {nucleus['quadrupole_moment_mb']:g} mb, {nucleus['source']})")
    say(f"D = {result.diffusion:.3g} cm2/s ({result.diffusion_source}); P_Q of a grain {result.coupling:.4g} kHz")
    if result.averaged_fraction is not None:
        say(f"motion inside grains leaves {result.averaged_fraction:.1%} of <V:V> of the averaged tensors of the ions")
    for warning in result.warnings:
        say(f"warning: {warning}")
    method = "eq. 5, amplitude 1, on the mean curve; standard error over realisations, normal"
    records = {}
    for length, tau, error, gamma, b2, seen in zip(
        result.size, result.tau, result.tau_error, result.gamma, result.plateau, result.verdicts, strict=True
    ):
        ms = 1e3 * tau
        low, high = ms - 1.96e3 * error, ms + 1.96e3 * error
        records[f"tau at {length:g} nm"] = Record(ms, "ms", method, low, high, 1e3 * error)
        say(f"{length:g} nm: γ = {gamma:.2f}, b² = {b2:.3f}, {seen}: {VERDICTS[seen]}")
    if result.constant.value is not None:
        records["tau D/L^2"] = result.constant
    records |= {f"size for {key}": record for key, record in result.target_size.items()}
    if destination is not None:
        result.write(destination)
        say(f"{destination}: {len(result.size)} sizes")
    report(records, as_json, {"model": result.model, "verdicts": result.verdicts, "warnings": result.warnings})
    return exit_code(records.values())


__all__ = ["command"]
