"""Run a study with several temperatures in pieces: a kill loses little, and every temperature is as far as the others.

    python inputs/lps/reproduction.py inputs/lps/reproduction-beta.toml --hours 8
    python inputs/lps/reproduction.py inputs/lps/reproduction-glass.toml --hours 8

The temperature that is least far gets the next `--piece` ps of molecular dynamics, until `md.steps` of the study file
are done or the hours are over; then what is there is analysed as by `ufp study`. The same command continues: a kill
costs the steps since the last restart file. With other inputs (a new potential) the MD starts anew and the old run is
moved aside, as always. The two files may run side by side, one core each.
What came out beside what the paper says: benchmarks/reproduction.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from pathlib import Path

from ufpnmr.cli.common import progress
from ufpnmr.interruption import signals_as_interrupted
from ufpnmr.study import Interrupted, Scan, ScanConfig, Study, StudyConfig, read_scan


def with_steps(study: StudyConfig, steps: int) -> StudyConfig:
    """Return the study with another length of its MD."""
    assert study.md is not None
    return study.model_copy(update={"md": study.md.model_copy(update={"steps": steps})})


def bound(study: StudyConfig) -> Study:
    """Bind a study to its folder."""
    return Study(study, 1, lambda line: print(line, flush=True), progress)


def next_target(study: StudyConfig, piece: int) -> int:
    """Return the step at which the next piece ends: that of a piece that was killed, or one more than was done."""
    stamp = bound(study).ledger.stamp("md")
    if stamp is None:
        return piece
    steps = int(stamp["extends"]["steps"])
    if "output" not in stamp:
        return steps
    return steps + piece if bound(with_steps(study, steps)).ledger.state("md") == "done" else piece


def done_steps(study: StudyConfig) -> int:
    """Return the steps of finished pieces with the inputs of this study; 0 without any."""
    stamp = bound(study).ledger.stamp("md")
    if stamp is None or "output" not in stamp:
        return 0
    steps = int(stamp["extends"]["steps"])
    return steps if bound(with_steps(study, steps)).ledger.state("md") == "done" else 0


def as_far_as_done(scan: ScanConfig) -> ScanConfig:
    """Return the scan with every MD as long as it is by now, without the temperatures that have not begun."""
    reached = {kelvin: done_steps(study) for kelvin, study in zip(scan.kelvin, scan.studies, strict=True)}
    pairs = [(k, with_steps(s, reached[k])) for k, s in zip(scan.kelvin, scan.studies, strict=True) if reached[k]]
    return dataclasses.replace(scan, kelvin=tuple(k for k, _ in pairs), studies=tuple(s for _, s in pairs))


def simulate(scan: ScanConfig, piece_ps: float, until_ps: float, hours: float) -> None:
    """Run pieces of MD, the next one always where least is done."""
    begin = time.monotonic()
    done = {kelvin: done_steps(study) for kelvin, study in zip(scan.kelvin, scan.studies, strict=True)}
    while done and time.monotonic() - begin < 3600 * hours:
        kelvin = min(done, key=lambda one: done[one])
        study = scan.studies[scan.kelvin.index(kelvin)]
        assert study.md is not None
        step_ps = study.trajectory.timestep_ps
        last = round(min(until_ps / step_ps, study.md.steps))
        if done[kelvin] >= last:
            del done[kelvin]
            continue
        target = min(next_target(study, round(piece_ps / step_ps)), last)
        print(f"{kelvin:g} K: to {target * step_ps:g} of {study.md.steps * step_ps:g} ps", flush=True)
        bound(with_steps(study, target)).run(until="md")
        done[kelvin] = target


def main() -> int:
    """Simulate and analyse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--hours", type=float, default=math.inf, help="start no piece after so many hours")
    parser.add_argument("--piece", type=float, default=200.0, metavar="PS", help="length of a piece (default 200)")
    parser.add_argument("--until", type=float, default=math.inf, metavar="PS", help="simulate no more than this")
    parser.add_argument("--temperature", type=float, action="append", metavar="K", help="only this one; again for more")
    parser.add_argument("--md-only", action="store_true", help="do not analyse yet")
    options = parser.parse_args()
    scan = read_scan(options.study)
    if scan is None:
        parser.error(f"{options.study}: expected a section [temperatures]")
    chosen = [
        (k, s)
        for k, s in zip(scan.kelvin, scan.studies, strict=True)
        if options.temperature is None or k in options.temperature
    ]
    some = dataclasses.replace(scan, kelvin=tuple(k for k, _ in chosen), studies=tuple(s for _, s in chosen))
    try:
        with signals_as_interrupted():
            simulate(some, options.piece, options.until, options.hours)
            there = as_far_as_done(scan)
            if there.kelvin and not options.md_only:
                Scan(there, 1, lambda line: print(line, flush=True), progress).run()
    except Interrupted as stop:
        print(f"{stop}; the same command continues")
        return stop.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
