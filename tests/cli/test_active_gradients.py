"""``ufp active run`` with field gradients: each cycle has a potential and a model of gradients."""

import re

import ase.io
import numpy as np
import pytest

import active_case
from ufpnmr.active.config import read_config
from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.point_charges import PointCharges
from ufpnmr.errors import InputError
from ufpnmr.results.learning import LearningRecord

RUN = ("active", "run", "run.toml", "--threads", "1")
CHARGES = PointCharges("Li", {"Li": 1.0, "S": -2.0})
TENSORS = '''"""The hidden potential with the field gradients of point charges."""

import numpy as np

from ufpnmr.active.labelling import LabelError, Labels
from ufpnmr.efg.point_charges import PointCharges
from ufpnmr.potential import Potential


class Labeller:
    def __init__(self, file, tensors=True, refuse=()):
        self.potential, self.tensors, self.refuse = Potential.read(file), tensors, refuse

    def version(self):
        return "1"

    def ready(self):
        pass

    def label(self, atoms, folder):
        if str(atoms.info["uid"]) in self.refuse:
            raise LabelError("refused")
        found = self.potential.evaluate(atoms, threads=1)
        efg = None
        if self.tensors:
            li = [i for i, symbol in enumerate(atoms.symbols) if symbol == "Li"]
            efg = np.full((len(atoms), 3, 3), np.nan)
            efg[li] = PointCharges("Li", {"Li": 1.0, "S": -2.0}).predict(atoms, li)
        return Labels(found.energy, found.forces, found.stress, efg=efg)
'''
FIT = """
title = "Point charges of Li2S"
[data]
train = ["tensors.extxyz"]
test = ["tensors-test.extxyz"]
[model]
centres = ["Li"]
tensors = 20
invariants = 10
selection_environments = 40
[descriptor]
cutoff = 4.0
n_max = 3
l_max = 2
[solver]
iterations = 60
[committee]
members = 2
[report]
bootstrap = 20
learning_curve = false
"""
OTHER = """
[gradients]
fit_file = "efg.toml"
structures = 2
[gradients.labeller]
name = "tensors:Labeller"
options = { file = "truth.uf3" }
"""
SAME = '\n[gradients]\nfit_file = "efg.toml"\n'


def with_tensors(count, seed):
    random = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        atoms = active_case.structure(random)
        li = [i for i, symbol in enumerate(atoms.symbols) if symbol == "Li"]
        efg = np.full((len(atoms), 3, 3), np.nan)
        efg[li] = CHARGES.predict(atoms, li)
        atoms.arrays["efg"] = efg.reshape(-1, 9)
        atoms.info |= {"efg_units": "V/Ang^2", "group": f"run{seed}-{number}"}
        frames.append(atoms)
    return frames


@pytest.fixture
def case(tmp_path):
    active_case.write_case(tmp_path)
    (tmp_path / "tensors.py").write_text(TENSORS, encoding="utf-8")
    (tmp_path / "efg.toml").write_text(FIT, encoding="utf-8")
    for name, count, seed in (("tensors", 6, 1), ("tensors-test", 3, 2)):
        ase.io.write(tmp_path / f"{name}.extxyz", with_tensors(count, seed), columns=["symbols", "positions", "efg"])
    return tmp_path


def add(folder, text, *changes):
    path = folder / "run.toml"
    toml = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in toml
        toml = toml.replace(old, new, 1)
    path.write_text(toml.replace("[stop]", text + "[stop]", 1), encoding="utf-8")


