"""inputs/lps/in.zbl: a recoil that stays out of the range without data, because ZBL is laid over the potential."""

import re

import numpy as np
import pytest

from lammps_run import launch


def run(folder, lps, ranks=1, **variables):
    """Rows of step, potential energy, total energy, short contacts and closest distance, and the whole output.

    The potential is the fast one that is no wall, LPS-starter.uf3, unless a variable names another.
    """
    variables = {"potential": "LPS-starter.uf3", **variables}
    for name in (variables["potential"], "data.beta-384"):
        if not (folder / name).exists():
            (folder / name).symlink_to(lps / name)
    arguments = [word for name, value in variables.items() for word in ("-var", name, str(value))]
    done = launch((lps / "in.zbl").read_text().splitlines(), folder, ranks, arguments=arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return rows(done.stdout), done.stdout


def rows(text):
    return np.array(re.findall(r"^ +(\d+) +(-[\d.]+) +(-[\d.]+) +(\d+) +([\d.]+) *$", text, re.M), dtype=float)


@pytest.mark.parametrize("ranks", [1, 2])
def test_recoil_equals_the_reference_log(ranks, lps, tmp_path):
    (log,) = lps.glob(f"log.*.zbl.g++.{ranks}")
    found, _ = run(tmp_path, lps, ranks, potential="LPS.uf3")
    expected = rows(log.read_text())
    assert expected[:, 0].tolist() == list(range(0, 201, 20))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-4)


def test_with_zbl_no_contact_is_short(lps, tmp_path):
    found, output = run(tmp_path, lps)
    assert (found[:, 3] == 0).all()
    assert 1.0 < found[-1, 4] < 1.1  # a collision nevertheless
    assert np.ptp(found[:, 2]) < 1e-5 * 384
    assert "WARNING" not in output


def test_without_zbl_the_atoms_merge(lps, tmp_path):
    found, output = run(tmp_path, lps, zbl="no", steps=160)
    assert found[-1, 4] < 0.1
    assert re.search(
        r"WARNING: pair_style ufp: in this run \d+ contacts below a first 2-body knot, the closest", output
    )


def test_the_crystal_does_not_feel_it(lps, tmp_path):
    energies = [run(tmp_path, lps, steps=0, zbl=zbl)[0][0, 1] for zbl in ("yes", "no")]
    assert energies[0] == energies[1]
