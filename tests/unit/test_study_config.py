"""What may stand in a study file; everything else is one line with the nearest valid name."""

import pytest

from ufpnmr.efg.shipped import shipped_model
from ufpnmr.errors import InputError
from ufpnmr.study import Study, read_config


def written(folder, text):
    path = folder / "changed.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_start_at_the_toml(study_folder):
    config = read_config(study_folder / "study.toml")
    assert config.md.data == study_folder / "data.beta-384"
    assert config.output.folder == study_folder / "out"
    assert config.nmr.convention == "harper2025"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("isotope =", "isotop =", "[nmr]: unknown key 'isotop' (did you mean 'isotope'?)"),
        ("[output]", "[outptu]", "unknown key 'outptu' (did you mean 'output'?)"),
        ("timestep_ps = 0.002", "", "trajectory.timestep_ps is missing"),
        ('isotope = "7Li"', "", "nmr.isotope is missing"),
        ("fields = { b = [0, 1, 0] }", "", "nmr.fields is missing"),
        ("temperature_K = 600", "", "system.temperature_K is missing"),
        ("temperature_K = 600", "temperature_K = -1", "greater than 0, found -1"),
        ("[0, 1, 0]", "[0, 0, 0]", "found the zero vector"),
        ("{ b =", "{ 'b/c' =", "expected names of letters, digits and _"),
        ('"LPS-starter.uf3"', '"LPS.uf"', "no such file"),
        ("seed = 4711", "T = 300", "T is set by system.temperature_K"),
        ('"element Li"', '"element Li"\npath = "data.beta-384"', "expected either [md] or trajectory.path, found both"),
        ("[md]", "[md", "expected TOML"),
        ("axes =", 'expected_status = { a = "no_deca" }\naxes =', "did you mean 'no_decay'?"),
        ('["P", "S"]]', '["P", "O"]]', "rdf.pairs: expected one of trajectory.elements (Li, P, S), found 'O'"),
        ('centre = "P"', "", "angles: expected centre with ligand, or lattice"),
        ("max_lag_ps", "max_lag", "[vanhove]: unknown key 'max_lag' (did you mean 'max_lag_ps'?)"),
        ('"point-charges.toml"', '"point-charges.toml"\ncontinue_series = "LPS-starter.uf3"', "needs md.continue_from"),
    ],
)
def test_wrong_input_is_one_line(study_folder, study_text, old, new, message):
    assert old in study_text
    path = written(study_folder, study_text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_config(path)
    text = str(caught.value)
    assert message in text
    assert str(path) in text
    assert "\n" not in text


def test_line_number_is_given(study_folder, study_text):
    text = study_text.replace("isotope =", "isotop =")
    line = text.splitlines().index('isotop = "7Li"') + 1
    with pytest.raises(InputError, match=rf"changed.toml:{line}:"):
        read_config(written(study_folder, text))


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_config(tmp_path / "none.toml")


NAMED = '[efg]\nmodel = "point-charges.toml"\n'


def test_without_a_name_the_shipped_model_is_taken(study_folder, study_text):
    """Said with its withheld error; a named model is taken instead."""
    config = read_config(written(study_folder, study_text.replace(NAMED, "", 1)))
    assert config.efg_model == shipped_model(["P", "Li", "S"], "Li")
    assert config.efg_model.name == "LPS.efg"
    said = []
    Study(config, 1, said.append, None).check()
    assert "LPS.efg shipped with ufpnmr (efg.model names none), withheld error" in said[0]
    assert "kHz of ω_Q" in said[0]
    assert read_config(study_folder / "study.toml").efg_model == study_folder / "point-charges.toml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('isotope = "7Li"', 'isotope = "33S"', "no field gradient model is shipped for S in Li-P-S (shipped: LPS.efg"),
        ('elements = ["Li", "P", "S"]', "", "name a model, or give trajectory.elements"),
        ('["Li", "P", "S"]', '["Li", "Na", "P", "S"]', "for Li in Li-Na-P-S (shipped: LPS.efg: Li in Li-P-S); name a"),
    ],
)
def test_where_no_shipped_model_fits_one_must_be_named(study_folder, study_text, old, new, message):
    text = study_text.replace(NAMED, "", 1)
    assert old in text
    with pytest.raises(InputError) as caught:
        read_config(written(study_folder, text.replace(old, new, 1)))
    assert "efg.model: " in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
