"""Markdown tables of the results on correlation functions, decay times, echoes and grains; see table.py."""

from __future__ import annotations

from lammps_timing import spread
from markdown_table import Result, markdown
from reproduction_rows import short

__all__ = [
    *(
        "acf",
        "beta_directions",
        "coverage_decay",
        "echo",
        "grains",
        "reproduction",
        "site_tensors",
        "vibration",
        "vibrational_averaging",
    ),
]


def vibrational_averaging(result: Result) -> str:
    """Return the correlation at the first lags by how the frames were averaged."""
    rows = [
        [
            f"mean over {case['average_ps']:g} ps, samples every {1e3 * case['sample_ps']:.0f} fs"
            if case["average_ps"]
            else "instantaneous",
            f"{1 - case['correlation'][0]:.3f}",
            *(f"{value:.3f}" for value in case["correlation"]),
        ]
        for case in result["cases"]
    ]
    return markdown(["frames every ps", "drop to the first lag", *(f"C({lag} ps)" for lag in result["lags_ps"])], rows)


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
        # a handful of runs that were claimed against the rule of their cell have no coverage to speak of
        some = case["claimed"] >= 0.05 and case["coverage"] is not None
        error = f" ± {100 * case['coverage_std_error']:.1f}" if some else ""
        refused = ", ".join(f"`{name}` {n / case['runs']:.0%}" for name, n in sorted(case["statuses"].items()))
        rows.append(
            [
                f"{case['process']}, T = {case['T_over_tau']} τ",
                case["ions"],
                case["runs"],
                f"{case['claimed']:.1%}",
                f"{case['coverage']:.1%}{error}" if some else "",
                f"{case['coverage_of_all_fitted']:.1%}",
                refused,
            ]
        )
    header = ["process", "ions", "runs", "with a value", "coverage of those", "of all intervals", "statuses"]
    return markdown(header, rows)


def beta_directions(result: Result) -> str:
    """Return the verdicts by temperature and direction, and the activation energies."""

    def value(record: Result, scale: float = 1, digits: int = 3) -> str:
        low, high = (None if record[k] is None else f"{scale * record[k]:.{digits}g}" for k in ("ci_low", "ci_high"))
        if record["value"] is not None:
            return f"{scale * record['value']:.{digits}g} ({low} to {high})"
        return f"`{record['status']}`" if low is None else f"> {low}, `{record['status']}`"

    names = {"omega_q a": "ω_Q, B0∥a", "omega_q b": "ω_Q, B0∥b", "omega_q c": "ω_Q, B0∥c"}
    names |= {"cq": "abs(C_Q)", "powder": "ω_Q, powder"}
    rows = [
        [
            f"{case['temperature_K']:g} K, {names[row['observable']]}",
            ", ".join(f"{mean:.1f} ({row['weights'][site]:.0%})" for site, mean in row["means"].items()),
            f"{row['depth']:.1%}",
            f"{row['drop']['value']:.1%} ({row['drop']['ci_low']:.1%} to {row['drop']['ci_high']:.1%})",
            value(row["tau"], 1e3),
            row["no_decay"],
        ]
        for case in result["temperatures"]
        for row in case["observables"]
    ]
    sites = " / ".join(result["temperatures"][0]["observables"][0]["means"])
    header = ["", f"mean at {sites}, kHz (weight)", "predicted depth", "drop seen", "τ, ps", "“no decay”"]
    text = markdown(header, rows)
    first = next(quantity for quantity in result["quantities"].values() if quantity["predicted"])
    rows = [
        [
            f"{name}, {quantity['at'][0]['unit'].replace('cm2', 'cm²').replace('s^-1', 's⁻¹')}",
            value(quantity["activation_energy"]),
            *(value(quantity["predicted"][at]) if quantity["predicted"] else "" for at in first["predicted"]),
        ]
        for name, quantity in result["quantities"].items()
    ]
    header = ["", "activation energy, eV", *(f"extrapolated to {at} K" for at in first["predicted"])]
    return text + "\n\n" + markdown(header, rows)


def site_tensors(result: Result) -> str:
    """Return |C_Q| and ω_Q of the sites beside the means of the paper's Fig. 4."""

    def mean(record: Result) -> str:
        interval = f" ({record['low']:.0f} to {record['high']:.0f})" if "low" in record else ""
        return f"{record['value']:.0f}{interval}"

    rows = [
        ["Harper et al. 2025, Fig. 4", site, "", f"{paper['cq']:g}", "", f"{paper['omega_q']:g}, field not named", ""]
        for site, paper in result["paper"].items()
    ]
    rows += [
        [
            f"{case['set']} ({case['structures']})",
            site,
            str(values["ions"]),
            mean(values["cq"]),
            f"{values['cq_signed']['value']:.0f}",
            " / ".join(f"{values['omega_q'][name]['mean']['value']:.0f}" for name in "abc"),
            mean(values["omega_q_size"]),
        ]
        for case in result["sets"]
        for site, values in case["sites"].items()
    ]
    header = ["tensors (structures)", "site", "Li", "abs(C_Q), kHz", "C_Q with sign", "ω_Q, B0∥a / b / c", "abs(ω_Q)"]
    return markdown(header, rows)


def reproduction(result: Result) -> str:
    """Return every figure of the paper beside ours, with what is still short."""
    rows = [list(row.values()) for row in result["rows"]]
    text = markdown(
        ["figure", "", "Harper et al. 2025", "here", "95 % interval", "why they differ, and what it takes"], rows
    )
    missing = short(result["phases"])
    if not missing:
        return text
    note = "**Short run: it shows that the chain works; no number of it is a result.**"
    return f"{note} Shorter than planned: {'; '.join(missing)}.\n\n{text}"


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


def echo(result: Result) -> str:
    """Return the table of echo.py: seconds of one core."""
    header = [f"{result['ions']} ions, {result['frames']} frames, {result['directions']} directions", "s of one core"]
    rows = [
        ["`ufp echo`, one tp = td, processor time", spread(result["cpu_s"])],
        ["the same, wall time on a shared machine", spread(result["wall_s"])],
        ["direct sums in NumPy (on a share of the ions, scaled)", spread(result["direct_cpu_s"], 0)],
        ["direct sums over `ufp echo`", spread(result["direct_over_ours"], 0)],
    ]
    note = f"Largest difference of the two signals: {result['largest_difference']:.0e}."
    return markdown(header, rows) + "\n\n" + note


def grains(result: Result) -> str:
    """Return the tables of grains.py: resolution, and decay times by microstructure."""
    rows = [
        [row["voxels"], f"{row['across']:.1f}", f"{row['constant']:.4f} ± {row['error']:.4f}", f"{row['gamma']:.2f}"]
        for row in result["resolution"]
    ]
    text = markdown(["voxels along the edge", "across a grain", "τ D/L²", "γ"], rows)
    sizes = result["sizes_nm"]
    rows = [
        [case["name"], *(f"{1e3 * tau:.3g}" for tau in case["tau_s"]), case["sizes_for_30_and_50_ms_nm"] or "outside"]
        for case in result["cases"]
    ]
    header = ["model", *(f"{size:g} nm" for size in sizes), "nm for τ = 30 … 50 ms"]
    return text + "\n\nDecay times in ms:\n\n" + markdown(header, rows)
