"""Ion paths on disk: read once from the trajectory, used by every analysis of motion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.storage import StoredResult, array

if TYPE_CHECKING:
    from ufpnmr.trajectory import IonPaths

__all__ = ["StoredPaths"]


@dataclasses.dataclass(frozen=True, repr=False)
class StoredPaths(StoredResult):
    """What `ufpnmr.trajectory.IonPaths` holds, as a file.

    Attributes
    ----------
    time : ndarray (T,)
        ps.
    ids : ndarray (N,)
        Atom ids.
    positions : ndarray (T, N, 3)
        Unwrapped, drift removed, Å.
    cell : ndarray (T, 3, 3)
        Rows a, b, c, Å.
    drift : ndarray (T, 3)
        What was subtracted, Å.
    drift_mode, selection, source : str
        As in `IonPaths`; `source` is the name of the file.
    """

    schema: ClassVar[str] = "ufpnmr-paths"

    drift_mode: str
    selection: str
    source: str
    time: npt.NDArray[np.float64] = array("ps", "(T,)")
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    positions: npt.NDArray[np.float64] = array("angstrom", "(T, N, 3)")
    cell: npt.NDArray[np.float64] = array("angstrom", "(T, 3, 3)")
    drift: npt.NDArray[np.float64] = array("angstrom", "(T, 3)")

    @classmethod
    def of(cls, paths: IonPaths, provenance: dict[str, Any]) -> StoredPaths:
        """Take over the paths read from a trajectory."""
        return cls(
            time=paths.time,
            ids=paths.ids,
            positions=paths.positions,
            cell=paths.cell,
            drift=paths.drift,
            drift_mode=paths.drift_mode,
            selection=paths.selection,
            source=paths.source.rsplit("/", 1)[-1],
            provenance=provenance,
        )
