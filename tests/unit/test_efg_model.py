"""The model object and its file."""

import dataclasses
import json
import struct
import zlib

import numpy as np
import pytest
from ase import Atoms

import efg_data
from efg_data import BASELINES, CHARGE_BASELINE, make_model
from ufpnmr.efg import kernels
from ufpnmr.efg.committee import spread
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.tensors import from_spherical, to_spherical, to_voigt6
from ufpnmr.errors import InputError


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


@pytest.mark.parametrize("zeta", [1, 2, 3])
@pytest.mark.parametrize("baseline", BASELINES)
def test_equivariance(zeta, baseline):
    model = make_model(zeta, baseline=baseline)
    atoms = efg_data.labelled(1, 3)[0]
    V = model.predict(atoms)
    tolerance = {"atol": 1e-8 * np.abs(V).max()}
    R = rotation(1)
    turned = Atoms(atoms.symbols, atoms.positions @ R.T, cell=atoms.cell.array @ R.T, pbc=True)
    np.testing.assert_allclose(model.predict(turned), R @ V @ R.T, **tolerance)
    inverted = Atoms(atoms.symbols, -atoms.positions, cell=-atoms.cell.array, pbc=True)
    np.testing.assert_allclose(model.predict(inverted), V, **tolerance)
    order = np.random.default_rng(2).permutation(len(atoms))
    shuffled = atoms[order]
    shuffled.positions += [3.0, -1.0, 20.0]
    back = {int(old): new for new, old in enumerate(order)}
    np.testing.assert_allclose(model.predict(shuffled, [back[i] for i in range(12)]), V, **tolerance)
    np.testing.assert_allclose(model.predict(atoms.repeat((1, 2, 1)), list(range(12))), V, **tolerance)
    assert np.all(np.trace(V, axis1=1, axis2=2) == pytest.approx(0, abs=1e-12 * np.abs(V).max()))


def test_cubic_site_has_no_gradient():
    model = make_model()
    crystal = Atoms("LiS", [[0, 0, 0], [2.5, 0, 0]], cell=2.5 * (1 - np.eye(3)), pbc=True)
    assert np.abs(model.predict(crystal)).max() < 1e-9


def test_selected_atoms_and_refusals():
    model, atoms = make_model(), efg_data.labelled(1)[0]
    np.testing.assert_array_equal(model.predict(atoms, [3, 1]), model.predict(atoms)[[3, 1]])
    with pytest.raises(InputError, match="atom 20 is"):
        model.predict(atoms, [20])
    with pytest.raises(InputError, match="expected atoms 0 to 31, found 32"):
        model.predict(atoms, [32])
    foreign = atoms.copy()
    foreign.symbols[31] = "Cl"
    with pytest.raises(InputError, match="trained with Li, P, S, found Cl"):
        model.predict(foreign)
    broken = atoms.copy()
    broken.positions[0, 0] = np.nan
    with pytest.raises(InputError, match="finite positions"):
        model.predict(broken)
    with pytest.raises(InputError, match="no committee"):
        dataclasses.replace(model, committee=None).predict_with_error(atoms)
    with pytest.raises(InputError, match="periodic in a, b and c"):
        cluster = atoms.copy()
        cluster.pbc = False
        make_model(baseline=CHARGE_BASELINE).predict(cluster)


def test_cutoff_larger_than_the_box_counts_images():
    model = make_model()
    small = Atoms("LiS", [[0, 0, 0], [1.4, 0.3, 0.2]], cell=[3.0, 3.1, 3.2], pbc=True)
    np.testing.assert_allclose(model.predict(small.repeat(3), [0]), model.predict(small), atol=1e-9)


def test_members_are_calibrated_around_the_prediction():
    model, atoms = make_model(), efg_data.labelled(1)[0]
    V, sigma = model.predict_with_error(atoms)
    np.testing.assert_array_equal(V, model.predict(atoms))
    members = model.members(atoms)
    assert members.shape == (4, 12, 3, 3)
    np.testing.assert_allclose(members.mean(axis=0), V, atol=1e-10)
    np.testing.assert_allclose(spread(to_spherical(to_voigt6(members))), sigma, rtol=1e-9)


