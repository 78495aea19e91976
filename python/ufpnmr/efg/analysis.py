"""Field gradients as an analysis of MDAnalysis, with its parallel backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from MDAnalysis.analysis.base import AnalysisBase
from MDAnalysis.analysis.results import ResultsGroup

from ufpnmr import provenance
from ufpnmr.efg.engine import Engine, Precision
from ufpnmr.efg.frames import Chunk, frame_cell, frame_positions, select
from ufpnmr.results.tensors import TensorSeries

if TYPE_CHECKING:
    from MDAnalysis import Universe

__all__ = ["EFGAnalysis"]

_BLOCK = 32
"""Frames that the engine gets at once."""


class EFGAnalysis(AnalysisBase):  # type: ignore[misc]
    """Tensors of selected ions at the frames of ``run(start, stop, step, backend=..., n_workers=...)``, in memory.

    The backends ``serial``, ``multiprocessing`` and ``dask`` give the same numbers. For series that outgrow the memory
    or one machine see `ufpnmr.efg.write_series`.

    Parameters
    ----------
    model : EFGModel or PointCharges
    universe : MDAnalysis.Universe
        From `ufpnmr.trajectory.open`.
    selection : str, optional
        Centres, in MDAnalysis's selection language; all atoms of the model's centre species if not given.
    axes : str
        Which crystal axes the box axes are.
    precision : str
        "single", where the model's check environments allow it, or "double".
    **options
        Of `MDAnalysis.analysis.base.AnalysisBase`.

    Attributes
    ----------
    results.series : TensorSeries
        Once it has run; V/Å², in the order of the frames.

    Raises
    ------
    InputError
        Time axis unknown, or a selection or atoms that are not for this model; while it runs, see
        `ufpnmr.efg.write_series`.

    Examples
    --------
    >>> analysis = EFGAnalysis(model, universe).run(backend="multiprocessing", n_workers=8)
    >>> analysis.results.series.V.shape
    """

    _analysis_algorithm_is_parallelizable = True

    @classmethod
    def get_supported_backends(cls) -> tuple[str, ...]:
        """Return the backends that `run` takes."""
        return ("serial", "multiprocessing", "dask")

    def __init__(
        self,
        model: Engine,
        universe: Universe,
        selection: str | None = None,
        *,
        axes: str = "",
        precision: Precision = "single",
        **options: Any,
    ) -> None:
        from ufpnmr.trajectory import time_axis

        self._chosen = select(model, universe, selection)
        self._model, self._axes, self._precision = model, axes, model.precision(precision)
        self._time = time_axis(universe)
        super().__init__(universe.trajectory, **options)

    def _prepare(self) -> None:
        self.results.V = np.empty((self.n_frames, len(self._chosen.ids), 6), dtype=np.float32)
        self.results.cell = np.empty((self.n_frames, 3, 3))
        self._waiting: list[Any] = []

    def _single_frame(self) -> None:
        self.results.cell[self._frame_index] = frame_cell(self._ts)
        self._waiting.append(frame_positions(self._ts))
        stop = self._frame_index + 1
        if len(self._waiting) < _BLOCK and stop < self.n_frames:
            return
        part = slice(stop - len(self._waiting), stop)
        chunk = Chunk(int(self.frames[part.start]), np.array(self._waiting), self.results.cell[part])
        self.results.V[part] = chunk.gradients(self._model, self._chosen, self._precision, threads=1)
        self._waiting.clear()

    def _get_aggregator(self) -> ResultsGroup:
        return ResultsGroup(lookup={"V": ResultsGroup.ndarray_vstack, "cell": ResultsGroup.ndarray_vstack})

    def _conclude(self) -> None:
        described = provenance.collect(
            model=self._model.digest,
            precision=self._precision,
            selection=self._chosen.text,
            **self._model.description,
        )
        self.results.series = TensorSeries(
            time=self._time[self.frames],
            ids=self._chosen.ids,
            V=self.results.V,
            cell=self.results.cell,
            engine=self._model.engine,
            axes=self._axes,
            provenance=described,
        )
