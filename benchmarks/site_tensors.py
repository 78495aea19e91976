"""C_Q and ω_Q of LiS4 and LiS6 in β-Li3PS4, PBE labels and the shipped model, for Fig. 4 of Harper et al. 2025.

    python benchmarks/site_tensors.py -o benchmarks/results/site_tensors.json

Sites by the number of S within the first minimum of g(r) of Li and S over all β structures, as `ufp efg eval` names
them. The model is judged only by structures that its fit withheld or that were labelled since; that these are the ones
is checked: its relative error on the former must be the one stored in it. Intervals: bootstrap over structures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from lammps_timing import ROOT, parser, report
from ufpnmr.dynamics.coordination import first_minimum
from ufpnmr.efg.dataset import by_group
from ufpnmr.efg.fit_config import read_config
from ufpnmr.efg.labels import LabelledTensors, coordination_names, read_tensors
from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.tensors import relative_rmse, to_voigt6
from ufpnmr.nmr.frequencies import coupling, omega_q
from ufpnmr.provenance import file_hash
from ufpnmr.statistics import bootstrap
from ufpnmr.structures.groups import withheld

LPS = ROOT / "inputs" / "lps"
YOUNGER = {"efg-042"}
"""Structures of the training files that are younger than the model (labels/README.md)."""
SINCE = LPS / "labels" / "new-efg.extxyz.xz"
ISOTOPE = "7Li"
FIELDS = {"a": (1, 0, 0), "b": (0, 1, 0), "c": (0, 0, 1)}
SITES = ("LiS4", "LiS6")
PAPER = {"LiS4": {"cq": 90.9, "omega_q": 10.8}, "LiS6": {"cq": 124.1, "omega_q": 13.8}}
R_MAX, DR, REPLICAS = 6.0, 0.05, 2000
Array = NDArray[np.float64]


class Labelled(NamedTuple):
    """One β structure: tensors (n, 6) V/Å² of its Li, and those of the model if it never saw them."""

    structure: LabelledTensors
    predicted: Array | None


def labelled(model: EFGModel) -> list[Labelled]:
    """Return all structures with labels, the model's tensors beside those it has not seen."""
    config = read_config(LPS / "efg.toml")
    known = [s for path in config.data.train for s in read_tensors(path, config.model.centres)]
    younger = [s for s in known if s.atoms.info["uid"] in YOUNGER]
    known = [s for s in known if s.atoms.info["uid"] not in YOUNGER]
    assert config.data.withhold is not None
    types = [s.config_type for s in known]
    held = withheld(by_group(known), types, config.data.withhold, config.data.seed)
    unseen = [known[i] for i in sorted(held)]
    tensors = {id(s): to_voigt6(model.predict(s.atoms, s.centres.tolist())) for s in unseen}
    error = relative_rmse(np.concatenate(list(tensors.values())), np.concatenate([s.V for s in unseen]))
    if abs(error - model.error["relative_tensor_rmse"]) > 1e-6:
        raise SystemExit(f"withheld error {error:.4%}, the model says {model.error['relative_tensor_rmse']:.4%}")
    for s in (*younger, *(since := read_tensors(SINCE, config.model.centres))):
        tensors[id(s)] = to_voigt6(model.predict(s.atoms, s.centres.tolist()))
    return [Labelled(s, tensors.get(id(s))) for s in (*known, *younger, *since)]


def bond_radius(structures: Sequence[LabelledTensors]) -> float:
    """Return the first minimum of g(r) of Li and S, Å."""
    edges = np.arange(0, R_MAX + DR / 2, DR)
    r = (edges[1:] + edges[:-1]) / 2
    counts, ideal = np.zeros(len(r)), np.zeros(len(r))
    for s in structures:
        elements = np.array(s.atoms.symbols, dtype=str)
        i, j, d = neighbor_list("ijd", s.atoms, R_MAX)
        counts += np.histogram(d[(elements[i] == "Li") & (elements[j] == "S")], edges)[0]
        pairs = (elements == "Li").sum() * (elements == "S").sum()
        ideal += pairs * 4 * np.pi * r**2 * DR / s.atoms.get_volume()
    radius = first_minimum(r, counts / ideal)
    if radius is None:
        raise SystemExit("g(r) of Li and S has no clear first minimum")
    return radius


