"""Quadrupolar NMR from electric field gradients: frequencies, correlation functions, decay times."""

from ufpnmr.nmr.correlation import correlate
from ufpnmr.nmr.decay import fit_decay
from ufpnmr.nmr.decay_models import compare_models
from ufpnmr.nmr.frequencies import (
    angles,
    coupling,
    levels,
    nu_q,
    omega_q,
    principal_axes,
    quadrupolar_product,
)
from ufpnmr.nmr.hopping_ions import renewal_correction
from ufpnmr.nmr.interpretation import exchange_depth, hop_rate_ratio, rate_ratio
from ufpnmr.nmr.orientations import crystal_directions, omega_q_at, powder_directions, quaternions
from ufpnmr.nmr.rate_distribution import rate_distribution
from ufpnmr.nmr.runs import merge_runs
from ufpnmr.nmr.site_table import site_table
from ufpnmr.nmr.time_grid import resampled, segments
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.decay import DecayFit
from ufpnmr.results.rate_distribution import RateDistribution

__all__ = [
    "CorrelationResult",
    "DecayFit",
    "RateDistribution",
    "angles",
    "compare_models",
    "correlate",
    "coupling",
    "crystal_directions",
    "exchange_depth",
    "fit_decay",
    "hop_rate_ratio",
    "levels",
    "merge_runs",
    "nu_q",
    "omega_q",
    "omega_q_at",
    "powder_directions",
    "principal_axes",
    "quadrupolar_product",
    "quaternions",
    "rate_distribution",
    "rate_ratio",
    "renewal_correction",
    "resampled",
    "segments",
    "site_table",
]
