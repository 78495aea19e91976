"""Restart files: settings, file and mapping are kept, and what cannot be restored is refused with what to do."""

import shutil
import struct

import pytest

import uf3_reference as reference
from lammps_run import cluster, commands, instance, launch

TYPES = [1, 2, 3]
SYSTEM = cluster([(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5)], TYPES)
LI_LI_S = 0.250031164498948  # tiny2, atoms of B1
REPEAT = "; to go on, repeat pair_coeff * * FILE and the elements after read_restart"


@pytest.fixture
def folder(potentials, tmp_path):
    """An empty folder with T2.uf3, which the inputs name without a path."""
    shutil.copy(potentials / "T2.uf3", tmp_path)
    return tmp_path


def ufp(elements="Li Li S", settings="3", file="T2.uf3"):
    return [f"pair_style ufp {settings}", f"pair_coeff * * {file} {elements}"]


def write_restart(folder, pair=None, ranks=1, **options):
    done = launch([*commands(SYSTEM, pair or ufp(), folder, **options), "write_restart kept"], folder, ranks)
    assert done.returncode == 0, done.stdout + done.stderr


def energy(folder, *lines, ranks=1):
    """Energy after read_restart and `lines`, or the error message."""
    done = launch(["read_restart kept", *lines, "run 0", "print 'energy $(pe:%.17g)'"], folder, ranks)
    text = done.stdout + done.stderr
    key = "energy " if done.returncode == 0 else "ERROR"
    line = next(line for line in text.splitlines() if line.startswith(key))
    return float(line.split()[1]) if done.returncode == 0 else line


