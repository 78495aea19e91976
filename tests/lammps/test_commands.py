"""What users type: syntax, messages, clear, several instances."""

import pytest

import uf3_reference as reference
from lammps_run import cluster, commands, instance, launch, static

CORNER = cluster([(0, 0, 0), (2, 0, 0), (0, 2.5, 0.5)])


def ufp(file, elements="Li", settings="3"):
    return [f"pair_style ufp {settings}", f"pair_coeff * * {file} {elements}"]


def refusal(lines, folder, **options):
    with instance(folder) as lmp, pytest.raises(Exception) as caught:
        lmp.commands_list(commands(CORNER, lines, folder, **options))
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("4", "expected 2, 3, short, onebody or missing3b, found 4"),
        ("3 short", "expected short warn|error|quiet, found nothing"),
        ("3 short loud", "expected short warn|error|quiet, found loud"),
        ("onebody maybe", "expected onebody no|yes, found maybe"),
        ("3 missing3b no", "expected missing3b error|zero, found no"),
    ],
)
def test_settings_refused(settings, message, potentials, tmp_path):
    assert message in refusal(ufp(potentials / "T.uf3", settings=settings), tmp_path)


@pytest.mark.parametrize(
    ("coefficients", "message"),
    [
        ("* * nowhere.uf3 Li", "cannot open nowhere.uf3: expected a .uf3 file here or in LAMMPS_POTENTIALS"),
        ("* * {T} Li Li", "expected 1 elements in pair_coeff, one for each atom type, found 2"),
        ("* *", "expected pair_coeff * * FILE and one element or NULL per atom type"),
        ("* * {T} Xx", "T.uf3: expected a block 2B Xx Xx, found none"),
        ("* * {T} NULL", "expected at least one element in pair_coeff, found only NULL"),
    ],
)
def test_coefficients_refused(coefficients, message, potentials, tmp_path):
    lines = ["pair_style ufp", "pair_coeff " + coefficients.format(T=potentials / "T.uf3")]
    assert message in refusal(lines, tmp_path)


def test_one_interaction_file_names_the_converter(tmp_path):
    path = tmp_path / "A_A"
    path.write_text("#UF3 POT UNITS: metal\n2B 0 3 nk\n4.0 8\n1 1 1 1 4 4 4 4\n4\n0.27 0 0 0\n#\n")
    assert "A_A:2: expected '2B El1 El2 LEAD TRAIL nk|uk'" in refusal(ufp(path), tmp_path)
    assert "ufp convert" in refusal(ufp(path), tmp_path)


def test_json_model_names_the_converter(tmp_path):
    path = tmp_path / "model.json"
    path.write_text('{"coefficients": {"Li": -1.0}, "knots": {}}\n')
    message = refusal(ufp(path), tmp_path)
    assert "model.json:1: expected a line '#UF3 POT UNITS: metal ...', found a JSON model: convert it with" in message
    assert "`ufp convert MODEL.json -o NAME.uf3`" in message


def test_null_without_another_style(potentials, tmp_path):
    system = cluster([(0, 0, 0), (2, 0, 0)], [1, 2])
    with instance(tmp_path) as lmp, pytest.raises(Exception, match="pair coeffs are not set"):
        lmp.commands_list(commands(system, ufp(potentials / "T.uf3", "Li NULL"), tmp_path))


def test_newton_off_and_other_units(potentials, tmp_path):
    assert "expected newton on (for pairs)" in refusal(ufp(potentials / "T.uf3"), tmp_path, newton="off")
    with instance(tmp_path) as lmp, pytest.raises(Exception, match="expected units metal, found units real"):
        lmp.commands_list(["units real", "region b block 0 9 0 9 0 9", "create_box 1 b", "pair_style ufp"])


def test_missing_triplet(potentials, cell24, tmp_path):
    model = reference.random_model()
    del model.triplets["S", "Li", "P"]
    path = reference.write(tmp_path / "missing.uf3", model)
    elements = ufp(path, "Li P S")
    with instance(tmp_path) as lmp, pytest.raises(Exception, match="expected a block 3B S Li P, found none"):
        lmp.commands_list(commands(cell24, elements, tmp_path))
    found = static(cell24, ufp(path, "Li P S", "3 missing3b zero"), tmp_path)
    assert "note: 3B S Li P is missing and taken as zero" in found.output
    knots, c, rc = reference.random_model().triplets["S", "Li", "P"]
    model.triplets["S", "Li", "P"] = (knots, 0 * c, rc)
    expected = static(cell24, ufp(reference.write(tmp_path / "zero.uf3", model), "Li P S"), tmp_path)
    assert found.energy == pytest.approx(expected.energy, rel=1e-13)


def test_missing_onebody(potentials, tmp_path):
    message = refusal(ufp(potentials / "T.uf3", settings="onebody yes"), tmp_path)
    assert "expected a one-body energy (#UFP ONEBODY Li ENERGY), found none" in message


def test_log_block(potentials, cell24, tmp_path):
    output = static(cell24, ufp(potentials / "R.uf3", "Li P S"), tmp_path).output
    assert "(DATE: 2025-01-01), elements Li P S" in output
    assert "6 two-body terms, cutoff 6.5 A; 18 three-body terms, legs up to 4.5 A" in output
    assert "one-body energies not added, short contacts warn, 1 thread(s) per rank" in output
    assert "2B Li Li is not repulsive at its first knot (1 A)" in output
    assert "10.1038/s41524-023-01092-7" in output


def test_clear_and_change_of_settings(potentials, tmp_path):
    lines = commands(CORNER, ufp(potentials / "T.uf3"), tmp_path)
    with instance(tmp_path) as lmp:
        lmp.commands_list(lines)
        whole = lmp.get_thermo("pe")
        lmp.command("pair_style ufp 2")  # keeps the potential
        lmp.command("run 0")
        assert lmp.get_thermo("pe") < whole
        lmp.command("clear")
        lmp.commands_list(lines)
        assert lmp.get_thermo("pe") == whole


def test_two_instances_in_one_process(potentials, cell24, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with instance(tmp_path / "a") as a, instance(tmp_path / "b") as b:
        a.commands_list(commands(CORNER, ufp(potentials / "T.uf3"), tmp_path / "a"))
        b.commands_list(commands(cell24, ufp(potentials / "R.uf3", "Li P S"), tmp_path / "b"))
        a.command("run 0")
        assert a.get_thermo("pe") == pytest.approx(0.233290215477487, abs=0.01)
        assert b.get_thermo("pe") == pytest.approx(141.820361151707, rel=1e-12)


def test_minimisation(potentials, cell24, tmp_path):
    lines = commands(cell24, ufp(potentials / "R.uf3", "Li P S"), tmp_path)
    with instance(tmp_path) as lmp:
        lmp.commands_list(lines)
        before = lmp.get_thermo("pe")
        lmp.command("minimize 0 1e-3 50 200")
        assert lmp.get_thermo("pe") < before


def test_found_by_lmp_without_plugin_load(potentials, tmp_path):
    done = launch(commands(CORNER, ufp(potentials / "T.uf3"), tmp_path), tmp_path)
    assert done.returncode == 0, done.stdout
    assert "pair_style ufp:" in done.stdout
