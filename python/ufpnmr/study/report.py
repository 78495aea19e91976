"""One HTML file with everything a reader needs; it asks nothing of the network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from ufpnmr.results import Record
from ufpnmr.results.display import record_text
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.study.figures import FigurePlan, observables
from ufpnmr.study.page import curve_name, figure, note, page, quantity, record_table
from ufpnmr.study.summary import Results
from ufpnmr.study.work import Workshop

__all__ = ["write_report"]

_PROCESSES = (
    ("a new, uncorrelated value at each hop", "1"),
    ("n equivalent values, uniform exchange", "n/(n − 1); two sites: 2"),
    ("two sites, rates k₁₂ and k₂₁", "(k₁₂ + k₂₁)²/(2 k₁₂ k₂₁), at least 2"),
    ("hops between sites of equal value", "0: no decay"),
)


def write_report(shop: Workshop, plans: Sequence[FigurePlan]) -> None:
    """Write report.html.

    Parameters
    ----------
    shop : Workshop
    plans : sequence of FigurePlan
        The figures, in order.
    """
    results = Results.read(shop)
    system, run = results.document["system"], results.document["run"]
    parts = [
        f"<h1>{escape(system['title'])}</h1>",
        f'<p class="lead">{escape(system["phase"])}, {system["temperature_K"]:g} K; {run["ions"]} ions '
        f"({escape(run['selection'])}), {_length(run)}</p>",
        note(system["caveats"]),
        "<h2>Results</h2>",
        record_table((quantity(name), record) for name, record in results.headline.items()),
        "<h2>What was run</h2>",
        _run_table(shop, results),
        "<h2>Decay rate and hop rate</h2>",
        _directions(shop, results),
        _interpretation(shop, results),
    ]
    for section in dict.fromkeys(plan.section for plan in plans):
        shown = [plan for plan in plans if plan.section == section]
        figures = "".join(figure(shop.folder / "figures" / f"{plan.name}.svg", plan.caption) for plan in shown)
        parts += [f"<h2>{escape(section)}</h2>", f'<div class="figures">{figures}</div>']
    rest = [(quantity(name), record) for name, record in results.records.items() if name not in results.headline]
    parts += [
        "<h2>All other numbers</h2>",
        f"<details><summary>{len(rest)} records</summary>{record_table(rest)}</details>",
        "<h2>Provenance</h2>",
        _provenance(results),
    ]
    write_text_atomically(shop.folder / "report.html", page(system["title"], parts))


def _length(run: dict[str, float | str | bool]) -> str:
    text = f"{run['frames']} frames every {run['frame_interval_ps']:g} ps, {run['start_ps']:g} to {run['end_ps']:g} ps"
    if run["continued"]:
        text += (
            f"; tensors from {run['tensor_start_ps']:g} to {run['tensor_end_ps']:g} ps "
            f"({run['tensor_frames']} frames), the first part from an earlier stretch of the same run"
        )
    return text


def _directions(shop: Workshop, results: Results) -> str:
    """Return what each field direction can show, beside whether anything decays there."""
    path = shop.folder / "directions.json"
    if not path.is_file():
        return ""
    rows = json.loads(path.read_text(encoding="utf-8"))
    sites = list(rows[0]["means"])
    head = "".join(f"<th>{escape(site)} / kHz ({rows[0]['weights'][site]:.0%})</th>" for site in sites)
    body = ""
    for row in rows:
        key = row["observable"].replace(" ", "_")
        tau = results.records.get(f"tau_{key}")
        verdict = "" if tau is None else ("no decay" if tau.status == "no_decay" else f"decays ({tau.status})")
        means = "".join(f'<td class="number">{row["means"][site]:.1f}</td>' for site in sites)
        body += (
            f'<tr><td>{escape(curve_name(key))}</td>{means}<td class="number">{row["depth"]:.1%}</td>'
            f"<td>{escape(verdict.replace('_', ' '))}</td></tr>"
        )
    return (
        "<p>Means of the sites, their shares, and the depth of the decay if ions exchange completely between the mean "
        "tensors of the sites; whether ω_Q decays is a question of the field direction.</p>"
        f'<div class="scroll"><table><thead><tr><th>observable</th>{head}<th>predicted depth</th><th>this run</th>'
        f"</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _run_table(shop: Workshop, results: Results) -> str:
    from ufpnmr.efg.engine import error_text, read_engine

    config, document = shop.config, results.document
    origin = ", shipped with ufpnmr" if config.efg.model is None else ""
    error = error_text(read_engine(config.efg_model))
    nmr, run = document["nmr"], document["run"]
    rows = []
    if config.md is not None:
        md = config.md
        rows.append(
            (
                "molecular dynamics",
                f"{md.input.name} on {md.data.name} with {md.potential.name}: {md.steps} steps of "
                f"{config.trajectory.timestep_ps:g} ps at {config.system.temperature_K:g} K, a frame every "
                f"{md.dump_every} steps",
            )
        )
        if md.continue_from is not None:
            rows.append(("continued from", f"{md.continue_from.name}, made earlier by the same input"))
    rows += [
        ("trajectory", f"{run['trajectory']}: {_length(run)}"),
        ("box axes", document["system"]["axes"]),
        ("reference frame", f"drift removed: {run['drift']}, at most {run['largest_drift_A']:.3g} Å"),
        ("field gradients", f"{run['tensor_engine']} ({config.efg_model.name}{origin}; withheld error {error})"),
        (
            "nucleus",
            f"{nmr['isotope']}, Q = {nmr['quadrupole_moment_mb']:g} mb ({nmr['quadrupole_moment_source']}); ω_Q "
            f"convention {nmr['convention']}, principal axes ordered as {nmr['ordering']}",
        ),
        ("field directions", "; ".join(f"{name} = {_vector(v)}" for name, v in nmr["fields"].items())),
    ]
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    return f'<div class="scroll"><table><tbody>{body}</tbody></table></div>'


def _vector(components: Sequence[float]) -> str:
    return f"({', '.join(format(x, 'g') for x in components)})"


def _interpretation(shop: Workshop, results: Results) -> str:
    from ufpnmr.results.decay import DecayFit

    records, rows = results.records, []
    for observable, field in observables(shop):
        slug = "-".join(filter(None, (observable, field)))
        key = "_".join(filter(None, (observable, field)))
        fit = DecayFit.read(shop.folder / f"decay-{slug}.json")
        ratio = records.get(f"rate_ratio_{key}")
        rows.append(
            f"<tr><td>{escape(curve_name(key))}</td>"
            f'<td class="number">{escape(record_text(fit.rate))}</td>'
            f'<td class="number">{escape(record_text(ratio)) if ratio else "–"}</td>'
            f'<td class="number">{_percent(fit.relative_drop)}</td>'
            f'<td class="number">{_percent(records[f"depth_{key}"])}</td></tr>'
        )
    measured = (
        '<div class="scroll"><table><thead><tr><th>curve</th><th>τ⁻¹</th><th>τ⁻¹ / k</th><th>drop seen</th>'
        "<th>depth under complete exchange</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    expected = "".join(f"<tr><td>{escape(process)}</td><td>{escape(ratio)}</td></tr>" for process, ratio in _PROCESSES)
    return (
        f"<p>Hop rate k: {escape(record_text(records['hop_rate']))}. A decay time is a residence time only if each "
        "hop brings a new, uncorrelated value; what other processes give stands below the measured ratios. A ratio far "
        "above them means that something faster than hops, such as rattling in the cage, makes the curve decay first. "
        "The last column is the relative drop that complete exchange among the time-averaged surroundings of all ions "
        "would cause, before vibrations: near zero, exchange is invisible in that curve whatever its rate.</p>"
        + measured
        + '<div class="scroll"><table><thead><tr><th>process</th><th>expected τ⁻¹ / k</th></tr></thead>'
        + f"<tbody>{expected}</tbody></table></div>"
    )


def _percent(record: Record) -> str:
    return "–" if record.value is None else f"{100 * record.value:.2g} %"


def _provenance(results: Results) -> str:
    source = results.document["provenance"]
    versions = ", ".join(f"{name} {number}" for name, number in source["versions"].items())
    files = "".join(f"<tr><td>{escape(n)}</td><td><code>{h}</code></td></tr>" for n, h in source["inputs"].items())
    return (
        f"<p>Made by <code>{escape(source['command'])}</code> on {escape(source['date'])} with {escape(versions)}.</p>"
        f'<div class="scroll"><table><thead><tr><th>input</th><th>SHA-256</th></tr></thead>'
        f"<tbody>{files}</tbody></table></div>"
        "<details><summary>settings</summary><pre><code>"
        f"{escape(json.dumps(results.document['nmr'], indent=1))}</code></pre></details>"
    )
