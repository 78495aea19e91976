"""Every variant of potential files: read by the pair style, or refused with the converter's name and converted."""

import itertools
import json

import numpy as np
import pytest

import uf3_reference as reference
from lammps_run import cluster, static
from ufpnmr import Potential

X = [(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5), (1.1, 1.3, 1.9), (-1.7, 1.4, 0.6)]
TYPES = [1, 2, 1, 2, 2]
ELEMENTS = ["Li", "S"]
SYSTEM = cluster(X, TYPES)
OFFSETS = {"Li": -1.25, "S": -2.5}


def random_li_s(**options):
    return reference.random_model(("Li", "S"), **options)


def naive(model):
    energy, forces, _ = reference.evaluate(model, X, [ELEMENTS[t - 1] for t in TYPES])
    return energy, forces


def found(path, folder, settings="3"):
    return static(SYSTEM, [f"pair_style ufp {settings}", f"pair_coeff * * {path} Li S"], folder)


def assert_right(path, folder, model, settings="3"):
    energy, forces = naive(model)
    result = found(path, folder, settings)
    assert result.energy == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(result.forces, forces, rtol=0, atol=1e-11)
    evaluation = Potential.read(path).evaluate(atoms(), onebody=False)
    assert evaluation.energy == pytest.approx(energy, rel=1e-12)
    return result


def atoms():
    from ase import Atoms

    return Atoms([ELEMENTS[t - 1] for t in TYPES], positions=X)


# --- the type line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trims",
    [
        "0 3 uk",
        "0 3 nk",
        "2 1 uk",
        "{2: 0, 3: 3} {2: 3, 3: 3} uk",
        "{'2': 0, '3': 3} 3 nk",
        "0 3",
        "{2:0,3:3} {2:3,3:3}",
    ],
)
def test_trims_and_missing_kind(trims, tmp_path):
    model = random_li_s()
    path = reference.write(tmp_path / "P.uf3", model)
    path.write_text(path.read_text().replace(" 0 3 uk\n", f" {trims}\n"))
    assert_right(path, tmp_path, model)


@pytest.mark.parametrize(("warp", "kind"), [(1.0, "uniform"), (1.3, "non-uniform")])
def test_missing_kind_is_detected(warp, kind, tmp_path):
    model = random_li_s(warp=warp)
    path = reference.write(tmp_path / "P.uf3", model)
    path.write_text(path.read_text().replace(" 0 3 uk\n", " 0 3\n"))
    assert f"{kind} knots" in assert_right(path, tmp_path, model).output


@pytest.mark.parametrize("leading", [0, 1, 3])
@pytest.mark.parametrize("trailing", [0, 1, 3])
def test_any_trim_of_the_coefficients(leading, trailing, tmp_path):
    """Without trailing trims the energy jumps at the cutoff, which no atom here is near."""
    model = random_li_s()
    rng = np.random.default_rng(0)
    for blocks in (model.pairs, model.triplets):
        for key, (knots, c, rc) in blocks.items():
            c = rng.standard_normal(c.shape)
            if c.ndim == 3 and key[1] == key[2]:
                c = c + c.transpose(1, 0, 2)
            for axis in range(c.ndim):
                view = np.moveaxis(c, axis, 0)
                view[:leading] = 0
                view[len(view) - trailing :] = 0
            blocks[key] = (knots, c, rc)
    path = reference.write(tmp_path / "P.uf3", model)
    path.write_text(path.read_text().replace(" 0 3 uk\n", f" {leading} {trailing} uk\n"))
    assert_right(path, tmp_path, model)


def test_layout_of_the_text(tmp_path):
    """Remarks, blank lines, wrapped vectors, CRLF, blocks and neighbours in another order, blocks of other elements."""
    model = reference.random_model()
    blocks = reference.write(tmp_path / "P.uf3", model).read_text().split("#UF3 POT")
    text = "a remark\n\n" + "".join("#UF3 POT" + block for block in reversed(blocks[1:]))
    rows = text.replace("2B Li S ", "2B S Li ").split("\n")
    wrapped = [row.replace(" ", "\n", 1) if row[:1].isdigit() and row.count(" ") > 8 else row for row in rows]
    path = tmp_path / "Q.uf3"
    path.write_bytes("\r\n".join(row + ("\r\n" if row[:1].isdigit() else "") for row in wrapped).encode())
    assert_right(path, tmp_path, model)
    transposed = reference.random_model()
    (ij, ik, jk), c, (rij, rik, rjk) = transposed.triplets.pop(("Li", "Li", "S"))
    transposed.triplets["Li", "S", "Li"] = ((ik, ij, jk), c.transpose(1, 0, 2), (rik, rij, rjk))
    assert_right(reference.write(tmp_path / "T.uf3", transposed), tmp_path, model)


