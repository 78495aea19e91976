"""What a model polycrystal does to the echo: decay over the mixing time, by grain size."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["PolycrystalResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class PolycrystalResult(StoredResult):
    """A MODEL, not a simulation of atoms. S grain sizes, M mixing times, R realisations, P pulse separations.

    Attributes
    ----------
    model : str
        What was assumed, in words.
    isotope : dict
        name, spin, quadrupole_moment_mb and its source.
    coupling : float
        P_Q of the tensor averaged over a grain, kHz.
    averaged_fraction : float or None
        V̄:V̄/<V:V>, what motion inside a grain leaves of C; None if only the averaged tensor was given.
    diffusion : float
        cm²/s.
    diffusion_source : str
    verdicts : list of str
        What the experiment sees of each size, see `ufpnmr.nmr.visibility.VERDICTS`.
    constant : Record
        τ D/L², dimensionless; no value with a boundary resistance, which brings a length of its own.
    target : list of float
        Decay times asked for, ms.
    target_size : dict of Record
        Grain sizes, nm, that give the two ends of `target`.
    warnings : list of str
    size : ndarray (S,), nm
        Mean diameter of the sphere of equal volume.
    tau : ndarray (S,), s; gamma, plateau : ndarray (S,)
        Eq. 5 fitted to the mean curve, amplitude 1.
    tau_error : ndarray (S,), s
        Standard error over realisations.
    grains : ndarray (R,)
        Number of grains of each realisation.
    size_spread : ndarray (R,)
        Standard deviation of the diameters over their mean.
    time : ndarray (M,), s
    curve, curve_error : ndarray (S, M)
        C(t)/C(0) = <V(0):V(t)>/<V:V> of the averaged tensors, and its standard error over realisations.
    tp : ndarray (P,), µs
    echo : ndarray (P, M)
        Eq. 3 for the first size, tp = td: F∞ + (F0 - F∞) C(t)/C(0).
    """

    schema: ClassVar[str] = "ufpnmr-polycrystal"
    table_axis: ClassVar[str] = "(M,)"

    model: str
    isotope: dict[str, Any]
    coupling: float
    averaged_fraction: float | None
    diffusion: float
    diffusion_source: str
    verdicts: list[str]
    constant: Record
    target: list[float]
    target_size: dict[str, Record]
    warnings: list[str]
    size: npt.NDArray[np.float64] = array("nm", "(S,)")
    tau: npt.NDArray[np.float64] = array("s", "(S,)")
    gamma: npt.NDArray[np.float64] = array("1", "(S,)")
    plateau: npt.NDArray[np.float64] = array("1", "(S,)")
    tau_error: npt.NDArray[np.float64] = array("s", "(S,)")
    grains: npt.NDArray[np.int64] = array("1", "(R,)")
    size_spread: npt.NDArray[np.float64] = array("1", "(R,)")
    time: npt.NDArray[np.float64] = array("s", "(M,)")
    curve: npt.NDArray[np.float64] = array("1", "(S, M)")
    curve_error: npt.NDArray[np.float64] = array("1", "(S, M)")
    tp: npt.NDArray[np.float64] = array("µs", "(P,)")
    echo: npt.NDArray[np.float64] = array("1", "(P, M)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
