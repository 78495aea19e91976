"""``ufp eval``: a potential on structures, beside their labels if they have any."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, say
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

    from ufpnmr.potential.model import Potential
    from ufpnmr.structures import LabelledStructure


@click.command()
@click.argument("potential_file", metavar="POTENTIAL", type=click.Path(path_type=Path))
@click.argument("structures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Predictions as extxyz.")
@click.option("--force", is_flag=True, help="Overwrite an existing output file.")
@click.option("--uncertainty", is_flag=True, help="Standard deviations as well; needs NAME.posterior.h5.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="OpenMP threads; 0 follows OMP_NUM_THREADS.")
@json_option
def command(
    potential_file: Path,
    structures: tuple[Path, ...],
    output: Path | None,
    force: bool,
    uncertainty: bool,
    threads: int,
    as_json: bool,
) -> int:
    """Evaluate a potential on structures in any format of ASE.

    Prints the errors against the labels of the files by configuration type; with -o also writes the predictions.
    With --uncertainty, `energy_deviation` (eV) and `forces_deviation` (eV/Å) stand beside them.

    \b
    ufp eval LPS.uf3 test.extxyz
    ufp eval LPS.uf3 relaxed.vasp -o predicted.extxyz --uncertainty
    """
    from ufpnmr.potential import Potential
    from ufpnmr.structures import read_structures, write_structures

    if output is not None and output.exists() and not force:
        raise InputError(f"{output} exists; give another name or --force to overwrite")
    potential = Potential.read(potential_file)
    read = [s for path in structures for s in read_structures(path)]
    if uncertainty or output is not None:
        predicted, summary = _predict(potential, read, uncertainty, threads)
        if output is not None:
            write_structures(output, predicted)
            say(f"{len(predicted)} structures in {output}")
    else:
        summary = {}
    document: dict[str, Any] = {"structures": len(read), **summary}
    labelled = [s for s in read if s.energy is not None or s.forces is not None or s.stress is not None]
    if labelled:
        from ufpnmr.potential.accuracy import compare

        comparison = compare(potential, labelled, threads=threads)
        document |= {"errors": comparison.errors(), "errors_by_config_type": comparison.by_config_type()}
    click.echo(json.dumps(document, indent=1) if as_json else "\n".join(_lines(document)))
    return 0


def _predict(
    potential: Potential, structures: list[LabelledStructure], uncertainty: bool, threads: int
) -> tuple[list[LabelledStructure], dict[str, Any]]:
    """Return the structures with predictions as their labels, and the largest and mean force deviation of all."""
    import numpy as np

    out, sizes = [], []
    for structure in structures:
        atoms: Atoms = structure.atoms.copy()  # type: ignore[no-untyped-call]
        e = potential.evaluate(atoms, uncertainty=uncertainty, threads=threads)
        if e.deviations is not None:
            atoms.info["energy_deviation"] = e.deviations.energy
            atoms.arrays["forces_deviation"] = e.deviations.forces
            sizes.append(np.linalg.norm(e.deviations.forces, axis=1))
        out.append(dataclasses.replace(structure, atoms=atoms, energy=e.energy, forces=e.forces, stress=e.stress))
    if not sizes:
        return out, {}
    every = np.concatenate(sizes)
    return out, {"largest_force_deviation": float(every.max()), "mean_force_deviation": float(every.mean())}


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [f"{document['structures']} structures"]
    if "mean_force_deviation" in document:
        lines.append(
            f"force deviation per atom: mean {document['mean_force_deviation']:.3g} eV/Å, "
            f"largest {document['largest_force_deviation']:.3g} eV/Å"
        )
    if "errors" in document:
        header = f"{'configurations':<20} {'structures':>10} {'meV/atom':>9} {'meV/Å':>7} {'rms force':>9} {'GPa':>6}"
        lines.append(header)
        for name, e in [*document["errors_by_config_type"].items(), ("all", document["errors"])]:
            numbers = [e["energy_rmse"], e["force_rmse"], e["force_rms_label"], e["stress_rmse"]]
            texts = ["-" if n is None else f"{n:.3g}" if n < 100 else f"{n:.0f}" for n in numbers]
            lines.append(f"{name:<20} {e['structures']:>10} {texts[0]:>9} {texts[1]:>7} {texts[2]:>9} {texts[3]:>6}")
    return lines
