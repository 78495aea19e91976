"""Labels of a cycle's structures, by whoever makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ufpnmr.active.config import WAIT, Labelling
from ufpnmr.active.labelling import Queue, Summary, label_queue
from ufpnmr.active.labelling.dask_queue import label_with_dask
from ufpnmr.active.labelling.ledger import LabelLedger
from ufpnmr.active.labelling.queue import summarise

__all__ = ["make_labels"]


def make_labels(
    who: Labelling, structures: Path, output: Path, uids: Sequence[str], say: Callable[[str], object]
) -> Summary:
    """Label the structures of a file, or look how far someone else has come.

    Parameters
    ----------
    who : Labelling
    structures, output : Path
        Queue and labelled file.
    uids : sequence of str
        Of the queue.
    say : callable
        Takes one line of log.

    Raises
    ------
    InputError
        Wrong labeller or option; a program is missing.
    """
    if who.name == WAIT:
        ledger = LabelLedger(output)
        try:
            return summarise(ledger, uids, set())
        finally:
            ledger.close()
    say(f"labels of {len(uids)} structures by {who.name}")
    queue = Queue(structures, output, who.name, who.options, nice=who.nice)
    return label_with_dask(queue, who.dask, say) if who.dask else label_queue(queue, who.jobs, say)
