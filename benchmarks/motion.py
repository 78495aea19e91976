"""Numbers that tell liquid-like motion, hopping and concerted motion apart, from van Hove functions and hop counts.

Shared by agi.py and conduction.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ufpnmr.results.runs import RunAverage

RESIDENCE = 1.0
"""Shortest stay of a hop, ps."""
RADII = (0.7, 1.0, 1.4, 2.0, 2.8)
LAGS = (0.5, 2.0, 10.0)
"""ps."""
SHORT_LAG = 0.1
"""ps; the decay of G_s near the origin starts from here."""


def landmarks(hops: RunAverage, hove: RunAverage) -> dict[str, float]:
    """Return hops by outer radius, and where G_s and G_d stand at some lags."""
    found = {}
    radii, seen = hops.grid["thresholds"], hops.mean["scan_rate"] / 1e12
    for radius in RADII:
        row = int(abs(radii - radius).argmin())
        found[f"hops per ion and ps beyond {radii[row]:.2f} A, stays of {RESIDENCE:g} ps"] = round(float(seen[row]), 4)
    lag, r = hove.grid["lag"], hove.grid["r"]
    near = hove.mean["gs"][:, r < 0.5].mean(axis=1)
    short = near[int(abs(lag - SHORT_LAG).argmin())]
    for time in LAGS:
        row = int(abs(lag - time).argmin())
        at = f"after {lag[row]:.1f} ps"
        radial = hove.mean["gs"][row] * r**2
        found[f"most probable displacement {at} / A"] = round(float(r[np.argmax(radial)]), 2)
        found[f"G_s within 0.5 A {at} over that after {SHORT_LAG:g} ps"] = round(float(near[row] / short), 4)
        found[f"G_d within 1 A over density {at}"] = round(float(hove.mean["concerted"][row]), 3)
    return found


def numbers(mean: dict[str, RunAverage]) -> dict[str, Any]:
    """Return every record of each analysis by "ANALYSIS: QUANTITY", with the values of the single runs."""
    return {
        f"{name}: {quantity}": {**record.to_dict(), "runs": average.run_values[quantity]}
        for name, average in mean.items()
        for quantity, record in average.values.items()
    }
