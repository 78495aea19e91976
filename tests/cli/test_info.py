"""``ufp info`` of potentials, and of what is neither potential nor trajectory."""

import json

import potentials


def test_potential(ufp, tmp_path):
    potentials.tiny2().write(tmp_path / "T2.uf3")
    done = ufp("info", "T2.uf3")
    assert done.returncode == 0
    assert "elements: Li, S\n" in done.stdout
    assert "cutoff_A: 4.0\n" in done.stdout
    assert "one_body_eV: none\n" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.strip().startswith("Li-S "))
    # the first coefficient is the value at a clamped end, 3 (c1 - c0)/(t4 - t3) its slope
    assert row.split() == ["Li-S", "1..4", "4", "4", "0.1", "0.1", "-0.05"]
    assert "3B Li Li S does not vanish at the first knot" in done.stdout


def test_potential_as_json(ufp, tmp_path):
    potentials.random_potential(one_body={"Li": -1.0, "P": -2.0, "S": -3.0}).write(tmp_path / "R.json")
    done = ufp("info", "R.json", "--json")
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert facts["elements"] == ["Li", "P", "S"]
    assert facts["one_body_eV"] == {"Li": -1.0, "P": -2.0, "S": -3.0}
    assert facts["coefficients"] == 6 * 19 + 18 * 8 * 8 * 13
    assert facts["triplets"][0]["shape"] == "8x8x13"


def test_missing_file(ufp):
    done = ufp("info", "none.uf3")
    assert done.returncode == 2
    assert done.stderr == "ufp: error: none.uf3: no such file; expected a potential or a trajectory\n"
