"""Speed of reading LAMMPS dumps on one core: this package, MDAnalysis, polars, and the bare bytes.

    python benchmarks/io.py -o benchmarks/results/io.json

A triclinic cell of 576 atoms, as LAMMPS writes it by default, from the page cache. The unit is a million atom-frames
per second. "open" finds the frames of a file without a kept index, "bulk" reads the columns into arrays, "iterate"
goes frame by frame through an MDAnalysis Universe, "unwrap" the same for wrapped positions without image flags. polars
(if it is installed) reads the lines as a table, headers and all, on one thread; the atoms would still have to be told
apart by frame and sorted. MDAnalysis reads a part of the frames.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import MDAnalysis
import numpy as np

from lammps_timing import interleave, parser, ratio, report, spread, summary
from ufpnmr import trajectory
from ufpnmr.trajectory import index_file

N_ATOMS = 576
CELL = np.array([[25.9, 0.0, 0.0], [3.1, 20.3, 0.0], [-2.2, 1.7, 18.9]])
HEAD = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
576
ITEM: BOX BOUNDS xy xz yz pp pp pp
-2.2 29.0 3.1
0.0 22.0 -2.2
0.0 18.9 1.7
ITEM: ATOMS {columns}
"""
TEXT = "id type xu yu zu"
WRAPPED = "id type x y z"
VELOCITIES = "id type x y z ix iy iz vx vy vz"


def words(values: np.ndarray) -> str:
    """Return the numbers as LAMMPS writes them."""
    return " ".join(f"{value:g}" for value in values.tolist())


def write_dumps(folder: Path, n_frames: int) -> dict[str, Path]:
    """Write the files; a vibrating solid, every number with %g."""
    rng = np.random.default_rng(0)
    sites, types = rng.random((N_ATOMS, 3)) @ CELL, rng.integers(1, 4, N_ATOMS)
    paths = {name: folder / f"{name}.dump" for name in ("text", "wrapped", "velocities")}
    with paths["text"].open("w") as text, paths["wrapped"].open("w") as wrapped, paths["velocities"].open("w") as full:
        for k in range(n_frames):
            r = sites + 0.2 * rng.normal(size=(N_ATOMS, 3))
            v, images = 5.0 * rng.normal(size=(N_ATOMS, 3)), rng.integers(-2, 3, (N_ATOMS, 3))
            inside = (r @ np.linalg.inv(CELL) % 1.0) @ CELL
            for file, columns in ((text, TEXT), (wrapped, WRAPPED), (full, VELOCITIES)):
                file.write(HEAD.format(step=50 * k, columns=columns))
            for i in range(N_ATOMS):
                head, x, y = f"{i + 1} {types[i]}", words(r[i]), words(inside[i])
                text.write(f"{head} {x}\n")
                wrapped.write(f"{head} {y}\n")
                full.write(f"{head} {x} {words(images[i])} {words(v[i])}\n")
    with paths["text"].open("rb") as text, gzip.open(folder / "text.gz", "wb", compresslevel=6) as packed:
        shutil.copyfileobj(text, packed)
    paths["gz"] = folder / "text.gz"
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-q", str(paths["text"]), "-o", str(folder / "text.zst")], check=True)
        paths["zst"] = folder / "text.zst"
    return paths


def opened(path: Path) -> Any:
    """Universe of one of the files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trajectory.open(path, elements="Li P S", timestep=0.002)


def raw(path: Path) -> None:
    """Read the bytes, 1 MiB at a time."""
    buffer = bytearray(2**20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def bulk(universe: Any, columns: str) -> None:
    """Read columns into arrays, chunk after chunk."""
    names = tuple(columns.split()[2:])
    for _, values in universe.trajectory.iter_chunks(64, columns=names):
        assert values.shape[1:] == (N_ATOMS, len(names))


def iterate(universe: Any) -> None:
    """Visit every frame."""
    for ts in universe.trajectory:
        assert ts.n_atoms == N_ATOMS


def peer(path: Path) -> Any:
    """Universe of the reader of MDAnalysis."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe = MDAnalysis.Universe.empty(N_ATOMS)
        return universe.load_new(str(path), format="LAMMPSDUMP", dt=0.1)


