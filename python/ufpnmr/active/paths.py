"""Images along the path of least energy between two structures: `neb` of LAMMPS with the current potential.

Each image is a partition of one process (Henkelman and Jónsson, J. Chem. Phys. 113, 9978 (2000)). The second half of
the minimisation has a climbing image.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufpnmr.active.assessment import Assessor
from ufpnmr.active.config import PathConfig
from ufpnmr.active.lammps_files import carried, head, in_lammps_frame, read_frames, write_data
from ufpnmr.errors import InputError
from ufpnmr.lmp_process import error_line, lmp_command, run_lmp
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.structures import read_atoms

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Images", "ends_of", "run_path"]

_SPRING = 1.0
"""eV/Å, for neb's parallel nudging force with ideal spacing."""


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """Images of a path.

    Attributes
    ----------
    images : list of ase.Atoms
        Those between the ends; empty if there is no path.
    end : str
        "complete", or what LAMMPS said.
    info : dict
        What the first end carries and each image too: the charge.
    """

    images: list[Atoms]
    end: str
    info: dict[str, Any]


def ends_of(config: PathConfig) -> tuple[Atoms, Atoms]:
    """Read the two ends in the frame of LAMMPS.

    Raises
    ------
    InputError
        They are not the same atoms in the same order and cell.
    """
    first, last = (read_atoms(path)[-1] for path in (config.initial, config.final))
    if list(first.symbols) != list(last.symbols) or np.abs(first.cell.array - last.cell.array).max() > 1e-3:
        raise InputError(
            f"path {config.name}: expected the same atoms in the same order and cell in {config.initial.name} and "
            f"{config.final.name}, found different ones"
        )
    return in_lammps_frame(first), in_lammps_frame(last)


def run_path(config: PathConfig, assessor: Assessor, folder: Path) -> Images:
    """Find the path in `folder`; begun anew if a kill left it unfinished.

    Parameters
    ----------
    config : PathConfig
    assessor : Assessor
        The potential.
    folder : Path
        Its own.
    """
    done = folder / "path.json"
    elements = assessor.potential.elements
    width = len(str(config.images))
    if not done.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        first, last = ends_of(config)
        write_data(folder / "initial.data", first, elements)
        rows = [f"{i} {x:.12f} {y:.12f} {z:.12f}" for i, (x, y, z) in enumerate(last.positions, 1)]
        (folder / "final.coords").write_text("\n".join([str(len(rows)), *rows, ""]), encoding="utf-8")
        text = head("read_data initial.data", assessor.path.resolve(), elements, assessor.potential.degree, 0.001)
        text += f"""variable image uloop {config.images} pad
fix springs all neb {_SPRING} parallel ideal
thermo 50
min_style quickmin
neb 0.0 {config.force_eV_per_A!r} {config.steps} {config.steps} 10 final final.coords
write_dump all custom image-${{image}}.lammpstrj id type element xu yu zu modify sort id element {" ".join(elements)} &
  format float %.8f
"""
        (folder / "neb.in").write_text(text, encoding="utf-8")
        partitions = ["-partition", f"{config.images}x1", "-in", "neb.in", "-log", "neb.log", "-plog", "none"]
        command = lmp_command([*partitions, "-pscreen", "none"], config.images)
        code = run_lmp(command, folder, folder / "neb.out")
        end = "complete" if code == 0 else f"LAMMPS: {error_line(folder / 'neb.out')}"
        write_text_atomically(done, json.dumps({"end": end, "exit_code": code}, indent=1) + "\n")
    end = json.loads(done.read_text(encoding="utf-8"))["end"]
    images = []
    for number in range(2, config.images):
        frames = read_frames(folder / f"image-{number:0{width}d}.lammpstrj", elements)
        images += [atoms for _, atoms in frames]
    return Images(images, end, carried(ends_of(config)[0]))
