"""The cycles of an active-learning run, one after the other, until a criterion is met."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ufpnmr.active.config import WAIT, ActiveConfig, Labelling
from ufpnmr.active.cycle import Cycle, Say
from ufpnmr.active.gradients import initial_labels
from ufpnmr.active.labelling import create
from ufpnmr.active.paths import ends_of
from ufpnmr.active.sampling import plan_runs
from ufpnmr.active.stopping import Stop, after_fit, after_sampling
from ufpnmr.errors import InputError
from ufpnmr.folder_lock import folder_lock
from ufpnmr.interruption import signals_as_interrupted
from ufpnmr.potential.dataset import Dataset, check_dataset, elements_of, read_dataset
from ufpnmr.potential.fit_config import basis_of
from ufpnmr.potential.formats import sidecar
from ufpnmr.provenance import collect, file_hash
from ufpnmr.results.learning import LearningRecord
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.structures import LabelledStructure, read_atoms

__all__ = ["ActiveRun", "Plan"]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    train, withheld, columns : int
        Initial structures and coefficients.
    memory : float
        MB, of the matrices of fit and selection.
    runs : dict
        Atoms and frames of each MD run of a cycle, by name.
    paths : dict
        Atoms and images of each path.
    cycles : int
        Cycles whose fit is done.
    """

    train: int
    withheld: int
    columns: int
    memory: float
    runs: dict[str, tuple[int, int]]
    paths: dict[str, tuple[int, int]]
    cycles: int


