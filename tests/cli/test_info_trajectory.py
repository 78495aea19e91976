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


def test_gaps_losses_and_warnings(ufp, tmp_path):
    steps = (0, 50, 100, 300, 350, 350, 400)
    text = "".join(DUMP.format(step=step) for step in steps)
    (tmp_path / "d.lammpstrj").write_text(text + DUMP.format(step=450)[:-9])
    done = ufp("info", "d.lammpstrj", "--elements", "Li S", "--timestep", "0.002", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["frames"] == 6
    assert facts["steps"] == [0, 400]
    assert facts["columns"] == ["id", "type", "x", "y", "z", "ix", "iy", "iz"]
    assert facts["gaps"] == ["0.4 ps between frames 2 and 3"]
    assert facts["frames_left_out"] == {"incomplete": 1, "written_again": 1}
    assert facts["last_cell_A"] == "the same"
    assert len(facts["warnings"]) == 1
    assert "1 incomplete frame(s) dropped, the last at byte" in facts["warnings"][0]

    shown = ufp("info", "d.lammpstrj", "--elements", "Li S").stdout
    assert "gaps:\n  200 steps between frames 2 and 3\n" in shown
    assert "warnings:\n  d.lammpstrj: 1 incomplete" in shown
