"""Motion of ions, structure and vibrations: displacement, hops, sites, pair correlation, spectra, angles, van Hove."""

from ufpnmr.dynamics.angles import angle_distributions, low_pass
from ufpnmr.dynamics.anions import anion_census, broken_bonds
from ufpnmr.dynamics.charge import charge_transport
from ufpnmr.dynamics.escape import escape_survival
from ufpnmr.dynamics.hop_rates import correlation_factor
from ufpnmr.dynamics.hops import find_hops
from ufpnmr.dynamics.ion_density import ion_density
from ufpnmr.dynamics.msd import mean_square_displacement
from ufpnmr.dynamics.presets import PRESETS, preset
from ufpnmr.dynamics.rdf import pair_correlation
from ufpnmr.dynamics.residence import residence_times
from ufpnmr.dynamics.runs import average_runs
from ufpnmr.dynamics.site_network import site_network
from ufpnmr.dynamics.site_positions import Sites, density_sites, reference_sites
from ufpnmr.dynamics.sites import coordination_labels, settle_labels, site_labels
from ufpnmr.dynamics.tetrahedra import (
    Tetrahedra,
    angle_triples,
    bonded_tetrahedra,
    lattice_tetrahedra,
    listed_tetrahedra,
)
from ufpnmr.dynamics.van_hove import van_hove
from ufpnmr.dynamics.vdos import vibrational_density_of_states

__all__ = [
    "PRESETS",
    "Sites",
    "Tetrahedra",
    "angle_distributions",
    "angle_triples",
    "anion_census",
    "average_runs",
    "bonded_tetrahedra",
    "broken_bonds",
    "charge_transport",
    "coordination_labels",
    "correlation_factor",
    "density_sites",
    "escape_survival",
    "find_hops",
    "ion_density",
    "lattice_tetrahedra",
    "listed_tetrahedra",
    "low_pass",
    "mean_square_displacement",
    "pair_correlation",
    "preset",
    "reference_sites",
    "residence_times",
    "settle_labels",
    "site_labels",
    "site_network",
    "van_hove",
    "vibrational_density_of_states",
]
