"""``ufp arrhenius``: activation energy from results at several temperatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ufpnmr.cli.common import json_option, output_option, report, say, writable
from ufpnmr.errors import InputError
from ufpnmr.results import Record


@click.command()
@click.argument("results", nargs=-1, required=True, metavar="RESULT[@KELVIN]...")
@click.option("--record", "name", help="Which number of the results, e.g. diffusion, rate, tau. [the first]")
@click.option("--at", "predicted", type=float, multiple=True, help="Predict the value at this temperature, K.")
@output_option("JSON, or HDF5 by its suffix")
@json_option
def command(
    results: tuple[str, ...],
    name: str | None,
    predicted: tuple[float, ...],
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Fit an Arrhenius law to one number of several RESULT files (ufp msd, hops, sites, decay).

    The temperature of a result is the one stored in it (ufp msd --temperature), or follows its name after @. Results
    of one temperature are all used. A prediction outside the fitted temperatures is flagged.

    \b
    ufp arrhenius msd-400.h5@400 msd-500.h5@500 msd-600.h5@600 --at 300
    ufp arrhenius hops-*.h5 --record rate -o arrhenius.json
    """
    from ufpnmr import arrhenius

    writable(output, force)
    points, used = [], []
    for text in results:
        path, kelvin, record, label = _point(text, name)
        if record.value is None or not record.std_error:
            say(f"{path}: {label} claims no value ({record.status}): left out")
            continue
        points.append((kelvin, record.value, record.std_error / record.value, record.unit))
        used.append(path)
    units = {point[3] for point in points}
    if len(units) > 1:
        raise InputError(f"expected one unit in all results, found {', '.join(sorted(units))}")
    if not points:
        raise InputError("no result claims a value")
    temperature, value, std_log, unit = zip(*points, strict=True)
    found = arrhenius.fit(temperature, value, std_log, unit=unit[0], time=unit[0] in arrhenius.TIMES)
    if output is not None:
        from ufpnmr.cli.ion_paths import with_inputs

        with_inputs(found, used).write(output)
        say(f"{output}: {len(value)} temperatures")
    if found.parameters["notice"]:
        say(f"ufp arrhenius: {found.parameters['notice']}")
    records = {**found.records, **{f"at {kelvin:g} K": found.predict(kelvin) for kelvin in predicted}}
    return report(records, as_json, {"chi_square": found.chi_square, "p_value": found.p_value})


def _point(text: str, name: str | None) -> tuple[Path, float, Record, str]:
    file, _, given = text.rpartition("@")
    path = Path(file or given)
    records, parameters = _read(path)
    label = name or next(iter(records))
    if label not in records:
        raise InputError(f"{path}: expected one of the numbers {', '.join(records)}, found {label!r}")
    kelvin = parameters.get("temperature_K")
    if file:
        try:
            kelvin = float(given)
        except ValueError:
            raise InputError(f"{text}: expected RESULT@KELVIN, found {given!r} after @") from None
    if kelvin is None:
        raise InputError(f"{path}: holds no temperature; give {path}@KELVIN")
    return path, float(kelvin), records[label], label


def _read(path: Path) -> tuple[dict[str, Record], dict[str, Any]]:
    """Return the records that any result file holds at its top level, and its parameters."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".json":
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    else:
        import h5py

        if not h5py.is_hdf5(path):
            raise InputError(f"{path}: expected a result file (HDF5 or .json), found another format")
        with h5py.File(path, "r") as file:
            plain = ("schema", "schema_version")
            document = {key: json.loads(value) for key, value in file.attrs.items() if key not in plain}
    nested = [value for value in document.values() if isinstance(value, dict)]
    records = {
        key: Record.from_dict(value["record"])
        for part in (document, *nested)
        for key, value in part.items()
        if isinstance(value, dict) and value.keys() == {"record"}
    }
    if not records:
        raise InputError(f"{path}: holds no number with an interval")
    return records, document.get("parameters") or {}
