"""From labelled structures to selected features on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ufpnmr import _core
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.feature_set import FeatureSet
from ufpnmr.efg.features import feature_list
from ufpnmr.efg.labels import Labelled, LabelledTensors
from ufpnmr.efg.selection import farthest_points

__all__ = ["build_features", "select_features", "select_of_rank", "surroundings"]

Array = NDArray[np.float64]


def select_features(
    descriptor: Descriptor,
    structures: Sequence[Labelled],
    counts: tuple[int, int],
    environments: int,
    threads: int = 0,
) -> tuple[SelectedFeatures, SelectedFeatures]:
    """Return the λ = 2 and λ = 0 features that differ most, by farthest-point sampling of their values.

    Parameters
    ----------
    descriptor : Descriptor
    structures : sequence of Labelled
        Of the training set; labels play no part.
    counts : (int, int)
        λ = 2 and λ = 0 features to keep; fewer if not so many differ.
    environments : int
        Environments, evenly spaced over the set, on whose values the choice is made.
    threads : int
        OpenMP threads; 0 follows OMP_NUM_THREADS.
    """
    tensors, invariants = (
        select_of_rank(descriptor, structures, rank, count, environments, threads)
        for rank, count in zip((2, 0), counts, strict=True)
    )
    return tensors, invariants


def select_of_rank(
    descriptor: Descriptor,
    structures: Sequence[Labelled],
    rank: int,
    count: int,
    environments: int,
    threads: int = 0,
) -> SelectedFeatures:
    """Return `count` features of one λ; parameters as `select_features`."""
    total = sum(len(s.centres) for s in structures)
    wanted = np.unique(np.linspace(0, total - 1, min(environments, total)).round().astype(int))
    first = np.cumsum([0, *(len(s.centres) for s in structures)])
    everything = SelectedFeatures(rank, feature_list(descriptor.l_max, descriptor.channels, rank))
    values = []
    for number, s in enumerate(structures):
        mine = wanted[(wanted >= first[number]) & (wanted < first[number + 1])] - first[number]
        if len(mine):
            values.append(descriptor.evaluate(Frame.from_atoms(s.atoms), s.centres[mine], everything, threads))
    columns = np.concatenate(values).reshape(-1, everything.size).T
    kept = farthest_points(np.ascontiguousarray(columns), min(count, everything.size), strict=False)
    channels = everything.channels[kept]
    order = np.lexsort((channels[:, 2], channels[:, 3], channels[:, 1], channels[:, 0]))  # l1, l2, q2, q1
    return dataclasses.replace(everything, channels=channels[order])


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


def surroundings(structures: Sequence[Labelled], cutoff: float, count: int) -> list[Frame]:
    """Return `count` environments evenly spaced over the labels: the centre first, then the atoms within the cutoff."""
    labels = [(s, int(centre)) for s in structures for centre in s.centres]
    out = []
    for k in np.linspace(0, len(labels) - 1, count).round().astype(int):
        s, centre = labels[k]
        frame = Frame.from_atoms(s.atoms)
        first, second, _, vectors, _ = _core.neighbor_list(frame.positions, frame.cell, frame.periodic, cutoff)
        mine = first == centre
        elements = [frame.elements[centre], *(frame.elements[j] for j in second[mine])]
        positions = np.concatenate([np.zeros((1, 3)), vectors[mine]])
        out.append(Frame(np.eye(3), positions, elements, (False, False, False)))
    return out
