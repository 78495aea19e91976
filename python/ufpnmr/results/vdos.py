"""Vibrational densities of states."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["VDOSResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class VDOSResult(StoredResult):
    """Vibrational density of states of every element.

    Attributes
    ----------
    elements : ndarray (E,)
        Element symbols.
    nu : ndarray (F,)
        Wavenumbers, cm⁻¹.
    g, g_std_error : ndarray (E, F)
        Spectrum in the normalisation `parameters["norm"]`, whose unit is `parameters["norm_unit"]`, and its standard
        error over time blocks.
    g_smooth : ndarray (E, F)
        The same through a Savitzky-Golay filter: for display only, it may be negative.
    lag : ndarray (L,)
        ps.
    vacf : ndarray (E, L)
        Velocity autocorrelation <v(t + lag) v(t)>, mean over atoms and origins, Å²/ps².
    values : dict
        "X band centre" and "X band centre, half the limit" (cm⁻¹), each a `Record`.
    parameters : dict
        Everything that decided the result.
    """

    schema: ClassVar[str] = "ufpnmr-vdos"
    table_axis: ClassVar[str] = "(F,)"
    further_axes: ClassVar[tuple[str, ...]] = ("(L,)",)
    grid: ClassVar[tuple[str, ...]] = ("elements", "nu")
    curves: ClassVar[dict[str, str]] = {"g": "g_std_error"}
    settings: ClassVar[tuple[str, ...]] = ("norm", "velocities", "limits_cm")

    values: dict[str, Record]
    parameters: dict[str, Any]
    elements: npt.NDArray[np.str_] = array("1", "(E,)")
    nu: npt.NDArray[np.float64] = array("cm^-1", "(F,)")
    g: npt.NDArray[np.float64] = array("see norm_unit", "(E, F)")
    g_std_error: npt.NDArray[np.float64] = array("see norm_unit", "(E, F)")
    g_smooth: npt.NDArray[np.float64] = array("see norm_unit", "(E, F)")
    lag: npt.NDArray[np.float64] = array("ps", "(L,)")
    vacf: npt.NDArray[np.float64] = array("angstrom^2/ps^2", "(E, L)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return self.values

    @property
    def table_labels(self) -> dict[str, list[str]]:
        """Names of the columns of a table."""
        return {"E": [str(name) for name in self.elements]}
