"""``ufp sites``: where ions are, how long they stay, and how they move between sites."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ufpnmr.cli.common import json_option, output_option, say, writable
from ufpnmr.cli.ion_paths import (
    minimum_residence_option,
    read_ion_paths,
    runs_argument,
    threads_option,
)
from ufpnmr.cli.reading import TrajectoryOptions, trajectory_options
from ufpnmr.cli.runs import deliver, run_results
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from MDAnalysis import Universe

    from ufpnmr.results.site_network import SiteNetwork
    from ufpnmr.results.sites import EscapeSurvival, ResidenceTimes, SiteLabels

COUNTS: dict[str, Literal["bonds", "continuous", "voronoi"]] = {
    "coordination": "bonds",
    "continuous": "continuous",
    "voronoi": "voronoi",
}
"""Rules that label by coordination, each with its count in `ufpnmr.dynamics.coordination_labels`."""
RULES = (*COUNTS, "reference", "density")


@click.command()
@runs_argument
@trajectory_options
@click.option("--ion", help="Element of the ions, e.g. Ag; needed unless all FILEs are results.")
@click.option(
    "--by",
    "rule",
    type=click.Choice(RULES),
    default="coordination",
    help="coordination: number of bonds to --ligand; continuous: the same as a smooth number; voronoi: large faces of "
    "the Voronoi cell among the ligands, without a radius; reference: atoms of a crystal; density: maxima of the "
    "density of the ions. [coordination]",
)
@click.option("--ligand", help="Element that coordinates the ions (coordination, continuous, voronoi, --escape).")
@click.option("--sites", default="4,6", help="Coordination numbers that are sites; all others are transit. [4,6]")
@click.option("--radius", type=float, help="Bond radius R, Å. [first minimum of the pair correlation]")
@click.option("--half-gap", type=float, help="Bonds form below R - d and break above R + d, Å. [from the amplitude]")
@click.option("--face-area", is_flag=True, help="Weigh Voronoi faces by their area. [by their solid angle]")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="Crystal whose --ion atoms are the sites; a unit cell is repeated.",
)
@click.option("--site-kind", help="Per-atom array of the reference that tells kinds of sites apart.")
@click.option("--capture", type=float, help="Sites in space hold ions closer than this, Å. [half their distance]")
@click.option("--residence", "stays_at", help="Kaplan-Meier of the stays at this site (its name) instead of labels.")
@click.option("--escape", "centre", help="Kaplan-Meier of the escape from polyanions around this element instead.")
@click.option("--escape-radius", type=float, default=3.0, help="Reach of a polyanion, Å. [3]")
@minimum_residence_option
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    inputs: tuple[Path, ...],
    reading: TrajectoryOptions,
    ion: str | None,
    rule: str,
    ligand: str | None,
    sites: str,
    radius: float | None,
    half_gap: float | None,
    face_area: bool,
    reference: Path | None,
    site_kind: str | None,
    capture: float | None,
    stays_at: str | None,
    centre: str | None,
    escape_radius: float,
    minimum_residence: float | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Site of every ion in every frame; occupation, rates of exchange, paths, residence times, escape.

    Several FILEs are independent runs, trajectories or labels by coordination of this verb: populations and rates of
    all runs together. Exit code 3: a rate cannot be claimed (too few changes of site); populations are still those of
    the runs.

    \b
    ufp sites dump.lammpstrj --log log.lammps --elements 'Li P S' --ion Li --ligand S -o sites.h5
    ufp sites run1-sites.h5 run2-sites.h5 run3-sites.h5 -o mean.json
    ufp sites dump.lammpstrj.gz --timestep 0.001 --ion Li --ligand S --by continuous --radius 3.3 --json
    ufp sites dump.lammpstrj --timestep 0.001 --ion Li --ligand S --by voronoi -o sites.h5
    ufp sites beta.dcd --topology data.beta --timestep 0.002 --ion Li --by reference --reference 4b.xyz -o net.h5
    ufp sites agi.dcd --topology data.agi --timestep 0.002 --ion Ag --by density -o network.h5
    ufp sites glass.dcd --topology data.glass --timestep 0.002 --ion Li --ligand S --escape P -o escape.h5
    """
    writable(output, force)
    from ufpnmr.results.site_network import SiteNetwork
    from ufpnmr.results.sites import EscapeSurvival, ResidenceTimes, SiteLabels

    in_space = rule in ("reference", "density")
    if in_space and stays_at is not None:
        raise InputError("--residence needs labels by coordination")
    kind = (
        EscapeSurvival if centre is not None
        else SiteNetwork if in_space
        else ResidenceTimes if stays_at is not None
        else SiteLabels
    )  # fmt: skip
    if len(inputs) > 1 and kind is not SiteLabels:
        raise InputError(f"only labels by coordination combine over runs; analyse the {len(inputs)} runs one by one")

    def analyse(path: Path) -> Any:
        from ufpnmr.dynamics import coordination_labels

        mobile = _needed(ion, "--ion")
        universe = reading.open(path)
        if centre is not None:
            near = _needed(ligand, "--ligand")
            return _escape(universe, mobile, near, centre, escape_radius, minimum_residence, threads)
        if in_space:
            return _network(universe, mobile, rule, reference, site_kind, capture, minimum_residence, threads)
        labels = coordination_labels(
            universe,
            ion=mobile,
            ligand=_needed(ligand, "--ligand"),
            sites=_numbers(sites),
            count=COUNTS[rule],
            weight="area" if face_area else "solid angle",
            radius=radius,
            half_gap=half_gap,
            minimum_residence=minimum_residence,
            threads=threads,
        )
        return labels if stays_at is None else _stays(labels, stays_at)

    results = run_results(inputs, kind, analyse, (*reading.companions, reference))
    return deliver(results, output, as_json, _extra)


