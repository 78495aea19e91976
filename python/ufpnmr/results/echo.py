"""Stimulated echoes over pulse separations and mixing times, and what the experiment can see of them."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.storage import StoredResult, array

__all__ = ["EchoResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class EchoResult(StoredResult):
    """Signal F(tp, tm, td) relative to the first free induction decay. P pulse separations, M mixing times, N ions.

    Attributes
    ----------
    sequence : dict
        name, angle of the second and third pulse (degrees), formula and prefactor.
    phase : str
        "static": ω at the start of an interval times its length; "window": the integral over the interval.
    isotope : dict
        name, spin, quadrupole_moment_mb and its source.
    field : list of float or None
        Field direction of a single crystal; None for a powder.
    accuracy : float
        Of the average over field directions, absolute in F over the prefactor.
    coupling : float
        Root mean square of P_Q over ions and time, kHz.
    warnings : list of str
    duration, interval : float
        Length of the series and time between its frames, ps.
    tp, td : ndarray (P,), µs
        Separations of the first two pulses and of the third from the echo.
    degree : ndarray (P,)
        Degree of the sphere rule; 0 for a single crystal.
    lag : ndarray (M,), ps
        Mixing times tm; in "window" mode the time between the end of tp and the beginning of td.
    signal, std_error : ndarray (P, M)
        F and its standard error, the larger of the ones over ions and over blocks of time origins.
    ergodic, isotropic : ndarray (P,)
        What is left of F when every ion has visited the states of all ions in this orientation of the crystal, and
        when the orientations have been randomised too.
    sums : ndarray (P, B, N, M)
        Sums of F over the time origins of each block, per ion.
    counts : ndarray (P, B, M)
        Time origins behind each sum.
    ids : ndarray (N,)
    """

    schema: ClassVar[str] = "ufpnmr-echo"
    table_axis: ClassVar[str] = "(M,)"

    sequence: dict[str, Any]
    phase: str
    isotope: dict[str, Any]
    field: list[float] | None
    accuracy: float
    coupling: float
    warnings: list[str]
    duration: float
    interval: float
    tp: npt.NDArray[np.float64] = array("µs", "(P,)")
    td: npt.NDArray[np.float64] = array("µs", "(P,)")
    degree: npt.NDArray[np.int64] = array("1", "(P,)")
    lag: npt.NDArray[np.float64] = array("ps", "(M,)")
    signal: npt.NDArray[np.float64] = array("1", "(P, M)")
    std_error: npt.NDArray[np.float64] = array("1", "(P, M)")
    ergodic: npt.NDArray[np.float64] = array("1", "(P,)")
    isotropic: npt.NDArray[np.float64] = array("1", "(P,)")
    sums: npt.NDArray[np.float64] = array("1", "(P, B, N, M)")
    counts: npt.NDArray[np.int64] = array("1", "(P, B, M)")
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def description(self) -> str:
        """One line: sequence, isotope with Q and its source, phases, field."""
        nucleus = self.isotope
        where = "powder" if self.field is None else "field along ({:.4g}, {:.4g}, {:.4g})".format(*self.field)
        return (
            f"{self.sequence['name']} echo of {nucleus['name']} (I = {nucleus['spin']:g}, "
            f"Q = {nucleus['quadrupole_moment_mb']:g} mb, {nucleus['source']}), F = {self.sequence['formula']} "
            f"(90° and {self.sequence['angle']:.4g}°), {self.phase} phases, {where}"
        )

    def curve(self, index: int) -> CorrelationResult:
        """Return F(tm) of one pair of separations in the form that `ufpnmr.nmr.fit_decay` takes."""
        if not 0 <= index < len(self.tp):
            raise InputError(f"expected an index below {len(self.tp)}, found {index}")
        sums, counts = self.sums[index], self.counts[index]
        return CorrelationResult(
            observable="echo",
            isotope=self.isotope,
            convention=f"{self.sequence['name']}, tp = {self.tp[index]:g} µs, td = {self.td[index]:g} µs",
            field=self.field,
            axes="",
            normalisation="raw",
            unit="1",
            sums_unit="1",
            removed="nothing",
            warnings=self.warnings,
            duration=self.duration,
            interval=self.interval,
            lag=self.lag,
            mean=self.signal[index],
            std_error=self.std_error[index],
            n_origins=counts.sum(axis=0),
            per_ion=(sums.sum(axis=0) / counts.sum(axis=0)).astype(np.float32),
            ids=self.ids,
            fit_index=np.arange(len(self.lag)),
            sums=sums,
            counts=counts,
            parameters=self.parameters,
            provenance=self.provenance,
        )
