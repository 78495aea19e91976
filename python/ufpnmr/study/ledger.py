"""What has been done: one stamp per stage, and the rule that decides whether it still holds.

The fingerprint of a stage is the SHA-256 of its settings, the hashes of the files it reads, a hash of the code that
does the work and the fingerprints of the stages it needs. A stage is done when its stamp carries today's fingerprint,
its output is the file the stamp describes, and every stage it needs is done and has not run again since.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ufpnmr.folder_lock import folder_lock
from ufpnmr.provenance import file_hash, package_version
from ufpnmr.results.storage import write_text_atomically

__all__ = ["Ledger", "Stage"]


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of a study; it writes one file.

    Attributes
    ----------
    name : str
        E.g. "acf omega_q c".
    output : Path
        The file it writes.
    run : callable
        Does the work; its argument says whether unfinished work of the same kind may be continued. May return lines
        for the log.
    needs : tuple of str
        Stages whose outputs it reads.
    settings : mapping
        The part of the configuration that decides the output.
    extends : mapping
        Settings whose growth continues the earlier work instead of starting anew (MD steps).
    files : tuple of Path
        Files it reads that no stage wrote.
    code : tuple of str
        Sub-packages of ufpnmr that do the work.
    """

    name: str
    output: Path
    run: Callable[[bool], list[str] | None]
    needs: tuple[str, ...] = ()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    extends: Mapping[str, int] = dataclasses.field(default_factory=dict)
    files: tuple[Path, ...] = ()
    code: tuple[str, ...] = ()


class Ledger:
    """Stamps of the stages in ``FOLDER/.study``.

    Parameters
    ----------
    folder : Path
        Output folder of the study.
    stages : sequence of Stage
        In the order in which they can run.
    """

    def __init__(self, folder: Path, stages: Sequence[Stage]) -> None:
        self.folder = folder / ".study"
        self.stages = {stage.name: stage for stage in stages}
        self._hashes: dict[str, list[Any]] = _read_json(self.folder / "hashes.json") or {}
        self._fingerprints: dict[str, str] = {}

    def state(self, name: str) -> str:
        """Return "done", "stale", "unfinished" or "missing"."""
        stage, stamp = self.stages[name], self.stamp(name)
        if stamp is None:
            return "missing"
        if "output" not in stamp:
            return "unfinished"
        if not stage.output.is_file():
            return "missing"
        holds = (
            stamp["fingerprint"] == self.fingerprint(name)
            and stamp["output"] == _identity(stage.output)
            and stamp["read"] == self._runs_of(stage.needs)
            and all(self.state(need) == "done" for need in stage.needs)
        )
        return "done" if holds else "stale"

    def stamp(self, name: str) -> dict[str, Any] | None:
        """Return what was noted when the stage last started or ended."""
        stamp: dict[str, Any] | None = _read_json(self._stamp_path(name))
        return stamp

    def started(self, name: str) -> bool:
        """Note that a stage starts; return whether earlier work of the same kind may be continued."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stage, earlier = self.stages[name], self.stamp(name) or {}
        kind = self._digest(stage, {})
        grows = all(value >= earlier.get("extends", {}).get(key, 0) for key, value in stage.extends.items())
        self._write_stamp(name, {"kind": kind, "extends": dict(stage.extends)})
        return bool(earlier.get("kind") == kind and grows)

    def finished(self, name: str, seconds: float) -> None:
        """Note that the output of a stage is complete."""
        stage = self.stages[name]
        self._write_stamp(
            name,
            {
                "kind": self._digest(stage, {}),
                "extends": dict(stage.extends),
                "fingerprint": self.fingerprint(name),
                "output": _identity(stage.output),
                "run": uuid.uuid4().hex,
                "read": self._runs_of(stage.needs),
                "seconds": round(seconds, 2),
            },
        )
        write_text_atomically(self.folder / "hashes.json", json.dumps(self._hashes, indent=1))

    def fingerprint(self, name: str) -> str:
        """Return the SHA-256 that stands for everything the output of a stage depends on."""
        if name not in self._fingerprints:
            stage = self.stages[name]
            self._fingerprints[name] = self._digest(stage, stage.extends)
        return self._fingerprints[name]

    def _digest(self, stage: Stage, extends: Mapping[str, int]) -> str:
        content = {
            "stage": stage.name,
            "settings": stage.settings,
            "extends": extends,
            "files": [self._hash(path) for path in stage.files],
            "code": _code_hash(stage.code),
            "needs": [self.fingerprint(need) for need in stage.needs],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()

    def _runs_of(self, names: Sequence[str]) -> list[str | None]:
        """Which runs of other stages made what is there now: the same settings need not give the same bytes (MD)."""
        return [(self.stamp(name) or {}).get("run") for name in names]

    def _hash(self, path: Path) -> str:
        """SHA-256 of a file, kept while size and time of change stay (trajectories are large)."""
        identity = _identity(path)
        known = self._hashes.get(str(path))
        if known is None or known[0] != identity:
            known = [identity, file_hash(path)]
            self._hashes[str(path)] = known
        return str(known[1])

    def _stamp_path(self, name: str) -> Path:
        return self.folder / f"{name.replace(' ', '-')}.json"

    def _write_stamp(self, name: str, content: dict[str, Any]) -> None:
        write_text_atomically(self._stamp_path(name), json.dumps(content, indent=1))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; the lock is inherited by `lmp` and ends with the last process of the run.

        Raises
        ------
        InputError
            Another run works in this folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(self.folder / "lock", self.folder.parent, "study"):
            yield


def _identity(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


@cache
def _code_hash(subpackages: tuple[str, ...]) -> str:
    """Hash of the sources behind a stage, so that a corrected analysis runs again."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256(package_version("ufpnmr").encode())
    for name in subpackages:
        target = root / name
        for path in sorted(target.rglob("*.py")) if target.is_dir() else [target.with_suffix(".py")]:
            digest.update(path.read_bytes())
    return digest.hexdigest()
