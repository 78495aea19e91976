"""The index of a large dump, kept beside it so that the next opening need not scan it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ufpnmr import _core
from ufpnmr.errors import InputError

WORTH_KEEPING = 32 * 2**20
"""Bytes from which on an index is kept; smaller files are scanned in well under a tenth of a second."""

VERSION = 1
SAMPLE = 2**16


def index_path(path: str | Path) -> Path:
    """Return where the index of a dump is kept: ``.NAME.ufpindex.npz`` in the same folder."""
    path = Path(path)
    return path.with_name(f".{path.name}.ufpindex.npz")


def open_indexed(path: str | Path) -> Any:
    """Open a dump, with the index kept beside it if that belongs to it.

    The index holds the size and time of change of the dump and hashes of its first and last 64 KiB. If only the size
    has grown and both stretches are as they were, the scan goes on where it stopped; if anything else differs the dump
    is scanned again. A folder that cannot be written is no obstacle.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        state = path.stat()
        kept = _restored(path, state) if state.st_size >= WORTH_KEEPING else None
        if kept is not None:
            file, size = kept
            if size == state.st_size:
                return file
            file.refresh()
        else:
            file = _core.DumpFile(str(path))
    except (_core.ParseError, _core.DomainError) as error:
        raise InputError(str(error).replace(":0:", ":")) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if state.st_size >= WORTH_KEEPING:
        with contextlib.suppress(OSError):
            _keep(path, state, file)
    return file


def _sample(path: Path, size: int) -> list[str]:
    """Hashes of the first and last stretch of the first `size` bytes."""
    with open(path, "rb") as stream:
        head = stream.read(min(SAMPLE, size))
        stream.seek(max(0, size - SAMPLE))
        tail = stream.read(min(SAMPLE, size))
    return [hashlib.blake2b(part, digest_size=16).hexdigest() for part in (head, tail)]


def _restored(path: Path, state: os.stat_result) -> tuple[Any, int] | None:
    """Return the dump with its kept index and the size it is for; None if there is none or it is stale."""
    try:
        with np.load(index_path(path), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            frames, damage = arrays["frames"], arrays["damage"]
        size = about["size"]
        same = size == state.st_size and about["mtime_ns"] == state.st_mtime_ns
        if about["version"] != VERSION or not (same or size < state.st_size) or about["sample"] != _sample(path, size):
            return None
        return _core.DumpFile(str(path), frames=frames, damage=damage, **about["index"]), size
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, _core.DomainError):
        return None


def _keep(path: Path, state: os.stat_result, file: Any) -> None:
    about = {
        "version": VERSION,
        "size": state.st_size,
        "mtime_ns": state.st_mtime_ns,
        "sample": _sample(path, state.st_size),
        "index": {name: getattr(file, name) for name in ("box_styles", "column_lists", "units", "scanned", "cut")},
    }
    target = index_path(path)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=target.name, delete=False) as stream:
        try:
            text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
            np.savez(stream, about=text, frames=file.frames, damage=file.damage)
            os.replace(stream.name, target)
        except BaseException:
            os.unlink(stream.name)
            raise
