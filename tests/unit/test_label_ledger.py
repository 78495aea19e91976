"""The labelled file: appended whole or not at all, whatever happens in between."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from ufpnmr.active.labelling import LabelError
from ufpnmr.active.labelling.ledger import LabelLedger
from ufpnmr.errors import InputError
from ufpnmr.structures.labelled import extxyz_text


def labelled(k):
    atoms = bulk("Ar", cubic=True)
    atoms.rattle(0.05, seed=k)
    atoms.info["uid"] = f"u{k}"
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0 - k, forces=np.full((4, 3), 0.1 * k))
    return atoms


@pytest.fixture
def ledger(tmp_path):
    made = LabelLedger(tmp_path / "out.extxyz")
    yield made
    made.close()


def uids(path):
    return [atoms.info["uid"] for atoms in read(path, ":")]


def test_append_and_done(ledger):
    assert ledger.done() == set()
    for k in range(3):
        ledger.append(labelled(k))
    ledger.append(labelled(1))  # there already
    assert ledger.done() == {"u0", "u1", "u2"}
    assert uids(ledger.path) == ["u0", "u1", "u2"]
    assert read(ledger.path, 2).get_potential_energy() == -3.0


def test_an_append_cut_anywhere_is_completed(tmp_path):
    """The file may have been cut at any byte of the new structure; the pending append repairs it."""
    path = tmp_path / "out.extxyz"
    first, second = extxyz_text(labelled(0)).encode(), extxyz_text(labelled(1)).encode()
    header = json.dumps({"offset": len(first), "bytes": len(second)}).encode() + b"\n"
    for cut in [*range(0, len(second), 17), len(second)]:
        path.write_bytes(first + second[:cut])
        (tmp_path / "out.extxyz.pending").write_bytes(header + second)
        ledger = LabelLedger(path)
        assert ledger.done() == {"u0", "u1"}
        ledger.close()
        assert path.read_bytes() == first + second
        assert not (tmp_path / "out.extxyz.pending").exists()


def test_a_kill_while_the_pending_append_is_written_loses_that_structure_only(tmp_path):
    path = tmp_path / "out.extxyz"
    path.write_text(extxyz_text(labelled(0)))
    (tmp_path / "out.extxyz.pending.partial").write_bytes(b'{"offset": 3')
    ledger = LabelLedger(path)
    assert ledger.done() == {"u0"}
    ledger.append(labelled(1))
    assert uids(path) == ["u0", "u1"]
    ledger.close()


def test_a_file_shorter_than_its_pending_append_is_refused(tmp_path):
    path = tmp_path / "out.extxyz"
    path.write_text(extxyz_text(labelled(0)))
    (tmp_path / "out.extxyz.pending").write_bytes(b'{"offset": 100000, "bytes": 1}\nx')
    ledger = LabelLedger(path)
    with pytest.raises(InputError, match=r"shorter than when it was last written; restore it or remove .*\.pending"):
        ledger.done()
    ledger.close()


def test_what_others_append_is_seen(tmp_path, ledger):
    ledger.append(labelled(0))
    with open(ledger.path, "a") as stream:
        stream.write(extxyz_text(labelled(7)))
    assert ledger.done() == {"u0", "u7"}
    ledger.path.write_text(extxyz_text(labelled(3)))  # replaced by hand
    assert ledger.done() == {"u3"}
    ledger.path.unlink()
    assert ledger.done() == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4\nname=x\nAr 0 0 0\nAr 0 0 1\nAr 0 1 0\nAr 1 0 0\n", "a structure without uid"),
        ("4\nuid=a\nAr 0 0 0\nAr 0 0 1\n", "found '4' in a structure that is cut or foreign"),
        ("hello\n", "found 'hello'"),
        ("1\nuid=a\nAr 0 0 0", "expected a newline at its end"),
    ],
)
def test_foreign_files_are_refused(tmp_path, ledger, text, message):
    ledger.path.write_text(text)
    with pytest.raises(InputError, match=message):
        ledger.append(labelled(0))
    assert ledger.path.read_text() == text


def test_failures(ledger):
    ledger.fail("u1", LabelError("first"), run="a", labeller="x")
    ledger.fail("u1", LabelError("second", killed=True), run="b")
    ledger.fail("u2", LabelError("other"), run="b")
    with open(ledger.failed_path, "ab") as stream:
        stream.write(b'{"uid": "u3", "reas')  # cut by a kill
    ledger.fail("u4", LabelError("after the cut"), run="b")
    found = ledger.failures()
    assert {uid: f["reason"] for uid, f in found.items()} == {"u1": "second", "u2": "other", "u4": "after the cut"}
    assert (found["u1"]["killed"], found["u2"]["killed"]) == (True, False)
    ledger.append(labelled(2))
    assert set(ledger.failures()) == {"u1", "u4"}


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    real = fcntl.lockf

    def lockf(descriptor, *arguments):
        if os.readlink(f"/proc/self/fd/{descriptor}").startswith(str(tmp_path / "shared")):
            raise OSError(errno.ENOSYS, "Function not implemented")
        real(descriptor, *arguments)

    monkeypatch.setattr(fcntl, "lockf", lockf)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "shared").mkdir()
    with pytest.warns(UserWarning, match=r"no locks \(Function not implemented\): only one machine may write"):
        ledger = LabelLedger(tmp_path / "shared" / "out.extxyz")
    with ledger.claim("u0") as mine:
        assert mine
        ledger.append(labelled(0))
    assert ledger.done() == {"u0"}
    assert len(list(tmp_path.glob("ufp-labels-*.lock"))) == 1
    ledger.close()


HOLD = """
import sys
from ufpnmr.active.labelling.ledger import LabelLedger
ledger = LabelLedger(sys.argv[1])
with ledger.claim("u1") as mine, ledger.claim("u2") as other:
    print(mine, other, flush=True)
    sys.stdin.read()
"""


def test_a_claim_ends_with_its_process(ledger):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, ledger.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "True True\n"
    with ledger.claim("u1") as mine:
        assert not mine
    with ledger.claim("u3") as mine:
        assert mine
    process.kill()
    process.communicate(timeout=30)
    with ledger.claim("u1") as mine:
        assert mine


APPEND = """
import sys
from ase.io import read, write
from ufpnmr.active.labelling.ledger import LabelLedger
ledger = LabelLedger(sys.argv[1])
for atoms in read(sys.argv[2], ":")[int(sys.argv[3]) : int(sys.argv[3]) + 25]:
    ledger.append(atoms)
"""


def test_many_processes_append_to_one_file(tmp_path):
    write(tmp_path / "all.extxyz", [labelled(k) for k in range(65)])
    files = (tmp_path / "out.extxyz", tmp_path / "all.extxyz")
    workers = [subprocess.Popen([sys.executable, "-c", APPEND, *files, str(start)]) for start in (0, 20, 40)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert sorted(uids(files[0])) == sorted(f"u{k}" for k in range(65))  # the overlap is there once
