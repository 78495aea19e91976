"""The same study at several temperatures, and what their comparison gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from ufpnmr import arrhenius, provenance
from ufpnmr.errors import InputError
from ufpnmr.results import Record
from ufpnmr.results.temperature_scan import TemperatureScan
from ufpnmr.study.ledger import Ledger, Stage
from ufpnmr.study.runner import Outcome, Study, chosen_stages, matches, run_stages
from ufpnmr.study.scan_config import ScanConfig, temperature_name
from ufpnmr.study.scan_report import write_scan_report
from ufpnmr.study.summary import Results
from ufpnmr.study.work import Bar

__all__ = ["Scan"]

_CLOSING = ("arrhenius", "figure temperatures", "report")


class Scan:
    """A study file with a list of temperatures, bound to its output folder.

    Every temperature is a `Study` of its own in a sub-folder ("600K"); once their results are there, a closing stage
    collects D, the hop rate and every τ, and fits Arrhenius laws.

    Parameters
    ----------
    config : ScanConfig
    threads : int
        Of the analyses.
    say, bar : callable
        As of `Study`.
    """

    def __init__(
        self, config: ScanConfig, threads: int, say: Callable[[str], object], bar: Callable[[int, str], Bar]
    ) -> None:
        self.config, self.folder, self.say = config, config.folder, say

        def named(kelvin: float) -> Callable[[str], object]:
            return lambda line: say(f"{temperature_name(kelvin)}: {line}")

        self.studies = {
            kelvin: Study(study, threads, named(kelvin), bar)
            for kelvin, study in zip(config.kelvin, config.studies, strict=True)
        }
        self.output = self.folder / "temperatures.json"

    def check(self) -> None:
        """Read every input once before anything is written; see `Study.check`."""
        for study in self.studies.values():
            study.check()

    def states(self) -> dict[str, str]:
        """Return the state of the closing stages; those of each temperature are its study's."""
        if not all(_has_results(study) for study in self.studies.values()):
            return dict.fromkeys(_CLOSING, "missing")
        ledger = self._closing()
        complete = not self._incomplete()
        return {name: ledger.state(name) if complete else "stale" for name in _CLOSING}

    def run(
        self,
        *,
        force: bool = False,
        only: str | None = None,
        until: str | None = None,
        temperatures: Iterable[float] = (),
    ) -> list[str]:
        """Run what is not done.

        Parameters
        ----------
        force : bool
            Run done stages again.
        only, until : str, optional
            As of `Study.run`, at every temperature; "arrhenius" is the first of the closing stages.
        temperatures : iterable of float
            Only these (K); by default all. The closing stages run when every temperature is done.

        Returns
        -------
        list of str
            The stages that ran, as "600K: efg".
        """
        chosen = tuple(temperatures) or self.config.kelvin
        unknown = [kelvin for kelvin in chosen if kelvin not in self.studies]
        if unknown:
            known = ", ".join(f"{kelvin:g}" for kelvin in self.config.kelvin)
            raise InputError(f"expected temperatures of the study file ({known} K), found {unknown[0]:g} K")
        wanted = only or until
        stages = [name for study in self.studies.values() for name in study.ledger.stages]
        here = wanted is None or any(matches(name, wanted) for name in stages)
        closing = wanted is None or any(matches(name, wanted) for name in _CLOSING)
        if not (here or closing):
            chosen_stages([*dict.fromkeys(stages), *_CLOSING], only, until)
        self.check()
        ran = []
        for kelvin in chosen:
            # --until a closing stage means everything before it
            if here or until is not None:
                done = self.studies[kelvin].run(force=force, only=only, until=until if here else None)
                ran += [f"{temperature_name(kelvin)}: {name}" for name in done]
        incomplete = self._incomplete()
        if closing and not incomplete:
            ran += run_stages(self._closing(), chosen_stages(_CLOSING, only, until), force, self.say)
        elif closing:
            self.say(f"no laws yet: {', '.join(incomplete)} not done")
        return ran

    def results(self) -> TemperatureScan | None:
        """Return what the closing stage found, if it is done."""
        return TemperatureScan.read(self.output) if self.states()["arrhenius"] == "done" else None

    def outcome(self) -> Outcome | None:
        """Return every quantity at every temperature, its activation energy and what was predicted, if done."""
        found = self.results()
        if found is None:
            return None
        records: dict[str, Record] = {}
        for name, row in found.records.items():
            records |= {
                f"{name} {temperature_name(t)}": record for t, record in zip(found.temperature, row, strict=True)
            }
            records[f"activation_energy {name}"] = found.activation[name]
            records |= {f"{name} predicted {t}K": record for t, record in found.predicted.get(name, {}).items()}
        return Outcome(records, found.notices)

    def _incomplete(self) -> list[str]:
        return [
            temperature_name(kelvin)
            for kelvin, study in self.studies.items()
            if study.ledger.state("results") != "done"
        ]

    def _closing(self) -> Ledger:
        files = tuple(study.shop.folder / "results.json" for study in self.studies.values())
        figure = self.folder / "figures" / "temperatures.svg"
        return Ledger(
            self.folder,
            [
                Stage(
                    _CLOSING[0],
                    self.output,
                    lambda _: self._collect(),
                    settings={"kelvin": self.config.kelvin, "predict": self.config.predict},
                    files=files,
                    code=("arrhenius", "statistics"),
                ),
                Stage(_CLOSING[1], figure, lambda _: self._draw(), needs=_CLOSING[:1], code=("plots",)),
                Stage(
                    _CLOSING[2],
                    self.folder / "report.html",
                    lambda _: write_scan_report(self.folder, self.config, TemperatureScan.read(self.output)),
                    needs=_CLOSING[:2],
                    settings=self.config.studies[0].system.model_dump(include={"title", "phase", "caveats"}),
                    code=("study",),
                ),
            ],
        )

    def _collect(self) -> list[str]:
        results = [Results.read(study.shop).headline for study in self.studies.values()]
        common = [name for name in results[0] if all(name in records for records in results)]
        found = arrhenius.over_temperatures(
            self.config.kelvin,
            {name: [records[name] for records in results] for name in common},
            self.config.predict,
        )
        files = [study.shop.folder / "results.json" for study in self.studies.values()]
        inputs = {
            f"{file.parent.name}/{name}": value
            for file in files
            for name, value in provenance.collect([file])["inputs"].items()
        }
        described = {**provenance.collect(analysis="temperatures"), "inputs": inputs}
        dataclasses.replace(found, provenance=described).write(self.output)
        return [f"warning: {line}" for line in found.notices]

    def _draw(self) -> None:
        from ufpnmr.plots import over_temperatures, save

        (self.folder / "figures").mkdir(exist_ok=True)
        save(over_temperatures(TemperatureScan.read(self.output)), self.folder / "figures" / "temperatures.svg")


def _has_results(study: Study) -> bool:
    return (study.shop.folder / "results.json").is_file()
