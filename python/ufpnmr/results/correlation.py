"""Autocorrelation functions of quadrupolar observables."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.storage import StoredResult, array

__all__ = ["CorrelationResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class CorrelationResult(StoredResult):
    """An autocorrelation function with its errors and what a fit needs. T frames, N ions, L lags, B blocks, F fit lags.

    Attributes
    ----------
    observable : str
        "omega_q", "cq" or "powder"; "omega_q x cq" of a cross-correlation.
    isotope : dict
        name, spin, quadrupole_moment_mb and its source.
    convention : str
        Convention of ω_Q; "C_Q" for observable "cq", "harper2025" for "powder".
    field : list of float or None
        Unit vector of the magnetic field; None where it plays no role.
    axes : str
        Names of the axes that `field` and the tensors refer to.
    normalisation : str
        Of `mean`, `std_error` and `per_ion`; `sums` are never normalised.
    unit : str
        Unit of `mean`, `std_error` and `per_ion`.
    sums_unit : str
        Unit of `sums`.
    removed : str
        What was subtracted before correlating: "nothing", "mean of each ion" or "mean of all ions".
    warnings : list of str
        Remarks that stay with the result, such as a selection of ions.
    duration, interval : float
        Length of the series and time between its frames, ps.
    lag : ndarray (L,), ps
    mean, std_error : ndarray (L,)
        Average over ions and time origins, and its standard error (the larger of the one over ions and the one over
        blocks).
    n_origins : ndarray (L,)
        Time origins behind each lag.
    per_ion : ndarray (N, L)
        Curve of every ion, scaled like `mean`, which is their average.
    ids : ndarray (N,)
        Atom ids.
    fit_index : ndarray (F,)
        Lags of `sums`, as indices into `lag`; the first is lag 0.
    sums : ndarray (B, N, F)
        Sum over the time origins of block b of x(t) x(t + lag), per ion. At long lags the deviations between blocks
        come from means over at most a twelfth of the lag; the total over blocks is exact.
    counts : ndarray (B, F)
        Time origins behind each sum (mean over ions).
    """

    schema: ClassVar[str] = "ufpnmr-correlation"

    observable: str
    isotope: dict[str, Any]
    convention: str
    field: list[float] | None
    axes: str
    normalisation: str
    unit: str
    sums_unit: str
    removed: str
    warnings: list[str]
    duration: float
    interval: float
    lag: npt.NDArray[np.float64] = array("ps", "(L,)")
    mean: npt.NDArray[np.float64] = array("see unit", "(L,)")
    std_error: npt.NDArray[np.float64] = array("see unit", "(L,)")
    n_origins: npt.NDArray[np.int64] = array("1", "(L,)")
    per_ion: npt.NDArray[np.float32] = array("see unit", "(N, L)")
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    fit_index: npt.NDArray[np.int64] = array("1", "(F,)")
    sums: npt.NDArray[np.float64] = array("see sums_unit", "(B, N, F)")
    counts: npt.NDArray[np.float64] = array("1", "(B, F)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def description(self) -> str:
        """One line: observable, isotope with Q and its source, convention, field."""
        nucleus = self.isotope
        text = (
            f"{self.observable} of {nucleus['name']} (I = {nucleus['spin']:g}, "
            f"Q = {nucleus['quadrupole_moment_mb']:g} mb, {nucleus['source']}), convention {self.convention}"
        )
        if self.field is None:
            return text + ", no field direction"
        direction = ", ".join(f"{component:.4g}" for component in self.field)
        return f"{text}, field along ({direction})" + (f" in {self.axes}" if self.axes else "")