def test_a_neighbour_across_the_cutoff_changes_nothing():
    model = make_model()
    for step in (1e-6, 1e-7):
        V = [
            model.predict(Atoms("LiS2", [[0, 0, 0], [2.3, 0, 0], [0, 4.0 + sign * step, 0]], cell=[20] * 3, pbc=True))
            for sign in (-1, 1)
        ]
        assert np.abs(V[0] - V[1]).max() < 10 * step * np.abs(V[0]).max()


def test_file_round_trip(tmp_path):
    for zeta, baseline in zip((1, 2, 3, 4), BASELINES, strict=True):
        model = make_model(zeta, baseline=baseline)
        path = tmp_path / f"{zeta}.efg"
        model.write(path)
        again = EFGModel.read(path)
        assert again.digest == model.digest
        assert again.engine == model.engine
        np.testing.assert_array_equal(again.predict(efg_data.labelled(1)[0]), model.predict(efg_data.labelled(1)[0]))
        for name in ("descriptor", "centres", "alpha", "training", "error", "label_scale", "scale", "zeta"):
            assert getattr(again, name) == getattr(model, name)
        np.testing.assert_array_equal(again.committee, model.committee)
        (check,) = again.checks
        np.testing.assert_array_equal(check.expected, model.checks[0].expected)
        found = again.regressed(check.frame, check.centres, "double")[0]
        np.testing.assert_array_equal(found, check.expected)
        assert path.stat().st_size % 64 == 0
        with pytest.raises(InputError, match="exists"):
            model.write(path)
        model.write(path, force=True)
    assert dataclasses.replace(model, error={}).digest == model.digest
    assert dataclasses.replace(model, label_scale=1.0).digest != model.digest
    with pytest.raises(InputError, match="at least eight check environments"):
        dataclasses.replace(model, checks=()).write(tmp_path / "b.efg")
    assert "committee of 4" in repr(model)


def rewritten(data, change):
    """Return a model file whose header was changed and has the right checksum again."""
    magic, version, mark, length, _, zero = struct.unpack_from("<8sIIQII", data)
    header = json.loads(data[32 : 32 + length])
    change(header)
    text = json.dumps(header, ensure_ascii=False).encode()
    assert len(text) <= min(entry["offset"] for entry in header["arrays"].values()) - 32
    prefix = struct.pack("<8sIIQII", magic, version, mark, len(text), zlib.crc32(text), zero)
    first = min(entry["offset"] for entry in header["arrays"].values())
    return (prefix + text).ljust(first, b"\0") + data[first:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: b"", "another format"),
        (lambda d: b"\x89HDF\r\n\x1a\n" + d[8:], "another format"),
        (lambda d: d[:8] + struct.pack("<I", 2) + d[12:], "format version 2; this ufpnmr reads versions up to 1"),
        (lambda d: d[:8] + struct.pack("<I", 0) + d[12:], "format version 0"),
        (lambda d: d[:12] + d[12:16][::-1] + d[16:], "endianness mark 0x01020304, found 0x04030201"),
        (lambda d: d[:40] + b"?" + d[41:], "checksum of the header"),
        (lambda d: d[:200], "checksum of the header"),
        (lambda d: d[:-80], "the file is cut|checksum is wrong"),
        (lambda d: rewritten(d, lambda h: h["required"].append("spin")), "requires spin, which"),
        (lambda d: rewritten(d, lambda h: h["property"].update(rank=0)), "expected a model of"),
        (lambda d: rewritten(d, lambda h: h.pop("zeta")), "lacks or misstates an entry"),
        (lambda d: rewritten(d, lambda h: h.update(zeta=1)), "coefficients: expected shape"),
        (lambda d: rewritten(d, lambda h: h["arrays"]["coefficients"].update(dtype="<O8")), "expected one of"),
        (lambda d: rewritten(d, lambda h: h["descriptor"].update(l_max=1)), "expected l ≤ 1"),
    ],
)
def test_damaged_and_foreign_files(tmp_path, change, message):
    path = tmp_path / "a.efg"
    make_model().write(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        EFGModel.read(path)
    assert str(path) in str(caught.value)


def test_every_flipped_byte_of_an_array_is_found(tmp_path):
    path = tmp_path / "a.efg"
    make_model().write(path)
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data, 16)[0]
    for name, entry in json.loads(data[32 : 32 + length])["arrays"].items():
        at = entry["offset"] + 5
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(InputError, match=f"{name}: the checksum is wrong"):
            EFGModel.read(path)


