"""What each stage does: read files, call one function of the library, write one file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ufpnmr import provenance
from ufpnmr.study.config import StudyConfig
from ufpnmr.study.md import run_md, trajectory_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.results.sites import SiteLabels
    from ufpnmr.results.tensors import TensorSeries
    from ufpnmr.trajectory import IonPaths

__all__ = ["Bar", "Workshop"]


class Bar(Protocol):
    """A progress bar, as tqdm's."""

    def update(self, n: int = 1, /) -> Any:
        """Advance."""

    def close(self) -> Any:
        """End."""


@dataclasses.dataclass(frozen=True)
class Workshop:
    """The stages' bench: configuration, folder, threads, progress.

    Attributes
    ----------
    config : StudyConfig
    folder : Path
        Output folder.
    threads : int
        Of the analyses; results do not depend on it.
    bar : callable
        ``bar(total, label)`` returns a `Bar`.
    """

    config: StudyConfig
    folder: Path
    threads: int
    bar: Callable[[int, str], Bar]

    @property
    def trajectory(self) -> Path:
        """The trajectory that is analysed."""
        return self.config.trajectory.path or trajectory_file(self.folder)

    def universe(self) -> Any:
        """Open the trajectory."""
        from ufpnmr import trajectory

        section = self.config.trajectory
        return trajectory.open(
            self.trajectory, timestep=section.timestep_ps, elements=section.elements, topology=section.topology
        )

    def sampling(self) -> tuple[int, float]:
        """Return the number of frames and the ps between them; with [md] what it will write."""
        md = self.config.md
        if md is not None:
            return md.steps // md.dump_every + 1, md.dump_every * self.config.trajectory.timestep_ps
        frames = self.universe().trajectory
        return frames.n_frames, float(frames.dt)

    def tensors(self) -> TensorSeries:
        """Read the tensor series."""
        from ufpnmr.results.tensors import TensorSeries

        return TensorSeries.read(self.folder / "tensors.h5")

    def paths(self) -> IonPaths:
        """Read the ion paths."""
        from ufpnmr.trajectory import IonPaths

        return IonPaths.read(self.folder / "paths.h5")

    def sites(self) -> SiteLabels | None:
        """Read the site labels, if the study has any."""
        from ufpnmr.results.sites import SiteLabels

        return SiteLabels.read(self.folder / "sites.h5") if self.config.sites else None

    def md(self, resume: bool) -> None:
        """Run the MD."""
        assert self.config.md is not None
        bar = self.bar(self.config.md.steps, "md steps")
        try:
            run_md(self.config, self.folder, resume, bar.update)
        finally:
            bar.close()

    def read_paths(self, _: bool) -> None:
        """Check the trajectory and keep the paths of the ions."""
        from ufpnmr.trajectory import ion_paths

        section = self.config.trajectory
        paths = ion_paths(self.universe(), section.selection, section.drift)
        described = provenance.collect(
            selection=section.selection,
            drift=paths.drift_mode,
            timestep_ps=section.timestep_ps,
            frame_interval_ps=paths.interval,
        )
        dataclasses.replace(paths, source=Path(paths.source).name, provenance=described).write(self.folder / "paths.h5")

    def efg(self, resume: bool) -> None:
        """Predict the tensors; an earlier series of the same run is put in front."""
        from ufpnmr.efg import predict_series
        from ufpnmr.efg.engine import read_engine
        from ufpnmr.results.tensors import TensorSeries

        section, model, output = self.config.efg, self.config.efg_model, self.folder / "tensors.h5"
        universe = self.universe()
        bar = self.bar(universe.trajectory.n_frames, "efg frames")
        fresh = output if section.continue_series is None else self.folder / "tensors-new.h5"
        try:
            series = predict_series(
                read_engine(model),
                universe,
                self.config.trajectory.selection,
                fresh,
                axes=self.config.system.axes,
                threads=self.threads,
                resume=resume,
                overwrite=True,
                inputs=(model,),
                progress=bar.update,
            )
        finally:
            bar.close()
        if section.continue_series is not None:
            # a reader counts time from its first frame; the steps tell where this stretch lies in the whole run
            start = float(universe.trajectory.steps[0]) * self.config.trajectory.timestep_ps
            later = dataclasses.replace(series, time=series.time + start)
            TensorSeries.read(section.continue_series).append(later).write(output)
            fresh.unlink()

    def acf(self, observable: str, field: str | None, output: Path) -> None:
        """Autocorrelate one observable."""
        from ufpnmr.nmr import correlate

        section = self.config.nmr
        result = correlate(
            self.tensors(),
            observable,
            isotope=section.isotope,
            field=section.fields[field] if field else (0.0, 0.0, 1.0),
            convention=section.convention,
            n_blocks=section.blocks,
            average=section.average_ps,
        )
        dataclasses.replace(result, provenance=provenance.collect([self.folder / "tensors.h5"])).write(output)

    def decay(self, correlation: Path, output: Path) -> None:
        """Fit one decay."""
        from ufpnmr.nmr import fit_decay
        from ufpnmr.results.correlation import CorrelationResult

        section = self.config.decay
        fit = fit_decay(
            CorrelationResult.read(correlation), gamma=section.gamma, plateau=section.plateau, window=section.window_ps
        )
        dataclasses.replace(fit, provenance=provenance.collect([correlation], **fit.parameters)).write(output)

    def msd(self, _: bool) -> None:
        """Mean-square displacement."""
        from ufpnmr.dynamics import mean_square_displacement

        mean_square_displacement(self.paths(), threads=self.threads).write(self.folder / "msd.h5")

    def label_sites(self, _: bool) -> None:
        """Label the sites."""
        from ufpnmr.dynamics import coordination_labels

        section = self.config.sites
        assert section is not None
        coordination_labels(
            self.universe(),
            ion=section.ion,
            ligand=section.ligand,
            sites=section.coordination,
            radius=section.radius_A,
            half_gap=section.half_gap_A,
            minimum_residence=self.config.hops.minimum_residence_ps,
            threads=self.threads,
        ).write(self.folder / "sites.h5")

    def directions(self, output: Path) -> list[str]:
        """Write what each field direction can show, and return it in words: before anything is fitted."""
        import json

        import numpy as np

        from ufpnmr.nmr import site_table
        from ufpnmr.results.storage import write_text_atomically

        labels, tensors = self.sites(), self.tensors()
        assert labels is not None
        common = np.intersect1d(tensors.time.round(6), labels.time.round(6), return_indices=True)[1:]
        rows = site_table(
            tensors.V[common[0]],
            labels.label[common[1]],
            {int(code): name for code, name in labels.names.items() if name != "transit"},
            fields=self.config.nmr.fields,
            isotope=self.config.nmr.isotope,
        )
        write_text_atomically(output, json.dumps([row._asdict() for row in rows], indent=1) + "\n")
        return [
            f"{row.observable}: "
            + ", ".join(f"{site} {value:.1f} kHz ({row.weights[site]:.0%})" for site, value in row.means.items())
            + f"; a complete exchange would decay by {row.depth:.1%}"
            for row in rows
        ]

    def hops(self, _: bool) -> None:
        """Find the hops."""
        from ufpnmr.dynamics import find_hops

        section = self.config.hops
        find_hops(
            self.paths(),
            minimum_residence=section.minimum_residence_ps,
            outer_radius=section.outer_radius_A,
            labels=self.sites(),
            threads=self.threads,
        ).write(self.folder / "hops.h5")

    def figure(self, draw: Callable[[], Axes], output: Path) -> None:
        """Draw and save one figure."""
        from ufpnmr.plots import save

        output.parent.mkdir(exist_ok=True)
        save(draw(), output)
