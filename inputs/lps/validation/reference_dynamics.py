"""Molecular dynamics of 32 atoms of β-Li3PS4 at 600 K with SevenNet and with a potential, compared.

    python reference_dynamics.py run sevennet                  reference-sevennet.lammpstrj.gz (hours, resumable)
    python reference_dynamics.py run LPS.uf3 --runs 4          work/reference-ours-*.lammpstrj.gz
    python reference_dynamics.py compare LPS.uf3               reference-dynamics.json, reference-dynamics.png

Both start from one structure with velocities of one kind, at fixed cell, under the same Nosé-Hoover chain (0.1 ps).
SevenNet-0 is a universal potential (Park et al., J. Chem. Theory Comput. 20, 4857 (2024)): it is independent of our
labels and errs itself, its forces being too small (docs: labelling).
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms, units
from ase.io.trajectory import Trajectory
from ase.md.nose_hoover_chain import NoseHooverChainNVT
from ase.md.velocitydistribution import Stationary
from common import BETA_4B, ELEMENTS, HERE, TIMESTEP, calculator, rounded, write

from ufpnmr import plots, trajectory
from ufpnmr.dynamics import vibrational_density_of_states
from ufpnmr.provenance import collect
from ufpnmr.results.comparison import Comparison

TEMPERATURE = 600.0
EVERY = 5  # steps between frames, 10 fs
EQUILIBRATION, STEPS, SEED = 500, 2500, 1
WINDOW = 1.0  # ps, of the mean-square amplitudes
SEGMENT = 1.6  # ps, of the spectra
R_MAX = 6.0  # Å, below the shortest lattice vector: no atom meets its own image
BAND = (0.0, 700.0)  # cm⁻¹
COMPARED = ("rdf", "angles", "vdos")
DRAWN = ("g", "rho_theta", "msd")


def model(name: str) -> tuple[Any, str]:
    """Return the calculator of "sevennet" or of a .uf3 file, and what it is called."""
    if name != "sevennet":
        return calculator(Path(name)), Path(name).name
    from ufpnmr.active.labelling.universal import sevennet

    labeller = sevennet()
    return labeller.calculator, labeller.version()


def run(start: Path, calc: Any, raw: Path, steps: int, seed: int) -> None:
    """Run dynamics up to `steps`, behind the last frame that `raw` holds."""
    begun = frames_of(raw) if raw.is_file() and raw.stat().st_size else []
    if begun:
        atoms, done = begun[-1], EVERY * (len(begun) - 1)
    else:
        atoms, done = ase.io.read(start), 0
        atoms.info = {}
        rng = np.random.default_rng(seed)
        thermal = np.sqrt(atoms.get_masses() * units.kB * TEMPERATURE)
        atoms.set_momenta(rng.standard_normal((len(atoms), 3)) * thermal[:, None])
        Stationary(atoms)
    atoms.calc = calc
    dynamics = NoseHooverChainNVT(atoms, 1000 * TIMESTEP * units.fs, temperature_K=TEMPERATURE, tdamp=100 * units.fs)
    with Trajectory(raw, "a") as out:
        if not begun:
            out.write(atoms)
        while done < steps:
            dynamics.run(EVERY)
            done += EVERY
            out.write(atoms)


def frames_of(raw: Path) -> list[Atoms]:
    """Return all whole frames."""
    with Trajectory(raw) as frames:
        return list(frames)


def pack(raw: Path, path: Path, skip: int) -> None:
    """Write the frames from step `skip` on as a compressed dump: unwrapped positions, Å, and velocities, Å/ps."""
    text = ["ITEM: UNITS", "metal"]
    for number, atoms in enumerate(frames_of(raw)):
        if EVERY * number < skip:
            continue
        text += ["ITEM: TIMESTEP", str(EVERY * number - skip), "ITEM: NUMBER OF ATOMS", str(len(atoms))]
        text += ["ITEM: BOX BOUNDS pp pp pp", *(f"0.0 {length:.6f}" for length in atoms.cell.lengths())]
        text.append("ITEM: ATOMS id element xu yu zu vx vy vz")
        velocities = 1000 * units.fs * atoms.get_velocities()
        for i, (symbol, place, speed) in enumerate(zip(atoms.symbols, atoms.positions, velocities, strict=True), 1):
            numbers = (*(f"{x:.4f}" for x in place), *(f"{v:.3f}" for v in speed))
            text.append(f"{i} {symbol} {' '.join(numbers)}")
    path.write_bytes(gzip.compress("\n".join([*text, ""]).encode(), mtime=0))


def run_all(arguments: argparse.Namespace) -> None:
    """Run and pack."""
    calc, title = model(arguments.model)
    ours = arguments.model != "sevennet"
    work = arguments.folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    total = arguments.equilibration + arguments.steps
    for seed in range(SEED, SEED + arguments.runs):
        name = f"reference-ours-{seed}" if ours else "reference-sevennet"
        raw = work / f"{name}.traj"
        if ours:
            raw.unlink(missing_ok=True)  # of another potential perhaps
        run(arguments.start, calc, raw, total, seed)
        dump = (work if ours else arguments.folder) / f"{name}.lammpstrj.gz"
        pack(raw, dump, arguments.equilibration)
        kelvin = np.mean([atoms.get_temperature() for atoms in frames_of(raw)][arguments.equilibration // EVERY :])
        about = {"model": title, "seed": seed, "temperature_K": TEMPERATURE, "mean_temperature_K": round(kelvin, 1)}
        about |= {"timestep_ps": TIMESTEP, "equilibration_steps": arguments.equilibration, "steps": arguments.steps}
        about["steps_between_frames"] = EVERY
        content = {**about, "made_by": collect([arguments.start])}
        json_of(dump).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"{dump.name}: {arguments.steps * TIMESTEP:g} ps, {kelvin:.0f} K", flush=True)


def amplitudes(dumps: list[Path], window: float) -> dict[str, list[float]]:
    """Return mean-square distance from the mean position within windows (ps) and its standard error, Å², by element."""
    each: dict[str, list[float]] = {element: [] for element in ELEMENTS}
    for dump in dumps:
        frames = trajectory.read_frames(trajectory.open(dump, timestep=TIMESTEP))
        count = max(1, round((frames.time[-1] - frames.time[0]) / window))
        for part in np.array_split(frames.positions, count):
            square = ((part - part.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
            for element, values in each.items():
                values.append(float(square[frames.elements == element].mean()))
    return {
        element: rounded([np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5], 4)
        for element, values in each.items()
    }


def spectrum(dump: Path, work: Path, segment: float) -> Path:
    """Write the vibrational density of states of one run, in bins that its length allows."""
    frames = trajectory.read_frames(trajectory.open(dump, timestep=TIMESTEP), velocities=True)
    bins = 33.36 / segment  # cm⁻¹
    path = work / f"vdos-{dump.name.split('.')[0]}.h5"
    vibrational_density_of_states(frames, segment=segment, smoothing=5.5 * bins, limits=BAND, threads=1).write(path)
    return path


def compare(arguments: argparse.Namespace) -> None:
    """Compare the runs of a potential with that of SevenNet by `ufp compare`."""
    work = arguments.folder / "work"
    theirs, ours = arguments.reference, sorted(work.glob("reference-ours-*.lammpstrj.gz"))
    if not ours:
        raise SystemExit(
            f"{work}: expected reference-ours-*.lammpstrj.gz, found none; first: run {arguments.potential}"
        )
    sets = [
        ",".join(str(path) for dump in dumps for path in (dump, spectrum(dump, work, arguments.segment)))
        for dumps in ([theirs], ours)
    ]
    command = [Path(sys.executable).with_name("ufp"), "compare", *sets]
    command += ["--names", "SevenNet-0", arguments.potential.name, "--timestep", TIMESTEP, "--threads", 1, "--force"]
    command += ["--ion", "Li", "--centre", "P", "--ligand", "S", "--r-max", R_MAX]
    subprocess.run([*map(str, command), "-o", str(work / "comparison.json")], check=True, stdout=subprocess.DEVNULL)
    result = Comparison.read(work / "comparison.json")
    kept = [row for row in result.curves if row["curve"] in DRAWN]
    numbers = [row for row in result.numbers if row["analysis"].split()[0] in COMPARED]
    square = {"SevenNet-0": amplitudes([theirs], arguments.window), "potential": amplitudes(ours, arguments.window)}
    rows = []
    for element in ELEMENTS:
        (a, b), (da, db) = zip(*(square[name][element] for name in square), strict=True)
        rows.append({"element": element, "SevenNet-0": [a, da], "potential": [b, db]})
        rows[-1]["pull"] = round((b - a) / float(np.hypot(da, db)), 1)
        print(f"mean-square amplitude of {element}: {a:.3f} ± {da:.3f}, {b:.3f} ± {db:.3f} Å²")
    for row in kept:
        print(f"{row['analysis']}: {row['curve']} {row['label']}: rms difference {row['rms_pull']:.1f} combined errors")
    content = {"amplitudes": {"window_ps": arguments.window, "rows": rows}, "numbers": numbers, "curves": kept}
    about = [json.loads(json_of(dump).read_text(encoding="utf-8")) for dump in (theirs, *ours)]
    runs = [{key: value for key, value in each.items() if key != "made_by"} for each in about]
    inputs = [arguments.potential, theirs]
    write(arguments.folder / "reference-dynamics.json", "reference_dynamics", inputs, runs=runs, **content)
    drawn = {key: pull for key, pull in result.pull.items() if key.split(".")[-1] in DRAWN}
    plots.save(plots.comparison(dataclasses.replace(result, pull=drawn)), arguments.folder / "reference-dynamics.png")


def json_of(dump: Path) -> Path:
    """Return the provenance that lies beside a dump."""
    return dump.with_suffix("").with_suffix(".json")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    first = verbs.add_parser("run", help="molecular dynamics")
    first.add_argument("model", help="sevennet or a .uf3 file")
    first.add_argument("--start", type=Path, default=BETA_4B)
    first.add_argument("--runs", type=int, default=1)
    first.add_argument("--steps", type=int, default=STEPS)
    first.add_argument("--equilibration", type=int, default=EQUILIBRATION)
    first.set_defaults(call=run_all)
    second = verbs.add_parser("compare", help="of the runs")
    second.add_argument("potential", type=Path)
    second.add_argument("--reference", type=Path, default=HERE / "reference-sevennet.lammpstrj.gz")
    second.add_argument("--segment", type=float, default=SEGMENT, help="ps, of the spectra")
    second.add_argument("--window", type=float, default=WINDOW, help="ps, of the mean-square amplitudes")
    second.set_defaults(call=compare)
    for verb in (first, second):
        verb.add_argument("--folder", type=Path, default=HERE, help="of what is written")
    arguments = parser.parse_args()
    arguments.call(arguments)


if __name__ == "__main__":
    main()