def test_unknown_optional_entries_are_ignored(tmp_path):
    path = tmp_path / "a.efg"
    model = make_model()
    model.write(path)

    def change(header):
        header["code"] = ""
        header["x"] = 1

    path.write_bytes(rewritten(path.read_bytes(), change))
    assert EFGModel.read(path).digest == model.digest


def test_a_version_1_file_stays_readable(repository):
    """Written by the first version of the format; its own check environments are the truth."""
    model = EFGModel.read(repository / "tests" / "data" / "point_charges_v1.efg")
    assert sum(len(check.centres) for check in model.checks) >= 8
    for check in model.checks:
        found = model.regressed(check.frame, check.centres, "double")[0]
        np.testing.assert_allclose(found, check.expected, atol=1e-9 * model.label_scale)
    assert model.training["title"] == "Point charges"
    assert model.committee.shape[0] == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"centres": ()}, "at least one centre"),
        ({"centres": ("Na",)}, "centre Na"),
        ({"zeta": 3}, "needs the invariants"),
        ({"coefficients": np.ones((2, 2))}, "coefficients: expected shape"),
        ({"committee": np.ones((2, 2, 2))}, "committee: expected members"),
        ({"tensors": SelectedFeatures(0, np.zeros((12, 4), int))}, "λ = 2, found 0"),
        ({"invariants": SelectedFeatures(0, np.full((7, 4), 9))}, "channels below 9"),
    ],
)
def test_models_that_make_no_sense(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(make_model(), **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"species": ()}, "different species"),
        ({"cutoff": -1.0}, "cutoff: expected a positive length"),
        ({"width": 9.0}, "width"),
        ({"n_max": 0}, "n_max 1 to 16"),
        ({"basis": "fourier"}, "basis: expected gto"),
    ],
)
def test_descriptors_that_make_no_sense(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(Descriptor(("Li",)), **change)


@pytest.mark.parametrize("zeta", [1, 2, 3])
def test_kernel_and_explicit_features_agree(zeta):
    """The compiled contraction against P² and P⁰ written out; single precision against double."""
    model, atoms = make_model(zeta), efg_data.labelled(1, 5)[0]
    frame, centres = Frame.from_atoms(atoms), np.arange(12)
    P2, P0 = model.features(frame, centres)
    y = kernels.predict(P2, P0, model.coefficients, zeta, model.active)
    V = to_voigt6(model.predict(atoms))
    np.testing.assert_allclose(V, from_spherical(model.label_scale * y), atol=1e-10 * np.abs(V).max())
    single = model.gradients(frame.cell, frame.positions, frame.elements, centres)
    assert 0 < np.abs(single - V).max() < 1e-4 * np.abs(V).max()
    two = model.gradients(frame.cell, frame.positions, frame.elements, centres, threads=2)
    np.testing.assert_array_equal(two, single)


def test_a_model_proves_itself_on_its_check_environments():
    model, atoms = make_model(), efg_data.labelled(1)[0]
    frame = Frame.from_atoms(atoms)
    (check,) = model.checks
    arguments = (frame.cell, frame.positions, frame.elements, check.centres)

    def shifted(by):
        moved = dataclasses.replace(check, expected=check.expected + by * model.label_scale)
        return dataclasses.replace(model, checks=(moved,))

    with pytest.raises(InputError, match="predicts its own check environments wrongly, by 0\\.1"):
        shifted(0.1).predict(atoms)
    with pytest.warns(UserWarning, match="double precision is used"):
        found = shifted(1e-3).gradients(*arguments)
    np.testing.assert_array_equal(found, model.gradients(*arguments, precision="double"))
