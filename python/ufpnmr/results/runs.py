"""Means over independent runs, whatever the analysis."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array_group

__all__ = ["Averageable", "RunAverage"]


class Averageable(Protocol):
    """What a result tells about itself so that runs can be averaged and compared."""

    schema: ClassVar[str]
    grid: ClassVar[tuple[str, ...]]
    """Arrays that must be equal in all runs."""
    curves: ClassVar[dict[str, str]]
    """Arrays to average, each with the name of its standard error."""
    settings: ClassVar[tuple[str, ...]]
    """Parameters that must be equal in all runs."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything that decided the result."""

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of the result by name."""


@dataclasses.dataclass(frozen=True, repr=False)
class RunAverage(StoredResult):
    """Mean over independent runs of one analysis.

    Attributes
    ----------
    kind : str
        Schema of the results that were averaged.
    n_runs : int
        Number of runs S.
    grid : dict of ndarray
        The arrays that all runs share (distances, lags ...), by name.
    mean, std, sem : dict of ndarray
        Mean of each curve, standard deviation over runs (ddof 1; nan for one run) and standard error of the mean: from
        the runs if there are five or more, else the larger of that and the one from the time blocks of the runs.
    values : dict of Record
        Mean of each number with its t interval over runs.
    run_values : dict
        The number of each run, None where it claims none.
    settings : dict
        Parameters that all runs share.
    notes : list of str
        Numbers whose scatter over runs contradicts the errors from time blocks (F test, 1 %).
    """

    schema: ClassVar[str] = "ufpnmr-runs"

    kind: str
    n_runs: int
    values: dict[str, Record]
    run_values: dict[str, list[float | None]]
    settings: dict[str, Any]
    notes: list[str]
    grid: dict[str, npt.NDArray[Any]] = array_group()
    mean: dict[str, npt.NDArray[np.float64]] = array_group()
    std: dict[str, npt.NDArray[np.float64]] = array_group()
    sem: dict[str, npt.NDArray[np.float64]] = array_group()

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return self.values
