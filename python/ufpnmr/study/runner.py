"""Run the stages that are not done, in order, one run per folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ufpnmr.errors import InputError, nearest
from ufpnmr.interruption import Interrupted, signals_as_interrupted
from ufpnmr.results import Record
from ufpnmr.study.config import StudyConfig
from ufpnmr.study.ledger import Ledger
from ufpnmr.study.plan import stages_of
from ufpnmr.study.structure import check_sampling
from ufpnmr.study.summary import Results
from ufpnmr.study.work import Bar, Workshop

__all__ = ["Interrupted", "Outcome", "Study", "chosen_stages", "matches", "run_stages"]


class Outcome(NamedTuple):
    """What the end of a run prints: the records that decide the exit code, and warnings."""

    records: Mapping[str, Record]
    notices: Sequence[str]


class Study:
    """A study file bound to its output folder.

    Parameters
    ----------
    config : StudyConfig
    threads : int
        Of the analyses.
    say : callable
        Takes one line of log.
    bar : callable
        ``bar(total, label)`` returns a progress bar.
    """

    def __init__(
        self, config: StudyConfig, threads: int, say: Callable[[str], object], bar: Callable[[int, str], Bar]
    ) -> None:
        self.config, self.say = config, say
        self.shop = Workshop(config, config.output.folder, threads, bar)
        self.folder, self.output = self.shop.folder, self.shop.folder / "results.json"
        self.ledger = Ledger(self.shop.folder, stages_of(self.shop))

    def check(self) -> None:
        """Read every input once before anything is written.

        Raises
        ------
        InputError
            The first input that is wrong.
        """
        from ufpnmr.efg.engine import error_text, read_engine
        from ufpnmr.isotopes import isotope
        from ufpnmr.nmr.frequencies import convention_factor

        convention_factor(self.config.nmr.convention, isotope(self.config.nmr.isotope).spin)
        model = read_engine(self.config.efg_model)
        if self.config.md is not None:
            from ufpnmr.potential import Potential

            Potential.read(self.config.md.potential)
        check_sampling(self.shop)
        origin = " shipped with ufpnmr (efg.model names none)" if self.config.efg.model is None else ""
        self.say(f"field gradients: {self.config.efg_model.name}{origin}, withheld error {error_text(model)}")

    def states(self) -> dict[str, str]:
        """Return the state of every stage: done, stale, unfinished or missing."""
        return {name: self.ledger.state(name) for name in self.ledger.stages}

    def run(self, *, force: bool = False, only: str | None = None, until: str | None = None) -> list[str]:
        """Run what is not done.

        Parameters
        ----------
        force : bool
            Run done stages again.
        only, until : str, optional
            A stage, or the first word of several ("acf"): run only these, or stop after the last of them.

        Returns
        -------
        list of str
            The stages that ran.

        Raises
        ------
        InputError
            A wrong input, an unknown stage, a needed stage that has not run, or another run in the same folder.
        """
        chosen = chosen_stages(list(self.ledger.stages), only, until)
        self.check()
        return run_stages(self.ledger, chosen, force, self.say)

    def results(self) -> Results | None:
        """Return the results if they are done."""
        return Results.read(self.shop) if self.ledger.state("results") == "done" else None

    def outcome(self) -> Outcome | None:
        """Return what is printed at the end, if the results are done."""
        found = self.results()
        return None if found is None else Outcome(found.headline, ())


def run_stages(ledger: Ledger, chosen: Sequence[str], force: bool, say: Callable[[str], object]) -> list[str]:
    """Run those of the chosen stages that are not done, or all of them by `force`; return which ran."""
    ran = []
    with ledger.locked(), signals_as_interrupted():
        for name in chosen:
            if ledger.state(name) == "done" and not force:
                continue
            missing = [need for need in ledger.stages[name].needs if ledger.state(need) != "done"]
            if missing:
                raise InputError(f"stage {name!r} needs {missing[0]!r}, which is not done; run without --only")
            _run_one(ledger, name, force, say)
            ran.append(name)
    return ran


def chosen_stages(names: Sequence[str], only: str | None, until: str | None) -> Sequence[str]:
    """Return the names that a user's choice means, in order; see `Study.run`."""
    for wanted in (only, until):
        if wanted is not None and not any(matches(name, wanted) for name in names):
            words = [*names, *{name.split()[0] for name in names}]
            raise InputError(f"no stage {wanted!r}{nearest(wanted, words)}; --dry-run lists them")
    if only is not None:
        return [name for name in names if matches(name, only)]
    if until is not None:
        return names[: max(i for i, name in enumerate(names) if matches(name, until)) + 1]
    return names


def _run_one(ledger: Ledger, name: str, force: bool, say: Callable[[str], object]) -> None:
    resume = ledger.started(name) and not force
    begin = time.monotonic()
    say(f"{name}: {'continued' if resume else 'started'}")
    said = ledger.stages[name].run(resume)
    for line in said if isinstance(said, list) else ():
        say(line)
    seconds = time.monotonic() - begin
    ledger.finished(name, seconds)
    say(f"{name}: done in {seconds:.1f} s, {_short(ledger.stages[name].output)}")


def matches(name: str, wanted: str) -> bool:
    """Whether a user's word means this stage: its name, or its first word."""
    return name == wanted or name.split()[0] == wanted


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
