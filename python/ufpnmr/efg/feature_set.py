"""Features of a training set on disk, read back a block of environments at a time.

What stays in memory is one block and five labels per environment, so that the size of a set is a matter of disk.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

__all__ = ["FeatureSet"]

Array = NDArray[np.float64]
_BLOCK_BYTES = 1_000_000
"""A block that stays in the cache while it is used twice."""


class FeatureSet:
    """P², P⁰, labels and shards of environments, in the order in which they were appended.

    A shard is a set of whole groups: folds, committee members and learning curves are made of shards, so none of them
    can divide a group.

    Parameters
    ----------
    q2, q0 : int
        Numbers of λ = 2 and λ = 0 features.
    folder : path, optional
        Where the scratch file lies; the system's folder for temporary files if not given. It has no name and vanishes
        with the process.
    components : int
        Of labels and P²: 5, or 1 for a scalar, where invariants stand in the place of P².

    Attributes
    ----------
    y : (N, 5)
        Labels.
    shard : (N,) int
        Shard of each environment.
    scale : float
        Factor of P² on reading.
    """

    def __init__(self, q2: int, q0: int, folder: str | Path | None = None, components: int = 5) -> None:
        self.q2, self.q0, self.scale, self.components = q2, q0, 1.0, components
        self.y: Array = np.empty((0, components))
        self.shard: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._labels: list[Array] = []
        self._shards: list[NDArray[np.int64]] = []
        self._squares = 0.0

    @classmethod
    def from_arrays(cls, P2: Array, P0: Array, y: Array, shard: NDArray[np.int64]) -> FeatureSet:
        """Return a set of arrays (N, 5, Q2), (N, Q0), (N, 5), (N,)."""
        features = cls(P2.shape[2], P0.shape[1], components=P2.shape[1])
        features.append(P2, P0, y, shard)
        features.finish()
        return features

    def append(self, P2: Array, P0: Array, y: Array, shard: int | NDArray[np.int64]) -> None:
        """Add environments; parameters as `from_arrays`, one shard or one per environment."""
        rows = np.concatenate([P2.reshape(len(P2), -1), P0], axis=1, dtype=np.float64)
        self._file.write(np.ascontiguousarray(rows).data)
        self._squares += float(np.vdot(P2, P2))
        self._labels.append(y)
        self._shards.append(np.broadcast_to(np.asarray(shard, dtype=np.int64), len(P2)))

    def finish(self, *, normalise: bool = False) -> None:
        """Close the set; with `normalise` the scale makes the mean of ‖P²‖² one."""
        self.y, self.shard = np.concatenate(self._labels), np.concatenate(self._shards)
        if normalise:
            self.scale = float(np.sqrt(len(self.y) / self._squares))

    def __len__(self) -> int:
        return len(self.y)

    def __enter__(self) -> FeatureSet:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    @property
    def shards(self) -> NDArray[np.int64]:
        """Shards that occur, ascending."""
        return np.unique(self.shard)

    def rows(self, shards: Iterable[int]) -> NDArray[np.intp]:
        """Return the environments of some shards, ascending."""
        return np.flatnonzero(np.isin(self.shard, list(shards)))

    def read(self, rows: slice) -> tuple[Array, Array]:
        """Return P² (n, 5, Q2) and P⁰ (n, Q0) of consecutive environments."""
        return self._read(rows, np.empty((rows.stop - rows.start, self._width)))

    def blocks(self, shards: Iterable[int], largest: int | None = None) -> Iterator[tuple[slice, Array, Array]]:
        """Yield (rows, P², P⁰) of some shards, at most `largest` environments at a time.

        The arrays are valid until the next block is asked for.
        """
        largest = largest or max(1, _BLOCK_BYTES // (8 * self._width))
        buffer = np.empty((largest, self._width))
        rows = self.rows(shards)
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            for start in range(0, len(run), largest):
                part = slice(int(run[start]), int(run[min(start + largest, len(run)) - 1]) + 1)
                yield part, *self._read(part, buffer)

    @property
    def _width(self) -> int:
        return self.components * self.q2 + self.q0

    def _read(self, rows: slice, buffer: Array) -> tuple[Array, Array]:
        block = buffer[: rows.stop - rows.start]
        view, offset = block.view(np.uint8).reshape(-1).data, rows.start * self._width * 8
        while len(view):
            count = os.preadv(self._file.fileno(), [view], offset)
            if count == 0:
                raise OSError("the scratch file of the features is shorter than what was written")
            view, offset = view[count:], offset + count
        width = self.components * self.q2
        P2 = block[:, :width]
        if self.scale != 1.0:
            P2 *= self.scale
        return P2.reshape(-1, self.components, self.q2), block[:, width:]

    def gather(self, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Return P² (n, 5, Q2) and P⁰ (n, Q0) of any environments, in the order asked for."""
        parts = [self.read(slice(int(row), int(row) + 1)) for row in rows]
        return np.concatenate([p for p, _ in parts]), np.concatenate([p for _, p in parts])

    def invariants(self) -> Array:
        """Return P⁰ of all environments, (N, Q0)."""
        out = np.empty((len(self), self.q0))
        for rows, _, P0 in self.blocks(self.shards):
            out[rows] = P0
        return out
