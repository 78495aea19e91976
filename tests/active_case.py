"""A small active-learning problem with an exact answer: Li2S, labelled by a hidden three-body potential.

The hidden potential has other knots than the fit, which cannot represent it exactly.
"""

import numpy as np
from ase import Atoms

import potentials
import uf3_reference
from ufpnmr.structures import LabelledStructure, write_structures

EDGE = 5.7
FLUORITE = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
TETRAHEDRAL = [[x, y, z] for x in (0.25, 0.75) for y in (0.25, 0.75) for z in (0.25, 0.75)]
SHARES = {"crystal": 0.5, "strained": 0.3, "vacancy": 0.2}

FIT = """
[fit]
title = "Li2S of a hidden potential"
[fit.data]
train = ["initial.extxyz"]
test = ["withheld.extxyz"]
[fit.splines]
elements = ["Li", "S"]
pair = { first_knot = 1.2, cutoff = 5.0, intervals = 10 }
triplet = { first_knot = 1.2, cutoff = 3.6, intervals = [3, 3, 5], leading_trim = 0 }
[fit.noise]
energy = 0.01
forces = 0.1
stress = 0.1
[fit.regularisation]
ridge_2b = 1e-3
curvature_2b = 1e-2
ridge_3b = 1.0
curvature_3b = 1.0
"""

POOL = """
title = "Pool of Li2S"
seed = 3
[candidates]
pool = ["pool.extxyz"]
[selection]
structures = 3
[labeller]
name = "truth:calculator"
options = { file = "truth.uf3" }
[stop]
maximum_cycles = 2
[output]
folder = "out"
"""

LABELLER = '''"""The hidden potential as a labeller: any callable that returns an ASE calculator."""

import os
import time

from ufpnmr.potential import Potential


def calculator(file, seconds=0.0):
    made = Potential.read(file).calculator(threads=1)
    before = made.calculate

    def calculate(*args, **kwargs):
        time.sleep(seconds)
        before(*args, **kwargs)

    made.calculate = calculate
    return made
'''


def hidden_potential(seed=3):
    model = uf3_reference.random_model(("Li", "S"), seed=seed, rc2=5.0, rc3=3.6, n2=23, n3=5, n3jk=9, first=1.1)
    return potentials.as_potential(model)


def crystal():
    return Atoms(["S"] * 4 + ["Li"] * 8, scaled_positions=FLUORITE + TETRAHEDRAL, cell=[EDGE] * 3, pbc=True)


def structure(random):
    """One structure of the pool's distribution; none has a contact below 1.45 Å."""
    kind = str(random.choice(list(SHARES), p=list(SHARES.values())))
    while True:
        atoms = crystal()
        if kind == "strained":
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + random.uniform(-0.08, 0.08, (3, 3))), scale_atoms=True)
        if kind == "vacancy":
            del atoms[int(random.integers(4, 12))]
        atoms.positions += random.normal(0, 0.08 if kind == "crystal" else 0.15, (len(atoms), 3))
        if (atoms.get_all_distances(mic=True) + 10 * np.eye(len(atoms))).min() > 1.45:
            atoms.info["config_type"] = kind
            return atoms


def labelled(atoms, truth, uid):
    out = truth.evaluate(atoms, threads=1)
    return LabelledStructure(
        atoms, out.energy, out.forces, out.stress, config_type=atoms.info.get("config_type"), uid=uid
    )


def structures(count, truth, seed):
    random = np.random.default_rng(seed)
    return [labelled(structure(random), truth, f"p{seed}-{number}") for number in range(count)]


def write_case(folder, *, toml=POOL, pool=24, initial=4, withheld=8, seed=0):
    """Write every file of a run into a folder; the TOML is ``run.toml``."""
    truth = hidden_potential(seed + 3)
    truth.write(folder / "truth.uf3", allow_unloadable=True)
    (folder / "truth.py").write_text(LABELLER, encoding="utf-8")
    for name, count, offset in (("initial", initial, 1), ("withheld", withheld, 2), ("pool", pool, 3)):
        write_structures(folder / f"{name}.extxyz", structures(count, truth, 10 * seed + offset))
    crystal().write(folder / "crystal.extxyz")
    (folder / "run.toml").write_text(toml + FIT, encoding="utf-8")
    return folder
