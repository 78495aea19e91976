"""First-order quadrupolar spectra of motionally averaged tensors."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.storage import StoredResult, array

__all__ = ["SpectrumResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class SpectrumResult(StoredResult):
    """All transitions of a powder. K frequencies, S series (temperatures), N tensors.

    Attributes
    ----------
    isotope : dict
        name, spin, quadrupole_moment_mb and its source.
    spinning : float
        Magic-angle spinning frequency, kHz; 0 for a static powder.
    broadening : float
        Full width at half maximum of the Gaussian that every line is folded with, kHz.
    averaging : str
        Over what the tensors were averaged.
    warnings : list of str
    temperature : ndarray (S,), K
        NaN where it was not given.
    frequency : ndarray (K,), kHz
        From the central line.
    intensity : ndarray (S, K)
        Of unit area, 1/kHz.
    second_moment : ndarray (S,), kHz²
        Of the unbroadened spectrum.
    width : ndarray (S,), kHz
        Distance between the outermost points at half maximum of the satellites alone, with the broadening.
    rms_coupling : ndarray (S,), kHz
        Root mean square of P_Q of the averaged tensors.
    c_q, eta : ndarray (N,), kHz and 1
        Of the averaged tensors of the first series.
    ids : ndarray (N,)
    """

    schema: ClassVar[str] = "ufpnmr-spectrum"
    table_axis: ClassVar[str] = "(K,)"

    isotope: dict[str, Any]
    spinning: float
    broadening: float
    averaging: str
    warnings: list[str]
    temperature: npt.NDArray[np.float64] = array("K", "(S,)")
    frequency: npt.NDArray[np.float64] = array("kHz", "(K,)")
    intensity: npt.NDArray[np.float64] = array("1/kHz", "(S, K)")
    second_moment: npt.NDArray[np.float64] = array("kHz^2", "(S,)")
    width: npt.NDArray[np.float64] = array("kHz", "(S,)")
    rms_coupling: npt.NDArray[np.float64] = array("kHz", "(S,)")
    c_q: npt.NDArray[np.float64] = array("kHz", "(N,)")
    eta: npt.NDArray[np.float64] = array("1", "(N,)")
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
