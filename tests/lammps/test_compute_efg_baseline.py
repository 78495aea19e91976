"""compute efg/atom with a baseline beneath the regression: the shipped model, point charges, polarisable molecules."""

import dataclasses
import re

import numpy as np
import pytest

import efg_data
import efg_run
from efg_data import CHARGE_BASELINE, MOLECULES_BASELINE, POLARISABLE_BASELINE, make_model
from efg_run import expected, same_as_python, structure, tensors
from lammps_run import instance, launch
from ufpnmr import EFGModel, nmr
from ufpnmr.efg.baseline import MolecularBond, PolarisableBaseline
from ufpnmr.efg.tensors import to_matrix, to_voigt6

LPS = efg_data.CELL.parents[1] / "LPS.efg"
PAIR = ("pair_style zero 6.0", "pair_coeff * *")
DOUBLE = f"{LPS} Li P S precision double"


def shipped(atoms, folder, compute=DOUBLE, **options):
    """Columns of the compute with the shipped model, and the log."""
    return tensors(atoms, folder, compute, **{"pair": PAIR, **options})


@pytest.mark.parametrize("box", ["orthogonal", "restricted", "general"])
def test_shipped_model_equals_python(box, tmp_path):
    """In double precision, and with the bound of the regression in single precision."""
    atoms = structure(box)
    V, log = same_as_python(atoms, tmp_path, LPS, pair=PAIR)
    assert np.all(V[:, 0] + V[:, 1] + V[:, 2] == 0)
    assert "on polarisable molecules (P-S): Ewald sums over all atoms, in double precision" in log
    single = shipped(atoms, tmp_path, f"{LPS} Li P S")[0]
    assert 0 < np.abs(single - V).max() < 1e-5 * expected(atoms, LPS)[1]


def test_turned_box(tmp_path):
    """V(R x) = R V Rᵀ."""
    atoms = structure("restricted")
    V = shipped(atoms, tmp_path)[0]
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ efg_run.TURN.T, scale_atoms=True)
    found = shipped(turned, tmp_path)[0]
    R = efg_run.TURN
    np.testing.assert_allclose(to_matrix(found), R @ to_matrix(V) @ R.T, rtol=0, atol=1e-9 * np.abs(V).max())


def test_replicated_cells(tmp_path):
    """Images are atoms; the Ewald sums of a larger cell are divided elsewhere, to their tolerance."""
    atoms = structure("restricted")
    cell, rms = expected(atoms, LPS)
    large = atoms.repeat((1, 2, 2))
    V, _ = expected(large, LPS)
    for ranks, threads in ((1, 3), (2, 1)):
        found, _ = shipped(large, tmp_path, ranks=ranks, threads=threads)
        np.testing.assert_allclose(found, V, rtol=0, atol=1e-10 * rms)
    np.testing.assert_allclose(found, np.tile(cell, (4, 1)), rtol=0, atol=1e-7 * rms)


def test_ranks_without_centres_or_atoms(tmp_path):
    """One Li in a box most of which is empty."""
    atoms = structure()
    molecule = atoms[[0, *(i for i, symbol in enumerate(atoms.symbols) if symbol != "Li")][:6]]
    molecule.set_cell(np.diag([40.0, 30.0, 25.0]))
    for ranks in (1, 4):
        same_as_python(molecule, tmp_path, LPS, pair=PAIR, ranks=ranks)


@pytest.mark.parametrize(
    "baseline",
    [CHARGE_BASELINE, POLARISABLE_BASELINE, MOLECULES_BASELINE],
    ids=["charges", "molecules", "surroundings and kernel"],
)
def test_every_baseline(baseline, tmp_path):
    dataclasses.replace(make_model(2), baseline=baseline).write(tmp_path / "m.efg")
    atoms = structure("general")
    _, log = same_as_python(atoms, tmp_path, tmp_path / "m.efg", ranks=2)
    assert f"on {baseline.name}: Ewald sums" in log


def test_order_of_types_and_of_the_baseline(tmp_path):
    """Types, species of the regression and of the baseline each have their own order."""
    empty = PolarisableBaseline(("S", "Li", "P"), (MolecularBond("P", "S", 2.6, 2.05),), (-0.9, 0.3, 0.7), splines=5)
    baseline = dataclasses.replace(empty, coefficients=np.random.default_rng(9).normal(0, 0.1, empty.size))
    dataclasses.replace(make_model(2), baseline=baseline).write(tmp_path / "m.efg")
    atoms = structure()
    V, rms = expected(atoms, tmp_path / "m.efg")
    order = np.random.default_rng(1).permutation(len(atoms))
    line = f"{tmp_path}/m.efg P S Li precision double"
    found, _ = tensors(atoms[order], tmp_path, line, elements=("P", "S", "Li"))
    np.testing.assert_allclose(found, V[order], rtol=0, atol=1e-10 * rms)


