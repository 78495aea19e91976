"""Kernels of displacement sums and of pair counts give the same in every instruction set this processor has."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

START = """
import json
import numpy as np
from ufpnmr import _core

rng = np.random.default_rng(7)
series = np.cumsum(rng.normal(size=(3, 3, 101)), axis=2)
points = rng.uniform(0, 20, (2, 30, 3))
cell = np.array([[[9.0, 0, 0], [2.0, 8.0, 0], [-1.5, 1.0, 10.0]]])
"""
CALLS = {
    "sums": "_core.displacement_sums(series, [0, 1, 30], [[0, 50, 101], [3, 60, 100], [0, 1, 71]], 2).tolist()",
    "counts": """[_core.pair_histogram(points[:1], points[k:k + 1], cell, k == 0, radius, 25, 1).tolist()
                  for radius in (1.0, 3.9, 9.0) for k in (0, 1)]""",
}


def run(call, simd):
    script = f"{START}print(json.dumps({CALLS[call]}))"
    environment = {**os.environ, "UFP_SIMD": simd}
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("call", CALLS)
def test_all_give_the_same(call):
    expected = json.loads(run(call, "baseline").stdout)
    assert np.sum(expected) > 1000
    for simd in ("auto", "avx2", "avx512"):
        done = run(call, simd)
        if simd != "auto" and "the instruction sets available here" in done.stderr:
            continue  # not on this processor
        np.testing.assert_allclose(json.loads(done.stdout), expected, rtol=1e-12 if call == "sums" else 0, atol=1e-12)


@pytest.mark.parametrize("call", CALLS)
def test_unknown_one_is_refused(call):
    done = run(call, "sse9")
    assert done.returncode == 1
    assert "the instruction sets available here, found sse9" in done.stderr
