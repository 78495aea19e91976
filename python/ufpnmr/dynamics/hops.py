"""Hops of ions without a list of sites; the discretisation is ours, Harper et al. 2025 do not give theirs."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ufpnmr.dynamics.hop_events import (
    INNER_RATIO,
    detect,
    hop_table,
    scan,
    unexplained_displacement,
    vibration_amplitudes,
)
from ufpnmr.dynamics.hop_rates import hop_records
from ufpnmr.dynamics.hop_stability import hop_stability
from ufpnmr.dynamics.rates import count_events
from ufpnmr.dynamics.series import Paths, check_paths, frames_left_out
from ufpnmr.errors import InputError, nearest
from ufpnmr.provenance import collect
from ufpnmr.results.hops import HopResult
from ufpnmr.units import PER_PS_IN_PER_S

__all__ = ["METHODS", "THRESHOLDS", "Plateau", "find_hops", "find_plateau"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

METHODS = ("anchor", "phop")
THRESHOLDS = np.geomspace(0.7, 2.8, 15)
"""Outer radii of the scan, Å."""
MINIMUM_FRAMES = 5
MINIMUM_TIME = 5.0
PLATEAU_SLOPE = 0.15
PLATEAU_WIDTH = 1.3
PLATEAU_EVENTS = 5
SLACK_EVENTS = 50
UNEXPLAINED_FRACTION = 0.3
UNEXPLAINED_LENGTH = 1.0


@dataclasses.dataclass(frozen=True)
class Plateau:
    """Range of outer radii over which the number of hops does not change; Å."""

    low: float
    high: float

    @property
    def radius(self) -> float:
        """Geometric mean of the ends, Å."""
        return math.sqrt(self.low * self.high)


def find_hops(
    paths: Paths,
    *,
    minimum_residence: float | None = None,
    outer_radius: float | None = None,
    labels: Any = None,
    method: Literal["anchor", "phop"] = "anchor",
    stability: bool = True,
    threads: int = 0,
) -> HopResult:
    """Find the hops of every ion, their rate, and whether the rate can be believed.

    Each component is smoothed by a running median, then an anchored state machine with hysteresis counts moves to a new
    place that last at least the minimum residence. The outer radius is the middle of the plateau of the number of hops
    over a scan of 15 radii; without a plateau, or where hops do not explain the displacements, no rate is claimed.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped, drift-free paths (`ufpnmr.trajectory.ion_paths`): positions (T, N, 3) Å, time (T,) ps.
    minimum_residence : float, optional
        Shortest stay that counts, ps. Default: the longer of 5 frames and 5 ps.
    outer_radius : float, optional
        Distance from the anchor that a hop must exceed, Å. Default: from the plateau of the scan.
    labels : SiteLabels or array_like (T, N), optional
        Site label of each ion in each frame, from any source, to be stored with each hop.
    method : {"anchor", "phop"}
        "phop": displacement between two windows of the minimum residence (Candelier et al. 2010) instead of the state
        machine, an independent check; it also fires on excursions shorter than the minimum residence.
    stability : bool
        Whether to repeat the count with other parameters, so that the result shows how much they matter.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Returns
    -------
    HopResult
        Events, scan, rates with intervals, diagnostics.

    Raises
    ------
    InputError
        Frames not equally spaced, run not longer than two residences, radius or labels that do not fit.

    Notes
    -----
    k_obs = n/(N (T - t_res)); residences shorter than t_res are invisible, k_obs = k exp(-k t_res), hence
    k = -W0(-k_obs t_res)/t_res with Lambert's W.
    """
    interval = check_paths(paths)
    n_frames, n_ions = paths.positions.shape[:2]
    residence = _residence_frames(minimum_residence, interval, n_frames)
    if method not in METHODS:
        raise InputError(f"expected a method of {METHODS}, found {method!r}{nearest(method, METHODS)}")
    counts = scan(paths, residence, THRESHOLDS, method, threads=threads)
    plateau = find_plateau(THRESHOLDS, counts)
    radius = _radius(outer_radius, plateau)
    events = detect(paths, residence, radius, method, threads)
    table = hop_table(events, paths, residence, labels)
    unexplained, unexplained_rms = unexplained_displacement(events, paths, residence)

    duration = (n_frames - 1) * interval
    t_res = residence * interval
    count = count_events(table["time"] - paths.time[0], duration)
    refusal = ""
    if outer_radius is None and plateau is None:
        refusal = "no plateau of the count over the outer radius"
    elif unexplained > UNEXPLAINED_FRACTION and unexplained_rms > UNEXPLAINED_LENGTH:
        refusal = f"hops leave {100 * unexplained:.0f} % of the squared displacement unexplained: continuous motion"
    records = hop_records(table, count, float(paths.time[0]), duration, n_ions, t_res, refusal)
    vibration, residual = vibration_amplitudes(paths, residence, threads)
    edges = np.linspace(0, duration, len(count.blocks) + 1) + paths.time[0]
    return HopResult(
        ids=np.asarray(paths.ids, dtype=np.int64),
        thresholds=THRESHOLDS.copy(),
        counts=counts,
        interval={
            **count.describe(),
            "block_edges_ps": edges.tolist(),
            "block_rates_per_s": (count.blocks * PER_PS_IN_PER_S / (n_ions * duration / len(count.blocks))).tolist(),
        },
        stability=hop_stability(
            paths, residence, radius, (plateau.low, plateau.high) if plateau else None, THRESHOLDS, method, threads
        )
        if stability
        else {},
        parameters={
            "method": method,
            "vibration_amplitude": vibration,
            "residual_amplitude": residual,
            "minimum_residence_ps": t_res,
            "minimum_residence_frames": residence,
            "outer_radius": radius,
            "inner_radius": INNER_RATIO * radius,
            "radius_from": "user" if outer_radius is not None else "plateau" if plateau else "scan middle, no plateau",
            "plateau": [plateau.low, plateau.high] if plateau else None,
            "refusal": refusal,
            "unexplained_fraction": unexplained,
            "unexplained_rms": unexplained_rms,
            "n_ions": n_ions,
            "n_frames": n_frames,
            "frame_interval_ps": interval,
            "excursions": events.excursions,
            "pending": events.pending,
            "string_sizes": np.bincount(np.bincount(table["string_id"])).tolist() if count.n else [],
            "drift": paths.drift_mode,
            "selection": paths.selection,
            **frames_left_out(paths),
        },
        provenance=collect(source=str(paths.source), analysis="hops"),
        **table,
        **records,
    )


def find_plateau(thresholds: FloatArray, counts: IntArray) -> Plateau | None:
    """Return the widest range of radii over which the count is flat.

    A range is flat if abs(d ln n) <= 0.15 d ln r + slack between neighbouring radii and between its ends. The slack is
    1/sqrt(n) below 50 events; from there on it is two standard deviations of the number of events that a slope of 0.15
    loses (at least one event), because that number is itself a count. A range with at least 5 events wins over one with
    fewer; a factor of 1.3 in r is required.

    Parameters
    ----------
    thresholds : ndarray (R,)
        Increasing radii, Å.
    counts : ndarray (R,)
        Hops at each.

    Returns
    -------
    Plateau or None
        None if no range is wide enough.
    """
    wide = [
        (first, last)
        for first, last in itertools.combinations(range(len(counts)), 2)
        if thresholds[last] >= PLATEAU_WIDTH * thresholds[first]
        and _flat(thresholds[last] / thresholds[first], int(counts[first]), int(counts[last]))
        and all(
            _flat(thresholds[k + 1] / thresholds[k], int(counts[k]), int(counts[k + 1])) for k in range(first, last)
        )
    ]
    if not wide:
        return None
    first, last = max(wide, key=lambda run: (counts[run[0] : run[1] + 1].min() >= PLATEAU_EVENTS, run[1] - run[0]))
    return Plateau(float(thresholds[first]), float(thresholds[last]))


def _flat(ratio: float, n_first: int, n_second: int) -> bool:
    n = min(n_first, n_second)
    if n == 0:
        return n_first == n_second
    allowed = PLATEAU_SLOPE * math.log(ratio)
    slack = 1 / math.sqrt(n) if n < SLACK_EVENTS else max(1.0, 2 * math.sqrt(allowed * n)) / n
    return abs(math.log(n_second / n_first)) <= allowed + slack


def _residence_frames(minimum_residence: float | None, interval: float, n_frames: int) -> int:
    if minimum_residence is None:
        residence = max(MINIMUM_FRAMES, math.ceil(MINIMUM_TIME / interval - 1e-6))
    else:
        residence = round(minimum_residence / interval)
        if residence < 2:
            raise InputError(
                f"expected a minimum residence of at least 2 frames ({2 * interval:g} ps), "
                f"found {minimum_residence:g} ps"
            )
    if n_frames <= 2 * residence:
        raise InputError(
            f"expected more than {2 * residence} frames (twice the minimum residence of {residence * interval:g} ps), "
            f"found {n_frames}; use a longer run or a shorter minimum residence"
        )
    return residence


def _radius(outer_radius: float | None, plateau: Plateau | None) -> float:
    if outer_radius is not None:
        if not outer_radius > 0:
            raise InputError(f"expected a positive outer radius in Å, found {outer_radius}")
        return outer_radius
    return plateau.radius if plateau else float(THRESHOLDS[len(THRESHOLDS) // 2])
