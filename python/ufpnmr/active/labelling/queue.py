"""A queue of structures and the workers that label it; killed at any point, the same call goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from ufpnmr import guard
from ufpnmr.active.labelling.labeller import LabelError, create
from ufpnmr.active.labelling.ledger import LabelLedger
from ufpnmr.errors import InputError, UfpError
from ufpnmr.structures import content_uid, read_atoms, unique_uids

__all__ = ["Queue", "Summary", "label_queue"]

_GRACE = 15.0
_POLL = 0.2
_STDERR = 2


@dataclasses.dataclass(frozen=True)
class Queue:
    """What is to be labelled, by whom, and where the labels go.

    Attributes
    ----------
    structures : Path
        Structures in any format of ASE, in the order in which they are labelled. ``info["uid"]`` names each; where it
        is missing, the content does.
    output : Path
        Labelled extxyz.
    labeller : str
        See `ufpnmr.active.labelling.create`.
    options : mapping
        Of the labeller; JSON.
    done : tuple of Path
        Files whose uids are not labelled again.
    part : (int, int)
        This run takes structures i, i + n, i + 2n ... of (i, n): for job arrays on file systems without locking.
    scratch : Path or None
        Where the programs work; default OUTPUT.work.
    nice : int
        Added to the workers' niceness.
    minutes : float
        No structure is begun later than this.
    retry_failed : bool
        Try failed structures again. Those whose program was killed are tried again in any case.
    """

    structures: Path
    output: Path
    labeller: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    done: tuple[Path, ...] = ()
    part: tuple[int, int] = (0, 1)
    scratch: Path | None = None
    nice: int = 0
    minutes: float = float("inf")
    retry_failed: bool = False

    @property
    def work(self) -> Path:
        """Where the programs work."""
        return self.scratch or self.output.with_name(self.output.name + ".work")

    def to_json(self, **more: Any) -> str:
        """Return the queue as JSON, for a worker."""
        return json.dumps({**dataclasses.asdict(self), **more}, default=str)

    @classmethod
    def from_json(cls, text: str) -> tuple[Queue, dict[str, Any]]:
        """Return the queue and what else `to_json` was given."""
        values = json.loads(text)
        names = {f.name for f in dataclasses.fields(cls)}
        own = {key: value for key, value in values.items() if key in names}
        own.update(
            structures=Path(own["structures"]),
            output=Path(own["output"]),
            done=tuple(map(Path, own["done"])),
            part=tuple(own["part"]),
            scratch=None if own["scratch"] is None else Path(own["scratch"]),
        )
        return cls(**own), {key: value for key, value in values.items() if key not in names}

    def read(self) -> list[tuple[str, Atoms]]:
        """Read this run's part of the structures with their uids, without those in `done`.

        Raises
        ------
        InputError
            A file that cannot be read, a uid that occurs twice.
        """
        frames = read_atoms(self.structures)
        uids = unique_uids(frames, self.structures)
        elsewhere: set[str] = set()
        for path in self.done:
            if path.exists() and path.stat().st_size == 0:
                continue
            elsewhere |= {str(atoms.info.get("uid") or content_uid(atoms)) for atoms in read_atoms(path)}
        index, parts = self.part
        if not 0 <= index < parts:
            raise InputError(f"part: expected i/n with 0 <= i < n, found {index}/{parts}")
        return [(u, a) for u, a in list(zip(uids, frames, strict=True))[index::parts] if u not in elsewhere]


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run of a queue left behind.

    Attributes
    ----------
    labelled : int
        Structures labelled now or earlier.
    new : int
        Those of this run.
    failed : dict
        Reason by uid.
    open : int
        Structures still to be labelled (time was up, or another process has them in work).
    """

    labelled: int
    new: int
    failed: dict[str, str]
    open: int


def label_queue(queue: Queue, jobs: int = 1, say: Callable[[str], object] = print) -> Summary:
    """Label what is not labelled yet, in `jobs` worker processes.

    A kill loses at most the structures in work; their programs end with the workers. Several calls may share one output
    file at the same time.

    Parameters
    ----------
    queue : Queue
    jobs : int
        Worker processes, each with one structure in work.
    say : callable
        Takes one line of log.

    Raises
    ------
    InputError
        Wrong queue, labeller or option; a program is missing.
    """
    todo = queue.read()
    ledger = LabelLedger(queue.output)
    try:
        before = ledger.done()
        create(queue.labeller, queue.options).ready()
        given_up = {uid for uid, failure in ledger.failures().items() if not (failure["killed"] or queue.retry_failed)}
        uids = [uid for uid, _ in todo]
        say(f"{queue.output}: {sum(u in before for u in uids)} of {len(uids)} labelled, {len(given_up)} failed earlier")
        if wanted(queue, ledger, todo):
            _run_workers(queue, ledger, uuid.uuid4().hex, jobs)
        return summarise(ledger, uids, before)
    finally:
        ledger.close()


