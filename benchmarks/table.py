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
from pathlib import Path

import validation_tables
from lammps_timing import spread
from markdown_table import Result, markdown
from nmr_tables import (
    acf,
    beta_directions,
    coverage_decay,
    echo,
    grains,
    reproduction,
    site_tensors,
    vibration,
    vibrational_averaging,
)


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


def compute_efg(result: Result) -> str:
    """Return the table of compute_efg.py: what the compute adds to a run, by size of the model."""
    names = {"frames": "every 100 steps", "averages": "averages of samples every 20 steps"}
    rows = []
    for case in result["cases"]:
        size = result["sizes"][case["size"]]
        features = f"n_max {size['n_max']}, l_max {size['l_max']}, {size['features']}/{size['invariants']} features"
        features = f"LPS.efg ({features})" if case["size"] == "shipped" else features
        row = [f"{features}, {case['precision']}", names[case["what"]], f"{spread(case['percent'], 1)} %"]
        rows.append([*row, spread(case["us_per_tensor"], 1)])
    return markdown(["model", "tensors of 144 Li in 384 atoms", "added to the run", "µs per tensor"], rows)


def efg_baseline(result: Result) -> str:
    """Return the table of efg_baseline.py: ms per frame of baselines and of the regression."""
    rows = [[case["name"], spread(case["ms"], 1)] for case in result["cases"]]
    return markdown([f"tensors of {result['centres']} Li in {result['atoms']} atoms", "ms"], rows)


def msd(result: Result) -> str:
    """Return the times of msd.py and the memory of its long run."""
    rows = []
    for case in result["cases"]:
        over = case["einstein_over_ours"]
        rows.append([case["case"], spread(case["ns_per_ion_frame"], 0), spread(over, 1) if over else ""])
    header = [f"{result['frames']:,} frames of {result['ions']} ions, one core", "ns per ion and frame"]
    text = markdown([*header, "EinsteinMSD over this"], rows)
    long = result["long"]
    return (
        f"{text}\n\n{long['frames']:,} frames of {long['ions']} ions through `--scratch`: at most "
        f"{long['peak_resident_GB']:.2f} GB resident, {long['scratch_GB']:.2f} GB on disk "
        f"({long['in_memory_GB']:.1f} GB in memory otherwise); {long['transpose_ns_per_ion_frame']:.0f} ns per ion and "
        f"frame to write, {long['analysis_ns_per_ion_frame']:.0f} to analyse."
    )


def coverage_dynamics(result: Result) -> str:
    """Return the coverage of intervals, and that of what is often quoted instead."""
    rows = [
        [
            f"{row['quantity']}, {row['process']}",
            f"{row['coverage']['fraction']:.1%} ± {row['coverage']['std_error']:.1%}",
            f"{row['coverage_with_refused']['fraction']:.1%}",
            f"{row['usual_coverage']['fraction']:.1%}",
            f"{row['bias']:+.1%}",
            f"{row['scatter']:.1%}",
            f"{1 - row['coverage']['of'] / row['replicas']:.1%}",
        ]
        for row in result["rows"]
        if row["scatter"] is not None
    ]
    header = ["95 % interval holds the truth", "quoted", "with refused", "usual", "bias", "scatter", "refused"]
    return markdown(header, rows)


def io(result: Result) -> str:
    """Return the speeds of io.py."""
    speed, size = result["million_atom_frames_per_s"], result["bytes_per_atom_frame"]
    names = {
        "text": f"text `id type xu yu zu`, {size['text']:.0f} B",
        "velocities": f"text with flags and velocities, {size['velocities']:.0f} B",
        "gz": f"the first as .gz, {size['gz']:.0f} B",
        "zst": f"the first as .zst, {size.get('zst', 0):.0f} B",
    }
    rows: list[list[object]] = []
    for name, text in names.items():
        kinds = [speed.get(f"{name}: {kind}") for kind in ("open", "bulk", "iterate")]
        if any(kinds):
            rows.append([text, *("" if kind is None else spread(kind, 1) for kind in kinds)])
    rows.append(["bare bytes of the first", "", spread(speed["raw bytes"], 1), ""])
    peers = result["peers"]
    if "polars: lines" in speed:
        rows.append([f"polars {peers['polars']}, lines of the first", "", spread(speed["polars: lines"], 1), ""])
    rows.append([f"MDAnalysis {peers['MDAnalysis']}, the first", "", "", spread(speed["MDAnalysis: iterate"])])
    header = ["10⁶ atom-frames per s; bytes per atom-frame", "find the frames", "bulk", "through a Universe"]
    return (
        markdown(header, rows)
        + f"\n\nOpened without a kept index and read in bulk: {spread(speed['text: open and bulk'], 1)}. Unwrapping by"
        f" nearest images adds {spread(result['unwrapping_ns_per_atom_frame'], 0)} ns per atom-frame."
    )


def rdf(result: Result) -> str:
    """Return the table of rdf.py."""
    rows = [
        [
            f"g(r) of {case['pair']}, {case['atoms'][0]} and {case['atoms'][1]} atoms",
            spread(case["ns_per_pair"]["ufpnmr"]),
            spread(case["ns_per_pair"]["InterRDF"], 1),
            spread(case["InterRDF_over_ufpnmr"], 1),
        ]
        for case in result["cases"]
    ]
    header = ["one thread", "`ufpnmr`, ns per pair", f"InterRDF of MDAnalysis {result['mdanalysis']}", "ratio"]
    seconds = spread(result["van_hove_seconds"], 1)
    return markdown(header, rows) + f"\n\nVan Hove functions of 216 ions, 60 lags, 500 origins: {seconds} s."


