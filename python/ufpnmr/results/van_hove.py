"""Van Hove correlation functions."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["VanHoveResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class VanHoveResult(StoredResult):
    """Self and distinct van Hove functions of the mobile ions.

    Attributes
    ----------
    lag : ndarray (L,)
        ps; the first is 0.
    r : ndarray (R,)
        Middle of each shell, Å.
    edges : ndarray (R + 1,)
        Edges of the shells, Å.
    gs, gs_std_error : ndarray (L, R)
        Self part and its standard error, Å⁻³: the larger of that over blocks of origins and that of the counts.
    gd, gd_std_error : ndarray (L, R)
        Distinct part, Å⁻³, or over the density if `parameters["relative"]`.
    alpha2, alpha2_std_error : ndarray (L,)
        Non-Gaussian parameter 3<r⁴>/(5<r²>²) - 1.
    concerted, concerted_std_error : ndarray (L,)
        Mean of G_d within 1 Å over the density of the other ions: above 1, another ion follows.
    values : dict
        "hop distance" (Å), "dip before the hop distance" and "largest concerted signal", each a `Record`; the first two
        only where 4πr²G_s has a second maximum.
    parameters : dict
        Everything that decided the result.
    """

    schema: ClassVar[str] = "ufpnmr-vanhove"
    table_axis: ClassVar[str] = "(R,)"
    further_axes: ClassVar[tuple[str, ...]] = ("(L,)",)
    grid: ClassVar[tuple[str, ...]] = ("lag", "r")
    curves: ClassVar[dict[str, str]] = {
        "gs": "gs_std_error",
        "gd": "gd_std_error",
        "alpha2": "alpha2_std_error",
        "concerted": "concerted_std_error",
    }
    settings: ClassVar[tuple[str, ...]] = ("relative", "drift")

    values: dict[str, Record]
    parameters: dict[str, Any]
    lag: npt.NDArray[np.float64] = array("ps", "(L,)")
    r: npt.NDArray[np.float64] = array("angstrom", "(R,)")
    edges: npt.NDArray[np.float64] = array("angstrom", "(R + 1,)")
    gs: npt.NDArray[np.float64] = array("angstrom^-3", "(L, R)")
    gs_std_error: npt.NDArray[np.float64] = array("angstrom^-3", "(L, R)")
    gd: npt.NDArray[np.float64] = array("angstrom^-3", "(L, R)")
    gd_std_error: npt.NDArray[np.float64] = array("angstrom^-3", "(L, R)")
    alpha2: npt.NDArray[np.float64] = array("1", "(L,)")
    alpha2_std_error: npt.NDArray[np.float64] = array("1", "(L,)")
    concerted: npt.NDArray[np.float64] = array("1", "(L,)")
    concerted_std_error: npt.NDArray[np.float64] = array("1", "(L,)")

    @property
    def radial(self) -> npt.NDArray[np.float64]:
        """4πr²G_s (L, R), Å⁻¹: its integral over r is 1 where no ion has gone beyond the last shell."""
        return np.asarray(self.gs * (4 * np.pi / 3 * np.diff(self.edges**3)) / np.diff(self.edges))

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return self.values

    @property
    def table_labels(self) -> dict[str, list[str]]:
        """Names of the columns of a table."""
        return {"L": [f"{lag:.6g} ps" for lag in self.lag]}
