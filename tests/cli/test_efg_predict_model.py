"""``ufp efg predict`` with a trained model: numbers, precision, refusals, kills, memory, export."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from soprano.properties.nmr import EFGAsymmetry, EFGVzz

from efg_data import BASELINES, make_model
from ufpnmr import EFGModel, TensorSeries
from ufpnmr.efg.tensors import to_voigt6
from ufpnmr.isotopes import isotope
from ufpnmr.nmr import coupling
from ufpnmr.units import EFG_AU_IN_V_PER_A2

CELL = np.array([[5.2, 0, 0], [0.4, 5.0, 0], [-0.3, 0.6, 5.1]])  # smaller than the cutoff of 4 Å allows minimum images
SYMBOLS = np.array(["Li", "Li", "Li", "P", "S", "S", "S", "S"])
TIMED = ["--timestep", "0.002", "--elements", "Li P S"]


def frames(count, repeat=1, seed=0):
    """Positions (T, N, 3), symbols and cell; those of `repeat` > 1 are supercells of those of 1."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(2)] * 3), -1).reshape(-1, 3) / 2 @ CELL
    one = np.round(grid + rng.uniform(-0.4, 0.4, (count, 8, 3)), 4)
    shifts = np.stack(np.meshgrid(*[np.arange(repeat)] * 3), -1).reshape(-1, 3) @ CELL
    return (one[:, None] + shifts[:, None]).reshape(count, -1, 3), np.tile(SYMBOLS, repeat**3), CELL * repeat


def write_dump(path, count, repeat=1, seed=0):
    positions, symbols, cell = frames(count, repeat, seed)
    types = [{"Li": 1, "P": 2, "S": 3}[symbol] for symbol in symbols]
    (a, _, _), (xy, b, _), (xz, yz, c) = cell
    x = [0, xy, xz, xy + xz]
    lines = []
    for k, frame in enumerate(positions):
        lines += ["ITEM: TIMESTEP", str(100 * k), "ITEM: NUMBER OF ATOMS", str(len(types))]
        lines += [
            "ITEM: BOX BOUNDS xy xz yz pp pp pp",
            f"{min(x)} {a + max(x)} {xy}",
            f"{min(0, yz)} {b + max(0, yz)} {xz}",
        ]
        lines += [f"0 {c} {yz}", "ITEM: ATOMS id type xu yu zu"]
        lines += [
            f"{i + 1} {t} {x:.4f} {y:.4f} {z:.4f}" for i, (t, (x, y, z)) in enumerate(zip(types, frame, strict=True))
        ]
    path.write_text("\n".join(lines) + "\n")
    return [Atoms(symbols, x, cell=cell, pbc=True) for x in positions]


@pytest.fixture
def folder(tmp_path):
    make_model().write(tmp_path / "m.efg")
    return tmp_path


def arguments(output="efg.h5", model="m.efg", trajectory="dump.lammpstrj"):
    return ["efg", "predict", model, trajectory, "-o", output, *TIMED]


def digest(path):
    """SHA-256 of the data sets of a series."""
    with h5py.File(path) as file:
        parts = [np.ascontiguousarray(file[name][()]).tobytes() for name in ("time", "ids", "V", "cell")]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize(("precision", "tolerance"), [("single", 1e-5), ("double", 2e-7)])
@pytest.mark.parametrize("baseline", BASELINES)
def test_series_is_that_of_the_model(folder, ufp, precision, tolerance, baseline):
    model = make_model(baseline=baseline)
    model.write(folder / "m.efg", force=True)
    atoms = write_dump(folder / "dump.lammpstrj", 7)
    done = ufp(*arguments(), "--precision", precision, "--threads", "2")
    assert done.returncode == 0, done.stderr
    assert f"tensors/s in {precision} precision" in done.stderr
    assert "efg predict: 100 % (7 of 7)" in done.stderr
    series = TensorSeries.read(folder / "efg.h5")
    expected = np.array([to_voigt6(model.predict(frame)) for frame in atoms])
    np.testing.assert_allclose(series.V, expected, atol=tolerance * np.sqrt(np.mean(expected**2)) * 10, rtol=tolerance)
    assert np.abs(series.V[..., :3].astype(np.float64).sum(axis=-1)).max() < 1e-6 * np.abs(expected).max()
    assert series.provenance["parameters"]["precision"] == precision


def test_cutoff_larger_than_the_box_sees_images(folder, ufp):
    for repeat in (1, 3):
        write_dump(folder / f"{repeat}.lammpstrj", 2, repeat)
        assert (
            ufp(*arguments(f"{repeat}.h5", trajectory=f"{repeat}.lammpstrj"), "--precision", "double").returncode == 0
        )
    small, large = (TensorSeries.read(folder / f"{repeat}.h5").V for repeat in (1, 3))
    np.testing.assert_allclose(large[:, :3], small, atol=1e-5 * np.abs(small).max())


