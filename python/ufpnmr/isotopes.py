"""Quadrupolar isotopes: spin, quadrupole moment, gyromagnetic ratio, each with its source.

Quadrupole moments: P. Pyykkö, "Year-2017 nuclear quadrupole moments", Mol. Phys. 116, 1328 (2018). Spins and
gyromagnetic ratios: R. K. Harris et al., "NMR nomenclature", Pure Appl. Chem. 73, 1795 (2001). The quadrupole moment
scales every frequency, and published values differ (7Li: -40.1 mb here, -40.0(3) mb in Stone, INDC(NDS)-0833 (2021),
-40.6 mb in other programs), so it can always be given by hand and is named with its source in every output.
"""

from __future__ import annotations

import dataclasses
import math
import re

from ufpnmr.errors import InputError, nearest
from ufpnmr.units import coupling_khz_per_efg

__all__ = ["ISOTOPES", "Isotope", "isotope"]

PYYKKO_2018 = "Pyykkö, Mol. Phys. 116, 1328 (2018)"
GIVEN = "given by the user"


@dataclasses.dataclass(frozen=True)
class Isotope:
    """A nucleus with an electric quadrupole moment.

    Attributes
    ----------
    name : str
        Mass number and symbol, e.g. "7Li".
    spin : float
        Nuclear spin I, at least 1.
    quadrupole_moment_mb : float
        Electric quadrupole moment Q, mb (1e-31 m²), with its sign.
    source : str
        Where Q comes from.
    gyromagnetic_ratio : float
        γ, 1e7 rad s⁻¹ T⁻¹ (Harris et al. 2001), with its sign.
    """

    name: str
    spin: float
    quadrupole_moment_mb: float
    source: str
    gyromagnetic_ratio: float

    @property
    def coupling_khz(self) -> float:
        """κ = eQ/h, kHz per V/Å²."""
        return coupling_khz_per_efg(self.quadrupole_moment_mb)

    @property
    def larmor_mhz_per_tesla(self) -> float:
        """γ/2π, MHz/T."""
        return self.gyromagnetic_ratio * 10 / (2 * math.pi)

    def __str__(self) -> str:
        return f"{self.name} (I = {self.spin:g}, Q = {self.quadrupole_moment_mb:g} mb, {self.source})"


_TABLE = {
    # name: (spin, Q in mb, γ in 1e7 rad/s/T)
    "2H": (1.0, 2.85783, 4.10662791),
    "6Li": (1.0, -0.808, 3.9371709),
    "7Li": (1.5, -40.1, 10.3977013),
    "9Be": (1.5, 52.88, -3.759666),
    "10B": (3.0, 84.59, 2.8746786),
    "11B": (1.5, 40.59, 8.5847044),
    "14N": (1.0, 20.44, 1.9337792),
    "17O": (2.5, -25.58, -3.62808),
    "21Ne": (1.5, 101.55, -2.11308),
    "23Na": (1.5, 104, 7.0808493),
    "25Mg": (2.5, 199.4, -1.63887),
    "27Al": (2.5, 146.6, 6.9762715),
    "33S": (1.5, -69.4, 2.055685),
    "35Cl": (1.5, -81.12, 2.624198),
    "37Cl": (1.5, -63.93, 2.184368),
    "39K": (1.5, 60.3, 1.2500608),
    "40K": (4.0, -75, -1.5542854),
    "41K": (1.5, 73.4, 0.68606808),
    "43Ca": (3.5, -40.8, -1.803069),
    "45Sc": (3.5, -220, 6.5087973),
    "47Ti": (2.5, 302, -1.5105),
    "49Ti": (3.5, 247, -1.51095),
    "50V": (6.0, 210, 2.670649),
    "51V": (3.5, -52, 7.0455117),
    "53Cr": (1.5, -150, -1.5152),
    "55Mn": (2.5, 330, 6.6452546),
    "59Co": (3.5, 420, 6.332),
    "61Ni": (1.5, 162, -2.3948),
    "63Cu": (1.5, -220, 7.111789),
    "65Cu": (1.5, -204, 7.60435),
    "67Zn": (2.5, 122, 1.676688),
    "69Ga": (1.5, 171, 6.438855),
    "71Ga": (1.5, 107, 8.181171),
    "73Ge": (4.5, -196, -0.9360303),
    "75As": (1.5, 311, 4.596163),
    "79Br": (1.5, 308.7, 6.725616),
    "81Br": (1.5, 257.9, 7.249776),
    "83Kr": (4.5, 259, -1.0331),
    "85Rb": (2.5, 276, 2.592705),
    "87Rb": (1.5, 133.5, 8.7864),
    "87Sr": (4.5, 305, -1.1639376),
    "91Zr": (2.5, -176, -2.49743),
    "93Nb": (4.5, -320, 6.5674),
    "95Mo": (2.5, -22, 1.751),
    "97Mo": (2.5, 255, -1.788),
    "99Tc": (4.5, -129, 6.046),
    "99Ru": (2.5, 79, -1.229),
    "101Ru": (2.5, 457, -1.377),
    "105Pd": (2.5, 660, -1.23),
    "113In": (4.5, 761, 5.8845),
    "115In": (4.5, 772, 5.8972),
    "121Sb": (2.5, -543, 6.4435),
    "123Sb": (3.5, -692, 3.4892),
    "127I": (2.5, -688.22, 5.389573),
    "131Xe": (1.5, -114.6, 2.209076),
    "133Cs": (3.5, -3.43, 3.5332539),
    "135Ba": (1.5, 153, 2.6755),
    "137Ba": (1.5, 236, 2.99295),
    "138La": (5.0, 450, 3.557239),
    "139La": (3.5, 206, 3.8083318),
    "141Pr": (2.5, -58.9, 8.1907),
    "143Nd": (3.5, -630, -1.457),
    "145Nd": (3.5, -330, -0.898),
    "147Sm": (3.5, -259, -1.115),
    "149Sm": (3.5, 75, -0.9192),
    "151Eu": (2.5, 903, 6.651),
    "153Eu": (2.5, 2412, 2.9369),
    "155Gd": (1.5, 1270, -0.82132),
    "157Gd": (1.5, 1350, -1.0769),
    "159Tb": (1.5, 1432, 6.431),
    "161Dy": (2.5, 2507, -0.9201),
    "163Dy": (2.5, 2648, 1.289),
    "165Ho": (3.5, 3580, 5.71),
    "167Er": (3.5, 3565, -0.77157),
    "173Yb": (2.5, 2800, -1.3025),
    "175Lu": (3.5, 3490, 3.0552),
    "176Lu": (7.0, 4970, 2.1684),
    "177Hf": (3.5, 3365, 1.086),
    "179Hf": (4.5, 3793, -0.6821),
    "181Ta": (3.5, 3170, 3.2438),
    "185Re": (2.5, 2180, 6.1057),
    "187Re": (2.5, 2070, 6.1682),
    "189Os": (1.5, 856, 2.10713),
    "191Ir": (1.5, 816, 0.4812),
    "193Ir": (1.5, 751, 0.5227),
    "197Au": (1.5, 547, 0.47306),
    "201Hg": (1.5, 387, -1.788769),
    "209Bi": (4.5, -516, 4.375),
    "235U": (3.5, 4936, -0.52),
}

