"""The queue on the workers of a Dask cluster; Dask is imported when it is used."""

from __future__ import annotations

import contextlib
import json
import tempfile
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr.active.labelling.labeller import LabelError, Labeller, create
from ufpnmr.active.labelling.ledger import LabelLedger
from ufpnmr.active.labelling.queue import Queue, Summary, summarise, wanted
from ufpnmr.active.labelling.recording import label_one
from ufpnmr.dask_client import connected

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["label_with_dask"]


def label_with_dask(queue: Queue, address: str, say: Callable[[str], object] = print) -> Summary:
    """Label on a Dask cluster: its workers compute, this process writes.

    Parameters
    ----------
    queue : Queue
        ``nice`` and ``minutes`` are the cluster's business and have no effect; ``scratch`` is a folder on the workers.
    address : str
        Of the scheduler, e.g. ``tcp://10.0.0.1:8786``, or a scheduler file (``.json``).
    say : callable
        Takes one line of log.

    Raises
    ------
    InputError
        Dask is not installed, no scheduler, or a wrong queue.
    """
    todo = queue.read()
    ledger = LabelLedger(queue.output)
    run = uuid.uuid4().hex
    try:
        before = ledger.done()
        create(queue.labeller, queue.options)
        with contextlib.ExitStack() as stack:
            client, distributed = stack.enter_context(connected(address))
            futures: dict[Any, str] = {}
            for uid, atoms in wanted(queue, ledger, todo):
                if stack.enter_context(ledger.claim(uid)):
                    futures[client.submit(_label_there, queue, uid, atoms, pure=False)] = uid
            for future in distributed.as_completed(list(futures)):
                uid = futures[future]
                if future.status != "finished":
                    ledger.fail(uid, LabelError(f"the Dask worker lost it: {future.status}", killed=True), run)
                    continue
                result, reason, killed = future.result()
                if result is None:
                    ledger.fail(uid, LabelError(reason, killed), run, labeller=queue.labeller)
                    say(f"{uid}: failed: {reason}")
                else:
                    ledger.append(result)
                    say(f"{uid}: {len(result)} atoms, {result.info['label_seconds']:.1f} s")
        return summarise(ledger, [uid for uid, _ in todo], before)
    finally:
        ledger.close()


@cache
def _labeller(name: str, options: str) -> tuple[Labeller, str]:
    labeller = create(name, json.loads(options))
    labeller.ready()
    return labeller, labeller.version()


def _label_there(queue: Queue, uid: str, atoms: Atoms) -> tuple[Atoms | None, str, bool]:
    """Label one structure on a worker; (result, "", False) or (None, reason, killed)."""
    labeller, version = _labeller(queue.labeller, json.dumps(dict(queue.options), sort_keys=True))
    with tempfile.TemporaryDirectory(dir=queue.scratch) as folder:
        try:
            return label_one(labeller, queue, version, uid, atoms, Path(folder)), "", False
        except LabelError as error:
            return None, str(error), error.killed
