"""Parameters of papers by name; what a paper does not state stays at our default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ufpnmr.errors import InputError, nearest

__all__ = ["PRESETS", "preset"]

PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "kaiser2024": {
        "rdf": {"norm": "g"},
        "vdos": {"norm": "paper", "smoothing": 15.0},
        "angles": {"kind": "face", "cutoff": 5.0},
        "ion_density": {"r_min": 2.0, "r_max": 6.0},
        "vanhove": {"spacing": "linear", "relative": False},
        "msd": {"origins": "first"},
    }
}
"""Kaiser and Egger, J. Mater. Chem. A 2024, 12, 11344: their normalisations, the 15 cm⁻¹ of the Savitzky-Golay filter,
the 5 cm⁻¹ of the Fourier filter, a single time origin in the mean-square displacement, maps on linear time axes. Bins,
cutoffs and the order of the filter are not given there."""


def preset(name: str | None, analysis: str, **given: Any) -> dict[str, Any]:
    """Return the keyword arguments of an analysis: those `given` (not None) over those of the preset.

    Raises
    ------
    InputError
        No such preset.
    """
    if name is not None and name not in PRESETS:
        raise InputError(f"preset: expected one of {', '.join(PRESETS)}, found {name!r}{nearest(name, PRESETS)}")
    stored = {} if name is None else PRESETS[name].get(analysis, {})
    return {**stored, **{key: value for key, value in given.items() if value is not None}}