# --- cutoffs and missing blocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rc_jk", [3.0, 4.5, 7.0, 9.0, 12.0])
@pytest.mark.parametrize("warp", [1.0, 1.3])
def test_any_cutoff_of_the_opposite_side(rc_jk, warp, tmp_path):
    """Below, equal to and above the sum of the legs (4.5 + 4.5 A)."""
    model = random_li_s(warp=warp)
    far = reference.clamped(1.0, rc_jk, 10, warp)
    for key, ((ij, ik, _), c, (rij, rik, _)) in model.triplets.items():
        model.triplets[key] = ((ij, ik, far), c, (rij, rik, rc_jk))
    assert_right(reference.write(tmp_path / "P.uf3", model, kind="nk"), tmp_path, model)


def test_cutoffs_below_the_last_knot_and_unequal_legs(tmp_path):
    model = random_li_s()
    for key, (knots, c, _) in model.pairs.items():
        model.pairs[key] = (knots, c, 2.6)
    for n, (key, (knots, c, _)) in enumerate(model.triplets.items()):
        legs = (3.9, 3.9) if key[1] == key[2] else (3.3 + 0.1 * n, 4.1)
        model.triplets[key] = (knots, c, (*legs, 3.6))
    output = assert_right(reference.write(tmp_path / "P.uf3", model), tmp_path, model).output
    assert "pair_style uf3 would cut them there" in output


def test_missing_triplets_are_zero_only_on_the_keyword(tmp_path):
    model = random_li_s()
    knots, c, rc = model.triplets["S", "Li", "S"]
    zero = random_li_s()
    zero.triplets["S", "Li", "S"] = (knots, 0 * c, rc)
    del model.triplets["S", "Li", "S"]
    path = reference.write(tmp_path / "P.uf3", model)
    with pytest.raises(Exception, match="expected a block 3B S Li S, found none"):
        found(path, tmp_path)
    result = found(path, tmp_path, "3 missing3b zero")
    energy, forces = naive(zero)
    assert result.energy == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(result.forces, forces, rtol=0, atol=1e-11)
    assert Potential.read(path).evaluate(atoms(), missing3b="zero").energy == pytest.approx(energy, rel=1e-12)
    del model.pairs["Li", "S"]
    path = reference.write(tmp_path / "Q.uf3", model)
    with pytest.raises(Exception, match="expected a block 2B Li S, found none"):
        found(path, tmp_path, "3 missing3b zero")


# --- through ufp convert ----------------------------------------------------------------------------------------------


def json_model(model, style):
    """UF3 JSON as the Python package wrote it: 'develop' or '0.4.0' (old keys, integer trims, two knot vectors)."""
    coefficients = dict(OFFSETS)
    knots = {}
    for (a, b), (axis, c, _) in model.pairs.items():
        coefficients[f"{a}-{b}"], knots[f"{a}-{b}"] = c.tolist(), axis.tolist()
    for key, (axes, c, _) in model.triplets.items():
        vectors = [axis.tolist() for axis in axes]
        coefficients["-".join(key)] = c.tolist()
        knots["-".join(key)] = vectors if style == "develop" else [vectors[0], vectors[2]]
    old = style == "0.4.0"
    return {
        "element_list": ELEMENTS,
        "degree": 3,
        "solution" if old else "coefficients": coefficients,
        "knots_map" if old else "knots": knots,
        "leading_trim": 0 if old else {"2": 0, "3": 0},
        "trailing_trim": 3 if old else {"2": 3, "3": 3},
        "offset_1b": True,
        "knot_strategy": "linear",
    }


@pytest.mark.parametrize("style", ["develop", "0.4.0"])
def test_json_with_one_body_energies(style, ufp, tmp_path):
    model = random_li_s()
    source, path = tmp_path / "model.json", tmp_path / "model.uf3"
    source.write_text(json.dumps(json_model(model, style)))
    with pytest.raises(
        Exception, match=r"model\.json:1: expected .*, found a JSON model: convert it with `ufp convert"
    ):
        found(source, tmp_path)
    done = ufp("convert", source, "-o", path)
    assert done.returncode == 0, done.stderr
    assert [line for line in path.read_text().splitlines() if "ONEBODY" in line] == [
        "#UFP ONEBODY Li -1.25",
        "#UFP ONEBODY S -2.5",
    ]
    without = assert_right(path, tmp_path, model).energy
    offsets = sum(OFFSETS[ELEMENTS[t - 1]] for t in TYPES)
    both = found(path, tmp_path, "3 onebody yes")
    assert both.energy == pytest.approx(without + offsets, rel=1e-13)
    for potential in (Potential.read(source), Potential.read(path)):
        for onebody, expected in ((True, both.energy), (False, without)):
            assert potential.evaluate(atoms(), onebody=onebody).energy == pytest.approx(expected, rel=1e-12)
    energies = Potential.read(path).evaluate(atoms(), onebody=True).energies
    np.testing.assert_allclose(both.energies, energies, rtol=1e-12)


