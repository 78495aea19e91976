"""Barriers of Li hops in β-Li3PS4: paths of least energy of a potential, and PBE along the same images.

    python barriers.py images LPS.uf3                              barriers.json, queue-barriers.extxyz
    ufp active label queue-barriers.extxyz labels-barriers.extxyz --labeller cp2k
    python barriers.py compare LPS.uf3 labels-barriers.extxyz      barriers-pbe.json, barriers-pbe.svg

Ends are relaxed with the potential in the fixed cell, images come from a climbing nudged elastic band (Henkelman,
Uberuaga and Jónsson, J. Chem. Phys. 113, 9901 (2000)) begun with image dependent pair potentials (Smidstrup et al.,
J. Chem. Phys. 140, 214106 (2014)). A barrier is the largest climb between two images, there and back: ends need not be
equally deep. Atoms are numbered as in the files of structures/.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.mep import NEB
from ase.optimize import FIRE
from common import (
    BETA_4B,
    BETA_4C,
    STRUCTURES,
    by_group,
    calculator,
    relaxed,
    rounded,
    to_label,
    two_verbs,
    write,
    write_queue,
)
from matplotlib.figure import Figure

from ufpnmr.plots import style

CRITERION = 30.0  # meV


@dataclasses.dataclass(frozen=True)
class Hop:
    """A hop: in `file`, without atom `vacant`, the atoms of `moves` go to the sites of others or to (x, y, z) in Å."""

    file: Path
    moves: dict[int, int | tuple[float, float, float]]
    vacant: int | None = None
    what: str = ""

    def ends(self) -> tuple[Atoms, Atoms]:
        """Return the unrelaxed ends; the cell of a missing Li+ has the charge -1."""
        whole = ase.io.read(self.file)
        last = whole.copy()
        for atom, to in self.moves.items():
            last.positions[atom] = whole.positions[to] if isinstance(to, int) else to
        ends = (whole, last)
        for atoms in ends:
            if self.vacant is not None:
                del atoms[self.vacant]
                atoms.info["charge"] = -1
        return ends


INTERSTITIAL = STRUCTURES / "beta-4b-interstitial.xyz"
HOPS = {
    "4b-vacancy-8d-4b": Hop(BETA_4B, {1: 8}, 8, "4b ordering, vacancy on 4b, Li of 8d moves in"),
    "4b-vacancy-4b-4b": Hop(BETA_4B, {10: 8}, 8, "4b ordering, vacancy on 4b, next Li of the row along b"),
    "4b-vacancy-8d-8d": Hop(BETA_4B, {6: 0}, 0, "4b ordering, vacancy on 8d, Li of 8d along b"),
    "4c-vacancy-8d-4c": Hop(BETA_4C, {0: 11}, 11, "4c ordering, vacancy on 4c, Li of 8d moves in"),
    "4c-vacancy-8d-4c-far": Hop(BETA_4C, {0: 9}, 9, "4c ordering, vacancy on 4c, a farther Li of 8d"),
    "4b-interstitial": Hop(
        INTERSTITIAL, {32: 9, 9: (7.41067, -2.06084, 7.91796)}, None, "Li on 4c pushes Li of 4b to the next 4c"
    ),
    "4b-pair": Hop(BETA_4B, {9: (5.55767058, 2.06083963, 4.68991008)}, None, "4b ordering, Li of 4b moves to 4c"),
    "4c-pair": Hop(BETA_4C, {11: (6.54662, 0.0, 6.19674)}, None, "4c ordering, Li of 4c moves to 4b"),
}


def path_of(hop: Hop, potential: Path, count: int, force: float, steps: int) -> tuple[list[Atoms], str]:
    """Return the images, ends included, and what became of the search; none if both ends relax to one minimum."""
    ends = [relaxed(atoms, calculator(potential)) for atoms in hop.ends()]
    motion, length = find_mic(ends[1].positions - ends[0].positions, ends[0].cell, pbc=True)
    if length.max() < 0.7:
        return [], f"the ends relax to one minimum, {length.max():.2f} Å apart"
    ends[1].positions = ends[0].positions + motion
    images = [ends[0], *(ends[0].copy() for _ in range(count - 2)), ends[1]]
    for image in images:
        image.calc = calculator(potential)
    band = NEB(images, k=0.5, climb=False, method="improvedtangent")
    band.interpolate(method="idpp")
    FIRE(band, logfile=None).run(fmax=5 * force, steps=steps)
    band.climb = True
    converged = FIRE(band, logfile=None).run(fmax=force, steps=steps)
    return images, "converged" if converged else f"largest force {band.get_residual():.3f} eV/Å after {steps} steps"


def heights(energies: list[float]) -> dict[str, Any]:
    """Return energies along a path over the first and the largest climbs on the way there and back, meV."""
    above = 1000 * (np.array(energies) - energies[0])
    climb = above[None, :] - above[:, None]
    return {
        "energy_meV": rounded(above, 1),
        "there_meV": round(float(np.triu(climb).max()), 1),
        "back_meV": round(float(np.tril(climb).max()), 1),
    }


def find_images(arguments: argparse.Namespace) -> None:
    """Find the paths, write their images and barriers."""
    paths, queue = [], []
    for name in arguments.paths or HOPS:
        hop = HOPS[name]
        images, end = path_of(hop, arguments.potential, arguments.images, arguments.force, arguments.steps)
        row: dict[str, Any] = {"path": name, "what": hop.what, "end": end}
        if images:
            row |= heights([float(image.get_potential_energy()) for image in images])
            row["length_A"] = round(float(np.linalg.norm(images[-1].positions - images[0].positions, axis=1).max()), 2)
            queue += to_label(images, f"neb-{name}", config_type="neb")
        climbs = f"{row['there_meV']:.0f} meV there, {row['back_meV']:.0f} back, " if images else ""
        print(f"{name:<24}{climbs}{end}", flush=True)
        paths.append(row)
    write(arguments.folder / "barriers.json", "barriers", [arguments.potential], images=arguments.images, paths=paths)
    write_queue(arguments.folder / "queue-barriers.extxyz", queue)


def compare(arguments: argparse.Namespace) -> None:
    """Compare energies along the labelled images."""
    calc = calculator(arguments.potential)
    rows = []
    for group, images in by_group(arguments.labels).items():
        numbers = [int(image.atoms.info["number"]) for image in images]
        if not group.startswith("neb-") or numbers != list(range(len(numbers))) or len(numbers) < 3:
            print(f"{group}: left out, it has the images {numbers}")
            continue
        ours = heights([float(calc.get_potential_energy(image.atoms)) for image in images])
        theirs = heights([float(image.energy or np.nan) for image in images])
        there, back = (ours[way] - theirs[way] for way in ("there_meV", "back_meV"))
        largest = np.abs(np.subtract(ours["energy_meV"], theirs["energy_meV"])).max()
        rows.append(
            {
                "path": group.removeprefix("neb-"),
                "potential": ours,
                "pbe": theirs,
                "difference_there_meV": round(there, 1),
                "difference_back_meV": round(back, 1),
                "largest_difference_meV": round(float(largest), 1),
                "holds": max(abs(there), abs(back)) <= CRITERION,
            }
        )
        print(f"{group:<28}{there:+8.0f} meV there{back:+8.0f} back, at most {largest:.0f} along the path")
    if not rows:
        raise SystemExit(f"{arguments.labels}: expected all images of a path, found none")
    inputs = [arguments.potential, arguments.labels]
    write(arguments.folder / "barriers-pbe.json", "barriers_pbe", inputs, criterion_meV=CRITERION, paths=rows)
    draw(rows, arguments.folder / "barriers-pbe.svg")


@style.styled
def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw energies along all paths."""
    columns = min(3, len(rows))
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.7 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for axes, row in zip(panels.flat, rows, strict=False):
        for source, colour, label in (("pbe", style.COLOURS[1], "PBE"), ("potential", style.COLOURS[0], "potential")):
            axes.plot(row[source]["energy_meV"], "o-", color=colour, label=label, markersize=4)
        axes.set_title(row["path"])
    for axes in panels.flat[len(rows) :]:
        axes.set_visible(False)
    panels[0, 0].legend()
    for axes in panels[:, 0]:
        axes.set_ylabel("energy / meV")
    panels[-1, 0].set_xlabel("image")
    style.save(panels[0, 0], path)


def main() -> None:
    """Read the command line."""
    parser, first, _ = two_verbs(__doc__, "images", find_images, compare)
    first.add_argument("--paths", nargs="+", choices=list(HOPS), help="only these")
    first.add_argument("--images", type=int, default=7, help="ends included")
    first.add_argument("--force", type=float, default=0.02, help="eV/Å, where the search ends")
    first.add_argument("--steps", type=int, default=4000)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
