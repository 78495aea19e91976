"""Site labels: by coordination or from any source, settled, with populations and exchange rates.

Harper et al. 2025 name the sites LiS4 and LiS6 but defer how they label; the rule here is ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ufpnmr import statistics
from ufpnmr.dynamics.coordination import (
    CoordinationPaths,
    bond_radius,
    continuous_numbers,
    coordination_numbers,
    paths_from_universe,
)
from ufpnmr.dynamics.rates import N_BLOCKS, count_events, event_rate
from ufpnmr.dynamics.series import frame_interval, frames_left_out
from ufpnmr.dynamics.visits import count_changes, hold, settle, visits
from ufpnmr.dynamics.voronoi import HALF_SHARE, SHARE, Weight, voronoi_numbers
from ufpnmr.errors import InputError
from ufpnmr.provenance import collect
from ufpnmr.results import Record
from ufpnmr.results.sites import TRANSIT, SiteLabels
from ufpnmr.units import PER_PS_IN_PER_S

__all__ = ["coordination_labels", "minimum_residence_frames", "settle_labels", "site_labels"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MINIMUM_FRAMES = 5
MINIMUM_TIME = 5.0
FEW_CHANGES = 20
CAPTURE, RELEASE = 0.2, 0.8
"""Distance of a continuous coordination number from an integer at which a label begins and ends."""


def coordination_labels(
    source: Any,
    *,
    ion: str,
    ligand: str,
    sites: Sequence[int] = (4, 6),
    count: Literal["bonds", "continuous", "voronoi"] = "bonds",
    weight: Weight = "solid angle",
    radius: float | None = None,
    half_gap: float | None = None,
    minimum_residence: float | None = None,
    threads: int = 0,
) -> SiteLabels:
    """Label every ion by its number of ligands, e.g. LiS4 and LiS6, anything else transit.

    Distances are smoothed by a running median; a bond forms below R - δ and breaks above R + δ. Transit and visits
    shorter than the minimum residence then go to the last settled label.

    Parameters
    ----------
    source : MDAnalysis.Universe or CoordinationPaths
        Trajectory, or arrays: time (T,) ps, ids (N,), ions (T, N, 3) Å, ligands (T, M, 3) Å, cell (T, 3, 3) Å.
    ion, ligand : str
        Elements (selected from the universe; names of the sites).
    sites : sequence of int
        Coordination numbers that are sites, 1 to 127.
    count : {"bonds", "continuous", "voronoi"}
        "continuous": the number is a sum of switching functions of the distances; an ion gets the label k when it comes
        within 0.2 of k and keeps it until it is farther than 0.8. "voronoi": faces of the Voronoi cell of the ion among
        its ligands, without any radius (`ufpnmr.dynamics.voronoi.voronoi_numbers`).
    weight : {"solid angle", "area"}
        Of the faces, with "voronoi".
    radius : float, optional
        R, Å. Default: first minimum of the pair correlation; needed if that has none.
    half_gap : float, optional
        δ, Å. Default: 4 standard deviations of the smoothed distance of pairs at the rim, within 0.15 and 0.5 Å; at the
        upper limit with a notice.
    minimum_residence : float, optional
        ps. Default: the longer of 5 frames and 5 ps.
    threads : int
        Threads; 0 for all. The result does not depend on it.

    Returns
    -------
    SiteLabels

    Raises
    ------
    InputError
        No ion or ligand, frames not equally spaced, radii that leave no bond.
    """
    if weight not in ("solid angle", "area"):
        raise InputError(f"expected to weigh faces by 'solid angle' or 'area', found {weight!r}")
    arrays = source if isinstance(source, CoordinationPaths) else paths_from_universe(source, ion, ligand)
    interval = arrays.check()
    codes = sorted(set(sites))
    if not codes or codes[0] < 1 or codes[-1] > 127:
        raise InputError(f"expected coordination numbers of 1 to 127 as sites, found {list(sites)}")
    residence = minimum_residence_frames(minimum_residence, interval)
    names = {str(code): f"{ion}{ligand}{code}" for code in codes}
    told: dict[str, Any] = {"rule": "coordination", "count": count, "ion": ion, "ligand": ligand}
    told |= frames_left_out(arrays)
    if count == "voronoi":
        if radius is not None or half_gap is not None:
            raise InputError("a Voronoi cell needs no bond radius and no half gap; leave them out")
        raw_faces, faces = voronoi_numbers(arrays, residence // 2, weight, threads)
        told |= {"weight": weight, "share": SHARE, "half_share": HALF_SHARE, "notice": ""}
        told["mean_coordination"] = float(faces.mean())
        label, raw = _keep(faces, codes), _keep(raw_faces, codes)
        return _site_labels(arrays.time, arrays.ids, label, raw, names, residence, told)
    bonds = bond_radius(arrays, radius, half_gap, residence // 2, threads)
    if count == "continuous":
        if bonds.half_gap == 0:
            raise InputError("expected a half gap above 0 Å for a continuous coordination number")
        raw_sum, number = continuous_numbers(arrays, bonds, residence // 2, threads)
        label, raw = _from_continuous(number, codes), _keep(np.rint(raw_sum), codes)
    elif count == "bonds":
        raw_bonds, bonded = coordination_numbers(arrays, bonds, residence // 2, threads)
        label, raw, number = _keep(bonded, codes), _keep(raw_bonds, codes), bonded.astype(np.float32)
    else:
        raise InputError(f"expected to count 'bonds', 'continuous' or 'voronoi', found {count!r}")
    return _site_labels(
        arrays.time,
        arrays.ids,
        label,
        raw,
        names,
        residence,
        {
            **told,
            "radius": bonds.radius,
            "radius_from": bonds.source,
            "half_gap": bonds.half_gap,
            "residual_amplitude": bonds.amplitude,
            "mean_coordination": float(number.mean()),
            "notice": bonds.notice,
        },
    )


def site_labels(
    label: npt.ArrayLike,
    time: npt.ArrayLike,
    ids: npt.ArrayLike,
    *,
    names: Mapping[int, str] | None = None,
    minimum_residence: float | None = None,
) -> SiteLabels:
    """Wrap labels from any source; they are settled with the minimum residence.

    Parameters
    ----------
    label : array_like of int (T, N)
        Label of each ion in each frame, 0 for transit, -127 to 127.
    time : array_like (T,)
        ps.
    ids : array_like (N,)
        Atom ids.
    names : mapping, optional
        Name of each label; default "site 1" etc.
    minimum_residence : float, optional
        ps. Default: the longer of 5 frames and 5 ps; 0 keeps every visit.
    """
    raw = np.asarray(label)
    times, atoms = np.asarray(time, dtype=np.float64), np.asarray(ids, dtype=np.int64)
    if raw.shape != (len(times), len(atoms)) or raw.dtype.kind not in "iu" or not raw.size:
        raise InputError(
            f"expected integer labels of shape (T, N) = {(len(times), len(atoms))}, "
            f"found {raw.dtype} of shape {raw.shape}"
        )
    if raw.min() < -127 or raw.max() > 127:
        raise InputError(f"expected labels of -127 to 127, found {int(raw.min())} to {int(raw.max())}")
    residence = minimum_residence_frames(minimum_residence, frame_interval(times))
    codes = [int(code) for code in np.unique(raw) if code != TRANSIT]
    given = names or {}
    return _site_labels(
        times,
        atoms,
        raw.astype(np.int8),
        raw.astype(np.int8),
        {str(code): given.get(code, f"site {code}") for code in codes},
        residence,
        {"rule": "given", "notice": ""},
    )


def settle_labels(label: npt.ArrayLike, residence: int) -> npt.NDArray[np.int8]:
    """Return labels (T, N) without transit and visits shorter than `residence` frames; see `site_labels`."""
    return settle(np.asarray(label), residence)


def minimum_residence_frames(minimum_residence: float | None, interval: float) -> int:
    """Return the shortest visit that counts, in frames of `interval` ps; default the longer of 5 frames and 5 ps."""
    if minimum_residence is None:
        return max(MINIMUM_FRAMES, math.ceil(MINIMUM_TIME / interval - 1e-6))
    if not minimum_residence >= 0:
        raise InputError(f"expected a minimum residence >= 0 ps, found {minimum_residence}")
    return max(1, round(minimum_residence / interval))


def _keep(number: npt.NDArray[Any], codes: Sequence[int]) -> npt.NDArray[np.int8]:
    return np.where(np.isin(number, codes), number, TRANSIT).astype(np.int8)


def _from_continuous(number: npt.NDArray[np.float32], codes: Sequence[int]) -> npt.NDArray[np.int8]:
    nearest = np.rint(number).astype(np.int8)
    captured = np.where((np.abs(number - nearest) <= CAPTURE) & np.isin(nearest, codes), nearest, TRANSIT)
    released = np.abs(number - hold(captured)) > RELEASE
    return np.asarray(hold(captured, released), dtype=np.int8)


def _site_labels(
    time: FloatArray,
    ids: IntArray,
    smooth: npt.NDArray[np.int8],
    raw: npt.NDArray[np.int8],
    names: dict[str, str],
    residence: int,
    parameters: dict[str, Any],
) -> SiteLabels:
    label = settle(smooth, residence)
    interval = frame_interval(time)
    if (label == TRANSIT).any() or (raw == TRANSIT).any():
        names = {str(TRANSIT): "transit", **names}
    codes = np.array(sorted(int(code) for code in names), dtype=np.int64)
    transitions, times = _changes(label, codes, interval)
    time_in = np.array([np.count_nonzero(label == code) for code in codes]) * interval
    n_settled = count_changes(label)
    return SiteLabels(
        time=time,
        ids=ids,
        label=label,
        raw=raw,
        codes=codes,
        transitions=transitions,
        time_in=time_in,
        names=names,
        populations=_populations(label, codes, names, n_settled),
        populations_raw=_populations(raw, codes, names, count_changes(raw)),
        rates=_rates(transitions, times, time_in, codes, names, len(time) * interval),
        n_changes_raw=count_changes(raw),
        n_changes_settled=n_settled,
        n_ions_changed=int((label[1:] != label[:-1]).any(axis=0).sum()),
        parameters={
            **parameters,
            "minimum_residence_ps": residence * interval,
            "minimum_residence_frames": residence,
            "frame_interval_ps": interval,
        },
        provenance=collect(analysis="sites"),
    )


def _changes(
    label: npt.NDArray[np.int8], codes: IntArray, interval: float
) -> tuple[IntArray, dict[tuple[int, int], FloatArray]]:
    """Return the matrix of changes and the times (ps since the first frame) of each kind of change."""
    runs = visits(label)
    follows = np.flatnonzero(runs.ion[1:] == runs.ion[:-1])
    start = np.searchsorted(codes, runs.label[follows])
    end = np.searchsorted(codes, runs.label[follows + 1])
    transitions = np.zeros((len(codes), len(codes)), dtype=np.int64)
    np.add.at(transitions, (start, end), 1)
    when = runs.start[follows + 1] * interval
    times = {(a, b): when[(start == a) & (end == b)] for a in range(len(codes)) for b in range(len(codes)) if a != b}
    return transitions, times


def _populations(
    label: npt.NDArray[np.int8], codes: IntArray, names: Mapping[str, str], n_changes: int
) -> dict[str, Record]:
    blocks = min(N_BLOCKS, len(label))
    edges = statistics.block_edges(len(label), blocks)[:-1]
    lengths = np.diff(np.append(edges, len(label)))
    records = {}
    for code in codes:
        fraction = np.add.reduceat((label == code).mean(axis=1), edges) / lengths
        value, low, high, error = statistics.block_interval(fraction)
        records[names[str(int(code))]] = Record(
            value,
            "1",
            "fraction of time in this run; 95 %: log-t over time blocks",
            low,
            min(high, 1.0),
            error,
            n_events=n_changes,
            status="ok" if n_changes >= FEW_CHANGES else "few_events",
        )
    return records


def _rates(
    transitions: IntArray,
    times: Mapping[tuple[int, int], FloatArray],
    time_in: FloatArray,
    codes: IntArray,
    names: Mapping[str, str],
    duration: float,
) -> dict[str, Record]:
    records = {}
    for a, code in enumerate(codes):
        if code == TRANSIT:
            continue
        name, seconds = names[str(int(code))], float(time_in[a]) / PER_PS_IN_PER_S
        exits = [times[a, b] for b in range(len(codes)) if b != a]
        every = np.concatenate(exits) if exits else np.zeros(0)
        records[f"{name}->any"] = event_rate(count_events(every, duration), seconds, "exits over time spent there")
        for b in np.flatnonzero(transitions[a]):
            count = count_events(times[a, int(b)], duration)
            records[f"{name}->{names[str(int(codes[b]))]}"] = event_rate(count, seconds, "changes over time spent")
    return records
