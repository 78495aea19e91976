"""``ufp angles``: tetrahedral angles, their velocities, and ions around polyanions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, output_option, writable
from ufpnmr.cli.ion_paths import threads_option
from ufpnmr.cli.reading import TrajectoryOptions
from ufpnmr.cli.runs import deliver, run_results, runs_options
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.dynamics.tetrahedra import Tetrahedra
    from ufpnmr.results.angles import AngleResult, IonDensity
    from ufpnmr.trajectory.frames import Frames


@click.command()
@runs_options
@click.option("--centre", help="Element A of the tetrahedra AX4, with --ligand.")
@click.option("--ligand", help="Element X.")
@click.option("--lattice", help="Element whose mean lattice holds the tetrahedra, where there are no centre atoms.")
@click.option(
    "--list", "listed", type=click.Path(path_type=Path), help="Text file: ids of 4 corners, or centre and 4, per line."
)
@click.option(
    "--ion", help="With --centre and --ligand: density of this element over distance and angle at the ligand."
)
@click.option("--bond-cutoff", type=float, help="Longest bond A-X, Å. [1.25 times the first peak of g(r)]")
@click.option("--kind", type=click.Choice(["face", "bond"]), help="face: X-X-X, bond: X-A-X. [face]")
@click.option("--reference", type=float, help="Only angles this large, ± 5°, in the mean structure (AgI: 70.53).")
@click.option("--cutoff", type=float, help="Of the Fourier filter, cm⁻¹. [5]")
@click.option("--filtered", is_flag=True, default=None, help="Distributions, too, from filtered angles.")
@click.option("--r-min", type=float, help="With --ion, Å. [2]")
@click.option("--r-max", type=float, help="With --ion, Å. [6]")
@threads_option
@output_option("HDF5, or JSON by its suffix")
@json_option
def command(
    inputs: tuple[Path, ...],
    reading: TrajectoryOptions,
    preset: str | None,
    centre: str | None,
    ligand: str | None,
    lattice: str | None,
    listed: Path | None,
    ion: str | None,
    bond_cutoff: float | None,
    kind: str | None,
    reference: float | None,
    cutoff: float | None,
    filtered: bool | None,
    r_min: float | None,
    r_max: float | None,
    threads: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Angles of tetrahedra and their velocities; with --ion, where ions sit around the polyanions.

    Angular velocities need frames at most 5 fs apart. Several FILEs are independent runs, trajectories or results of
    this verb.

    \b
    ufp angles dump.lammpstrj --log log.lammps --elements 'Li P S' --centre P --ligand S -o ps4.h5
    ufp angles agi-1.lammpstrj agi-2.lammpstrj --lattice I --reference 70.53 --preset kaiser2024 -o agi.h5
    ufp angles dump.lammpstrj --timestep 0.001 --centre P --ligand S --ion Li -o around-ps4.h5
    """
    writable(output, force)
    from ufpnmr.dynamics.angles import angle_distributions
    from ufpnmr.dynamics.ion_density import ion_density
    from ufpnmr.dynamics.presets import preset as chosen
    from ufpnmr.results.angles import AngleResult, IonDensity
    from ufpnmr.trajectory.frames import read_frames

    if sum(given is not None for given in (centre or ligand, lattice, listed)) != 1 or bool(centre) != bool(ligand):
        raise InputError(
            "give one of --centre with --ligand, --lattice, or --list: it says which atoms form tetrahedra"
        )
    if ion is not None and centre is None:
        raise InputError("--ion needs --centre and --ligand: the angle is centre-ligand-ion")
    around: dict[str, Any] = chosen(preset, "ion_density", r_min=r_min, r_max=r_max, cutoff=bond_cutoff)
    options: dict[str, Any] = chosen(preset, "angles", kind=kind, reference=reference, cutoff=cutoff, filtered=filtered)

    def analyse(path: Path) -> AngleResult | IonDensity:
        universe = reading.open(path)
        if ion is not None and centre is not None and ligand is not None:
            frames = read_frames(universe, most=2000, timed=False)
            return ion_density(frames, centre, ligand, ion, threads=threads, **around)
        frames = read_frames(universe, selection=_needed(centre, ligand, lattice))
        tetrahedra = _tetrahedra(frames, centre, ligand, lattice, listed, bond_cutoff)
        return angle_distributions(frames, tetrahedra, threads=threads, **options)

    kind_of_result = AngleResult if ion is None else IonDensity
    return deliver(run_results(inputs, kind_of_result, analyse, (*reading.companions, listed)), output, as_json)


def _needed(centre: str | None, ligand: str | None, lattice: str | None) -> str:
    names = [name for name in (centre, ligand, lattice) if name is not None]
    return f"element {' '.join(names)}" if names else "all"


def _tetrahedra(
    frames: Frames,
    centre: str | None,
    ligand: str | None,
    lattice: str | None,
    listed: Path | None,
    bond_cutoff: float | None,
) -> Tetrahedra:
    from ufpnmr.dynamics.tetrahedra import bonded_tetrahedra, lattice_tetrahedra, listed_tetrahedra

    if centre is not None and ligand is not None:
        return bonded_tetrahedra(frames, centre, ligand, bond_cutoff)
    if lattice is not None:
        return lattice_tetrahedra(frames, lattice)
    assert listed is not None
    rows = []
    for number, line in enumerate(listed.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            rows.append([int(word) for word in words])
        except ValueError:
            raise InputError(f"{listed}:{number}: expected atom ids, found {line.strip()!r}") from None
    return listed_tetrahedra(frames, rows, listed.name)
