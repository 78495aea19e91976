"""A small system with a known potential: labelled Li-S cells and the file of a fit to them."""

import numpy as np
from ase import Atoms

from uf3_reference import clamped
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.structures import LabelledStructure

FIT = """
title = "Li-S, known potential"

[data]
train = ["train.extxyz"]

[splines.pair]
first_knot = 1.5
cutoff = 4.5
intervals = 6

[splines.triplet]
first_knot = 1.2
cutoff = 3.2
intervals = 5

[noise]
energy = 0.002
forces = 0.05
stress = 0.01

[regularisation]
ridge_2b = 1e-6
ridge_3b = 1e-6
curvature_2b = 1e-6
curvature_3b = 1e-6
"""


def truth(intervals=6, seed=1):
    """A Li-S potential with a repulsive wall; with the default it is in the span of `FIT`'s splines."""
    pairs = [("Li", "Li"), ("Li", "S"), ("S", "S")]
    blocks = [ColumnBlock.pair(p, clamped(1.5, 4.5, intervals)) for p in pairs]
    leg, far = clamped(1.2, 3.2, intervals - 1), clamped(1.2, 6.4, 2 * (intervals - 1))
    blocks += [ColumnBlock.triplet((c, *p), (leg, leg, far), leading_trim=3) for c in ("Li", "S") for p in pairs]
    basis = SplineBasis.from_blocks(("Li", "S"), blocks)
    rng = np.random.default_rng(seed)
    c = rng.normal(scale=0.02, size=basis.n_columns)
    c[:2] = -3.0, -5.0
    for block in basis.blocks:
        if block.order == 2:
            c[block.columns] = (1 + 0.3 * rng.random()) * 2.0 * np.exp(-3.0 * np.linspace(0, 1, block.n_columns))
    return basis.potential(c)


def cell(rng, count=8, length=5.2, shortest=1.75):
    atoms = Atoms(pbc=True, cell=np.eye(3) * length + rng.normal(scale=0.1, size=(3, 3)))
    while len(atoms) < count:
        trial = atoms.copy()
        trial += Atoms(str(rng.choice(["Li", "S"])), [rng.uniform(size=3) @ atoms.cell.array])
        if len(trial) == 1 or trial.get_distances(-1, range(len(trial) - 1), mic=True).min() > shortest:
            atoms = trial
    return atoms


def labelled(count, seed=0, potential=None, noise=(0.0, 0.0, 0.0), types=("a", "b"), per_group=3):
    """Labelled structures in runs of `per_group`; noise in eV per atom, eV/Å, eV/Å³."""
    rng, potential, out = np.random.default_rng(seed), potential or truth(), []
    for number in range(count):
        atoms = cell(rng)
        e = potential.evaluate(atoms)
        group = number // per_group
        atoms.info["group"] = f"run{seed}-{group}"
        out.append(
            LabelledStructure(
                atoms,
                e.energy + noise[0] * len(atoms) * rng.normal(),
                e.forces + noise[1] * rng.normal(size=e.forces.shape),
                e.stress + noise[2] * rng.normal(size=6),
                config_type=types[group % len(types)],
                group=f"run{seed}-{group}",
                uid=f"s{seed}-{number}",
                source="memory",
                index=number,
            )
        )
    return out
