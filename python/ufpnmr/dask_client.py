"""A client of a Dask scheduler; Dask is imported when it is used."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from ufpnmr.errors import InputError

__all__ = ["connected"]


@contextlib.contextmanager
def connected(address: str) -> Iterator[tuple[Any, Any]]:
    """Connect to a scheduler for the time of a ``with`` block.

    Parameters
    ----------
    address : str
        E.g. ``tcp://10.0.0.1:8786``, or a scheduler file (``.json``).

    Yields
    ------
    client, distributed
        The client and the module.

    Raises
    ------
    InputError
        Dask is not installed, or no scheduler answers.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise InputError(f"Dask cannot be imported ({error}); install it: pip install distributed") from error
    where = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        client = distributed.Client(**where, timeout=20)
    except OSError as error:
        raise InputError(f"{address}: no Dask scheduler answers ({error})") from error
    with client:
        yield client, distributed
