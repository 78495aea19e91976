"""Paths on disk: the same positions and results as in memory, and a bound on the memory."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ufpnmr.dynamics import find_hops, mean_square_displacement
from ufpnmr.dynamics.displacements import ion_curves
from ufpnmr.errors import InputError
from ufpnmr.trajectory.scratch import ScratchPaths, ScratchWriter


def walk(rng, n_frames, n_ions):
    hops = rng.random((n_frames, n_ions, 1)) < 3e-3
    steps = hops * rng.choice([-1.2, 1.2], (n_frames, n_ions, 3))
    return 20 + np.cumsum(steps, axis=0) + rng.normal(0, 0.15, steps.shape)


def stored(file, positions, part):
    n_frames, n_ions = positions.shape[:2]
    cell = np.tile(30 * np.eye(3), (n_frames, 1, 1))
    with ScratchWriter(file, n_frames, np.arange(1, n_ions + 1)) as writer:
        for start in range(0, n_frames, part):
            writer.append(positions[start : start + part], cell[start : start + part])
        writer.finish(np.arange(n_frames) * 1.0, "none", "element Na", "synthetic")
    return ScratchPaths.open(file)


@pytest.fixture
def both(tmp_path):
    positions = walk(np.random.default_rng(1), 1200, 9)
    on_disk = stored(tmp_path / "paths.h5", positions, 500)
    memory = SimpleNamespace(**{name: getattr(on_disk, name) for name in ("time", "ids", "cell", "drift_mode")})
    memory.positions, memory.selection, memory.source = positions, "element Na", "synthetic"
    return on_disk, memory


def test_indexing_is_that_of_numpy(both):
    on_disk, memory = both
    for key in (0, -1, slice(None, 5), slice(-7, None), slice(None, None, 100), (slice(None), slice(2, 4))):
        np.testing.assert_allclose(on_disk.positions[key], memory.positions[key], atol=2e-6)
    np.testing.assert_allclose(on_disk.positions[3, 4], memory.positions[3, 4], atol=2e-6)
    np.testing.assert_allclose(on_disk.positions[5:9, 1:8:3, 2], memory.positions[5:9, 1:8:3, 2], atol=2e-6)
    np.testing.assert_allclose(on_disk.positions[::-1, ::-1], memory.positions[::-1, ::-1], atol=2e-6)
    np.testing.assert_allclose(np.asarray(on_disk.positions), memory.positions, atol=2e-6)
    assert on_disk.positions.shape == memory.positions.shape
    assert on_disk.positions[5:5].shape == (0, 9, 3)
    assert len(on_disk.positions) == 1200


def test_results_are_those_in_memory(both):
    on_disk, memory = both
    a, b = mean_square_displacement(on_disk), mean_square_displacement(memory)
    np.testing.assert_allclose(a.full_msd, b.full_msd, rtol=1e-5, atol=1e-6)
    assert a.diffusion.value == pytest.approx(b.diffusion.value, rel=1e-5)
    np.testing.assert_allclose(ion_curves(on_disk), ion_curves(memory), rtol=1e-4, atol=1e-5)
    a, b = find_hops(on_disk, stability=False), find_hops(memory, stability=False)
    np.testing.assert_array_equal(a.ion, b.ion)
    np.testing.assert_allclose(a.position, b.position, atol=1e-5)


def test_parts_make_no_difference(tmp_path):
    positions = walk(np.random.default_rng(2), 300, 4)
    whole, parts = (stored(tmp_path / f"{part}.h5", positions, part) for part in (300, 7))
    np.testing.assert_array_equal(whole.positions[:], parts.positions[:])


def test_incomplete_and_broken_input_leaves_no_file(tmp_path):
    positions = walk(np.random.default_rng(3), 100, 3)
    positions[40, 1, 2] = np.nan
    with pytest.raises(InputError, match="position of atom 2 in frame 40"):
        stored(tmp_path / "paths.h5", positions, 30)
    with (
        pytest.raises(InputError, match="expected 100 frames, found 60"),
        ScratchWriter(tmp_path / "paths.h5", 100, np.arange(3)) as writer,
    ):
        writer.append(np.zeros((60, 3, 3)), np.zeros((60, 3, 3)))
        writer.finish(np.arange(100.0), "none", "", "test")
    assert list(tmp_path.iterdir()) == []


BOUNDED = """
import resource, sys
import numpy as np
from ufpnmr.dynamics import mean_square_displacement, series
from ufpnmr.trajectory.scratch import ScratchPaths, ScratchWriter
series._WORKING_BYTES = 4 << 20
import scipy.fft, scipy.special
np.linalg.det(np.eye(3)[None])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
limit = (int(status["VmData"].split()[0]) << 10) + (64 << 20)
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
n_frames, n_ions, part = 40_000, 96, 1000
rng = np.random.default_rng(1)
with ScratchWriter(sys.argv[1], n_frames, np.arange(n_ions)) as writer:
    at = np.zeros((n_ions, 3))
    for _ in range(n_frames // part):
        steps = np.cumsum(rng.normal(0, 0.05, (part, n_ions, 3)), axis=0) + at
        at = steps[-1]
        writer.append(steps, np.tile(30 * np.eye(3), (part, 1, 1)))
    writer.finish(np.arange(n_frames) * 1.0, "none", "", "test")
print(mean_square_displacement(ScratchPaths.open(sys.argv[1]), threads=1).diffusion.value)
"""


def test_memory_is_bounded(tmp_path):
    """Paths that take 92 MB in memory are written and analysed with 64 MB beyond the libraries."""
    script = BOUNDED.replace("sys.argv[1]", "__import__('pathlib').Path(sys.argv[1])")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "paths.h5")],
        capture_output=True,
        text=True,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr[-800:]
    assert float(done.stdout) == pytest.approx(0.05**2 / 2 * 1e-4, rel=0.1)
