"""Dumps written by LAMMPS itself, compared with the coordinates in its memory."""

import shutil
import subprocess
import warnings

import ase
import ase.io
import numpy as np
import pytest

from ufpnmr import trajectory
from ufpnmr.errors import InputError
from ufpnmr.lammps import start

BOXES = {
    "orthogonal": ["region cell block -1 11.2 0.5 12 2 15"],
    "restricted": ["region cell prism -1 11.2 0.5 12 2 15 2.1 -1.7 3.3"],
    "general": None,
}
STYLES = ["x y z ix iy iz", "xs ys zs ix iy iz", "xu yu zu", "xsu ysu zsu", "x y z", "xs ys zs"]
N_ATOMS = 60
EVERY = 10


@pytest.fixture
def lammps():
    """Start LAMMPS with a log."""
    return lambda log: start(["-screen", "none", "-log", str(log)])


def set_up(lmp, box, steps_per_ps=500):
    """A hot gas of soft spheres that crosses the faces of its cell."""
    commands = ["units metal", "atom_style atomic", "atom_modify map array"]
    if box == "general":
        commands += [
            "lattice custom 1.0 a1 12.0 1.5 0.7 a2 -2.5 11.0 1.1 a3 1.9 2.2 13.0 basis 0 0 0 triclinic/general",
            "create_box 3 NULL 0 1 0 1 0 1",
        ]
    else:
        commands += [*BOXES[box], "create_box 3 cell"]
    commands += [
        f"create_atoms 1 random {N_ATOMS // 3} 11 NULL",
        f"create_atoms 2 random {N_ATOMS // 3} 12 NULL",
        f"create_atoms 3 random {N_ATOMS // 3} 13 NULL",
        "mass 1 6.94",
        "mass 2 30.974",
        "mass 3 32.06",
        "pair_style zero 4.0",
        "pair_coeff * *",
        f"timestep {1 / steps_per_ps}",
        "velocity all create 3000 4711 loop all",
        "fix 1 all nve",
    ]
    lmp.commands_list(commands)


def in_memory(lmp):
    """Unwrapped coordinates (N, 3) and cell (3, 3), in the frame LAMMPS computes in."""
    x = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    image = np.array(lmp.gather_atoms("image", 0, 3)).reshape(-1, 3)
    lo, hi, xy, yz, xz, _, _ = lmp.extract_box()
    cell = np.array([[hi[0] - lo[0], 0, 0], [xy, hi[1] - lo[1], 0], [xz, yz, hi[2] - lo[2]]])
    return x + image @ cell, cell


@pytest.mark.parametrize("box", BOXES)
def test_all_styles_against_memory(lammps, tmp_path, box):
    lmp = lammps(tmp_path / "log.lammps")
    set_up(lmp, box)
    for i, columns in enumerate(STYLES):
        suffix = ".gz" if i % 2 else ""
        lmp.command(f"dump d{i} all custom {EVERY} {tmp_path}/{i}.dump{suffix} id type {columns}")
        # unsorted, as parallel runs are
        lmp.command(f"dump_modify d{i} sort off format float %.10g")
        if box == "general":
            lmp.command(f"dump_modify d{i} triclinic/general yes")
    lmp.command("run 0")
    expected, cells = [], []
    for _ in range(30):
        x, cell = in_memory(lmp)
        expected.append(x)
        cells.append(cell)
        lmp.command(f"run {EVERY}")
    expected.append(in_memory(lmp)[0])
    expected = np.array(expected)
    lmp.close()
    assert np.abs(expected[-1] - expected[0]).max() > 6.0, "nothing crosses a face"

    for i, columns in enumerate(STYLES):
        path = next(tmp_path.glob(f"{i}.dump*"))
        u = trajectory.open(path, elements="Li P S", log=tmp_path / "log.lammps")
        found = np.array([ts.data["positions"] for ts in u.trajectory])
        assert found.shape == expected.shape
        np.testing.assert_allclose(u.trajectory[0].data["cell"], cells[0], atol=1e-9)
        if columns in ("x y z", "xs ys zs"):
            found, known = found - found[0], expected - expected[0]
        else:
            known = expected
        np.testing.assert_allclose(found, known, atol=1e-8, err_msg=columns)
        np.testing.assert_allclose(trajectory.time_axis(u), 0.02 * np.arange(31), rtol=1e-12)
        assert (u.trajectory[0].data.get("rotation") is not None) == (box == "general")


