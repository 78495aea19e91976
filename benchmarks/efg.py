"""Speed of field gradient predictions: environments per second on one core, beside featomic with NumPy.

    python benchmarks/efg.py -o efg.json

Li in β-Li3PS4 (384 atoms, 144 Li, displaced by 0.15 Å), cutoff 6 Å, three species; "large" models have n_max 8,
l_max 6, 500 features of rank 2 and 200 invariants, "default" ones 6, 4, 150 and 75, taken at random, which is the
unfavourable case for their grouping. From positions to tensors: images, neighbours, descriptor and model. Every
instruction set of this machine, both precisions, ζ = 2 collapsed and ζ = 3 with 1,000 active environments. Runs
alternate; medians with quartiles of processor time.

The peer computes the densities of the same Li with featomic (splines of accuracy 1e-8) and applies the collapsed model
with NumPy; its tensors are compared with ours. Without featomic it is left out.

"Series" is the wall time of what `ufp efg predict` does on one thread: a LAMMPS dump is read, predicted and written as
a tensor series, which can be continued after a kill; beside it the wall time of the kernel alone, single precision.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

import dataclasses
import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.spacegroup import crystal

import ufpnmr.trajectory
from lammps_timing import interleave, parser, ratio, report, spread, summary
from ufpnmr import _core
from ufpnmr.efg import EFGModel, write_series
from ufpnmr.efg.baseline import ChargeBaseline
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.features import coupled_pairs, feature_list, feature_weights
from ufpnmr.efg.model import Check
from ufpnmr.efg.tensors import from_spherical

SITES = [
    ("P", 0.0881, 0.25, 0.1517),
    ("S", 0.1544, 0.0277, 0.2762),
    ("S", 0.9349, 0.25, 0.2632),
    ("S", 0.1024, 0.25, 0.8009),
    ("Li", 0.3317, 0.0336, 0.3891),
    ("Li", 0.0, 0.0, 0.5),
]
NUMBERS = (3, 15, 16)
CUTOFF, WIDTH, SCALING = 6.0, 0.5, (3.0, 4.0)
ACTIVE = 1000
CHARGES = {"Li": 0.22, "P": 0.65, "S": -0.86}


class Sizes(NamedTuple):
    """Of a model."""

    n_max: int
    l_max: int
    sigma: float
    features: int
    invariants: int

    @property
    def channels(self) -> int:
        return self.n_max * len(NUMBERS)


SIZES = {"large": Sizes(8, 6, 0.3, 500, 200), "default": Sizes(6, 4, 0.4, 150, 75)}


def paths() -> list[str]:
    """Return the instruction sets that this machine has, the fastest first."""
    found = []
    for name in ("avx512", "avx2", "baseline"):
        try:
            _core.EFGPredictor(specification(SIZES["default"]), [[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1.0]], simd=name)
        except _core.DomainError:
            continue
        found.append(name)
    return found


def specification(sizes: Sizes) -> Any:
    return _core.LambdaSoapSpec(
        "gto", CUTOFF, WIDTH, sizes.sigma, sizes.n_max, sizes.l_max, len(NUMBERS), scaling=SCALING
    )


class Model:
    """Random features and weights of the stated sizes."""

    def __init__(self, sizes: Sizes, rng: np.random.Generator) -> None:
        self.sizes = sizes
        self.rows2, self.rows0 = (
            rows[np.sort(rng.permutation(len(rows))[:count])]
            for rows, count in (
                (feature_list(sizes.l_max, sizes.channels, 2), sizes.features),
                (feature_list(sizes.l_max, sizes.channels, 0), sizes.invariants),
            )
        )
        self.B = rng.normal(size=(sizes.invariants, sizes.features))
        self.A = rng.random((ACTIVE, sizes.invariants))
        self.U = rng.normal(size=(ACTIVE, sizes.features))

    def predictor(self, zeta: int, precision: str, simd: str) -> Any:
        weights, active = (self.B, None) if zeta == 2 else (self.U, self.A)
        return _core.EFGPredictor(
            specification(self.sizes),
            self.rows2,
            self.rows0,
            weights,
            zeta=zeta,
            active=active,
            precision=precision,
            simd=simd,
        )

    def model(self, atoms: Atoms, charges: dict[str, float]) -> EFGModel:
        """Return the same as a model of `ufp efg predict`, ζ = 2."""
        species = ("Li", "P", "S")
        n_max, l_max, sigma = self.sizes[:3]
        descriptor = Descriptor(species, CUTOFF, WIDTH, sigma, n_max, l_max, scaling=SCALING)
        features = (SelectedFeatures(rank, rows) for rank, rows in ((2, self.rows2), (0, self.rows0)))
        new = EFGModel(descriptor, ("Li",), *features, self.B, baseline=ChargeBaseline(charges) if charges else None)
        frame, centres = Frame.from_atoms(atoms), np.flatnonzero(atoms.numbers == NUMBERS[0])[:8]
        return dataclasses.replace(new, checks=(Check(frame, centres, new.regressed(frame, centres, "double")[0]),))


def expansion(sizes: Sizes) -> Any:
    import featomic

    return featomic.SphericalExpansion(
        cutoff={"radius": CUTOFF, "smoothing": {"type": "ShiftedCosine", "width": WIDTH}},
        density={
            "type": "Gaussian",
            "width": sizes.sigma,
            "scaling": {"type": "Willatt2018", "scale": SCALING[0], "exponent": int(SCALING[1]), "rate": 1.0},
        },
        basis={
            "type": "TensorProduct",
            "max_angular": sizes.l_max,
            "radial": {"type": "Gto", "max_radial": sizes.n_max - 1},
            "spline_accuracy": 1e-8,
        },
    )


def peer_tensors(calculator: Any, selected: Any, atoms: Atoms, model: Model) -> np.ndarray:
    """Return the tensors (n, 6) from featomic's densities and NumPy."""
    n_max, l_max, _, _, invariants = model.sizes
    channels = model.sizes.channels
    blocks = calculator.compute(atoms, selected_samples=selected)
    count = int(np.sum(atoms.numbers == NUMBERS[0]))
    c = [np.zeros((count, 2 * ell + 1, channels)) for ell in range(l_max + 1)]
    for key, block in blocks.items():
        if key["center_type"] == NUMBERS[0]:
            a = n_max * NUMBERS.index(key["neighbor_type"])
            c[key["o3_lambda"]][:, :, a : a + n_max] = block.values
    P0 = np.empty((count, invariants))
    for ell in range(l_max + 1):
        k = np.flatnonzero(model.rows0[:, 0] == ell)
        sign = (-1) ** ell / np.sqrt(2 * ell + 1)
        P0[:, k] = sign * np.einsum("imq,imq->iq", c[ell][:, :, model.rows0[k, 2]], c[ell][:, :, model.rows0[k, 3]])
    P0 *= feature_weights(model.rows0)
    T = (P0 / np.linalg.norm(P0, axis=1, keepdims=True)) @ (model.B * feature_weights(model.rows2))
    y = np.zeros((count, 5))
    for l1, l2 in coupled_pairs(l_max, 2):
        k = np.flatnonzero((model.rows2[:, 0] == l1) & (model.rows2[:, 1] == l2))
        square = np.zeros((count, channels, channels))
        square[:, model.rows2[k, 2], model.rows2[k, 3]] = T[:, k]
        G = c[l1] @ square @ c[l2].transpose(0, 2, 1)
        y += G.reshape(count, -1) @ _core.clebsch_gordan(l1, l2, 2).reshape(-1, 5)
    return from_spherical(y)


