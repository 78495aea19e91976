"""The model polycrystal: convergence with resolution, and which grain sizes give the decay times of the experiment.

    python benchmarks/grains.py -o grains.json

D from the hop rate of β-Li3PS4 at 300 K in Harper et al. 2025 (2.57e5 s⁻¹) and 3.2 Å between the 8d and 4b sites, hops
taken as uncorrelated; amorphous part 7.0e7 s⁻¹ over the same distance. No speed is measured.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import dataclasses
from typing import Any

from lammps_timing import parser, report
from ufpnmr.nmr.polycrystal import Grains, hop_diffusion, polycrystal, uniaxial

LENGTH = 3.2
CRYSTAL, GLASS = hop_diffusion(2.57e5, LENGTH), hop_diffusion(7.0e7, LENGTH)
SIZES = [10.0, 30.0, 100.0, 300.0]
SOURCE = "hop rate of Harper et al. 2025, uncorrelated hops of 3.2 Å"


def main() -> None:
    options = parser(__doc__).parse_args()
    tensor = uniaxial(60.0, 0.3)
    base = Grains(count=200, voxels=16, realisations=2) if options.quick else Grains()
    resolution = []
    for voxels in (16, 20) if options.quick else (32, 48, 64):
        found = polycrystal(tensor, [50.0], CRYSTAL, SOURCE, grains=dataclasses.replace(base, voxels=voxels))
        constant = found.constant
        resolution.append(
            {
                "voxels": voxels,
                "across": voxels / base.count ** (1 / 3),
                "constant": constant.value,
                "error": constant.std_error,
                "gamma": float(found.gamma[0]),
                "plateau": float(found.plateau[0]),
            }
        )
        print(resolution[-1])
    models: dict[str, dict[str, Any]] = {
        "boundaries no obstacle": {},
        "wider size distribution (spread 0.5)": {"spread": 0.5},
        "boundary crossed at 1e5 s⁻¹": {"boundary_rate": 1e5, "jump_length": LENGTH},
        "boundary crossed at 1e3 s⁻¹": {"boundary_rate": 1e3, "jump_length": LENGTH},
        "30 % amorphous, 270 times the D": {"amorphous": 0.3, "amorphous_diffusion": GLASS},
    }
    cases = []
    for name, changes in models.items():
        structure = dataclasses.replace(base, voxels=base.voxels if options.quick else 40, **changes)
        found = polycrystal(tensor, SIZES, CRYSTAL, SOURCE, grains=structure)
        values = [record.value for record in found.target_size.values()]
        cases.append(
            {
                "name": name,
                "tau_s": found.tau.tolist(),
                "gamma": found.gamma.tolist(),
                "size_spread": float(found.size_spread.mean()),
                "verdicts": found.verdicts,
                "sizes_for_30_and_50_ms_nm": "" if None in values else " … ".join(f"{v:.0f}" for v in values),
            }
        )
        print(cases[-1])
    report(
        "grains",
        options.quick,
        options.output,
        diffusion_cm2_per_s=CRYSTAL,
        diffusion_source=SOURCE,
        sizes_nm=SIZES,
        resolution=resolution,
        cases=cases,
    )


if __name__ == "__main__":
    main()