def _extra(result: Any) -> dict[str, Any]:
    for line in _remarks(result):
        say(line)
    names = ("n_changes_raw", "n_changes_settled", "n_ions_changed", "percolation")
    return {name: getattr(result, name) for name in names if hasattr(result, name)}


def read_labels(file: Path) -> Any:
    """Read labels of sites, from `SiteLabels` or a `SiteNetwork`, as something that has ``label`` or is an array."""
    import h5py

    from ufpnmr.results.site_network import SiteNetwork
    from ufpnmr.results.sites import SiteLabels

    if file.suffix != ".json" and file.is_file() and h5py.is_hdf5(file):
        with h5py.File(file, "r") as opened:
            if opened.attrs.get("schema") == SiteNetwork.schema:
                return SiteNetwork.read(file).labels
    return SiteLabels.read(file)


def _needed(value: str | None, option: str) -> str:
    if value is None:
        raise InputError(f"give {option}: it is never guessed")
    return value


def _numbers(sites: str) -> list[int]:
    try:
        return [int(word) for word in sites.split(",")]
    except ValueError:
        raise InputError(f"--sites: expected coordination numbers such as 4,6, found {sites!r}") from None


def _network(
    universe: Universe,
    ion: str,
    rule: str,
    reference: Path | None,
    site_kind: str | None,
    capture: float | None,
    minimum_residence: float | None,
    threads: int,
) -> SiteNetwork:
    from ufpnmr.dynamics import density_sites, reference_sites, site_network

    paths = read_ion_paths(universe, ion, None, "framework", float("inf"), None)
    if rule == "reference":
        if reference is None:
            raise InputError("--by reference: give the crystal with --reference FILE")
        sites = reference_sites(reference, paths.cell[0], ion, site_kind)
    else:
        sites = density_sites(paths)
    return site_network(paths, sites, capture=capture, minimum_residence=minimum_residence, threads=threads)


def _escape(
    universe: Universe,
    ion: str,
    ligand: str,
    centre: str,
    radius: float,
    minimum_residence: float | None,
    threads: int,
) -> EscapeSurvival:
    from ufpnmr.dynamics import escape_survival
    from ufpnmr.dynamics.coordination import paths_from_universe
    from ufpnmr.dynamics.escape import polyanions
    from ufpnmr.trajectory.paths import select

    arrays = paths_from_universe(universe, ion, ligand)
    universe.trajectory[0]
    centres = select(universe, f"element {centre}").positions.astype(float)
    groups = polyanions(centres, arrays.ligands[0].astype(float), arrays.cell[0])
    return escape_survival(arrays, groups, radius=radius, minimum_residence=minimum_residence, threads=threads)


def _stays(labels: SiteLabels, name: str) -> ResidenceTimes:
    from ufpnmr.dynamics import residence_times
    from ufpnmr.errors import nearest

    codes = {text: int(code) for code, text in labels.names.items()}
    if name not in codes:
        raise InputError(f"--residence: expected one of {', '.join(codes)}, found {name!r}{nearest(name, codes)}")
    return residence_times(labels, codes[name])


def _remarks(result: Any) -> list[str]:
    parameters = result.parameters
    lines = [f"ufp sites: {parameters['notice']}"] if parameters.get("notice") else []
    if hasattr(result, "n_changes_settled"):
        lines.append(
            f"{result.n_changes_settled} changes of site by {result.n_ions_changed} ions "
            f"({result.n_changes_raw} before smoothing and settling)"
        )
    if hasattr(result, "percolation"):
        reached = max((row["dimension"] for row in result.percolation), default=0)
        lines.append(
            f"{parameters['n_sites']} sites ({parameters['sites']}); paths run through in {reached} dimensions"
        )
    if "slowest_rate_seen" in parameters:
        lines.append(
            f"a run of this length and sampling sees rates of {parameters['slowest_rate_seen']:.1e} to "
            f"{parameters['fastest_rate_seen']:.1e} s^-1"
        )
    if "n_visits" in parameters:
        lines.append(f"{parameters['n_visits']} stays, {parameters['n_censored']} of them cut by the end of the run")
    return lines
