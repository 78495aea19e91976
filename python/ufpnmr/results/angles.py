"""Distributions of tetrahedral angles and of ions around polyanions."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["AngleResult", "IonDensity"]


@dataclasses.dataclass(frozen=True, repr=False)
class AngleResult(StoredResult):
    """Probability densities of angles and of their velocities, and a few angles in the course of time.

    Attributes
    ----------
    theta : ndarray (K,)
        Middle of each bin, degrees.
    rho_theta, rho_theta_std_error : ndarray (K,)
        Density per degree and its standard error over time blocks.
    omega : ndarray (W,)
        Middle of each bin, degrees/fs.
    rho_omega, rho_omega_std_error : ndarray (W,)
        Density per degree/fs and its standard error.
    trace_time : ndarray (T,)
        ps.
    trace_theta, trace_filtered : ndarray (Q, T)
        The first angles as they are and through the low-pass filter (nan where the run is too short for it), degrees.
    values : dict
        Mean, standard deviation, skewness and excess kurtosis of both, each a `Record`.
    parameters : dict
        Everything that decided the result.
    """

    schema: ClassVar[str] = "ufpnmr-angles"
    table_axis: ClassVar[str] = "(K,)"
    further_axes: ClassVar[tuple[str, ...]] = ("(W,)", "(T,)")
    grid: ClassVar[tuple[str, ...]] = ("theta", "omega")
    curves: ClassVar[dict[str, str]] = {
        "rho_theta": "rho_theta_std_error",
        "rho_omega": "rho_omega_std_error",
    }
    settings: ClassVar[tuple[str, ...]] = ("angles", "filtered")

    values: dict[str, Record]
    parameters: dict[str, Any]
    theta: npt.NDArray[np.float64] = array("degree", "(K,)")
    rho_theta: npt.NDArray[np.float64] = array("1/degree", "(K,)")
    rho_theta_std_error: npt.NDArray[np.float64] = array("1/degree", "(K,)")
    omega: npt.NDArray[np.float64] = array("degree/fs", "(W,)")
    rho_omega: npt.NDArray[np.float64] = array("fs/degree", "(W,)")
    rho_omega_std_error: npt.NDArray[np.float64] = array("fs/degree", "(W,)")
    trace_time: npt.NDArray[np.float64] = array("ps", "(T,)")
    trace_theta: npt.NDArray[np.float64] = array("degree", "(Q, T)")
    trace_filtered: npt.NDArray[np.float64] = array("degree", "(Q, T)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return self.values


@dataclasses.dataclass(frozen=True, repr=False)
class IonDensity(StoredResult):
    """Joint density of the distance r of an ion from a bonded ligand and the angle φ centre-ligand-ion.

    Attributes
    ----------
    r : ndarray (R,)
        Middle of each bin, Å.
    phi : ndarray (F,)
        Middle of each bin, degrees.
    counts : ndarray (R, F)
        Ions counted.
    density, density_std_error : ndarray (R, F)
        Per Å and degree, integral 1 over the window, and its standard error over time blocks.
    reduced : ndarray (R, F)
        Density over r² sin φ, mean 1: flat for an ideal gas.
    values : dict
        Position of the maximum of the density, each a `Record`.
    parameters : dict
        Everything that decided the result.
    """

    schema: ClassVar[str] = "ufpnmr-ion-density"
    table_axis: ClassVar[str] = "(F,)"
    grid: ClassVar[tuple[str, ...]] = ("r", "phi")
    curves: ClassVar[dict[str, str]] = {"density": "density_std_error"}
    settings: ClassVar[tuple[str, ...]] = ("centre", "ligand", "ion")

    values: dict[str, Record]
    parameters: dict[str, Any]
    r: npt.NDArray[np.float64] = array("angstrom", "(R,)")
    phi: npt.NDArray[np.float64] = array("degree", "(F,)")
    counts: npt.NDArray[np.int64] = array("1", "(R, F)")
    density: npt.NDArray[np.float64] = array("1/(angstrom degree)", "(R, F)")
    density_std_error: npt.NDArray[np.float64] = array("1/(angstrom degree)", "(R, F)")
    reduced: npt.NDArray[np.float64] = array("1", "(R, F)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return self.values

    @property
    def table_labels(self) -> dict[str, list[str]]:
        """Names of the columns of a table."""
        return {"R": [f"{r:.6g} angstrom" for r in self.r]}
