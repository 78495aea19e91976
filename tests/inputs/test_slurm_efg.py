"""inputs/slurm/efg_predict.py: workers that are jobs predict the series; local processes stand in for dask-jobqueue."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import efg_data
import ufpnmr.trajectory
from ufpnmr import TensorSeries
from ufpnmr.efg import predict_series

JOBQUEUE = """
import json
from distributed import LocalCluster

class SLURMCluster(LocalCluster):
    def __init__(self, **options):
        with open("asked.json", "w") as file:
            json.dump(options, file)
        super().__init__(n_workers=0, threads_per_worker=1, processes=True, dashboard_address=None)

    def scale(self, jobs):
        super().scale(jobs)
"""


@pytest.fixture
def run(tmp_path, repository):
    """Return a function that runs the script in a folder with a stand-in for dask-jobqueue."""
    pytest.importorskip("distributed", reason="Dask (distributed) is not installed")
    (tmp_path / "dask_jobqueue.py").write_text(JOBQUEUE)
    script = shutil.copy(repository / "inputs/slurm/efg_predict.py", tmp_path)
    efg_data.make_model().write(tmp_path / "m.efg")
    efg_data.trajectory(tmp_path / "d.lammpstrj", 300)

    def go(*arguments):
        environment = {**os.environ, "JOBS": "2", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, script, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    return go


def test_jobs_predict_the_series(run, tmp_path):
    done = run("m.efg", "d.lammpstrj", "-o", "a.h5", "--timestep", "0.002")
    assert done.returncode == 0, done.stderr
    assert "a.h5: 300 frames of 3 ions" in done.stderr
    universe = ufpnmr.trajectory.open(tmp_path / "d.lammpstrj", timestep=0.002)
    whole = predict_series(efg_data.make_model(), universe, output=tmp_path / "whole.h5")
    np.testing.assert_array_equal(TensorSeries.read(tmp_path / "a.h5").V, whole.V)
    assert '"job_script_prologue": ["export OMP_NUM_THREADS=1"]' in (tmp_path / "asked.json").read_text()


def test_wrong_use_is_refused(run):
    done = run("--help")
    assert done.returncode == 1
    assert "usage: python efg_predict.py MODEL TRAJECTORY" in done.stderr
