"""Field gradients of point charges: time per frame of the core against NumPy, in one run on one core.

    python benchmarks/point_charges.py [--frames 1000] [--reference-frames 2]

Ideal β-Li3PS4, 2x2x3 cells, 384 atoms, 144 Li, displaced by 0.1 Å. Prints JSON. The reference sums the same series with
the same division and truncation; its frames are fewer because it is slow, the time per frame is what is compared.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import time

import numpy as np
from ase.spacegroup import crystal
from scipy.special import erfc

from ufpnmr.efg.point_charges import TOLERANCE, charge_gradients
from ufpnmr.units import EFG_E_PER_A3_IN_V_PER_A2

SITES = [
    ("P", 0.0881, 0.25, 0.1517),
    ("S", 0.1544, 0.0277, 0.2762),
    ("S", 0.9349, 0.25, 0.2632),
    ("S", 0.1024, 0.25, 0.8009),
    ("Li", 0.3317, 0.0336, 0.3891),
    ("Li", 0.0, 0.0, 0.5),
]
CHARGES = {"Li": 1.0, "P": 1.4, "S": -1.1}
ALPHA, REACH = 0.35, np.sqrt(5 - np.log(TOLERANCE))


def numpy_gradients(cell, positions, charges, centres):
    """Ewald sum of spec formula, vectorised over images and wave vectors; (n, 3, 3) V/Å²."""
    volume, cutoff, k_cutoff = abs(np.linalg.det(cell)), REACH / ALPHA, 2 * ALPHA * REACH
    inverse = np.linalg.inv(cell)
    fraction = positions @ inverse
    wrapped = (fraction - np.floor(fraction)) @ cell
    reach = np.ceil(cutoff * np.linalg.norm(inverse, axis=0)).astype(int)
    shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach)))) @ cell
    images, q = (wrapped[None] + shifts[:, None]).reshape(-1, 3), np.tile(charges, len(shifts))
    V = np.zeros((len(centres), 3, 3))
    for n, i in enumerate(centres):
        D = images - wrapped[i]
        r2 = np.einsum("na,na->n", D, D)
        near = (r2 < cutoff**2) & (r2 > 1e-12)
        D, r, qn = D[near], np.sqrt(r2[near]), q[near]
        g = 2 * ALPHA / np.sqrt(np.pi) * np.exp(-((ALPHA * r) ** 2))
        b1 = (erfc(ALPHA * r) / r + g) / r**2
        b2 = (3 * b1 + 2 * ALPHA**2 * g) / r**2
        V[n] = (D.T * (qn * b2)) @ D - np.eye(3) * (qn @ b1)
    top = (k_cutoff * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    indices = np.array(list(itertools.product(*(range(-n, n + 1) for n in top))))
    k = 2 * np.pi * indices @ inverse.T
    k2 = np.einsum("ka,ka->k", k, k)
    half = (k2 < k_cutoff**2) & (np.arange(len(k)) > len(k) // 2)
    k, k2 = k[half], k2[half]
    waves = np.exp(1j * wrapped @ k.T)
    t = (waves[centres].conj() * (charges @ waves)).real * (8 * np.pi / volume * np.exp(-k2 / (4 * ALPHA**2)) / k2)
    V -= np.einsum("nk,ka,kb->nab", t, k, k, optimize=True)
    V += np.eye(3) * (4 * ALPHA**3 / (3 * np.sqrt(np.pi)) * charges[centres])[:, None, None]
    return EFG_E_PER_A3_IN_V_PER_A2 * V


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--reference-frames", type=int, default=2)
    options = parser.parse_args()
    atoms = crystal(
        [site[0] for site in SITES],
        [site[1:] for site in SITES],
        spacegroup=62,
        cellpar=[12.82, 8.22, 6.12, 90, 90, 90],
    ) * (2, 2, 3)
    cell, centres = atoms.cell.array, np.flatnonzero(atoms.numbers == 3)
    charges = np.array([CHARGES[symbol] for symbol in atoms.symbols])
    rng = np.random.default_rng(0)

    def frames(n):
        return [atoms.positions + rng.normal(0, 0.1, atoms.positions.shape) for _ in range(n)]

    start = time.process_time()
    for positions in (trajectory := frames(options.frames)):
        charge_gradients(cell, positions, [charges], centres)
    core = (time.process_time() - start) / options.frames
    start = time.process_time()
    reference = [
        numpy_gradients(cell, positions, charges, centres) for positions in trajectory[: options.reference_frames]
    ]
    slow = (time.process_time() - start) / options.reference_frames
    V = np.array([charge_gradients(cell, x, [charges], centres)[:, 0] for x in trajectory[: options.reference_frames]])
    expected = np.array(reference)[..., [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    print(
        json.dumps(
            {
                "benchmark": "point_charges",
                "atoms": len(atoms),
                "centres": len(centres),
                "tolerance": TOLERANCE,
                "frames": options.frames,
                "core_ms_per_frame": round(1e3 * core, 3),
                "core_s_per_1000_frames": round(1e3 * core, 2),
                "reference": "NumPy, same series",
                "reference_frames": options.reference_frames,
                "reference_ms_per_frame": round(1e3 * slow, 1),
                "ratio": round(slow / core, 1),
                "relative_rms_difference": float(np.linalg.norm(V - expected) / np.linalg.norm(expected)),
                "machine": platform.processor() or platform.machine(),
                "clock": "process time, one thread",
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
