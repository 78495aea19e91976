"""The 95 % intervals of decay times hold the truth where a value is claimed; elsewhere there is a status.

The full table is benchmarks/results/coverage_decay.json; the slow test makes a small one with the same script.
"""

import json
import os
import subprocess
import sys

import pytest

REFUSED = {
    *(("glass", ratio, 13) for ratio in (10, 30, 100)),
    ("glass", 10, 50),
    *(("two sites, in fives", ratio, 13) for ratio in (10, 30, 100)),
}
"""Too few independent movers for an interval."""
MARGIN = 3
"""Standard errors of a coverage from so many runs."""


def check(cells):
    assert len(cells) == 36
    for cell in cells:
        key = cell["process"], cell["T_over_tau"], cell["ions"]
        if key in REFUSED:
            assert cell["claimed"] < 0.2, key
        elif cell["claimed"] > 0.5:
            margin = MARGIN * cell["coverage_std_error"]
            assert 0.93 - margin <= cell["coverage"] <= 0.97 + margin, key


def test_the_table_in_the_repository_is_within_its_limits(repository):
    check(json.loads((repository / "benchmarks/results/coverage_decay.json").read_text(encoding="utf-8"))["cells"])


@pytest.mark.slow
def test_a_small_table_made_now_is_within_its_limits(repository, tmp_path):
    command = [sys.executable, "coverage_decay.py", "--runs", "150", "-o", str(tmp_path / "table.json")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=repository / "benchmarks", env=environment, check=True, capture_output=True)
    check(json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["cells"])
