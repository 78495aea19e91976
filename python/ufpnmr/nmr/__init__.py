"""Quadrupolar NMR from electric field gradients: frequencies, correlation functions, decay times."""

from ufpnmr.nmr.correlation import correlate
from ufpnmr.nmr.decay import fit_decay
from ufpnmr.nmr.frequencies import (
    angles,
    coupling,
    levels,
    nu_q,
    omega_q,
    principal_axes,
    quadrupolar_product,
)
from ufpnmr.nmr.interpretation import exchange_depth, hop_rate_ratio
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.decay import DecayFit

__all__ = [
    "CorrelationResult",
    "DecayFit",
    "angles",
    "correlate",
    "coupling",
    "exchange_depth",
    "fit_decay",
    "hop_rate_ratio",
    "levels",
    "nu_q",
    "omega_q",
    "principal_axes",
    "quadrupolar_product",
]
