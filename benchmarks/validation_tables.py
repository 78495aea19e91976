"""Markdown tables of what inputs/lps/validation measures; see table.py."""

from __future__ import annotations

from markdown_table import Result, markdown

__all__ = ["TABLES", "origin"]


def origin(result: Result) -> str:
    """Return where a result comes from: script, potential, versions."""
    made = result["made_by"]
    script = made["command"].split()[0]
    potential = next(f"`{name}` ({digest[:8]})" for name, digest in made["inputs"].items() if name.endswith(".uf3"))
    versions = f"LAMMPS {made['versions']['lammps']}, ufpnmr {made['versions']['ufpnmr']}"
    return f"Measured by `inputs/lps/validation/{script}` with {potential}: {versions}, {made['date'][:10]}."


def interval(record: Result, digits: int = 3) -> str:
    """Return a record's value with its interval, and the status that says why there is none or it is not claimed."""
    if record["value"] is None:
        return f"`{record['status']}`"
    low, high = (record[end] for end in ("ci_low", "ci_high"))
    band = "" if low is None else f" ({low:.{digits}g} to {high:.{digits}g})"
    doubt = "" if record["status"] == "ok" else f" `{record['status']}`"
    return f"{record['value']:.{digits}g}{band}{doubt}"


def barriers(result: Result) -> str:
    """Return the barriers of the potential."""
    rows = [
        [f"`{row['path']}`: {row['what']}", f"{row['there_meV']:.0f}", f"{row['back_meV']:.0f}", row["end"]]
        if "there_meV" in row
        else [f"`{row['path']}`: {row['what']}", "", "", row["end"]]
        for row in result["paths"]
    ]
    return markdown(["path", "there, meV", "back, meV", "search"], rows)


def barriers_pbe(result: Result) -> str:
    """Return the barriers of potential and PBE on the same images."""
    rows = [
        [
            f"`{row['path']}`",
            *(f"{row[who][way]:.0f}" for way in ("there_meV", "back_meV") for who in ("potential", "pbe")),
            f"{row['difference_there_meV']:+.0f}, {row['difference_back_meV']:+.0f}",
            f"{row['largest_difference_meV']:.0f}",
            "yes" if row["holds"] else "no",
        ]
        for row in result["paths"]
    ]
    header = ["path", "there, meV", "PBE", "back, meV", "PBE", "differences", "largest along the path"]
    return markdown([*header, f"within {result['criterion_meV']:g} meV"], rows)


def own_frames(result: Result) -> str:
    """Return the errors on frames of the potential's own dynamics beside those on withheld runs."""
    rows = [
        [
            row["state"].removeprefix("own-"),
            row["own"]["structures"],
            *(f"{row[which]['energy_rmse']:.1f}" for which in ("own", "withheld")),
            *(f"{row[which]['force_rmse']:.0f}" for which in ("own", "withheld")),
            *(f"{row['own']['force_rmse_by_element'][element]:.0f}" for element in ("Li", "P", "S")),
            "yes" if row["holds"] else "no",
        ]
        for row in result["states"]
    ]
    header = ["state", "frames", "energy, meV/atom", "withheld runs", "forces, meV/Å", "withheld runs"]
    return markdown([*header, "Li", "P", "S", "no larger"], rows)


def npt(result: Result) -> str:
    """Return density and cell by temperature, and the expansion."""

    def with_error(value: Result, digits: int) -> str:
        return f"{value['value']:.{digits}f} ± {value['std_error']:.{digits}f}"

    rows = [
        [
            f"{row['temperature_K']:g}",
            f"{row['time_ps']:g}",
            with_error(row["density_g_cm3"], 4),
            *(with_error(row[axis], 3) for axis in "abc"),
        ]
        for row in result["rows"]
    ]
    text = markdown(["T, K", "ps", "density, g/cm³", "a, Å", "b, Å", "c, Å"], rows)
    if result["expansion"]:
        parts = [f"{k} {v['value_1e-6_K']:g} ± {v['std_error']:g}" for k, v in result["expansion"].items()]
        text += f"\n\nThermal expansion, 10⁻⁶/K: {', '.join(parts)}."
    return text


