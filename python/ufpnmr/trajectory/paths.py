"""Paths of ions: unwrapped, relative to the framework; what every analysis of motion starts from."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.results.storage import StoredResult, array
from ufpnmr.trajectory.cells import Box, Floats
from ufpnmr.trajectory.reader import FrameReader
from ufpnmr.trajectory.time_axis import time_axis
from ufpnmr.trajectory.unwrap import minimum_image_change

DRIFT_MODES = ("framework", "com", "none")


@dataclass(frozen=True, repr=False)
class IonPaths(StoredResult):
    """Positions of selected ions in the course of time; `write` and `read` keep them as HDF5.

    Attributes
    ----------
    time : (T,) ndarray, ps
        Time of each frame.
    ids : (N,) ndarray of int
        Atom ids.
    elements : (N,) ndarray of str
        Element symbols.
    positions : (T, N, 3) ndarray, Å
        Unwrapped, drift removed.
    cell : (T, 3, 3) ndarray, Å
        Rows a, b, c.
    drift : (T, 3) ndarray, Å
        What was subtracted; zero in the first frame.
    drift_mode : str
        ``framework``, ``com`` or ``none``.
    selection : str
        Selection the ions were taken by.
    source : str
        Trajectory file.
    constant_cell : bool
        Whether all frames have the same cell. If not, `positions` are sums of displacements (von Bülow et al. 2020).
    n_dropped : int
        Incomplete frames of the file that are left out.
    left_out : dict
        Number of frames left out by reason (`ufpnmr.trajectory.reader.FrameReader.left_out`).
    """

    schema: ClassVar[str] = "ufpnmr-paths"

    drift_mode: str
    selection: str
    source: str
    time: Floats = array("ps", "(T,)")
    ids: NDArray[np.int64] = array("1", "(N,)")
    elements: NDArray[np.str_] = array("1", "(N,)")
    positions: Floats = array("angstrom", "(T, N, 3)")
    cell: Floats = array("angstrom", "(T, 3, 3)")
    drift: Floats = array("angstrom", "(T, 3)")
    constant_cell: bool = True
    n_dropped: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def interval(self) -> float:
        """Time between frames, ps; InputError if it is not the same throughout (to 1e-4)."""
        if self.time.size < 2:
            raise InputError(f"{self.source}: expected at least two frames, found {self.time.size}")
        gaps = np.diff(self.time)
        mean = float((self.time[-1] - self.time[0]) / gaps.size)
        worst = int(np.abs(gaps - mean).argmax())
        if not abs(gaps[worst] - mean) <= 1e-4 * mean:
            raise InputError(
                f"{self.source}: expected equally spaced frames, found {gaps[worst]:g} ps between frames {worst} and "
                f"{worst + 1} and {mean:g} ps on average; cut the trajectory there"
            )
        return mean

    def __repr__(self) -> str:
        return (
            f"IonPaths({self.selection!r} of {self.source}: {self.ids.size} ions, {self.time.size} frames, "
            f"drift {self.drift_mode})"
        )


def ion_paths(universe: Any, selection: str, drift: str = "framework") -> IonPaths:
    """Read the paths of selected ions from a trajectory.

    In a cell L that changes, u = w + n L(t) would scale the fluctuations of the cell with the distance n already
    travelled; displacements u(t+1) = u(t) + w(t+1) - w(t) + [n(t+1) - n(t)] L(t+1) of the positions w inside the cell
    are summed instead (the scheme of von Bülow, Bullerjahn, Hummer, J. Chem. Phys. 2020, 153, 021101).

    Parameters
    ----------
    universe : MDAnalysis.Universe
        From `ufpnmr.trajectory.open`; any other is unwrapped by minimum images.
    selection : str
        MDAnalysis selection of the ions, such as ``element Ag``; evaluated once.
    drift : {"framework", "com", "none"}
        Subtract the mean displacement of the framework (every atom of an element that is not selected), or the
        mass-weighted one of all atoms, or nothing. Without framework atoms ``com`` is taken and a warning says so.

    Returns
    -------
    IonPaths

    Raises
    ------
    InputError
        If the time axis is unknown or the selection is wrong or empty.
    """
    time = time_axis(universe)
    ions = select(universe, selection)
    weights, mode = drift_weights(universe, ions, drift)

    n_frames, reader = time.size, universe.trajectory
    positions = np.empty((n_frames, ions.n_atoms, 3))
    cell = np.empty((n_frames, 3, 3))
    shift = np.empty((n_frames, 3))
    for i, frame in enumerate(relative_frames(universe, ions, weights)):
        positions[i], cell[i], shift[i] = frame
    return IonPaths(
        time=time,
        ids=np.asarray(ions.ids, dtype=np.int64),
        elements=np.asarray(ions.elements, dtype=np.str_),
        positions=positions,
        cell=cell,
        drift=shift,
        drift_mode=mode,
        selection=selection,
        source=str(reader.filename),
        constant_cell=bool((cell == cell[0]).all()),
        n_dropped=int(getattr(reader, "n_dropped", 0)),
        left_out=dict(getattr(reader, "left_out", {})),
    )


def select(universe: Any, selection: str) -> Any:
    """Atoms of a selection; InputError, with the elements there are, if it is wrong or holds no atom."""
    from MDAnalysis.exceptions import NoDataError, SelectionError

    try:
        atoms = universe.select_atoms(selection)
    except (SelectionError, NoDataError, AttributeError) as error:
        raise InputError(f"selection {selection!r}: {error}") from error
    if atoms.n_atoms == 0:
        there = Counter(getattr(universe.atoms, "elements", ()))
        raise InputError(
            f"selection {selection!r} holds no atom of {universe.trajectory.filename}; there are "
            + (", ".join(f"{n} {element}" for element, n in sorted(there.items())) or "no elements")
        )
    return atoms


def relative_frames(universe: Any, ions: Any, weights: Floats | None) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield positions of the ions without drift (N, 3), the cell (3, 3) and the drift (3,), Å, frame by frame.

    Parameters
    ----------
    universe : MDAnalysis.Universe
        Left at the frame it was at.
    ions : MDAnalysis.AtomGroup
        Whose positions.
    weights : (n_atoms,) ndarray or None
        From `drift_weights`.
    """
    reader = universe.trajectory
    frame_before = reader.ts.frame
    start: Floats | None = None
    for now, box in _travelled(_frames(universe)):
        start = now if start is None else start
        shift = np.zeros(3) if weights is None else weights @ (now - start)
        yield now[ions.ix] - shift, box.cell, shift
    reader[frame_before]


