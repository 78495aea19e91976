"""Labels from extxyz and magres, and everything that is refused."""

import lzma

import numpy as np
import pytest
from ase.io import write

import efg_data
from ufpnmr.efg.labels import check_units, outliers, read_tensors
from ufpnmr.efg.tensors import to_matrix
from ufpnmr.errors import InputError

AU = 97.17362433


def magres(path, atoms, *, skip=(), run_together=False, unit="au"):
    """Write one structure as CASTEP does; labels of the atoms in `skip` are left out."""
    lines = ["#$magres-abinitio-v1.0", "[atoms]", "  units lattice Angstrom"]
    lines += ["  lattice " + " ".join(f"{x:.12f}" for x in atoms.cell.array.ravel()), "  units atom Angstrom"]
    names, counts = [], {}
    for symbol, position in zip(atoms.symbols, atoms.positions, strict=True):
        counts[symbol] = counts.get(symbol, 0) + 1
        names.append((symbol, counts[symbol]))
        lines.append(f"  atom {symbol} {symbol} {counts[symbol]} " + " ".join(f"{x:.12f}" for x in position))
    lines += ["[/atoms]", "[magres]", f"  units efg {unit}", "  units efg_local au"]
    for k, (name, index) in enumerate(names):
        tensor = atoms.arrays["efg"][k]
        if k not in skip and np.isfinite(tensor).all():
            site = f"{name}{index}" if run_together else f"{name} {index}"
            lines.append(f"  efg {site} " + " ".join(f"{x:.12e}" for x in tensor))
            lines.append(f"  efg_local {name} {index} " + " ".join("0.5" for _ in range(9)))
    path.write_text("\n".join([*lines, "[/magres]", ""]))
    return path


def test_extxyz_in_both_units(tmp_path):
    (V,) = read_tensors(efg_data.save(tmp_path / "a.xyz", efg_data.labelled(1)), ["Li"])
    (au,) = read_tensors(efg_data.save(tmp_path / "b.xyz", efg_data.labelled(1, units="au")), ["Li"])
    frame = efg_data.labelled(1)[0]
    np.testing.assert_allclose(to_matrix(V.V), frame.arrays["efg"][V.centres].reshape(-1, 3, 3), atol=1e-7)
    np.testing.assert_allclose(au.V, V.V, atol=1e-5)
    assert [str(frame.symbols[i]) for i in V.centres] == ["Li"] * 12
    assert V.group == "run0-0"
    assert V.config_type == "beta"
    assert V.site is None


def test_compressed_without_unit_and_with_sign(tmp_path):
    frames = efg_data.labelled(2)
    for frame in frames:
        frame.info.pop("efg_units")
        frame.info.pop("group")
        frame.arrays["site"] = np.array([f"{symbol}A" for symbol in frame.symbols])
    plain = efg_data.save(tmp_path / "a.extxyz", frames)
    path = tmp_path / "a.extxyz.xz"
    path.write_bytes(lzma.compress(plain.read_bytes()))
    with pytest.raises(InputError, match="structure 0: expected efg_units=V/Ang\\^2 or au, found none"):
        read_tensors(path, ["Li"])
    first, second = read_tensors(path, ["Li"], units="V/Ang^2", sign=-1)
    np.testing.assert_allclose(to_matrix(first.V), -frames[0].arrays["efg"][:12].reshape(-1, 3, 3), atol=1e-7)
    assert first.group != second.group
    assert first.site.tolist() == ["LiA"] * 12


@pytest.mark.parametrize("run_together", [False, True])
def test_magres(tmp_path, run_together):
    atoms = efg_data.labelled(1, units="au")[0]
    (read,) = read_tensors(magres(tmp_path / "a.magres", atoms, run_together=run_together), ["Li"])
    np.testing.assert_allclose(to_matrix(read.V), AU * atoms.arrays["efg"][:12].reshape(-1, 3, 3), atol=1e-6)
    np.testing.assert_allclose(read.atoms.positions, atoms.positions, atol=1e-9)
    assert all(read.atoms.pbc)


def test_magres_of_ase_is_read_the_same(tmp_path):
    """Where every atom has a tensor, ASE reads it too; here both ways must agree."""
    from ase.io import read as ase_read

    atoms = efg_data.labelled(1, units="au")[0]
    atoms.arrays["efg"] = np.where(np.isnan(atoms.arrays["efg"]), 0.0, atoms.arrays["efg"])
    path = magres(tmp_path / "a.magres", atoms)
    (read,) = read_tensors(path, ["Li"])
    expected = ase_read(path).arrays["efg"][read.centres]
    np.testing.assert_allclose(to_matrix(read.V), AU * expected, atol=1e-6)


