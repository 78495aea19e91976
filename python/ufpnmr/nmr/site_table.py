"""What a field direction can show, before any fit: means of the sites, their weights, the depth of a full exchange.

Whether exchange between sites is seen depends on the direction of the field (spec efg 6.8): in β-Li3PS4 the two kinds
of site differ little in ω_Q along b and much along a and c.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.isotopes import Isotope
from ufpnmr.nmr.frequencies import coupling, omega_q
from ufpnmr.nmr.interpretation import exchange_depth
from ufpnmr.nmr.observables import field_direction

__all__ = ["SiteRow", "site_table"]


class SiteRow(NamedTuple):
    """One observable over the sites."""

    observable: str
    """"omega_q a", ..., "cq", "powder"."""
    means: dict[str, float]
    """Mean over ions and frames at each site, kHz; powder: rms over directions, √(P_Q²/5), of the mean tensor."""
    weights: dict[str, float]
    """Share of ions and frames at each site."""
    depth: float
    """Relative depth of the decay if ions exchange completely between the mean tensors of the sites."""


def site_table(
    V: npt.ArrayLike,
    label: npt.ArrayLike,
    names: Mapping[int, str],
    *,
    fields: Mapping[str, str | npt.ArrayLike] | None = None,
    cell: npt.ArrayLike | None = None,
    isotope: str | Isotope = "7Li",
) -> list[SiteRow]:
    """Return site means, weights and the predicted depth of the decay for each field direction, C_Q and the powder.

    Parameters
    ----------
    V : array_like (T, N, 6)
        Electric field gradient, V/Å².
    label : array_like (T, N), int
        Site of each ion and frame.
    names : mapping
        Label -> name of the site; other labels (in transit) are left out.
    fields : mapping, optional
        Name -> direction or "a", "b", "c"; default the three lattice vectors.
    cell : array_like (T, 3, 3) or (3, 3), Å, optional
        Rows a, b, c; needed for lattice vectors.
    isotope : str or Isotope

    Returns
    -------
    list of SiteRow
        ω_Q (convention "harper2025") of every field, then |C_Q|, then the powder.
    """
    tensors, where = np.asarray(V), np.asarray(label)
    if where.shape != tensors.shape[:2]:
        raise InputError(f"expected one site per tensor, shape {tensors.shape[:2]}, found {where.shape}")
    found = {name: where == code for code, name in names.items() if bool((where == code).any())}
    if not found:
        raise InputError(f"no ion at any of the sites {', '.join(names.values())}")
    counts = {name: int(mask.sum()) for name, mask in found.items()}
    weights = {name: count / sum(counts.values()) for name, count in counts.items()}
    means = {name: tensors[mask].mean(axis=0, dtype=np.float64) for name, mask in found.items()}
    stacked, share = np.array(list(means.values())), list(weights.values())
    rows = []
    for name, direction in (fields or {axis: axis for axis in "abc"}).items():
        unit = field_direction(direction, cell)
        depth = exchange_depth(stacked, share, isotope=isotope, cell=np.array([unit] * 3))["a"]
        values = {site: float(omega_q(mean, isotope, unit)) for site, mean in means.items()}
        rows.append(SiteRow(f"omega_q {name}", values, weights, depth))
    depths: dict[str, Any] = exchange_depth(stacked, share, isotope=isotope)
    c_q = {site: float(np.abs(coupling(tensors[mask], isotope)[0]).mean()) for site, mask in found.items()}
    rms = {site: float(_powder_rms(mean, isotope)) for site, mean in means.items()}
    # ions show |C_Q| of their instantaneous tensors, whose means differ from |C_Q| of the mean tensors
    square = sum(weights[site] * value**2 for site, value in c_q.items())
    mean_c_q = sum(weights[site] * value for site, value in c_q.items())
    rows.append(SiteRow("cq", c_q, weights, (square - mean_c_q**2) / square if square > 0 else float("nan")))
    rows.append(SiteRow("powder", rms, weights, depths["powder"]))
    return rows


def _powder_rms(tensor: npt.NDArray[np.float64], isotope: str | Isotope) -> npt.NDArray[np.float64]:
    from ufpnmr.nmr.frequencies import quadrupolar_product

    return np.asarray(np.abs(quadrupolar_product(tensor, isotope)) / np.sqrt(5))
