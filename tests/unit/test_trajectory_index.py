"""Large, compressed and growing dumps: the kept index, random access, chunks, what is left out on request."""

import gzip
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import numpy as np
import pytest

from ufpnmr import trajectory
from ufpnmr.errors import InputError
from ufpnmr.trajectory import index_file
from ufpnmr.trajectory.dump_columns import coarse_digits

HEAD = (
    "ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{n}\nITEM: BOX BOUNDS pp pp pp\n0 10\n0 11\n0 12\n"
    "ITEM: ATOMS {columns}\n"
)


def frame(step, positions, columns="id type xu yu zu"):
    rows = "".join(f"{i + 1} 1 " + " ".join(f"{x:.8g}" for x in r) + "\n" for i, r in enumerate(positions))
    return HEAD.format(step=step, n=len(positions), columns=columns) + rows


def frames(n, n_atoms=3):
    rng = np.random.default_rng(7)
    values = np.round(rng.random((n, n_atoms, 3)) * 9, 4)
    return values, [frame(10 * k, r) for k, r in enumerate(values)]


def opened(path, **options):
    return trajectory.open(path, elements="Li", **options)


def compress_zstd(data):
    """The frame of zstd with its blocks stored: what `zstd -0` of incompressible data is, without the program."""
    parts = [b"\x28\xb5\x2f\xfd", b"\xa0", len(data).to_bytes(4, "little")]
    pieces = [data[i : i + 2**17] for i in range(0, len(data), 2**17)]
    for i, piece in enumerate(pieces):
        parts += [(len(piece) << 3 | (i == len(pieces) - 1)).to_bytes(3, "little"), piece]
    return b"".join(parts)


@pytest.fixture
def kept(monkeypatch):
    """Keep an index of files of any size."""
    monkeypatch.setattr(index_file, "WORTH_KEEPING", 0)


class Scans:
    """Counts the scans of whole files."""

    def __init__(self, monkeypatch):
        self.n = 0
        real = index_file._core.DumpFile

        def counted(path, **index):
            self.n += not index
            return real(path, **index)

        monkeypatch.setattr(index_file._core, "DumpFile", counted)


class TestKeptIndex:
    def test_saves_the_second_scan(self, tmp_path, kept, monkeypatch):
        values, texts = frames(20)
        path = tmp_path / "run.dump"
        path.write_text("ITEM: UNITS\nmetal\n" + "".join(texts) + texts[-1][:30])
        scans = Scans(monkeypatch)
        for _ in range(3):
            with pytest.warns(UserWarning, match="1 incomplete"):
                u = opened(path, timestep=0.001)
            assert u.trajectory.n_frames == 20
            assert u.trajectory.file_units == "metal"
            np.testing.assert_allclose(u.trajectory[17].data["positions"], values[17], atol=1e-12)
        assert scans.n == 1
        assert index_file.index_path(path).is_file()

    def test_goes_on_where_it_stopped_when_the_file_has_grown(self, tmp_path, kept, monkeypatch):
        values, texts = frames(30)
        path = tmp_path / "run.dump"
        path.write_text("".join(texts[:20]) + texts[20][:50])
        with pytest.warns(UserWarning, match="1 incomplete"):
            opened(path)
        path.write_text("".join(texts))
        scans = Scans(monkeypatch)
        u = opened(path)
        assert scans.n == 0
        np.testing.assert_allclose([ts.data["positions"] for ts in u.trajectory], values, atol=1e-12)
        opened(path)
        assert scans.n == 0

    @pytest.mark.parametrize("what", ["time", "head", "tail", "shorter", "garbage", "empty", "other"])
    def test_is_made_anew_when_stale(self, tmp_path, kept, monkeypatch, what):
        _, texts = frames(20)
        path = tmp_path / "run.dump"
        path.write_text("".join(texts))
        opened(path)
        beside = index_file.index_path(path)
        new = list(texts)
        if what == "time":
            os.utime(path, ns=(1, 1))
        elif what == "head":
            new[0] = frame(0, np.full((3, 3), 1.5))
        elif what == "tail":
            new[-1] = frame(190, np.full((3, 3), 1.5))
        elif what == "shorter":
            new.pop()
        elif what == "garbage":
            beside.write_bytes(b"no archive")
        elif what == "empty":
            beside.write_bytes(b"")
        else:  # the index of another file with the same name
            data = dict(np.load(beside))
            data["frames"]["size"] += 2**40
            np.savez(beside.with_name("x.npz"), **data)
            beside.with_name("x.npz").replace(beside)
        if what in ("head", "tail", "shorter"):
            path.write_text("".join(new))
        scans = Scans(monkeypatch)
        found = [ts.data["positions"] for ts in opened(path).trajectory]
        assert scans.n == 1
        (tmp_path / "plain.dump").write_text("".join(new))
        np.testing.assert_array_equal(
            found, [ts.data["positions"] for ts in opened(tmp_path / "plain.dump").trajectory]
        )

    def test_folder_that_cannot_be_written(self, tmp_path, kept, monkeypatch):
        values, texts = frames(5)
        path = tmp_path / "run.dump"
        path.write_text("".join(texts))

        def refuse(*arguments, **options):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(index_file.tempfile, "NamedTemporaryFile", refuse)
        np.testing.assert_allclose(opened(path).trajectory[4].data["positions"], values[4], atol=1e-12)
        assert os.listdir(tmp_path) == ["run.dump"]

    def test_small_files_have_none(self, tmp_path):
        (tmp_path / "run.dump").write_text(frames(5)[1][0])
        opened(tmp_path / "run.dump")
        assert os.listdir(tmp_path) == ["run.dump"]


