"""compute efg/atom against `EFGModel.predict`: boxes, precisions, ranks, threads, groups, columns, refusals."""

import json
import re
import struct
import zlib

import numpy as np
import pytest

import efg_run
from efg_data import make_model
from efg_run import MODEL, expected, same_as_python, structure, tensors
from lammps_run import instance, launch
from ufpnmr import EFGModel, nmr
from ufpnmr.efg import model_file
from ufpnmr.efg.tensors import to_matrix

DOUBLE, SINGLE = f"{MODEL} Li P S precision double", f"{MODEL} Li P S"


@pytest.mark.parametrize("box", ["orthogonal", "restricted", "general"])
def test_equal_to_python(box, tmp_path):
    atoms = structure(box)
    V, log = same_as_python(atoms, tmp_path)
    assert np.all(V[:, 0] + V[:, 1] + V[:, 2] == 0)
    assert "double precision, 8 stored environments reproduced" in log
    axes = "the general triclinic box as it was given" if box == "general" else "the simulation box"
    assert f"columns 1-6 xx yy zz xy xz yz in V/A^2, axes of {axes}" in log
    found, log = tensors(atoms, tmp_path, SINGLE)
    assert 0 < np.abs(found - V).max() < 1e-5 * expected(atoms)[1]
    assert "single precision" in log