def test_dry_run(folder, ufp):
    write_dump(folder / "dump.lammpstrj", 5)
    done = ufp(*arguments(), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "500" not in done.stdout
    assert "12/7 features, zeta 2), single precision" in done.stdout
    assert "time: about" in done.stdout
    assert not list(folder.glob("efg.h5*"))


def test_what_is_refused(folder, ufp):
    write_dump(folder / "dump.lammpstrj", 3)
    text = (folder / "dump.lammpstrj").read_text()
    foreign = ufp(*arguments()[:-1], "Li Ge S")
    assert foreign.returncode == 2
    assert "the model was trained with Li, P, S, found Ge" in foreign.stderr
    lines = text.splitlines()
    second = lines.index("ITEM: TIMESTEP", 1)
    fewer = [*lines[: second + 3], "7", *lines[second + 4 : second + 16], *lines[second + 17 :]]
    (folder / "fewer.lammpstrj").write_text("\n".join(fewer) + "\n")
    done = ufp(*arguments(trajectory="fewer.lammpstrj"))
    assert done.returncode == 2
    assert "step 100: expected 8 atoms as in the first frame, found 7" in done.stderr
    data = bytearray((folder / "m.efg").read_bytes())
    data[-200] ^= 1
    (folder / "damaged.efg").write_bytes(data)
    done = ufp(*arguments(model="damaged.efg"))
    assert done.returncode == 2
    assert "the checksum is wrong; the file is damaged" in done.stderr
    assert "--efg-units with --format extxyz" in ufp(*arguments(), "--format", "extxyz").stderr
    assert not list(folder.glob("efg.h5*"))


def test_precision_is_part_of_unfinished_work(folder, ufp):
    """An unfinished series in one precision is not continued in another."""
    write_dump(folder / "dump.lammpstrj", 3)
    stop = (
        "import sys, ufpnmr.trajectory\nfrom ufpnmr.efg import EFGModel, write_series\n"
        "def stop(n):\n    if n: raise KeyboardInterrupt\n"
        "u = ufpnmr.trajectory.open('dump.lammpstrj', timestep=0.002, elements='Li P S')\n"
        "import ufpnmr.efg.frames as f\nf._BLOCK = 1\n"
        "try: write_series(EFGModel.read('m.efg'), u, output='efg.h5', progress=stop)\nexcept KeyboardInterrupt: pass\n"
    )
    subprocess.run([sys.executable, "-c", stop], cwd=folder, check=True)
    done = ufp(*arguments(), "--precision", "double")
    assert done.returncode == 2
    assert "another precision" in done.stderr
    done = ufp(*arguments())
    assert done.returncode == 0, done.stderr
    assert "the first 1 by an earlier run" in done.stderr


KILLS = """
import json, os, signal, sys, time
import h5py, numpy as np
import ufpnmr.trajectory
import ufpnmr.efg.frames as frames
from ufpnmr.efg import EFGModel, write_series

frames._BLOCK = 8
model = EFGModel.read("m.efg")
universe = ufpnmr.trajectory.open("dump.lammpstrj", timestep=0.002, elements="Li P S")
rng = np.random.default_rng(int(sys.argv[1]))
write = h5py.Dataset.__setitem__

def kill_inside_write(number):
    # half of the data of one write reaches the file, then the process is gone
    left = [number]
    def write_half(dataset, where, value):
        left[0] -= 1
        if left[0] == 0:
            value = np.asarray(value)
            if isinstance(where, slice) and len(value) > 1:
                write(dataset, slice(where.start, where.start + len(value) // 2), value[: len(value) // 2])
                dataset.file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        write(dataset, where, value)
    h5py.Dataset.__setitem__ = write_half

def child(prepare=lambda: None):
    pid = os.fork()
    if pid == 0:
        prepare()
        write_series(model, universe, output="efg.h5")
        os._exit(0)
    return pid

def killed(pid):
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])

began = time.perf_counter()
write_series(model, universe, output="whole.h5")
whole = time.perf_counter() - began
kinds = rng.permutation(["time"] * 12 + ["write"] * 8)
done = {"time": 0, "write": 0, "finished": 0}
for kind in kinds:
    while True:
        if kind == "write":
            pid = child(lambda: kill_inside_write(int(rng.integers(1, 25))))
        else:
            pid = child()
            time.sleep(rng.uniform(0, whole / 8))
            os.kill(pid, signal.SIGKILL)
        if killed(pid):
            done[kind] += 1
            break
        # quicker than the kill: once more from the start
        done["finished"] += 1
        os.remove("efg.h5")
    if os.path.exists("efg.h5"):  # killed between the last frame and the end
        os.remove("efg.h5")
last = child()
assert not killed(last)
print(json.dumps(done))
"""


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_twenty_random_moments_it_gives_the_same_data_sets(folder, seed):
    write_dump(folder / "dump.lammpstrj", 400, repeat=2)
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(seed)], cwd=folder, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)
    assert (kills["time"], kills["write"]) == (12, 8)
    assert digest(folder / "efg.h5") == digest(folder / "whole.h5")
    assert not list(folder.glob("efg.h5.partial*"))
    runs = TensorSeries.read(folder / "efg.h5").provenance
    first = [run["first_frame"] for run in runs["continued"]]
    assert first == sorted(first)
    assert first[-1] > 0
    assert all(run["date"] and run["versions"] == runs["versions"] for run in runs["continued"])


