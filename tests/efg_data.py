"""Perturbed β-Li3PS4 with exact field gradients of point charges: labels whose truth is known."""

import dataclasses
from pathlib import Path

import numpy as np
from ase.build import make_supercell
from ase.io import read, write

from ufpnmr.efg.baseline import ChargeBaseline, MolecularBond, PairKernel, PolarisableBaseline
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.features import feature_list
from ufpnmr.efg.model import Check, EFGModel
from ufpnmr.efg.point_charges import PointCharges

CHARGES = PointCharges("Li", {"Li": 1.0, "P": 1.4, "S": -1.1})
CELL = Path(__file__).resolve().parent.parent / "inputs" / "lps" / "structures" / "beta-Li3PS4-4b-relaxed-chgnet.xyz"

CHARGE_BASELINE = ChargeBaseline({"Li": 0.3, "P": 0.7, "S": -0.9})
_BARE = PolarisableBaseline(("Li", "P", "S"), (MolecularBond("P", "S", 2.6, 2.05),), (0.3, 0.7, -0.9), splines=5)
POLARISABLE_BASELINE = dataclasses.replace(
    _BARE, coefficients=np.random.default_rng(7).normal(0, 0.3, _BARE.size) * np.append(np.ones(12), np.full(70, 0.1))
)
_RNG = np.random.default_rng(8)
_KERNEL = PairKernel(
    5.0,
    np.array([2.5, 1.9, 0.3, 0.4, 0.4, 0.3, 0.3, 0.2]),
    np.zeros(6, dtype=int),
    _RNG.normal(0, 0.3, (6, 8)) + np.array([1.2, *np.zeros(7)]),
)
_WIDE = dataclasses.replace(_BARE, surroundings=3, kernel=_KERNEL)
MOLECULES_BASELINE = dataclasses.replace(_WIDE, coefficients=_RNG.normal(0, 0.1, _WIDE.size))
"""With ligands that lack a bond, their surroundings and a kernel."""
BASELINES = [None, CHARGE_BASELINE, POLARISABLE_BASELINE, MOLECULES_BASELINE]

FIT = """
title = "Point charges"

[data]
train = ["train.extxyz"]
test = ["test.extxyz"]

[model]
centres = ["Li"]
tensors = 40
invariants = 20
selection_environments = 60

[descriptor]
cutoff = 4.5
n_max = 4
l_max = 3

[solver]
iterations = 120

[committee]
members = 4

[report]
bootstrap = 40
"""


def labelled(count, seed=0, *, repeats=(1, 1, 1), displacement=0.1, units="V/Ang^2", noise=0.0):
    """Return structures with ``efg`` (NaN at P and S), ``efg_units``, ``group`` (one each), ``config_type``."""
    rng = np.random.default_rng(seed)
    unit = make_supercell(read(CELL), np.diag(repeats))
    frames = []
    for number in range(count):
        atoms = unit.copy()
        atoms.calc = None
        atoms.positions += rng.normal(0, displacement, atoms.positions.shape)
        li = [i for i, symbol in enumerate(atoms.symbols) if symbol == "Li"]
        efg = np.full((len(atoms), 3, 3), np.nan)
        error = rng.normal(0, noise, (len(li), 3, 3))
        efg[li] = CHARGES.predict(atoms, li) + error + np.swapaxes(error, 1, 2)
        efg[li] -= np.eye(3) * np.trace(efg[li], axis1=1, axis2=2)[:, None, None] / 3
        atoms.arrays["efg"] = efg.reshape(-1, 9) / (97.17362433 if units == "au" else 1.0)
        atoms.info = {"group": f"run{seed}-{number}", "efg_units": units, "config_type": "beta"}
        frames.append(atoms)
    return frames


def save(path, frames):
    """Write frames as extxyz with their field gradients; return the path."""
    columns = ["symbols", "positions", "efg", *(["site"] if "site" in frames[0].arrays else [])]
    write(path, frames, format="extxyz", columns=columns)
    return path


def folder(path, train=24, test=6):
    """Fill a folder with ``train.extxyz``, ``test.extxyz`` and ``efg.toml``; return it."""
    save(path / "train.extxyz", labelled(train))
    save(path / "test.extxyz", labelled(test, 99))
    (path / "efg.toml").write_text(FIT, encoding="utf-8")
    return path


def make_model(zeta=2, *, baseline=None, seed=0):
    """Return a model of random weights with its check environments."""
    rng = np.random.default_rng(seed)
    descriptor = Descriptor(("Li", "P", "S"), cutoff=4.0, n_max=3, l_max=2)
    tensors = SelectedFeatures(2, rng.permutation(feature_list(2, 9, 2))[:12])
    invariants = SelectedFeatures(0, rng.permutation(feature_list(2, 9, 0))[:7])
    active = np.abs(rng.normal(size=(5, 7))) if zeta > 2 else None
    shape = ({1: 1, 2: 7}.get(zeta, 5), 12)
    model = EFGModel(
        descriptor,
        ("Li",),
        tensors,
        invariants,
        rng.normal(size=shape),
        zeta=zeta,
        scale=1.7,
        active=active,
        label_scale=2.5,
        committee=rng.normal(size=(4, *shape)),
        alpha=1.3,
        baseline=baseline,
        training={"title": "test"},
        error={"relative_tensor_rmse": 0.05, "method": "made up"},
    )
    atoms = labelled(1)[0]
    frame, centres = Frame.from_atoms(atoms), np.arange(12)
    expected = model.regressed(frame, centres, "double")[0]
    return dataclasses.replace(model, checks=(Check(frame, centres, expected),))


def trajectory(path, count, seed=0):
    """Write a LAMMPS dump of Li3PS4 in a box of 6.4 Å, every 100 steps; return its positions (T, 8, 3)."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(2)] * 3), -1).reshape(-1, 3) * 3.2 + 1.6
    positions = np.round(grid + rng.uniform(-0.5, 0.5, (count, 8, 3)), 4)
    lines = []
    for k, frame in enumerate(positions):
        lines += ["ITEM: TIMESTEP", str(100 * k), "ITEM: NUMBER OF ATOMS", "8", "ITEM: BOX BOUNDS pp pp pp"]
        lines += ["0.0 6.4"] * 3 + ["ITEM: ATOMS id element xu yu zu"]
        lines += [
            f"{i} {symbol} {x:.4f} {y:.4f} {z:.4f}"
            for i, (symbol, (x, y, z)) in enumerate(zip(["Li"] * 3 + ["P"] + ["S"] * 4, frame, strict=True), 1)
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return positions