def summary(values: Sequence[Array], statistic: Any) -> dict[str, float]:
    """Return a statistic of pooled `values` (one array per structure) with its 95 % interval over structures."""
    filled = [v for v in values if len(v)]
    out = {"value": float(statistic(np.concatenate(filled)))}
    if len(filled) > 1:
        random = np.random.default_rng(0)
        again = bootstrap(
            lambda rows: statistic(np.concatenate([filled[k] for k in rows])), len(filled), REPLICAS, random
        )
        out["low"], out["high"] = (float(x) for x in np.quantile(again, [0.025, 0.975]))
    return out


def of_site(tensors: Sequence[Array], names: Sequence[NDArray[np.str_]], site: str) -> dict[str, Any]:
    """Return |C_Q| and ω_Q (kHz) of the ions of one site."""
    chosen = [V[name == site] for V, name in zip(tensors, names, strict=True)]
    signed = [coupling(V, ISOTOPE)[0] if len(V) else np.empty(0) for V in chosen]
    cq = [np.abs(values) for values in signed]
    out: dict[str, Any] = {
        "ions": sum(map(len, chosen)),
        "cq": summary(cq, np.mean),
        "cq_spread": summary(cq, np.std),
        "cq_signed": summary(signed, np.mean),
        "omega_q": {},
    }
    along = {
        name: [omega_q(V, ISOTOPE, field) if len(V) else np.empty(0) for V in chosen] for name, field in FIELDS.items()
    }
    for name, omega in along.items():
        out["omega_q"][name] = {"mean": summary(omega, np.mean), "spread": summary(omega, np.std)}
    sizes = [np.abs(np.concatenate(three)) for three in zip(*along.values(), strict=True)]
    out["omega_q_size"] = summary(sizes, np.mean)
    return out


def main() -> None:
    """Compare and report."""
    options = parser(__doc__).parse_args()
    model = EFGModel.read(LPS / "LPS.efg")
    beta = [x for x in labelled(model) if (x.structure.config_type or "").startswith("beta")]
    radius = bond_radius([x.structure for x in beta])
    hot = [float(x.structure.atoms.info.get("temperature", 0)) > 800 for x in beta]
    uids = [x.structure.atoms.info["uid"] for x in beta]
    static = [x.structure.config_type == "beta_static" for x in beta]
    unseen = [x.predicted is not None for x in beta]
    sets = {
        "PBE, at rest, relaxed": ([uid == "static-beta-4b-relaxed-chgnet" for uid in uids], False),
        "PBE, at rest, experimental positions": ([uid == "static-beta-4b-experiment" for uid in uids], False),
        "PBE, MD at 300 to 800 K": (~(np.array(static) | hot), False),
        "PBE, MD at 900 to 1000 K": (hot, False),
        "PBE, unseen by the model": (unseen, False),
        "LPS.efg, the same": (unseen, True),
    }
    rows = []
    for title, (mask, predicted) in sets.items():
        part = [x for x, use in zip(beta, mask, strict=True) if use]
        tensors = [x.predicted if predicted else x.structure.V for x in part]
        names = [np.array(coordination_names([x.structure], "S", radius)) for x in part]
        found, counts = np.unique(np.concatenate(names), return_counts=True)
        row = {
            "set": title,
            "structures": len(part),
            "coordination": dict(zip(found.tolist(), counts.tolist(), strict=True)),
            "sites": {site: of_site(tensors, names, site) for site in SITES},
        }
        rows.append(row)
        for site, values in row["sites"].items():
            print(f"{title}, {site}: {values['ions']} ions, |C_Q| {values['cq']['value']:.1f} kHz")
    inputs = (LPS / "LPS.efg", LPS / "efg.toml", SINCE, *map(Path, read_config(LPS / "efg.toml").data.train))
    report(
        "site_tensors",
        options.quick,
        options.output,
        isotope=ISOTOPE,
        radius_A=radius,
        replicas=REPLICAS,
        paper=PAPER,
        inputs={path.name: file_hash(path) for path in inputs},
        sets=rows,
    )


if __name__ == "__main__":
    main()
