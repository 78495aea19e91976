"""What a stage of a cycle leaves when it is done: one JSON, written last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ufpnmr.results.storage import write_text_atomically

__all__ = ["read_note", "write_note"]

_SCHEMA = {"schema": "ufpnmr-active-cycle", "schema_version": 1}


def read_note(folder: Path, stage: str) -> dict[str, Any] | None:
    """Return what a stage noted in the folder of its cycle; None if it is not done."""
    path = folder / f"{stage}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def write_note(folder: Path, stage: str, content: dict[str, Any]) -> None:
    """Say that a stage is done."""
    write_text_atomically(folder / f"{stage}.json", json.dumps({**_SCHEMA, **content}, indent=1) + "\n")
