"""The report of several temperatures: one figure, one table, and where each temperature's own report lies."""

from __future__ import annotations

from html import escape
from pathlib import Path

from ufpnmr.results.display import record_text
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.results.temperature_scan import TemperatureScan
from ufpnmr.study.page import figure, note, page, quantity, record_table
from ufpnmr.study.scan_config import ScanConfig, temperature_name

__all__ = ["write_scan_report"]

_CAPTION = (
    "Every quantity over 1000/T with its 95 % interval; arrows are bounds where no value is claimed. Lines are "
    "Arrhenius laws with their 95 % band, dashed where they are extrapolated; open points are predictions."
)


def write_scan_report(folder: Path, config: ScanConfig, found: TemperatureScan) -> None:
    """Write report.html.

    Parameters
    ----------
    folder : Path
        Of the whole; the figure is there already.
    config : ScanConfig
    found : TemperatureScan
    """
    system = config.studies[0].system
    kelvin = ", ".join(f"{t:g}" for t in found.temperature)
    predicted = [
        (f"{quantity(name)} at {at} K", record) for name, row in found.predicted.items() for at, record in row.items()
    ]
    parts = [
        f"<h1>{escape(system.title)}</h1>",
        f'<p class="lead">{escape(system.phase)}, {kelvin} K</p>',
        note([*system.caveats, *(f"{_spoken(line)}." for line in found.notices)]),
        "<h2>Over temperature</h2>",
        f'<div class="figures">{figure(folder / "figures" / "temperatures.svg", _CAPTION)}</div>',
        _values(found),
        "<h2>Activation energies</h2>",
        record_table((quantity(name), record) for name, record in found.activation.items()),
    ]
    if predicted:
        parts += ["<h2>Predictions of the laws</h2>", record_table(predicted)]
    names = [temperature_name(float(t)) for t in found.temperature]
    parts += [
        "<h2>Each temperature</h2>",
        "<ul>" + "".join(f'<li><a href="{name}/report.html">{name}</a></li>' for name in names) + "</ul>",
    ]
    write_text_atomically(folder / "report.html", page(system.title, parts))


def _spoken(notice: str) -> str:
    name, _, rest = notice.partition(": ")
    return f"{name.replace('_', ' ')}: {rest}"


def _values(found: TemperatureScan) -> str:
    head = "".join(f"<th>{t:g} K</th>" for t in found.temperature)
    body = "".join(
        f"<tr><td>{quantity(name)}</td>"
        + "".join(f'<td class="number">{escape(record_text(record))}</td>' for record in row)
        + "</tr>"
        for name, row in found.records.items()
    )
    return (
        f'<div class="scroll"><table><thead><tr><th>quantity</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
