import dataclasses
import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from ufpnmr import TensorSeries
from ufpnmr.errors import InputError
from ufpnmr.results.tensor_writer import TensorSeriesWriter, partial_path

N_FRAMES, N_IONS = 50, 7


def series(start=0.0, n_frames=N_FRAMES, seed=0, **changes):
    rng = np.random.default_rng(seed)
    fields = {
        "time": start + 0.5 * np.arange(n_frames),
        "ids": np.arange(3, 3 + N_IONS),
        "V": rng.normal(size=(n_frames, N_IONS, 6)),
        "cell": np.tile(np.eye(3) * 10, (n_frames, 1, 1)),
        "engine": "test",
        "axes": "x=a y=b z=c (Pnma)",
        "provenance": {"seed": seed},
    }
    return TensorSeries(**{**fields, **changes})


def writer(path, source, key="model 1", **options):
    return TensorSeriesWriter(
        path,
        time=source.time,
        ids=source.ids,
        engine=source.engine,
        axes=source.axes,
        key={"model": key},
        provenance=source.provenance,
        **options,
    )


def assert_same(a, b):
    for field in dataclasses.fields(TensorSeries):
        x, y = getattr(a, field.name), getattr(b, field.name)
        assert np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y, field.name


def test_round_trip_and_units(tmp_path):
    source = series()
    assert source.V.dtype == np.float32
    assert source.interval == pytest.approx(0.5)
    source.write(tmp_path / "a.h5")
    assert_same(TensorSeries.read(tmp_path / "a.h5"), source)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["schema"] == "ufpnmr.TensorSeries"
        assert file["V"].attrs["unit"] == "V/Å²"
        assert file["time"].attrs["unit"] == "ps"


def test_writer_in_blocks_with_interruptions(tmp_path):
    source, path = series(), tmp_path / "a.h5"
    for stop in (13, 14, 40, 50):
        with writer(path, source) as file:
            start = file.frames_done
            file.write(source.V[start:stop], source.cell[start:stop])
        assert path.exists() == (stop == 50)
        assert partial_path(path).exists() == (stop != 50)
    result = TensorSeries.read(path)
    assert result.provenance == {"seed": 0, "continued": [{"first_frame": n, "seed": 0} for n in (13, 14, 40)]}
    assert_same(dataclasses.replace(result, provenance=source.provenance), source)
    with h5py.File(path) as file:
        assert file["V"].chunks is not None
        assert file["V"].attrs["shape"] == "(T, N, 6)"


KILLED = """
import sys
import numpy as np
from ufpnmr.results.tensor_writer import TensorSeriesWriter
n = 4000
with TensorSeriesWriter(sys.argv[1], time=np.arange(n), ids=np.arange(50), engine="e", key={}) as file:
    print("ready", flush=True)
    while (start := file.frames_done) < n:
        stop = min(start + 3, n)
        V = np.broadcast_to(np.arange(start, stop)[:, None, None], (stop - start, 50, 6))
        file.write(V, np.zeros((stop - start, 3, 3)))
"""


