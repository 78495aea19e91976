"""Normal equations summed by the workers of a Dask cluster: each streams its share, the sums are added here."""

from __future__ import annotations

from collections.abc import Iterable

from ufpnmr.dask_client import connected
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.gram import NormalEquations, Target, accumulate

__all__ = ["accumulate_with_dask"]


def accumulate_with_dask(
    basis: SplineBasis, targets: Iterable[Target], address: str, *, threads: int = 1
) -> NormalEquations:
    """Add structures to normal equations on a Dask cluster.

    A lost worker's share is summed again by another one. Every worker needs the memory of one set of sums.

    Parameters
    ----------
    basis : SplineBasis
        Columns.
    targets : iterable of Target
        Labelled structures.
    address : str
        Of the scheduler, or a scheduler file (``.json``).
    threads : int
        OpenMP threads of each worker.

    Raises
    ------
    InputError
        Dask is not installed, no scheduler answers, or wrong structures.
    """
    every = list(targets)
    with connected(address) as (client, distributed):
        workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        shares = [every[number::workers] for number in range(min(workers, len(every)))]
        futures = [client.submit(accumulate, basis, share, threads=threads, pure=False) for share in shares]
        out = NormalEquations.empty(basis)
        for future in distributed.as_completed(futures):
            out += future.result()
            future.release()
    return out
