"""Means over independent runs, whatever the analysis."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array_group, write_columns

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

    def write_csv(self, path: str | Path) -> None:
        """Write mean, standard deviation and standard error of every curve as columns beside their axis.

        Each entry of an axis in front is a column; columns over a shorter axis end in nan.
        """
        axes = {name: values for name, values in self.grid.items() if values.dtype.kind == "f"}
        columns: dict[str, Any] = {}
        for name, mean in self.mean.items():
            axis = next((x for x in reversed(axes) if len(axes[x]) == mean.shape[-1]), None)
            if axis is None or mean.ndim > 2:
                continue
            columns.setdefault(axis, axes[axis])
            labels = [""] if mean.ndim == 1 else self._labels(len(mean), axis)
            for what, stored in (("mean", mean), ("std", self.std[name]), ("sem", self.sem[name])):
                rows = zip(labels, np.atleast_2d(stored), strict=True)
                columns |= {f"{name}{label} {what}": row for label, row in rows}
        if not columns:
            raise InputError(f"no curves in the mean of {self.kind}; its numbers are in the JSON")
        write_columns(path, columns)

    def _labels(self, count: int, axis: str) -> list[str]:
        for name, values in self.grid.items():
            if name != axis and len(values) == count:
                return [f"[{'-'.join(map(str, np.atleast_1d(value)))}]" for value in values]
        return [f"[{k}]" for k in range(count)]
