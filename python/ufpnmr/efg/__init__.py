"""Electric field gradients at the ions: tensors, engines that predict them, and how good those are."""

from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.point_charges import PointCharges
from ufpnmr.efg.predict import predict_series

__all__ = ["EFGModel", "PointCharges", "predict_series"]
