"""Labelled structures: what is read, and what is refused or suspected."""

import dataclasses
import lzma
import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
from ase.io.extxyz import write_extxyz

from ufpnmr.errors import InputError
from ufpnmr.structures import (
    LabelledStructure,
    check,
    content_uid,
    find_problems,
    match,
    read_structures,
    unique_uids,
    write_structures,
)


def crystal(seed=0, strain=1.0, amplitude=0.1):
    """A rattled cell of argon with true Lennard-Jones labels."""
    atoms = bulk("Ar", cubic=True) * (2, 1, 1)
    atoms.set_cell(atoms.cell.array * strain, scale_atoms=True)
    atoms.rattle(amplitude, seed=seed)
    atoms.calc = LennardJones(epsilon=0.05, sigma=3.4, rc=6.0, smooth=True)
    return atoms


def labelled(seed=0, source="a.xyz", index=None, strain=1.0, **changes):
    atoms = crystal(seed, strain)
    structure = LabelledStructure(
        atoms=Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True),
        energy=float(atoms.get_potential_energy()),
        forces=atoms.get_forces(),
        stress=atoms.get_stress(),
        uid=f"ar-{seed}",
        source=source,
        index=seed if index is None else index,
    )
    return dataclasses.replace(structure, **changes)


def series(n, source="a.xyz", start=0, **changes):
    return [labelled(start + k, source, strain=1 + 0.004 * (k % 12), **changes) for k in range(n)]


def kinds(structures, **kwargs):
    return [problem.kind for problem in find_problems(structures, **kwargs)]


# --- reading


@pytest.mark.parametrize("name", ["s.extxyz", "s.xyz", "s.extxyz.xz", "s.extxyz.gz"])
def test_extxyz_keeps_every_label(tmp_path, name):
    atoms = crystal(3)
    atoms.info.update(uid="run-003", group="melt 1", config_type="liquid", temperature=300)
    atoms.get_stress(), atoms.get_forces()
    write(tmp_path / name, [crystal(1), atoms], format="extxyz")
    first, second = read_structures(tmp_path / name)
    assert (first.uid, first.group, first.config_type, first.stress) == (None, None, None, None)
    assert (second.uid, second.group, second.config_type) == ("run-003", "melt 1", "liquid")
    assert second.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-12)
    np.testing.assert_allclose(second.forces, atoms.get_forces(), atol=1e-8)
    np.testing.assert_allclose(second.stress, atoms.get_stress(), atol=1e-12)
    np.testing.assert_allclose(second.atoms.positions, atoms.positions, atol=1e-8)
    assert second.atoms.calc is None
    assert second.atoms.info["temperature"] == 300
    assert second.where == f"{tmp_path / name}: structure 1 (uid run-003)"


def test_round_trip_through_write_structures(tmp_path):
    originals = [labelled(k, group="g", config_type="beta") for k in range(3)]
    for name in ("out.extxyz", "out.extxyz.xz"):
        write_structures(tmp_path / name, originals)
        for old, new in zip(originals, read_structures(tmp_path / name), strict=True):
            assert (new.energy, new.uid, new.group, new.config_type) == (old.energy, old.uid, "g", "beta")
            np.testing.assert_allclose(new.forces, old.forces, atol=1e-8)
            np.testing.assert_array_equal(new.stress, old.stress)


def test_compressed_files_are_read_in_linear_time(tmp_path):
    write_structures(tmp_path / "many.extxyz.xz", [labelled(k) for k in range(20)] * 15)
    start = time.perf_counter()
    assert len(read_structures(tmp_path / "many.extxyz.xz")) == 300
    assert time.perf_counter() - start < 5


def test_constraints_do_not_zero_forces(tmp_path):
    atoms = crystal(2)
    forces = atoms.get_forces()
    atoms.set_constraint(FixAtoms([0, 1]))
    write_extxyz(tmp_path / "fixed.extxyz", [atoms], columns=["symbols", "positions", "move_mask", "forces"])
    assert "move_mask" in (tmp_path / "fixed.extxyz").read_text()
    (structure,) = read_structures(tmp_path / "fixed.extxyz")
    np.testing.assert_allclose(structure.forces, forces, atol=1e-8)
    assert structure.atoms.constraints == []


def test_energy_and_free_energy_stay_apart(tmp_path):
    atoms = bulk("Al")
    atoms.calc = SinglePointCalculator(atoms, energy=-3.5, free_energy=-3.6, forces=[[0, 0, 0]])
    write(tmp_path / "smeared.extxyz", atoms)
    (structure,) = read_structures(tmp_path / "smeared.extxyz")
    assert structure.energy == -3.5
    assert structure.atoms.info["free_energy"] == -3.6
    assert structure.to_atoms().calc.results["free_energy"] == -3.6
    (free,) = read_structures(tmp_path / "smeared.extxyz", keys={"energy": "free_energy"})
    assert free.energy == -3.6
    assert "free_energy" not in free.atoms.info