@pytest.mark.parametrize(("written", "read"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_potential_and_mapping_are_kept(written, read, folder):
    write_restart(folder, ranks=written)
    assert energy(folder, ranks=read) == pytest.approx(LI_LI_S, rel=1e-12)


@pytest.mark.parametrize(("elements", "expected"), [("Li S S", 0.193972559715192), ("S Li S", 0.192403027009460)])
def test_each_mapping(elements, expected, folder):
    write_restart(folder, ufp(elements))
    assert energy(folder) == pytest.approx(expected, rel=1e-12)


def test_settings_are_kept(folder):
    model = reference.tiny2()
    del model.triplets["S", "Li", "Li"]
    model.onebody = {"Li": -1.0, "S": -2.0}
    reference.write(folder / "T2.uf3", model)
    pair = ufp(settings="3 short error onebody yes missing3b zero")
    write_restart(folder, pair)
    with instance(folder) as lmp:
        lmp.commands_list([f"shell cd {folder}", *commands(SYSTEM, pair, folder)])
        expected = lmp.get_thermo("pe")
    assert expected == pytest.approx(-4, abs=0.5)
    assert energy(folder) == pytest.approx(expected, rel=1e-12)
    assert "expected at least 1.000000, the first knot" in energy(folder, "set atom 2 x 10.5")


def test_another_pair_coeff_or_pair_style_replaces_it(folder, potentials):
    write_restart(folder)
    assert energy(folder, f"pair_coeff * * {potentials}/T2.uf3 S Li S") == pytest.approx(0.192403027009460, rel=1e-12)
    assert energy(folder, "pair_style ufp 2") < LI_LI_S - 0.01  # the potential stays, without its triplets


@pytest.mark.parametrize("ranks", [1, 2])
def test_missing_file(ranks, folder):
    write_restart(folder, ranks=ranks)
    (folder / "T2.uf3").rename(folder / "elsewhere.uf3")
    message = "ERROR: pair_style ufp: cannot open T2.uf3: expected a .uf3 file here or in LAMMPS_POTENTIALS" + REPEAT
    assert energy(folder, ranks=ranks).startswith(message)
    found = energy(folder, "pair_coeff * * elsewhere.uf3 Li Li S", ranks=ranks)
    assert found == pytest.approx(LI_LI_S, rel=1e-12)


@pytest.mark.parametrize("ranks", [1, 2])
def test_changed_file(ranks, folder):
    write_restart(folder, ranks=ranks)
    path = folder / "T2.uf3"
    size = path.stat().st_size
    path.write_text(path.read_text().replace("0.27", "0.28", 1))
    message = energy(folder, ranks=ranks)
    expected = f"T2.uf3: expected the file that the restarted run used, of {size} bytes (checksum "
    assert message.startswith(f"ERROR: pair_style ufp: {expected}")
    assert f"), found {size} bytes (checksum " in message
    assert REPEAT in message
    assert energy(folder, "pair_coeff * * T2.uf3 Li Li S", ranks=ranks) > LI_LI_S


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid(ranks, folder):
    """LAMMPS keeps no coefficients of hybrid styles; the settings are kept and pair_coeff may name another file."""
    coefficients = ["pair_coeff * * ufp T2.uf3 Li Li S", "pair_coeff * * lj/cut 0.01 2.0"]
    write_restart(folder, ["pair_style hybrid/overlay ufp 2 lj/cut 4.0", *coefficients], ranks, centroid=False)
    expected = float((folder / "global.test").read_text().split()[0])
    assert "All pair coeffs are not set" in energy(folder, ranks=ranks)
    assert energy(folder, *coefficients, ranks=ranks) == pytest.approx(expected, rel=1e-12)
    (folder / "T2.uf3").rename(folder / "elsewhere.uf3")
    coefficients[0] = coefficients[0].replace("T2", "elsewhere")
    assert energy(folder, *coefficients, ranks=ranks) == pytest.approx(expected, rel=1e-12)


def replace_record(folder, *integers):
    """Put a record of `integers` where the restart file has that of the style."""
    path = folder / "kept"
    before, name, rest = path.read_bytes().partition(b"ufp\0")
    (length,) = struct.unpack_from("i", rest, 20)
    path.write_bytes(before + name + struct.pack(f"{len(integers)}i", *integers) + rest[24 + length :])


def test_file_of_an_earlier_version(folder):
    write_restart(folder)
    replace_record(folder, 2, 0, 0, 0)  # degree, short, onebody, missing3b
    message = energy(folder)
    assert "the restart file, of an earlier version, holds the settings but not the potential: repeat" in message
    assert energy(folder, "pair_coeff * * T2.uf3 Li Li S") < LI_LI_S - 0.01  # the degree was kept


def test_file_of_a_later_version(folder):
    write_restart(folder)
    replace_record(folder, 9, 2, 0, 0, 0)
    assert "expected format 4 of its part of the restart file, found 9: read the file with the version" in energy(
        folder
    )


def test_conversion_into_a_data_file(folder):
    write_restart(folder)
    done = launch([], folder, arguments=["-restart2data", "kept", "data.kept"])
    assert done.returncode == 0, done.stdout + done.stderr
    lines = ["units metal", "atom_modify map array", "read_data data.kept", *ufp(), "run 0", "print 'energy $(pe)'"]
    assert "energy 0.2500311" in launch(lines, folder).stdout


def test_continued_run_equals_an_uninterrupted_one(folder):
    pair = ["neigh_modify every 1 delay 0 check yes", *ufp()]
    dynamics = ["timestep 0.001", "fix 1 all nve"]
    start = [line for line in commands(SYSTEM, pair, folder) if not line.startswith(("dump", "undump"))]
    lines = [*start, "velocity all create 900 1", *dynamics, "run 20", "write_restart kept", "run 20"]
    print_energy = "print 'energy $(pe:%.17g)'"
    done = launch([*lines, print_energy], folder)
    expected = float(done.stdout.split("energy ")[-1].split()[0])
    done = launch(["read_restart kept", *dynamics, "run 20", print_energy], folder)
    assert float(done.stdout.split("energy ")[-1].split()[0]) == pytest.approx(expected, rel=1e-10)
