"""One function per figure: a result and an optional Axes in, the Axes out.

Figures are made with `matplotlib.figure.Figure` and saved through its own canvas: no `pyplot`, no global state,
no display.
"""

from ufpnmr.plots.angles import angle_map
from ufpnmr.plots.correlation import correlation
from ufpnmr.plots.curves import CURVES, angle_traces, comparison, curve
from ufpnmr.plots.echo import echo_map, echo_signal
from ufpnmr.plots.efg import omega_q_parity, quaternion_scores, tensor_learning_curve
from ufpnmr.plots.histograms import coupling_histogram, frequency_histogram, labelled_histogram
from ufpnmr.plots.hops import threshold_scan
from ufpnmr.plots.ion_map import ion_trajectories, network_map
from ufpnmr.plots.learning import learning_curve
from ufpnmr.plots.msd import mean_square_displacement
from ufpnmr.plots.parity import parity
from ufpnmr.plots.polycrystal import polycrystal
from ufpnmr.plots.rate_distribution import rate_distribution
from ufpnmr.plots.relaxation import rates_over_temperature, spectral_density
from ufpnmr.plots.single_ions import first_origin, single_ions
from ufpnmr.plots.sites import label_populations
from ufpnmr.plots.spectrum import spectrum
from ufpnmr.plots.style import save
from ufpnmr.plots.survival import arrhenius, survival
from ufpnmr.plots.temperatures import over_temperatures
from ufpnmr.plots.traces import displacement_traces

__all__ = [
    "CURVES",
    "angle_map",
    "angle_traces",
    "arrhenius",
    "comparison",
    "correlation",
    "coupling_histogram",
    "curve",
    "displacement_traces",
    "echo_map",
    "echo_signal",
    "first_origin",
    "frequency_histogram",
    "ion_trajectories",
    "label_populations",
    "labelled_histogram",
    "learning_curve",
    "mean_square_displacement",
    "network_map",
    "omega_q_parity",
    "over_temperatures",
    "parity",
    "polycrystal",
    "quaternion_scores",
    "rate_distribution",
    "rates_over_temperature",
    "save",
    "single_ions",
    "spectral_density",
    "spectrum",
    "survival",
    "tensor_learning_curve",
    "threshold_scan",
]
