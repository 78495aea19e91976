"""Electric field gradients at the ions: tensors, engines that predict them, and how good those are."""

from __future__ import annotations

from typing import Any

from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.point_charges import PointCharges
from ufpnmr.efg.predict import predict_series, write_series

__all__ = ["EFGAnalysis", "EFGModel", "PointCharges", "predict_series", "write_series"]


def __getattr__(name: str) -> Any:
    if name == "EFGAnalysis":  # a class of MDAnalysis, which is heavy
        from ufpnmr.efg.analysis import EFGAnalysis

        return EFGAnalysis
    raise AttributeError(f"module 'ufpnmr.efg' has no attribute {name!r}")
