"""Every number of a study as a record, in one JSON file."""

from __future__ import annotations

import json
import math
import re
from typing import Any, ClassVar

import numpy as np

from ufpnmr import provenance
from ufpnmr.results import Record
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.study.figures import observables
from ufpnmr.study.structure import structure_results
from ufpnmr.study.work import Workshop

__all__ = ["Results", "write_results"]

_REPLICAS = 200


class Results:
    """The content of results.json."""

    schema: ClassVar[str] = "ufpnmr-study-results"
    schema_version: ClassVar[int] = 1

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.records = {name: Record.from_dict(data) for name, data in document["records"].items()}

    @classmethod
    def read(cls, shop: Workshop) -> Results:
        """Read the results of a study."""
        return cls(json.loads((shop.folder / "results.json").read_text(encoding="utf-8")))

    @property
    def headline(self) -> dict[str, Record]:
        """The records that decide the exit code: D, the hop rate and every tau."""
        return {name: self.records[name] for name in self.document["headline"]}


def write_results(shop: Workshop) -> None:
    """Collect the records of all stages.

    Parameters
    ----------
    shop : Workshop
    """
    from ufpnmr.isotopes import isotope
    from ufpnmr.nmr import rate_ratio
    from ufpnmr.results.decay import DecayFit
    from ufpnmr.results.hops import HopResult
    from ufpnmr.results.msd import MSDResult

    config, folder = shop.config, shop.folder
    msd, hops, sites = MSDResult.read(folder / "msd.h5"), HopResult.read(folder / "hops.h5"), shop.sites()
    tensors, paths = shop.tensors(), shop.paths()
    records = {
        "diffusion": msd.diffusion,
        **{f"hop_{name.removeprefix('hop_')}": record for name, record in hops.records.items()},
    }
    headline = ["diffusion", "hop_rate"]
    if sites is not None:
        records |= {f"site_{_identifier(name)}": record for name, record in sites.records.items()}
        if len(hops.ion):
            records["hop_changes_label"] = _fraction(
                int(np.count_nonzero(hops.label_from != hops.label_to)),
                len(hops.ion),
                "hops that change the site label",
            )
    for analysis, result in structure_results(shop).items():
        records |= {_identifier(f"{analysis} {name}"): record for name, record in result.records.items()}
    nucleus = isotope(config.nmr.isotope)
    interpretation = []
    for observable, field in observables(shop):
        key = "_".join(filter(None, (observable, field)))
        fit = DecayFit.read(folder / f"decay-{key.replace(f'_{field}', f'-{field}') if field else key}.json")
        records[f"tau_{key}"] = fit.tau
        records |= {f"{name}_{key}": record for name, record in fit.records.items() if name != "tau"}
        headline.append(f"tau_{key}")
        direction = config.nmr.fields[field] if field else None
        depth = f"depth_{key}"
        records[depth] = _exchange_depth(tensors.V, observable, direction, config.nmr.isotope)
        ratio = rate_ratio(fit, hops)
        if ratio is not None:
            records[f"rate_ratio_{key}"] = ratio
        interpretation.append(key)
    document = {
        "schema": Results.schema,
        "schema_version": Results.schema_version,
        "system": config.system.model_dump(include={"title", "phase", "temperature_K", "axes", "caveats"}),
        "nmr": {
            **config.nmr.model_dump(),
            "quadrupole_moment_mb": nucleus.quadrupole_moment_mb,
            "quadrupole_moment_source": nucleus.source,
        },
        "run": {
            "trajectory": shop.trajectory.name,
            "frames": len(paths.time),
            "frame_interval_ps": float(paths.time[1] - paths.time[0]),
            "start_ps": float(paths.time[0]),
            "end_ps": float(paths.time[-1]),
            "selection": paths.selection,
            "ions": len(paths.ids),
            "drift": paths.drift_mode,
            "largest_drift_A": float(np.linalg.norm(paths.drift, axis=1).max()),
            "tensor_frames": len(tensors.time),
            "tensor_start_ps": float(tensors.time[0]),
            "tensor_end_ps": float(tensors.time[-1]),
            "tensor_engine": tensors.engine,
            "continued": config.efg.continue_series is not None,
        },
        "headline": headline,
        "records": {name: record.to_dict() for name, record in records.items()},
        "interpretation": interpretation,
        "provenance": provenance.collect(_inputs(shop)),
    }
    write_text_atomically(folder / "results.json", json.dumps(document, indent=1, allow_nan=False) + "\n")


def _exchange_depth(
    tensors: np.ndarray, observable: str, direction: tuple[float, float, float] | None, isotope: str
) -> Record:
    """Depth of the decay if every ion visited the mean surroundings of every other; interval by resampling ions."""
    from ufpnmr.nmr import exchange_depth

    means = tensors.mean(axis=0, dtype=np.float64)
    key = {"omega_q": "a", "cq": "cq", "powder": "powder"}[observable]
    axes = None if direction is None else np.array([direction, direction, direction])

    def depth(ions: np.ndarray) -> float:
        return exchange_depth(means[ions], np.ones(len(ions)), isotope=isotope, cell=axes)[key]

    random = np.random.default_rng(0)
    everyone = np.arange(len(means))
    replicas = [depth(random.choice(everyone, len(everyone))) for _ in range(_REPLICAS)]
    low, high = np.quantile(replicas, [0.025, 0.975])
    return Record(
        depth(everyone),
        "1",
        "relative depth of the decay under complete exchange of time-averaged surroundings; 95 %: bootstrap over ions",
        float(low),
        float(high),
        float(np.std(replicas, ddof=1)),
        n_eff=len(means),
    )


def _fraction(k: int, n: int, what: str) -> Record:
    from scipy.stats import beta

    low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    value = k / n
    error = math.sqrt(value * (1 - value) / n)
    return Record(
        value,
        "1",
        f"fraction of {what}; 95 %: Clopper-Pearson",
        low,
        high,
        error,
        n,
        status="ok" if n >= 20 else "few_events",
    )


def _identifier(name: str) -> str:
    return re.sub("[^A-Za-z0-9]+", "_", name.replace("->", " to "))


def _inputs(shop: Workshop) -> list[Any]:
    config = shop.config
    files = [config.efg_model, config.efg.continue_series, config.trajectory.path]
    if config.md is not None:
        files += [config.md.input, config.md.data, config.md.potential, config.md.continue_from]
    return [path for path in files if path is not None]