@pytest.mark.parametrize(("cutoff", "written"), [(7.0, False), (9.0, True)])
def test_json_that_pair_style_uf3_cannot_load(cutoff, written, ufp, tmp_path):
    model = random_li_s()
    far = reference.clamped(1.0, cutoff, 10)
    for key, ((ij, ik, _), c, _) in model.triplets.items():
        model.triplets[key] = ((ij, ik, far), c, (4.5, 4.5, cutoff))
    source, path = tmp_path / "model.json", tmp_path / "model.uf3"
    source.write_text(json.dumps(json_model(model, "develop")))
    assert (ufp("convert", source, "-o", path).returncode == 0) == written
    assert ufp("convert", source, "-o", path, "--force", "--allow-unloadable").returncode == 0
    assert_right(path, tmp_path, model)


@pytest.mark.parametrize("header", ["#UF3 POT UNITS: metal DATE: x AUTHOR: y CITATION: z", "#UF3 POT"])
@pytest.mark.parametrize("kind", [" uk", ""])
def test_one_interaction_files(header, kind, ufp, tmp_path):
    """Files A_A ... B_B_B of 2022 to 2024, with and without units and kind."""
    model = random_li_s()
    lines = reference.write(tmp_path / "whole.uf3", model).read_text()
    label = {"Li": "A", "S": "B"}
    names = []
    for block in lines.split("#UF3 POT")[1:]:
        _, kind_line, body = block.split("\n", 2)
        words = kind_line.split()
        count = 2 if words[0] == "2B" else 3
        name = "_".join(label[word] for word in words[1 : 1 + count])
        (tmp_path / name).write_text(f"{header}\n{words[0]} 0 3{kind}\n{body}")
        names.append(tmp_path / name)
    assert len(names) == 3 + 6
    with pytest.raises(Exception, match=r"A_A:2: expected '2B El1 El2 .*ufp convert"):
        found(names[0], tmp_path)
    done = ufp("convert", *names, "-o", tmp_path / "joined.uf3", "--elements", "A=Li,B=S")
    assert done.returncode == 0, done.stderr
    assert_right(tmp_path / "joined.uf3", tmp_path, model)


# --- damaged files ----------------------------------------------------------------------------------------------------


def damaged(text, rng):
    """One to three changes of `text`: something cut out, put in, or broken off."""
    pieces = ["nan", "-", "#", "\n", " ", "1e308", "9", "-1", "uk", "{2: 0}", "3B", "2B", "\t", "x", "\0", "é"]
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(max(len(text), 1)))
        change = rng.integers(8)
        if change < 3:
            text = text[:at] + text[at + int(rng.integers(1, 40)) :]
        elif change < 7:
            text = text[:at] + pieces[rng.integers(len(pieces))] + text[at:]
        else:
            text = text[: at + 1]
    return text


def test_damaged_files_end_in_a_message_or_a_finite_energy(tmp_path):
    """The parser alone is tried on many more in tests/core."""
    from lammps_run import commands, instance

    rng = np.random.default_rng(11)
    path = reference.write(tmp_path / "P.uf3", reference.tiny())
    whole = path.read_text()
    accepted = refused = 0
    pair = ["pair_style ufp", f"pair_coeff * * {path} Li"]
    lines = commands(cluster([(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5), (0.4, 0.3, 0)]), [], tmp_path)
    setup = list(itertools.takewhile(lambda line: not line.startswith("compute"), lines))
    with instance(tmp_path) as lmp:
        lmp.commands_list(setup)
        for _ in range(300):
            path.write_text(damaged(whole, rng), encoding="utf-8")
            try:
                lmp.commands_list([*pair, "run 0 post no"])
            except Exception as error:
                refused += 1
                message = str(error)
                assert "pair_style ufp: " in message, message
                assert "expected " in message, message
                assert ", found " in message, message
                assert "P.uf3:" in message, message
            else:
                accepted += 1
                assert np.isfinite(lmp.get_thermo("pe"))
    assert accepted > 20
    assert refused > 100