def claimed(record: Result | None, digits: int = 4) -> str:
    """Return the value of a record with its 95 % interval, or why there is none."""
    if record is None:
        return ""
    if record["value"] is None:
        return f"none claimed: {record['status'].replace('_', ' ')}"
    low, high = record["ci_low"], record["ci_high"]
    interval = "" if low is None else f" ({low:.{digits}g} to {high:.{digits}g})"
    return f"{record['value']:.{digits}g}{interval}"


def mechanisms(result: Result) -> str:
    """Return what tells liquid-like, hopping and concerted motion apart, a column per material."""
    materials = result["materials"]
    quantities = {
        "D / cm²/s": "msd: diffusion",
        "second maximum of 4πr²G_s (hop distance) / Å": "vanhove: hop distance",
        "dip before it over it": "vanhove: dip before the hop distance",
        "largest G_d within 1 Å over density": "vanhove: largest concerted signal",
        "hop rate / s⁻¹": "hops: rate",
    }
    rows = [
        [text, *(claimed(one["numbers"].get(name), 3) or "none" for one in materials)]
        for text, name in quantities.items()
    ]
    marks = dict.fromkeys(name for one in materials for name in one["landmarks"])
    for name in marks:
        found = [one["landmarks"].get(name, "") for one in materials]
        rows.append(
            [name.replace(" / A", " / Å").replace(" A", " Å"), *("none" if x is None else str(x) for x in found)]
        )
    return markdown(["95 % intervals in brackets", *(one["title"] for one in materials)], rows)


def agi(result: Result) -> str:
    """Return the tables of agi.py: the paper's quantities in both cells, then landmarks of the curves."""

    names = [name for name in result["paper"] if name in result["small"] or name in result["large"]]
    pulls = {f"{row['analysis']}: {row['quantity']}": row["pull"] for row in result["transfer"]["numbers"]}
    rows = [
        [
            f"{name} / {(result['small'].get(name) or result['large'][name])['unit']}",
            result["paper"][name],
            claimed(result["small"].get(name)),
            claimed(result["large"].get(name)),
            "" if pulls.get(name) is None else f"{pulls[name]:+.1f}",
        ]
        for name in names
    ]
    runs = result["number_of_runs"]
    header = ["α-AgI, 500 K", "Kaiser & Egger 2024", f"128 atoms ({runs['small']} and {runs['long']} runs)"]
    header += [f"1,024 atoms ({runs['large']} and {runs['longlarge']} runs)", "large - small, combined errors"]
    header[2:4] = [f"{title}, 95 %" for title in header[2:4]]
    table = markdown(header, rows)
    marks = [
        [name, json.dumps(value), json.dumps(result["landmarks"]["large"].get(name))]
        for name, value in result["landmarks"]["small"].items()
    ]
    curves = [
        [f"{row['analysis']}: {row['curve']} {row['label']}", f"{row['rms_pull']:.1f}", f"{row['overlap']:.1%}"]
        for row in result["transfer"]["curves"]
        if row["rms_pull"] is not None and row["curve"] in ("g", "rho_theta", "rho_omega", "msd", "gs", "gd")
    ]
    return "\n\n".join(
        [
            table,
            markdown(["read off the curves", "128 atoms", "1,024 atoms"], marks),
            markdown(["small against large cell", "rms difference in combined errors", "overlap"], curves),
        ]
    )


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


def cutoffs(result: Result) -> str:
    """Return the table of cutoffs.py: withheld errors beside speed."""

    def row(case: Result) -> list[object]:
        errors, types = case["errors"], case["by_config_type"]
        return [
            case["splines"],
            case["coefficients"],
            f"{errors['energy_rmse']:.1f}",
            f"{errors['force_rmse']:.0f}",
            f"{types['beta']['force_rmse']:.0f}",
            f"{types['amorphous']['force_rmse']:.0f}",
            f"{case['atom_steps_per_s']['median'] / 1000:.0f}",
        ]

    header = ["three-body splines", "coefficients", "energy, meV/atom", "forces, meV/Å", "β", "amorphous"]
    return markdown([*header, "10³ atom-steps/s"], map(row, result["rows"]))


TABLES = {
    f.__name__: f
    for f in (
        *(cutoffs, pair, parallel, skin, energy_conservation, microsecond, fit, active, efg, efg_precision),
        *(io, rdf, agi, echo, grains, msd, coverage_dynamics, compute_efg, efg_baseline, vibrational_averaging),
        *(acf, beta_directions, coverage_decay, reproduction, site_tensors, vibration, mechanisms),
    )
} | validation_tables.TABLES


def table(result: Result) -> str:
    """Return the Markdown of a result with a line that says where it was measured."""
    if result["benchmark"] in validation_tables.TABLES:
        return f"{TABLES[result['benchmark']](result)}\n\n{validation_tables.origin(result)}"
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
        if result.get("quick"):
            arguments.error(f"{path}: made with --quick, measures nothing")
        for page in options.write:
            old = page.read_text(encoding="utf-8")
            new = insert(old, result["benchmark"], table(result))
            if new != old:
                page.write_text(new, encoding="utf-8")
                print(f"{page}: {result['benchmark']} refreshed")


if __name__ == "__main__":
    main()
