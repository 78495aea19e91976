"""The kernel of the polarisable baseline: its reference pairs, and its columns as those of a linear model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.baseline import PairKernel, PolarisableBaseline
from ufpnmr.efg.fit_config import Baseline as BaselineConfig
from ufpnmr.efg.selection import farthest_points

__all__ = ["Whitened", "with_references"]

Array = NDArray[np.float64]
_WIDTH = 3.5
"""Length scale of each invariant, in its standard deviations over the pairs."""
_SHARE = 0.2
"""Prior variance of what the kernel adds to a tensor, relative to that of all other columns."""
_TENSORS = 3
_RANK = 1e-8
"""Smallest eigenvalue of the kernel matrix that is kept, relative to the largest."""


def with_references(
    baseline: PolarisableBaseline, config: BaselineConfig, pairs: Sequence[tuple[NDArray[np.intp], Array]]
) -> PolarisableBaseline:
    """Return the baseline with the pairs that differ most as references of its kernel, so many for each kind of bond.

    Parameters
    ----------
    baseline : PolarisableBaseline
        Its kernel has no references yet, or is None.
    config : BaselineConfig
    pairs : sequence of ((B,) int, (B, 8))
        Kinds and invariants of all pairs of each structure.
    """
    if baseline.kernel is None:
        return baseline
    kind, x = (np.concatenate(part) for part in zip(*pairs, strict=True))
    scale = _WIDTH * x.std(axis=0)
    scale[scale == 0] = 1.0
    x = x / scale
    each = max(1, config.references // len(baseline.bonds))
    chosen = []
    for k in range(len(baseline.bonds)):
        (of_kind,) = np.nonzero(kind == k)
        if len(of_kind):
            chosen.append(of_kind[farthest_points(x[of_kind], min(each, len(of_kind)), strict=False)])
    order = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.intp)
    kernel = PairKernel(config.kernel_cutoff, scale, kind[order], x[order])
    return dataclasses.replace(baseline, kernel=kernel, coefficients=np.zeros(0))


class Whitened:
    """Columns of a Gaussian process.

    With references m, kernel matrix K = U diag(l) Uᵀ and columns X_m, the columns Z = X U l^(-1/2) have coefficients of
    equal prior variance.
    """

    def __init__(self, baseline: PolarisableBaseline) -> None:
        references = np.zeros((0, 8)) if baseline.kernel is None else baseline.kernel.points
        kind = np.zeros(0) if baseline.kernel is None else baseline.kernel.kind
        self._plain = baseline.size - _TENSORS * len(references)
        squared = np.sum((references[:, None] - references[None]) ** 2, axis=-1)
        K = np.exp(-0.5 * squared) * (kind[:, None] == kind[None])
        values, U = np.linalg.eigh(K)
        keep = values > _RANK * values.max(initial=0.0)
        self._transform = U[:, keep] / np.sqrt(values[keep])

    def columns(self, X: Array) -> Array:
        """Return (n, P', 5) for the columns (n, P, 5) of the baseline."""
        n, _, components = X.shape
        kernel = X[:, self._plain :].reshape(n, -1, _TENSORS, components)
        Z = np.einsum("nmtc,mr->nrtc", kernel, self._transform, optimize=True)
        return np.concatenate([X[:, : self._plain], Z.reshape(n, -1, components)], axis=1)

    def sizes(self, squares: Array) -> Array:
        """Return the size of each column that the ridge measures its coefficient by, from the mean square of each."""
        out = np.sqrt(squares)
        out[out == 0] = 1.0
        of_kernel = squares[self._plain :].reshape(-1, _TENSORS)
        total = of_kernel.sum(axis=0) * _TENSORS / (_SHARE * self._plain)
        total[total == 0] = 1.0
        out[self._plain :] = np.tile(np.sqrt(total), len(of_kernel))
        return np.asarray(out)

    def coefficients(self, w: Array) -> Array:
        """Return coefficients of the baseline's columns for those of `columns`."""
        kernel = self._transform @ w[self._plain :].reshape(-1, _TENSORS)
        return np.concatenate([w[: self._plain], kernel.ravel()])
