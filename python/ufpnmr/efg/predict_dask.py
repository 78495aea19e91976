"""Prediction on the workers of a Dask cluster: each reads and predicts chunks, this process writes them in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufpnmr.dask_client import connected
from ufpnmr.efg.engine import Engine, Precision
from ufpnmr.efg.frames import Chunk, Selection
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from MDAnalysis import Universe

__all__ = ["predicted_with_dask"]

_AHEAD = 3
"""Chunks under way for each thread of the workers."""
_READING = threading.Lock()  # a trajectory stands at one frame, and a worker may have several threads


class _Work(NamedTuple):
    """What every chunk needs; a worker opens the trajectory once."""

    model: Engine
    universe: Universe
    chosen: Selection
    precision: Precision
    threads: int


def predicted_with_dask(
    model: Engine,
    universe: Universe,
    chosen: Selection,
    wanted: Iterator[tuple[int, int]],
    precision: Precision,
    threads: int,
    address: str,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64]]]:
    """Yield tensors (F, n, 6) V/Å² and cells (F, 3, 3) Å of the wanted chunks, in their order.

    A lost worker's chunks are computed again by another one. Workers must reach the trajectory under its path.

    Raises
    ------
    InputError
        Dask is not installed, no scheduler answers, a frame that cannot be predicted, or a chunk on which workers die.
    """
    with connected(address) as (client, distributed):
        work = client.submit(_Work, model, universe, chosen, precision, threads, pure=False)
        under_way: deque[Any] = deque()
        for part in wanted:
            under_way.append(client.submit(_predict, work, *part, pure=False))
            if len(under_way) >= _AHEAD * max(1, sum(client.nthreads().values())):
                yield _result(under_way.popleft(), distributed)
        while under_way:
            yield _result(under_way.popleft(), distributed)


def _predict(work: _Work, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    with _READING:
        chunk = Chunk.read(work.universe, start, stop)
    return chunk.gradients(work.model, work.chosen, work.precision, work.threads).astype(np.float32), chunk.cells


def _result(future: Any, distributed: Any) -> Any:
    try:
        return future.result()
    except distributed.KilledWorker as error:
        raise InputError(
            f"Dask workers died on the same frames again and again ({error}); look at their logs"
        ) from None