def test_killed_at_any_point_it_continues(tmp_path):
    path, rng, kills, done = tmp_path / "a.h5", np.random.default_rng(0), 0, []
    while not path.exists():
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        if kills < 8:
            time.sleep(rng.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if process.returncode == -signal.SIGKILL:
            kills += 1
            with h5py.File(partial_path(path)) as file:
                done.append(int(file["frames_done"][0]))
        else:
            assert process.returncode == 0
    result = TensorSeries.read(path)
    assert kills > 3
    assert done == sorted(done)
    assert done[-1] > 0
    np.testing.assert_array_equal(result.V, np.broadcast_to(np.arange(4000)[:, None, None], (4000, 50, 6)))


def test_unfinished_series_is_not_read(tmp_path):
    source = series()
    with writer(tmp_path / "a.h5", source) as file:
        file.write(source.V[:4], source.cell[:4])
    with pytest.raises(InputError, match="unfinished, 4 of 50 frames"):
        TensorSeries.read(partial_path(tmp_path / "a.h5"))


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({}, "model 2", "another model;"),
        ({"ids": np.arange(N_IONS)}, "model 1", "another list of atom ids"),
        ({"time": 1.0 * np.arange(N_FRAMES)}, "model 1", "another time axis"),
    ],
)
def test_unfinished_file_of_other_work_is_refused(tmp_path, changes, key, message):
    source, path = series(), tmp_path / "a.h5"
    with writer(path, source) as file:
        file.write(source.V[:20], source.cell[:20])
    before = partial_path(path).read_bytes()
    other = dataclasses.replace(source, **changes)
    with pytest.raises(InputError, match=message):
        writer(path, other, key)
    assert partial_path(path).read_bytes() == before
    with writer(path, other, key, overwrite=True) as file:
        assert file.frames_done == 0
    with writer(path, other, key, resume=False) as file:
        assert file.frames_done == 0


def test_partial_file_of_another_format_is_refused(tmp_path):
    partial_path(tmp_path / "a.h5").write_text("notes")
    with pytest.raises(InputError, match="another format"):
        writer(tmp_path / "a.h5", series())


def test_two_writers_at_once_are_refused(tmp_path):
    source, path = series(), tmp_path / "a.h5"
    with writer(path, source):
        code = (
            "import numpy as np, sys\nfrom ufpnmr.results.tensor_writer import TensorSeriesWriter\n"
            "TensorSeriesWriter(sys.argv[1], time=0.5 * np.arange(50), ids=np.arange(3, 10), engine='test',"
            " key={'model': 'model 1'})"
        )
        process = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert process.returncode == 1
    assert "another process is writing it" in process.stderr


def test_more_frames_than_announced(tmp_path):
    source = series()
    with writer(tmp_path / "a.h5", source) as file, pytest.raises(ValueError, match="at most 50 frames"):
        file.write(np.zeros((51, N_IONS, 6)), np.zeros((51, 3, 3)))


def test_continuation_is_joined():
    whole = series(n_frames=30)
    for split, overlap in ((12, 0), (12, 1)):
        parts = [
            dataclasses.replace(whole, time=whole.time[s], V=whole.V[s], cell=whole.cell[s])
            for s in (slice(0, split), slice(split - overlap, 30))
        ]
        joined = parts[0].append(parts[1])
        for name in ("time", "V", "cell", "ids"):
            np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
        assert joined.provenance == {"parts": [{"seed": 0}, {"seed": 0}]}
    again = joined.append(series(start=15.0, n_frames=2, seed=1))
    assert len(again.provenance["parts"]) == 3
    assert json.dumps(again.provenance)


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (series(start=25.5), "starts at 25 ps, found 25.5 ps"),
        (series(start=20.0), "starts at 25 ps, found 20 ps"),
        (series(start=24.5, seed=1), "not the same run"),
        (series(start=25.0, engine="other"), "engine 'test', found 'other'"),
        (series(start=25.0, axes=""), "axes"),
        (series(start=25.0, ids=np.arange(N_IONS)), "same 7 atom ids"),
        (series(start=25.0, time=25 + np.arange(N_FRAMES)), "frames every"),
    ],
)
def test_what_is_not_a_continuation_is_refused(later, message):
    with pytest.raises(InputError, match=message):
        series().append(later)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"V": np.zeros((N_FRAMES, N_IONS, 5))}, "V of shape"),
        ({"cell": np.zeros((N_FRAMES, 6))}, "cell of shape"),
        ({"time": np.zeros(N_FRAMES)}, "times that increase"),
    ],
)
def test_bad_arrays(changes, message):
    with pytest.raises(InputError, match=message):
        series(**changes)


def test_uneven_interval():
    with pytest.raises(InputError, match="after frame 48"):
        _ = series(time=np.append(0.5 * np.arange(N_FRAMES - 1), 40.0)).interval
