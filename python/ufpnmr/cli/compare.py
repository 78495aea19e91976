"""``ufp compare``: two sets of runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, output_option, say, writable
from ufpnmr.cli.ion_paths import chosen_ions, ions_options, threads_option
from ufpnmr.cli.reading import TrajectoryOptions, trajectory_options
from ufpnmr.cli.runs import preset_option
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.results.runs import RunAverage

_TRAJECTORIES = (".lammpstrj", ".dump", ".dcd", ".extxyz", ".xyz", ".gz", ".zst", ".xtc")


@click.command()
@click.argument("reference")
@click.argument("other")
@trajectory_options
@ions_options
@preset_option
@click.option("--names", nargs=2, help="What to call the two sets. [their paths]")
@click.option("--centre", help="Element A of tetrahedra AX4, with --ligand: angles, and the --ion around them.")
@click.option("--ligand", help="Element X.")
@click.option("--lattice", help="Element whose mean lattice holds the tetrahedra, where there are no centre atoms.")
@click.option("--reference-angle", type=float, help="Only angles this large, ± 5°, in the mean structure.")
@click.option("--r-max", type=float, help="Of g(r), Å. [10]")
@click.option("--max-lag", type=float, help="Of the van Hove functions, ps. [a quarter of each run]")
@click.option("--limits", type=float, nargs=2, help="Limits of the band centre, cm⁻¹. [the whole spectrum]")
@click.option("--segment", type=float, help="Segment of the spectra, ps. [16.7]")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables here.")
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    reference: str,
    other: str,
    reading: TrajectoryOptions,
    ion: str | None,
    selection: str | None,
    drift: str,
    preset: str | None,
    names: tuple[str, str] | None,
    centre: str | None,
    ligand: str | None,
    lattice: str | None,
    reference_angle: float | None,
    r_max: float | None,
    max_lag: float | None,
    limits: tuple[float, float] | None,
    segment: float | None,
    markdown: Path | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Compare two sets of runs: ab initio against model, small against large cell, doped against pristine.

    REFERENCE and OTHER are each a folder, a file or a comma-separated list. Results of other verbs (ufp rdf, vdos,
    angles, msd, vanhove; single runs or means) are taken as they are; trajectories are analysed here. Differences are
    given in units of the combined standard error, for every curve and every number.

    \b
    ufp compare aimd/ model/ -o compare.json --markdown compare.md && ufp plot compare.json -o compare.svg
    ufp compare a1.lammpstrj,a2.lammpstrj b1.lammpstrj,b2.lammpstrj --timestep 0.001 --elements 'Li P S' \\
        --ion Li --centre P --ligand S -o compare.json
    """
    writable(output, force)
    writable(markdown, force)
    if bool(centre) != bool(ligand):
        raise InputError("--centre and --ligand go together: tetrahedra AX4 need both elements")
    from ufpnmr.dynamics.compare import compare_runs
    from ufpnmr.dynamics.presets import preset as chosen

    def analyses(path: Path) -> dict[str, Callable[[], Any]]:
        from ufpnmr import dynamics
        from ufpnmr.trajectory import ion_paths, read_frames

        universe = reading.open(path)
        frames: dict[str, Any] = {}

        def moving() -> Any:
            if "all" not in frames:
                frames["all"] = read_frames(universe, velocities=True)
            return frames["all"]

        def ions() -> Any:
            if "ions" not in frames:
                frames["ions"] = ion_paths(universe, chosen_ions(universe, ion, selection), drift)
            return frames["ions"]

        def angles() -> Any:
            if lattice is not None:
                tetrahedra = dynamics.lattice_tetrahedra(moving(), lattice)
            else:
                tetrahedra = dynamics.bonded_tetrahedra(moving(), str(centre), str(ligand))
            options = chosen(preset, "angles", reference=reference_angle)
            return dynamics.angle_distributions(moving(), tetrahedra, threads=threads, **options)

        few = read_frames(universe, most=2000, timed=False)
        found: dict[str, Callable[[], Any]] = {
            "rdf": lambda: dynamics.pair_correlation(few, threads=threads, **chosen(preset, "rdf", r_max=r_max)),
            "vdos": lambda: dynamics.vibrational_density_of_states(
                moving(), threads=threads, **chosen(preset, "vdos", limits=limits or None, segment=segment)
            ),
            "msd": lambda: dynamics.mean_square_displacement(ions(), threads=threads),
            "vanhove": lambda: dynamics.van_hove(ions(), threads=threads, **chosen(preset, "vanhove", max_lag=max_lag)),
        }
        if lattice is not None or centre is not None:
            found[f"angles {lattice or f'{centre}{ligand}4'}"] = angles
        if ion is not None and centre is not None and ligand is not None:
            found[f"{ion} around {centre}{ligand}4"] = lambda: dynamics.ion_density(
                few, centre, ligand, ion, threads=threads, **chosen(preset, "ion_density")
            )
        return found

    first, second = (_gather(text, analyses) for text in (reference, other))
    result = compare_runs(first, second, names=names or (reference, other))
    if output is not None:
        result.write(output)
        say(f"{output}: {len(result.numbers)} numbers, {len(result.curves)} curves")
    if markdown is not None:
        markdown.write_text(result.markdown(), encoding="utf-8")
    for note in result.notes:
        say(note)
    if as_json:
        click.echo(json.dumps({"numbers": result.numbers, "curves": result.curves, "notes": result.notes}, indent=1))
    else:
        click.echo(result.markdown(), nl=False)
    return 0


