"""Tensors of a structure from `compute efg/atom`, beside those of Python."""

from pathlib import Path

import numpy as np

import efg_data
from lammps_run import instance, launch
from ufpnmr import EFGModel
from ufpnmr.efg.tensors import to_voigt6

MODEL = Path(__file__).resolve().parent / "data" / "point_charges_v1.efg"
ELEMENTS = ("Li", "P", "S")
PAIR = ("pair_style zero 5.0", "pair_coeff * *")
SHEAR = np.array([[1, 0, 0], [0.21, 1, 0], [-0.13, 0.17, 1]])
TURN = np.linalg.qr(np.array([[0.4, -1.2, 0.3], [0.8, 0.1, -0.9], [-0.2, 0.7, 1.1]]))[0]
TURN *= np.linalg.det(TURN)


def structure(box="orthogonal", seed=3):
    """Perturbed β-Li3PS4, 32 atoms: orthogonal, sheared (restricted), or sheared and turned (general)."""
    atoms = efg_data.labelled(1, seed)[0]
    matrix = {"orthogonal": np.eye(3), "restricted": SHEAR, "general": SHEAR @ TURN.T}[box]
    atoms.set_cell(np.diag(atoms.cell.lengths()) @ matrix, scale_atoms=True)
    return atoms


def write_data(path, atoms, elements=ELEMENTS):
    """Data file with the box vectors of the atoms; those that are not along x and in xy make it general triclinic."""
    cell = atoms.cell.array
    lines = ["test", "", f"{len(atoms)} atoms", f"{len(elements)} atom types", ""]
    if (np.triu(cell, 1) == 0).all():
        lines += [f"0.0 {float(cell[k, k])!r} {axis}lo {axis}hi" for k, axis in enumerate("xyz")]
        tilts = [float(cell[1, 0]), float(cell[2, 0]), float(cell[2, 1])]
        lines += [" ".join(map(repr, tilts)) + " xy xz yz"] if any(tilts) else []
    else:
        rows = zip(cell.tolist(), ("avec", "bvec", "cvec"), strict=True)
        lines += [" ".join(map(repr, row)) + f" {name}" for row, name in rows] + ["0.0 0.0 0.0 abc origin"]
    lines += ["", "Masses", "", *(f"{k} 30.0" for k in range(1, len(elements) + 1)), "", "Atoms # atomic", ""]
    for i, (symbol, x) in enumerate(zip(atoms.symbols, atoms.positions.tolist(), strict=True), 1):
        lines.append(f"{i} {elements.index(symbol) + 1} " + " ".join(map(repr, x)))
    path.write_text("\n".join(lines) + "\n")
    return path


def commands(atoms, folder, compute, *, elements=ELEMENTS, pair=PAIR, group="all", setup=(), newton="on", columns=6):
    """Input that dumps all columns of the compute without running a step."""
    data = write_data(folder / "data.test", atoms, list(elements))
    return [
        f"newton {newton}",
        "units metal",
        "atom_modify map array",
        "box tilt large",
        f"read_data {data}",
        "neighbor 1.0 bin",
        *pair,
        *setup,
        f"compute efg {group} efg/atom {compute}",
        f"dump d all custom 1 {folder}/dump.test id " + " ".join(f"c_efg[{k}]" for k in range(1, columns + 1)),
        "dump_modify d sort id format float %.17g",
        "run 0",
        "undump d",
    ]


def rows(folder, name="dump.test"):
    """Columns of the last frame in the order of the atom IDs, (atoms, columns)."""
    text = (folder / name).read_text().rpartition("ITEM: ATOMS")[2]
    return np.array([line.split()[1:] for line in text.splitlines()[1:]], dtype=float)


def tensors(atoms, folder, compute=f"{MODEL} Li P S precision double", *, ranks=1, threads=1, **options):
    """Columns of the compute (atoms, columns) and the log, from this process or from several ranks."""
    lines = commands(atoms, folder, compute, **options)
    if ranks > 1:
        done = launch(lines, folder, ranks, threads)
        assert done.returncode == 0, done.stdout + done.stderr
        return rows(folder), done.stdout
    with instance(folder) as lmp:
        lmp.commands_list([f"package omp {threads}", *lines])
    return rows(folder), (folder / "log.test").read_text()


def expected(atoms, model=MODEL):
    """Columns 1 to 6 by Python in double precision, zero where there is no centre, and their rms."""
    predictor = EFGModel.read(model)
    centres = [i for i, symbol in enumerate(atoms.symbols) if symbol in predictor.centres]
    V = np.zeros((len(atoms), 6))
    V[centres] = to_voigt6(predictor.predict(atoms, centres))
    return V, float(np.sqrt(np.mean(V[centres] ** 2)))


def same_as_python(atoms, folder, model=MODEL, **options):
    """Columns and log of `tensors`, once the first six columns are those of Python to 1e-10 of their rms."""
    V, rms = expected(atoms, model)
    found, log = tensors(atoms, folder, f"{model} Li P S precision double", **options)
    np.testing.assert_allclose(found, V, rtol=0, atol=1e-10 * rms)
    return found, log