def drift_weights(universe: Any, ions: Any, drift: str) -> tuple[Floats | None, str]:
    """Weights (N,) whose sum over displacements is the drift, and the mode in effect."""
    if drift not in DRIFT_MODES:
        raise InputError(f"drift: expected one of {', '.join(DRIFT_MODES)}, found {drift!r}")
    if drift == "none":
        return None, drift
    framework = ~np.isin(universe.atoms.elements, np.unique(ions.elements))
    if drift == "framework" and framework.any():
        return framework / framework.sum(), drift
    if drift == "framework":
        warnings.warn("no framework atoms: the drift of the centre of mass is removed instead", stacklevel=3)
    return np.asarray(universe.atoms.masses / universe.atoms.masses.sum(), dtype=np.float64), "com"


def _whole_cells(positions: Floats, box: Box) -> Floats:
    """Whole cell vectors between each atom and its image inside the cell, (N, 3)."""
    return np.where(box.periodic, np.floor((positions - box.origin) @ box.inverse), 0.0)


def _travelled(frames: Iterator[tuple[Floats, Box]]) -> Iterator[tuple[Floats, Box]]:
    """Sum displacements, so that whole cells between an atom and its image do not stretch with the cell."""
    stretch: Floats | None = None
    before: tuple[Floats, Box] | None = None
    for positions, box in frames:
        if before is not None and not np.array_equal(box.cell, before[1].cell):
            growth = _whole_cells(*before) @ (box.cell - before[1].cell)
            stretch = growth if stretch is None else stretch + growth
        before = (positions, box)
        yield positions if stretch is None else positions - stretch, box


def _frames(universe: Any) -> Iterator[tuple[Floats, Box]]:
    """Unwrapped positions (N, 3) in Å and the box, frame by frame."""
    reader = universe.trajectory
    ours = isinstance(reader, FrameReader)
    before: Floats | None = None
    total: Any = 0
    for ts in reader:
        cell = ts.data["cell"] if ours else ts.triclinic_dimensions
        cell = np.zeros((3, 3)) if cell is None else np.asarray(cell, dtype=np.float64)
        periodic = ts.data["periodic"] if ours else np.full(3, bool(cell.any()))
        box = Box(cell, ts.data["origin"] if ours else np.zeros(3), periodic)
        # a transformation changes ts.positions only
        exact = ours and not reader.transformations
        now = ts.data["positions"] if exact else np.asarray(ts.positions, dtype=np.float64)
        if not ours and periodic.any():
            fractional = now @ box.inverse
            if before is not None:
                where = f"{reader.filename}: frame {ts.frame}"
                change = minimum_image_change(before, fractional, box, universe.atoms.ix, where)
                total = total if change is None else total + change
            before = fractional
            now = now + total @ cell if not isinstance(total, int) else now
        yield now, box
