"""Motion of ions: mean-square displacement, hops, site labels."""

from ufpnmr.dynamics.anions import anion_census, broken_bonds
from ufpnmr.dynamics.charge import charge_transport
from ufpnmr.dynamics.escape import escape_survival
from ufpnmr.dynamics.hop_rates import correlation_factor
from ufpnmr.dynamics.hops import find_hops
from ufpnmr.dynamics.msd import mean_square_displacement
from ufpnmr.dynamics.residence import residence_times
from ufpnmr.dynamics.site_network import site_network
from ufpnmr.dynamics.site_positions import Sites, density_sites, reference_sites
from ufpnmr.dynamics.sites import coordination_labels, settle_labels, site_labels

__all__ = [
    "Sites",
    "anion_census",
    "broken_bonds",
    "charge_transport",
    "coordination_labels",
    "correlation_factor",
    "density_sites",
    "escape_survival",
    "find_hops",
    "mean_square_displacement",
    "reference_sites",
    "residence_times",
    "settle_labels",
    "site_labels",
    "site_network",
]
