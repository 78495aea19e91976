"""inputs/lps/in.md: reference logs, restarts, refusals, and a β phase that stays whole."""

import shutil

import numpy as np
import pytest

from ufpnmr.dynamics.anions import broken_bonds

REFERENCE = {"potential": "LPS.uf3", "T": 300, "steps": 50, "thermo": 10, "dump": 25, "restart": 50}


@pytest.mark.parametrize("ranks", [1, 2])
def test_run_equals_the_reference_log(md, lps, ranks):
    (log,) = lps.glob(f"log.*.beta-384.g++.{ranks}")
    result = md(ranks, **REFERENCE)
    assert result.returncode == 0, result.stdout + result.stderr
    found, expected = md.thermo(), md.thermo(log)
    assert expected[:, 0].tolist() == [0, 10, 20, 30, 40, 50]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-4)


def test_log_states_the_time_axis(md):
    md(steps=2, dump=1, timestep=0.001)
    log = (md.folder / "run.log").read_text()
    assert "\ntimestep 0.001\n" in log
    assert "in.md: timestep 0.001 ps, a frame every 1 steps, steps 0 to 2" in log


@pytest.fixture
def uninterrupted(md):
    assert md(name="whole", steps=60, dump=10, restart=25).returncode == 0
    return md.frames("whole")


@pytest.mark.parametrize("ranks", [1, 2])
def test_continuation_equals_an_uninterrupted_run(md, uninterrupted, ranks):
    for steps in (40, 60):
        result = md(ranks, steps=steps, dump=10, restart=25)
        assert result.returncode == 0, result.stdout + result.stderr
    steps, _, positions, _ = md.frames()
    assert steps.tolist() == [0, 10, 20, 30, 40, 50, 60]
    np.testing.assert_allclose(positions, uninterrupted[2], atol=2e-3)
    assert md.thermo()[-1, 0] == 60


def test_frames_after_the_restart_are_cut_off(md, uninterrupted):
    """A kill leaves frames newer than the restart, the last of them incomplete."""
    md(steps=25, dump=10, restart=25)
    restart = shutil.copy(md.folder / "run.restart", md.folder / "at-25")
    md(steps=55, dump=10, restart=25)
    shutil.copy(restart, md.folder / "run.restart")
    dump = md.folder / "run.lammpstrj"
    dump.write_text(dump.read_text() + "ITEM: TIMESTEP\n60\nITEM: NUMBER OF ATOMS\n38")
    result = md(steps=60, dump=10, restart=25)
    assert result.returncode == 0, result.stdout + result.stderr
    steps, _, positions, _ = md.frames()
    assert steps.tolist() == [0, 10, 20, 30, 40, 50, 60]
    np.testing.assert_allclose(positions, uninterrupted[2], atol=2e-3)


def test_finished_run_stays_as_it_is(md):
    md(steps=20, dump=10)
    before = (md.folder / "run.lammpstrj").read_bytes()
    assert md(steps=20, dump=10).returncode == 0
    assert (md.folder / "run.lammpstrj").read_bytes() == before


@pytest.mark.parametrize("ensemble", ["npt", "langevin"])
def test_other_ensembles_run_and_continue(md, ensemble):
    for steps in (10, 20):
        result = md(steps=steps, ensemble=ensemble, thermo=10)
        assert result.returncode == 0, result.stdout + result.stderr
    rows = md.thermo()
    assert rows[-1, 0] == 20
    assert (rows[-1, 6] != rows[0, 6]) == (ensemble == "npt")


def test_dcd_holds_the_same_frames(md):
    import MDAnalysis

    md(steps=20, dump=10, dcd="yes")
    with MDAnalysis.coordinates.DCD.DCDFile(str(md.folder / "run.0.dcd")) as dcd:
        assert len(dcd) == 3
        positions = dcd.readframes().xyz
    np.testing.assert_allclose(positions, md.frames()[2], atol=1e-4)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"data": "nowhere"}, "found neither the structure nowhere nor run.restart"),
        ({"potential": "nowhere"}, "found no potential nowhere"),
        ({"ensemble": "nve"}, "expected ensemble nvt, npt or langevin; found nve"),
    ],
)
@pytest.mark.parametrize("ranks", [1, 2])
def test_bad_input_is_refused(md, variables, message, ranks):
    result = md(ranks, **variables)
    assert result.returncode == 2
    assert f"ERROR: in.md: {message}" in result.stdout
    assert not (md.folder / "run.lammpstrj").exists()


def beta_at_600_kelvin(md, picoseconds):
    result = md(2, potential="LPS.uf3", T=600, steps=round(picoseconds / 0.002), dump=25, thermo=500)
    assert result.returncode == 0, result.stdout + result.stderr
    steps, elements, positions, cells = md.frames()
    bonds = broken_bonds(0.002 * steps, positions, cells, elements)
    assert len(bonds.bonds) == 192
    assert bonds.n_broken == 0
    return md.thermo()


def test_ps4_of_beta_is_whole_after_2_ps_at_600_kelvin(md):
    beta_at_600_kelvin(md, 2)


@pytest.mark.slow
def test_ps4_of_beta_is_whole_after_20_ps_at_600_kelvin(md):
    rows = beta_at_600_kelvin(md, 20)
    assert rows[-1, 1] == pytest.approx(20.0)
    settled = rows[len(rows) // 4 :, 2]
    assert settled.mean() == pytest.approx(600.0, abs=20.0)


def test_glass_runs(md):
    result = md(data="data.glass-576", steps=10, thermo=10)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(md.frames()[1]) == 576