def _files(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        from ufpnmr.results.storage import stored_schema

        inside = sorted(file for file in path.iterdir() if file.is_file())
        found = [file for file in inside if stored_schema(file)]
        found = found or [file for file in inside if file.suffix in _TRAJECTORIES]
        if not found:
            raise InputError(f"{path}: holds neither results nor trajectories ({', '.join(_TRAJECTORIES)})")
        return found
    return [Path(word) for word in text.split(",") if word]


def _gather(text: str, analyses: Callable[[Path], dict[str, Callable[[], Any]]]) -> dict[str, RunAverage]:
    """Means over the runs of one set, by name of the analysis."""
    from ufpnmr.dynamics.runs import average_runs
    from ufpnmr.results.runs import RunAverage
    from ufpnmr.results.storage import stored_schema

    runs: dict[str, list[Any]] = {}
    means: dict[str, RunAverage] = {}
    for path in _files(text):
        schema = stored_schema(path)
        if schema == RunAverage.schema:
            mean = RunAverage.read(path)
            name = _name(mean.kind, mean.settings)
            if name in means:
                raise InputError(f"{path}: a second mean of {name} in {text}; give one")
            means[name] = mean
        elif schema is not None:
            kinds = _kinds()
            if schema not in kinds:
                say(f"{path}: {schema} is not compared")
                continue
            result = kinds[schema].read(path)
            runs.setdefault(_name(schema, result.parameters), []).append(result)
        else:
            for name, analyse in analyses(path).items():
                try:
                    runs.setdefault(name, []).append(analyse())
                except InputError as error:
                    say(f"{path}: {name} left out: {error}")
    for name, results in runs.items():
        if name in means:
            raise InputError(f"{text}: both a mean and single runs of {name}; give one kind")
        if results:
            means[name] = average_runs(results)
    return means


def _kinds() -> dict[str, Any]:
    from ufpnmr.results.angles import AngleResult, IonDensity
    from ufpnmr.results.hops import HopResult
    from ufpnmr.results.msd import MSDResult
    from ufpnmr.results.rdf import RDFResult
    from ufpnmr.results.van_hove import VanHoveResult
    from ufpnmr.results.vdos import VDOSResult

    return {
        kind.schema: kind
        for kind in (RDFResult, VDOSResult, AngleResult, IonDensity, VanHoveResult, MSDResult, HopResult)
    }


def _name(schema: str, parameters: dict[str, Any]) -> str:
    """Name of an analysis; angles and ion densities of different polyanions are different analyses."""
    name = schema.removeprefix("ufpnmr-")
    if name == "ion-density":
        return f"{parameters['ion']} around {parameters['centre']}{parameters['ligand']}4"
    return name if name != "angles" else f"angles {str(parameters['angles']).partition(', ')[2].split()[0]}"