class TestCompressed:
    def test_zstd_equals_plain(self, tmp_path):
        values, texts = frames(40)
        whole = "".join(texts).encode()
        half = len("".join(texts[:15]).encode())
        (tmp_path / "a.zst").write_bytes(compress_zstd(whole))
        (tmp_path / "b.zst").write_bytes(compress_zstd(whole[:half]) + compress_zstd(whole[half:]))
        for name in ("a.zst", "b.zst"):
            u = opened(tmp_path / name)
            assert u.trajectory.n_frames == 40
            for k in (39, 0, 20, 14, 15, 16, 3):
                np.testing.assert_allclose(u.trajectory[k].data["positions"], values[k], atol=1e-12)

    def test_zstd_of_the_program(self, tmp_path):
        values, texts = frames(400, 20)
        path = tmp_path / "a.dump"
        path.write_text("".join(texts))
        try:
            subprocess.run(["zstd", "-q", "-19", "--long=24", str(path)], check=True)
        except FileNotFoundError:
            pytest.skip("no program zstd")
        u = opened(tmp_path / "a.dump.zst")
        for k in (399, 1, 250):
            np.testing.assert_allclose(u.trajectory[k].data["positions"], values[k], atol=1e-12)

    @pytest.mark.parametrize("name", ["a.zst", "a.gz"])
    def test_cut_and_damaged(self, tmp_path, name):
        values, texts = frames(20)
        data = "".join(texts).encode()
        whole = compress_zstd(data) if name == "a.zst" else gzip.compress(data)
        path = tmp_path / name
        for size in range(60, len(whole), 97):
            path.write_bytes(whole[:size])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found = np.array([ts.data["positions"] for ts in opened(path).trajectory])
                except InputError:
                    continue
            np.testing.assert_allclose(found, values[: len(found)], atol=1e-12)

    @pytest.mark.slow
    def test_reading_backwards_in_gzip_does_not_start_over(self, tmp_path):
        """The frame before, far from the start, costs at most a stretch between checkpoints."""
        body = frame(0, np.random.default_rng(1).random((20_000, 3))).split("\n", 2)[2]
        with gzip.open(tmp_path / "a.gz", "wt", compresslevel=1) as stream:
            for k in range(120):
                stream.write(f"ITEM: TIMESTEP\n{k}\n{body}")
        u = opened(tmp_path / "a.gz")
        assert u.trajectory.n_frames == 120

        def bytes_read():
            with open("/proc/self/io") as stream:
                return int(stream.readline().split()[1])

        u.trajectory[119]
        before = bytes_read()
        u.trajectory[118]
        assert bytes_read() - before < 0.6 * (tmp_path / "a.gz").stat().st_size


