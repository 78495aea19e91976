"""Curves of structure and motion as comma-separated columns: every number there, named by what it is."""

import csv

import numpy as np
import pytest

from ufpnmr.dynamics import average_runs
from ufpnmr.errors import InputError
from ufpnmr.results import Record
from ufpnmr.results.angles import AngleResult
from ufpnmr.results.rdf import RDFResult
from ufpnmr.results.runs import RunAverage
from ufpnmr.results.van_hove import VanHoveResult

R = np.array([0.5, 1.5, 2.5])


def table(result, path):
    result.write_csv(path)
    with open(path, encoding="utf-8", newline="") as stream:
        names, *rows = csv.reader(stream)
    return dict(zip(names, np.array(rows, dtype=float).T, strict=True))


def rdf(shift=0.0):
    g = np.array([[0.0, 2.0, 1.0], [0.0, 1.5, 1.1]]) + shift
    return RDFResult(
        values={"Li-S first peak": Record(1.5, "angstrom", "made", std_error=0.1)},
        parameters={"norm": "g"},
        pairs=np.array([["Li", "S"], ["P", "S"]]),
        r=R,
        g=g,
        g_std_error=0.1 * g,
        n=g.cumsum(axis=1),
        n_std_error=0.1 * g,
    )


def test_pairs_name_the_columns(tmp_path):
    result = rdf()
    found = table(result, tmp_path / "g.csv")
    np.testing.assert_allclose(found["r / angstrom"], R)
    np.testing.assert_allclose(found["g[P-S]"], result.g[1])
    np.testing.assert_allclose(found["n_std_error[Li-S]"], result.n_std_error[0])


def test_mean_of_runs_has_its_band(tmp_path):
    found = table(average_runs([rdf(), rdf(0.2)]), tmp_path / "g.csv")
    np.testing.assert_allclose(found["g[Li-S] mean"], rdf().g[0] + 0.1)
    np.testing.assert_allclose(found["g[Li-S] std"], 0.2 / np.sqrt(2))
    np.testing.assert_allclose(found["n[P-S] sem"], average_runs([rdf(), rdf(0.2)]).sem["n"][1])


def test_curves_over_two_axes_stand_beside_each_other(tmp_path):
    lag = np.array([0.0, 1.0])
    maps = np.arange(6.0).reshape(2, 3)
    result = VanHoveResult(
        values={},
        parameters={},
        lag=lag,
        r=R,
        edges=np.arange(4.0),
        gs=maps,
        gs_std_error=maps,
        gd=maps + 1,
        gd_std_error=maps,
        alpha2=lag,
        alpha2_std_error=lag,
        concerted=lag + 2,
        concerted_std_error=lag,
    )
    found = table(result, tmp_path / "g.csv")
    np.testing.assert_allclose(found["gs[1 ps] / angstrom^-3"], maps[1])
    np.testing.assert_allclose(found["concerted"], [2.0, 3.0, np.nan])
    np.testing.assert_allclose(found["lag / ps"], [0.0, 1.0, np.nan])


def test_angles_and_their_velocities(tmp_path):
    result = AngleResult(
        values={},
        parameters={},
        theta=np.array([60.0]),
        rho_theta=np.array([2.0]),
        rho_theta_std_error=np.array([0.1]),
        omega=np.array([-0.1, 0.1]),
        rho_omega=np.array([5.0, 5.0]),
        rho_omega_std_error=np.array([0.5, 0.5]),
        trace_time=R,
        trace_theta=np.array([R + 60]),
        trace_filtered=np.array([R + 61]),
    )
    found = table(result, tmp_path / "a.csv")
    np.testing.assert_allclose(found["rho_theta / 1/degree"], [2.0, np.nan, np.nan])
    np.testing.assert_allclose(found["rho_omega / fs/degree"], [5.0, 5.0, np.nan])
    np.testing.assert_allclose(found["trace_filtered[0] / degree"], R + 61)


def test_a_mean_without_curves_has_no_table(tmp_path):
    empty = RunAverage(kind="ufpnmr-sites", n_runs=2, values={}, run_values={}, settings={}, notes=[],
                       grid={}, mean={}, std={}, sem={})  # fmt: skip
    with pytest.raises(InputError, match="no curves"):
        empty.write_csv(tmp_path / "x.csv")
