"""Sites in space, which ion is where, and the paths between them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array

if TYPE_CHECKING:
    import networkx

__all__ = ["SiteNetwork"]


@dataclasses.dataclass(frozen=True, repr=False)
class SiteNetwork(StoredResult):
    """Occupation of sites and the moves between them.

    Attributes
    ----------
    time : ndarray (T,)
        ps.
    ids : ndarray (N,)
        Atom ids of the ions.
    site, raw : ndarray (T, N)
        1 + index of the site of each ion, settled and raw; 0 is transit.
    fractional : ndarray (S, 3)
        Sites in units of the cell vectors.
    cell : ndarray (3, 3)
        Rows a, b, c, Å.
    kind : ndarray (S,)
        Kind of each site, a key of `names`.
    names : dict
        Name of each kind, keys as text.
    occupation, occupation_std_error : ndarray (S,)
        Mean number of ions at each site and its standard error over time blocks.
    edge_from, edge_to : ndarray (E,)
        Indices of the sites of each path used.
    edge_shift : ndarray (E, 3)
        Cells between the two images of the sites.
    edge_count : ndarray (E,)
        How often it was used.
    occupations, rates : dict of Record
        Ions per site by kind; "A->B": moves from kind A to kind B over time spent in A, "A->any": all of them, s^-1.
    back_fraction, mean_cosine : Record
        Of all moves that follow another of the same ion, the fraction that goes back, and the mean cosine of the angle
        between the two.
    percolation : list of dict
        For each dimension that is reached: ``dimension``, ``count`` (the rarest path that is needed for it), ``sites``.
    parameters : dict
        Where the sites came from, radii, expected fraction of moves back without memory, notices.
    """

    schema: ClassVar[str] = "ufpnmr-site-network"

    names: dict[str, str]
    occupations: dict[str, Record]
    rates: dict[str, Record]
    back_fraction: Record
    mean_cosine: Record
    percolation: list[dict[str, Any]]
    n_changes_raw: int
    n_changes_settled: int
    n_ions_changed: int
    parameters: dict[str, Any]
    time: npt.NDArray[np.float64] = array("ps", "(T,)")
    ids: npt.NDArray[np.int64] = array("1", "(N,)")
    site: npt.NDArray[np.int32] = array("1", "(T, N)")
    raw: npt.NDArray[np.int32] = array("1", "(T, N)")
    fractional: npt.NDArray[np.float64] = array("1", "(S, 3)")
    cell: npt.NDArray[np.float64] = array("angstrom", "(3, 3)")
    kind: npt.NDArray[np.int64] = array("1", "(S,)")
    occupation: npt.NDArray[np.float64] = array("1", "(S,)")
    occupation_std_error: npt.NDArray[np.float64] = array("1", "(S,)")
    edge_from: npt.NDArray[np.int64] = array("1", "(E,)")
    edge_to: npt.NDArray[np.int64] = array("1", "(E,)")
    edge_shift: npt.NDArray[np.int64] = array("1", "(E, 3)")
    edge_count: npt.NDArray[np.int64] = array("1", "(E,)")

    @property
    def records(self) -> dict[str, Record]:
        """The numbers of this result by name."""
        return {
            **{f"occupation {name}": record for name, record in self.occupations.items()},
            **self.rates,
            "back_fraction": self.back_fraction,
            "mean_cosine": self.mean_cosine,
        }

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Kind of the site of each ion, settled (T, N), 0 for transit: what other analyses take as labels."""
        return np.append(0, self.kind)[self.site]

    @property
    def transitions(self) -> npt.NDArray[np.int64]:
        """Moves (S, S) from site a to site b, images of one site together."""
        matrix = np.zeros((len(self.kind), len(self.kind)), dtype=np.int64)
        np.add.at(matrix, (self.edge_from, self.edge_to), self.edge_count)
        return matrix

    def graph(self) -> networkx.MultiDiGraph:
        """Return the paths as a graph.

        Nodes are site indices with ``position`` (Å), ``kind``, ``occupation``; edges have ``count``, ``shift`` (cells),
        ``length`` (Å) and ``rate`` (uses per time an ion spends at the first site, s^-1).
        """
        import networkx

        from ufpnmr.units import PER_PS_IN_PER_S

        graph = networkx.MultiDiGraph()
        for k, place in enumerate(self.fractional @ self.cell):
            name = self.names[str(int(self.kind[k]))]
            graph.add_node(k, position=tuple(place.tolist()), kind=name, occupation=float(self.occupation[k]))
        duration = len(self.time) * (self.time[-1] - self.time[0]) / (len(self.time) - 1) / PER_PS_IN_PER_S
        apart = self.fractional[self.edge_to] + self.edge_shift - self.fractional[self.edge_from]
        lengths = np.linalg.norm(apart @ self.cell, axis=1)
        for start, end, shift, count, length in zip(
            self.edge_from, self.edge_to, self.edge_shift, self.edge_count, lengths, strict=True
        ):
            spent = self.occupation[start] * duration
            graph.add_edge(
                int(start),
                int(end),
                count=int(count),
                shift=tuple(int(n) for n in shift),
                length=float(length),
                rate=float(count / spent) if spent > 0 else 0.0,
            )
        return graph