def with_polars(path: Path) -> None:
    """Read all lines as a table of five columns."""
    import polars

    schema = {name: polars.Float64 for name in TEXT.split()}
    polars.read_csv(
        path,
        has_header=False,
        skip_rows=HEAD.count("\n"),
        separator=" ",
        schema=schema,
        ignore_errors=True,
        truncate_ragged_lines=True,
    )


def main() -> None:
    """Measure and report."""
    arguments = parser(__doc__)
    arguments.add_argument("--frames", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=15)
    options = arguments.parse_args()
    n_frames, rounds = (20, 2) if options.quick else (options.frames, options.rounds)
    index_file.WORTH_KEEPING = 2**62  # every opening scans

    with tempfile.TemporaryDirectory() as folder:
        paths = write_dumps(Path(folder), n_frames)

        def timed(call: Callable[[], object], frames: int = n_frames) -> Callable[[], float]:
            def run() -> float:
                start = time.perf_counter()
                call()
                return frames * N_ATOMS / (time.perf_counter() - start) / 1e6

            return run

        universes = {name: opened(path) for name, path in paths.items()}
        tasks: dict[str, Callable[[], float]] = {"raw bytes": timed(lambda: raw(paths["text"]))}
        for name in ("text", "gz", "zst"):
            if name in paths:
                tasks[f"{name}: open"] = timed(lambda p=paths[name]: opened(p))
                tasks[f"{name}: bulk"] = timed(lambda u=universes[name]: bulk(u, TEXT))
                tasks[f"{name}: iterate"] = timed(lambda u=universes[name]: iterate(u))
        tasks["text: open and bulk"] = timed(lambda: bulk(opened(paths["text"]), TEXT))
        tasks["velocities: bulk"] = timed(lambda: bulk(universes["velocities"], VELOCITIES))
        tasks["velocities: iterate"] = timed(lambda: iterate(universes["velocities"]))
        # a Universe of its own each time: shifts found once are kept
        tasks["wrapped: open, unwrap"] = timed(lambda: iterate(opened(paths["wrapped"])))
        tasks["wrapped: open, again"] = timed(lambda: (opened(paths["wrapped"]), iterate(universes["text"])))
        few = max(2, n_frames // 50)
        part = Path(folder) / "part.dump"
        lines = few * (N_ATOMS + HEAD.count("\n"))
        with paths["text"].open() as whole:
            part.write_text("".join(line for line, _ in zip(whole, range(lines), strict=False)))
        by_mdanalysis = peer(part)
        tasks["MDAnalysis: iterate"] = timed(lambda: iterate(by_mdanalysis), few)
        if importlib.util.find_spec("polars"):
            tasks["polars: lines"] = timed(lambda: with_polars(paths["text"]))
        for task in tasks.values():
            task()  # page cache
        speeds = interleave(tasks, rounds)
        # what unwrapping adds to an opening and an iteration without
        added = [
            1e3 * (1.0 / a - 1.0 / b)
            for a, b in zip(speeds["wrapped: open, unwrap"], speeds.pop("wrapped: open, again"), strict=True)
        ]
        sizes = {name: round(path.stat().st_size / n_frames / N_ATOMS, 1) for name, path in paths.items()}

    result: dict[str, Any] = {
        "atoms": N_ATOMS,
        "frames": n_frames,
        "bytes_per_atom_frame": sizes,
        "million_atom_frames_per_s": {name: summary(values) for name, values in speeds.items()},
        "unwrapping_ns_per_atom_frame": summary(added),
        "iterate_over_mdanalysis": ratio(speeds["text: iterate"], speeds["MDAnalysis: iterate"]),
        "peers": {"MDAnalysis": MDAnalysis.__version__},
    }
    if "polars: lines" in speeds:
        import polars

        result["peers"]["polars"] = polars.__version__
        result["open_and_bulk_over_polars"] = ratio(speeds["text: open and bulk"], speeds["polars: lines"])
    for name, values in speeds.items():
        print(f"{name}: {spread(summary(values))} M atom-frames/s")
    print(f"unwrapping: {spread(summary(added), 0)} ns per atom-frame")
    report("io", options.quick, options.output, **result)


if __name__ == "__main__":
    main()
