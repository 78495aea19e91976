"""Pair correlation functions and coordination numbers."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

__all__ = ["RDFResult"]


@dataclasses.dataclass(frozen=True, repr=False)
class RDFResult(StoredResult):
    """Pair correlation of every pair of elements.

    Attributes
    ----------
    pairs : ndarray (P, 2)
        Elements A and B.
    r : ndarray (R,)
        Middle of each shell, Å.
    g, g_std_error : ndarray (P, R)
        g_AB in the normalisation `parameters["norm"]` ("g": 1; "paper" and "density": Å⁻³) and its standard error over
        time blocks.
    n, n_std_error : ndarray (P, R)
        Mean number of B within the outer edge of the shell around an A, and its standard error.
    values : dict
        "A-B first peak" and "A-B first minimum" (Å), "A-B coordination" (B around an A up to the first minimum), each a
        `Record`.
    parameters : dict
        Everything that decided the result.
    """

    schema: ClassVar[str] = "ufpnmr-rdf"
    table_axis: ClassVar[str] = "(R,)"
    grid: ClassVar[tuple[str, ...]] = ("pairs", "r")
    curves: ClassVar[dict[str, str]] = {"g": "g_std_error", "n": "n_std_error"}
    settings: ClassVar[tuple[str, ...]] = ("norm",)

    values: dict[str, Record]
    parameters: dict[str, Any]
    pairs: npt.NDArray[np.str_] = array("1", "(P, 2)")
    r: npt.NDArray[np.float64] = array("angstrom", "(R,)")
    g: npt.NDArray[np.float64] = array("1", "(P, R)")
    g_std_error: npt.NDArray[np.float64] = array("1", "(P, R)")
    n: npt.NDArray[np.float64] = array("1", "(P, R)")
    n_std_error: npt.NDArray[np.float64] = array("1", "(P, R)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return self.values

    @property
    def table_labels(self) -> dict[str, list[str]]:
        """Names of the columns of a table."""
        return {"P": ["-".join(pair) for pair in self.pairs]}
