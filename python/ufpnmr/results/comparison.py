"""Two sets of runs side by side."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ufpnmr.results.display import number_text
from ufpnmr.results.record import Record
from ufpnmr.results.storage import StoredResult, array_group

__all__ = ["Comparison"]


@dataclasses.dataclass(frozen=True, repr=False)
class Comparison(StoredResult):
    """Curves and numbers of two sets of runs and their differences in units of the combined standard error.

    Attributes
    ----------
    reference_name, other_name : str
        The two sets.
    numbers : list of dict
        One row per number: analysis, quantity, unit, reference, reference_std_error, other, other_std_error,
        difference, pull (difference over the combined standard error; None where a value or an error is missing).
    curves : list of dict
        One row per curve: analysis, curve, label, rms_pull, largest_pull, at, beyond_two (fraction of points further
        apart than two combined standard errors; 0.05 is expected by chance), overlap (1 - Σ|a - b|/Σ(|a| + |b|)).
    grid : dict of ndarray
        "ANALYSIS.NAME": what the curves are functions of.
    reference, other : dict of ndarray
        "ANALYSIS.CURVE": mean over runs; "ANALYSIS.CURVE.std" the standard deviation over runs.
    pull : dict of ndarray
        "ANALYSIS.CURVE": difference over the combined standard error.
    notes : list of str
        What was not compared, and why; grids that were cut to their common points.
    """

    schema: ClassVar[str] = "ufpnmr-comparison"

    reference_name: str
    other_name: str
    numbers: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    notes: list[str]
    grid: dict[str, npt.NDArray[Any]] = array_group()
    reference: dict[str, npt.NDArray[np.float64]] = array_group()
    other: dict[str, npt.NDArray[np.float64]] = array_group()
    pull: dict[str, npt.NDArray[np.float64]] = array_group()

    @property
    def records(self) -> dict[str, Record]:
        """The differences as records."""
        return {
            f"{row['analysis']}: {row['quantity']}": Record(
                row["difference"],
                row["unit"],
                f"{self.other_name} minus {self.reference_name}; standard errors added in squares",
                std_error=row["combined_std_error"],
            )
            for row in self.numbers
            if row["difference"] is not None
        }

    def markdown(self) -> str:
        """Return the two tables, numbers and curves, in Markdown."""
        header = ["quantity", self.reference_name, self.other_name, "difference", "in combined errors"]
        lines = [_line(header), _line(["---", *["---:"] * 4])]
        for row in self.numbers:
            unit = "" if row["unit"] == "1" else f" / {row['unit']}"
            lines.append(
                _line(
                    [
                        f"{row['analysis']}: {row['quantity']}{unit}",
                        _with_error(row["reference"], row["reference_std_error"]),
                        _with_error(row["other"], row["other_std_error"]),
                        _text(row["difference"]),
                        _text(row["pull"], "+.1f"),
                    ]
                )
            )
        lines += ["", _line(["curve", "rms pull", "largest pull", "at", "beyond 2", "overlap"])]
        lines.append(_line(["---", *["---:"] * 5]))
        for row in self.curves:
            place = ", ".join(f"{name} {value:.3g}" for name, value in row["at"].items())
            lines.append(
                _line(
                    [
                        f"{row['analysis']}: {row['curve']} {row['label']}".rstrip(),
                        _text(row["rms_pull"], ".2f"),
                        _text(row["largest_pull"], "+.1f"),
                        place,
                        _text(row["beyond_two"], ".0%"),
                        _text(row["overlap"], ".1%"),
                    ]
                )
            )
        return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(value: float | None, form: str | None = None) -> str:
    if value is None or not np.isfinite(value):
        return ""
    return number_text(value) if form is None else format(value, form)


def _with_error(value: float | None, error: float | None) -> str:
    return "" if value is None else _text(value) + (f" ± {_text(error)}" if error is not None else "")
