"""XTC, and the ab initio formats through ASE: time axis, cut ends, refusals."""

import pickle
import warnings

import ase
import ase.io
import ase.units
import MDAnalysis
import numpy as np
import pytest
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from ufpnmr import trajectory
from ufpnmr.errors import InputError

CELL = np.array([[8.0, 0, 0], [2.0, 7.0, 0], [-1.0, 1.5, 9.0]])


def walk(n=30):
    rng = np.random.default_rng(3)
    start = np.array([[0.2, 0.3, 0.4], [0.7, 0.6, 0.5], [0.5, 0.1, 0.9]]) @ CELL
    return start + np.cumsum(rng.normal(0.0, 0.35, (n, 3, 3)), axis=0)


def images(n=4):
    found = []
    for r in walk(n):
        atoms = ase.Atoms("LiPS", r, cell=CELL, pbc=True)
        atoms.wrap()
        found.append(atoms)
    return found


def moved(u):
    found = np.array([ts.data["positions"] for ts in u.trajectory])
    return found - found[0]


class TestXtc:
    @pytest.fixture
    def topology(self, tmp_path):
        ase.io.write(tmp_path / "a.extxyz", images(1))
        return tmp_path / "a.extxyz"

    def write(self, path, steps, dt=0.002, n=30):
        with XTCFile(str(path), "w") as file:
            for step, r in zip(steps, walk(n), strict=False):
                wrapped = (r @ np.linalg.inv(CELL) % 1.0) @ CELL
                file.write((wrapped / 10).astype(np.float32), (CELL / 10).astype(np.float32), step, step * dt, 1000)
        return path

    def test_positions_time_cell(self, tmp_path, topology):
        # far from zero the float32 times are 0.06 ps apart
        steps = 500_000_000 + 50 * np.arange(30)
        u = trajectory.open(self.write(tmp_path / "a.xtc", steps), topology=topology, timestep=0.002)
        assert u.trajectory.steps.tolist() == steps.tolist()
        np.testing.assert_allclose(trajectory.time_axis(u), 0.1 * np.arange(30), rtol=1e-12)
        assert u.trajectory.dt == pytest.approx(0.1)
        np.testing.assert_allclose(moved(u), walk() - walk()[0], atol=0.011)
        np.testing.assert_allclose(u.trajectory[4].data["cell"], CELL, atol=1e-5)
        assert u.atoms.elements.tolist() == ["Li", "P", "S"]
        other = pickle.loads(pickle.dumps(u))
        np.testing.assert_array_equal(other.trajectory[7].positions, u.trajectory[7].positions)

    def test_time_of_the_file(self, tmp_path, topology):
        path = self.write(tmp_path / "a.xtc", 50 * np.arange(30))
        u = trajectory.open(path, topology=topology)
        np.testing.assert_allclose(trajectory.time_axis(u), 0.1 * np.arange(30), rtol=1e-6)
        with pytest.raises(InputError, match=r"expected the timestep of the file, 0.002 ps, found 0.001 ps"):
            trajectory.open(path, topology=topology, timestep=0.001)

    def test_cut_at_every_byte_of_the_last_frame(self, tmp_path, topology):
        whole = self.write(tmp_path / "a.xtc", range(6)).read_bytes()
        two = len(self.write(tmp_path / "b.xtc", range(5)).read_bytes())
        for size in range(two, len(whole), 3):
            (tmp_path / "c.xtc").write_bytes(whole[:size])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                u = trajectory.open(tmp_path / "c.xtc", topology=topology)
            assert u.trajectory.n_frames == 5, size
            assert np.isfinite(u.trajectory[-1].positions).all()

    def test_refusals(self, tmp_path, topology):
        path = self.write(tmp_path / "a.xtc", [0, 5, 5])
        with pytest.raises(InputError, match="XTC file has no atom ids"):
            trajectory.open(path)
        with pytest.raises(InputError, match="expected ascending steps"):
            trajectory.open(path, topology=topology)
        ase.io.write(tmp_path / "b.extxyz", images(1)[0][:2])
        with pytest.raises(InputError, match="expected 2 atoms as in the topology, found 3"):
            trajectory.open(path, topology=tmp_path / "b.extxyz")
        path = self.write(tmp_path / "c.xtc", range(3), dt=0.0)
        with pytest.raises(InputError, match="time unknown: the times in the file do not ascend"):
            trajectory.time_axis(trajectory.open(path, topology=topology))

    def test_registered(self, tmp_path):
        path = self.write(tmp_path / "a.xtc", range(3))
        u = MDAnalysis.Universe.empty(3)
        u.load_new(str(path), format="UFPXTC")
        assert u.trajectory.n_frames == 3