def write_dump(path: Path, atoms: Atoms, positions: np.ndarray) -> None:
    """Write frames as LAMMPS does: five decimals, ids in order."""
    head = f"ITEM: NUMBER OF ATOMS\n{len(atoms)}\nITEM: BOX BOUNDS pp pp pp\n"
    head += (
        "".join(f"0.0 {length!r}\n" for length in atoms.cell.lengths().tolist()) + "ITEM: ATOMS id element xu yu zu\n"
    )
    symbols = list(map(str, atoms.symbols))
    with open(path, "w", encoding="utf-8") as file:
        for step, frame in enumerate(positions):
            file.write(f"ITEM: TIMESTEP\n{100 * step}\n{head}")
            file.writelines(
                f"{i} {symbol} {x:.5f} {y:.5f} {z:.5f}\n"
                for i, (symbol, (x, y, z)) in enumerate(zip(symbols, frame, strict=True), 1)
            )


def series_tasks(folder: Path, atoms: Atoms, models: dict[str, Model], frames: int) -> dict[str, Callable[[], float]]:
    """Return the whole route from a dump to a series, and the kernel alone on the same frames: environments/s."""
    rng = np.random.default_rng(1)
    positions = atoms.positions + rng.normal(0, 0.15, (frames, len(atoms), 3))
    write_dump(folder / "dump.lammpstrj", atoms, positions)
    cells = np.tile(atoms.cell.array, (frames, 1, 1))
    elements = list(map(str, atoms.symbols))
    centres = np.flatnonzero(atoms.numbers == NUMBERS[0])

    def whole(model: EFGModel) -> float:
        universe = ufpnmr.trajectory.open(folder / "dump.lammpstrj", timestep=0.001)
        return write_series(model, universe, output=folder / "efg.h5", overwrite=True).rate

    def kernel(model: EFGModel) -> float:
        start = time.perf_counter()
        model.gradients(cells, positions, elements, centres)
        return frames * len(centres) / (time.perf_counter() - start)

    tasks: dict[str, Callable[[], float]] = {}
    for name, model in models.items():
        made = model.model(atoms, {})
        tasks[f"{name}: series"] = lambda m=made: whole(m)
        tasks[f"{name}: kernel"] = lambda m=made: kernel(m)
    on_charges = models["default"].model(atoms, CHARGES)
    tasks["default on point charges: series"] = lambda: whole(on_charges)
    tasks["default on point charges: kernel"] = lambda: kernel(on_charges)
    return tasks


