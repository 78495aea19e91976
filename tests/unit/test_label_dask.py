"""Labels on a Dask cluster."""

import sys

import pytest
from ase.build import bulk
from ase.io import read, write

from ufpnmr.active.labelling import Queue
from ufpnmr.active.labelling.dask_queue import label_with_dask
from ufpnmr.errors import InputError


@pytest.fixture
def queue(tmp_path):
    frames = [bulk(name, "fcc", a=4.0, cubic=True) for name in ("Cu", "Ag", "Li", "Au")]
    for k, atoms in enumerate(frames):
        atoms.info["uid"] = f"u{k}"
    write(tmp_path / "queue.extxyz", frames)
    return Queue(tmp_path / "queue.extxyz", tmp_path / "out.extxyz", "ase.calculators.emt:EMT")


def test_dask_that_is_not_installed(queue, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"Dask cannot be imported .*; install it: pip install distributed"):
        label_with_dask(queue, "tcp://127.0.0.1:1")


def test_labels_on_a_cluster(queue):
    distributed = pytest.importorskip("distributed", reason="Dask (distributed) is not installed")
    said = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        summary = label_with_dask(queue, cluster.scheduler_address, said.append)
        again = label_with_dask(queue, cluster.scheduler_address, said.append)
    assert (summary.labelled, summary.new, summary.open) == (3, 3, 0)
    assert list(summary.failed) == ["u2"]
    assert "No EMT-potential for Li" in summary.failed["u2"]
    assert (again.labelled, again.new) == (3, 0)
    assert sorted(a.info["uid"] for a in read(queue.output, ":")) == ["u0", "u1", "u3"]
    assert sum("failed" in line for line in said) == 1
