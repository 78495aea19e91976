"""One cycle: fit, sample, select, label; each stage is done when its JSON is there, and never done twice.

    cycle-003/cycle.json                            settings and provenance at its start
    cycle-003/fit.json        potential.uf3         and potential.posterior.h5
    cycle-003/sampling.json   candidates.extxyz     and md/, paths/
    cycle-003/selection.json  queue.extxyz
    cycle-003/labelling.json  labelled.extxyz

What is written before a JSON is written whole, so that a kill leaves a stage either done or to be done again from the
files of the stages before; molecular dynamics and labelling keep what they have within the stage.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from ufpnmr.active.assessment import Assessor, ForceErrors
from ufpnmr.active.config import ActiveConfig
from ufpnmr.active.gradients import GradientStages
from ufpnmr.active.labels import make_labels
from ufpnmr.active.notes import read_note, write_note
from ufpnmr.active.selection import Budget, select
from ufpnmr.active.sources import gather
from ufpnmr.errors import UfpError
from ufpnmr.potential import posterior_file
from ufpnmr.potential.accuracy import compare
from ufpnmr.potential.dataset import Dataset
from ufpnmr.potential.fit import fit
from ufpnmr.potential.fit_config import FitConfig
from ufpnmr.potential.formats import sidecar
from ufpnmr.provenance import collect
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.structures import LabelledStructure, read_atoms, read_structures
from ufpnmr.structures.labelled import extxyz_text

__all__ = ["Cycle"]

Say = Callable[[str], object]


@dataclasses.dataclass(frozen=True, eq=False)
class Cycle:
    """One cycle and its folder.

    Attributes
    ----------
    number : int
        From 1.
    folder : Path
        ``cycle-001``.
    config : ActiveConfig
    fit_config : FitConfig
    threads : int
        Of the features.
    say : callable
        Takes one line of log.
    """

    number: int
    folder: Path
    config: ActiveConfig
    fit_config: FitConfig
    threads: int
    say: Say

    @property
    def potential(self) -> Path:
        """Where its potential is."""
        return self.folder / "potential.uf3"

    @property
    def gradients(self) -> GradientStages | None:
        """What it does about field gradients; None where the run has no [gradients]."""
        config = self.config
        if config.gradients is None:
            return None
        return GradientStages(self.number, self.folder, config.gradients, config.labeller, self.threads, self.say)

    def note(self, stage: str) -> dict[str, Any] | None:
        """Return what a stage (cycle, fit, sampling, selection, labelling) noted; None if it is not done."""
        return read_note(self.folder, stage)

    def begin(self, inputs: Sequence[Path]) -> None:
        """Make the folder and note settings, versions and hashes of the input files."""
        if self.note("cycle") is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            settings = self.config.model_dump(mode="json")
            settings["fit"] = self.fit_config.model_dump(mode="json")
            provenance = collect(inputs, seed=self.config.seed, cycle=self.number)
            write_note(self.folder, "cycle", {"number": self.number, "settings": settings, "provenance": provenance})

    def fit(self, initial: Dataset, earlier: Sequence[LabelledStructure]) -> None:
        """Fit to the initial structures and those of earlier cycles."""
        if self.note("fit") is not None:
            return
        begin = time.monotonic()
        train = (*initial.train, *earlier)
        self.say(f"cycle {self.number}: fit to {len(train)} structures")
        made = fit(self._with_present_weights(train), Dataset(train, initial.test), threads=self.threads)
        made.potential.write(self.potential, force=True, allow_unloadable=True)
        provenance = collect(cycle=self.number)
        posterior_file.save(made.posterior, sidecar(self.potential), made.basis, force=True, provenance=provenance)
        assessor = Assessor.read(self.potential, self.threads)
        predicted = ForceErrors.of([assessor.force_deviation(s.atoms) for s in initial.test])
        write_note(
            self.folder,
            "fit",
            {
                "labelled": len(train),
                "labelled_atoms": sum(len(s.atoms) for s in train),
                "withheld_predicted": dataclasses.asdict(predicted),
                "record": made.record,
                "seconds": round(time.monotonic() - begin, 2),
            },
        )

    def sample(self, known: Sequence[Atoms], refused: set[str]) -> None:
        """Gather the candidates; `known` structures and `refused` uids are none."""
        if self.note("sampling") is not None:
            return
        begin = time.monotonic()
        self.say(f"cycle {self.number}: candidates")
        assessor = Assessor.read(self.potential, self.threads)
        found = gather(self.config, self.number, assessor, self.folder, known, refused, self.say)
        write_text_atomically(self.folder / "candidates.extxyz", "".join(map(extxyz_text, found.candidates)))
        write_note(
            self.folder,
            "sampling",
            {
                "runs": found.runs,
                "dropped": found.dropped,
                "count": len(found.candidates),
                "predicted": _predicted(found.candidates),
                "seconds": round(time.monotonic() - begin, 2),
            },
        )

    def select(self) -> None:
        """Choose what is to be labelled."""
        if self.note("selection") is not None:
            return
        begin = time.monotonic()
        rule = self.config.selection
        candidates = read_atoms(self.folder / "candidates.extxyz")
        assessor = Assessor.read(self.potential, self.threads)
        exponent = rule.cost_exponent if rule.cost_exponent is not None else float(rule.atoms is not None)
        self.say(f"cycle {self.number}: selection from {len(candidates)} candidates")
        picks = select(
            candidates,
            assessor.basis,
            assessor.posterior,
            self._noted("fit")["record"]["sigma"],
            Budget(rule.structures, rule.atoms, exponent),
            method=rule.method,
            reserved=[
                ([k for k, atoms in enumerate(candidates) if atoms.info["source"] == source], count)
                for source, count in rule.reserve.items()
            ],
            weights=self.fit_config.weights,
            seed=self.config.seed * 1000 + self.number,
            threads=self.threads,
        )
        chosen = [candidates[pick.index] for pick in picks]
        queue = [_without_predictions(atoms) for atoms in chosen]
        write_text_atomically(self.folder / "queue.extxyz", "".join(map(extxyz_text, queue)))
        names = ("uid", "source", "config_type", "force_error_mean", "force_error_largest")
        table = [
            {name: atoms.info[name] for name in names} | {"atoms": len(atoms), "gain": pick.gain}
            for atoms, pick in zip(chosen, picks, strict=True)
        ]
        write_note(
            self.folder,
            "selection",
            {"method": rule.method, "chosen": table, "seconds": round(time.monotonic() - begin, 2)},
        )

    def label(self) -> int:
        """Label the chosen structures; return how many still wait for labels."""
        if self.note("labelling") is not None:
            return 0
        begin = time.monotonic()
        table = self._noted("selection")["chosen"]
        if not table:
            raise UfpError(f"{self.folder}: the budget allows none of the candidates; raise selection.atoms")
        queue, output = self.folder / "queue.extxyz", self.folder / "labelled.extxyz"
        summary = make_labels(self.config.labeller, queue, output, [row["uid"] for row in table], self.say)
        if summary.open:
            return summary.open
        if summary.labelled == 0:
            raise UfpError(
                f"{output}: no structure could be labelled; the first: {next(iter(summary.failed.values()))}"
            )
        for uid, reason in summary.failed.items():
            self.say(f"  {uid}: not labelled: {reason}")
        assessor = Assessor.read(self.potential, self.threads)
        new = compare(assessor.potential, self._labelled(), threads=self.threads).errors()
        write_note(
            self.folder,
            "labelling",
            {
                "labelled": summary.labelled,
                "failed": summary.failed,
                "new": new,
                "seconds": round(time.monotonic() - begin, 2),
            },
        )
        return 0

    @property
    def complete(self) -> bool:
        """Whether all its labels are there."""
        tensors = self.gradients
        return self.note("labelling") is not None and (tensors is None or tensors.note("gradients") is not None)

    def labelled(self) -> list[LabelledStructure]:
        """Return the labelled structures in the order of their choice; none before the stage is done."""
        return [] if self.note("labelling") is None else self._labelled()

    def row(self) -> dict[str, Any] | None:
        """Return its row in the record; None before the fit."""
        fitted = self.note("fit")
        if fitted is None:
            return None
        sampling, selection, labelling = (self.note(stage) for stage in ("sampling", "selection", "labelling"))
        notes = {"fit": fitted, "sampling": sampling, "selection": selection, "labelling": labelling}
        return {
            "cycle": self.number,
            "labelled": fitted["labelled"],
            "labelled_atoms": fitted["labelled_atoms"],
            "withheld": fitted["record"]["test"],
            "withheld_predicted": fitted["withheld_predicted"],
            "candidates": sampling and {"count": sampling["count"], **sampling["predicted"]},
            "selected": selection and selection["chosen"],
            "new": labelling and labelling["new"],
            "failed": labelling and labelling["failed"],
            **({} if self.gradients is None else {"gradients": self.gradients.row()}),
            "seconds": {stage: note["seconds"] for stage, note in notes.items() if note is not None},
        }

    def _labelled(self) -> list[LabelledStructure]:
        by_uid = {s.uid: s for s in read_structures(self.folder / "labelled.extxyz")}
        return [by_uid[row["uid"]] for row in self._noted("selection")["chosen"] if row["uid"] in by_uid]

    def _with_present_weights(self, train: Sequence[LabelledStructure]) -> FitConfig:
        """Leave out the weights of types that are sampled but not labelled yet."""
        config = self.config
        later = {state.config_type for state in config.states} | {path.config_type for path in config.paths}
        later.add(config.candidates.config_type)
        absent = later - {s.config_type for s in train}
        weights = {kind: weight for kind, weight in self.fit_config.weights.items() if kind not in absent}
        return self.fit_config.model_copy(update={"weights": weights})

    def _noted(self, stage: str) -> dict[str, Any]:
        note = self.note(stage)
        assert note is not None
        return note


def _without_predictions(atoms: Atoms) -> Atoms:
    """Return a structure as it goes to the labeller."""
    out: Atoms = atoms.copy()  # type: ignore[no-untyped-call]
    for name in ("force_error_mean", "force_error_largest"):
        del out.info[name]
    return out


def _predicted(candidates: Sequence[Atoms]) -> dict[str, Any]:
    """Return mean and largest predicted force error of candidates, eV/Å, and their atoms."""
    atoms = sum(map(len, candidates))
    total = sum(len(a) * a.info["force_error_mean"] for a in candidates)
    largest = max((a.info["force_error_largest"] for a in candidates), default=0.0)
    return {"mean": total / max(atoms, 1), "largest": largest, "atoms": atoms}
