"""Averaged tensors as input of spectrum simulators: mrsimulator (JSON) and SIMPSON (one spin system per tensor)."""

from __future__ import annotations

import json
import math
from pathlib import Path

from ufpnmr.results.spectrum import SpectrumResult
from ufpnmr.results.storage import write_text_atomically

__all__ = ["write_mrsimulator", "write_simpson"]


def _sites(result: SpectrumResult) -> list[tuple[float, float]]:
    """Return C_Q in Hz and η of every tensor; η of one that vanishes is 0."""
    return [
        (1e3 * float(c), 0.0 if math.isnan(float(e)) else float(e)) for c, e in zip(result.c_q, result.eta, strict=True)
    ]


def write_mrsimulator(result: SpectrumResult, path: str | Path) -> None:
    """Write a list of spin systems that `mrsimulator.Simulator.load_spin_systems` reads; equal abundances."""
    sites = _sites(result)
    systems = [
        {
            "name": f"{result.isotope['name']} {ion}",
            "abundance": f"{100 / len(sites):.10g} %",
            "sites": [
                {
                    "isotope": result.isotope["name"],
                    "isotropic_chemical_shift": "0.0 ppm",
                    "quadrupolar": {"Cq": f"{c_q:.6f} Hz", "eta": round(eta, 9)},
                }
            ],
        }
        for ion, (c_q, eta) in zip(result.ids, sites, strict=True)
    ]
    write_text_atomically(path, json.dumps(systems, indent=1) + "\n")


def write_simpson(result: SpectrumResult, folder: str | Path) -> int:
    """Write one ``NUMBER.spinsys`` per tensor (nucleus, first order, C_Q in Hz, η, no rotation); return how many.

    The spectrum of a powder is the sum of the spectra of these spin systems.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sites, name = _sites(result), result.isotope["name"]
    for k, (c_q, eta) in enumerate(sites):
        text = f"spinsys {{\n  channels {name}\n  nuclei {name}\n  quadrupole 1 1 {c_q:.6f} {eta:.9f} 0 0 0\n}}\n"
        write_text_atomically(folder / f"{k + 1:05d}.spinsys", text)
    return len(sites)
