"""What a prediction takes from a trajectory: its centres, and frames in chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.engine import Engine, Precision
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup, Universe

__all__ = ["Chunk", "Selection", "chunks", "fingerprint", "frame_cell", "frame_positions", "select"]

_BLOCK = 128
"""Frames between two checkpoints, at most."""
_BLOCK_BYTES = 1 << 26
"""Of positions in a chunk, at most."""


class Selection:
    """Centres of a model in a trajectory, checked.

    Attributes
    ----------
    indices : (n,) int
        Positions of the centres among all atoms.
    ids : (n,) int
        Their identities in the trajectory.
    elements : list of str
        Elements of all atoms.
    text : str
        The selection in MDAnalysis's language.
    """

    def __init__(self, universe: Universe, group: AtomGroup, text: str) -> None:
        self.indices: NDArray[np.intp] = group.indices
        self.ids: NDArray[np.int64] = np.asarray(group.ids, dtype=np.int64)
        self.elements: list[str] = [str(element) for element in universe.atoms.elements]
        self.text = text


def select(model: Engine, universe: Universe, selection: str | None = None) -> Selection:
    """Return the centres that `selection` names (all atoms of the model's centre species if None).

    Raises
    ------
    InputError
        No elements, a selection that is malformed or empty, atoms the model has no charge for, atoms that are not
        centres.
    """
    from MDAnalysis.exceptions import SelectionError

    if not hasattr(universe.atoms, "elements"):
        raise InputError("the trajectory names no elements; give them with --elements (`elements=` of trajectory.open)")
    text = selection or f"element {model.centre}"
    try:
        group = universe.select_atoms(text)
    except SelectionError as error:
        raise InputError(f"selection {text!r}: {error}") from None
    if not len(group):
        present = ", ".join(sorted(set(map(str, universe.atoms.elements))))
        raise InputError(f"selection {text!r} names no atom; elements present: {present}")
    chosen = Selection(universe, group, text)
    model.check(chosen.elements, chosen.indices)
    return chosen


def frame_cell(timestep: Any) -> NDArray[np.float64]:
    """Return the cell of a frame, (3, 3) Å with rows a, b, c, as `ufpnmr.trajectory.open` provides it.

    Raises
    ------
    InputError
        A frame without one, or not periodic along a, b and c.
    """
    cell = timestep.data.get("cell")
    if cell is None:
        raise InputError(
            f"frame {timestep.frame} has no cell, which the lattice sum needs; expected a periodic trajectory opened "
            "with ufpnmr.trajectory.open"
        )
    periodic = np.asarray(timestep.data.get("periodic", True))
    if not periodic.all():
        raise InputError(
            f"frame {timestep.frame}: expected a cell periodic along a, b and c, found {periodic.tolist()}; a lattice "
            "sum would repeat what does not repeat"
        )
    return np.array(cell, dtype=np.float64)


def frame_positions(timestep: Any) -> NDArray[np.float64]:
    """Return the positions of a frame, (N, 3) Å: those in double precision where the reader keeps them."""
    return np.array(timestep.data.get("positions", timestep.positions), dtype=np.float64)


class Chunk(NamedTuple):
    """Consecutive frames.

    Attributes
    ----------
    start : int
        Number of the first one.
    positions : (F, N, 3) float64, Å
    cells : (F, 3, 3) float64, Å
    """

    start: int
    positions: NDArray[np.float64]
    cells: NDArray[np.float64]

    @classmethod
    def read(cls, universe: Universe, start: int, stop: int) -> Chunk:
        """Read frames `start` to `stop` - 1."""
        frames = [(frame_positions(ts), frame_cell(ts)) for ts in universe.trajectory[start:stop]]
        return cls(start, np.array([x for x, _ in frames]), np.array([cell for _, cell in frames]))

    def gradients(self, model: Engine, chosen: Selection, precision: Precision, threads: int) -> NDArray[np.float64]:
        """Return the tensors of the chosen ions, (F, n, 6) V/Å², in one call of the engine.

        Raises
        ------
        InputError
            Names the frame.
        """
        arguments = (chosen.elements, chosen.indices)
        try:
            return model.gradients(self.cells, self.positions, *arguments, precision=precision, threads=threads)
        except InputError:
            for number, (cell, x) in enumerate(zip(self.cells, self.positions, strict=True), self.start):
                try:
                    model.gradients(cell, x, *arguments, precision=precision, threads=threads)
                except InputError as error:
                    raise InputError(f"frame {number}: {error}") from None
            raise


def chunks(n_atoms: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield (first, behind the last) frame of the chunks from `start` on, each in one piece in memory."""
    size = max(1, min(_BLOCK, _BLOCK_BYTES // (24 * n_atoms)))
    for first in range(start, stop, size):
        yield first, min(first + size, stop)


def fingerprint(universe: Universe, chosen: Selection, time: NDArray[np.float64]) -> str:
    """Return the SHA-256 of times, elements, ids, first and last frame: the run itself, whatever its file is called."""
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(time).tobytes())
    digest.update(" ".join(chosen.elements).encode())
    digest.update(chosen.ids.tobytes())
    for frame in (-1, 0):
        timestep = universe.trajectory[frame]
        digest.update(frame_positions(timestep).tobytes())
        digest.update(frame_cell(timestep).tobytes())
    return digest.hexdigest()