def constants(name: str, found: Result) -> list[object]:
    """Return one row of elastic constants, GPa."""
    c = found["C_GPa"]
    places = [*((i, i) for i in range(6)), (0, 1), (0, 2), (1, 2)]
    moduli = [found["bulk_GPa"], found["shear_GPa"], found["young_GPa"]]
    return [name, *(f"{c[i][j]:.1f}" for i, j in places), *(f"{value:.1f}" for value in moduli)]


CONSTANTS = ["GPa", *(f"C{i}{i}" for i in range(1, 7)), "C12", "C13", "C23", "bulk", "shear", "Young"]


def elastic(result: Result) -> str:
    """Return the elastic constants of the potential."""
    cell = " × ".join(f"{length:.3f}" for length in result["cell_A"])
    return markdown(CONSTANTS, [constants("potential", result)]) + f"\n\nRelaxed cell: {cell} Å."


def elastic_pbe(result: Result) -> str:
    """Return the elastic constants of potential and PBE on the same structures."""
    rows = [constants(title, result[name]) for name, title in (("potential", "potential"), ("pbe", "PBE"))]
    stress = ", ".join(f"{value:.2f}" for value in result["pbe"]["stress_at_rest_GPa"][:3])
    return markdown(CONSTANTS, rows) + f"\n\nPBE's stress of the relaxed cell: {stress} GPa along a, b, c."


def diffusion(result: Result) -> str:
    """Return D(T) and its law."""
    rows = [
        [
            f"{row['temperature_K']:g}",
            f"{row['time_ps']:g}",
            row["broken_bonds"],
            row["longest_mean_A"],
            row["msd_1ps_A2"],
            row["msd_10ps_A2"],
            interval(row["D_cm2_s"]),
            row["pressure_kbar"],
        ]
        for row in result["rows"]
    ]
    header = ["T, K", "ps", "broken P–S bonds", "longest 1 ps mean, Å", "MSD Li 1 ps, Å²", "10 ps", "D, cm²/s (95 %)"]
    text = markdown([*header, "pressure, kbar"], rows)
    if (law := result["arrhenius"]) is not None:
        text += (
            f"\n\nActivation energy {interval(law['activation_energy_eV'])} eV; the law at 300 K: D ="
            f" {interval(law['at_300_K'])} cm²/s."
        )
    return text


def reference_dynamics(result: Result) -> str:
    """Return amplitudes, numbers and curves beside those of SevenNet."""
    rows: list[list[object]] = [
        [
            f"mean-square amplitude of {row['element']}, Å²",
            *(f"{value:.3f} ± {error:.3f}" for value, error in (row["SevenNet-0"], row["potential"])),
            f"{row['pull']:+.1f}",
        ]
        for row in result["amplitudes"]["rows"]
    ]
    for row in result["numbers"]:
        if row["pull"] is not None:
            values = [f"{row[side]:.4g} ± {row[f'{side}_std_error']:.2g}" for side in ("reference", "other")]
            rows.append([f"{row['analysis']}: {row['quantity']} / {row['unit']}", *values, f"{row['pull']:+.1f}"])
    curves = [
        [f"{row['analysis']}: {row['curve']} {row['label']}".strip(), f"{row['rms_pull']:.1f}", f"{row['overlap']:.1%}"]
        for row in result["curves"]
        if row["rms_pull"] is not None
    ]
    text = markdown(["", "SevenNet-0", "potential", "difference, combined errors"], rows)
    return text + "\n\n" + markdown(["curve", "rms difference, combined errors", "overlap"], curves)


TABLES = {
    f.__name__: f
    for f in (barriers, barriers_pbe, own_frames, npt, elastic, elastic_pbe, diffusion, reference_dynamics)
} | {"diffusion_glass": diffusion}
