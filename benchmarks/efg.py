"""Speed of field gradient predictions: environments per second on one core, beside featomic with NumPy.

    python benchmarks/efg.py -o efg.json

Li in β-Li3PS4 (384 atoms, 144 Li, displaced by 0.15 Å), cutoff 6 Å, n_max 8, l_max 6, three species, 500 features of
rank 2 and 200 invariants, taken at random, which is the unfavourable case for their grouping. From positions to
tensors: images, neighbours, descriptor and model. Every instruction set of this machine, both precisions, ζ = 2
collapsed and ζ = 3 with 1,000 active environments. Runs alternate; medians with quartiles of processor time.

The peer computes the densities of the same Li with featomic (splines of accuracy 1e-8) and applies the collapsed model
with NumPy; its tensors are compared with ours. Without featomic it is left out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms
from ase.spacegroup import crystal

from lammps_timing import interleave, parser, report, spread, summary
from ufpnmr import _core
from ufpnmr.efg.features import coupled_pairs, feature_list, feature_weights
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
N_MAX, L_MAX, CHANNELS = 8, 6, 24
CUTOFF, WIDTH, SIGMA, SCALING = 6.0, 0.5, 0.3, (3.0, 4.0)
FEATURES, INVARIANTS, ACTIVE = 500, 200, 1000


def paths() -> list[str]:
    """Return the instruction sets that this machine has, the fastest first."""
    found = []
    for name in ("avx512", "avx2", "baseline"):
        try:
            _core.EFGPredictor(specification(), [[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1.0]], simd=name)
        except _core.DomainError:
            continue
        found.append(name)
    return found


def specification() -> Any:
    return _core.LambdaSoapSpec("gto", CUTOFF, WIDTH, SIGMA, N_MAX, L_MAX, len(NUMBERS), scaling=SCALING)


class Model:
    """Random features and weights of the stated sizes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rows2, self.rows0 = (
            rows[np.sort(rng.permutation(len(rows))[:count])]
            for rows, count in ((feature_list(L_MAX, CHANNELS, lam), n) for lam, n in ((2, FEATURES), (0, INVARIANTS)))
        )
        self.B = rng.normal(size=(INVARIANTS, FEATURES))
        self.A = rng.random((ACTIVE, INVARIANTS))
        self.U = rng.normal(size=(ACTIVE, FEATURES))

    def predictor(self, zeta: int, precision: str, simd: str) -> Any:
        weights, active = (self.B, None) if zeta == 2 else (self.U, self.A)
        return _core.EFGPredictor(
            specification(),
            self.rows2,
            self.rows0,
            weights,
            zeta=zeta,
            active=active,
            precision=precision,
            simd=simd,
        )


def expansion() -> Any:
    import featomic

    return featomic.SphericalExpansion(
        cutoff={"radius": CUTOFF, "smoothing": {"type": "ShiftedCosine", "width": WIDTH}},
        density={
            "type": "Gaussian",
            "width": SIGMA,
            "scaling": {"type": "Willatt2018", "scale": SCALING[0], "exponent": int(SCALING[1]), "rate": 1.0},
        },
        basis={
            "type": "TensorProduct",
            "max_angular": L_MAX,
            "radial": {"type": "Gto", "max_radial": N_MAX - 1},
            "spline_accuracy": 1e-8,
        },
    )


def peer_tensors(calculator: Any, selected: Any, atoms: Atoms, model: Model) -> np.ndarray:
    """Return the tensors (n, 6) from featomic's densities and NumPy."""
    blocks = calculator.compute(atoms, selected_samples=selected)
    count = int(np.sum(atoms.numbers == NUMBERS[0]))
    c = [np.zeros((count, 2 * ell + 1, CHANNELS)) for ell in range(L_MAX + 1)]
    for key, block in blocks.items():
        if key["center_type"] == NUMBERS[0]:
            a = N_MAX * NUMBERS.index(key["neighbor_type"])
            c[key["o3_lambda"]][:, :, a : a + N_MAX] = block.values
    P0 = np.empty((count, INVARIANTS))
    for ell in range(L_MAX + 1):
        k = np.flatnonzero(model.rows0[:, 0] == ell)
        sign = (-1) ** ell / np.sqrt(2 * ell + 1)
        P0[:, k] = sign * np.einsum("imq,imq->iq", c[ell][:, :, model.rows0[k, 2]], c[ell][:, :, model.rows0[k, 3]])
    P0 *= feature_weights(model.rows0)
    T = (P0 / np.linalg.norm(P0, axis=1, keepdims=True)) @ (model.B * feature_weights(model.rows2))
    y = np.zeros((count, 5))
    for l1, l2 in coupled_pairs(L_MAX, 2):
        k = np.flatnonzero((model.rows2[:, 0] == l1) & (model.rows2[:, 1] == l2))
        square = np.zeros((count, CHANNELS, CHANNELS))
        square[:, model.rows2[k, 2], model.rows2[k, 3]] = T[:, k]
        G = c[l1] @ square @ c[l2].transpose(0, 2, 1)
        y += G.reshape(count, -1) @ _core.clebsch_gordan(l1, l2, 2).reshape(-1, 5)
    return from_spherical(y)


def main() -> None:
    """Measure and report."""
    arguments = parser(__doc__)
    arguments.add_argument("--frames", type=int, default=16)
    arguments.add_argument("--rounds", type=int, default=15)
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
    model = Model(rng)

    def timed(call: Callable[[], object], count: int) -> Callable[[], float]:
        def run() -> float:
            start = time.process_time()
            call()
            return count * len(centres) / (time.process_time() - start)

        return run

    tasks: dict[str, Callable[[], float]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for simd in paths():
        for zeta in (2, 3):
            for precision in ("single", "double"):
                predictor = model.predictor(zeta, precision, simd)
                name = f"{simd} {precision} zeta {zeta}"
                used = frames if zeta == 2 else max(1, frames // 4)
                rows[name] = {"simd": simd, "precision": precision, "zeta": zeta}
                tasks[name] = timed(
                    lambda p=predictor, n=used: p.predict(species, positions[:n], cells[:n], [True] * 3, centres, 1),
                    used,
                )
    result: dict[str, Any] = {
        "atoms": len(atoms),
        "centres": len(centres),
        "sizes": {"n_max": N_MAX, "l_max": L_MAX, "features": FEATURES, "invariants": INVARIANTS, "active": ACTIVE},
    }
    if importlib.util.find_spec("featomic"):
        from metatensor import Labels

        selected = Labels(["atom"], centres[:, None])
        calculator = expansion()
        first = Atoms(atoms.numbers, positions=positions[0], cell=cells[0], pbc=True)
        V = model.predictor(2, "double", "auto").predict(species, positions[0], cells[0], [True] * 3, centres, 1)
        other = peer_tensors(calculator, selected, first, model)
        difference = float(np.sqrt(np.mean((V - other) ** 2) / np.mean(V**2)))
        tasks["featomic"] = timed(lambda: peer_tensors(calculator, selected, first, model), 1)
    for task in tasks.values():
        task()  # pages and caches
    speeds = interleave(tasks, rounds)
    result["cases"] = [{**row, "environments_per_s": summary(speeds[name])} for name, row in rows.items()]
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
