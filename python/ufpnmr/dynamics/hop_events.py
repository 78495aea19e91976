"""The list of hops: detection over all ions, labels, strings of hops, and what the hops leave unexplained."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics import phop
from ufpnmr.dynamics.series import Paths, ion_series
from ufpnmr.errors import InputError

__all__ = [
    "INNER_RATIO",
    "Events",
    "detect",
    "hop_table",
    "link_strings",
    "scan",
    "unexplained_displacement",
    "vibration_amplitudes",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

INNER_RATIO = 0.65
"""Inner over outer radius of the hysteresis."""
STRING_DISTANCE = 5.0
PROBE_IONS = 24
PROBE_BYTES = 128 << 20
NORMAL_MEDIAN = 1.4826
"""Standard deviation over median absolute value of a normal variable."""


@dataclasses.dataclass(frozen=True)
class Events:
    """Hops in frames, ordered by time.

    Attributes
    ----------
    ion, leave, arrive : ndarray (M,)
        Index of the ion; last frame near the old and first frame near the new anchor.
    start, displacement : ndarray (M, 3)
        Old anchor relative to the first position of the ion, and the hop; Å.
    is_return : ndarray (M,)
        Whether the new anchor is the one before the old.
    excursions, pending : int
        Departures that came back too early to count; candidates open at the end of the run.
    """

    ion: IntArray
    leave: IntArray
    arrive: IntArray
    start: FloatArray
    displacement: FloatArray
    is_return: npt.NDArray[np.bool_]
    excursions: int
    pending: int


def scan(
    paths: Paths,
    residence: int,
    thresholds: FloatArray,
    method: str = "anchor",
    ratio: float = INNER_RATIO,
    threads: int = 0,
) -> IntArray:
    """Return the number of hops (R,) of all ions at every outer radius (Å); `residence` in frames."""
    counts = np.zeros(len(thresholds), dtype=np.int64)
    for _, series in ion_series(paths.positions):
        if method == "phop":
            counts += phop.counts(series, residence, thresholds)
        else:
            radii = thresholds.tolist()
            counts += _core.hop_scan(series, residence // 2, residence, radii, ratio, threads).sum(axis=0)
    return counts


def detect(paths: Paths, residence: int, outer: float, method: str = "anchor", threads: int = 0) -> Events:
    """Find the hops of every ion beyond the radius `outer` (Å) with stays of at least `residence` frames."""
    parts = []
    for ions, series in ion_series(paths.positions):
        if method == "phop":
            part = phop.events(series, residence, outer, INNER_RATIO * outer)
        else:
            part = _core.hop_events(series, residence // 2, residence, outer, INNER_RATIO * outer, threads)
        part["ion"] = part["ion"] + ions.start
        parts.append(part)
    all_ions = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((all_ions["ion"], all_ions["leave"] + all_ions["arrive"]))
    columns = {name: all_ions[name][order] for name in ("ion", "leave", "arrive", "displacement", "is_return")}
    return Events(
        start=all_ions["from"][order],
        excursions=int(all_ions["excursions"].sum()),
        pending=int(all_ions["pending"].sum()),
        **columns,
    )


def vibration_amplitudes(paths: Paths, residence: int, threads: int = 0) -> tuple[float, float]:
    """Return the standard deviation along one axis (Å) of raw and of smoothed positions about their place.

    From differences over one minimum residence of up to 24 ions, by the median, so that hops do not count.
    """
    n_frames, n_ions = paths.positions.shape[:2]
    probed = max(1, min(PROBE_IONS, PROBE_BYTES // (24 * n_frames)))
    chosen = range(0, n_ions, max(1, n_ions // probed))[:probed]
    raw = np.concatenate([np.asarray(paths.positions[:, k : k + 1], dtype=np.float64)[:, 0].T for k in chosen])
    smooth = _core.running_median(raw, residence // 2, threads)

    def amplitude(rows: FloatArray) -> float:
        return float(np.median(np.abs(rows[:, residence:] - rows[:, :-residence]))) * NORMAL_MEDIAN / math.sqrt(2)

    return amplitude(raw), amplitude(smooth)


def hop_table(events: Events, paths: Paths, residence: int, labels: Any) -> dict[str, Any]:
    """Return the columns of `HopResult` with one row per hop; `labels` is an integer array (T, N) or holds one."""
    t_leave, t_arrive = paths.time[events.leave], paths.time[events.arrive]
    position = np.asarray(paths.positions[0], dtype=np.float64)[events.ion] + events.start + events.displacement / 2
    label_from = label_to = np.full(len(events.ion), -1, dtype=np.int64)
    if labels is not None:
        label = _checked_labels(labels, paths)
        label_from = label[events.leave, events.ion].astype(np.int64)
        label_to = label[events.arrive, events.ion].astype(np.int64)
    return {
        "ion": events.ion,
        "t_leave": t_leave,
        "t_arrive": t_arrive,
        "time": (t_leave + t_arrive) / 2,
        "position": position,
        "displacement": events.displacement,
        "length": np.linalg.norm(events.displacement, axis=1),
        "is_return": events.is_return,
        "label_from": label_from,
        "label_to": label_to,
        "string_id": link_strings((events.leave + events.arrive) // 2, position, paths.cell, residence),
    }


def _checked_labels(labels: Any, paths: Paths) -> npt.NDArray[Any]:
    label = np.asarray(getattr(labels, "label", labels))
    shape = np.shape(paths.positions)[:2]
    if label.shape != shape or label.dtype.kind not in "iu":
        raise InputError(
            f"expected integer labels of shape (T, N) = {shape}, found {label.dtype} of shape {label.shape}"
        )
    return label


def link_strings(frame: IntArray, position: FloatArray, cell: FloatArray, residence: int) -> IntArray:
    """Return numbers for the groups of hops linked by at most `residence` frames and 5 Å.

    Parameters
    ----------
    frame : ndarray (M,)
        Ascending frame of each hop.
    position : ndarray (M, 3)
        Where it happened, Å.
    cell : ndarray (T, 3, 3)
        Rows a, b, c, Å; the nearest image counts (exact if every perpendicular height exceeds 10 Å).
    residence : int
        Largest difference in frames of a link.

    Returns
    -------
    ndarray (M,)
        Group of each hop.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(frame)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    ends = np.searchsorted(frame, frame + residence, side="right")
    linked = []
    for k in range(n):
        box = np.asarray(cell[frame[k]], dtype=np.float64)
        fractional = np.linalg.solve(box.T, (position[k + 1 : ends[k]] - position[k]).T).T
        apart = np.linalg.norm((fractional - np.rint(fractional)) @ box, axis=1)
        linked.append(k + 1 + np.flatnonzero(apart <= STRING_DISTANCE))
    first = np.repeat(np.arange(n), [len(later) for later in linked])
    links = coo_matrix((np.ones(len(first)), (first, np.concatenate(linked))), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def unexplained_displacement(events: Events, paths: Paths, residence: int) -> tuple[float, float]:
    """Compare the sum of each ion's hops with its end-to-end displacement.

    Ends are medians over `residence` frames, so that vibration does not count as motion.

    Returns
    -------
    fraction : float
        <|end-to-end - hops|²> / <|end-to-end|²> over ions.
    rms : float
        Root of the numerator, Å.
    """
    start = np.median(paths.positions[:residence], axis=0)
    total = (np.median(paths.positions[-residence:], axis=0) - start).astype(np.float64)
    rest = total.copy()
    np.subtract.at(rest, events.ion, events.displacement)
    squared, squared_rest = float((total**2).sum(axis=1).mean()), float((rest**2).sum(axis=1).mean())
    return (squared_rest / squared if squared > 0 else 0.0), math.sqrt(squared_rest)
