"""Speed of the stimulated echo: 216 ions, 10⁴ frames, 97 field directions, one tp = td, log-spaced lags, one core.

    python benchmarks/echo.py -o echo.json

Synthetic glass: every ion jumps among eight random tensors. The peer sums the same products directly in NumPy (sines
at every direction, every lag by itself) on 1/20 of the ions and is scaled; both alternate in one process. Times are of
the processor, so that other work on the machine counts less; wall times are given beside them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lammps_timing import parser, ratio, report, spread, summary
from ufpnmr import TensorSeries
from ufpnmr.nmr.echo import stimulated_echo
from ufpnmr.nmr.frequencies import omega_q
from ufpnmr.nmr.quadrature import sphere_rule

TP, DEGREE, LAGS, SHARE = 10.0, 23, 60, 20


def glass(frames: int, ions: int) -> TensorSeries:
    rng = np.random.default_rng(0)
    sites = rng.standard_normal((ions, 8, 6))
    sites[..., 2] = -sites[..., 0] - sites[..., 1]
    sites *= 1.3 / np.sqrt((sites**2 @ [1, 1, 1, 2, 2, 2]).mean())  # rms P_Q about 100 kHz for 7Li
    jumps = np.cumsum(rng.random((frames, ions)) < 0.002, axis=0)
    visited = rng.integers(0, 8, (int(jumps.max()) + 1, ions))
    state = np.take_along_axis(visited, jumps, axis=0)
    cell = np.broadcast_to(np.eye(3), (frames, 3, 3))
    return TensorSeries(time=np.arange(frames) * 100.0, ids=np.arange(ions), V=sites[np.arange(ions), state], cell=cell)


def directly(series: TensorSeries, lags: np.ndarray, ions: int) -> np.ndarray:
    directions, weights = sphere_rule(DEGREE)
    total = np.zeros(len(lags))
    for ion in range(ions):
        omega = np.array([omega_q(series.V[:, ion], "7Li", b, "satellite_rad") for b in directions])
        x = np.sin(omega * TP * 1e-6)
        n = x.shape[1]
        total += [weights @ (x[:, : n - lag] * x[:, lag:]).mean(axis=1) for lag in lags]
    return 0.45 * total / ions


def timed(function: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    value = function()
    return value, time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    options = parser(__doc__).parse_args()
    frames, ions, runs = (1000, 20, 1) if options.quick else (10_000, 216, 5)
    series = glass(frames, ions)
    share = max(1, ions // SHARE)
    cpu, wall, peer = [], [], []
    with threadpool_limits(1):
        for _ in range(runs):
            result, c, w = timed(lambda: stimulated_echo(series, TP, degree=DEGREE, n_lags=LAGS))
            cpu.append(c)
            wall.append(w)
            lags = np.rint(result.lag / series.interval).astype(int)
            reference, c, _ = timed(lambda lags=lags: directly(series, lags, share))
            peer.append(c * ions / share)
    units = result.sums[0, :, :share].sum(axis=(0, 1)) / (result.counts[0].sum(axis=0) * share)
    document = {
        "ions": ions,
        "frames": frames,
        "directions": len(sphere_rule(DEGREE)[0]),
        "lags": len(lags),
        "cpu_s": summary(cpu),
        "wall_s": summary(wall),
        "direct_cpu_s": summary(peer),
        "direct_over_ours": ratio(peer, cpu),
        "largest_difference": float(np.abs(units - reference).max()),
    }
    print(
        f"{spread(document['cpu_s'])} s of one core, "
        f"{spread(document['direct_over_ours'], 1)} times faster than direct sums"
    )
    report("echo", options.quick, options.output, **document)


if __name__ == "__main__":
    main()
