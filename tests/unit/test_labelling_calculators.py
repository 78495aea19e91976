"""Labels by any ASE calculator, and what holds for every labeller: names, options, checks, failures, programs."""

import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones

from ufpnmr.active.labelling import SHIPPED, LabelError, Labels, create
from ufpnmr.active.labelling.labeller import checked
from ufpnmr.active.labelling.programs import run_program
from ufpnmr.errors import InputError

# --- any calculator


def test_any_ase_calculator_by_name(tmp_path):
    atoms = bulk("Ar", cubic=True)
    atoms.rattle(0.1, seed=1)
    labeller = create("ase.calculators.lj:LennardJones", {"epsilon": 0.01, "sigma": 3.4})
    assert labeller.version().startswith("ase ")
    labels = labeller.label(atoms, tmp_path)
    atoms.calc = LennardJones(epsilon=0.01, sigma=3.4)
    assert labels.energy == atoms.get_potential_energy()
    np.testing.assert_array_equal(labels.forces, atoms.get_forces())
    np.testing.assert_array_equal(labels.stress, atoms.get_stress())
    atoms.pbc = (True, True, False)
    assert labeller.label(atoms, tmp_path).stress is None


def test_factory_of_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "mine_labels.py").write_text(
        "from ase.calculators.lj import LennardJones\n"
        "def factory(depth):\n    return LennardJones(epsilon=depth)\n"
        "def nothing():\n    return 3\n"
        "value = 1\n"
    )
    monkeypatch.chdir(tmp_path)
    labeller = create("mine_labels:factory", {"depth": 0.5})
    assert labeller.calculator.parameters.epsilon == 0.5
    assert labeller.version().startswith("mine_labels sha256:")
    assert str(tmp_path) not in sys.path
    with pytest.raises(InputError, match=r"no option 'dept' \(did you mean 'depth'\?\); there are depth"):
        create("mine_labels:factory", {"dept": 1})
    with pytest.raises(InputError, match=r"TypeError: .*depth"):
        create("mine_labels:factory")
    with pytest.raises(InputError, match="expected an ASE calculator or a labeller, found int"):
        create("mine_labels:nothing")
    with pytest.raises(InputError, match=r"has no callable 'factor' \(did you mean 'factory'\?\)"):
        create("mine_labels:factor")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cp2", r"expected one of cp2k, .* or module:factory \(did you mean 'cp2k'"),
        ("no_such_module:thing", "module 'no_such_module' cannot be imported"),
    ],
)
def test_unknown_labellers(name, message):
    with pytest.raises(InputError, match=message):
        create(name)


def test_wrong_options_of_shipped_labellers():
    with pytest.raises(InputError, match=r"labeller cp2k: no option 'cutof' \(did you mean 'cutoff'\?\)"):
        create("cp2k", {"cutof": 3})
    with pytest.raises(InputError, match="labeller cp2k: ValueError"):
        create("cp2k", {"cutoff": "high"})
    with pytest.raises(InputError, match="kpoints: expected three divisions"):
        create("cp2k", {"kpoints": [1, 2]})
    assert set(SHIPPED) == {"cp2k", "cp2k-efg", "espresso", "castep", "vasp", "chgnet", "sevennet"}


@pytest.mark.parametrize(("name", "package"), [("chgnet", "chgnet"), ("sevennet", "sevenn")])
def test_universal_potentials_that_are_not_installed(monkeypatch, name, package):
    for module in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package} cannot be imported .* pip install {package} \(a CPU"):
        create(name)


def test_failing_calculators_fail_their_structure_only(tmp_path):
    labeller = create("ase.calculators.emt:EMT")
    with pytest.raises(LabelError, match="NotImplementedError: No EMT-potential for Li"):
        labeller.label(bulk("Li"), tmp_path)
    assert labeller.label(bulk("Cu"), tmp_path).forces.shape == (1, 3)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (Labels(1.0, np.zeros((2, 3))), r"forces: expected shape \(1, 3\), found \(2, 3\)"),
        (Labels(1.0, np.zeros((1, 3)), np.zeros((3, 3))), "stress: expected shape"),
        (Labels(np.nan, np.zeros((1, 3))), "expected finite"),
        (Labels(1.0, np.full((1, 3), np.inf)), "expected finite"),
        (Labels(None, np.zeros((1, 3))), "expected numbers"),
    ],
)
def test_labels_are_checked(labels, message):
    with pytest.raises(LabelError, match=message):
        checked(labels, bulk("Cu"))


# --- programs


def test_run_program(tmp_path):
    run_program(["bash", "-c", "echo $OMP_NUM_THREADS $PWD"], tmp_path, "out", timeout=20, threads=3)
    assert (tmp_path / "out").read_text().split() == ["3", str(tmp_path)]
    with pytest.raises(LabelError, match="bash: ended with code 7: ERROR: no memory") as failed:
        run_program(["bash", "-c", "echo ERROR: no memory; echo bye; exit 7"], tmp_path, "out", timeout=20)
    assert not failed.value.killed
    for how in ("kill -9 $$", "exit 137"):
        with pytest.raises(LabelError, match="ended by SIGKILL") as killed:
            run_program(["bash", "-c", how], tmp_path, "out", timeout=20)
        assert killed.value.killed
    with pytest.raises(LabelError, match=r"took longer than 0\.2 s"):
        run_program(["sleep", "30"], tmp_path, "out", timeout=0.2)
    with pytest.raises(LabelError, match="cannot be started: No such file"):
        run_program(["no-such-program"], tmp_path, "out", timeout=1)
