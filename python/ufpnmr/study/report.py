"""One HTML file with everything a reader needs; it asks nothing of the network."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from ufpnmr.results import Record
from ufpnmr.results.display import interval_text, record_text, value_text
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.study.figures import FigurePlan, observables
from ufpnmr.study.summary import Results
from ufpnmr.study.work import Workshop

__all__ = ["STATUS_IN_WORDS", "write_report"]

STATUS_IN_WORDS = {
    "ok": "measured",
    "few_events": "measured, few events: the interval is wide but valid",
    "shallow": "measured; the decay is shallow",
    "too_few_events": "too few events for a value: only the bounds hold",
    "no_decay": "nothing decays in this run: only bounds are given",
    "window_too_short": "the run is too short: only bounds are given",
    "not_diffusive": "the motion is not diffusive in this run: no coefficient",
    "undersampled": "frames too far apart to see every event",
    "threshold_sensitive": "the count depends on the threshold or the motion is continuous: no rate",
    "not_stationary": "the rate drifts during the run: no single value",
}
"""What a status means, for readers who know no status names."""

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1d252b; background: #fff; margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid #d5dbdf; }
p.lead { color: #4a555d; margin: 0 0 1rem; }
.scroll { overflow-x: auto; }
.records table { min-width: 50rem; }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.25rem; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #e6eaec; vertical-align: top; }
th { font-weight: 600; color: #4a555d; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .88em "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.note { border-left: 4px solid #D55E00; background: #fdf3ec; padding: .6rem 1rem; margin: 1rem 0; }
.note p { margin: .2rem 0; }
.good, .bad { display: inline-block; padding: 0 .45rem; border-radius: .6rem; font-size: .82rem; white-space: nowrap; }
.good { background: #dff2ea; color: #00543b; }
.bad { background: #fbe3d6; color: #7c3400; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(29rem, 100%), 1fr)); gap: 1.5rem; }
figure { margin: 0; }
figure img { width: 100%; height: auto; display: block; }
figcaption { font-size: .88rem; color: #4a555d; }
details { margin: .75rem 0; }
summary { cursor: pointer; }
@media print { details { display: block; } figure { break-inside: avoid; } }
"""

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
        _caveats(system["caveats"]),
        "<h2>Results</h2>",
        _record_table((_label(name), record) for name, record in results.headline.items()),
        "<h2>What was run</h2>",
        _run_table(shop, results),
        "<h2>Decay rate and hop rate</h2>",
        _directions(shop, results),
        _interpretation(shop, results),
    ]
    for section in dict.fromkeys(plan.section for plan in plans):
        figures = "".join(_figure(shop.folder, plan) for plan in plans if plan.section == section)
        parts += [f"<h2>{escape(section)}</h2>", f'<div class="figures">{figures}</div>']
    rest = [(_label(name), record) for name, record in results.records.items() if name not in results.headline]
    parts += [
        "<h2>All other numbers</h2>",
        f"<details><summary>{len(rest)} records</summary>{_record_table(rest)}</details>",
        "<h2>Provenance</h2>",
        _provenance(results),
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(system['title'])}</title><style>{_STYLE}</style></head>\n<body><main>\n"
    )
    write_text_atomically(shop.folder / "report.html", page + "\n".join(parts) + "\n</main></body>\n</html>\n")


def _length(run: dict[str, float | str | bool]) -> str:
    text = f"{run['frames']} frames every {run['frame_interval_ps']:g} ps, {run['start_ps']:g} to {run['end_ps']:g} ps"
    if run["continued"]:
        text += (
            f"; tensors from {run['tensor_start_ps']:g} to {run['tensor_end_ps']:g} ps "
            f"({run['tensor_frames']} frames), the first part from an earlier stretch of the same run"
        )
    return text


def _caveats(caveats: Sequence[str]) -> str:
    if not caveats:
        return ""
    return f'<div class="note" role="note">{"".join(f"<p>{escape(text)}</p>" for text in caveats)}</div>'


def _record_table(rows: Iterable[tuple[str, Record]]) -> str:
    body = "".join(_record_row(label, record) for label, record in rows)
    head = "<tr><th>quantity</th><th>value</th><th>95 % interval</th><th>status</th><th>method</th></tr>"
    return f'<div class="scroll records"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _record_row(label: str, record: Record) -> str:
    numbers = (value_text(record), interval_text(record) or "–")
    cells = "".join(f'<td class="number">{escape(text)}</td>' for text in numbers)
    return f"<tr><td>{label}</td>{cells}<td>{_badge(record)}</td><td>{escape(record.method)}</td></tr>"


def _badge(record: Record) -> str:
    kind = "good" if record.trustworthy else "bad"
    return f'<span class="{kind}">{record.status.replace("_", " ")}</span><br>{escape(STATUS_IN_WORDS[record.status])}'


def _label(name: str) -> str:
    for start, text in (("tau_", "τ"), ("rate_ratio_", "τ⁻¹ / hop rate"), ("depth_", "depth under complete exchange")):
        if name.startswith(start):
            return f"{text}, {escape(_curve(name.removeprefix(start)))}"
    if name == "diffusion":
        return "diffusion coefficient D"
    return escape(name.replace("_", " "))


def _curve(key: str) -> str:
    if key.startswith("omega_q_"):
        return f"ω_Q, field along {key.removeprefix('omega_q_')}"
    return {"cq": "|C_Q|", "powder": "ω_Q, powder"}.get(key, key)


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
            f'<tr><td>{escape(_curve(key))}</td>{means}<td class="number">{row["depth"]:.1%}</td>'
            f"<td>{escape(verdict.replace('_', ' '))}</td></tr>"
        )
    return (
        "<p>Means of the sites, their shares, and the depth of the decay if ions exchange completely between the mean "
        "tensors of the sites; whether ω_Q decays is a question of the field direction.</p>"
        f'<div class="scroll"><table><thead><tr><th>observable</th>{head}<th>predicted depth</th><th>this run</th>'
        f"</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _run_table(shop: Workshop, results: Results) -> str:
    config, document = shop.config, results.document
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
        ("field gradients", f"{run['tensor_engine']} ({config.efg.model.name})"),
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
            f"<tr><td>{escape(_curve(key))}</td>"
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


def _figure(folder: Path, plan: FigurePlan) -> str:
    data = base64.b64encode((folder / "figures" / f"{plan.name}.svg").read_bytes()).decode()
    return (
        f'<figure><img alt="{escape(plan.caption)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(plan.caption)}</figcaption></figure>"
    )


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