def test_labels_under_other_names_are_said_and_can_be_named(tmp_path):
    atoms = bulk("Ar", cubic=True)
    atoms.info.update(REF_energy=-1.25, REF_virial=np.eye(3))
    atoms.arrays["REF_forces"] = np.arange(12.0).reshape(4, 3)
    write(tmp_path / "ref.extxyz", atoms)
    with pytest.warns(
        UserWarning, match=r"ref\.extxyz: not read as labels.*REF_energy \(1\), REF_forces \(1\), REF_vir"
    ):
        (structure,) = read_structures(tmp_path / "ref.extxyz")
    assert structure.energy is None
    with pytest.warns(UserWarning, match=r"structures: REF_virial \(1\);"):
        (structure,) = read_structures(
            tmp_path / "ref.extxyz", keys={"energy": "REF_energy", "forces": "REF_forces", "stress": "REF_stress"}
        )
    assert structure.energy == -1.25
    np.testing.assert_array_equal(structure.forces, np.arange(12.0).reshape(4, 3))
    assert structure.stress is None
    with pytest.raises(InputError, match="found 'force' \\(did you mean 'forces'"):
        read_structures(tmp_path / "ref.extxyz", keys={"force": "REF_forces"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.extxyz", None, "no such file"),
        ("empty.extxyz", b"", "empty file"),
        ("text.extxyz", b"hello\n", "cannot be read by ASE"),
        ("cut.extxyz", b'2\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3\nAr 0 0 0\n', "cannot be read"),
        ("broken.extxyz.xz", b"not xz at all", "cannot be read"),
        ("cut.extxyz.xz", lzma.compress(b"1\n\nAr 0 0 0\n")[:-8], "cannot be read"),
    ],
)
def test_unreadable_files(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_structures(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


# --- checks of one structure


def test_sound_structures_have_no_problems():
    structures = series(30) + series(30, "b.xyz", start=100)
    assert find_problems(structures) == []
    check(structures)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"energy": None, "forces": None}, "missing", "energy, forces: expected at least one"),
        ({"energy": float("nan")}, "numbers", "energy: expected finite"),
        ({"forces": np.full((8, 3), np.nan)}, "numbers", "forces: expected finite"),
        ({"stress": np.array([1, 2, np.inf, 0, 0, 0])}, "numbers", "stress: expected finite"),
        ({"forces": np.zeros((7, 3))}, "shape", r"forces: expected shape \(8, 3\), found \(7, 3\)"),
        ({"forces": np.zeros(24)}, "shape", r"forces: expected shape \(8, 3\), found \(24,\)"),
        ({"stress": np.zeros(9)}, "shape", r"stress: expected shape \(6,\)"),
    ],
)
def test_wrong_labels_are_refused(changes, kind, words):
    structures = [labelled(0), labelled(1, "bad.xyz", 17, **changes)]
    (problem,) = [p for p in find_problems(structures) if p.kind == kind]
    assert problem.structures == (1,)
    with pytest.raises(InputError, match=rf"^bad\.xyz: structure 17 \(uid ar-1\): {words}"):
        check(structures)


def test_forces_alone_and_energy_alone_are_labels():
    check([labelled(0, energy=None), labelled(1, forces=None, stress=None)])


def test_symmetric_nine_component_stress_becomes_six(tmp_path):
    matrix = np.array([[1.0, 6, 5], [6, 2, 4], [5, 4, 3]]) / 100
    atoms = bulk("Ar")
    atoms.calc = SinglePointCalculator(atoms, energy=0.0)
    write(tmp_path / "s.extxyz", atoms)
    text = (tmp_path / "s.extxyz").read_text()
    flat = " ".join(str(x) for x in matrix.ravel())
    (tmp_path / "s.extxyz").write_text(text.replace("energy=0.0", f'energy=0.0 dft_stress="{flat}"'))
    (structure,) = read_structures(tmp_path / "s.extxyz", keys={"stress": "dft_stress"})
    np.testing.assert_allclose(structure.stress, np.array([1, 2, 3, 4, 5, 6]) / 100)
    twisted = matrix + np.array([[0, 0.05, 0], [0, 0, 0], [0, 0, 0]])
    flat = " ".join(str(x) for x in twisted.ravel())
    (tmp_path / "t.extxyz").write_text(text.replace("energy=0.0", f'energy=0.0 dft_stress="{flat}"'))
    assert kinds(read_structures(tmp_path / "t.extxyz", keys={"stress": "dft_stress"})) == ["shape"]


