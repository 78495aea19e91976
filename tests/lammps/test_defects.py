"""The six defects of `pair_style uf3`: each shown there (unless this LAMMPS has it repaired) and absent from `ufp`."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

import uf3_reference as reference
from lammps_run import System, cluster, commands, instance, launch, pair, static

CORNER = [(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5)]


def uf3_energy(system, lines, folder):
    """Energy of `uf3` in a process of its own; None if it does not survive."""
    done = launch([*commands(system, lines, folder, centroid=False)], folder)
    return float((folder / "global.test").read_text().split()[0]) if done.returncode == 0 else None


def skip_if_right(found, expected, tolerance=1e-9):
    if found is not None and math.isclose(found, expected, rel_tol=tolerance):
        pytest.skip("pair_style uf3 of this LAMMPS is repaired")


def refusal(lines, folder, system=None):
    """Last error message of a run that must fail."""
    with instance(folder) as lmp, pytest.raises(Exception) as caught:
        lmp.commands_list(commands(system or cluster(CORNER), lines, folder))
    return str(caught.value)


def test_b1_repeated_element(potentials, tmp_path):
    file = potentials / "T2.uf3"
    right = 0.250031164498948
    for types in ([1, 2, 3], [2, 1, 3], [1, 1, 3], [2, 2, 3]):
        system = cluster(CORNER, types)
        assert static(system, pair("ufp", file, "Li Li S"), tmp_path).energy == pytest.approx(right, rel=1e-12)
    skip_if_right(uf3_energy(cluster(CORNER, [1, 2, 3]), pair("uf3", file, "Li Li S"), tmp_path), right)


def test_b1_split_cell(potentials, cell24, tmp_path):
    types = np.where(cell24.types > 1, cell24.types + 1, 1)
    types[np.flatnonzero(types == 1)[::2]] = 2
    split = replace(cell24, types=types)
    found = static(split, pair("ufp", potentials / "R.uf3", "Li Li P S"), tmp_path)
    assert found.energy == pytest.approx(141.820361151707, rel=1e-12)
    skip_if_right(uf3_energy(split, pair("uf3", potentials / "R.uf3", "Li Li P S"), tmp_path), 141.820361151707)


@pytest.mark.parametrize("name", ["R", "Rnk", "T"])
def test_b2_below_the_first_knot(name, potentials, tmp_path):
    lines = pair("ufp", potentials / f"{name}.uf3", "Li", 2)
    energies, forces = [], []
    distances = [0.1, 0.5, 0.6, 0.8, 0.99, 1.0, 1.01]
    for d in distances:
        found = static(cluster([(0, 0, 0), (d, 0, 0)]), lines, tmp_path)
        energies.append(found.energy)
        forces.append(found.forces[1, 0])
    assert np.isfinite(energies).all()
    assert (np.diff(energies) < 0).all()  # repulsive all the way
    assert forces[:5] == pytest.approx([forces[0]] * 5, rel=1e-12)  # one straight line
    if name == "T":
        assert energies[1] == pytest.approx(0.81, rel=1e-12)
        assert forces[:6] == pytest.approx([0.54] * 6, rel=1e-12)
        return
    # the slope at the first knot is zero here, so the documented wall takes over: (|V2| + 1 eV) / first knot
    value = energies[5] / 2
    assert forces[0] == pytest.approx(2 * (value + 1.0), rel=1e-12)
    system = cluster([(0, 0, 0), (0.8, 0, 0)])
    skip_if_right(uf3_energy(system, pair("uf3", potentials / f"{name}.uf3", "Li", 2), tmp_path), energies[3])


def test_b2_three_body_terms_are_clamped(potentials, tmp_path):
    """A leg below its first knot keeps the energy it has there, so the energy does not jump."""
    x = [(0, 0, 0), (1.0, 0, 0), (0, 2.0, 0)]
    lines = pair("ufp", potentials / "T.uf3", "Li")

    def triplets(first):
        system = cluster([x[0], (first, 0, 0), x[2]])
        whole = static(system, lines, tmp_path).energy
        return whole - static(system, pair("ufp", potentials / "T.uf3", "Li", 2), tmp_path).energy

    assert triplets(1.0 - 1e-9) == pytest.approx(triplets(1.0), rel=1e-8)
    centre = 1e-6 * 3**3 * 2**3 * (8 - math.hypot(0.5, 2)) ** 3  # r_ij clamped to 1
    other = 1e-6 * 3**3 * (4 - math.hypot(0.5, 2)) ** 3 * 6**3
    far = 1e-6 * 2**3 * (4 - math.hypot(0.5, 2)) ** 3 * 7**3
    assert triplets(0.5) == pytest.approx(centre + other + far, rel=1e-12)


@pytest.mark.parametrize("ranks", [1, 2])
def test_b2_notes_at_powers_of_ten_and_one_warning(ranks, potentials, tmp_path):
    """The closest pair is met in the middle of the run, by atom 3 that flies past atom 2."""
    system = cluster([(4.75, 0, 0), (5.25, 0, 0), (5.3, 0.95, 0), (14, 0, 0)])  # the ranks meet at x = 5
    lines = commands(system, pair("ufp", potentials / "T.uf3", "Li", 2), tmp_path)
    lines += ["fix 1 all nve", "fix 2 all setforce 0 0 0", "timestep 0.001", "group g id 3"]
    lines += ["velocity g set 0 -50 0", "thermo 1", "run 25"]
    done = launch(lines, tmp_path, ranks)
    output = done.stdout.split("Setting up Verlet run")[-1]
    notes = re.findall(
        r"^pair_style ufp: so far, at step (\d+): (\d+) contacts below a first 2-body knot", output, re.M
    )
    assert [tuple(map(int, note)) for note in notes] == [(0, 2), (4, 12)]
    warnings = re.findall("WARNING: pair_style ufp: (.*)", done.stdout)
    assert len(warnings) == 2  # of `run 0` and of `run 25`
    assert re.match(
        r"in this run (\d+) contacts below a first 2-body knot, the closest of atoms (2 and 3|3 and 2) "
        r"\(types 1 and 1\) at 0\.0500 A, first knot 1\.0000 A, step 19",
        warnings[1],
    )
    contacts = sum(
        1 + (math.hypot(0.05, 0.95 - 0.05 * k) < 1) + (math.hypot(0.55, 0.95 - 0.05 * k) < 1) for k in range(26)
    )
    assert int(warnings[1].split()[3]) == contacts
    lines = [line.replace("pair_style ufp 2", "pair_style ufp 2 short quiet") for line in lines]
    assert "first knot" not in launch(lines, tmp_path, ranks).stdout


@pytest.mark.parametrize("ranks", [1, 2])
def test_b2_compute_pair_and_error_mode(ranks, potentials, tmp_path):
    system = cluster([(0, 0, 0), (0.5, 0, 0), (0, 2.9, 0)])
    lines = commands(system, pair("ufp", potentials / "T.uf3", "Li", 2), tmp_path)
    lines += ["compute p all pair ufp", "thermo_style custom step c_p[1] c_p[2]", "run 0"]
    lines += ["print 'short $(c_p[1]) $(c_p[2])'"]
    assert "short 1 0.5" in launch(lines, tmp_path, ranks).stdout
    lines = [line.replace("pair_style ufp 2", "pair_style ufp 2 short error") for line in lines]
    done = launch(["log log.error", *lines], tmp_path, ranks)
    assert done.returncode != 0
    # from the log: what a rank prints before it ends all others, mpiexec may not have passed on when it ends itself
    text = (tmp_path / "log.error").read_text()
    assert "at a distance of 0.500000 at step 0: expected at least 1.000000, the first knot" in text
    assert re.search(r"atoms [12] \(type 1\) and [12] \(type 1\)", text)


def test_coincident_atoms(potentials, tmp_path):
    system = cluster([(0, 0, 0), (0, 0, 0), (0, 2.9, 0)])
    message = refusal(pair("ufp", potentials / "T.uf3", "Li"), tmp_path, system)
    assert re.search(r"atoms [12] \(type 1\) and [12] \(type 1\) are on one point at step 0", message)


@pytest.mark.parametrize("name", ["R", "Rnk"])
def test_b3_leg_exactly_at_the_cutoff(name, potentials, tmp_path):
    lines = pair("ufp", potentials / f"{name}.uf3", "Li P S")
    right = 0.402218823797419
    energies = [
        static(cluster([(0, 0, 0), (d, 0, 0), (0, 2.5, 0)], [1, 3, 3]), lines, tmp_path).energy
        for d in (4.5 - 1e-9, 4.5, 4.5 + 1e-9)
    ]
    assert energies[1] == pytest.approx(right, rel=1e-13)
    assert energies == pytest.approx([right] * 3, rel=0, abs=1e-9)
    system = cluster([(0, 0, 0), (4.5, 0, 0), (0, 2.5, 0)], [1, 3, 3])
    if name == "R":  # with nk it reads out of bounds and may be right by luck
        skip_if_right(uf3_energy(system, pair("uf3", potentials / "R.uf3", "Li P S"), tmp_path), right)


@pytest.mark.parametrize("name", ["R", "Rnk"])
def test_b3_simple_cubic(name, potentials, tmp_path):
    grid = np.stack(np.meshgrid(*[np.arange(4) * 2.25] * 3, indexing="ij"), -1).reshape(-1, 3)
    system = System(grid, np.ones(64, int), np.eye(3) * 9.0)
    found = static(system, pair("ufp", potentials / f"{name}.uf3", "Li"), tmp_path)
    energy, _, _ = reference.evaluate(reference.random_model(), [[0, 0, 0]], ["Li"], np.eye(3) * 2.25)
    assert found.energy / 64 == pytest.approx(energy, rel=1e-12)
    assert np.abs(found.forces).max() < 1e-11
    skip_if_right(uf3_energy(system, pair("uf3", potentials / f"{name}.uf3", "Li"), tmp_path), found.energy)


def local_values(style, potentials, folder):
    lines = commands(cluster([(0, 0, 0), (3, 0, 0)]), pair(style, potentials / "T.uf3", "Li", 2), folder)
    lines += ["compute l all pair/local eng force dist", "compute m all reduce sum c_l[1] c_l[2] c_l[3] inputs local"]
    lines += ["thermo_style custom step c_m[1] c_m[2] c_m[3]", "run 0"]
    with instance(folder) as lmp:
        lmp.commands_list(lines)
        return [lmp.extract_compute("m", 0, 1)[k] for k in range(3)]


def test_b4_single(potentials, tmp_path):
    assert local_values("ufp", potentials, tmp_path) == pytest.approx([0.02, 0.06, 3.0], rel=1e-12)
    skip_if_right(local_values("uf3", potentials, tmp_path)[0], 0.02)


@pytest.mark.parametrize("compute", ["pair/local eng", "group/group all"])
def test_b4_no_pair_decomposition_of_triplets(compute, potentials, tmp_path):
    with instance(tmp_path) as lmp, pytest.raises(Exception, match=r"(?i)pair style does not support"):
        lmp.commands_list(commands(cluster(CORNER), pair("ufp", potentials / "T.uf3", "Li"), tmp_path))
        lmp.commands_list([f"compute l all {compute}", "run 0"])
    assert "WARNING: pair_style ufp 3: compute" in (tmp_path / "log.test").read_text()
    assert "three-body terms have no decomposition into pairs" in (tmp_path / "log.test").read_text()


def test_b4_distances_of_pairs_need_no_decomposition(potentials, tmp_path):
    with instance(tmp_path) as lmp:
        lmp.commands_list(commands(cluster(CORNER), pair("ufp", potentials / "T.uf3", "Li"), tmp_path))
        lmp.commands_list(["compute l all pair/local dist", "compute m all reduce min c_l inputs local", "run 0"])
        assert lmp.extract_compute("m", 0, 0) == pytest.approx(2.0, rel=1e-14)


def test_b4_energy_between_groups(potentials, tmp_path):
    lines = commands(cluster(CORNER), pair("ufp", potentials / "T.uf3", "Li", 2), tmp_path)
    lines += ["group a id 1", "group b id 2 3", "compute g a group/group b", "run 0"]
    with instance(tmp_path) as lmp:
        lmp.commands_list(lines)
        found = lmp.extract_compute("g", 0, 0)
    assert found == pytest.approx(2 * 0.01 * (2.0**3 + (4 - math.hypot(2.5, 0.5)) ** 3), rel=1e-12)


def test_b5_null(potentials, tmp_path):
    x = [(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5), (1, 1, 2), (-2, 0.4, 0.1)]
    types = np.array([1, 1, 2, 2, 1])

    def overlay(style):
        return [
            f"pair_style hybrid/overlay {style} 3 lj/cut 5.0",
            f"pair_coeff * * {style} {potentials}/R.uf3 Li NULL",
            "pair_coeff * 2 lj/cut 0.02 2.0",
        ]

    both = static(cluster(x, types), overlay("ufp"), tmp_path)
    lithium = static(cluster(np.array(x)[types == 1]), pair("ufp", potentials / "R.uf3", "Li"), tmp_path)
    lines = ["pair_style lj/cut 5.0", "pair_coeff * * 0.02 2.0", "pair_coeff 1 1 0.0 2.0"]
    rest = static(cluster(x, types), lines, tmp_path)
    assert both.energy == pytest.approx(lithium.energy + rest.energy, rel=1e-12)
    forces = rest.forces.copy()
    forces[types == 1] += lithium.forces
    assert both.forces == pytest.approx(forces, rel=0, abs=1e-11)
    skip_if_right(uf3_energy(cluster(x, types), overlay("uf3"), tmp_path), both.energy)


def changed(folder, text, old, new):
    assert old in text
    path = folder / "bad.uf3"
    path.write_text(text.replace(old, new, 1))
    return path


FIRST_PAIR = "4.0 8\n1.0 1.0 1.0 1.0 4.0 4.0 4.0 4.0\n4\n0.27 0.0 0.0 0.0\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            FIRST_PAIR,
            "4.0 9\n1.0 1.0 1.0 1.0 1.5 4.0 4.0 4.0 4.0\n5\n0.27 0.1 0.0 0.0 0.0\n",
            "bad.uf3:4: expected equidistant knots (kind uk), found unequal steps (kind nk)",
        ),
        ("4.0 8\n", "4.5 8\n", "bad.uf3:3: expected a cutoff up to the last knot 4.0, found 4.5"),
        ("0.27", "nan", "bad.uf3:6: expected a finite number, found 'nan'"),
        (
            "1.0 1.0 1.0 1.0 4.0 4.0 4.0 4.0\n4\n",
            "1.0 1.0 1.0 1.0 4.0 4.0 4.0 3.0\n4\n",
            "bad.uf3:4: expected knots that do not decrease, found 3.0 after 4.0",
        ),
        ("0.27 0.0 0.0 0.0\n", "0.27 0.0 0.0\n", "bad.uf3:6: expected 4 coefficients, found 3"),
        ("UNITS: metal", "UNITS: real", "bad.uf3:1: expected 'UNITS: metal', found 'UNITS: real'"),
    ],
)
@pytest.mark.parametrize("ranks", [1, 2])
def test_b6_refused_files(old, new, message, ranks, potentials, tmp_path):
    path = changed(tmp_path, (potentials / "T.uf3").read_text(), old, new)
    lines = pair("ufp", path.name, "Li")
    done = launch(commands(cluster(CORNER), lines, tmp_path), tmp_path, ranks)
    assert done.returncode != 0
    assert f"ERROR: pair_style ufp: {message}" in done.stdout + done.stderr


def test_b6_asymmetric_tensor(tmp_path):
    path = reference.write(tmp_path / "bad.uf3", reference.tiny(asymmetric=True))
    message = refusal(pair("ufp", path, "Li"), tmp_path)
    assert (
        "expected coefficients symmetric in the two legs to Li, found c[1][0][0] = 0.1 and c[0][1][0] = 0.0" in message
    )
    symmetric = uf3_energy(cluster(CORNER), pair("uf3", path, "Li"), tmp_path)
    assert symmetric is None or symmetric == pytest.approx(0.2333, abs=1e-4)  # it takes one half of the tensor


def test_b6_block_given_twice_and_file_cut_short(potentials, tmp_path):
    text = (potentials / "T.uf3").read_text()
    path = tmp_path / "bad.uf3"
    path.write_text(text + text)
    assert "bad.uf3:33: expected one block 2B Li Li, found a second" in refusal(pair("ufp", path, "Li"), tmp_path)
    path.write_text(text[:-20])
    assert re.search(r"bad\.uf3:\d+: expected .*, found end of file", refusal(pair("ufp", path, "Li"), tmp_path))


def test_b6_pair_cutoff_below_the_legs(tmp_path):
    """Three-body legs beyond the two-body cutoff are kept, and the log says that `uf3` cuts them."""
    model = reference.tiny()
    knots, c, _ = model.pairs["Li", "Li"]
    model.pairs["Li", "Li"] = (knots, c, 2.2)
    path = reference.write(tmp_path / "short.uf3", model)
    energy, forces, _ = reference.evaluate(model, CORNER, ["Li"] * 3)
    found = static(cluster(CORNER), pair("ufp", path, "Li"), tmp_path)
    assert found.energy == pytest.approx(energy, rel=1e-12)
    assert found.forces == pytest.approx(forces, rel=0, abs=1e-12)
    assert "beyond the 2-body cutoff 2.2 A: pair_style uf3 would cut them there" in found.output
    skip_if_right(uf3_energy(cluster(CORNER), pair("uf3", path, "Li"), tmp_path), energy)


def test_b6_each_block_by_its_own_kind(potentials, tmp_path):
    text = (potentials / "T.uf3").read_text()
    path = changed(tmp_path, text, "2B Li Li 0 3 uk", "2B Li Li 0 3 nk")
    expected = static(cluster(CORNER), pair("ufp", potentials / "T.uf3", "Li"), tmp_path).energy
    assert static(cluster(CORNER), pair("ufp", path, "Li"), tmp_path).energy == pytest.approx(expected, rel=1e-14)