_SPIN_HALF = (
    *("1H", "3H", "3He", "13C", "15N", "19F", "29Si", "31P", "57Fe", "77Se", "89Y", "103Rh", "107Ag", "109Ag", "111Cd"),
    *("113Cd", "115Sn", "117Sn", "119Sn", "123Te", "125Te", "129Xe", "169Tm", "171Yb", "183W", "187Os", "195Pt"),
    *("199Hg", "203Tl", "205Tl", "207Pb"),
)

ISOTOPES = {name: Isotope(name, spin, moment, PYYKKO_2018, gamma) for name, (spin, moment, gamma) in _TABLE.items()}
"""Name -> `Isotope` for every isotope of the table."""


def isotope(name: str | Isotope, quadrupole_moment: float | None = None) -> Isotope:
    """Return an isotope of the table, optionally with another quadrupole moment.

    Parameters
    ----------
    name : str or Isotope
        "7Li", "Li7" or "Li-7", in any case.
    quadrupole_moment : float, optional
        Q in mb with its sign, instead of the table's; the source then reads "given by the user".

    Returns
    -------
    Isotope

    Raises
    ------
    InputError
        Unknown name (the nearest one is offered), spin 1/2 (no quadrupole moment), or a moment that is zero or not
        finite.
    """
    if isinstance(name, Isotope):
        found = name
    else:
        match = re.fullmatch(r"(?:(\d+)-?([A-Za-z]{1,2})|([A-Za-z]{1,2})-?(\d+))", name.strip())
        key = name
        if match:
            key = (match[1] or match[4]) + (match[2] or match[3]).capitalize()
        if key in _SPIN_HALF:
            raise InputError(
                f"{key} has spin 1/2 and no quadrupole moment; expected an isotope with I >= 1, such as 7Li"
            )
        if key not in ISOTOPES:
            raise InputError(
                f"no isotope {name!r} in the table of quadrupole moments{nearest(key, ISOTOPES)}; "
                "expected mass number and symbol, such as '7Li'"
            )
        found = ISOTOPES[key]
    if quadrupole_moment is None:
        return found
    if not math.isfinite(quadrupole_moment) or quadrupole_moment == 0:
        raise InputError(f"expected a quadrupole moment in mb, finite and not zero, found {quadrupole_moment}")
    return dataclasses.replace(found, quadrupole_moment_mb=float(quadrupole_moment), source=GIVEN)