def test_group_and_frequencies(tmp_path):
    """The group has no ligands: its field comes from the whole box, the columns from the whole tensor."""
    atoms = structure("general")
    V = to_voigt6(EFGModel.read(LPS).predict(atoms, [1, 4]))
    line = f"{DOUBLE} isotope 7Li field 1 -2 0.5 c_q omega_q"
    options = {"columns": 8, "group": "some", "setup": ["group some id 2 5 30"]}
    for ranks in (1, 2):
        found, _ = shipped(atoms, tmp_path, line, ranks=ranks, **options)
        assert np.flatnonzero(found.any(axis=1)).tolist() == [1, 4]
        np.testing.assert_allclose(found[[1, 4], :6], V, rtol=0, atol=1e-10 * np.sqrt(np.mean(V**2)))
        np.testing.assert_allclose(found[[1, 4], 6], nmr.coupling(V, "7Li")[0], rtol=0, atol=1e-7)
        np.testing.assert_allclose(found[[1, 4], 7], nmr.omega_q(V, "7Li", (1, -2, 0.5)), rtol=0, atol=1e-8)


def test_along_dynamics(tmp_path):
    """Atoms leave the box and change ranks; only steps that ask for tensors gather them."""
    atoms = structure("restricted").repeat((1, 2, 1))
    lines = efg_run.commands(atoms, tmp_path, DOUBLE, pair=PAIR)
    moving = ["velocity all create 2000 1", "fix 1 all nve", "timestep 0.004"]
    moving += [f"dump m all custom 20 {tmp_path}/dump.moving id xu yu zu c_efg[*]", "dump_modify m sort id"]
    done = launch([*lines, *moving, "dump_modify m format float %.17g", "run 60"], tmp_path, 2, 1)
    assert done.returncode == 0, done.stdout + done.stderr
    found = efg_run.rows(tmp_path, "dump.moving")
    assert np.abs(found[:, :3] - atoms.positions).max() > 1
    atoms.positions = found[:, :3]
    V, rms = expected(atoms, LPS)
    np.testing.assert_allclose(found[:, 3:], V, rtol=0, atol=1e-10 * rms)


def test_shipped_potential_and_model_together(tmp_path):
    pair = ("pair_style ufp", f"pair_coeff * * {LPS.parent}/LPS.uf3 Li P S")
    atoms = structure()
    same_as_python(atoms, tmp_path, LPS, pair=pair)


def test_refusals(tmp_path):
    atoms = structure()
    with pytest.raises(Exception, match=re.escape("expected a known element for each atom type, found none for type")):
        shipped(atoms, tmp_path, f"{LPS} Li NULL S")
    with pytest.raises(Exception, match=re.escape("was trained with Li, P, S, found Na")):
        shipped(atoms, tmp_path, f"{LPS} Li P Na")
    lines = efg_run.commands(atoms, tmp_path, DOUBLE, pair=PAIR)
    with (
        instance(tmp_path) as lmp,
        pytest.raises(Exception, match="expected a box periodic in x, y and z, found bound"),
    ):
        lmp.commands_list(["boundary p p f", *lines])
    without = dataclasses.replace(CHARGE_BASELINE, charges={"Li": 1.0, "S": -2.0})
    dataclasses.replace(make_model(2), baseline=without).write(tmp_path / "m.efg")
    V, rms = expected(atoms, tmp_path / "m.efg")
    found = tensors(atoms, tmp_path, f"{tmp_path}/m.efg Li P S precision double")[
        0
    ]  # P then carries none, as in Python
    np.testing.assert_allclose(found, V, rtol=0, atol=1e-10 * rms)


def test_atoms_on_one_point(tmp_path):
    """Far from every centre of the group, where no environment notices."""
    atoms = structure().repeat((2, 2, 2))
    sulphur = next(i for i, symbol in enumerate(atoms.symbols) if symbol == "S")
    away = np.argmax(atoms.get_distances(sulphur, range(len(atoms)), mic=True))
    atoms.positions[away] = atoms.positions[sulphur] + 0.0005
    names = sorted((sulphur + 1, int(away) + 1))
    lines = efg_run.commands(atoms, tmp_path, DOUBLE, pair=PAIR)

    def said():
        done = launch(lines, tmp_path, 2, 1)
        assert done.returncode != 0
        return done.stdout + done.stderr

    # mpiexec may lose the last words of a rank that aborts the others, once in a while
    assert any(f"atoms {names[0]} and {names[1]} are less than 0.001 A apart" in said() for _ in range(3))
