"""Field gradients of selected ions at every frame of a trajectory, resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr import provenance
from ufpnmr.efg.engine import Engine
from ufpnmr.errors import InputError
from ufpnmr.results.tensors import TensorSeries, TensorSeriesWriter

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup, Universe

__all__ = ["Selection", "frame_cell", "frame_positions", "predict_series", "select"]

_BLOCK = 128
"""Frames between two checkpoints."""


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


def predict_series(
    model: Engine,
    universe: Universe,
    selection: str | None = None,
    output: str | Path = "efg.h5",
    *,
    axes: str = "",
    start_time: float = 0.0,
    threads: int = 1,
    resume: bool = True,
    overwrite: bool = False,
    inputs: tuple[str | Path, ...] = (),
    progress: Callable[[int], object] | None = None,
) -> TensorSeries:
    """Predict the tensors of all frames and write them to `output`.

    Finished blocks are kept in ``OUTPUT.partial``; after a kill the same call continues behind the last one.

    Parameters
    ----------
    model : Engine
        `EFGModel` or `PointCharges`.
    universe : MDAnalysis.Universe
        From `ufpnmr.trajectory.open`.
    selection : str, optional
        Centres, in MDAnalysis's selection language; all atoms of the model's centre species if not given.
    output : path
        HDF5 file of a `TensorSeries`.
    axes : str
        Which crystal axes the box axes are, e.g. ``"x=a y=b z=c (Pnma)"``; stored.
    start_time : float
        Time of the first frame, ps: where the run stands that this one continues (`TensorSeries.append`).
    threads : int
        Frames computed at once; the result does not depend on it.
    resume : bool
        Continue an unfinished file; if False it is thrown away.
    overwrite : bool
        Replace an existing `output`, and an unfinished file of other work instead of refusing it.
    inputs : paths
        Files to name with their hashes in the provenance (model, trajectory, log).
    progress : callable, optional
        Called with the number of frames just finished, first with those found in an unfinished file.

    Returns
    -------
    TensorSeries

    Raises
    ------
    InputError
        Bad selection, frame without a cell, time axis unknown, `output` exists, or an unfinished file made with
        another model, trajectory or selection.
    """
    from ufpnmr.trajectory import time_axis

    output = Path(output)
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists; give another name or allow overwriting")
    if threads < 1:
        raise InputError(f"expected at least one thread, found {threads}")
    chosen = select(model, universe, selection)
    time = start_time + time_axis(universe)
    key = {
        "model": model.digest,
        "trajectory": _fingerprint(universe, chosen, time),
        "selection": chosen.text,
        "axes": axes,
    }
    described = provenance.collect(inputs, **key, **model.description, model_error=model.error)
    with (
        TensorSeriesWriter(
            output,
            time=time,
            ids=chosen.ids,
            engine=model.engine,
            axes=axes,
            key=key,
            provenance=described,
            resume=resume,
            overwrite=overwrite,
        ) as writer,
        ThreadPoolExecutor(threads) as pool,
    ):
        report = progress or (lambda _: None)
        report(writer.frames_done)
        for frames in _blocks(universe, writer.frames_done, writer.n_frames):
            jobs = [
                pool.submit(model.gradients, cell, positions, chosen.elements, chosen.indices)
                for positions, cell in frames
            ]
            writer.write([_result(job, writer.frames_done + n) for n, job in enumerate(jobs)], [c for _, c in frames])
            report(len(frames))
    return TensorSeries.read(output)


def _result(job: Any, frame: int) -> NDArray[np.float64]:
    try:
        V: NDArray[np.float64] = job.result()
    except InputError as error:
        raise InputError(f"frame {frame}: {error}") from None
    return V


def _blocks(universe: Universe, start: int, stop: int) -> Iterator[list[tuple[NDArray[Any], NDArray[np.float64]]]]:
    """Positions (N, 3) Å and cell (3, 3) Å of the frames from `start` on, a block at a time."""
    for first in range(start, stop, _BLOCK):
        yield [
            (frame_positions(timestep), frame_cell(timestep))
            for timestep in universe.trajectory[first : min(first + _BLOCK, stop)]
        ]


def _fingerprint(universe: Universe, chosen: Selection, time: NDArray[np.float64]) -> str:
    """SHA-256 of times, elements, ids, first and last frame: the run itself, whatever its file is called."""
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(time).tobytes())
    digest.update(" ".join(chosen.elements).encode())
    digest.update(chosen.ids.tobytes())
    for frame in (-1, 0):
        timestep = universe.trajectory[frame]
        digest.update(frame_positions(timestep).tobytes())
        digest.update(frame_cell(timestep).tobytes())
    return digest.hexdigest()
