"""Field gradients in a cycle: a model beside the potential, and tensors for the structures that were chosen.

    cycle-003/gradient_fit.json     model.efg
    cycle-003/gradients.json        gradients.extxyz

A cycle without new tensors is valid; its successor then has the same model.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ufpnmr.active.config import Gradients, Labelling
from ufpnmr.active.labels import make_labels
from ufpnmr.active.notes import read_note, write_note
from ufpnmr.efg.dataset import Dataset, read_dataset
from ufpnmr.efg.evaluation import evaluate
from ufpnmr.efg.fit_config import FitConfig, read_config
from ufpnmr.efg.labels import LabelledTensors, read_tensors
from ufpnmr.efg.train import train
from ufpnmr.isotopes import isotope
from ufpnmr.provenance import collect
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.structures import read_atoms
from ufpnmr.structures.labelled import extxyz_text

__all__ = ["GradientStages"]

_METRICS = ("relative_tensor_rmse", "mae_omega_q_xyz_khz", "rms_omega_q_khz")


@dataclasses.dataclass(frozen=True, eq=False)
class GradientStages:
    """The stages of one cycle that concern field gradients.

    Attributes
    ----------
    number : int
        Of the cycle.
    folder : Path
        Of the cycle.
    config : Gradients
    labeller : Labelling
        Of the energies and forces; its labels may hold tensors.
    threads : int
        Of the descriptor.
    say : callable
        Takes one line of log.
    """

    number: int
    folder: Path
    config: Gradients
    labeller: Labelling
    threads: int
    say: Callable[[str], object]

    @property
    def model(self) -> Path:
        """Where its model is."""
        return self.folder / "model.efg"

    @property
    def labels(self) -> Path:
        """Where its tensors are."""
        return self.folder / "gradients.extxyz"

    def fit(self, earlier: Sequence[LabelledTensors]) -> None:
        """Train on the initial structures and those of earlier cycles."""
        if self.note("gradient_fit") is not None:
            return
        begin = time.monotonic()
        config, initial = initial_labels(self.config)
        data = dataclasses.replace(initial, train=(*initial.train, *earlier))
        self.say(f"cycle {self.number}: field gradients of {len(data.train)} structures")
        made = train(config, data, threads=self.threads)
        note: dict[str, Any] = {
            "labelled": len(data.train),
            "environments": made.record["environments"],
            "cross_validation": {name: made.record["cross_validation"][name] for name in _METRICS},
        }
        if data.test:
            spin = isotope(config.report.isotope, config.report.quadrupole_moment)
            found = evaluate(made.model, data.test, spin, samples=config.report.bootstrap, seed=config.seed)
            note["withheld"] = {name: found.record["metrics"][name] for name in _METRICS}
        model = dataclasses.replace(
            made.model, metadata={**made.model.metadata, "provenance": collect(cycle=self.number)}
        )
        model.write(self.model, force=True)
        write_note(self.folder, "gradient_fit", {**note, "seconds": round(time.monotonic() - begin, 2)})

    def label(self, labelled: Sequence[str]) -> int:
        """Get the tensors of the structures that have energies and forces; return how many are waited for.

        Parameters
        ----------
        labelled : sequence of str
            Their uids in the order of their choice.
        """
        if self.note("gradients") is not None:
            return 0
        begin = time.monotonic()
        failed: dict[str, str] = {}
        if self.config.labeller is None:
            found = [a for a in read_atoms(self.folder / "labelled.extxyz") if "efg" in a.arrays]
            if found:
                write_text_atomically(self.labels, "".join(map(extxyz_text, found)))
            count = len(found)
        else:
            wanted = set(labelled[: self.config.structures])
            queue = self.folder / "gradients-queue.extxyz"
            chosen = [a for a in read_atoms(self.folder / "queue.extxyz") if str(a.info["uid"]) in wanted]
            write_text_atomically(queue, "".join(map(extxyz_text, chosen)))
            summary = make_labels(
                self.config.labeller, queue, self.labels, [str(a.info["uid"]) for a in chosen], self.say
            )
            if summary.open:
                return summary.open
            count, failed = summary.labelled, summary.failed
        write_note(
            self.folder,
            "gradients",
            {"labelled": count, "failed": failed, "seconds": round(time.monotonic() - begin, 2)},
        )
        return 0

    def labelled(self) -> list[LabelledTensors]:
        """Return the structures with tensors; none before the stage is done."""
        if self.note("gradients") is None or not self.labels.is_file():
            return []
        return read_tensors(self.labels, initial_config(self.config).model.centres)

    def row(self) -> dict[str, Any] | None:
        """Return what the record says; None before the fit."""
        fitted, labelled = self.note("gradient_fit"), self.note("gradients")
        return None if fitted is None else {**fitted, "new": labelled and labelled["labelled"]}

    def note(self, stage: str) -> dict[str, Any] | None:
        """Return what a stage noted; None if it is not done."""
        return read_note(self.folder, stage)


def initial_config(config: Gradients) -> FitConfig:
    """Read the settings of the fits."""
    return read_config(config.fit_file)


def initial_labels(config: Gradients) -> tuple[FitConfig, Dataset]:
    """Read the settings of the fits and the structures with which the run begins.

    Raises
    ------
    InputError
        See `ufpnmr.efg.dataset.read_dataset`.
    """
    settings = initial_config(config)
    return settings, read_dataset(settings)