class ActiveRun:
    """A run bound to its output folder.

    Parameters
    ----------
    config : ActiveConfig
    threads : int
        Of the features; 0 follows OMP_NUM_THREADS.
    say : callable
        Takes one line of log.
    """

    def __init__(self, config: ActiveConfig, threads: int, say: Say) -> None:
        self.config, self.threads, self.say = config, threads, say
        self.folder = config.output.folder
        self.fit_config = config.fit_config

    def cycle(self, number: int) -> Cycle:
        """Return a cycle, whether or not it has begun."""
        folder = self.folder / f"cycle-{number:03d}"
        return Cycle(number, folder, self.config, self.fit_config, self.threads, self.say)

    def check(self) -> Plan:
        """Read every input and make the labeller; nothing is written.

        Raises
        ------
        InputError
            The first input that is wrong.
        """
        config = self.config
        for who in self._labellers().values():
            if who.name != WAIT:
                create(who.name, who.options).ready()
        initial = read_dataset(self.fit_config.data)
        if not initial.test:
            raise InputError("fit: data.withhold holds nothing back; use a larger fraction or give data.test")
        basis = basis_of(self.fit_config.splines, self.fit_config.splines.elements or elements_of(initial.train))
        check_dataset(initial, basis)
        known = set(basis.elements)
        runs, paths = {}, {}
        for run in plan_runs(config, 1):
            start = run.start()
            self._check_elements(run.state.structure, set(map(str, start.symbols)), known)
            assert config.md is not None
            runs[run.name] = (len(start), 1 + config.md.steps // config.md.frame_every)
        for path in config.paths:
            first, _ = ends_of(path)
            self._check_elements(path.initial, set(map(str, first.symbols)), known)
            paths[path.name] = (len(first), path.images - 2)
        for file in config.candidates.pool:
            read_atoms(file)
        if config.gradients is not None:
            initial_labels(config.gradients)
        self._check_labellers()
        done = [c for c in self._begun() if c.note("fit") is not None]
        memory = 5 * 8e-6 * basis.n_columns**2
        return Plan(len(initial.train), len(initial.test), basis.n_columns, memory, runs, paths, len(done))

    def run(self) -> LearningRecord:
        """Go on until a criterion is met or labels are waited for.

        Returns
        -------
        LearningRecord
            Its `stop` is empty where labels are missing.

        Raises
        ------
        InputError
            A wrong input, or another run in the same folder.
        Interrupted
            SIGINT or SIGTERM; the next call continues.
        """
        self.check()
        self.folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(self.folder / "lock", self.folder, "run of ufp active"), signals_as_interrupted():
            self._check_labellers(write=True)
            initial = read_dataset(self.fit_config.data)
            done: list[Cycle] = []
            while True:
                cycle = self.cycle(len(done) + 1)
                done.append(cycle)
                stop = self._advance(cycle, done, initial)
                record = self._record(done, stop)
                if stop is not None or not cycle.complete:
                    return record

    def record(self) -> LearningRecord | None:
        """Return what the run has noted so far."""
        path = self.folder / "record.json"
        return LearningRecord.read(path) if path.is_file() else None

    def _advance(self, cycle: Cycle, cycles: list[Cycle], initial: Dataset) -> Stop | None:
        """Do what is left of a cycle."""
        earlier = self._labelled(cycles[:-1])
        if cycle.note("labelling") is None:
            cycle.begin(self._inputs())
            cycle.fit(initial, earlier)
            if cycle.gradients is not None:
                cycle.gradients.fit([s for c in cycles[:-1] if c.gradients for s in c.gradients.labelled()])
            rows = self._record(cycles, None)
            if cycle.note("sampling") is None:
                stop = after_fit(cycle.number, rows.column("withheld", "force_rmse"), self.config.stop)
                if stop is not None:
                    return stop
            known = [s.atoms for s in (*initial.train, *initial.test, *earlier)]
            refused = {uid for before in cycles[:-1] for uid in (before.note("labelling") or {}).get("failed", {})}
            cycle.sample(known, refused)
            if cycle.note("selection") is None:
                rows = self._record(cycles, None)
                found = rows.cycles[-1]["candidates"]
                mean = rows.column("candidates", "mean")
                stop = after_sampling(found["count"], mean, found["largest"], self.config.stop)
                if stop is not None:
                    return stop
            cycle.select()
            self._wait(cycle, cycle.label(), "queue", "labelled")
        if cycle.note("labelling") is not None and cycle.gradients is not None:
            waiting = cycle.gradients.label([str(s.uid) for s in cycle.labelled()])
            self._wait(cycle, waiting, "gradients-queue", "gradients")
        return None

    def _wait(self, cycle: Cycle, count: int, queue: str, labels: str) -> None:
        """Say for which labels the run waits, if any."""
        if count:
            self.say(
                f"cycle {cycle.number}: {count} structures of {cycle.folder / queue}.extxyz wait for labels in "
                f"{cycle.folder / labels}.extxyz"
            )

    def _labelled(self, cycles: Sequence[Cycle]) -> list[LabelledStructure]:
        """Return the labels of some cycles as of one file: one method made them."""
        source = f"{self.folder.name}, labelled by {self.config.labeller.name}"
        every = [s for cycle in cycles for s in cycle.labelled()]
        return [dataclasses.replace(s, source=source, index=number) for number, s in enumerate(every)]

    def _record(self, cycles: list[Cycle], stop: Stop | None) -> LearningRecord:
        """Write the record of the cycles that have a fit, and return it."""
        rows = [(c, row) for c in cycles if (row := c.row()) is not None]
        newest = rows[-1][0]
        if self.cycle(newest.number + 1).note("fit") is None:  # otherwise this run only catches up with an earlier one
            self._publish(newest)
        record = LearningRecord(
            title=self.config.title,
            stop="" if stop is None else stop.reason,
            converged=stop is not None and stop.converged,
            potential=str(newest.potential.relative_to(self.folder)),
            cycles=[row for _, row in rows],
            provenance=collect(self._inputs(), seed=self.config.seed),
        )
        record.write(self.folder / "record.json")
        return record

    def _publish(self, newest: Cycle) -> None:
        """Copy the newest models to where a user looks first, the potential's posterior before it."""
        models = [sidecar(newest.potential), newest.potential]
        if newest.gradients is not None and newest.gradients.model.is_file():
            models.append(newest.gradients.model)
        for source in models:
            target = self.folder / source.name
            if target.is_file() and file_hash(target) == file_hash(source):
                continue
            partial = target.with_name(target.name + ".partial")
            shutil.copyfile(source, partial)
            partial.replace(target)

    def _begun(self) -> list[Cycle]:
        out: list[Cycle] = []
        while (cycle := self.cycle(len(out) + 1)).note("cycle") is not None:
            out.append(cycle)
        return out

    def _inputs(self) -> list[Path]:
        config, data = self.config, self.fit_config.data
        files = [*data.train, *data.test, *(s.structure for s in config.states), *config.candidates.pool]
        files += [file for path in config.paths for file in (path.initial, path.final)]
        files += [] if config.gradients is None else [config.gradients.fit_file]
        return files + ([] if config.fit_file is None else [config.fit_file])

    def _labellers(self) -> dict[str, Labelling]:
        """Return who labels, by the file that remembers it."""
        out = {"labeller.json": self.config.labeller}
        if self.config.gradients is not None and self.config.gradients.labeller is not None:
            out["gradient-labeller.json"] = self.config.gradients.labeller
        return out

    def _check_labellers(self, write: bool = False) -> None:
        """Refuse labels of another method in the same folder."""
        for name, who in self._labellers().items():
            path = self.folder / name
            own: dict[str, Any] = who.model_dump(mode="json", include={"name", "options"})
            if path.is_file():
                other = json.loads(path.read_text(encoding="utf-8"))
                if other != own:
                    raise InputError(
                        f"{self.folder}: its cycles are labelled by {other['name']} {other['options'] or ''}; labels "
                        "of two methods do not enter one fit: choose another output.folder"
                    )
            elif write:
                write_text_atomically(path, json.dumps(own, indent=1) + "\n")

    def _check_elements(self, path: Path, found: set[str], known: set[str]) -> None:
        if not found <= known:
            raise InputError(
                f"{path}: expected elements {' '.join(sorted(known))} of the labelled structures, found "
                f"{sorted(found - known)[0]}"
            )
