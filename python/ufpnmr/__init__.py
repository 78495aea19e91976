"""From labelled structures to what a solid-state NMR experiment sees.

Names are loaded on first use, so that ``import ufpnmr`` stays light.
"""

from __future__ import annotations

import importlib
from typing import Any

from ufpnmr.provenance import package_version

__version__ = package_version("ufpnmr")

_LAZY = {
    "EFGModel": "ufpnmr.efg.model",
    "Potential": "ufpnmr.potential",
    "TensorSeries": "ufpnmr.results.tensors",
    "Record": "ufpnmr.results",
}
_MODULES = (
    "active",
    "dynamics",
    "efg",
    "lammps",
    "nmr",
    "plots",
    "potential",
    "results",
    "statistics",
    "structures",
    "study",
    "trajectory",
)

__all__ = ["EFGModel", "Potential", "Record", "TensorSeries", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"ufpnmr.{name}")
    raise AttributeError(f"module 'ufpnmr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
