"""Records as people read them: figures and reports use the same words."""

from __future__ import annotations

import math

from ufpnmr.results.record import Record

__all__ = ["interval_text", "number_text", "record_text", "value_text"]

_NS_TO_PS = 1e3
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = {"1": "", "s^-1": " s⁻¹", "cm2/s": " cm²/s", "angstrom": " Å"}


def number_text(number: float) -> str:
    """Return three significant digits, with a power of ten outside 0.001 to 100 000."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    mantissa, _, power = f"{number:.2e}".partition("e")
    exponent = int(power)
    if -3 <= exponent < 3:
        return f"{number:.3g}"
    if 3 <= exponent <= 4:
        return f"{round(number, 2 - exponent):.0f}"
    return f"{mantissa}×10{str(exponent).translate(_SUPERSCRIPT)}"


def value_text(record: Record) -> str:
    """Return the value with its unit, or "not claimed"."""
    scale, unit = _scale(record)
    return "not claimed" if record.value is None else f"{number_text(record.value * scale)}{unit}"


def interval_text(record: Record) -> str:
    """Return the 95 % interval, the one bound there is, or an empty string."""
    scale, unit = _scale(record)
    low = None if record.ci_low is None else number_text(record.ci_low * scale)
    high = None if record.ci_high is None else number_text(record.ci_high * scale)
    if low is not None and high is not None:
        return f"{low} … {high}{unit}"
    if low is not None:
        return f"above {low}{unit}"
    return f"below {high}{unit}" if high is not None else ""


def record_text(record: Record) -> str:
    """Return value and interval in one line; without a value its bound and status."""
    interval = interval_text(record)
    if record.value is None:
        return f"{interval or 'not claimed'} ({record.status.replace('_', ' ')})"
    scale, unit = _scale(record)
    bare = interval.removesuffix(unit) if unit else interval
    return f"{number_text(record.value * scale)}" + (f" ({bare})" if bare else "") + unit


def _scale(record: Record) -> tuple[float, str]:
    numbers = [abs(x) for x in (record.value, record.ci_low, record.ci_high) if x is not None]
    if record.unit == "ns" and numbers and min(numbers) < 0.1:
        return _NS_TO_PS, " ps"
    return 1.0, _UNITS.get(record.unit, f" {record.unit}")
