"""``ufp convert`` as a user meets it, and its refusals: one line, exit code 2, nothing written."""

import json

import numpy as np
import pytest

import potentials
import uf3_reference as reference
from ufpnmr import Potential

TINY = reference.tiny()


@pytest.fixture
def source(tmp_path):
    potentials.random_potential(one_body={"Li": -1.0, "P": -2.0, "S": -3.0}).write(tmp_path / "R.uf3")
    return tmp_path / "R.uf3"


def test_to_json_and_back(ufp, tmp_path, source):
    done = ufp("convert", source, "-o", "R.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "R.json: Li P S, 6 pair, 18 triplet blocks\n"
    assert json.loads((tmp_path / "R.json").read_text())["coefficients"]["P"] == -2.0
    assert ufp("convert", "R.json", "-o", "again.uf3").returncode == 0
    assert (tmp_path / "again.uf3").read_bytes() == source.read_bytes()


def test_to_one_interaction_files_and_back(ufp, tmp_path, source):
    (tmp_path / "split").mkdir()
    done = ufp("convert", source, "--split", "split")
    assert done.returncode == 0
    assert "24 files; they have no place for one-body energies" in done.stderr
    names = [path.name for path in (tmp_path / "split").iterdir()]
    assert ufp("convert", *names, "-o", "../joined.uf3", cwd=tmp_path / "split").returncode == 0
    joined, original = Potential.read(tmp_path / "joined.uf3"), Potential.read(source)
    for block in original.pairs:
        np.testing.assert_array_equal(joined.pair(*block.elements).coefficients, block.coefficients)
    for block in original.triplets:
        np.testing.assert_array_equal(joined.triplet(*block.elements).coefficients, block.coefficients)


def test_labels(ufp, tmp_path):
    (tmp_path / "A_A.uf3_pot").write_text("#UF3 POT\n2B 0 3\n4.0 8\n1 1 1 1 4 4 4 4\n4\n0.27 0 0 0\n#\n")
    assert ufp("convert", "A_A.uf3_pot", "-o", "W.uf3", "--elements", "A=W").returncode == 0
    assert Potential.read(tmp_path / "W.uf3").elements == ("W",)
    done = ufp("convert", "A_A.uf3_pot", "-o", "X.uf3")
    assert done.returncode == 2
    assert "--elements A=Li,B=S" in done.stderr


def refused(ufp, tmp_path, *arguments):
    before = sorted(path.name for path in tmp_path.iterdir())
    done = ufp(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    return done.stderr


def test_existing_output_is_kept(ufp, tmp_path, source):
    before = source.read_bytes()
    assert "R.uf3 exists" in refused(ufp, tmp_path, "convert", source, "-o", "R.uf3")
    assert source.read_bytes() == before
    assert ufp("convert", source, "-o", "R.uf3", "--force").returncode == 0
    assert source.read_bytes() == before


def test_usage(ufp, tmp_path, source):
    assert "expected either -o FILE or --split FOLDER" in refused(ufp, tmp_path, "convert", source)
    assert "ending in .uf3 or .json" in refused(ufp, tmp_path, "convert", source, "-o", "a.txt")
    assert "no such folder" in refused(ufp, tmp_path, "convert", source, "-o", "nowhere/a.uf3")
    assert "expected LABEL=ELEMENT" in refused(ufp, tmp_path, "convert", source, "-o", "a.uf3", "--elements", "Li P")


def changed(old, new):
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("edit", "line", "words"),
    [
        (lambda text: text[: len(text) // 2], None, "expected"),
        (changed("0.27 ", "nan "), 6, "expected"),
        (changed("1.0 1.0 1.0 1.0 4.0 4.0 4.0 4.0", "1.0 1.0 1.0 4.0 1.0 4.0 4.0 4.0"), 4, "expected"),
        (changed("UNITS: metal", "UNITS: real"), 1, "metal"),
        (changed("4.0 8\n", "4.5 8\n"), 3, "expected"),
        (changed("4\n0.27", "5\n0.27"), 5, "expected 4"),
        (changed(" uk", " yk"), 2, "yk"),
        (lambda text: "", None, "expected"),
    ],
    ids=["truncated", "NaN", "unsorted knots", "units", "cutoff", "count", "word", "empty"],
)
def test_wrong_files_are_refused_with_file_and_line(ufp, tmp_path, edit, line, words):
    path = reference.write(tmp_path / "bad.uf3", TINY)
    path.write_text(edit(path.read_text()))
    message = refused(ufp, tmp_path, "convert", "bad.uf3", "-o", "out.json")
    assert message.startswith("ufp: error: bad.uf3:" + (f"{line}: " if line else ""))
    assert words in message


def test_missing_and_binary_files(ufp, tmp_path):
    assert "no such file" in refused(ufp, tmp_path, "convert", "none.uf3", "-o", "out.json")
    (tmp_path / "b.uf3").write_bytes(b"\xff\xfe\x00\x01")
    assert "found binary data" in refused(ufp, tmp_path, "convert", "b.uf3", "-o", "out.json")
