"""Quantities at several temperatures with the Arrhenius law of each."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.arrhenius import ArrheniusFit
from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array, write_text_atomically

__all__ = ["TemperatureScan"]


@dataclasses.dataclass(frozen=True, repr=False)
class TemperatureScan(StoredResult):
    """τ(T), k(T), D(T) ... of one system; n temperatures.

    Attributes
    ----------
    records : dict
        Name of a quantity -> one `Record` per temperature; those without value hold bounds.
    laws : dict
        Name -> `ArrheniusFit`, for quantities claimed at two temperatures or more.
    predicted : dict
        Name -> temperature in K, as text -> the law's value there.
    notices : list of str
        Extrapolations, laws that do not fit, quantities without a law.
    temperature : ndarray (n,)
        K.
    """

    schema: ClassVar[str] = "ufpnmr-temperature-scan"

    records: dict[str, list[Record]]
    laws: dict[str, ArrheniusFit]
    predicted: dict[str, dict[str, Record]]
    notices: list[str]
    temperature: npt.NDArray[np.float64] = array("K", "(n,)")

    def __post_init__(self) -> None:
        object.__setattr__(self, "laws", {name: _law(value) for name, value in self.laws.items()})

    @property
    def activation(self) -> dict[str, Record]:
        """Activation energy of every quantity, eV; without value where there is no law."""
        none = Record(None, "eV", "Arrhenius fit: needs two temperatures that claim a value", status="too_few_events")
        return {name: self.laws[name].activation_energy if name in self.laws else none for name in self.records}

    def write_csv(self, path: str | Path) -> None:
        """Write a line per quantity and temperature: value, interval, standard error, unit, status."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["quantity", "temperature / K", "value", "ci_low", "ci_high", "std_error", "unit", "status"])
        for name, row in self.records.items():
            for kelvin, record in zip(self.temperature, row, strict=True):
                numbers = (record.value, record.ci_low, record.ci_high, record.std_error)
                writer.writerow([name, f"{kelvin:g}", *_texts(numbers), record.unit, record.status])
        write_text_atomically(path, text.getvalue())


def _texts(numbers: tuple[float | None, ...]) -> list[str]:
    return ["" if number is None else f"{number:.10g}" for number in numbers]


def _law(value: Any) -> ArrheniusFit:
    """Return a law as it is, or rebuilt from what a file holds."""
    if isinstance(value, ArrheniusFit):
        return value
    arrays = {f.name for f in dataclasses.fields(ArrheniusFit) if "unit" in f.metadata}
    fields: dict[str, Any] = {key: np.asarray(item) if key in arrays else item for key, item in value.items()}
    return ArrheniusFit(**fields)
