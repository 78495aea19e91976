"""What the scripts of this folder share: potential, relaxation, molecular dynamics, structures to label, JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from ufpnmr import Potential
from ufpnmr.active.lammps_files import carried, in_lammps_frame, write_data
from ufpnmr.lmp_process import error_line, lmp_command, run_lmp
from ufpnmr.potential.calculator import SplineCalculator
from ufpnmr.provenance import collect, file_hash
from ufpnmr.structures import LabelledStructure, content_uid, read_structures

HERE = Path(__file__).resolve().parent
LPS = HERE.parent
STRUCTURES = LPS / "structures"
BETA_4B = STRUCTURES / "beta-Li3PS4-4b-relaxed-chgnet.xyz"
BETA_384, GLASS_576 = LPS / "data.beta-384", LPS / "data.glass-576"
BETA_4C = STRUCTURES / "beta-Li3PS4-4c-relaxed-chgnet.xyz"
ELEMENTS = ("Li", "P", "S")
TIMESTEP = 0.002  # ps


def calculator(potential: Path) -> SplineCalculator:
    """Return the potential for ASE; a contact below its first knot is an error."""
    return SplineCalculator(Potential.read(potential), short="error", threads=1)


def relaxed(atoms: Atoms, calc: SplineCalculator, force: float = 0.002, cell: bool = False, steps: int = 2000) -> Atoms:
    """Return a copy without forces (eV/Å), with `cell` without stress too."""
    out = atoms.copy()
    out.calc = calc
    if not BFGS(FrechetCellFilter(out) if cell else out, logfile=None, maxstep=0.1).run(fmax=force, steps=steps):
        raise SystemExit(f"{atoms.get_chemical_formula()}: not relaxed to {force} eV/Å within {steps} steps")
    return out


def to_label(images: Iterable[Atoms], group: str, **info: Any) -> list[Atoms]:
    """Return copies with group, number, charge and a uid that the structures of another potential do not share."""
    named = []
    for number, atoms in enumerate(images):
        copy = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)
        uid = f"{group}-{number:02d}-{content_uid(copy)[1:9]}"
        copy.info = {
            **{key: int(value) for key, value in carried(atoms).items()},
            **info,
            "group": group,
            "number": number,
            "uid": uid,
        }
        named.append(copy)
    return named


def by_group(labels: Path) -> dict[str, list[LabelledStructure]]:
    """Return labelled structures by group, in the order of their numbers."""
    groups: dict[str, list[LabelledStructure]] = defaultdict(list)
    for structure in read_structures(labels):
        groups[str(structure.group)].append(structure)
    return {name: sorted(some, key=lambda one: int(one.atoms.info["number"])) for name, some in sorted(groups.items())}


def run_md(folder: Path, potential: Path, start: Atoms | Path, temperature: float, ps: float, **variables: Any) -> Path:
    """Run in.md from a structure or data file in `folder` and return its dump.

    A run that was stopped, or is to be longer now, goes on; if anything but its length differs, it begins anew.
    """
    settings = {"T": temperature, "timestep": TIMESTEP, "restart": 5000, **variables}
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "start.data"
        if isinstance(start, Path):
            shutil.copy(start, data)
        else:
            write_data(data, in_lammps_frame(start), ELEMENTS)
        same = json.dumps({**settings, "potential": file_hash(potential), "data": file_hash(data)})
        note = folder / "settings.json"
        if not note.is_file() or note.read_text(encoding="utf-8") != same:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            shutil.copy(data, folder)
            note.write_text(same, encoding="utf-8")
    settings |= {"potential": str(potential.resolve()), "data": "start.data", "steps": round(ps / TIMESTEP)}
    command = ["-in", str(LPS / "in.md"), "-log", "none", "-screen", "none"]
    for name, value in settings.items():
        command += ["-var", name, str(value)]
    if run_lmp(lmp_command(command), folder, folder / "lmp.out"):
        raise SystemExit(f"{folder.name}: {error_line(folder / 'run.log')}")
    return folder / "run.lammpstrj"


def write_queue(path: Path, structures: list[Atoms]) -> None:
    """Write the structures for ``ufp active label``."""
    ase.io.write(path, structures, format="extxyz")
    print(f"{path.name}: {len(structures)} structures to label")


def write(path: Path, name: str, inputs: Iterable[Path], **content: Any) -> None:
    """Write a result of script `name` with where it comes from."""
    text = json.dumps({"benchmark": name, **content, "made_by": collect(inputs)}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def rounded(values: Any, digits: int) -> Any:
    """Return numbers for JSON."""
    return np.round(np.asarray(values, dtype=float), digits).tolist()


def dynamics(doc: str | None, temperatures: Sequence[float], ps: float, what: str) -> argparse.ArgumentParser:
    """Return the command line of a script that runs at several temperatures (K) for `ps` each, `what` in its help."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("potential", type=Path)
    parser.add_argument("--temperatures", type=float, nargs="+", default=temperatures, help="K")
    parser.add_argument("--ps", type=float, default=ps, help=what)
    parser.add_argument("--folder", type=Path, default=HERE, help="of what is written")
    return parser


def two_verbs(
    doc: str | None, name: str, make: Callable[[argparse.Namespace], None], judge: Callable[[argparse.Namespace], None]
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """Return a command line with the verb `name`, which makes structures, and `compare`, which needs their labels.

    The verbs themselves follow, for options of their own.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    first = verbs.add_parser(name, help="make the structures to label")
    second = verbs.add_parser("compare", help="compare with their labels")
    for verb, run in ((first, make), (second, judge)):
        verb.add_argument("potential", type=Path)
        verb.add_argument("--folder", type=Path, default=HERE, help="of what is written")
        verb.set_defaults(run=run)
    second.add_argument("labels", type=Path)
    return parser, first, second