def test_magres_with_missing_tensors(tmp_path):
    atoms = efg_data.labelled(1, units="au")[0]
    path = magres(tmp_path / "a.magres", atoms, skip=(2, 5))
    with pytest.raises(InputError, match="no tensor of Li3, Li6; allow_missing = true"):
        read_tensors(path, ["Li"])
    (read,) = read_tensors(path, ["Li"], allow_missing=True)
    assert sorted(set(range(12)) - set(read.centres.tolist())) == [2, 5]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("#$magres-abinitio-v1.0", "# nothing", "expected a magres file"),
        ("units efg au", "units efg SI", ":.*expected units efg au, found SI"),
        ("  efg Li 1 ", "  efg Li 99 ", "tensor of 'Li99', which is no atom"),
        ("  efg Li 1 ", "  efg Li 1 x ", "which is no atom"),
        ("[/atoms]", "", "cannot be read by ASE"),
        ("  efg Li", "  efg_nonlocal Li", "expected lines 'efg label index"),
    ],
)
def test_bad_magres(tmp_path, old, new, message):
    path = magres(tmp_path / "a.magres", efg_data.labelled(1, units="au")[0])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        read_tensors(path, ["Li"])
    with pytest.raises(InputError, match="no such file"):
        read_tensors(tmp_path / "none.magres", ["Li"])


def test_labels_that_are_refused(tmp_path):
    def with_trace(atoms):
        atoms.arrays["efg"][:, [0, 4, 8]] += 3.0

    def transposed(atoms):
        atoms.arrays["efg"][:, 1] += 5.0

    def one_nan(atoms):
        atoms.arrays["efg"][3, 4] = np.nan

    def six(atoms):
        atoms.arrays["efg"] = atoms.arrays["efg"][:, :6].copy()

    for change, message in (
        (six, "nine numbers per atom"),
        (with_trace, "no rounding; are these field gradients"),
        (transposed, "no rounding; are these field gradients"),
        (one_nan, "efg of atom 3: NaN among numbers"),
        (lambda a: a.info.update(efg_units="SI"), "found 'SI'"),
        (lambda a: a.arrays["efg"].fill(np.nan), "labels on Li, found none"),
    ):
        frames = efg_data.labelled(2)
        change(frames[1])
        write(tmp_path / "a.xyz", frames[0], format="extxyz", columns=["symbols", "positions", "efg"])
        write(tmp_path / "a.xyz", frames[1], format="extxyz", columns=["symbols", "positions", "efg"], append=True)
        with pytest.raises(InputError, match=f"structure 1: .*{message}"):
            read_tensors(tmp_path / "a.xyz", ["Li"])
    path = efg_data.save(tmp_path / "b.xyz", efg_data.labelled(1))
    with pytest.raises(InputError, match="the file says efg_units=V/Ang\\^2, but au was given"):
        read_tensors(path, ["Li"], units="au")
    with pytest.raises(InputError, match="expected V/Ang\\^2 or au, found 'SI'"):
        read_tensors(path, ["Li"], units="SI")
    with pytest.raises(InputError, match="expected 1 or -1"):
        read_tensors(path, ["Li"], sign=2)
    with pytest.raises(InputError, match="labels on Na, found none"):
        read_tensors(path, ["Na"])


@pytest.mark.parametrize(("wrong", "word"), [("au", "larger"), ("V/Ang^2", "smaller")])
def test_mixed_units_are_asked_about(tmp_path, wrong, word):
    frames = efg_data.labelled(6, units="V/Ang^2" if wrong == "au" else "au")
    for frame in frames[2:4]:
        frame.info["efg_units"] = wrong
    structures = read_tensors(efg_data.save(tmp_path / "a.xyz", frames), ["Li"])
    with pytest.raises(InputError, match=f"structure 2: its tensors are 97 times {word} .* 1 more.*which unit"):
        check_units(structures)
    check_units([structures[k] for k in (0, 1, 4, 5)])


def test_outliers_are_named(tmp_path):
    frames = efg_data.labelled(3)
    frames[1].arrays["efg"][4] *= 20
    structures = read_tensors(efg_data.save(tmp_path / "a.xyz", frames), ["Li"])
    found = outliers(structures)
    assert any("structure 1: atom 4: |V| =" in text for text in found)
    assert not outliers([structures[0], structures[2]])


def test_committed_labels_are_read(repository):
    structures = read_tensors(repository / "inputs" / "lps" / "labels" / "lps-pbe-efg.extxyz.xz", ["Li"])
    check_units(structures)
    assert sum(len(s.centres) for s in structures) == 168
    assert len({s.group for s in structures}) == 13
