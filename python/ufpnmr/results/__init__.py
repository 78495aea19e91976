"""Result objects: frozen, with units, shapes, provenance, `read` and `write`."""

from ufpnmr.results.record import STATUSES, TRUSTWORTHY, Record
from ufpnmr.results.storage import StoredResult, array, array_group

__all__ = ["STATUSES", "TRUSTWORTHY", "Record", "StoredResult", "array", "array_group"]
