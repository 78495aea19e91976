"""What averaging V over vibrations does to the amplitude and the decay time of a fit.

    python benchmarks/vibration.py -o benchmarks/results/vibration.json [--quick]

100 ions jump between two sites, decay time 200 frames, run of 8000 frames, with a vibration of half the variance of the
jumps that forgets itself in two frames. V is averaged over windows of 1 to 200 frames, in blocks and as a running mean;
A, b² and γ are fitted with their defaults, once with A fixed at 1. Times in frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import lfilter

from coverage_decay import series
from lammps_timing import parser, report
from ufpnmr.nmr import correlate, fit_decay

TAU, VIBRATION, MEMORY = 200.0, 0.5, 2.0
WINDOWS = {False: (1, 5, 20, 50, 100, 200), True: (1, 20)}


def motion(rng: np.random.Generator, n_frames: int, n_ions: int) -> np.ndarray:
    """Frequencies (T, N), kHz."""
    jumps = rng.random((n_frames, n_ions)) < -np.expm1(-1 / TAU)
    jumps[0] = True
    last = np.maximum.accumulate(np.where(jumps, np.arange(n_frames)[:, None], 0), axis=0)
    sites = np.take_along_axis(rng.choice([-1.0, 1.0], (n_frames, n_ions)), last, axis=0)
    keep = np.exp(-1 / MEMORY)
    noise = rng.standard_normal((n_frames, n_ions))
    vibration = lfilter([np.sqrt(1 - keep**2)], [1, -keep], noise, axis=0)
    return 100 * (sites + np.sqrt(VIBRATION) * vibration)


def main() -> None:
    """Fit every window and print."""
    options = parser(__doc__).parse_args()
    n_frames, n_ions = (2000, 20) if options.quick else (8000, 100)
    tensors = series(motion(np.random.default_rng(3), n_frames, n_ions))
    rows: list[dict[str, Any]] = []
    for averaging in ("blocks", "running"):
        for window in WINDOWS[options.quick]:
            if averaging == "running" and window == 1:
                continue
            curve = correlate(tensors, average=float(window), averaging=averaging)
            for amplitude in (None, 1.0):
                fit = fit_decay(curve, amplitude=amplitude, replicas=200)
                tau = fit.tau
                rows.append(
                    {
                        "averaging": averaging,
                        "window": window,
                        "amplitude_fixed": amplitude,
                        "amplitude": fit.amplitude.value,
                        "status": fit.status,
                        "tau": [None if x is None else round(1e3 * x, 1) for x in (tau.value, tau.ci_low, tau.ci_high)],
                    }
                )
                print(rows[-1])
    report("vibration", options.quick, options.output, tau=TAU, variance=VIBRATION, memory=MEMORY, rows=rows)


if __name__ == "__main__":
    main()
