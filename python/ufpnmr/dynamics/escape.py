"""Escape of ions from their nearest polyanion (Lee et al. 2023, quoted in Harper et al. 2025)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ufpnmr import _core
from ufpnmr.dynamics.coordination import CoordinationPaths
from ufpnmr.dynamics.rates import count_events, event_rate
from ufpnmr.dynamics.residence import survival_curve
from ufpnmr.dynamics.series import frames_left_out
from ufpnmr.dynamics.sites import minimum_residence_frames
from ufpnmr.dynamics.visits import Visits
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results.sites import EscapeSurvival
from ufpnmr.units import PER_PS_IN_PER_S

__all__ = ["escape_survival", "escape_visits", "polyanions"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RADIUS = 3.0
SHORT_FRAMES = 10
LONGEST_BOND = 1.5


def polyanions(centres: FloatArray, ligands: FloatArray, cell: FloatArray) -> IntArray:
    """Return the polyanion of each ligand: that of its nearest centre.

    A ligand farther than 1.5 times the median distance of ligands to their centres is a polyanion of its own.

    Parameters
    ----------
    centres, ligands : ndarray (P, 3), (M, 3)
        Positions in one frame, Å.
    cell : ndarray (3, 3)
        Rows a, b, c, Å.

    Returns
    -------
    ndarray (M,)
        Number of the polyanion; lone ligands count on from P.
    """
    if not len(centres) or not len(ligands):
        raise InputError(f"expected centres and ligands of polyanions, found {len(centres)} and {len(ligands)} atoms")
    apart = (ligands[:, None] - centres[None]) @ np.linalg.inv(cell)
    distance = np.linalg.norm((apart - np.rint(apart)) @ cell, axis=2)
    owner, shortest = distance.argmin(axis=1), distance.min(axis=1)
    lone = shortest > LONGEST_BOND * np.median(shortest)
    return np.where(lone, len(centres) + np.cumsum(lone) - 1, owner).astype(np.int64)


def escape_visits(distance: FloatArray, radius: float, forgiven: int) -> tuple[IntArray, IntArray]:
    """Return start and end frame of the stays of one ion beside polyanions.

    A stay begins at the nearest polyanion within `radius` and ends when the ion has left that one for more than
    `forgiven` frames, however near it is to others.

    Parameters
    ----------
    distance : ndarray (A, T)
        To every polyanion, Å.
    radius : float
        Å.
    forgiven : int
        Frames.
    """
    n_frames = distance.shape[1]
    inside = distance < radius
    starts, ends = [], []
    t = 0
    while t < n_frames:
        near = np.flatnonzero(inside[:, t:].any(axis=0))
        if not len(near):
            break
        t += int(near[0])
        home = inside[int(distance[:, t].argmin()), t:]
        returns = np.flatnonzero(home)
        # the first return after too long an absence belongs to another stay
        late = np.flatnonzero(np.diff(returns) > forgiven + 1)
        last = int(returns[late[0]] if len(late) else returns[-1])
        open_end = not len(late) and len(home) - 1 - last <= forgiven
        starts.append(t)
        ends.append(n_frames if open_end else t + last + 1)
        t = ends[-1]
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)


def escape_survival(
    arrays: CoordinationPaths,
    groups: npt.ArrayLike,
    *,
    radius: float = RADIUS,
    minimum_residence: float | None = None,
    replicas: int = 200,
    seed: int = 0,
    threads: int = 0,
) -> EscapeSurvival:
    """Return how long ions stay within `radius` of their nearest polyanion.

    Parameters
    ----------
    arrays : CoordinationPaths
        Ions and the ligands of the polyanions.
    groups : array_like of int (M,)
        Polyanion of each ligand, e.g. from `polyanions`; its distance is that of its nearest ligand.
    radius : float
        Å.
    minimum_residence : float, optional
        ps. Absences up to this long are forgiven. Default: the longer of 5 frames and 5 ps.
    replicas, seed : int
        Resamples of whole ions for the band.
    threads : int
        Threads; 0 for all.

    Returns
    -------
    EscapeSurvival
        ``parameters``: ``fastest_rate_seen`` 1/t_res and ``slowest_rate_seen`` 1/T (s^-1) bound what a run of this
        sampling and length can see; ``short_fraction`` is the fraction of escapes after fewer than 10 frames.
        ``entry_seen`` is false if no stay began during the run and the curve is that of the stays it began with.

    Raises
    ------
    InputError
        Groups or radius that do not fit, no ion ever beside a polyanion.
    """
    interval = arrays.check()
    group = np.asarray(groups)
    if group.shape != (arrays.ligands.shape[1],) or group.dtype.kind not in "iu":
        raise InputError(f"expected one polyanion per ligand ({arrays.ligands.shape[1]}), found shape {group.shape}")
    if not radius > 0:
        raise InputError(f"expected a positive radius in Å, found {radius}")
    forgiven = 0 if minimum_residence == 0 else minimum_residence_frames(minimum_residence, interval)
    runs = _all_visits(arrays, group, radius, forgiven, threads)
    n_frames, n_ions = arrays.ions.shape[:2]
    ended = runs.end < n_frames
    seen = runs.start > 0
    if not runs.ion.size:
        raise InputError(f"no ion is within {radius:g} Å of a polyanion in any frame; give a larger radius")
    entry_seen = bool(seen.any())
    if not entry_seen:  # every stay began before the run: what is left of it from the first frame on
        seen = np.ones_like(seen)
    length = np.asarray((runs.end - runs.start) * interval, dtype=np.float64)
    seconds = float(length.sum()) / PER_PS_IN_PER_S
    count = count_events(runs.end[ended] * interval, n_frames * interval)
    rate = event_rate(count, seconds, "escapes over time spent beside a polyanion")
    return EscapeSurvival(
        **survival_curve(runs.ion[seen], length[seen], ended[seen], n_ions, replicas, seed),
        rate=rate,
        parameters={
            **frames_left_out(arrays),
            "radius": radius,
            "forgiven_ps": forgiven * interval,
            "n_polyanions": len(np.unique(group)),
            "entry_seen": entry_seen,
            "n_visits": int(seen.sum()),
            "n_censored": int((seen & ~ended).sum()),
            "short_fraction": float((length[ended] < SHORT_FRAMES * interval).mean()) if ended.any() else None,
            "fastest_rate_seen": PER_PS_IN_PER_S / (max(1, forgiven) * interval),
            "slowest_rate_seen": PER_PS_IN_PER_S / (n_frames * interval),
            "replicas": replicas,
            "seed": seed,
        },
        provenance=collect(analysis="escape"),
    )


def _all_visits(
    arrays: CoordinationPaths, group: npt.NDArray[np.int64], radius: float, forgiven: int, threads: int
) -> Visits:
    order = np.argsort(group, kind="stable")
    firsts = np.flatnonzero(np.append(True, np.diff(group[order]) != 0))
    ligands = np.ascontiguousarray(np.moveaxis(arrays.ligands[:, order], 0, -1), dtype=np.float64)
    inverse = np.linalg.inv(arrays.cell)
    ion, start, end = [], [], []
    for k in range(len(arrays.ids)):
        one = np.ascontiguousarray(np.moveaxis(arrays.ions[:, k : k + 1], 0, -1), dtype=np.float64)
        distance = _core.distances(one, ligands, arrays.cell, inverse, threads)[0]
        starts, ends = escape_visits(np.minimum.reduceat(distance, firsts, axis=0), radius, forgiven)
        ion += [k] * len(starts)
        start += starts.tolist()
        end += ends.tolist()
    none = np.zeros(len(ion), dtype=np.int64)
    return Visits(np.array(ion, dtype=np.int64), none, np.array(start, dtype=np.int64), np.array(end, dtype=np.int64))