def test_text_gz_zst_dcd_xtc_and_extxyz_of_one_run_agree(lammps, tmp_path):
    log = tmp_path / "log.lammps"
    lmp = lammps(log)
    set_up(lmp, "restricted")
    lmp.commands_list(
        [
            f"dump t all custom {EVERY} {tmp_path}/a.dump id type xu yu zu",
            "dump_modify t sort off format float %.10g time yes units yes",
            f"dump g all custom {EVERY} {tmp_path}/a.dump.gz id type element x y z ix iy iz",
            "dump_modify g sort off format float %.10g element Li P S",
            f"dump w all dcd {EVERY} {tmp_path}/wrapped.dcd",
            f"dump u all dcd {EVERY} {tmp_path}/unwrapped.dcd",
            "dump_modify u unwrap yes",
            f"dump x all xtc {EVERY} {tmp_path}/a.xtc",
            "dump_modify x precision 100000",
            f"write_data {tmp_path}/data.run",
            "run 200",
        ]
    )
    lmp.close()
    text = trajectory.open(tmp_path / "a.dump", elements="Li P S")
    frames = []
    for ts in text.trajectory:
        atoms = ase.Atoms(text.atoms.elements, ts.data["positions"], cell=ts.data["cell"], pbc=True)
        atoms.info["time"] = ts.time
        atoms.wrap()
        frames.append(atoms)
    ase.io.write(tmp_path / "a.extxyz", frames)

    data = tmp_path / "data.run"
    others = {
        "gz": trajectory.open(tmp_path / "a.dump.gz", timestep=0.002),
        "dcd, wrapped": trajectory.open(tmp_path / "wrapped.dcd", topology=data),
        "dcd, unwrapped": trajectory.open(tmp_path / "unwrapped.dcd", topology=data, log=log),
        "dcd, identities from a dump": trajectory.open(
            tmp_path / "unwrapped.dcd", topology=tmp_path / "a.dump", elements="Li P S", timestep=0.002
        ),
        "extxyz": trajectory.open(tmp_path / "a.extxyz"),
    }
    # LAMMPS writes the last stretch of an XTC file when its process ends, not when the dump does
    for name, timestep in (("xtc", 0.002), ("xtc, its own time", None)):
        with pytest.warns(UserWarning, match=r"1 incomplete frame\(s\) at the end dropped"):
            others[name] = trajectory.open(tmp_path / "a.xtc", topology=data, timestep=timestep)
    assert others["xtc"].trajectory.n_frames >= 12
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-q", str(tmp_path / "a.dump")], check=True)
        others["zst"] = trajectory.open(tmp_path / "a.dump.zst", elements="Li P S")
    reference = trajectory.ion_paths(text, "element Li")
    assert reference.time.size == 21
    np.testing.assert_allclose(reference.time, 0.02 * np.arange(21), rtol=1e-12)
    for name, u in others.items():
        paths = trajectory.ion_paths(u, "element Li")
        n = paths.time.size
        assert n == 21 or "xtc" in name
        np.testing.assert_array_equal(paths.ids, reference.ids, err_msg=name)
        np.testing.assert_array_equal(u.atoms.elements, text.atoms.elements, err_msg=name)
        np.testing.assert_allclose(paths.time, reference.time[:n], rtol=1e-6, err_msg=name)
        # DCD and the box of XTC hold float32, positions in XTC are rounded to 1e-4 Å
        tolerance = {"d": 2e-5, "x": 2.5e-4}.get(name[0], 1e-7)
        np.testing.assert_allclose(paths.cell, reference.cell[:n], atol=2e-6 if "xtc" in name else 1e-7, err_msg=name)
        moved, known = paths.positions - paths.positions[0], reference.positions[:n] - reference.positions[0]
        np.testing.assert_allclose(moved, known, atol=tolerance, err_msg=name)

    u = trajectory.open(tmp_path / "wrapped.dcd", topology=tmp_path / "a.dump", elements="Li P S")
    with pytest.raises(InputError, match=r"timestep of 0.002 without its unit; give --timestep or --log"):
        trajectory.time_axis(u)
    with pytest.raises(InputError, match=r"expected the timestep of the header, 0.002 ps \(metal\), found 0.001 ps"):
        trajectory.open(tmp_path / "wrapped.dcd", topology=data, timestep=0.001)


