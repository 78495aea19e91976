"""Which products of densities make up a λ-SOAP descriptor: rows l1 l2 q1 q2.

P^{λμ} = w Σ_{m1 m2} C^{λμ}_{l1 m1, l2 m2} c_{q1 l1 m1} c_{q2 l2 m2}, where a channel q = species · n_max + n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError

__all__ = ["coupled_pairs", "feature_list", "feature_weights"]

Rows = NDArray[np.int32]
"""Features (F, 4): l1, l2, q1, q2."""


def coupled_pairs(l_max: int, lam: int) -> list[tuple[int, int]]:
    """Return the (l1, l2) with l1 ≤ l2 ≤ l_max that couple to a proper tensor of rank `lam`, ascending.

    |l1 - l2| ≤ λ ≤ l1 + l2, and l1 + l2 + λ is even.
    """
    return [
        (l1, l2)
        for l1 in range(l_max + 1)
        for l2 in range(l1, l_max + 1)
        if l2 - l1 <= lam <= l1 + l2 and (l1 + l2 + lam) % 2 == 0
    ]


def feature_list(l_max: int, channels: int, lam: int) -> Rows:
    """Return the irreducible list of features: each unordered pair of (l, q) once.

    Parameters
    ----------
    l_max : int
        Largest angular momentum of the densities.
    channels : int
        K, number of species times radial functions.
    lam : int
        Rank of the tensor: 0 for invariants, 2 for field gradients.

    Returns
    -------
    (F, 4) int32
        l1 l2 q1 q2 with l1 ≤ l2, and q1 ≤ q2 where l1 = l2; sorted by l1, l2, q1, q2.

    Raises
    ------
    InputError
        No such pair, as for λ = 2 of densities with l = 0 only.
    """
    if l_max < 0 or channels < 1 or lam < 0:
        raise InputError(f"expected l_max ≥ 0, channels ≥ 1 and λ ≥ 0, found {l_max}, {channels} and {lam}")
    all_q = np.indices((channels, channels), dtype=np.int32).reshape(2, -1).T
    once = all_q[all_q[:, 0] <= all_q[:, 1]]
    blocks = [
        np.column_stack([np.tile(np.array(pair, dtype=np.int32), (len(q), 1)), q])
        for pair in coupled_pairs(l_max, lam)
        for q in (once if pair[0] == pair[1] else all_q,)
    ]
    if not blocks:
        raise InputError(f"expected l_max large enough for a tensor of rank {lam}, found l_max = {l_max}")
    return np.concatenate(blocks).astype(np.int32)


def feature_weights(rows: Rows) -> NDArray[np.float64]:
    """Return the weights (F,) that give an irreducible list the kernel of one that names both orders of each pair.

    √2 except where l1 = l2 and q1 = q2. The features of `_core.LambdaSoap.features` contain them.
    """
    same = (rows[:, 0] == rows[:, 1]) & (rows[:, 2] == rows[:, 3])
    return np.where(same, 1.0, np.sqrt(2.0))
