"""Two- and three-body spline potentials (UF3): read, write, evaluate."""

from ufpnmr.potential.calculator import SplineCalculator
from ufpnmr.potential.model import Evaluation, PairBlock, Potential, TripletBlock

__all__ = ["Evaluation", "PairBlock", "Potential", "SplineCalculator", "TripletBlock"]