def test_dcd_cut_at_the_end(lammps, tmp_path):
    lmp = lammps(tmp_path / "log.lammps")
    set_up(lmp, "orthogonal")
    lmp.commands_list([f"dump w all dcd 1 {tmp_path}/a.dcd", f"write_data {tmp_path}/data.run", "run 3"])
    lmp.close()
    whole = (tmp_path / "a.dcd").read_bytes()
    size = 3 * (4 * N_ATOMS + 8) + 48 + 8
    for cut in (0, 1, size // 2, size - 1, size):
        (tmp_path / "b.dcd").write_bytes(whole[: len(whole) - cut])
        u = trajectory.open(tmp_path / "b.dcd", topology=tmp_path / "data.run")
        assert u.trajectory.n_frames == (4 if cut == 0 else 3)
        assert np.isfinite(u.trajectory[-1].positions).all()


def test_restart_appends(lammps, tmp_path):
    """Two runs into one dump, the second from a restart file older than the last frame."""
    lmp = lammps(tmp_path / "log.lammps")
    set_up(lmp, "orthogonal")
    dump = [
        f"dump t all custom {EVERY} {tmp_path}/a.dump id type xu yu zu",
        "dump_modify t append yes time yes units yes",
    ]
    lmp.commands_list([*dump, f"restart 40 {tmp_path}/r.*", "run 70"])
    lmp.close()
    lmp = lammps(tmp_path / "log.2")
    lmp.commands_list([f"read_restart {tmp_path}/r.40", "pair_style zero 4.0", "pair_coeff * *", "timestep 0.002"])
    lmp.commands_list(["fix 1 all nve", *dump, "run 50"])
    lmp.close()
    with pytest.warns(UserWarning, match="3 frames of the older branch"):
        u = trajectory.open(tmp_path / "a.dump", elements="Li P S")
    assert u.trajectory.steps.tolist() == list(range(0, 100, EVERY))
    np.testing.assert_allclose(trajectory.time_axis(u), 0.02 * np.arange(10))


def test_read_while_lammps_writes(lammps, tmp_path):
    """What is in the file after every few steps, whatever LAMMPS holds back, is read right and in full."""
    lmp = lammps(tmp_path / "log.lammps")
    set_up(lmp, "restricted")
    lmp.commands_list(
        [
            f"dump t all custom 1 {tmp_path}/live.dump id type x y z ix iy iz",
            "dump_modify t flush no sort off format float %.10g",
            "run 200",
        ]
    )
    expected, u, seen = {200: in_memory(lmp)[0]}, None, []
    for _ in range(12):
        lmp.command("run 20 pre no post no")
        step = int(lmp.extract_global("ntimestep"))
        expected[step] = in_memory(lmp)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the frame in progress
            u = u or trajectory.open(tmp_path / "live.dump", elements="Li P S", timestep=0.002)
        seen.append(u.trajectory.refresh())
        assert u.trajectory.steps.tolist() == list(range(seen[-1]))
        assert np.isfinite(u.trajectory[-1].positions).all()
    lmp.command("undump t")
    lmp.close()
    assert u.trajectory.refresh() == 441
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] < 441, "LAMMPS holds nothing back"
    for step, positions in expected.items():
        np.testing.assert_allclose(u.trajectory[step].data["positions"], positions, atol=1e-8)
