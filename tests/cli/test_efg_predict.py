"""``ufp efg predict`` as a user runs it: a LAMMPS dump in, a tensor series out."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from ase import Atoms

from ufpnmr import TensorSeries
from ufpnmr.efg import PointCharges
from ufpnmr.efg.tensors import to_voigt6
from ufpnmr.results.tensor_writer import partial_path

TYPES = {1: "Li", 2: "P", 3: "S"}
MODEL = PointCharges("Li", {"Li": 0.3, "P": 0.7, "S": -0.9}, error={"relative_tensor_rmse": 0.42, "method": "withheld"})
UNIT = [1, 1, 1, 2, 3, 3, 3, 3]


def write_dump(path, n_frames, repeat=1, seed=0):
    """Dump of Li3PS4 units on a rattled grid; ids shuffled, as LAMMPS writes them. Return the positions (T, N, 3)."""
    rng = np.random.default_rng(seed)
    size, n = 2 * repeat, 8 * repeat**3
    grid = np.stack(np.meshgrid(*[np.arange(size)] * 3), -1).reshape(-1, 3) * 3.2 + 1.6
    types, frames, lines = np.tile(UNIT, repeat**3), [], []
    for frame in range(n_frames):
        positions = np.round(grid + rng.uniform(-0.5, 0.5, (n, 3)), 4)
        frames.append(positions)
        lines += ["ITEM: TIMESTEP", str(100 * frame), "ITEM: NUMBER OF ATOMS", str(n)]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *[f"0.0 {3.2 * size}"] * 3, "ITEM: ATOMS id type xu yu zu"]
        lines += [
            f"{i + 1} {types[i]} {x:.4f} {y:.4f} {z:.4f}" for i in rng.permutation(n) for x, y, z in [positions[i]]
        ]
    path.write_text("\n".join(lines) + "\n")
    return np.array(frames)


@pytest.fixture
def files(tmp_path):
    MODEL.write(tmp_path / "m.toml")
    return tmp_path, write_dump(tmp_path / "dump.lammpstrj", 12)


ARGUMENTS = ["efg", "predict", "m.toml", "dump.lammpstrj", "-o", "efg.h5", "--elements", "Li P S"]
TIMED = [*ARGUMENTS, "--timestep", "0.002"]


def test_series_of_a_dump(files, ufp):
    folder, positions = files
    done = ufp(*TIMED, "--axes", "x=a y=b z=c", "--threads", "2")
    assert done.returncode == 0, done.stderr
    assert "12 frames of 3 ions" in done.stderr
    assert "42 % of the rms tensor (withheld)" in done.stderr
    series = TensorSeries.read(folder / "efg.h5")
    np.testing.assert_allclose(series.time, 0.2 * np.arange(12))
    np.testing.assert_array_equal(series.ids, [1, 2, 3])
    assert series.axes == "x=a y=b z=c"
    assert set(series.provenance["inputs"]) == {"m.toml", "dump.lammpstrj"}
    for frame in (0, 5, 11):
        atoms = Atoms([TYPES[t] for t in UNIT], positions=positions[frame], cell=[6.4] * 3, pbc=True)
        np.testing.assert_allclose(series.V[frame], to_voigt6(MODEL.predict(atoms)), rtol=1e-4, atol=1e-5)


def test_selection_and_overwriting(files, ufp):
    folder, _ = files
    assert ufp(*TIMED, "--selection", "id 2").returncode == 0
    np.testing.assert_array_equal(TensorSeries.read(folder / "efg.h5").ids, [2])
    refused = ufp(*TIMED)
    assert refused.returncode == 2
    assert "efg.h5 exists" in refused.stderr
    assert ufp(*TIMED, "--force").returncode == 0
    assert TensorSeries.read(folder / "efg.h5").ids.size == 3


def test_dry_run_writes_nothing(files, ufp):
    folder, _ = files
    before = set(folder.iterdir())
    done = ufp(*TIMED, "--dry-run")
    assert done.returncode == 0
    assert "ions: 3 of 8 atoms" in done.stdout
    assert "frames: 12, 0 to 2.2 ps" in done.stdout
    assert "time: about" in done.stdout
    assert "point charges at Li" in done.stdout
    written = {path.name for path in set(folder.iterdir()) - before}
    assert not {name for name in written if name.startswith("efg.h5")}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (ARGUMENTS, "--timestep"),
        ([*TIMED, "--selection", "element Na"], "names no atom"),
        ([*TIMED, "--selection", "element P"], "predicts at Li"),
        (["efg", "predict", "m.toml", "dump.lammpstrj", "--elements", "Li P S", "--timestep", "0.002"], "expected -o"),
        (["efg", "predict", "no.toml", *TIMED[3:]], "no.toml: no such file"),
        (["efg", "predict", "dump.lammpstrj", *TIMED[3:]], "expected a point-charge model"),
        (["efg", "predict", "m.toml", "no.lammpstrj", *TIMED[4:]], "no.lammpstrj"),
        ([*TIMED[:5], "nowhere/efg.h5", *TIMED[6:]], "no such folder"),
        ([*TIMED[:7], "Li Si S", *TIMED[8:]], "found 'Si'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(files, ufp, arguments, message):
    folder, _ = files
    done = ufp(*arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(folder.glob("efg.h5*"))


def test_slab_is_refused(files, ufp):
    folder, _ = files
    dump = folder / "dump.lammpstrj"
    dump.write_text(dump.read_text().replace("pp pp pp", "pp pp ff"))
    done = ufp(*TIMED)
    assert done.returncode == 2, done.stderr
    assert "expected a cell periodic along a, b and c, found [True, True, False]" in done.stderr
    assert not list(folder.glob("efg.h5*"))


def test_interrupted_and_killed_it_continues(tmp_path, ufp):
    MODEL.write(tmp_path / "m.toml")
    write_dump(tmp_path / "dump.lammpstrj", 1200, repeat=4)  # seconds of work, so that the signal meets it
    assert ufp(*TIMED[:5], "whole.h5", *TIMED[6:]).returncode == 0
    partial, done = partial_path(tmp_path / "efg.h5"), 0
    for kind in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(
            [Path(sys.executable).parent / "ufp", *TIMED],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            # a shell that starts the tests in the background has SIGINT ignored, and children inherit that
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        while process.poll() is None and frames_done(partial) <= done:
            time.sleep(0.01)
        process.send_signal(kind)
        message = process.stderr.read()
        process.stderr.close()
        code = process.wait()
        assert code == (130 if kind == signal.SIGINT else -signal.SIGKILL), message
        assert ("the same command continues" in message) == (kind == signal.SIGINT)
        assert not (tmp_path / "efg.h5").exists()
        done = frames_done(partial)
    assert 0 < done < 1200
    assert ufp(*TIMED).returncode == 0
    assert not partial.exists()
    whole, resumed = (TensorSeries.read(tmp_path / name) for name in ("whole.h5", "efg.h5"))
    np.testing.assert_array_equal(resumed.V, whole.V)


def frames_done(partial):
    """Count of finished frames, read past the writer's lock."""
    if not partial.exists():
        return 0
    with h5py.File(partial, "r", locking=False) as file:
        return int(file["frames_done"][0])