class TestGrowing:
    def test_refresh(self, tmp_path):
        values, texts = frames(10)
        path = tmp_path / "run.dump"
        whole = "".join(texts)
        path.write_text(texts[0])
        u = opened(path, timestep=0.002)
        seen = 1
        for size in range(len(texts[0]), len(whole) + 1, 37):
            path.write_text(whole[:size])
            n = u.trajectory.refresh()
            assert n >= seen
            assert n == sum(len("".join(texts[: k + 1])) <= size for k in range(10))
            seen = n
        path.write_text(whole)
        assert u.trajectory.refresh() == len(u.trajectory) == 10
        np.testing.assert_allclose([ts.data["positions"] for ts in u.trajectory], values, atol=1e-12)
        np.testing.assert_allclose(trajectory.time_axis(u), 0.02 * np.arange(10))

    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_while_another_process_writes(self, tmp_path, suffix):
        """A frame is there when its last line is; none is ever read in part."""
        path = tmp_path / f"live.dump{suffix}"
        writer = textwrap.dedent(
            f"""
            import gzip, sys, time, zlib
            head = {HEAD!r}
            packer = zlib.compressobj(wbits=31)
            with open({str(path)!r}, "wb", buffering=0) as stream:
                for k in range(60):
                    text = head.format(step=k, n=50, columns="id type xu yu zu")
                    text += "".join(f"{{i + 1}} 1 {{k}}.5 {{i}}.25 {{k + i}}.125\\n" for i in range(50))
                    data = text.encode()
                    for part in (data[:700], data[700:]):
                        packed = packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
                        stream.write(packed if {bool(suffix)} else part)
                        time.sleep(0.004)
            """
        )
        process = subprocess.Popen([sys.executable, "-c", writer])
        try:
            u = None
            deadline = time.monotonic() + 120
            numbers = set()
            while len(numbers) == 0 or max(numbers) < 60:
                assert time.monotonic() < deadline
                running = process.poll() is None
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        u = opened(path) if u is None else u
                    except InputError:
                        continue  # nothing complete yet
                n = u.trajectory.refresh()
                numbers.add(n)
                k = n - 1
                expected = [[k + 0.5, i + 0.25, k + i + 0.125] for i in range(50)]
                np.testing.assert_array_equal(u.trajectory[k].data["positions"], expected)
                assert running or n == 60
        finally:
            process.wait()
        assert u.trajectory.steps.tolist() == list(range(60))

    def test_run_that_goes_back(self, tmp_path):
        """Unwrapping starts anew where a restart has replaced frames that were read already."""
        rows = [[[(0.5 + 3.0 * k) % 10, 1, 1]] for k in range(6)]
        path = tmp_path / "run.dump"
        path.write_text("".join(frame(k, r, "id type x y z") for k, r in enumerate(rows)))
        u = opened(path)
        assert u.trajectory[5].positions[0, 0] == pytest.approx(15.5)
        with path.open("a") as stream:
            stream.write(frame(3, [[5.0, 1, 1]], "id type x y z") + frame(4, [[4.0, 1, 1]], "id type x y z"))
        assert u.trajectory.refresh() == 5
        assert u.trajectory.n_discarded == 2
        assert [ts.positions[0, 0] for ts in u.trajectory] == pytest.approx([0.5, 3.5, 6.5, 5.0, 4.0])

    def test_file_that_shrinks_is_refused(self, tmp_path):
        _, texts = frames(10)
        path = tmp_path / "run.dump"
        path.write_text("".join(texts))
        u = opened(path)
        path.write_text(texts[0])
        with pytest.raises(InputError, match="has changed since it was opened"):
            u.trajectory[9]


class TestChoices:
    def test_frames_that_are_not_finite_can_be_left_out(self, tmp_path):
        values, _ = frames(6)
        values[2, 1, 0], values[4, 0, 2] = np.nan, np.inf
        path = tmp_path / "run.dump"
        path.write_text("".join(frame(k, r) for k, r in enumerate(values)))
        with pytest.warns(UserWarning, match=r"2 frame\(s\) with numbers that are not finite"):
            u = opened(path, on_nan="drop")
        assert u.trajectory.n_not_finite == 2
        assert u.trajectory.steps.tolist() == [0, 1, 3, 5]
        np.testing.assert_allclose([ts.data["positions"] for ts in u.trajectory], values[[0, 1, 3, 5]], atol=1e-12)
        path.write_text(frame(0, values[2]))
        with pytest.raises(InputError, match="expected finite numbers"):
            opened(path, on_nan="drop")
        with pytest.raises(InputError, match="on_nan: expected one of error, drop, found 'skip'"):
            opened(path, on_nan="skip")

    def test_reading_can_end_where_the_number_of_atoms_changes(self, tmp_path):
        values, texts = frames(4)
        path = tmp_path / "run.dump"
        path.write_text("".join([*texts[:3], frame(30, values[3, :2]), frame(40, values[3])]))
        with pytest.warns(UserWarning, match=r"number of atoms changes after step 20; 2 frame\(s\) left out"):
            u = opened(path, on_change="stop")
        assert u.trajectory.steps.tolist() == [0, 10, 20]
        assert u.trajectory.n_after_change == 2

    @pytest.mark.parametrize(("x", "error"), [("1234.56", "0.005 Å"), ("99999.9", "0.05 Å")])
    def test_coarse_digits_are_told(self, tmp_path, x, error):
        (tmp_path / "run.dump").write_text(HEAD.format(step=7, n=1, columns="id type xu yu zu") + f"1 1 {x} 1 1\n")
        with pytest.warns(UserWarning, match=f"step 7: six significant digits round positions by up to {error}"):
            opened(tmp_path / "run.dump")

    def test_digits_that_are_not_coarse(self):
        assert coarse_digits(np.array([[123.456, 1.0, 1.0]]), 1.0) == 0.0
        assert coarse_digits(np.array([[1234.5678, 1.0, 1.0]]), 1.0) == 0.0
        assert coarse_digits(np.array([[0.123456, 0.5, 0.5]]), 3000.0) == pytest.approx(1.5e-3)
        assert coarse_digits(np.zeros((1, 3)), 1.0) == 0.0


