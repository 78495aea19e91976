"""Shared by all tests: slow ones only on request, and where the repository's files are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def pytest_addoption(parser):
    parser.addoption("--runslow", action="store_true", help="run tests that take minutes")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--runslow"):
        return
    skip = pytest.mark.skip(reason="slow; run with --runslow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def repository():
    """Root of the repository: inputs, benchmarks, documentation."""
    return REPOSITORY


@pytest.fixture
def ufp(tmp_path):
    """Run the installed command ``ufp`` in an empty folder and return the completed process."""

    def run(*arguments, cwd=tmp_path, timeout=300, **kwargs):
        return subprocess.run(
            [str(BIN / "ufp"), *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            **kwargs,
        )

    return run
