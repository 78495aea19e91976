"""Markdown tables of the measured results, and their places in the documentation.

    python benchmarks/table.py benchmarks/results/pair.json                    print the table
    python benchmarks/table.py benchmarks/results/*.json --write docs/*.md     refresh it where the pages hold it

A page holds the table of a benchmark between the lines `<!-- measured: NAME -->` and `<!-- end: NAME -->`. A result
made with --quick measures nothing and is not written.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lammps_timing import spread

Result = dict[str, Any]


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; all columns but the first are right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def pair(result: Result) -> str:
    """Return the table of pair.py for its last SIMD path, and the ratios of all paths if several were forced."""
    runs = result["runs"]

    def row(case: Result) -> list[object]:
        call = case["force_call_us_per_atom"]
        return [
            case["case"],
            f"{case['neighbours']:.0f}, {case['triplets']:.0f}",
            f"{call['ufp']['median']:.2f}",
            f"{call['uf3']['median']:.2f}",
            spread(case["uf3_over_ufp"], 1),
            f"{case['md_uf3_over_ufp']['median']:.1f}",
            f"{case['sw_over_ufp']['median']:.2f}" if case["sw_over_ufp"] else "",
        ]

    header = ["case", "neighbours, triplets per atom", "`ufp`, µs/atom", "`uf3`, µs/atom"]
    header += ["`uf3`/`ufp`, force call", "whole MD step", "`sw`/`ufp`, force call"]
    text = markdown(header, map(row, runs[-1]["cases"]))
    if len(runs) > 1 and all(case["simd"] == run["forced"] for run in runs for case in run["cases"]):
        cases = zip(*(run["cases"] for run in runs), strict=True)
        rows = [[same[0]["case"], *(spread(case["uf3_over_ufp"], 1) for case in same)] for same in cases]
        text += "\n\n`uf3`/`ufp` of the force call by instruction set:\n\n"
        text += markdown(["case", *(run["forced"] for run in runs)], rows)
    return text


def parallel(result: Result) -> str:
    """Return the tables of parallel.py: speed-ups, then sizes."""
    rows = []
    for phase in result["scaling"]:
        for name in ("threads", "threads -sf", "ranks"):
            force = spread(phase["speed_up_force_call"][name])
            rows.append([f"{phase['phase']}, {phase['atoms']} atoms", name, spread(phase["speed_up"][name]), force])
        share = f"{phase['zero_share_ranks']['median']:.0%} of the step"
        zero = f"ranks, LAMMPS alone ({share})"
        rows.append([f"{phase['phase']}, {phase['atoms']} atoms", zero, spread(phase["zero_speed_up_ranks"]), ""])
    text = markdown(["", "two of", "speed-up of the step", "of the force call"], rows)
    sizes = [
        [
            size["atoms"],
            spread(size["us_per_atom_step"]),
            spread(size["over_smallest"]),
            size["resident_bytes_per_atom"],
            size["lammps_bytes_per_atom"],
        ]
        for size in result["sizes"]
    ]
    header = ["atoms", "µs per atom and step", "over the first row", "resident bytes/atom", "by LAMMPS's count"]
    return text + "\n\n" + markdown(header, sizes)


def skin(result: Result) -> str:
    """Return the best setting of each state of skin.py beside that of in.md."""
    rows = []
    for state in result["states"]:
        best = state["best"]
        rows.append(
            [
                f"{state['phase']}, {state['atoms']} atoms, {state['temperature_K']:g} K",
                f"{best['skin_A']} Å, `{best['neigh_modify']}`",
                spread(best["over_in_md"], 3),
                best["builds_per_100_steps"],
                f"{best['neigh_share']:.1%}",
            ]
        )
    return markdown(["", "fastest without dangerous builds", "speed over in.md", "lists/100 steps", "Neigh"], rows)


def energy_conservation(result: Result) -> str:
    """Return the drifts."""
    rows = [
        [
            f"`{style}`",
            f"{values['drift_eV_per_atom_ps']:.1e} ± {values['drift_std_error']:.0e}",
            f"{values['rms_fluctuation_eV_per_atom']:.1e}",
            values["temperature_K"],
        ]
        for style, values in result["styles"].items()
    ]
    header = [f"NVE, {result['time_ps']:g} ps at {1e3 * result['timestep_ps']:g} fs", "drift, eV/atom/ps"]
    return markdown([*header, "rms fluctuation, eV/atom", "T, K"], rows)


def microsecond(result: Result) -> str:
    """Return core-hours per microsecond."""
    rows = [
        [
            phase["phase"],
            run["atoms"],
            run["ranks"],
            spread(run["steps_per_s"], 0),
            f"{run['us_per_atom_step_and_core']['median']:.2f}",
            spread(run["core_hours_per_us"], 0),
            f"{run['days_per_us']:.1f}",
            f"{run['sections']['Pair']:.0%}, {run['sections']['Output']:.1%}",
        ]
        for phase in result["phases"]
        for run in phase["runs"]
    ]
    header = ["phase", "atoms", "ranks", "steps/s", "core µs per atom and step", "core-hours per µs", "days per µs"]
    text = markdown([*header, "Pair, Output"], rows)
    for phase in result["phases"]:
        model = phase["model"]
        hours = ", ".join(f"{ranks}: {value:.0f}" for ranks, value in phase["model_core_hours_per_us"].items())
        text += (
            f"\n\nModel of {phase['phase']}: time per step = {model['a_us_per_atom']} µs × atoms/ranks"
            f" + {model['b_us_per_step']} µs, and {model['c_us_per_step']} µs more on several ranks (within"
            f" {model['largest_deviation']:.1%} of the four rows). Core-hours of the smaller cell by ranks,"
            f" extrapolated beyond 2: {hours}."
        )
    return text


def fit(result: Result) -> str:
    """Return the table of fit.py."""
    header = ["", "per structure", "ratio"]
    rows: list[list[object]] = [
        [
            f"`ufp fit`: energy, forces, stress, {result['columns']} columns",
            f"{spread(result['seconds_per_structure'], 3)} s",
            "",
        ]
    ]
    if "uf3" in result:
        peer = result["uf3"]
        rows.append(
            [
                f"package uf3: energy, forces, {peer['columns']} columns",
                f"{spread(peer['seconds_per_structure'], 1)} s",
                spread(peer["ratio"], 0),
            ]
        )
    text = markdown(header, rows)
    if "whole_fit" in result:
        whole = result["whole_fit"]
        text += (
            f"\n\nA whole fit to {whole['structures']} such structures on {whole['threads']} threads: "
            f"{whole['seconds']} s, of which {whole['of which solving']} s for the solution, "
            f"at most {whole['peak_MB']} MB."
        )
    return text


def active(result: Result) -> str:
    """Return the table of active.py."""
    rows = []
    for kind, of_kind in result["force_rmse"].items():
        for method, errors in of_kind.items():
            medians = [statistics.median(column) for column in zip(*errors, strict=True)]
            factors = ", ".join(f"{value:.2f}" for value in result["factors"][kind][method])
            row = [f"{method}, {kind}", *(f"{value:.0f}" for value in medians), "" if method == "random" else factors]
            rows.append([*row, f"{result['seconds'][method]:.1f}"])
    header = ["labelled structures", *map(str, result["labelled"]), "random over this, by seed", "s per selection"]
    return markdown(header, rows)


def efg(result: Result) -> str:
    """Return the tables of efg.py: environments per second on one core."""
    columns = (("large", 2), ("default", 2), ("large", 3))
    sizes, active = result["sizes"], result["sizes"]["active"]

    def size(name: str) -> str:
        return "{n_max}/{l_max}, {features}/{invariants}".format(**sizes[name])

    speed = {
        (case["simd"], case["precision"], case["size"], case["zeta"]): case["environments_per_s"]
        for case in result["cases"]
    }
    simds = dict.fromkeys(case["simd"] for case in result["cases"])
    header = ["", f"{size('large')}, ζ = 2", f"{size('default')}, ζ = 2", f"{size('large')}, ζ = 3, {active:,} active"]
    rows: list[list[object]] = []
    for simd, precision in itertools.product(simds, ("single", "double")):
        speeds = (speed[(simd, precision, *column)] for column in columns)
        rows.append([f"{simd}, {precision}", *(spread(each, 0) for each in speeds)])
    if "featomic" in result:
        peer = result["featomic"]
        rows.append([f"featomic {peer['version']} with NumPy, double", spread(peer["environments_per_s"], 0), "", ""])
    whole = [
        [name, spread(values["environments_per_s"], 0), spread(values["over_kernel"])]
        for name, values in result["series"].items()
    ]
    header_whole = ["dump to tensor series, single, wall time", "tensors/s", "over the kernel alone"]
    return markdown(header, rows) + "\n\n" + markdown(header_whole, whole)


def acf(result: Result) -> str:
    """Return the cost of correlation functions."""
    case, disk = result["in_memory"], result["out_of_core"]
    seconds = case["cpu_seconds"]
    rows = [
        [f"powder curves of {case['ions']} ions × {case['frames']} frames", f"{spread(seconds['curves'], 3)} s"],
        ["block sums for the errors", f"{spread(seconds['block sums'], 3)} s"],
        ["`correlate`, everything", f"{spread(seconds['correlate'], 3)} s"],
        [
            f"{disk['ions']} ions × {disk['frames']:,} frames from a file of {disk['file_MiB']} MiB, multiple tau",
            f"{disk['cpu_seconds']:.0f} s",
        ],
    ]
    text = markdown(["", "CPU time, one core"], rows)
    return (
        f"{text}\n\nLargest resident memory of the last: {disk['after_MiB']} MiB, of which {disk['before_MiB']} before"
        f" the correlation, with `memory` {disk['memory_MiB']} MiB."
    )


def coverage_decay(result: Result) -> str:
    """Return the coverage of the intervals of τ."""
    rows = []
    for case in result["cells"]:
        coverage = "" if case["coverage"] is None else f"{case['coverage']:.1%}"
        refused = ", ".join(f"`{name}` {n / case['runs']:.0%}" for name, n in sorted(case["statuses"].items()))
        rows.append(
            [
                f"{case['process']}, T = {case['T_over_tau']} τ",
                case["ions"],
                f"{case['claimed']:.1%}",
                coverage,
                refused,
            ]
        )
    return markdown(["process", "ions", "runs with a value", "coverage of those", "statuses"], rows)


def vibration(result: Result) -> str:
    """Return amplitude and decay time against the window of the mean."""
    cases: dict[tuple[str, int], dict[float | None, Result]] = {}
    for row in result["rows"]:
        cases.setdefault((row["averaging"], row["window"]), {})[row["amplitude_fixed"]] = row

    def time(row: Result) -> str:
        value, low, high = row["tau"]
        return f"`{row['status']}`" if value is None else f"{value:.0f} ({low:.0f} to {high:.0f})"

    rows = [
        [
            "none" if window == 1 else f"{window} frames, {averaging}",
            f"{case[None]['amplitude']:.3f}" if case[None]["amplitude"] is not None else "",
            time(case[None]),
            time(case[1.0]),
        ]
        for (averaging, window), case in cases.items()
    ]
    header = ["mean of V over", "A/C(0)", f"τ, frames (truth {result['tau']:.0f})", "with A fixed at 1"]
    return markdown(header, rows)


def efg_precision(result: Result) -> str:
    """Return the table of efg_precision.py: deviation of single from double precision."""
    rows = [
        [
            case["zeta"],
            case["solver"],
            f"{case['regularisation']:g}",
            f"{case['relative_tensor_rmse']:.1%}",
            f"{case['sum_of_weights']:.0e}",
            f"{case['deviation']:.0e}",
            case["precision"],
        ]
        for case in result["cases"]
    ]
    header = [
        "ζ",
        "solver",
        "noise variance",
        "cross-validated error",
        "Σ abs(weights)",
        "single off by, of the rms label",
    ]
    return markdown([*header, "predicts in"], rows)


TABLES = {
    f.__name__: f
    for f in (
        pair,
        parallel,
        skin,
        energy_conservation,
        microsecond,
        fit,
        active,
        efg,
        efg_precision,
        acf,
        coverage_decay,
        vibration,
    )
}


def table(result: Result) -> str:
    """Return the Markdown of a result with a line that says where it was measured."""
    machine = result["machine"]
    simd = {case["simd"] for run in result.get("runs", [])[-1:] for case in run["cases"][:1] if case["simd"]}
    versions = machine["versions"]
    origin = [machine["cpu"], *sorted(simd), f"LAMMPS {versions['lammps']}", f"ufpnmr {versions['ufpnmr']}"]
    origin += [f"commit {machine['commit']}", machine["date"][:10]]
    note = f"Measured by `benchmarks/{result['benchmark']}.py`: {', '.join(origin)}."
    return f"{TABLES[result['benchmark']](result)}\n\n{note}"


def insert(page: str, name: str, text: str) -> str:
    """Return `page` with `text` between the marks of benchmark `name`, if it has them."""
    marks = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end: {name} -->)", re.S)
    return marks.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page)


def main() -> None:
    """Print or write the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("results", type=Path, nargs="+", metavar="RESULT.json")
    arguments.add_argument("--write", type=Path, nargs="+", metavar="PAGE.md", help="pages to refresh")
    options = arguments.parse_args()
    for path in options.results:
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["benchmark"] not in TABLES:
            arguments.error(f"{path}: expected one of {', '.join(TABLES)}, found {result['benchmark']}")
        if not options.write:
            print(table(result) + "\n")
            continue
        if result["quick"]:
            arguments.error(f"{path}: made with --quick, measures nothing")
        for page in options.write:
            old = page.read_text(encoding="utf-8")
            new = insert(old, result["benchmark"], table(result))
            if new != old:
                page.write_text(new, encoding="utf-8")
                print(f"{page}: {result['benchmark']} refreshed")


if __name__ == "__main__":
    main()
