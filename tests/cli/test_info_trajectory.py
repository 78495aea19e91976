"""``ufp info`` of a trajectory: the time axis is told, or said to be unknown."""

import json

DUMP = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 10
0 11
0 12
ITEM: ATOMS id type x y z ix iy iz
1 1 1.0 2.0 3.0 0 0 0
2 2 4.0 5.0 6.0 0 0 0
"""


def test_trajectory(ufp, tmp_path):
    (tmp_path / "d.lammpstrj").write_text("".join(DUMP.format(step=step) for step in (0, 50, 100)))
    done = ufp("info", "d.lammpstrj", "--elements", "Li S", "--timestep", "0.002", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["frames"], facts["atoms"]) == (3, 2)
    assert facts["elements"] == {"Li": 1, "S": 1}
    assert facts["time_ps"] == [0.0, 0.2]
    assert facts["interval_ps"] == 0.1
    assert facts["cell_A"] == [[10.0, 0.0, 0.0], [0.0, 11.0, 0.0], [0.0, 0.0, 12.0]]

    unknown = ufp("info", "d.lammpstrj", "--elements", "Li S")
    assert unknown.returncode == 0
    assert "time unknown: give --timestep or --log" in unknown.stdout


def test_what_is_neither(ufp, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing of the kind\n")
    done = ufp("info", "notes.txt")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
