"""Parts of the HTML pages: look, tables of records, embedded figures. The pages ask nothing of the network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from ufpnmr.results import Record
from ufpnmr.results.display import interval_text, value_text

__all__ = ["STATUS_IN_WORDS", "curve_name", "figure", "note", "page", "quantity", "record_table"]

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
    "slow_motion": "the motion is too slow for relaxation theory: no rate",
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


def page(title: str, parts: Sequence[str]) -> str:
    """Return a whole page."""
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n"
    )
    return head + "\n".join(parts) + "\n</main></body>\n</html>\n"


def figure(file: Path, caption: str) -> str:
    """Return an SVG file as an embedded figure."""
    data = base64.b64encode(file.read_bytes()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def note(sentences: Sequence[str]) -> str:
    """Return sentences in a box that is seen; nothing if there are none."""
    if not sentences:
        return ""
    return f'<div class="note" role="note">{"".join(f"<p>{escape(text)}</p>" for text in sentences)}</div>'


def record_table(rows: Iterable[tuple[str, Record]]) -> str:
    """Return labels and records as a table; labels are HTML."""
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


def quantity(name: str) -> str:
    """Return the name of a record in words, as HTML."""
    for start, text in (("tau_", "τ"), ("rate_ratio_", "τ⁻¹ / hop rate"), ("depth_", "depth under complete exchange")):
        if name.startswith(start):
            return f"{text}, {escape(curve_name(name.removeprefix(start)))}"
    if name == "diffusion":
        return "diffusion coefficient D"
    return escape(name.replace("_", " "))


def curve_name(key: str) -> str:
    """Return the key of a correlation function in words."""
    if key.startswith("omega_q_"):
        return f"ω_Q, field along {key.removeprefix('omega_q_')}"
    return {"cq": "|C_Q|", "powder": "ω_Q, powder"}.get(key, key)