def test_sections_of_other_names_are_passed_over(tmp_path):
    text = "ITEM: LABELS\n1 Li\n2 S\n" + frame(0, [[1, 2, 3]]) + "ITEM: LABELS\n1 Li\n" + frame(5, [[4, 5, 6]])
    (tmp_path / "run.dump").write_text(text)
    u = opened(tmp_path / "run.dump")
    assert u.trajectory.steps.tolist() == [0, 5]
    assert u.trajectory.n_dropped == 0


def test_chunks(tmp_path):
    values, texts = frames(23)
    (tmp_path / "run.dump").write_text("".join(texts))
    reader = opened(tmp_path / "run.dump").trajectory
    for n in (1, 7, 23, 100):
        parts = list(reader.iter_chunks(n))
        assert [k for numbers, _ in parts for k in numbers] == list(range(23))
        np.testing.assert_allclose(np.concatenate([v for _, v in parts]), values, atol=1e-12)
    some = np.concatenate([v for _, v in reader.iter_chunks(5, columns=("zu", "type"), ids=[3, 1])])
    np.testing.assert_allclose(some[:, :, 0], values[:, [2, 0], 2], atol=1e-12)
    assert (some[:, :, 1] == 1).all()
    with pytest.raises(InputError, match="atom ids asked for"):
        next(reader.iter_chunks(5, ids=[9]))
    with pytest.raises(InputError, match="has no column 'vx'"):
        next(reader.iter_chunks(5, columns=("vx",)))


def test_readers_in_threads(tmp_path):
    values, texts = frames(50)
    (tmp_path / "run.dump").write_text("".join(texts))
    found = {}

    def read(k):
        found[k] = np.array([ts.data["positions"] for ts in opened(tmp_path / "run.dump").trajectory])

    threads = [threading.Thread(target=read, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        np.testing.assert_allclose(found[k], values, atol=1e-12)


@pytest.mark.slow
def test_a_million_frames_fit_in_little_memory(tmp_path):
    """The index takes 72 bytes per frame; nothing else grows."""
    one = frame(0, [[1, 2, 3]]).split("\n", 2)[2]
    with (tmp_path / "run.dump").open("w") as stream:
        for k in range(0, 1_000_000, 1000):
            stream.write("".join(f"ITEM: TIMESTEP\n{k + i}\n{one}" for i in range(1000)))
    script = textwrap.dedent(
        f"""
        import resource
        from ufpnmr import trajectory
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        u = trajectory.open({str(tmp_path / "run.dump")!r}, elements="Li", timestep=0.001)
        for _, values in u.trajectory.iter_chunks(4096):
            assert values[0, 0, 2] == 3
        print(len(u.trajectory), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    n, grown = map(int, done.stdout.split())
    assert n == 1_000_000
    assert grown < 400 * 1024  # KiB


def test_analysis_of_mdanalysis_in_two_processes(tmp_path):
    from MDAnalysis.analysis.rms import RMSD

    (tmp_path / "run.dump").write_text("".join(frames(40, 6)[1]))
    u = opened(tmp_path / "run.dump", timestep=0.001)
    alone = RMSD(u.atoms, u.atoms).run().results.rmsd
    shared = RMSD(u.atoms, u.atoms).run(backend="multiprocessing", n_workers=2).results.rmsd
    np.testing.assert_array_equal(shared, alone)
    assert alone[:, 2].max() > 1.0
