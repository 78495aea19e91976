"""Time blocks of frames: means, standard errors and records from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.results import Record

__all__ = ["block_means", "block_record", "frame_blocks", "standard_error"]

FloatArray = npt.NDArray[np.float64]
N_BLOCKS = 10


def frame_blocks(n_frames: int) -> npt.NDArray[np.int64]:
    """Return the edges (B + 1,) of ten contiguous blocks of frames, or of as many as there are frames."""
    return statistics.block_edges(n_frames, min(N_BLOCKS, n_frames))


def block_means(values: npt.NDArray[Any], edges: npt.NDArray[np.int64]) -> FloatArray:
    """Return the means (B, ...) of values (T, ...) over the blocks with `edges` (B + 1,)."""
    sums = np.add.reduceat(np.asarray(values, dtype=np.float64), edges[:-1], axis=0)
    return np.asarray(sums / np.diff(edges).reshape(-1, *[1] * (sums.ndim - 1)))


def standard_error(blocks: FloatArray) -> FloatArray:
    """Return the standard error of the mean (...) over blocks (B, ...), nan for a single block."""
    n = len(blocks)
    return np.asarray(blocks.std(axis=0, ddof=1) / math.sqrt(n)) if n > 1 else np.full(blocks.shape[1:], np.nan)


def block_record(values: npt.ArrayLike, unit: str, method: str, positive: bool = False) -> Record:
    """Return the mean of block values (B,) with its 95 % interval; without blocks, no interval (``few_events``)."""
    blocks = np.asarray(values, dtype=np.float64)
    if len(blocks) < 2:
        return Record(float(blocks.mean()), unit, f"{method}; one block: no interval", n_eff=1, status="few_events")
    value, low, high, error = statistics.block_interval(blocks, positive=positive)
    return Record(
        value, unit, f"{method}; 95 %: {'log-t' if positive else 't'} over {len(blocks)} time blocks", low,
        high if math.isfinite(high) else None, error, n_eff=len(blocks),
    )  # fmt: skip
