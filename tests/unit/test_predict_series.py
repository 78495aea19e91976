"""Prediction along a trajectory in memory: selection, threads, resuming, refusing."""

import MDAnalysis
import numpy as np
import pytest
from MDAnalysis.coordinates.memory import MemoryReader

import ufpnmr.trajectory
from ufpnmr import TensorSeries
from ufpnmr.efg import PointCharges, frames, predict_series
from ufpnmr.efg.tensors import to_matrix
from ufpnmr.errors import InputError
from ufpnmr.results.tensor_writer import partial_path

MODEL = PointCharges("Li", {"Li": 0.3, "P": 0.7, "S": -0.9})
ELEMENTS = np.array(["S", "Li", "P", "S", "Li", "S", "S", "Li"])
CELL = np.array([[6.4, 0, 0], [0.5, 6.6, 0], [-0.3, 0.4, 6.2]])
N_FRAMES = 11


@pytest.fixture
def universe(monkeypatch):
    monkeypatch.setattr(frames, "_BLOCK", 3)
    return make_universe(monkeypatch)


def make_universe(monkeypatch, seed=0, elements=ELEMENTS, cell=CELL):
    grid = np.stack(np.meshgrid(*[np.arange(2)] * 3), -1).reshape(-1, 3) / 2 @ CELL
    positions = grid + np.random.default_rng(seed).uniform(-0.4, 0.4, (N_FRAMES, 8, 3))
    result = MDAnalysis.Universe.empty(8, trajectory=False)
    result.add_TopologyAttr("elements", elements)
    result.add_TopologyAttr("ids", np.arange(101, 109))
    result.load_new(positions.astype(np.float32), format=MemoryReader, dt=2.0)

    def add_cell(timestep):
        if cell is not None:
            timestep.data["cell"] = cell * (1 + 0.001 * timestep.frame)
        return timestep

    result.trajectory.add_transformations(add_cell)
    monkeypatch.setattr(ufpnmr.trajectory, "time_axis", lambda u: 2.0 * np.arange(len(u.trajectory)), raising=False)
    return result


def test_every_frame_is_that_of_the_model(universe, tmp_path):
    series = predict_series(MODEL, universe, output=tmp_path / "a.h5", axes="x=a", inputs=())
    assert series.V.shape == (N_FRAMES, 3, 6)
    np.testing.assert_array_equal(series.ids, [102, 105, 108])
    np.testing.assert_array_equal(series.time, 2.0 * np.arange(N_FRAMES))
    for timestep in universe.trajectory:
        V = MODEL.gradients(timestep.data["cell"], timestep.positions, ELEMENTS, [1, 4, 7])
        np.testing.assert_allclose(series.V[timestep.frame], V, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(series.cell[timestep.frame], timestep.data["cell"])
    assert np.abs(np.trace(to_matrix(series.V), axis1=-2, axis2=-1)).max() < 1e-6
    assert series.axes == "x=a"
    assert "neutralising background" in series.engine
    assert series.provenance["parameters"]["charges"] == MODEL.charges
    assert not partial_path(tmp_path / "a.h5").exists()


def test_threads_do_not_change_the_result(universe, tmp_path):
    series = [predict_series(MODEL, universe, output=tmp_path / f"{n}.h5", threads=n) for n in (1, 4)]
    np.testing.assert_array_equal(series[0].V, series[1].V)


def test_selection(universe, tmp_path):
    series = predict_series(MODEL, universe, "element Li and not id 105", tmp_path / "a.h5")
    np.testing.assert_array_equal(series.ids, [102, 108])


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("element Na", "names no atom; elements present: Li, P, S"),
        ("element Li or element P", "predicts at Li, but atom 2 is P"),
        ("elemnt Li", "selection 'elemnt Li'"),
    ],
)
def test_bad_selection_writes_nothing(universe, tmp_path, selection, message):
    with pytest.raises(InputError, match=message):
        predict_series(MODEL, universe, selection, tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_interrupted_it_continues(universe, tmp_path):
    whole = predict_series(MODEL, universe, output=tmp_path / "whole.h5")
    for stop in (1, 4, 8):
        seen = []

        def interrupt(n, seen=seen, stop=stop):
            seen.append(n)
            if sum(seen) > stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            predict_series(MODEL, universe, output=tmp_path / "a.h5", progress=interrupt)
        assert partial_path(tmp_path / "a.h5").exists()
    seen = []
    series = predict_series(MODEL, universe, output=tmp_path / "a.h5", progress=seen.append)
    assert seen == [9, 2]
    np.testing.assert_array_equal(series.V, whole.V)
    np.testing.assert_array_equal(series.cell, whole.cell)


def test_other_model_trajectory_or_selection_is_refused(universe, tmp_path, monkeypatch):
    def stop(n):
        if n:
            raise KeyboardInterrupt

    output = tmp_path / "a.h5"
    with pytest.raises(KeyboardInterrupt):
        predict_series(MODEL, universe, output=output, progress=stop)
    other_model = PointCharges("Li", {**MODEL.charges, "S": -0.8})
    with pytest.raises(InputError, match="another model;"):
        predict_series(other_model, universe, output=output)
    with pytest.raises(InputError, match="another trajectory;"):
        predict_series(MODEL, make_universe(monkeypatch, seed=1), output=output)
    with pytest.raises(InputError, match="another selection"):
        predict_series(MODEL, universe, "id 105", output=output)
    seen = []
    predict_series(other_model, universe, output=output, overwrite=True, progress=seen.append)
    assert seen[0] == 0
    before = output.read_bytes()
    with pytest.raises(InputError, match="exists"):
        predict_series(MODEL, universe, output=output)
    assert output.read_bytes() == before


def test_trajectories_that_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="frame 10 has no cell"):
        predict_series(MODEL, make_universe(monkeypatch, cell=None), output=tmp_path / "a.h5")
    foreign = np.where(ELEMENTS == "P", "As", ELEMENTS)
    with pytest.raises(InputError, match="found 'As'"):
        predict_series(MODEL, make_universe(monkeypatch, elements=foreign), output=tmp_path / "a.h5")
    with pytest.raises(InputError, match="at least one thread"):
        predict_series(MODEL, make_universe(monkeypatch), output=tmp_path / "a.h5", threads=0)
    assert list(tmp_path.iterdir()) == []


def test_bad_frame_is_named(monkeypatch, tmp_path):
    universe = make_universe(monkeypatch)
    universe.trajectory.get_array()[5, 1] = universe.trajectory.get_array()[5, 0]
    with pytest.raises(InputError, match=r"frame 5: .*atoms 0 and 1"):
        predict_series(MODEL, universe, output=tmp_path / "a.h5")


def test_continued_run_is_joined(universe, tmp_path):
    whole = predict_series(MODEL, universe, output=tmp_path / "a.h5")
    later = predict_series(MODEL, universe, output=tmp_path / "b.h5", start_time=22.0)
    joined = whole.append(later)
    np.testing.assert_allclose(joined.time, 2.0 * np.arange(22))
    np.testing.assert_array_equal(joined.V[11:], later.V)


def test_read_back(universe, tmp_path):
    series = predict_series(MODEL, universe, output=tmp_path / "a.h5")
    np.testing.assert_array_equal(TensorSeries.read(tmp_path / "a.h5").V, series.V)
