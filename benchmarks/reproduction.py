"""What the studies of inputs/lps/reproduction-*.toml give beside every figure of Harper et al. 2025.

    python inputs/lps/reproduction.py inputs/lps/reproduction-beta.toml --hours 8      (and -glass: see there)
    python benchmarks/reproduction.py -o benchmarks/results/reproduction.json --keep inputs/lps/reproduction

Reads the folders of the studies, at whatever length they are, and correlates once more as the paper did, with a frame
every 100 ps; beside it stands the study's own curve, of V averaged over 1 ps. `--keep` copies curves, events (CSV)
and figures, for the repository.

"Ours" is the number at 300 K if one is claimed there, else what the Arrhenius law of the other temperatures gives at
300 K, marked as extrapolated (three temperatures that claim it, an activation energy above zero), else what each says.
Cost: core-hours of molecular dynamics, CPU time of LAMMPS itself.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lammps_timing import ROOT, parser, report
from reproduction_rows import rows
from ufpnmr.errors import InputError
from ufpnmr.nmr import angles, correlate, fit_decay
from ufpnmr.provenance import file_hash
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.hops import HopResult
from ufpnmr.results.sites import SiteLabels
from ufpnmr.results.storage import write_columns
from ufpnmr.results.temperature_scan import TemperatureScan
from ufpnmr.results.tensors import TensorSeries
from ufpnmr.study import ScanConfig, StudyConfig, read_scan

INPUTS = ROOT / "inputs" / "lps"
PAPER_INTERVAL_PS = 100.0
FIGURES = ("acf-*", "angles-*-counts", "histogram-cq", "sites")
_BIN = 10.0


def core_hours(log: Path) -> tuple[float, int]:
    """Return the CPU time of the loops of a LAMMPS log, hours, and their steps."""
    text = log.read_text(encoding="utf-8")
    loops = re.findall(r"^Loop time of (\S+) on (\d+) procs for (\d+) steps", text, re.M)
    used = re.findall(r"^([\d.]+)% CPU use with", text, re.M)
    seconds = sum(float(loop[0]) * int(loop[1]) * float(cpu) / 100 for loop, cpu in zip(loops, used, strict=False))
    return seconds / 3600, sum(int(loop[2]) for loop in loops[: len(used)])


def thinned(series: TensorSeries, interval: float) -> TensorSeries:
    """Return the frames every `interval` ps."""
    every = max(1, round(interval / float(series.time[1] - series.time[0])))
    return dataclasses.replace(series, time=series.time[::every], V=series.V[::every], cell=series.cell[::every])


def decays(series: TensorSeries, study: StudyConfig, ions: np.ndarray, sampling: dict[str, Any]) -> dict[str, Any]:
    """Return z, status, τ and rate of every curve, C_Q of the ions that hopped included, or why there is none."""
    nmr = study.nmr
    wanted: dict[str, dict[str, Any]] = {f"omega_q {k}": {"field": v} for k, v in nmr.fields.items()}
    wanted |= {"cq": {"observable": "cq"}, "powder": {"observable": "powder"}}
    if len(ions):
        wanted["cq of ions that hopped"] = {"observable": "cq", "ions": ions, "selection": "ions that hopped"}
    found = {}
    for name, choice in wanted.items():
        try:
            curve = correlate(series, isotope=nmr.isotope, convention=nmr.convention, **choice, **sampling)
            fit = fit_decay(curve, gamma=study.decay.gamma, plateau=study.decay.plateau)
        except InputError as error:
            found[name] = {"none": str(error)}
            continue
        records = {key: getattr(fit, key).to_dict() for key in ("tau", "rate", "relative_drop")}
        found[name] = {"status": fit.status, "z": round(float(fit.z), 2), **records, "warnings": list(fit.warnings)}
    return found


def common_angles(series: TensorSeries, labels: SiteLabels, field: Any) -> dict[str, dict[str, float]]:
    """Return the most frequent θ, φ (folded to one octant, 10° bins) of the ions on each kind of site, degrees."""
    here, there = np.intersect1d(series.time.round(6), labels.time.round(6), return_indices=True)[1:]
    theta, phi = (np.degrees(part) for part in angles(series.V[here], field=field, fold=True))
    edges = np.arange(0.0, 90.0 + _BIN, _BIN)
    found = {}
    for code, name in labels.names.items():
        on = labels.label[there] == int(code)
        if name == "transit" or not on.any():
            continue
        counts, _, _ = np.histogram2d(theta[on], phi[on], bins=(edges, edges))
        top = np.unravel_index(int(np.argmax(counts)), counts.shape)
        share = float(counts[top] / counts.sum())
        found[name] = {"theta": edges[top[0]] + _BIN / 2, "phi": edges[top[1]] + _BIN / 2, "share": round(share, 4)}
    return found


def temperature(study: StudyConfig) -> dict[str, Any]:
    """Return what one folder holds."""
    folder = study.output.folder
    document = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    series, hops = TensorSeries.read(folder / "tensors.h5"), HopResult.read(folder / "hops.h5")
    labels = SiteLabels.read(folder / "sites.h5")
    hopped = hops.ids[np.unique(hops.ion)]
    hours, steps = core_hours(folder / "md" / "md.log")
    stamp = json.loads((folder / ".study" / "efg.json").read_text(encoding="utf-8"))
    thin = thinned(series, PAPER_INTERVAL_PS)
    return {
        "temperature_K": study.system.temperature_K,
        "ps": document["run"]["end_ps"] - document["run"]["start_ps"],
        "ions": len(series.ids),
        "records": {name: document["records"][name] for name in document["headline"]},
        "hops": len(hops.ion),
        "ions_that_hopped": len(hopped),
        "ions_that_changed_site": labels.n_ions_changed,
        "sites": json.loads((folder / "directions.json").read_text(encoding="utf-8")),
        "angles": {name: common_angles(series, labels, field) for name, field in study.nmr.fields.items()},
        "averaged_1ps": decays(series, study, hopped, {"average": study.nmr.average_ps}),
        "every_100ps": decays(thin, study, hopped, {}),
        "frames_every_100ps": len(thin.time),
        "md_core_hours_per_ns": 1e3 * hours / (steps * study.trajectory.timestep_ps),
        "efg_seconds_per_frame": stamp["seconds"] / len(series.time),
    }


def finished(scan: ScanConfig) -> Iterator[StudyConfig]:
    """Yield the studies that have results."""
    for study in scan.studies:
        if (study.output.folder / "results.json").is_file():
            yield study


def phase(path: Path) -> dict[str, Any]:
    """Return all temperatures of a study file, the laws over them and the lengths that were planned."""
    scan = read_scan(path)
    assert scan is not None
    laws: dict[str, Any] = {}
    summary = scan.folder / "temperatures.json"
    if summary.is_file():
        found = TemperatureScan.read(summary)
        laws = {
            "activation": {name: record.to_dict() for name, record in found.activation.items()},
            "predicted_300K": {name: at["300"].to_dict() for name, at in found.predicted.items() if "300" in at},
        }
    planned = {
        f"{study.system.temperature_K:g}": study.md.steps * study.trajectory.timestep_ps
        for study in scan.studies
        if study.md is not None
    }
    first = scan.studies[0]
    assert first.md is not None
    files = (path, first.md.input, first.md.data, first.md.potential, first.efg_model)
    return {
        "planned_ps": planned,
        "potential": first.md.potential.name,
        "model": first.efg_model.name,
        "inputs": {file.name: file_hash(file) for file in files},
        "temperatures": [temperature(study) for study in finished(scan)],
        "laws": laws,
    }


def keep(path: Path, target: Path) -> None:
    """Copy curves, events and figures of a study file's folders."""
    scan = read_scan(path)
    assert scan is not None
    for study in finished(scan):
        folder = study.output.folder
        place = target / f"{path.stem.removeprefix('reproduction-')}-{folder.name}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for file in sorted(folder.glob("acf-*.h5")):
            curve = CorrelationResult.read(file)
            some = curve.fit_index
            columns = {"lag / ps": curve.lag[some], "C": curve.mean[some], "standard error": curve.std_error[some]}
            write_columns(place / f"{file.stem}.csv", columns)
        hops = HopResult.read(folder / "hops.h5")
        events = {"ion": hops.ids[hops.ion], "t_leave / ps": hops.t_leave, "t_arrive / ps": hops.t_arrive}
        events |= {"length / Å": hops.length.round(3), "from": hops.label_from, "to": hops.label_to}
        write_columns(place / "events.csv", {**events, "return": hops.is_return.astype(int)})
        _compress(place / "events.csv")
        for pattern in FIGURES:
            for figure in sorted((folder / "figures").glob(f"{pattern}.svg")):
                shutil.copyfile(figure, place / figure.name)


def _compress(file: Path) -> None:
    """Replace a file by its .gz, the same bytes every time."""
    with open(f"{file}.gz", "wb") as target, gzip.GzipFile("", "wb", mtime=0, fileobj=target) as stream:
        stream.write(file.read_bytes())
    file.unlink()


def main() -> None:
    """Collect, print the table, write."""
    arguments = parser(__doc__)
    for name in ("beta", "glass"):
        arguments.add_argument(f"--{name}", type=Path, default=INPUTS / f"reproduction-{name}.toml", metavar="STUDY")
    arguments.add_argument("--keep", type=Path, metavar="FOLDER", help="copy curves, events and figures there")
    options = arguments.parse_args()
    phases = {"beta": phase(options.beta), "glass": phase(options.glass)}
    table = rows(phases)
    for row in table:
        print(" | ".join(row.values()))
    report("reproduction", options.quick, options.output, phases=phases, rows=table)
    if options.keep is not None:
        for path in (options.beta, options.glass):
            keep(path, options.keep)


if __name__ == "__main__":
    main()
