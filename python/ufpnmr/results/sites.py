"""Site label of every ion in every frame, and how the ions exchange between sites."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["TRANSIT", "EscapeSurvival", "ResidenceTimes", "SiteLabels"]

TRANSIT = 0
"""Label of a frame in which an ion is at no site."""


@dataclasses.dataclass(frozen=True, repr=False)
class SiteLabels(StoredResult):
    """Labels from any source, settled (visits shorter than the minimum residence removed) and raw.

    Attributes
    ----------
    time : ndarray (T,)
        ps.
    ids : ndarray (N,)
        Atom ids of the ions.
    label, raw : ndarray (T, N), int8
        Settled and raw label; 0 is transit.
    codes : ndarray (K,)
        Labels that occur or were asked for, ascending; the order of `transitions`.
    names : dict
        Name of each code, keys as text: {"4": "LiS4", ...}.
    transitions : ndarray (K, K)
        Settled changes from codes[a] to codes[b].
    time_in : ndarray (K,)
        Time spent in each settled label, summed over ions, ps.
    populations, populations_raw : dict of Record
        Fraction of time in each label by name.
    rates : dict of Record
        "A->B": changes over time spent in A, s^-1; "A->any": exits from A.
    n_changes_raw, n_changes_settled : int
        Changes of label; their ratio tells how much the rim flickers.
    n_ions_changed : int
        Ions with at least one settled change.
    parameters : dict
        Radii and their origin, minimum residence, notices.
    """

    schema: ClassVar[str] = "ufpnmr-sites"
    grid: ClassVar[tuple[str, ...]] = ()
    curves: ClassVar[dict[str, str]] = {}
    settings: ClassVar[tuple[str, ...]] = ("rule", "count", "ion", "ligand", "minimum_residence_ps")

    names: dict[str, str]
    populations: dict[str, Record]
    populations_raw: dict[str, Record]
    rates: dict[str, Record]
    n_changes_raw: int
    n_changes_settled: int
    n_ions_changed: int
    parameters: dict[str, Any]
    time: npt.NDArray[np.float64] = array("ps", "(T,)")
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    label: npt.NDArray[np.int8] = array("1", "(T, N)")
    raw: npt.NDArray[np.int8] = array("1", "(T, N)")
    codes: npt.NDArray[np.int64] = array("1", "(K,)")
    transitions: npt.NDArray[np.int64] = array("1", "(K, K)")
    time_in: npt.NDArray[np.float64] = array("ps", "(K,)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return {**{f"population {name}": record for name, record in self.populations.items()}, **self.rates}


@dataclasses.dataclass(frozen=True, repr=False)
class ResidenceTimes(StoredResult):
    """Kaplan-Meier survival of visits to one site.

    Attributes
    ----------
    time : ndarray (P,)
        Lengths of completed visits, ps, ascending from 0.
    survival, greenwood : ndarray (P,)
        Probability of a visit to last longer, and Greenwood's standard error (independent visits).
    low, high : ndarray (P,)
        95 % band from resampling whole ions.
    median : Record
        Median residence, ps; claimed only if the curve crosses 1/2.
    restricted_mean : Record
        Mean of min(residence, longest time), ps.
    parameters : dict
        Label, visits, censored visits, replicas.
    """

    schema: ClassVar[str] = "ufpnmr-residence"

    median: Record
    restricted_mean: Record
    parameters: dict[str, Any]
    time: npt.NDArray[np.float64] = array("ps", "(P,)")
    survival: npt.NDArray[np.float64] = array("1", "(P,)")
    greenwood: npt.NDArray[np.float64] = array("1", "(P,)")
    low: npt.NDArray[np.float64] = array("1", "(P,)")
    high: npt.NDArray[np.float64] = array("1", "(P,)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return {"median": self.median, "restricted_mean": self.restricted_mean}


@dataclasses.dataclass(frozen=True, repr=False)
class EscapeSurvival(ResidenceTimes):
    """Kaplan-Meier survival of ions beside one polyanion, and the rate of escape.

    Attributes
    ----------
    rate : Record
        Escapes over time spent beside a polyanion, first and last visits included, s^-1.
    """

    schema: ClassVar[str] = "ufpnmr-escape"

    rate: Record = dataclasses.field(kw_only=True)

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return {"rate": self.rate, **super().records}