def test_turned_box(tmp_path):
    """V(R x) = R V Rᵀ: the same crystal in its own axes and turned by R."""
    atoms = structure("restricted")
    V = tensors(atoms, tmp_path)[0]
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ efg_run.TURN.T, scale_atoms=True)
    found = tensors(turned, tmp_path)[0]
    R = efg_run.TURN
    np.testing.assert_allclose(to_matrix(found), R @ to_matrix(V) @ R.T, rtol=0, atol=1e-10 * np.abs(V).max())
    assert np.abs(found - V).max() > 0.1 * np.abs(V).max()


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_and_threads(ranks, tmp_path):
    atoms = structure("restricted").repeat((1, 2, 2))
    same_as_python(atoms, tmp_path, ranks=ranks, threads=4 // ranks)


def test_threads_and_newton(tmp_path):
    atoms = structure().repeat((1, 2, 1))
    for options in ({"threads": 3}, {"newton": "off"}):
        _, log = same_as_python(atoms, tmp_path, **options)
        assert f"{options.get('threads', 1)} thread(s) per rank" in log


def test_order_of_atoms_and_types(tmp_path):
    atoms = structure()
    V, rms = expected(atoms)
    order = np.random.default_rng(1).permutation(len(atoms))
    found, _ = tensors(atoms[order], tmp_path, f"{MODEL} S Li P precision double", elements=("S", "Li", "P"))
    np.testing.assert_allclose(found, V[order], rtol=0, atol=1e-10 * rms)


def test_group_and_null(tmp_path):
    """Atoms outside of the group count as neighbours, those of a NULL type do not."""
    atoms = structure()
    V, rms = expected(atoms)
    found, _ = tensors(atoms, tmp_path, group="some", setup=["group some id 2 5 30"])
    assert np.flatnonzero(found.any(axis=1)).tolist() == [1, 4]
    np.testing.assert_allclose(found[[1, 4]], V[[1, 4]], rtol=0, atol=1e-10 * rms)
    others = np.array([symbol != "P" for symbol in atoms.symbols])
    without = atoms[others]
    V, rms = expected(without)
    found, _ = tensors(atoms, tmp_path, f"{MODEL} Li NULL S precision double")
    np.testing.assert_allclose(found[others], V, rtol=0, atol=1e-10 * rms)


def test_frequencies(tmp_path):
    atoms = structure("general")
    V, _ = expected(atoms)
    keywords = "precision double isotope 7Li field 1 -2 0.5"
    found, log = tensors(atoms, tmp_path, f"{MODEL} Li P S {keywords} c_q omega_q", columns=8)
    li = np.array([symbol == "Li" for symbol in atoms.symbols])
    np.testing.assert_allclose(found[li, 6], nmr.coupling(V[li], "7Li")[0], rtol=0, atol=1e-7)
    np.testing.assert_allclose(found[li, 7], nmr.omega_q(V[li], "7Li", (1, -2, 0.5)), rtol=0, atol=1e-8)
    assert not found[~li].any()
    assert "column 7 c_q, column 8 omega_q in kHz, convention harper2025, of 7Li (I = 1.5, Q = -40.1 mb, Pyykk" in log
    assert "field along (0.436436, -0.872872, 0.218218)" in log
    by_hand, log = tensors(atoms, tmp_path, f"{MODEL} Li P S quadrupole -40.6 {keywords} omega_q", columns=7)
    np.testing.assert_allclose(by_hand[:, 6], found[:, 7] * 40.6 / 40.1, rtol=1e-12)
    assert "Q = -40.6 mb, given in the input" in log


@pytest.mark.parametrize("zeta", [1, 2, 3])
def test_any_zeta_and_periodic_checks(zeta, tmp_path):
    model = make_model(zeta)
    model.write(tmp_path / "m.efg")
    atoms = structure("restricted")
    _, log = same_as_python(atoms, tmp_path, tmp_path / "m.efg")
    assert f"12 tensor and 7 scalar features, n_max 3, l_max 2, zeta {zeta}, cutoff 4 A" in log


def test_longer_than_the_pair_style(tmp_path):
    """A list of its own, as far as there are ghost atoms; also along dynamics with rebuilt lists."""
    atoms = structure().repeat((1, 2, 2))
    V, rms = expected(atoms)
    short = ("pair_style zero 2.5", "pair_coeff * *")
    with pytest.raises(Exception, match=re.escape("expected ghost atoms up to 5.5 A (cutoff of")) as refused:
        tensors(atoms, tmp_path, pair=short)
    assert "found them up to 3.5 A; use comm_modify cutoff 5.5, or lay a longer pair style over yours: " in str(
        refused.value
    )
    assert "pair_style hybrid/overlay ... zero 4.5" in str(refused.value)
    for pair in (
        (*short, "comm_modify cutoff 5.5"),
        ("pair_style none", "comm_modify cutoff 5.5"),
        ("pair_style hybrid/overlay zero 2.5 zero 4.5", "pair_coeff * * zero 1", "pair_coeff * * zero 2"),
    ):
        found, log = tensors(atoms, tmp_path, pair=pair)
        np.testing.assert_allclose(found, V, rtol=0, atol=1e-10 * rms)
        assert ("neighbour list of its own" in log) == (pair[-1] == "comm_modify cutoff 5.5")
    lines = efg_run.commands(atoms, tmp_path, DOUBLE, pair=(*short, "comm_modify cutoff 5.5"))
    moving = ["velocity all create 2000 1", "fix 1 all nve", "timestep 0.002"]
    moving += [f"dump m all custom 50 {tmp_path}/dump.moving id xu yu zu c_efg[*]", "dump_modify m sort id"]
    with instance(tmp_path) as lmp:
        lmp.commands_list([*lines, *moving, "dump_modify m format float %.17g", "run 150"])
    assert int(re.findall(r"Neighbor list builds = (\d+)", (tmp_path / "log.test").read_text())[-1]) > 1
    found = efg_run.rows(tmp_path, "dump.moving")
    assert np.abs(found[:, :3] - atoms.positions).max() > 1
    atoms.positions = found[:, :3]
    V, rms = expected(atoms)
    np.testing.assert_allclose(found[:, 3:], V, rtol=0, atol=1e-10 * rms)


def test_own_list_with_ghosts_by_collection(tmp_path):
    pair = ("pair_style zero 2.5", "pair_coeff * *", "neighbor 1.0 multi", "comm_modify mode multi")
    with pytest.raises(Exception, match=re.escape("expected comm_modify mode single where the pair style's cutoff is")):
        tensors(structure(), tmp_path, pair=pair)


def test_rerun(tmp_path):
    """Tensors of a stored trajectory."""
    atoms = structure("restricted")
    lines = efg_run.commands(atoms, tmp_path, DOUBLE)[:-3]
    moving = [
        "velocity all create 600 1",
        "fix 1 all nve",
        "timestep 0.002",
        "dump_modify d sort id format float %.17g",
    ]
    moving += [f"dump x all custom 10 {tmp_path}/dump.x id xu yu zu", "dump_modify x format float %.17g", "run 30"]
    with instance(tmp_path) as lmp:
        lmp.commands_list([*lines, *moving])
    expected_rows = efg_run.rows(tmp_path)
    with instance(tmp_path) as lmp:
        lmp.commands_list([*lines, "dump_modify d sort id format float %.17g"])
        lmp.command(f"rerun {tmp_path}/dump.x first 30 dump x y z box yes format native")
    np.testing.assert_allclose(efg_run.rows(tmp_path), expected_rows, rtol=0, atol=1e-10 * np.abs(expected_rows).max())


def test_only_when_asked(tmp_path):
    """The list is occasional and copied from the pair style's full list where there is one."""
    atoms = structure()
    potential = efg_run.MODEL.parents[2] / "inputs" / "lps" / "LPS-starter.uf3"
    _, log = tensors(atoms, tmp_path, pair=("pair_style ufp", f"pair_coeff * * {potential} Li P S"))
    block = log.partition("compute efg/atom, occasional")[2]
    assert block.startswith(", copy from (1)")
    assert "build: copy" in block


def test_averages(tmp_path):
    """`fix ave/atom` averages what the compute gives at its steps."""
    atoms = structure()
    lines = efg_run.commands(atoms, tmp_path, DOUBLE)[:-3]
    lines += ["velocity all create 600 1", "fix 1 all nve", "timestep 0.002", "fix v all ave/atom 2 5 10 c_efg[*]"]
    lines += [f"dump a all custom 10 {tmp_path}/dump.average id f_v[*]", "dump_modify a sort id format float %.17g"]
    with instance(tmp_path) as lmp:
        lmp.commands_list([*lines, "dump_modify d sort id format float %.17g", "run 10"])
    frames = (tmp_path / "dump.test").read_text().split("ITEM: TIMESTEP")[1:]
    V = [np.array([line.split()[1:] for line in frame.splitlines()[9:]], dtype=float) for frame in frames]
    assert len(V) == 11
    np.testing.assert_allclose(efg_run.rows(tmp_path, "dump.average"), np.mean(V[2::2], axis=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nowhere.efg Li P S", "cannot open nowhere.efg: expected a .efg model here or in LAMMPS_POTENTIALS"),
        ("{potential} Li P S", "LPS-starter.uf3: expected an EFG model, found another format"),
        ("{model} Li P", "expected 3 elements, one for each atom type, found 2"),
        ("{model} Li P isotope 7Li omega_q", "expected 3 elements, one for each atom type, found 2"),
        ("{model} Na P S", "was trained with Li, P, S, found Na; it cannot say what that does"),
        ("{model} NULL P S", "predicts at Li, found no atom type of such an element"),
        ("{model} Li P S isotope 31P c_q", "31P has spin 1/2 and no quadrupole moment"),
        ("{model} Li P S isotope 8Li c_q", "no isotope '8Li' in the table"),
        ("{model} Li P S isotope 33S c_q", "predicts at Li, found isotope 33S"),
        ("{model} Li P S isotope 7Li c_q field 0 0 0 omega_q", "expected a field with a direction, found the length 0"),
        ("{model} Li P S isotope 7Li field 0 0 omega_q", "expected field X Y Z, found omega_q"),
        ("{model} Li P S isotope 7Li field 0 nan 1 omega_q", "expected field X Y Z, found nan"),
        ("{model} Li P S isotope 7Li omega_q", "omega_q depends on the direction of the magnetic field"),
        ("{model} Li P S c_q", "omega_q and c_q depend on the isotope"),
        ("{model} Li P S isotope 7Li", "expected omega_q or c_q with an isotope, found neither"),
        ("{model} Li P S isotope 7Li c_q field 0 0 1", "expected omega_q with a field, found none"),
        ("{model} Li P S isotope 7Li c_q c_q", "expected c_q once, found it twice"),
        ("{model} Li P S isotope 7Li quadrupole 0 c_q", "expected a quadrupole moment that is not zero, found 0"),
        ("{model} Li P S precision", "expected precision single|double, found nothing"),
        ("{model} Li P S precision half", "expected precision single|double, found half"),
        ("{model} Li P S precision double speed 3", "expected isotope, quadrupole, field, precision, omega_q or c_q"),
    ],
)
def test_refusals(arguments, message, repository, tmp_path):
    line = arguments.format(model=MODEL, potential=repository / "inputs" / "lps" / "LPS-starter.uf3")
    with pytest.raises(Exception, match=re.escape(message)) as refused:
        tensors(structure(), tmp_path, line)
    assert "compute efg efg/atom: " in str(refused.value)


def with_header(path, old, new):
    """Write a copy of the model with an edited header to `path`; it gives up its metadata for room."""
    data = bytearray(MODEL.read_bytes())
    (length,) = struct.unpack_from("<Q", data, 16)
    header = bytes(data[32 : 32 + length])
    start, end = header.index(b'"training"'), header.index(b'"error"')
    header = (header[:start] + header[end:]).replace(old, new, 1).ljust(length)
    data[32 : 32 + length] = header
    struct.pack_into("<I", data, 24, zlib.crc32(header))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: d[:5000], "the checksum of the header is wrong"),
        (lambda d: d[:-100], "the file is cut, copy it again"),
        (lambda d: d[:7600] + bytes([d[7600] ^ 1]) + d[7601:], "coefficients: the checksum is wrong; the file is"),
        (lambda d: d[:8] + b"\x07" + d[9:], "format version 7; this ufpnmr reads versions up to 1"),
        (lambda d: d[:12] + d[15:11:-1] + d[16:], "expected the endianness mark 0x01020304, found 0x04030201"),
    ],
)
def test_damaged_files_are_refused_as_by_python(damage, message, tmp_path):
    path = tmp_path / "m.efg"
    path.write_bytes(damage(MODEL.read_bytes()))
    for read in (EFGModel.read, lambda path: tensors(structure(), tmp_path, f"{path} Li P S")):
        with pytest.raises(Exception, match=re.escape(message)):
            read(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"required": [', b'"required": ["gauge", ', "requires gauge, which this ufpnmr does not understand"),
        (b'"weighted": true', b'"weighted": false', "predict with `ufp efg predict`"),
        (b'"n_max": 4', b'"n_max": 5', "expected the tensors that the model stores for its check environments"),
    ],
)
def test_models_that_the_kernel_does_not_know(old, new, message, tmp_path):
    path = with_header(tmp_path / "m.efg", old, new)
    with pytest.raises(Exception, match=re.escape(message)):
        tensors(structure(), tmp_path, f"{path} Li P S")


def test_knows_the_entries_that_python_knows(tmp_path):
    names = json.dumps([*model_file._ENTRIES, *model_file._ARRAYS]).encode()[1:-1]
    path = with_header(tmp_path / "m.efg", b'"required": [', b'"required": [' + names + b", ")
    _, log = tensors(structure(), tmp_path, f"{path} Li P S")
    assert "8 stored environments reproduced" in log


def test_atoms_on_one_point(tmp_path):
    atoms = structure()
    atoms.positions[20] = atoms.positions[3] + 0.0005
    done = launch(efg_run.commands(atoms, tmp_path, DOUBLE), tmp_path)
    assert done.returncode != 0
    assert "atoms 4 and 21 are less than 0.001 A apart at step 0" in done.stdout + done.stderr


def test_values_before_a_run(tmp_path):
    lines = efg_run.commands(structure(), tmp_path, DOUBLE)[:-4]
    with instance(tmp_path) as lmp:
        lmp.commands_list(lines)
        with pytest.raises(Exception, match="expected a neighbour list, found none yet: run 0 sets it up"):
            lmp.numpy.extract_compute("efg", 1, 2)
        lmp.command("run 0")
        assert np.abs(lmp.numpy.extract_compute("efg", 1, 2)).max() > 0.1
