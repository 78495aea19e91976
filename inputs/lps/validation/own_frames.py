"""Frames of a potential's own molecular dynamics, to be labelled, and its errors on them.

    python own_frames.py frames LPS.uf3                                queue-own.extxyz
    ufp active label queue-own.extxyz labels-own.extxyz --labeller cp2k
    python own_frames.py compare LPS.uf3 labels-own.extxyz             own-frames.json

32 atoms of β (Li on 8d and 4b) and of a glass at 300 and 600 K, NVT by in.md: 5 ps, then 20 frames 1 ps apart. The
errors stand beside those of cross-validation over withheld runs, from the fit report that lies beside the potential.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import ase.io
from common import BETA_4B, ELEMENTS, STRUCTURES, TIMESTEP, by_group, run_md, to_label, two_verbs, write, write_queue

from ufpnmr import Potential
from ufpnmr.active.lammps_files import read_frames
from ufpnmr.potential.accuracy import compare as errors_of

STARTS = {"beta": BETA_4B, "glass": STRUCTURES / "glass-a.xyz"}
TEMPERATURES = (300, 600)
WITHHELD = {"beta": ("beta", "beta_4b", "beta_4c"), "glass": ("amorphous",)}
"""Configuration types of the fit report that a state is like."""


def make_frames(arguments: argparse.Namespace) -> None:
    """Run, choose frames, write the queue."""
    queue = []
    for phase, start in STARTS.items():
        for temperature in TEMPERATURES:
            name, every = f"own-{phase}-{temperature}K", round(arguments.apart / TIMESTEP)
            ps = arguments.equilibration + arguments.apart * arguments.frames
            dump = run_md(
                arguments.folder / "work" / name,
                arguments.potential,
                ase.io.read(start),
                temperature,
                ps,
                dump=every,
                digits="%.8f",
                thermo=every,
            )
            frames = [atoms for _, atoms in read_frames(dump, ELEMENTS)][-arguments.frames :]
            queue += to_label(frames, name, config_type=f"own_{phase}", temperature=temperature)
    write_queue(arguments.folder / "queue-own.extxyz", queue)


def compare(arguments: argparse.Namespace) -> None:
    """Compare with the labels, by state."""
    potential, states = Potential.read(arguments.potential), []
    report = arguments.report or arguments.potential.with_suffix(".fit.json")
    fit = json.loads(report.read_text(encoding="utf-8"))
    trained = fit["provenance"]["inputs"]
    known = fit["cross_validation_by_config_type"]
    for group, structures in by_group(arguments.labels).items():
        if not group.startswith("own-"):
            continue
        own = errors_of(potential, structures, threads=1).errors()
        phase = group.split("-")[1]
        withheld = {kind: known[kind] for kind in WITHHELD[phase] if kind in known}
        atoms = sum(values["atoms"] for values in withheld.values())
        mean = {
            key: (sum(v["atoms"] * v[key] ** 2 for v in withheld.values()) / atoms) ** 0.5 if atoms else None
            for key in ("energy_rmse", "force_rmse")
        }
        holds = mean["force_rmse"] is not None and own["force_rmse"] <= mean["force_rmse"]
        states.append({"state": group, "own": own, "withheld": {**mean, "types": sorted(withheld)}, "holds": holds})
        limit = "none" if mean["force_rmse"] is None else f"{mean['force_rmse']:.0f}"
        errors = f"{own['energy_rmse']:6.1f} meV/atom {own['force_rmse']:6.0f} meV/Å"
        print(f"{group:<20}{own['structures']:>3} frames {errors}, withheld {limit} meV/Å")
    if not states:
        raise SystemExit(f"{arguments.labels}: expected structures of groups own-..., found none")
    inputs = [arguments.potential, arguments.labels, report]
    write(arguments.folder / "own-frames.json", "own_frames", inputs, states=states, trained_on=trained)


def main() -> None:
    """Read the command line."""
    parser, first, second = two_verbs(__doc__, "frames", make_frames, compare)
    first.add_argument("--frames", type=int, default=20, help="of each state")
    first.add_argument("--apart", type=float, default=1.0, help="ps between frames")
    first.add_argument("--equilibration", type=float, default=5.0, help="ps")
    second.add_argument("--report", type=Path, help="JSON of ufp fit [beside the potential]")
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