def test_periodicity():
    water = LabelledStructure(molecule("H2O"), energy=-1.0, forces=np.zeros((3, 3)), source="w.xyz")
    assert kinds([water]) == []
    (problem,) = find_problems([dataclasses.replace(water, stress=np.zeros(6))])
    assert (problem.kind, "pbc F F F" in problem.message) == ("cell", True)
    slab = labelled(0)
    slab.atoms.pbc = (True, True, False)
    assert kinds([slab]) == ["cell", "periodicity"]
    slab = dataclasses.replace(slab, stress=None)
    with pytest.warns(UserWarning, match=r"a\.xyz: structure 0 .*pbc: T T F: periodic in part"):
        check([slab])
    with pytest.raises(InputError, match="periodic in part"):
        check([slab], refuse=["periodicity"])
    check([slab], ignore=["periodicity"])
    bare = molecule("H2O")
    bare.pbc = True
    with pytest.raises(InputError, match="a periodic direction has no cell vector"):
        check([LabelledStructure(bare, energy=0.0)])
    flat = Atoms("Ar", cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True)
    with pytest.raises(InputError, match="lie in one plane"):
        check([LabelledStructure(flat, energy=0.0)])


def test_contacts():
    atoms = Atoms("LiS2", [[0, 0, 0.1], [0, 0, 9.9], [5, 5, 5]], cell=[10, 10, 10], pbc=True)
    close = LabelledStructure(atoms, energy=0.0, source="c.xyz", index=4)
    with pytest.raises(InputError, match=r"c\.xyz: structure 4: positions: Li 0 and S 1 are 0\.200 Å apart; .* 0\.5 Å"):
        check([close])
    check([close], minimum_distance=0.19)
    check([close], minimum_distance={"Li-S": 0.19, "S-S": 7.0})
    with pytest.raises(InputError, match=r"S 1 and S 2 are .* expected at least 9 Å"):
        check([close], minimum_distance={"S-Li": 0.19, "S-S": 9.0})
    one = Atoms("Li2", [[1, 1, 1], [1, 1, 1]], cell=[4, 4, 4], pbc=True)
    with pytest.raises(InputError, match="Li 0 and Li 1 lie on one point"):
        check([LabelledStructure(one, energy=0.0)])
    image = Atoms("Li", cell=[0.4, 4, 4], pbc=True)
    with pytest.raises(InputError, match=r"Li 0 and Li 0 are 0\.400 Å apart"):
        check([LabelledStructure(image, energy=0.0)])


# --- duplicates


def test_duplicates_name_both():
    structures = [*series(40), labelled(7, "b.xyz", 3)]
    structures[-1] = dataclasses.replace(structures[-1], atoms=structures[7].atoms.copy())
    (problem,) = find_problems(structures, ignore=["units", "zero"])
    assert problem.kind == "duplicate"
    assert problem.structures == (7, 40)
    assert problem.message.startswith("b.xyz: structure 3 (uid ar-7): the same cell")
    assert "as a.xyz: structure 7 (uid ar-7)" in problem.message


@pytest.mark.parametrize("change", ["permuted", "wrapped", "nudged"])
def test_duplicates_up_to_order_lattice_vectors_and_rounding(change):
    structures = series(12)
    copy = structures[5].atoms.copy()
    order = np.arange(8)
    if change == "permuted":
        order = np.random.default_rng(1).permutation(8)
        copy = copy[order]
    elif change == "wrapped":
        copy.positions += np.random.default_rng(2).integers(-2, 3, (8, 3)) @ copy.cell.array
    else:
        copy.positions += np.random.default_rng(3).uniform(-4e-4, 4e-4, (8, 3))
    again = LabelledStructure(copy, energy=structures[5].energy, source="again.xyz")
    assert [p.structures for p in find_problems([*structures, again])] == [(5, 12)]
    np.testing.assert_array_equal(copy.numbers[match(structures[5].atoms, copy)], structures[5].atoms.numbers)
    np.testing.assert_array_equal(order[match(structures[5].atoms, copy)], np.arange(8))


def test_different_structures_are_no_duplicates():
    base = series(12)
    moved = base[5].atoms.copy()
    moved.positions[3, 1] += 0.01
    swapped = base[5].atoms.copy()
    swapped.symbols[0] = "Kr"
    stretched = base[5].atoms.copy()
    stretched.set_cell(stretched.cell.array * 1.001, scale_atoms=True)
    others = [LabelledStructure(a, energy=base[5].energy) for a in (moved, swapped, stretched)]
    assert kinds([*base, *others]) == []
    assert all(match(base[5].atoms, other.atoms) is None for other in others)


