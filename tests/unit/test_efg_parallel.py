"""The same series from MDAnalysis's backends and from a Dask cluster that loses a worker."""

import os
import pickle
import signal
import sys

import numpy as np
import pytest

import efg_data
import ufpnmr.trajectory
from ufpnmr import TensorSeries
from ufpnmr.efg import EFGAnalysis, frames, predict_series
from ufpnmr.errors import InputError


def write_dump(path, count):
    efg_data.trajectory(path, count)
    return ufpnmr.trajectory.open(path, timestep=0.002)


@pytest.fixture(scope="module")
def model():
    return efg_data.make_model()


def assert_same(a, b):
    for name in ("time", "ids", "V", "cell"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (a.engine, a.axes) == (b.engine, b.axes)


@pytest.mark.parametrize("engine", ["model", "charges"])
@pytest.mark.parametrize("backend", ["serial", "multiprocessing", "dask"])
def test_backends_give_the_series(tmp_path, model, backend, engine):
    if backend == "dask":
        pytest.importorskip("dask", reason="Dask is not installed")
    engine = model if engine == "model" else efg_data.CHARGES
    universe = write_dump(tmp_path / "d.lammpstrj", 75)
    whole = predict_series(engine, universe, output=tmp_path / "a.h5", axes="x=a")
    options = {} if backend == "serial" else {"n_workers": 2}
    found = EFGAnalysis(engine, universe, axes="x=a").run(backend=backend, **options).results.series
    assert isinstance(found, TensorSeries)
    assert_same(found, whole)
    found.write(tmp_path / "b.h5")
    assert_same(TensorSeries.read(tmp_path / "b.h5"), whole)


def test_frames_of_a_run(tmp_path, model):
    universe = write_dump(tmp_path / "d.lammpstrj", 40)
    whole = predict_series(model, universe, output=tmp_path / "a.h5", precision="double")
    analysis = EFGAnalysis(model, universe, "element Li and not id 2", precision="double")
    found = analysis.run(start=3, stop=38, step=5).results.series
    np.testing.assert_array_equal(found.V, whole.V[3:38:5][:, [0, 2]])
    np.testing.assert_allclose(found.time, whole.time[3:38:5])
    assert EFGAnalysis.get_supported_backends() == ("serial", "multiprocessing", "dask")
    assert found.provenance["parameters"]["precision"] == "double"
    with pytest.raises(InputError, match="predicts at Li"):
        EFGAnalysis(model, universe, "element P")


def test_a_model_travels(model):
    """What goes to another process has no compiled kernels in it and predicts the same."""
    atoms = efg_data.labelled(1)[0]
    before = model.predict(atoms)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(atoms), before)


def test_dask_that_is_not_installed(tmp_path, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    universe = write_dump(tmp_path / "d.lammpstrj", 3)
    with pytest.raises(InputError, match="Dask cannot be imported"):
        predict_series(model, universe, output=tmp_path / "a.h5", dask="tcp://127.0.0.1:1")


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed", reason="Dask (distributed) is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def test_a_killed_worker_changes_nothing(tmp_path, model, cluster, monkeypatch):
    monkeypatch.setattr(frames, "_BLOCK", 16)
    universe = write_dump(tmp_path / "d.lammpstrj", 3000)
    whole = predict_series(model, universe, output=tmp_path / "whole.h5")
    victim = next(iter(cluster.workers.values()))
    done, killed = [], []

    def progress(count):
        done.append(count)
        if sum(done) > 200 and not killed:
            killed.append(victim.pid)
            os.kill(victim.pid, signal.SIGKILL)

    found = predict_series(model, universe, output=tmp_path / "a.h5", dask=cluster.scheduler_address, progress=progress)
    assert killed
    assert sum(done) == 3000
    assert_same(found, whole)


def test_a_bad_frame_is_named(tmp_path, model, cluster, monkeypatch):
    monkeypatch.setattr(frames, "_BLOCK", 2)
    write_dump(tmp_path / "d.lammpstrj", 5)
    lines = (tmp_path / "d.lammpstrj").read_text().splitlines()
    atoms = [k for k, line in enumerate(lines) if line.startswith("ITEM: ATOMS")][3]
    lines[atoms + 2] = "2" + lines[atoms + 1][1:]
    (tmp_path / "d.lammpstrj").write_text("\n".join(lines) + "\n")
    universe = ufpnmr.trajectory.open(tmp_path / "d.lammpstrj", timestep=0.002)
    with pytest.raises(InputError, match=r"frame 3: .*0\.001 Å"):
        predict_series(model, universe, output=tmp_path / "a.h5", dask=cluster.scheduler_address)
