"""Hops of ions found without a list of sites."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array
from ufpnmr.units import PER_PS_IN_PER_S

__all__ = ["HopResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class HopResult(StoredResult):
    """One row per hop, ordered by time, and the rates that follow.

    Attributes
    ----------
    ids : ndarray (N,)
        Atom ids of the ions.
    ion : ndarray (M,)
        Index of the hopping ion into `ids`.
    t_leave, t_arrive, time : ndarray (M,)
        Last frame near the old anchor, first frame near the new one, and their midpoint; ps.
    position, displacement : ndarray (M, 3)
        Middle of the hop (unwrapped, drift removed) and new minus old anchor; Å.
    length : ndarray (M,)
        Length of the displacement, Å.
    is_return : ndarray (M,)
        Whether the hop goes back to the anchor before the last.
    label_from, label_to : ndarray (M,)
        Site labels at `t_leave` and `t_arrive`; -1 without labels.
    string_id : ndarray (M,)
        Hops close to each other in time and space share a number.
    thresholds, counts : ndarray (R,)
        Scan of the outer radius (Å) and the number of hops at each.
    rate : Record
        Hops per ion and time, s^-1, corrected for residences too short to see.
    rate_observed, rate_without_returns : Record
        The same without the correction; and counting only hops that are not returns. s^-1.
    return_fraction, mean_length, hop_diffusion : Record
        Fraction of hops that return; mean length, Å; rate <length²>/6, cm²/s.
    interval : dict
        Block counts, Garwood interval, Fano factor and its test, rate against time.
    stability : dict
        Counts and rates with other parameters (`ufpnmr.dynamics.hop_stability`); empty if not asked for.
    parameters : dict
        Everything that decided the result, thresholds chosen and diagnostics of the choice.
    """

    schema: ClassVar[str] = "ufpnmr-hops"
    grid: ClassVar[tuple[str, ...]] = ("thresholds",)
    curves: ClassVar[dict[str, str]] = {"scan_rate": "scan_rate_std_error"}
    settings: ClassVar[tuple[str, ...]] = ("drift", "selection", "method", "minimum_residence_ps")
    table_axis: ClassVar[str] = "(M,)"

    rate: Record
    rate_observed: Record
    rate_without_returns: Record
    return_fraction: Record
    mean_length: Record
    hop_diffusion: Record
    interval: dict[str, Any]
    parameters: dict[str, Any]
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    ion: npt.NDArray[np.int64] = array("1", "(M,)")
    t_leave: npt.NDArray[np.float64] = array("ps", "(M,)")
    t_arrive: npt.NDArray[np.float64] = array("ps", "(M,)")
    time: npt.NDArray[np.float64] = array("ps", "(M,)")
    position: npt.NDArray[np.float64] = array("angstrom", "(M, 3)")
    displacement: npt.NDArray[np.float64] = array("angstrom", "(M, 3)")
    length: npt.NDArray[np.float64] = array("angstrom", "(M,)")
    is_return: npt.NDArray[np.bool_] = array("1", "(M,)")
    label_from: npt.NDArray[np.int64] = array("1", "(M,)")
    label_to: npt.NDArray[np.int64] = array("1", "(M,)")
    string_id: npt.NDArray[np.int64] = array("1", "(M,)")
    thresholds: npt.NDArray[np.float64] = array("angstrom", "(R,)")
    counts: npt.NDArray[np.int64] = array("1", "(R,)")
    stability: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def exposure(self) -> float:
        """Time in which hops could be seen, summed over ions: N (T - t_res), s."""
        found = self.parameters
        duration = (found["n_frames"] - 1) * found["frame_interval_ps"]
        return float(found["n_ions"] * (duration - found["minimum_residence_ps"]) / PER_PS_IN_PER_S)

    @property
    def scan_rate(self) -> npt.NDArray[np.float64]:
        """Hops per ion and time at each outer radius of the scan (R,), s^-1, not corrected for short stays."""
        return np.asarray(self.counts / self.exposure)

    @property
    def scan_rate_std_error(self) -> npt.NDArray[np.float64]:
        """Standard error of `scan_rate` (R,), s^-1: a count with the Fano factor of the hops, at least 1."""
        return np.asarray(np.sqrt(self.counts * max(1.0, self.interval["fano"] or 1.0)) / self.exposure)

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        names = (
            "rate",
            "rate_observed",
            "rate_without_returns",
            "return_fraction",
            "mean_length",
            "hop_diffusion",
        )
        return {name: getattr(self, name) for name in names}