def wanted(
    queue: Queue, ledger: LabelLedger, todo: Sequence[tuple[str, Atoms]], run: str = ""
) -> list[tuple[str, Atoms]]:
    """Return the structures that have no labels and have not failed for good, or in this run."""
    done, failures = ledger.done(), ledger.failures()
    return [
        (uid, atoms)
        for uid, atoms in todo
        if uid not in done
        and not (
            (failure := failures.get(uid)) and (failure["run"] == run or not (failure["killed"] or queue.retry_failed))
        )
    ]


def summarise(ledger: LabelLedger, uids: Sequence[str], before: set[str]) -> Summary:
    """Return what is done, failed and open of `uids`; `before` was done when the run began."""
    done, failures = ledger.done(), ledger.failures()
    labelled = [uid for uid in uids if uid in done]
    failed = {uid: failures[uid]["reason"] for uid in uids if uid in failures}
    new = sum(uid not in before for uid in labelled)
    return Summary(len(labelled), new, failed, len(uids) - len(labelled) - len(failed))


def _run_workers(queue: Queue, ledger: LabelLedger, run: str, jobs: int) -> None:
    deadline = time.time() + 60 * min(queue.minutes, 1e9)
    workers: dict[int, subprocess.Popen[bytes]] = {}
    with ledger.claim(_run_name(run)):
        _sweep(queue, ledger)
        try:
            for number in range(jobs):
                workers[number] = _start(queue, run, deadline, number)
            while workers:
                time.sleep(_POLL)
                for number, process in list(workers.items()):
                    code = process.poll()
                    if code is None:
                        continue
                    del workers[number]
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)  # what a killed guard left behind
                    if code == 0:
                        continue
                    if code == InputError.exit_code:
                        raise InputError("a worker refused its input; its message stands above")
                    _record_death(queue, ledger, run, number, code)
                    workers[number] = _start(queue, run, deadline, number)
        finally:
            _stop(list(workers.values()))
            with contextlib.suppress(OSError):
                queue.work.rmdir()  # where nothing failed


def _run_name(run: str) -> str:
    return f"run {run[:8]}"


def _sweep(queue: Queue, ledger: LabelLedger) -> None:
    """Make the work folder and remove in it what runs left behind that were killed."""
    queue.work.mkdir(parents=True, exist_ok=True)
    for path in queue.work.glob("worker-*"):
        with ledger.claim(_run_name(path.name.split("-")[1])) as dead:
            if dead and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif dead:
                path.unlink(missing_ok=True)


def _start(queue: Queue, run: str, deadline: float, number: int) -> subprocess.Popen[bytes]:
    spec = queue.to_json(run=run, deadline=deadline, number=number)
    # threads that spin while they wait make a loaded machine many times slower
    environment = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", **os.environ}
    return subprocess.Popen(
        [sys.executable, guard.__file__, sys.executable, "-m", "ufpnmr.active.labelling.worker", spec],
        stdin=subprocess.DEVNULL,
        stdout=_STDERR,
        env=environment,
        start_new_session=True,
    )


def _record_death(queue: Queue, ledger: LabelLedger, run: str, number: int, code: int) -> None:
    """Note which structure a worker had when it died; refuse to go on where it had none."""
    note = current_note(queue.work, run, number)
    how = f"signal {code - 128 if code > 128 else -code}" if code < 0 or code > 128 else f"code {code}"
    if not note.is_file():
        raise UfpError(f"a worker ended with {how} before it had a structure; its message stands above")
    ledger.fail(note.read_text(encoding="utf-8"), LabelError(f"the worker ended with {how}", killed=True), run)
    note.unlink()


def current_note(work: Path, run: str, number: int) -> Path:
    """Return the file in which a worker notes the uid it works on."""
    return work / f"worker-{run[:8]}-{number}"


def _stop(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in workers:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in workers:
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def fresh_folder(path: Path) -> Path:
    """Return `path` as an empty folder."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def file_name(uid: str) -> str:
    """Return a uid as a file name."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in uid)
