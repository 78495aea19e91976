"""Cost of correlation functions.

    python benchmarks/acf.py -o benchmarks/results/acf.json [--quick]

216 ions x 10 000 frames of random traceless tensors in single precision, medians of CPU time: the powder curve of every
ion alone (`lagged_sums` on the five components), the block sums behind its errors, and the whole of `correlate`.

Out of core: a tensor series of 10⁶ frames and 24 ions on disk (580 MB), `correlate` by multiple tau with 256 MiB of
working memory in a process of its own, whose largest resident memory is compared with that before the correlation.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from lammps_timing import parser, report, summary
from ufpnmr.isotopes import isotope
from ufpnmr.nmr import correlate
from ufpnmr.nmr.lag_sums import block_sums, lagged_sums
from ufpnmr.nmr.observables import observable

SIZES = {False: (10_000, 216, 5), True: (400, 8, 2)}
ON_DISK = {False: (1_000_000, 24), True: (4_000, 4)}
WORKING_MIB = 256

CHILD = """
import json, re, sys, time
from pathlib import Path
import scipy.fft
from ufpnmr.nmr import correlate
from ufpnmr.results.tensor_file import TensorFile

def largest():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10

with TensorFile(sys.argv[1]) as series:
    before = largest()
    start = time.process_time()
    correlate(series, "powder", method="multi_tau", memory=int(sys.argv[2]) << 20)
    seconds = time.process_time() - start
print(json.dumps({"cpu_seconds": round(seconds, 1), "before_MiB": before, "after_MiB": largest()}))
"""


def tensors(rng: np.random.Generator, n_frames: int, n_ions: int) -> np.ndarray:
    """Random traceless tensors (T, N, 6), V/Å²."""
    v = rng.standard_normal((n_frames, n_ions, 6), dtype=np.float32)
    v[..., 2] = -v[..., 0] - v[..., 1]
    return v


def in_memory(quick: bool) -> dict[str, object]:
    """Time the parts of one correlation function."""
    n_frames, n_ions, rounds = SIZES[quick]
    v = tensors(np.random.default_rng(1), n_frames, n_ions)
    cell = np.broadcast_to(np.eye(3), (n_frames, 3, 3))
    times = np.arange(float(n_frames))
    series = SimpleNamespace(time=times, ids=np.arange(n_ions), V=v, cell=cell, axes="", engine="random")
    powder = observable("powder", isotope("7Li"), np.array([0.0, 0.0, 1.0]), "harper2025", False)
    parts: dict[str, list[float]] = {"curves": [], "block sums": [], "correlate": []}
    for _ in range(rounds):
        start = time.process_time()
        x = powder.evaluate(v)
        lagged_sums(x, None, n_frames // 2 + 1)
        parts["curves"].append(time.process_time() - start)
        start = time.process_time()
        block_sums(x, None, n_frames // 2, 16)
        parts["block sums"].append(time.process_time() - start)
        start = time.process_time()
        correlate(series, "powder", memory=1 << 30)
        parts["correlate"].append(time.process_time() - start)
    seconds = {name: summary(values) for name, values in parts.items()}
    return {"frames": n_frames, "ions": n_ions, "cpu_seconds": seconds}


def out_of_core(quick: bool) -> dict[str, object]:
    """Correlate a file in a process of its own."""
    import h5py

    n_frames, n_ions = ON_DISK[quick]
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tensors.h5"
        with h5py.File(path, "w") as file:
            file.attrs["schema"], file.attrs["schema_version"] = "ufpnmr.TensorSeries", 1
            file["time"], file["ids"] = np.arange(float(n_frames)), np.arange(n_ions)
            file["cell"] = np.broadcast_to(np.eye(3), (1, 3, 3))
            data = file.create_dataset("V", (n_frames, n_ions, 6), dtype="f4", chunks=(min(n_frames, 2000), n_ions, 6))
            for start in range(0, n_frames, 20_000):
                stop = min(start + 20_000, n_frames)
                data[start:stop] = tensors(rng, stop - start, n_ions)
        size = path.stat().st_size >> 20
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path), str(WORKING_MIB)], capture_output=True, text=True, check=True
        )
    return {"frames": n_frames, "ions": n_ions, "file_MiB": size, "memory_MiB": WORKING_MIB, **json.loads(done.stdout)}


def main() -> None:
    """Measure and print."""
    options = parser(__doc__).parse_args()
    memory, disk = in_memory(options.quick), out_of_core(options.quick)
    print(json.dumps(memory), json.dumps(disk), sep="\n")
    report("acf", options.quick, options.output, in_memory=memory, out_of_core=disk)


if __name__ == "__main__":
    main()