def test_duplicates_equal_the_brute_force():
    rng = np.random.default_rng(8)
    frames = [labelled(int(k)) for k in rng.integers(0, 25, 60)]
    expected = set()
    for j in range(60):
        first = next(i for i in range(j + 1) if match(frames[i].atoms, frames[j].atoms) is not None)
        if first < j:
            expected.add(j)
    found = [p for p in find_problems(frames) if p.kind == "duplicate"]
    assert {p.structures[1] for p in found} == expected
    assert 20 < len(expected) < 50


# --- suspicions


def test_forces_in_atomic_units_are_suspected():
    right, wrong = series(20), [dataclasses.replace(s, forces=s.forces / 51.42) for s in series(20, "au.xyz", start=50)]
    more = series(20, "c.xyz", start=90)
    (problem,) = find_problems(right + wrong + more)
    assert problem.kind == "units"
    assert problem.structures == tuple(range(20, 40))
    assert problem.message.startswith("au.xyz: forces: typical")
    assert "Hartree/Bohr = 51.4 eV/Å suspected" in problem.message
    with pytest.warns(UserWarning, match="mixed units"):
        check(right + wrong + more)
    with pytest.raises(InputError, match="mixed units"):
        check(right + wrong + more, refuse=["units"])
    with pytest.warns(UserWarning, match=r"^au\.xyz: .*, or kJ/mol/Å .* in a\.xyz"):
        check(right + wrong)


def test_forces_in_kcal_are_suspected():
    wrong = [dataclasses.replace(s, forces=s.forces * 23.06) for s in series(20, "kcal.xyz", start=50)]
    (problem,) = find_problems(series(20) + wrong + series(20, "c.xyz", start=90))
    assert problem.message.startswith("kcal.xyz: forces")
    assert "kcal/mol/Å = 0.0434 eV/Å suspected" in problem.message


def test_energies_in_hartree_are_suspected():
    wrong = [dataclasses.replace(s, energy=s.energy / 27.2114) for s in series(20, "au.xyz", start=50)]
    (problem,) = find_problems(series(20) + wrong)
    assert problem.kind == "units"
    assert "that of Hartree to eV" in problem.message
    assert problem.message.startswith("au.xyz: energy")
    (problem,) = find_problems(wrong + series(20))
    assert problem.message.startswith("au.xyz: energy")


def test_energies_of_another_method_are_suspected():
    wrong = [dataclasses.replace(s, energy=s.energy - 8 * 59.0) for s in series(20, "gth.xyz", start=50)]
    (problem,) = find_problems(series(20) + wrong)
    assert (problem.kind, "another method" in problem.message) == ("zero", True)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-1, "opposite sign"),
        (160.2, "another unit suspected"),
        (1602.0, "GPa or kbar"),
        (1 / 183.6, "another unit suspected"),
    ],
)
def test_wrong_stress_is_suspected(factor, words):
    wrong = [dataclasses.replace(s, stress=s.stress * factor) for s in series(36, "w.xyz", start=50)]
    (problem,) = find_problems(series(36) + wrong)
    assert problem.kind == "stress"
    assert problem.message.startswith("w.xyz: stress")
    assert words in problem.message


def test_stress_without_volumes_says_nothing():
    same = [labelled(k, stress=-labelled(k).stress) for k in range(20)]
    assert find_problems(same) == []


# --- other


def test_unknown_kind_is_refused():
    with pytest.raises(InputError, match="no kind of problem 'duplicates' \\(did you mean 'duplicate'\\?\\)"):
        check([labelled(0)], ignore=["duplicates"])


def test_many_problems_are_one_message():
    wrong = [labelled(k, energy=None, forces=None) for k in range(9)]
    with pytest.raises(InputError, match=r"; and 6 more$"):
        check(wrong)


def test_content_uid_is_of_the_content():
    atoms = labelled(0).atoms
    again = atoms.copy()
    again.info["note"] = "x"
    assert content_uid(again) == content_uid(atoms)
    again.positions[0, 0] += 1e-3
    assert content_uid(again) != content_uid(atoms)
    assert content_uid(atoms).startswith("s")


def test_uids_must_be_unique_names():
    a, b = labelled(0).atoms, labelled(1).atoms
    a.info["uid"] = b.info["uid"] = "x"
    with pytest.raises(InputError, match="q: structures 0 and 1 have uid 'x'"):
        unique_uids([a, b], "q")
    with pytest.raises(InputError, match="have the same content"):
        unique_uids([labelled(0).atoms, labelled(0).atoms], "q")
    b.info["uid"] = 1.5
    with pytest.raises(InputError, match=r"structure 1: uid: expected a name such as md-0042, found 1\.5"):
        unique_uids([a, b], "q")
    b.info["uid"] = 12
    assert unique_uids([a, b], "q") == ["x", "12"]
