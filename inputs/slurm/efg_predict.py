"""Predict field gradients with Dask workers that are Slurm jobs.

    python efg_predict.py LPS.efg run.lammpstrj -o efg.h5 --timestep 0.002 --elements 'Li P S' [OPTION ...]

OPTION is one of `ufp efg predict`. Edit the lines below for your cluster (`pip install 'ufpnmr[dask]' dask-jobqueue`).
This process submits the jobs, writes the series and ends the jobs; start it where it may run that long, e.g. in a small
job of its own. JOBS (default 4) is the number of jobs. A job that dies, or waits in the queue, costs time only: its
frames go to the others. Started again, it goes on behind the last frame written.
"""

import os
import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster

CLUSTER = {
    "cores": 16,
    "processes": 16,  # one thread each
    "memory": "32GB",
    "walltime": "04:00:00",
    "job_extra_directives": ["--job-name=ufp-efg"],
    "job_script_prologue": ["export OMP_NUM_THREADS=1"],
}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        sys.exit(
            f"usage: python efg_predict.py MODEL TRAJECTORY -o OUTPUT [OPTION ...]; found: {' '.join(sys.argv[1:])}"
        )
    with SLURMCluster(**CLUSTER) as cluster:
        cluster.scale(jobs=int(os.environ.get("JOBS", "4")))
        ufp = Path(sys.executable).with_name("ufp")
        command = [str(ufp), "efg", "predict", *sys.argv[1:], "--dask", cluster.scheduler_address]
        code = subprocess.run(command).returncode
    sys.exit(code)
