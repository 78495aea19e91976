"""The labelled file and what belongs to it: appended whole or not at all, shared by any number of workers.

``OUT.extxyz``          labelled structures, one appended at a time
``OUT.extxyz.pending``  the append in progress: where it goes and what it is; a kill leaves it, the next one repeats it
``OUT.extxyz.failed``   one line of JSON per failure
``OUT.extxyz.lock``     empty; byte 0 is locked while a file is written, another byte per structure while it is in work

The locks are POSIX record locks: the kernel ends them with the process that holds them, however it dies, also across
the nodes of a cluster where the file system supports locking.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr.active.labelling.labeller import LabelError
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["LabelLedger"]


class LabelLedger:
    """Labelled structures, failures and claims of one output file.

    Parameters
    ----------
    path : path
        The labelled file; made when the first structure is done.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise InputError(f"{self.path.parent}: no such folder; create it first")
        self.failed_path = self._beside(".failed")
        self._pending = self._beside(".pending")
        self._lock = self._open_lock()
        self._read_to = 0
        self._done: set[str] = set()

    def _open_lock(self) -> int:
        """Open the lock file: beside the output, or on this machine where that file system knows no locks."""
        lock = os.open(self._beside(".lock"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
            fcntl.lockf(lock, fcntl.LOCK_UN, 1, 0)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):  # someone writes
                return lock
            os.close(lock)
            warnings.warn(
                f"{self.path}: its file system has no locks ({error.strerror}): "
                "only one machine may write to it at a time",
                stacklevel=3,
            )
            name = hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:16]
            return os.open(Path(tempfile.gettempdir()) / f"ufp-labels-{name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
        return lock

    def close(self) -> None:
        """Give up all claims."""
        os.close(self._lock)

    def done(self) -> set[str]:
        """Return the uids in the labelled file, those included that other workers have written since.

        Raises
        ------
        InputError
            The file is cut or is no extxyz.
        """
        with self._writing():
            self._read_on()
            return set(self._done)

    def append(self, atoms: Atoms) -> None:
        """Append one labelled structure with its uid; a kill at any point loses nothing and cuts nothing.

        Parameters
        ----------
        atoms : ase.Atoms
            With its labels in a calculator.
        """
        from ufpnmr.structures.labelled import extxyz_text

        uid = str(atoms.info["uid"])
        block = extxyz_text(atoms).encode()
        with self._writing():
            self._read_on()
            if uid in self._done:
                return
            size = self.path.stat().st_size if self.path.exists() else 0
            header = json.dumps({"offset": size, "bytes": len(block)}).encode() + b"\n"
            partial = self._beside(".pending.partial")
            _write(partial, header + block)
            partial.replace(self._pending)
            self._complete()

    def fail(self, uid: str, error: LabelError, run: str, **details: Any) -> None:
        """Record that a structure could not be labelled.

        Parameters
        ----------
        uid : str
        error : LabelError
        run : str
            Identifier of the run: within it, the structure is not tried again.
        **details
            Anything JSON can hold.
        """
        record = {
            "uid": uid,
            "reason": str(error),
            "killed": error.killed,
            "run": run,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            **details,
        }
        with self._writing(), open(self.failed_path, "ab+") as stream:
            if stream.tell() and not _ends_line(self.failed_path):
                stream.write(b"\n")
            stream.write(json.dumps(record).encode() + b"\n")

    def failures(self) -> dict[str, dict[str, Any]]:
        """Return the last failure of every structure that has one and no labels."""
        done = self.done()
        found: dict[str, dict[str, Any]] = {}
        if self.failed_path.is_file():
            for line in self.failed_path.read_text(encoding="utf-8").splitlines():
                try:
                    record = json.loads(line)
                except json.JSONDecodeError:
                    continue  # cut by a kill; the structure is tried again
                if record["uid"] not in done:
                    found[record["uid"]] = record
        return found

    @contextmanager
    def claim(self, uid: str) -> Iterator[bool]:
        """Hold a structure while it is in work; False where another process holds it."""
        place = 1 + int.from_bytes(hashlib.sha256(uid.encode()).digest()[:7], "big")
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, place)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        fcntl.lockf(self._lock, fcntl.LOCK_EX, 1, 0)
        try:
            self._complete()
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, 0)

    def _complete(self) -> None:
        """Do the pending append, if there is one: cut the file where it began and write it again."""
        try:
            header, _, block = self._pending.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return
        offset = json.loads(header)["offset"]
        with open(self.path, "r+b" if self.path.exists() else "w+b") as stream:
            stream.seek(0, os.SEEK_END)
            if stream.tell() < offset:
                raise InputError(
                    f"{self.path}: shorter than when it was last written; restore it or remove {self._pending}"
                )
            stream.truncate(offset)
            stream.seek(offset)
            stream.write(block)
            stream.flush()
            os.fsync(stream.fileno())
        self._pending.unlink()

    def _read_on(self) -> None:
        """Take in the uids of what was appended since the last call."""
        if not self.path.exists():
            self._read_to, self._done = 0, set()
            return
        size = self.path.stat().st_size
        if size < self._read_to:  # replaced by hand
            self._read_to, self._done = 0, set()
        if size == self._read_to:
            return
        with open(self.path, "rb") as stream:
            stream.seek(self._read_to)
            lines = stream.read().split(b"\n")
        if lines.pop() != b"":
            raise InputError(
                f"{self.path}: expected a newline at its end, found none: its last structure is cut; remove it"
            )
        self._done |= set(_uids(lines, self.path))
        self._read_to = size

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


def _uids(lines: list[bytes], path: Path) -> Iterator[str]:
    from ase.io.extxyz import key_val_str_to_dict

    row = 0
    while row < len(lines):
        count = lines[row].strip()
        if not count.isdigit() or row + 2 + int(count) > len(lines):
            raise InputError(
                f"{path}: expected extxyz with the number of atoms and as many lines, found {count[:20].decode()!r} "
                "in a structure that is cut or foreign; remove it"
            )
        uid = key_val_str_to_dict(lines[row + 1].decode()).get("uid")  # type: ignore[no-untyped-call]
        if uid is None:
            raise InputError(f"{path}: a structure without uid; labels are kept by uid: give another output file")
        yield str(uid)
        row += 2 + int(count)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _ends_line(path: Path) -> bool:
    with open(path, "rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
