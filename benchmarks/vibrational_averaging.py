"""How much of the decay between the first two points of the correlation function is vibration.

    python benchmarks/vibrational_averaging.py -o benchmarks/results/vibrational_averaging.json [--quick]

β-Li3PS4 of inputs/lps at 300 K, 40 ps NVT at 2 fs with LPS.uf3 after 4 ps, field gradients of all Li every 20 fs by
`compute efg/atom` with the model of the tests (point charges, 4.5 Å). Of this one run, frames every ps: instantaneous,
or averaged over the time before the frame from samples every 20 to 200 fs, as `fix ave/atom` does. The correlation is
that of the tensors, which is that of ω_Q averaged over all directions of the field.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lammps_timing import ROOT, Instance, parser, report
from systems import DATA, POTENTIAL, SEED, STARTER, TIMESTEP, lps_pair, setup
from ufpnmr.efg.tensors import to_spherical

MODEL = ROOT / "tests" / "data" / "point_charges_v1.efg"
SAMPLE = 10  # steps
FRAME_PS = 1.0
LAGS = (1, 2, 5, 10)
CASES = ((0.0, 0.02), (0.1, 0.02), (0.2, 0.02), (0.5, 0.02), (1.0, 0.2), (1.0, 0.1), (1.0, 0.04), (1.0, 0.02))
"""Length of the average and time between its samples, ps."""


def tensors(folder: Path, potential: Path, picoseconds: float) -> NDArray[np.float64]:
    """Return tensors (T, N, 5) of all Li every SAMPLE steps."""
    lammps = Instance(folder, setup(DATA["beta"], lps_pair(potential=potential)))
    columns = " ".join(f"c_efg[{k}]" for k in range(1, 7))
    lammps.commands(
        [
            f"velocity all create 300 {SEED} mom yes rot no dist gaussian",
            "fix integrate all nvt temp 300 300 0.1",
            f"run {round(min(4.0, picoseconds) / TIMESTEP)}",
            "reset_timestep 0",
            "group ion type 1",
            f"compute efg ion efg/atom {MODEL} Li P S",
            f"dump d ion custom {SAMPLE} {folder}/dump {columns}",
            "dump_modify d sort id first no",
            f"run {round(picoseconds / TIMESTEP)}",
        ]
    )
    lammps.close()
    frames = (folder / "dump").read_text().split("ITEM: ATOMS")[1:]
    values = [np.array(frame.partition("ITEM:")[0].split()[6:], dtype=float).reshape(-1, 6) for frame in frames]
    return to_spherical(np.array(values[1:]))  # without the first step, which no average has


def frames(V: NDArray[np.float64], window: float, spacing: float) -> NDArray[np.float64]:
    """Return a frame per FRAME_PS (T, N, 5): the last sample, or the mean over `window`, samples `spacing` apart."""
    per_frame = round(FRAME_PS / (SAMPLE * TIMESTEP))
    blocks = V[: len(V) // per_frame * per_frame].reshape(-1, per_frame, *V.shape[1:])
    if window == 0:
        return np.asarray(blocks[:, -1])
    step = round(spacing / (SAMPLE * TIMESTEP))
    taken = blocks[:, ::-1][:, : round(window / (SAMPLE * TIMESTEP)) : step]
    return np.asarray(taken.mean(axis=1))


def correlation(v: NDArray[np.float64]) -> list[float]:
    """Return <v(0)·v(t)>/<v·v> at LAGS frames."""
    square = float(np.mean(np.sum(v * v, axis=-1)))
    return [float(np.mean(np.sum(v[lag:] * v[:-lag], axis=-1))) / square for lag in LAGS if lag < len(v)]


def main() -> None:
    """Measure as the command line says."""
    options = parser(__doc__).parse_args()
    potential, picoseconds = (STARTER, 2.0) if options.quick else (POTENTIAL, 40.0)
    with tempfile.TemporaryDirectory() as folder:
        V = tensors(Path(folder), potential, picoseconds)
    rows: list[dict[str, Any]] = []
    for window, spacing in CASES:
        v = frames(V, window, spacing)
        rows.append(
            {
                "average_ps": window,
                "sample_ps": spacing if window else None,
                "rms": round(float(np.sqrt(np.mean(v**2))), 4),
                "correlation": [round(c, 4) for c in correlation(v)],
            }
        )
        print(f"average {window:g} ps of samples every {spacing:g} ps: {rows[-1]['correlation']}")
    report(
        "vibrational_averaging",
        options.quick,
        options.output,
        lags_ps=LAGS,
        ions=V.shape[1],
        ps=picoseconds,
        cases=rows,
    )


if __name__ == "__main__":
    main()
