"""How much the number of hops and their rate depend on the parameters of the search."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr.dynamics.hop_events import INNER_RATIO, scan
from ufpnmr.dynamics.hop_rates import corrected_rate
from ufpnmr.dynamics.rates import finite
from ufpnmr.dynamics.series import Paths, check_paths
from ufpnmr.units import PER_PS_IN_PER_S

__all__ = ["hop_stability"]

OTHER_RATIOS = (0.5, 0.8)
FACTORS = (0.5, 2.0)
RADIUS_STEP = 1.25


def hop_stability(
    paths: Paths,
    residence: int,
    radius: float,
    plateau: tuple[float, float] | None,
    thresholds: npt.NDArray[np.float64],
    method: str = "anchor",
    threads: int = 0,
) -> dict[str, Any]:
    """Count again with the minimum residence halved and doubled, the radius at its ends, and other inner radii.

    Parameters
    ----------
    paths : IonPaths
        Positions (T, N, 3), Å.
    residence : int
        Minimum residence, frames.
    radius : float
        Outer radius used, Å.
    plateau : tuple of float, optional
        Ends of the plateau, Å; without one the radius is changed by a factor of 1.25.
    thresholds : ndarray (R,)
        Outer radii of the scan, Å.
    method : {"anchor", "phop"}
        Only "anchor" has an inner radius.
    threads : int
        Threads; 0 for all.

    Returns
    -------
    dict
        ``variants``: one row per set of parameters (minimum_residence_ps, outer_radius, inner_ratio, n_events,
        rate_per_s), the first that of the result. ``scans``: counts over `thresholds` for each minimum residence.
        ``rate_spread``: smallest and largest rate over that of the result; None without hops.
    """
    interval = check_paths(paths)
    n_frames, n_ions = paths.positions.shape[:2]
    ends = plateau or (radius / RADIUS_STEP, radius * RADIUS_STEP)
    radii = np.concatenate([thresholds, [radius, *ends]])
    variants: list[dict[str, Any]] = []

    def add(frames: int, outer: float, ratio: float, count: int) -> None:
        t_res = frames * interval
        rate = corrected_rate(count / (n_ions * ((n_frames - 1) * interval - t_res)), t_res)
        variants.append(
            {
                "minimum_residence_ps": t_res,
                "outer_radius": outer,
                "inner_ratio": ratio,
                "n_events": count,
                "rate_per_s": finite(rate * PER_PS_IN_PER_S),
            }
        )

    other = {round(factor * residence) for factor in FACTORS} - {residence}
    scans: dict[str, list[Any]] = {"minimum_residence_ps": [], "counts": []}
    for frames in [residence, *sorted(frames for frames in other if frames >= 2 and n_frames > 2 * frames)]:
        counts = scan(paths, frames, radii, method, threads=threads)
        scans["minimum_residence_ps"].append(frames * interval)
        scans["counts"].append(counts[: len(thresholds)].tolist())
        add(frames, radius, INNER_RATIO, int(counts[len(thresholds)]))
        if frames == residence:
            for outer, count in zip(ends, counts[len(thresholds) + 1 :], strict=True):
                add(residence, outer, INNER_RATIO, int(count))
    for ratio in OTHER_RATIOS if method == "anchor" else ():
        add(residence, radius, ratio, int(scan(paths, residence, np.array([radius]), method, ratio, threads)[0]))
    rates = [row["rate_per_s"] for row in variants]
    spread = None
    if rates[0] and None not in rates:
        spread = [min(rates) / rates[0], max(rates) / rates[0]]
    return {"variants": variants, "scans": scans, "rate_spread": spread}
