"""Ions on sites in space: occupation, moves, memory, and the network of paths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.hop_events import INNER_RATIO
from ufpnmr.dynamics.percolation import percolation
from ufpnmr.dynamics.rates import N_BLOCKS, count_events, event_rate, finite
from ufpnmr.dynamics.series import Paths, check_paths, frames_left_out
from ufpnmr.dynamics.site_assignment import assign, neighbour_distance
from ufpnmr.dynamics.site_positions import Sites, constant_cell
from ufpnmr.dynamics.sites import minimum_residence_frames
from ufpnmr.dynamics.visits import Visits, count_changes, settle, visits
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.site_network import SiteNetwork
from ufpnmr.results.sites import TRANSIT
from ufpnmr.units import PER_PS_IN_PER_S

__all__ = ["site_network"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LARGEST_UNASSIGNED = 0.5
NOTABLE_UNASSIGNED = 0.1


def site_network(
    paths: Paths,
    sites: Sites,
    *,
    capture: float | None = None,
    release: float | None = None,
    minimum_residence: float | None = None,
    threads: int = 0,
) -> SiteNetwork:
    """Assign ions to sites in space and describe how they move between them.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped paths relative to the framework in a constant cell: positions (T, N, 3) Å, time (T,) ps.
    sites : Sites
        From `reference_sites` or `density_sites`, or your own.
    capture : float, optional
        An ion belongs to a site from when it comes this close, Å. Default: half the shortest distance of two sites.
    release : float, optional
        It leaves where it gets farther than this, Å. Default: the capture radius over 0.65.
    minimum_residence : float, optional
        ps. Default: the longer of 5 frames and 5 ps. Shorter visits and transit go to the last settled site.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Raises
    ------
    InputError
        A cell that changes, radii out of order, sites that hold the ions less than half of the time.

    Notes
    -----
    Memory: among moves that follow another of the same ion, `back_fraction` go back to where that one came from.
    ``parameters["back_fraction_without_memory"]`` is what the same use of paths gives if every move is chosen afresh.
    """
    interval = check_paths(paths)
    cell = constant_cell(paths)
    residence = minimum_residence_frames(minimum_residence, interval)
    shortest = neighbour_distance(sites.fractional, cell)
    capture = shortest / 2 if capture is None else capture
    release = capture / INNER_RATIO if release is None else release
    smooth, raw = assign(paths, sites.fractional, cell, capture, release, residence, threads)
    unassigned = float((smooth == TRANSIT).mean())
    if unassigned > LARGEST_UNASSIGNED:
        raise InputError(
            f"the ions are at none of the {len(sites.kind)} sites ({sites.source}) in {100 * unassigned:.0f} % of the "
            "time: axes, origin or capture radius do not fit"
        )
    site = settle(smooth, residence)
    runs = visits(site)
    moves = _Moves(paths, runs, sites.fractional, cell)
    duration = len(paths.time) * interval
    occupation = np.stack([(site == k + 1).sum(axis=1) for k in range(len(sites.kind))], axis=1)
    blocks = _block_means(occupation)
    edge_from, edge_to, edge_shift, edge_count = moves.edges()
    names = {str(code): name for code, name in sites.names.items()}
    notice = ""
    if unassigned > NOTABLE_UNASSIGNED:
        notice = f"{100 * unassigned:.0f} % of the time belongs to no site and was given to the last one"
    back, cosine, without_memory = _memory(moves, cell, sites.fractional, duration, interval)
    return SiteNetwork(
        names=names,
        occupations=_occupations(blocks, sites.kind, sites.names, len(moves.ion)),
        rates=_rates(moves, occupation.sum(axis=0) * interval, sites.kind, sites.names, duration, interval),
        back_fraction=back,
        mean_cosine=cosine,
        percolation=percolation(edge_from, edge_to, edge_shift, edge_count, len(sites.kind)),
        n_changes_raw=count_changes(raw),
        n_changes_settled=count_changes(site),
        n_ions_changed=int((site[1:] != site[:-1]).any(axis=0).sum()),
        parameters={
            **frames_left_out(paths),
            "sites": sites.source,
            "n_sites": len(sites.kind),
            "shortest_distance": shortest,
            "capture_radius": capture,
            "release_radius": release,
            "unassigned_fraction": unassigned,
            "minimum_residence_ps": residence * interval,
            "minimum_residence_frames": residence,
            "frame_interval_ps": interval,
            "back_fraction_without_memory": without_memory,
            "drift": paths.drift_mode,
            "selection": paths.selection,
            "notice": notice,
        },
        time=np.asarray(paths.time, dtype=np.float64),
        ids=np.asarray(paths.ids, dtype=np.int64),
        site=site,
        raw=raw,
        fractional=sites.fractional,
        cell=cell,
        kind=sites.kind,
        occupation=occupation.mean(axis=0),
        occupation_std_error=blocks.std(axis=0, ddof=1) / math.sqrt(len(blocks)),
        edge_from=edge_from,
        edge_to=edge_to,
        edge_shift=edge_shift,
        edge_count=edge_count,
        provenance=collect(source=str(paths.source), analysis="site network"),
    )


class _Moves:
    """Moves between visits of one ion that follow each other, with the images of the sites."""

    def __init__(self, paths: Paths, runs: Visits, fractional: FloatArray, cell: FloatArray) -> None:
        inverse = np.linalg.inv(cell)
        known = runs.label != TRANSIT
        image = np.zeros((len(runs.label), 3), dtype=np.int64)
        for k in np.flatnonzero(known):
            # the middle of a visit is at its site beyond doubt, whatever image of it that is
            middle = (runs.start[k] + runs.end[k]) // 2
            place = np.asarray(paths.positions[middle : middle + 1])[0, runs.ion[k]] @ inverse
            image[k] = np.rint(place - fractional[runs.label[k] - 1])
        first = np.flatnonzero((runs.ion[1:] == runs.ion[:-1]) & known[1:] & known[:-1])
        self.ion = runs.ion[first]
        self.frame = runs.start[first + 1]
        self.start, self.end = runs.label[first] - 1, runs.label[first + 1] - 1
        self.shift = image[first + 1] - image[first]
        self.follows = np.flatnonzero((self.ion[1:] == self.ion[:-1]) & (first[1:] == first[:-1] + 1)) + 1
        """Moves that follow another of the same ion."""

    def edges(self) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        rows = np.column_stack([self.start, self.end, self.shift]).reshape(-1, 5)
        unique, counts = np.unique(rows, axis=0, return_counts=True)
        return unique[:, 0], unique[:, 1], unique[:, 2:], counts.astype(np.int64)


def _block_means(values: npt.NDArray[Any]) -> FloatArray:
    """Return means (B, S) over time blocks of (T, S)."""
    edges = statistics.block_edges(len(values), min(N_BLOCKS, len(values)))
    means: FloatArray = np.add.reduceat(values, edges[:-1], axis=0) / np.diff(edges)[:, None]
    return means


def _occupations(blocks: FloatArray, kind: IntArray, names: Mapping[int, str], n_moves: int) -> dict[str, Record]:
    records = {}
    for code in np.unique(kind):
        value, low, high, error = statistics.block_interval(blocks[:, kind == code].mean(axis=1))
        status = "ok" if n_moves >= 20 else "few_events"
        method = "ions per site in this run; 95 %: log-t over time blocks"
        records[names[int(code)]] = Record(
            value, "1", method, low, finite(high), error, n_events=n_moves, status=status
        )
    return records


def _rates(
    moves: _Moves, time_at: FloatArray, kind: IntArray, names: Mapping[int, str], duration: float, interval: float
) -> dict[str, Record]:
    records = {}
    when = moves.frame * interval
    start, end = kind[moves.start], kind[moves.end]
    for a in np.unique(kind):
        seconds = float(time_at[kind == a].sum()) / PER_PS_IN_PER_S
        every = count_events(when[start == a], duration)
        records[f"{names[int(a)]}->any"] = event_rate(every, seconds, "moves over time spent there")
        for b in np.unique(end[start == a]):
            count = count_events(when[(start == a) & (end == b)], duration)
            name = f"{names[int(a)]}->{names[int(b)]}"
            records[name] = event_rate(count, seconds, "moves over time spent at the first kind")
    return records


def _memory(
    moves: _Moves, cell: FloatArray, fractional: FloatArray, duration: float, interval: float
) -> tuple[Record, Record, float | None]:
    """Return the fraction of moves back, the mean cosine of moves that follow each other, and the former by chance."""
    second = moves.follows
    vector = (fractional[moves.end] + moves.shift - fractional[moves.start]) @ cell
    length = np.linalg.norm(vector, axis=1)
    back = (moves.end[second] == moves.start[second - 1]) & (moves.shift[second] == -moves.shift[second - 1]).all(
        axis=1
    )
    cosine = (vector[second] * vector[second - 1]).sum(axis=1) / (length[second] * length[second - 1])
    n = len(second)
    when = moves.frame[second] * interval
    blocks = np.histogram(when, bins=N_BLOCKS, range=(0, duration))[0].astype(np.float64)
    methods = (
        "moves back over moves that follow another; 95 %: log-t, jackknife over time blocks",
        "mean cosine of the angle to the move before; 95 %: t, jackknife over time blocks",
    )
    if n < 5 or blocks.max() == n:
        refused = [Record(None, "1", method, n_events=n, status="too_few_events") for method in methods]
        return refused[0], refused[1], None
    status = "few_events" if n < 20 else "ok"

    def ratio(values: npt.NDArray[Any], method: str, positive: bool) -> Record:
        sums = np.histogram(when, bins=N_BLOCKS, range=(0, duration), weights=values.astype(np.float64))[0]
        value, low, high, error = statistics.ratio_interval(sums, blocks, positive)
        low, high = (low, min(high, 1.0)) if positive else (max(low, -1.0), min(high, 1.0))
        return Record(value, "1", method, low, high, error, n_events=n, status=status)

    share = ratio(back, methods[0], True)
    if not back.any():
        # none seen: the largest fraction that leaves none of n with 5 % probability
        share = Record(0.0, "1", methods[0], 0.0, 1 - 0.05 ** (1 / n), None, n_events=n, status=status)
    return share, ratio(cosine, methods[1], False), _back_by_chance(moves)


def _back_by_chance(moves: _Moves) -> float | None:
    """Return the fraction of moves back if each chose among the paths from its site as often as others use them."""
    edges = np.column_stack([moves.start, moves.end, moves.shift])
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    used = {tuple(edge): count for edge, count in zip(unique.tolist(), counts.tolist(), strict=True)}
    leaving = np.bincount(moves.start)
    reverse = np.column_stack([moves.end, moves.start, -moves.shift])[moves.follows - 1]
    itself = (edges[moves.follows] == reverse).all(axis=1)
    chances = [
        (used.get(tuple(edge), 0) - own) / (leaving[edge[0]] - 1)
        for edge, own in zip(reverse.tolist(), itself.tolist(), strict=True)
        if leaving[edge[0]] > 1
    ]
    return float(np.mean(chances)) if chances else None
