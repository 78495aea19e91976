"""What a decay means: how deep exchange between sites can make it, and how its rate relates to the hop rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError, nearest
from ufpnmr.isotopes import Isotope
from ufpnmr.nmr.frequencies import coupling, omega_q, six_columns
from ufpnmr.results import Record

if TYPE_CHECKING:
    from ufpnmr.results.decay import DecayFit
    from ufpnmr.results.hops import HopResult

__all__ = ["PROCESSES", "exchange_depth", "hop_rate_ratio", "rate_ratio"]

PROCESSES = {
    "uncorrelated": "a new, uncorrelated value at each hop",
    "equivalent_sites": "n equivalent values, uniform exchange: n/(n - 1)",
    "two_sites": "two sites with rates k12, k21: (k12 + k21)²/(2 k12 k21)",
    "equal_values": "hops between sites of equal value: no decay",
}
"""Process -> meaning, the table of spec analysis 1.12."""


def exchange_depth(
    V: npt.ArrayLike,
    populations: npt.ArrayLike,
    *,
    isotope: str | Isotope = "7Li",
    cell: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Return the depth of the decay that complete exchange among sites would give, before thermal variance.

    depth = (<x²> - <x>²)/<x²>, which for two sites is p1 p2 Δ²/(x̄² + p1 p2 Δ²). A depth near 0 means that exchange
    is invisible in that observable, whatever the rate.

    Parameters
    ----------
    V : array_like (S, 6) or (S, 3, 3)
        Mean field gradient of each site, V/Å².
    populations : array_like (S,)
        Weight of each site; scaled to sum 1.
    isotope : str or Isotope
    cell : array_like (3, 3), Å, optional
        Rows a, b, c; default the axes x, y, z of V.

    Returns
    -------
    dict
        Keys "a", "b", "c" (ω_Q, field along that axis), "powder" (ω_Q averaged over directions), "cq"
        (magnitude of C_Q); values in [0, 1].
    """
    weights = np.asarray(populations, dtype=np.float64)
    directions = np.eye(3) if cell is None else np.asarray(cell, dtype=np.float64)
    basis = np.array([omega_q(V, isotope, axis) for axis in directions])
    if weights.ndim != 1 or basis.shape != (3, len(weights)) or np.any(weights < 0) or not weights.sum() > 0:
        raise InputError(
            f"expected one non-negative population per site, found {weights.tolist()} for {np.shape(V)} tensors"
        )
    weights = weights / weights.sum()

    def depth(values: npt.NDArray[np.float64]) -> float:
        mean = values @ weights
        square = float(np.sum(values**2 @ weights))
        return (square - float(np.sum(mean**2))) / square if square > 0 else math.nan

    # Off-diagonal components count twice in V:V, the square that the average over field directions leaves.
    tensors = (six_columns(V) * np.sqrt([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])).T
    return {
        **{name: depth(row[None]) for name, row in zip("abc", basis, strict=True)},
        "powder": depth(tensors),
        "cq": depth(np.abs(coupling(V, isotope)[0])[None]),
    }


def hop_rate_ratio(process: str, *, n_sites: int = 2, rates: Mapping[str, float] | None = None) -> float:
    """Return decay rate of C(t) over hops per ion and time for a process (spec analysis 1.12).

    Parameters
    ----------
    process : str
        One of `PROCESSES`.
    n_sites : int
        Number of equivalent sites for "equivalent_sites".
    rates : mapping, optional
        "k12" and "k21" for "two_sites", in any one unit.

    Returns
    -------
    float
        1 for a new value at each hop, 0 where hops do not change the value.
    """
    if process not in PROCESSES:
        raise InputError(
            f"expected process to be one of {', '.join(PROCESSES)}, found {process!r}{nearest(process, PROCESSES)}"
        )
    if process == "equivalent_sites":
        if n_sites < 2:
            raise InputError(f"expected at least two sites, found {n_sites}")
        return n_sites / (n_sites - 1)
    if process == "two_sites":
        if rates is None or set(rates) != {"k12", "k21"} or min(rates.values()) <= 0:
            raise InputError(f"expected rates k12 and k21, both positive, found {rates}")
        total = rates["k12"] + rates["k21"]
        return total**2 / (2 * rates["k12"] * rates["k21"])
    return 1.0 if process == "uncorrelated" else 0.0


def rate_ratio(fit: DecayFit, hops: HopResult) -> Record | None:
    """Return 1/tau over the hop rate (spec analysis 1.12), or None where either is not claimed.

    Parameters
    ----------
    fit : DecayFit
    hops : HopResult

    Notes
    -----
    The half-widths of the two intervals add in quadrature in the logarithm; the two come from one run and are treated
    as independent.
    """
    decay, hop = fit.rate, hops.rate
    numbers = [decay.value, decay.ci_low, decay.ci_high, hop.value, hop.ci_low, hop.ci_high]
    if not (decay.trustworthy and hop.trustworthy) or any(not number or number <= 0 for number in numbers):
        return None
    rate, rate_low, rate_high, k, k_low, k_high = (float(number or 0) for number in numbers)
    down = math.hypot(math.log(rate / rate_low), math.log(k_high / k))
    up = math.hypot(math.log(rate_high / rate), math.log(k / k_low))
    value = rate / k
    return Record(
        value,
        "1",
        "decay rate over hop rate; 95 %: logarithmic half-widths in quadrature",
        value * math.exp(-down),
        value * math.exp(up),
        value * (up + down) / 4,
        n_events=hop.n_events,
        status="ok" if decay.status == hop.status == "ok" else "few_events",
    )
