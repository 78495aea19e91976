"""Averages over the ions that hopped, their bias, and what repairs it (docs/decay.md).

Choosing ions by what they did makes the decay time too short: an ion that hopped once in a run of length T lost its
memory within T, however long it stays on average (spec analysis 1.10). Unbiased are the average over all ions, the
average over all origins on one kind of site (``origins`` of `correlate`), and the renewal correction of this module.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ufpnmr.errors import InputError
from ufpnmr.results.correlation import CorrelationResult

__all__ = ["expected_bias", "renewal_correction"]


def renewal_correction(hopping: CorrelationResult, n_ions: int) -> CorrelationResult:
    """Put the ions that did not hop back into an average over those that did.

    An ion that did not hop keeps its value: its curve is constant from the first lag, where only vibrations are lost.
    With n of N ions that hopped, C = (n/N) C_hop + (1 - n/N) C_hop(first lag), exact if the mean square of the
    observable is the same for both. The others are added as N - n ions, so that resampling ions draws their number too.

    Parameters
    ----------
    hopping : CorrelationResult
        Average over the ions that hopped.
    n_ions : int
        All ions of the kind, N.

    Returns
    -------
    CorrelationResult
        Curve of all ions; the warning of the selection is replaced by a note.
    """
    n_hopping = len(hopping.ids)
    if not hopping.parameters.get("by_outcome"):
        raise InputError("expected an average over ions chosen by what they did, found one without that warning")
    if n_ions < n_hopping:
        raise InputError(f"expected at least the {n_hopping} ions that hopped, found {n_ions}")
    extra = n_ions - n_hopping
    first = hopping.sums.mean(axis=1)[:, 1].sum() / hopping.counts[:, 1].sum()
    zero = hopping.sums.mean(axis=1)[:, 0].sum() / hopping.counts[:, 0].sum()
    level = np.full(hopping.counts.shape, first)
    level[:, 0] = zero
    still = np.repeat((level * hopping.counts)[:, None, :], extra, axis=1)
    share = n_hopping / n_ions
    constant = np.full_like(hopping.mean, hopping.mean[1])
    constant[0] = hopping.mean[0]
    per_ion = np.concatenate([hopping.per_ion, np.tile(constant.astype(np.float32), (extra, 1))])
    note = (
        f"renewal correction: {extra} ions that did not hop added as constant to {n_hopping} that did; assumes that "
        "the mean square of the observable is the same for both"
    )
    return dataclasses.replace(
        hopping,
        mean=share * hopping.mean + (1 - share) * constant,
        per_ion=per_ion,
        ids=np.concatenate([hopping.ids, -1 - np.arange(extra)]),
        sums=np.concatenate([hopping.sums, still], axis=1),
        warnings=[note],
        parameters={**hopping.parameters, "by_outcome": False, "n_ions": n_ions, "renewal_correction": True},
    )


def expected_bias(hops_per_ion: float) -> float:
    """Return the mean number of hops of an ion over that of an ion known to have hopped, 1 - exp(-kT) <= 1.

    For independent ions with Poisson hops; the rate of ions chosen because they hopped is too high by its inverse.

    Parameters
    ----------
    hops_per_ion : float
        k T, mean number of hops of one ion in the run, all ions counted.
    """
    if not hops_per_ion > 0:
        raise InputError(f"expected a positive number of hops per ion, found {hops_per_ion}")
    return float(-np.expm1(-hops_per_ion))