def main() -> None:
    """Measure and report."""
    arguments = parser(__doc__)
    arguments.add_argument("--frames", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--series", type=int, default=500, help="frames of the whole route")
    options = arguments.parse_args()
    frames, rounds = (1, 1) if options.quick else (options.frames, options.rounds)
    rng = np.random.default_rng(0)
    ideal = crystal(
        [s[0] for s in SITES], [s[1:] for s in SITES], spacegroup=62, cellpar=[12.82, 8.22, 6.12, 90, 90, 90]
    )
    atoms = ideal * (2, 2, 3)
    species = np.searchsorted(NUMBERS, atoms.numbers).astype(np.int32)
    centres = np.flatnonzero(species == 0).astype(np.int32)
    positions = atoms.positions + rng.normal(0, 0.15, (frames, len(atoms), 3))
    cells = np.tile(atoms.cell.array, (frames, 1, 1))
    models = {name: Model(sizes, rng) for name, sizes in SIZES.items()}
    model = models["large"]

    def timed(call: Callable[[], object], count: int) -> Callable[[], float]:
        def run() -> float:
            start = time.process_time()
            call()
            return count * len(centres) / (time.process_time() - start)

        return run

    tasks: dict[str, Callable[[], float]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for simd in paths():
        for size, zeta in (("large", 2), ("default", 2), ("large", 3)):
            for precision in ("single", "double"):
                predictor = models[size].predictor(zeta, precision, simd)
                name = f"{simd} {size} {precision} zeta {zeta}"
                used = frames if zeta == 2 else max(1, frames // 4)
                rows[name] = {"simd": simd, "size": size, "precision": precision, "zeta": zeta}
                tasks[name] = timed(
                    lambda p=predictor, n=used: p.predict(species, positions[:n], cells[:n], [True] * 3, centres, 1),
                    used,
                )
    result: dict[str, Any] = {
        "atoms": len(atoms),
        "centres": len(centres),
        "sizes": {**{name: sizes._asdict() for name, sizes in SIZES.items()}, "active": ACTIVE},
    }
    if importlib.util.find_spec("featomic"):
        from metatensor import Labels

        selected = Labels(["atom"], centres[:, None])
        calculator = expansion(model.sizes)
        first = Atoms(atoms.numbers, positions=positions[0], cell=cells[0], pbc=True)
        V = model.predictor(2, "double", "auto").predict(species, positions[0], cells[0], [True] * 3, centres, 1)
        other = peer_tensors(calculator, selected, first, model)
        difference = float(np.sqrt(np.mean((V - other) ** 2) / np.mean(V**2)))
        tasks["featomic"] = timed(lambda: peer_tensors(calculator, selected, first, model), 1)
    with tempfile.TemporaryDirectory() as folder:
        series = series_tasks(Path(folder), ideal * (2, 2, 3), models, 8 if options.quick else options.series)
        tasks |= series
        for task in tasks.values():
            task()  # pages and caches
        speeds = interleave(tasks, rounds)
    result["cases"] = [{**row, "environments_per_s": summary(speeds[name])} for name, row in rows.items()]
    result["series"] = {
        name.removesuffix(": series"): {
            "environments_per_s": summary(speeds[name]),
            "over_kernel": ratio(speeds[name], speeds[name.replace(": series", ": kernel")]),
        }
        for name in series
        if name.endswith(": series")
    }
    if "featomic" in tasks:
        import featomic

        result["featomic"] = {
            "version": featomic.__version__,
            "environments_per_s": summary(speeds["featomic"]),
            "relative_rms_difference": difference,
        }
    for name, values in speeds.items():
        print(f"{name}: {spread(summary(values), 0)} environments/s")
    report("efg", options.quick, options.output, **result)


if __name__ == "__main__":
    main()
