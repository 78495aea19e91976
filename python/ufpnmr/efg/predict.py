"""Field gradients of selected ions at every frame of a trajectory, resumable."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr import provenance
from ufpnmr.efg.engine import Engine, Precision
from ufpnmr.efg.frames import Chunk, Selection, chunks, fingerprint, select
from ufpnmr.errors import InputError
from ufpnmr.results.tensor_writer import TensorSeriesWriter
from ufpnmr.results.tensors import TensorSeries

if TYPE_CHECKING:
    from MDAnalysis import Universe

__all__ = ["Written", "predict_series", "write_series"]

Predicted = tuple[NDArray[np.floating[Any]], NDArray[np.float64]]
"""Tensors (F, n, 6) V/Å² and cells (F, 3, 3) Å of a chunk."""


@dataclasses.dataclass(frozen=True)
class Written:
    """What `write_series` did.

    Attributes
    ----------
    frames, ions : int
        Size of the series.
    resumed : int
        Frames that an earlier run had left.
    seconds : float
        Spent on the others, reading and writing included.
    precision : str
    """

    frames: int
    ions: int
    resumed: int
    seconds: float
    precision: Precision

    @property
    def rate(self) -> float:
        """Tensors per second of this run."""
        return (self.frames - self.resumed) * self.ions / max(self.seconds, 1e-9)


def predict_series(
    model: Engine,
    universe: Universe,
    selection: str | None = None,
    output: str | Path = "efg.h5",
    **options: Any,
) -> TensorSeries:
    """Predict the tensors of all frames, write them to `output` and read them into memory.

    Parameters, options and errors as `write_series`, which does the former only.
    """
    write_series(model, universe, selection, output, **options)
    return TensorSeries.read(output)


def write_series(
    model: Engine,
    universe: Universe,
    selection: str | None = None,
    output: str | Path = "efg.h5",
    *,
    axes: str = "",
    start_time: float = 0.0,
    precision: Precision = "single",
    threads: int = 1,
    dask: str | None = None,
    resume: bool = True,
    overwrite: bool = False,
    inputs: tuple[str | Path, ...] = (),
    progress: Callable[[int], object] | None = None,
) -> Written:
    """Predict the tensors of all frames and write them to `output`; memory does not depend on their number.

    Finished chunks are kept in ``OUTPUT.partial``; after a kill the same call continues behind the last one.

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
    precision : str
        "single", where the model's check environments allow it, or "double".
    threads : int
        OpenMP threads over the frames of a chunk; the result does not depend on it.
    dask : str, optional
        Scheduler (address or ``.json`` file) of a Dask cluster whose workers read and predict; each uses `threads`.
    resume : bool
        Continue an unfinished file; if False it is thrown away.
    overwrite : bool
        Replace an existing `output`, and an unfinished file of other work instead of refusing it.
    inputs : paths
        Files to name with their hashes in the provenance (model, trajectory, log).
    progress : callable, optional
        Called with the number of frames just finished, first with those found in an unfinished file.

    Raises
    ------
    InputError
        Bad selection, frame without a cell, time axis unknown, `output` exists, or an unfinished file made with
        another model, precision, trajectory or selection.
    """
    from ufpnmr.trajectory import time_axis

    output = Path(output)
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists; give another name or allow overwriting")
    if threads < 1:
        raise InputError(f"expected at least one thread, found {threads}")
    chosen = select(model, universe, selection)
    times = start_time + time_axis(universe)
    precision = model.precision(precision)
    key = {
        "model": model.digest,
        "precision": precision,
        "trajectory": fingerprint(universe, chosen, times),
        "selection": chosen.text,
        "axes": axes,
    }
    described = provenance.collect(inputs, **key, **model.description, model_error=model.error)
    with TensorSeriesWriter(
        output,
        time=times,
        ids=chosen.ids,
        engine=model.engine,
        axes=axes,
        key=key,
        provenance=described,
        resume=resume,
        overwrite=overwrite,
    ) as writer:
        resumed, began = writer.frames_done, time.perf_counter()
        report = progress or (lambda _: None)
        report(resumed)
        wanted = chunks(len(chosen.elements), resumed, writer.n_frames)
        if dask is None:
            predicted: Iterator[Predicted] = _predicted(model, universe, chosen, wanted, precision, threads)
        else:
            from ufpnmr.efg.predict_dask import predicted_with_dask

            predicted = predicted_with_dask(model, universe, chosen, wanted, precision, threads, dask)
        for V, cells in predicted:
            writer.write(V, cells)
            report(len(V))
        return Written(writer.n_frames, len(chosen.ids), resumed, time.perf_counter() - began, precision)


def _predicted(
    model: Engine,
    universe: Universe,
    chosen: Selection,
    wanted: Iterator[tuple[int, int]],
    precision: Precision,
    threads: int,
) -> Iterator[Predicted]:
    """Yield the chunks in order; the next one is read while one is computed."""
    with ThreadPoolExecutor(1) as pool:
        before: tuple[Future[NDArray[np.float64]], Chunk] | None = None
        for start, stop in wanted:
            chunk = Chunk.read(universe, start, stop)
            job = pool.submit(chunk.gradients, model, chosen, precision, threads)
            if before is not None:
                yield before[0].result(), before[1].cells
            before = job, chunk
        if before is not None:
            yield before[0].result(), before[1].cells
