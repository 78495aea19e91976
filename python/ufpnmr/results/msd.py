"""Mean-square displacement and the diffusion coefficient."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["MSDResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class MSDResult(StoredResult):
    """Mean-square displacement at about 60 log-spaced lags with errors, and at all lags without.

    Attributes
    ----------
    ids : ndarray (N,)
        Atom ids of the ions.
    lag : ndarray (L,)
        Log-spaced lag times, ps.
    msd : ndarray (L,)
        Mean over ions and origins, Å².
    msd_axis : ndarray (L, 3)
        Along the Cartesian axes of the box frame, Å².
    std_error : ndarray (L,)
        Standard error of `msd`, Å²: the larger of that over ten blocks of time origins and that over ions. Beyond a
        twentieth of the run the blocks are not independent and concerted motion makes it a lower bound.
    alpha, alpha_std_error : ndarray (L,)
        Local exponent d ln MSD / d ln t and its standard error (nan where undefined).
    msd_ion : ndarray (N, L)
        Per ion, float32, Å².
    full_lag, full_msd, full_msd_axis : ndarray (T,), (T,), (T, 3)
        All lags from 0, ps and Å².
    diffusion_tensor, diffusion_tensor_std_error : ndarray (3, 3)
        Cartesian diffusion tensor of the window, cm²/s; None with one origin or without a window.
    diffusion : Record
        D, cm²/s.
    diffusion_axis : dict of Record
        D along x, y and z, cm²/s; empty without a window.
    charge : dict of Record
        Haven ratio, diffusion coefficients of charge and ions in one window (cm²/s), conductivities (mS/cm); empty
        unless asked for.
    charge_lag, charge_msd, charge_msd_std_error : ndarray (K,)
        Lag, ps, and mean-square displacement of the charge over the sum of squared charges, Å²; None unless asked for.
    parameters : dict
        Everything that decided the result: window, blocks, origins, diagnostics.
    """

    table_axis: ClassVar[str] = "(L,)"
    schema: ClassVar[str] = "ufpnmr-msd"
    grid: ClassVar[tuple[str, ...]] = ("lag",)
    curves: ClassVar[dict[str, str]] = {"msd": "std_error", "alpha": "alpha_std_error"}
    settings: ClassVar[tuple[str, ...]] = ("origins", "drift", "selection")

    diffusion: Record
    parameters: dict[str, Any]
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    lag: npt.NDArray[np.float64] = array("ps", "(L,)")
    msd: npt.NDArray[np.float64] = array("angstrom^2", "(L,)")
    msd_axis: npt.NDArray[np.float64] = array("angstrom^2", "(L, 3)")
    std_error: npt.NDArray[np.float64] = array("angstrom^2", "(L,)")
    alpha: npt.NDArray[np.float64] = array("1", "(L,)")
    alpha_std_error: npt.NDArray[np.float64] = array("1", "(L,)")
    msd_ion: npt.NDArray[np.float32] = array("angstrom^2", "(N, L)")
    full_lag: npt.NDArray[np.float64] = array("ps", "(T,)")
    full_msd: npt.NDArray[np.float64] = array("angstrom^2", "(T,)")
    full_msd_axis: npt.NDArray[np.float64] = array("angstrom^2", "(T, 3)")
    diffusion_axis: dict[str, Record] = dataclasses.field(default_factory=dict)
    charge: dict[str, Record] = dataclasses.field(default_factory=dict)
    diffusion_tensor: npt.NDArray[np.float64] | None = array("cm2/s", "(3, 3)", default=None)
    diffusion_tensor_std_error: npt.NDArray[np.float64] | None = array("cm2/s", "(3, 3)", default=None)
    charge_lag: npt.NDArray[np.float64] | None = array("ps", "(K,)", default=None)
    charge_msd: npt.NDArray[np.float64] | None = array("angstrom^2", "(K,)", default=None)
    charge_msd_std_error: npt.NDArray[np.float64] | None = array("angstrom^2", "(K,)", default=None)

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return {"diffusion": self.diffusion, **self.charge}