class TestXdatcar:
    def write(self, tmp_path, every=1):
        path = tmp_path / "XDATCAR"
        ase.io.write(path, images(6), format="vasp-xdatcar")
        text = path.read_text()
        for k in range(6, 0, -1):
            old = f"Direct configuration={k:6d}"
            assert old in text
            text = text.replace(old, f"Direct configuration={k * every:6d}")
        path.write_text(text)
        return path

    @pytest.mark.parametrize("every", [1, 10])
    def test_time_step_is_demanded_and_nblock_counted(self, tmp_path, every):
        path = self.write(tmp_path, every)
        with pytest.raises(InputError, match=r"time unknown: an XDATCAR does not hold POTIM; give --timestep"):
            trajectory.time_axis(trajectory.open(path))
        u = trajectory.open(path, timestep=0.002)
        np.testing.assert_allclose(trajectory.time_axis(u), 0.002 * every * np.arange(6))
        np.testing.assert_allclose(moved(u), walk(6) - walk(6)[0], atol=1e-6)
        assert u.atoms.elements.tolist() == ["Li", "P", "S"]

    def test_cut_at_every_byte_of_the_last_frame(self, tmp_path):
        path = self.write(tmp_path)
        whole = path.read_text()
        begin = whole.rindex("Direct")
        for size in range(begin + len("Direct configuration="), len(whole)):
            path.write_text(whole[:size])
            with pytest.warns(UserWarning, match="incomplete frame after frame 4"):
                u = trajectory.open(path, timestep=0.001)
            assert u.trajectory.n_frames == 5


VASPRUN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <incar><i type="int" name="IBRION">{ibrion}</i><i name="POTIM">{potim}</i></incar>
 <parameters><separator name="ionic"><i type="int" name="IBRION">{ibrion}</i><i name="POTIM">{potim}</i></separator>
 </parameters>
 <kpoints><varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v></varray></kpoints>
 <atominfo><atoms>2</atoms><types>2</types><array name="atoms"><set>
  <rc><c>Li</c><c>1</c></rc><rc><c>S </c><c>2</c></rc></set></array></atominfo>
 <structure name="initialpos"><crystal><varray name="basis"><v>5 0 0</v><v>0 6 0</v><v>0 0 7</v></varray></crystal>
  <varray name="positions"><v>0 0 0</v><v>0.5 0.5 0.5</v></varray></structure>
{steps}</modeling>
"""
STEP = """ <calculation>
  <scstep><energy><i name="e_fr_energy">-1</i><i name="e_wo_entrp">-1</i><i name="e_0_energy">-1</i></energy></scstep>
  <structure><crystal><varray name="basis"><v>5 0 0</v><v>0 6 0</v><v>0 0 7</v></varray></crystal>
   <varray name="positions"><v>{x:.4f} 0 0</v><v>0.5 0.5 0.5</v></varray></structure>
  <varray name="forces"><v>0 0 0</v><v>0 0 0</v></varray>
  <energy><i name="e_fr_energy">-1</i><i name="e_wo_entrp">-1</i><i name="e_0_energy">-1</i></energy>
 </calculation>
"""


class TestVasprun:
    def write(self, tmp_path, ibrion=0, potim="2.0", cut=None):
        steps = "".join(STEP.format(x=(0.3 * k) % 1.0) for k in range(5))
        path = tmp_path / "vasprun.xml"
        path.write_text(VASPRUN.format(ibrion=ibrion, potim=potim, steps=steps)[:cut])
        return path

    def test_time_is_read(self, tmp_path):
        u = trajectory.open(self.write(tmp_path))
        np.testing.assert_allclose(trajectory.time_axis(u), 0.002 * np.arange(5))
        np.testing.assert_allclose(moved(u)[:, 0, 0], 1.5 * np.arange(5), atol=1e-6)
        with pytest.raises(InputError, match=r"timestep of the file, 0.002 ps, found 0.001 ps"):
            trajectory.open(self.write(tmp_path), timestep=0.001)

    def test_relaxation_has_no_time(self, tmp_path):
        with pytest.raises(InputError, match="not of a molecular dynamics run"):
            trajectory.time_axis(trajectory.open(self.write(tmp_path, ibrion=2)))

    def test_cut(self, tmp_path):
        with pytest.warns(UserWarning, match="incomplete frame"):
            u = trajectory.open(self.write(tmp_path, cut=-300))
        assert u.trajectory.n_frames in (4, 5)


class TestCastepMd:
    def write(self, tmp_path, n=5):
        path = tmp_path / "run.md"
        frames = images(n)
        for atoms in frames:
            atoms.set_velocities(np.zeros((3, 3)))
            atoms.calc = ase.calculators.singlepoint.SinglePointCalculator(
                atoms, energy=0.0, forces=np.zeros((3, 3)), stress=np.zeros(6)
            )
        ase.io.write(path, frames, format="castep-md")
        return path

    def test_atomic_units_of_time(self, tmp_path):
        u = trajectory.open(self.write(tmp_path))
        # the writer counts frames: one atomic unit of time, 2.4188843e-5 ps, apart
        np.testing.assert_allclose(trajectory.time_axis(u), 2.4188843e-5 * np.arange(5), rtol=1e-6)
        np.testing.assert_allclose(moved(u), walk(5) - walk(5)[0], atol=1e-5)

    def test_cut(self, tmp_path):
        path = self.write(tmp_path)
        whole = path.read_text()
        path.write_text(whole.rstrip()[:-200])
        with pytest.warns(UserWarning, match="incomplete frame after frame 3"):
            u = trajectory.open(path)
        assert u.trajectory.n_frames == 4