PEAK = """
import resource, sys
import ufpnmr.trajectory
from ufpnmr.efg import EFGModel, write_series
universe = ufpnmr.trajectory.open("dump.lammpstrj", timestep=0.002, elements="Li P S")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_series(EFGModel.read("m.efg"), universe, output=sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_trajectory(folder):
    peaks = []
    for name, count in (("short", 400), ("long", 2400)):
        write_dump(folder / "dump.lammpstrj", count, repeat=3)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, f"{name}.h5"], cwd=folder, capture_output=True, text=True, check=True
        )
        peaks.append(1024 * int(done.stdout))
    with h5py.File(folder / "long.h5") as file:
        size = file["V"].nbytes  # 4.7 MB, beside 12.4 MB of positions
    assert size > 4e6
    assert peaks[1] - peaks[0] < size / 2


def test_extxyz_for_soprano(folder, ufp):
    model = EFGModel.read(folder / "m.efg")
    atoms = write_dump(folder / "dump.lammpstrj", 3)
    done = ufp(*arguments("efg.extxyz"), "--format", "extxyz", "--efg-units", "au", "--precision", "double")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.glob("efg*")) == ["efg.extxyz"]
    found = read(folder / "efg.extxyz", ":")
    assert [frame.info["time"] for frame in found] == pytest.approx([0.0, 0.2, 0.4])
    assert found[0].info["efg_units"] == "au"
    assert np.isnan(found[0].arrays["efg"][3:]).all()
    cq, eta = coupling(model.predict(atoms[1]))
    lithium, kappa = found[1][:3], isotope("7Li").coupling_khz
    np.testing.assert_allclose(kappa * EFGVzz.get(lithium) * EFG_AU_IN_V_PER_A2, cq, rtol=1e-5)
    np.testing.assert_allclose(EFGAsymmetry.get(lithium), eta, atol=1e-5)
    # and back: the same series
    assert ufp(*arguments("direct.h5"), "--precision", "double").returncode == 0
    done = ufp("efg", "import", "efg.extxyz", "-o", "back.h5")
    assert done.returncode == 0, done.stderr
    direct, back = (TensorSeries.read(folder / name) for name in ("direct.h5", "back.h5"))
    np.testing.assert_array_equal(back.ids, direct.ids)
    np.testing.assert_allclose(back.time, direct.time)
    np.testing.assert_allclose(back.V, direct.V, atol=1e-6 * np.abs(direct.V).max())
    assert back.engine == "imported from efg.extxyz (efg, au)"


def test_soprano_command_line(folder, ufp):
    """`soprano nmr` finds the tensors of the ions and gives their C_Q and η."""
    atoms = write_dump(folder / "dump.lammpstrj", 1)[0]
    assert ufp(*arguments("efg.extxyz"), "--format", "extxyz", "--efg-units", "au").returncode == 0
    program = Path(sys.executable).parent / "soprano"
    command = [program, "nmr", "efg.extxyz", "-p", "efg", "-s", "Li", "-i", "7Li", "--no-reduce"]
    command += ["-o", "table.csv", "--output-format", "csv", "--precision", "8"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in (folder / "table.csv").read_text().splitlines()]
    columns = [[name.startswith(wanted) for name in rows[0]].index(True) for wanted in ("EFG_quadru", "EFG_asym")]
    found = np.array([[float(row[k]) for k in columns] for row in rows[1:]])
    cq, eta = coupling(EFGModel.read(folder / "m.efg").predict(atoms))
    np.testing.assert_allclose(np.abs(1e3 * found[:, 0]), np.abs(cq), rtol=5e-3)  # its quadrupole moment is its own
    np.testing.assert_allclose(found[:, 1], eta, atol=1e-4)
