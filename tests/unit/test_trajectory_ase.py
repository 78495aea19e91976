"""Trajectories through ASE: cells kept exactly, time, identities, refusals."""

import pickle
import warnings

import ase
import ase.io
import numpy as np
import pytest

from ufpnmr import trajectory
from ufpnmr.errors import InputError

CELL = np.array([[7.123456789012345, 0, 0], [1.0 / 3.0, 8.1, 0], [-0.7, 0.2, 9.0]])


def frames(n=4, cell=CELL):
    found = []
    for k in range(n):
        atoms = ase.Atoms("LiPS", [[1 + 0.1 * k, 1, 1], [2, 2, 2], [3, 3, 3]], cell=cell, pbc=True)
        found.append(atoms)
    return found


def test_memory_and_exact_cell(tmp_path):
    ase.io.write(tmp_path / "a.traj", frames())
    u = trajectory.open(tmp_path / "a.traj", timestep=0.25)
    np.testing.assert_array_equal(u.trajectory[2].data["cell"], CELL)
    np.testing.assert_allclose(trajectory.time_axis(u), 0.25 * np.arange(4))
    np.testing.assert_array_equal(u.trajectory[3].data["positions"][0], [1.3, 1, 1])
    assert u.atoms.types.tolist() == ["Li", "P", "S"]
    for other in (u.copy(), pickle.loads(pickle.dumps(u))):
        assert other.trajectory.ts.frame == 3
        np.testing.assert_array_equal(other.trajectory[1].data["positions"][0], [1.1, 1, 1])


def test_time_from_info_and_steps(tmp_path):
    images = frames()
    for k, atoms in enumerate(images):
        atoms.info["time"] = 5.0 + 0.1 * k
    ase.io.write(tmp_path / "a.extxyz", images)
    np.testing.assert_allclose(trajectory.time_axis(trajectory.open(tmp_path / "a.extxyz")), 0.1 * np.arange(4))
    images = frames()
    for k, atoms in enumerate(images):
        atoms.info["step"] = 50 * k
    ase.io.write(tmp_path / "b.extxyz", images)
    u = trajectory.open(tmp_path / "b.extxyz", timestep=0.002)
    np.testing.assert_allclose(trajectory.time_axis(u), 0.1 * np.arange(4))
    assert u.trajectory[2].data["step"] == 100
    with pytest.raises(InputError, match="time unknown"):
        trajectory.time_axis(trajectory.open(tmp_path / "b.extxyz"))


def test_turned_cell(tmp_path):
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec([0.4, 1.0, -0.2]).as_matrix()
    images = frames(cell=CELL @ turn.T)
    ase.io.write(tmp_path / "a.traj", images)
    u = trajectory.open(tmp_path / "a.traj")
    for ts, atoms in zip(u.trajectory, images, strict=True):
        np.testing.assert_allclose(ts.data["cell"], CELL, atol=1e-12)
        np.testing.assert_allclose(ts.data["rotation"], turn.T, atol=1e-12)
        np.testing.assert_allclose(ts.data["positions"], atoms.positions @ turn, atol=1e-12)


def test_without_a_cell(tmp_path):
    ase.io.write(tmp_path / "a.xyz", [ase.Atoms("LiS", [[0, 0, 0], [k, 0, 0]]) for k in (1, 90)])
    u = trajectory.open(tmp_path / "a.xyz", timestep=1.0)
    assert u.trajectory[1].dimensions is None
    assert u.trajectory[1].positions[1, 0] == 90.0


def test_ids_sort(tmp_path):
    images = frames(2)
    for atoms in images:
        atoms.set_array("id", np.array([30, 10, 20]))
    ase.io.write(tmp_path / "a.extxyz", images)
    u = trajectory.open(tmp_path / "a.extxyz")
    assert u.atoms.ids.tolist() == [10, 20, 30]
    assert u.atoms.elements.tolist() == ["P", "S", "Li"]


def test_cut_at_every_byte_of_the_last_frame(tmp_path):
    ase.io.write(tmp_path / "a.extxyz", frames(3))
    ase.io.write(tmp_path / "two.extxyz", frames(2))
    whole = (tmp_path / "a.extxyz").read_bytes()
    begin = len((tmp_path / "two.extxyz").read_bytes())
    for size in range(begin, len(whole)):
        (tmp_path / "b.extxyz").write_bytes(whole[:size])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            u = trajectory.open(tmp_path / "b.extxyz")
        dropped = size > begin
        assert (u.trajectory.n_frames, u.trajectory.n_dropped) == (2, dropped), size
        assert ["incomplete frame after frame 1" in str(w.message) for w in caught] == [True] * dropped


def changed(change):
    images = frames(3)
    change(images)
    return images


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[1].append("Li"), "frame 1: expected 3 atoms"),
        (lambda f: f[2].set_chemical_symbols(["S", "P", "Li"]), "frame 2: expected the elements"),
        (lambda f: f[1].positions.__setitem__((2, 0), np.nan), "frame 1, atom 3: its position is not a finite"),
        (lambda f: f[1].set_cell(-CELL), "frame 1: expected a right-handed cell"),
        (lambda f: [a.info.__setitem__("time", -k) for k, a in enumerate(f)], 'ascending info."time"'),
    ],
)
def test_refusals(tmp_path, change, message):
    ase.io.write(tmp_path / "a.traj", changed(change))
    with pytest.raises(InputError, match=message):
        trajectory.open(tmp_path / "a.traj")


def test_unreadable(tmp_path):
    (tmp_path / "a.extxyz").write_text("no trajectory\n")
    with pytest.raises(InputError, match="cannot be read by ASE"):
        trajectory.open(tmp_path / "a.extxyz")
    ase.io.write(tmp_path / "b.extxyz", frames())
    with pytest.raises(InputError, match="this file names its elements"):
        trajectory.open(tmp_path / "b.extxyz", elements="Li P S")
