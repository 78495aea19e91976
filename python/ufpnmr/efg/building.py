"""From labelled structures to selected features on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.features import feature_list
from ufpnmr.efg.labels import LabelledTensors
from ufpnmr.efg.selection import farthest_points

__all__ = ["build_features", "select_features"]

Array = NDArray[np.float64]


def select_features(
    descriptor: Descriptor,
    structures: Sequence[LabelledTensors],
    counts: tuple[int, int],
    environments: int,
    threads: int = 0,
) -> tuple[SelectedFeatures, SelectedFeatures]:
    """Return the λ = 2 and λ = 0 features that differ most, by farthest-point sampling of their values.

    Parameters
    ----------
    descriptor : Descriptor
    structures : sequence of LabelledTensors
        Of the training set; labels play no part.
    counts : (int, int)
        λ = 2 and λ = 0 features to keep; fewer if not so many differ.
    environments : int
        Environments, evenly spaced over the set, on whose values the choice is made.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
    """
    total = sum(len(s.centres) for s in structures)
    wanted = np.unique(np.linspace(0, total - 1, min(environments, total)).round().astype(int))
    first = np.cumsum([0, *(len(s.centres) for s in structures)])
    selected = []
    for rank, count in ((2, counts[0]), (0, counts[1])):
        everything = SelectedFeatures(rank, feature_list(descriptor.l_max, descriptor.channels, rank))
        values = []
        for number, s in enumerate(structures):
            mine = wanted[(wanted >= first[number]) & (wanted < first[number + 1])] - first[number]
            if len(mine):
                frame = Frame.from_atoms(s.atoms)
                values.append(descriptor.evaluate(frame, s.centres[mine], everything, threads))
        columns = np.concatenate(values).reshape(-1, everything.size).T
        kept = farthest_points(np.ascontiguousarray(columns), min(count, everything.size), strict=False)
        channels = everything.channels[kept]
        order = np.lexsort((channels[:, 2], channels[:, 3], channels[:, 1], channels[:, 0]))  # l1, l2, q2, q1
        selected.append(dataclasses.replace(everything, channels=channels[order]))
    return selected[0], selected[1]


def build_features(
    descriptor: Descriptor,
    tensors: SelectedFeatures,
    invariants: SelectedFeatures,
    structures: Sequence[LabelledTensors],
    labels: Sequence[Array],
    shards: NDArray[np.int64],
    *,
    scratch: Path | None = None,
    threads: int = 0,
) -> FeatureSet:
    """Return the features of all labelled environments, structure by structure in the order of their shards.

    P⁰ is normalised, P² gets one factor for all that makes the mean of ‖P²‖² one.

    Parameters
    ----------
    descriptor, tensors, invariants
        What to evaluate.
    structures : sequence of LabelledTensors
    labels : sequence of (n, 5)
        Of each structure, in the unit of the regression.
    shards : (len(structures),) int
    scratch : path, optional
        Folder for the features.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
    """
    out = FeatureSet(tensors.size, invariants.size, scratch)
    for number in np.argsort(shards, kind="stable"):
        s = structures[number]
        frame = Frame.from_atoms(s.atoms)
        P2 = descriptor.evaluate(frame, s.centres, tensors, threads)
        P0 = descriptor.evaluate(frame, s.centres, invariants, threads)[:, 0]
        P0 = P0 / np.linalg.norm(P0, axis=1, keepdims=True)
        out.append(P2, P0, labels[number], int(shards[number]))
    out.finish(normalise=True)
    return out
