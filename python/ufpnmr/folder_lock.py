"""One run per folder: a lock that ends with the last process of the run."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ufpnmr.errors import InputError

__all__ = ["folder_lock"]

_PATIENCE = 5.0
"""s; an interrupted `lmp` needs a moment to end after its parent."""


@contextmanager
def folder_lock(path: Path, folder: Path, what: str) -> Iterator[None]:
    """Hold a folder; child processes such as `lmp` inherit the lock.

    Parameters
    ----------
    path : Path
        The lock file; its folder exists.
    folder : Path
        What it stands for, in messages.
    what : str
        Kind of run, in messages: "study".

    Raises
    ------
    InputError
        Another run works in this folder.
    """
    with open(path, "a+", encoding="utf-8") as stream:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    holder = path.read_text(encoding="utf-8").strip() or "unknown"
                    raise InputError(
                        f"{folder}: another {what} (process {holder}, or a program it started) works in this folder; "
                        "wait for it or choose another output.folder"
                    ) from None
                time.sleep(0.1)
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        os.set_inheritable(stream.fileno(), True)
        yield