def test_another_program_makes_the_tensors(case, ufp):
    add(case, OTHER)
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    rows = LearningRecord.read(case / "out" / "record.json").cycles
    assert [row["gradients"]["labelled"] for row in rows] == [6, 8, 10]
    assert [row["gradients"]["new"] for row in rows] == [2, 2, None]
    assert [row["labelled"] for row in rows] == [4, 7, 10]
    first = ase.io.read(case / "out" / "cycle-001" / "gradients.extxyz", ":")
    assert [a.info["uid"] for a in first] == [row["uid"] for row in rows[0]["selected"][:2]]
    np.testing.assert_allclose(
        first[0].arrays["efg"][4:].reshape(-1, 3, 3),
        CHARGES.predict(first[0], list(range(4, len(first[0])))),
        atol=1e-6,
    )
    model = EFGModel.read(case / "out" / "model.efg")
    assert model.training["structures"] == 10
    assert (case / "out" / "cycle-003" / "model.efg").read_bytes() == (case / "out" / "model.efg").read_bytes()
    assert 0 < rows[-1]["gradients"]["withheld"]["relative_tensor_rmse"] < 2
    before = (case / "out" / "model.efg").stat().st_mtime_ns
    assert ufp(*RUN).returncode == 3
    assert (case / "out" / "model.efg").stat().st_mtime_ns == before


def test_tensors_come_with_the_labels_or_not(case, ufp):
    """A labeller that gives tensors for all; one that gives none leaves valid cycles."""
    change = (
        'name = "truth:calculator"\noptions = { file = "truth.uf3" }',
        'name = "tensors:Labeller"\noptions = {OPTIONS}',
    )
    add(case, SAME, change)
    toml = (case / "run.toml").read_text(encoding="utf-8")
    for options, folder, expected in (
        ('{ file = "truth.uf3" }', "all", [6, 9, 12]),
        ('{ file = "truth.uf3", tensors = false }', "none", [6, 6, 6]),
    ):
        text = toml.replace("{OPTIONS}", options).replace('folder = "out"', f'folder = "{folder}"')
        (case / "run.toml").write_text(text, encoding="utf-8")
        done = ufp(*RUN)
        assert done.returncode == 3, done.stderr
        rows = LearningRecord.read(case / folder / "record.json").cycles
        assert [row["gradients"]["labelled"] for row in rows] == expected
        assert [row["labelled"] for row in rows] == [4, 7, 10]


def test_tensors_made_elsewhere(case, ufp):
    add(case, OTHER, ("maximum_cycles = 2", "maximum_cycles = 1"))
    path = case / "run.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('name = "tensors:Labeller"\noptions = { file = "truth.uf3" }', 'name = "external"'),
        encoding="utf-8",
    )
    done = ufp(*RUN)
    assert done.returncode == 3
    assert re.search(r"2 structures of .*out/cycle-001/gradients-queue\.extxyz wait for labels", done.stderr)
    cycle = case / "out" / "cycle-001"
    command = ("active", "label", cycle / "gradients-queue.extxyz", cycle / "gradients.extxyz")
    done = ufp(*command, "--labeller", "tensors:Labeller", "--option", "file=truth.uf3")
    assert done.returncode == 0, done.stderr
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    assert LearningRecord.read(case / "out" / "record.json").cycles[-1]["gradients"]["labelled"] == 8


def test_refused_tensors_are_named_and_the_cycle_stays_valid(case, ufp):
    refuse = ", ".join(f'"p3-{n}"' for n in range(24))
    add(
        case,
        OTHER.replace('options = { file = "truth.uf3" }', f'options = {{ file = "truth.uf3", refuse = [{refuse}] }}'),
        ("maximum_cycles = 2", "maximum_cycles = 1"),
    )
    done = ufp(*RUN)
    assert done.returncode == 3, done.stderr
    rows = LearningRecord.read(case / "out" / "record.json").cycles
    assert [row["gradients"]["labelled"] for row in rows] == [6, 6]
    assert "refused" in (case / "out" / "cycle-001" / "gradients.json").read_text(encoding="utf-8")


def test_bad_input(case, ufp):
    add(case, SAME + "structures = 2\n")
    with pytest.raises(InputError, match=r"expected a \[gradients\.labeller\]"):
        read_config(case / "run.toml")
    text = (case / "run.toml").read_text(encoding="utf-8").replace("structures = 2\n[stop]", "[stop]")
    (case / "run.toml").write_text(text, encoding="utf-8")
    (case / "tensors.extxyz").write_text("1\nefg_units=au\nLi 0 0 0\n", encoding="utf-8")
    done = ufp(*RUN)
    assert done.returncode == 2
    assert "expected per-atom labels efg:R:9" in done.stderr
    assert not (case / "out").exists()
