"""One worker of a queue: ``python -m ufpnmr.active.labelling.worker JSON``, started by `label_queue`."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from typing import TYPE_CHECKING

from ufpnmr.active.labelling.labeller import LabelError, create
from ufpnmr.active.labelling.ledger import LabelLedger
from ufpnmr.active.labelling.queue import Queue, current_note, file_name, fresh_folder, wanted
from ufpnmr.active.labelling.recording import label_one
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    pass

__all__ = ["work"]


def work(queue: Queue, run: str, deadline: float, number: int) -> None:
    """Label one structure after the other until none is left that nobody else has.

    Parameters
    ----------
    queue : Queue
    run : str
        Identifier of the run.
    deadline : float
        s since the epoch; no structure is begun later.
    number : int
        Of this worker in the run.
    """
    os.nice(queue.nice)
    todo = queue.read()
    labeller = create(queue.labeller, queue.options)
    version = labeller.version()
    ledger = LabelLedger(queue.output)
    note = current_note(queue.work, run, number)
    for uid, atoms in todo:
        if time.time() > deadline:
            break
        with ledger.claim(uid) as mine:
            if not mine or not wanted(queue, ledger, [(uid, atoms)], run):
                continue
            note.write_text(uid, encoding="utf-8")
            folder = fresh_folder(queue.work / f"{note.name}.d")
            try:
                result = label_one(labeller, queue, version, uid, atoms, folder)
            except LabelError as error:
                kept = queue.work / f"failed-{file_name(uid)}"
                shutil.rmtree(kept, ignore_errors=True)
                folder.rename(kept)
                ledger.fail(uid, error, run, labeller=queue.labeller, version=version, folder=str(kept))
                _say(f"{uid}: failed: {error}")
            else:
                ledger.append(result)
                _say(f"{uid}: {len(atoms)} atoms, {result.info['label_seconds']:.1f} s")
                shutil.rmtree(folder)
            note.unlink()
    ledger.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run the worker that the command line describes; the exit code is the queue's to read."""
    queue, more = Queue.from_json(sys.argv[1])
    try:
        work(queue, **more)
    except InputError as error:
        _say(f"ufp: error: {error}")
        return error.exit_code
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
