"""Parts of the learning cycle: stopping, files of LAMMPS, candidates, record and figure."""

import json
import types

import numpy as np
import pytest
from ase import Atoms

import active_case
from ufpnmr import plots
from ufpnmr.active.assessment import Assessor, ForceErrors
from ufpnmr.active.config import Candidates, PathConfig, State, Stopping
from ufpnmr.active.known_labels import KnownLabels
from ufpnmr.active.labelling import LabelError
from ufpnmr.active.lammps_files import head, in_lammps_frame, read_frames, write_data
from ufpnmr.active.paths import ends_of
from ufpnmr.active.sampling import plan_runs
from ufpnmr.active.sources import gather
from ufpnmr.active.stopping import after_fit, after_sampling
from ufpnmr.errors import InputError
from ufpnmr.lmp_process import error_line, lmp_command, run_lmp
from ufpnmr.potential import posterior_file
from ufpnmr.potential.basis import SplineBasis
from ufpnmr.potential.formats import sidecar
from ufpnmr.potential.posterior import Posterior, Triangle
from ufpnmr.results.learning import LearningRecord
from ufpnmr.structures import write_structures


@pytest.mark.parametrize(
    ("cycle", "errors", "rule", "reason"),
    [
        (1, [100], {"force_rmse_change": 0.1}, None),
        (3, [100, 110, 120], {"force_rmse_change": 0.1}, "withheld force error rose by 20.0% over 2 cycles"),
        (3, [100, 60, 50], {"force_rmse_change": 0.1}, None),
        (
            3,
            [100, 96, 95],
            {"force_rmse_change": 0.1},
            "withheld force error converged: changed by -5.0% over 2 cycles",
        ),
        (
            3,
            [100, 96, 105],
            {"force_rmse_change": 0.1},
            "withheld force error converged: changed by +5.0% over 2 cycle",
        ),
        (3, [100, 60, 50], {"force_rmse_change": 0.1, "patience": 1}, None),
        (6, [None] * 6, {"force_rmse_change": 0.1}, "5 cycles done"),
        (5, [100, 60, 50, 50, 50], {}, None),
        (6, [9.0] * 6, {}, "5 cycles done"),
    ],
)
def test_stop_after_a_fit(cycle, errors, rule, reason):
    stop = after_fit(cycle, errors, Stopping(maximum_cycles=5, **rule))
    assert (stop is None) == (reason is None)
    if stop is not None:
        assert stop.reason.startswith(reason)
        assert stop.converged == ("converged" in reason)


@pytest.mark.parametrize(
    ("count", "mean", "largest", "rule", "reason"),
    [
        (0, [0.1], 0.0, {"largest_force_error": 1.0}, "no candidates left"),
        (5, [0.1], 0.2, {"largest_force_error": 0.3}, "no candidate has a predicted force error above 0.3 eV/Å"),
        (5, [0.1], 0.4, {"largest_force_error": 0.3}, None),
        (5, [0.1, 0.2, 0.101], 0.4, {"uncertainty_change": 0.05}, "predicted force error stable: changed by +1.0%"),
        (5, [0.1, 0.1, 0.2], 0.4, {"uncertainty_change": 0.05}, None),
        (5, [0.1, 0.1], 0.4, {"uncertainty_change": 0.05}, None),
    ],
)
def test_stop_after_sampling(count, mean, largest, rule, reason):
    stop = after_sampling(count, mean, largest, Stopping(maximum_cycles=5, **rule))
    assert (stop is None) == (reason is None)
    if stop is not None:
        assert stop.reason.startswith(reason)
        assert stop.converged == (count > 0)


@pytest.fixture(scope="module")
def truth():
    return active_case.hidden_potential()


@pytest.fixture(scope="module")
def assessor(truth, tmp_path_factory):
    """The hidden potential with a made-up posterior."""
    path = tmp_path_factory.mktemp("assessor") / "truth.uf3"
    truth.write(path, allow_unloadable=True)
    basis = SplineBasis.of(truth)
    size = basis.n_columns
    posterior = Posterior(basis.coefficients(truth), np.full(size, 1e-3), Triangle(np.eye(size)), 2.0)
    posterior_file.save(posterior, sidecar(path), basis)
    return Assessor.read(path, threads=1)


CELLS = {
    "orthogonal": np.diag([5.7, 6.1, 5.9]),
    "tilted": np.array([[5.7, 0.3, -0.2], [1.9, 5.6, 0.4], [-2.2, 1.3, 5.9]]),
    "very tilted": np.array([[5.7, 0.0, 0.0], [4.9, 5.6, 0.0], [-3.9, 4.3, 5.9]]),
    "left-handed": np.array([[0.3, 5.7, -0.2], [5.6, 1.0, 0.4], [0.2, 1.3, 5.9]]),
}


@pytest.mark.parametrize("name", CELLS)
def test_lammps_sees_the_same_structure(assessor, tmp_path, name):
    atoms = active_case.crystal()
    atoms.set_cell(CELLS[name], scale_atoms=True)
    atoms.rattle(0.1, seed=2)
    turned = in_lammps_frame(atoms)
    elements = assessor.potential.elements
    np.testing.assert_allclose(np.triu(turned.cell.array, 1), 0, atol=1e-12)
    np.testing.assert_allclose(
        turned.get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-9, rtol=1e-9
    )
    write_data(tmp_path / "start.data", turned, elements)
    text = head("read_data start.data", assessor.path, elements, 3, 0.001)
    text += f"""dump frames all custom 1 frames.lammpstrj id type xu yu zu fx fy fz
dump_modify frames sort id element {" ".join(elements)} format float %.10f
thermo_style custom step pe
thermo_modify format float %.12f
run 0
print "energy $(pe:%.12f)"
"""
    (tmp_path / "in").write_text(text, encoding="utf-8")
    code = run_lmp(lmp_command(["-in", "in", "-log", "none"]), tmp_path, tmp_path / "out")
    said = (tmp_path / "out").read_text(encoding="utf-8")
    assert code == 0, said
    energy = float(said.rsplit("energy ", 1)[1].split()[0])
    assert energy == pytest.approx(assessor.potential.evaluate(atoms, onebody=False).energy, abs=1e-8)
    ((step, frame),) = read_frames(tmp_path / "frames.lammpstrj", elements)
    assert step == 0
    assert list(frame.symbols) == list(atoms.symbols)
    np.testing.assert_allclose(frame.positions, turned.positions, atol=1e-9)
    np.testing.assert_allclose(frame.cell.array, turned.cell.array, atol=1e-9)


def test_refused_starts(tmp_path):
    with pytest.raises(InputError, match="periodic in all directions"):
        in_lammps_frame(Atoms("Li", cell=[5, 5, 5], pbc=[True, True, False]))
    with pytest.raises(InputError, match="expected atoms of Li S, found O"):
        write_data(tmp_path / "start.data", Atoms("O", cell=[5, 5, 5], pbc=True), ["Li", "S"])


def test_a_dump_without_a_whole_frame_has_no_frames(tmp_path):
    assert read_frames(tmp_path / "missing", ["Li"]) == []
    (tmp_path / "cut").write_text("ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\n", encoding="utf-8")
    assert read_frames(tmp_path / "cut", ["Li"]) == []


def test_failure_of_lammps_is_named(tmp_path):
    (tmp_path / "in").write_text("pair_style nothing\n", encoding="utf-8")
    assert run_lmp(lmp_command(["-in", "in", "-log", "none"]), tmp_path, tmp_path / "out") != 0
    assert error_line(tmp_path / "out").startswith("ERROR: Unrecognized pair style 'nothing'")


def test_predicted_force_error_is_the_root_mean_variance(assessor):
    atoms = active_case.crystal()
    atoms.rattle(0.1, seed=1)
    x = assessor.basis.features(atoms, threads=1).forces * 1e-3
    expected = 2.0 * np.sqrt((x**2).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(assessor.force_deviation(atoms), expected, rtol=1e-5)
    both = ForceErrors.of([expected, 2 * expected])
    assert both.mean == pytest.approx(1.5 * expected.mean())
    assert both.largest == pytest.approx(2 * expected.max())
    assert both.atoms == 24
    assert ForceErrors.of([]) == ForceErrors(0.0, 0.0, 0)


def test_insane_structures(assessor):
    atoms = active_case.crystal()
    assert assessor.insane(atoms) is None
    close = atoms.copy()
    close.positions[4] = close.positions[0] + [1.0, 0, 0]
    assert assessor.insane(close) == "S and Li 1.00 Å apart, below the first knot 1.10 Å"
    atoms.positions[0, 0] = np.nan
    assert assessor.insane(atoms) == "positions that are not finite"


def test_candidates_of_files(assessor, truth, tmp_path):
    """What is known, refused, repeated or unfit is left out and counted; info for the labeller stays, labels do not."""
    found = active_case.structures(6, truth, 7)
    write_structures(tmp_path / "pool.extxyz", found)
    extra = active_case.structures(1, truth, 8)[0].atoms
    extra.info.update(charge=-1, label_by="someone", old_energy=3.0)
    close = active_case.crystal()
    close.positions[4] = close.positions[0] + [1.0, 0, 0]
    foreign = active_case.crystal()
    foreign.symbols[0] = "O"
    inside = tmp_path / "folder"
    inside.mkdir()
    for name, atoms in {"extra": extra, "close": close, "foreign": foreign, "again": found[2].atoms}.items():
        atoms.info.pop("uid", None)
        atoms.write(inside / f"{name}.extxyz")
    (inside / "notes.txt").write_text("not a structure", encoding="utf-8")
    config = types.SimpleNamespace(
        states=[],
        paths=[],
        candidates=Candidates.model_construct(pool=[tmp_path / "pool.extxyz"], folders=[inside], config_type="other"),
    )
    said = []
    out = gather(config, 1, assessor, tmp_path, [found[0].atoms], {"p7-1"}, said.append)
    assert [a.info["uid"] for a in out.candidates[:4]] == ["p7-2", "p7-3", "p7-4", "p7-5"]
    assert out.dropped == {
        "could not be labelled": 1,
        "contact below the first knots": 1,
        "element that the potential does not know": 1,
        "labelled already, withheld or repeated": 2,
    }
    assert len(out.candidates) == 5
    info = out.candidates[4].info
    assert info["charge"] == -1
    assert info["source"] == "folder"
    assert not {"label_by", "old_energy"} & set(info)
    assert info["force_error_largest"] >= info["force_error_mean"] > 0
    assert any("notes.txt" in line for line in said)
    errors = sorted(a.info["force_error_largest"] for a in out.candidates)
    config.candidates = config.candidates.model_copy(update={"largest_force_error": errors[2]})
    fewer = gather(config, 1, assessor, tmp_path, [found[0].atoms], {"p7-1"}, said.append)
    assert len(fewer.candidates) == 3
    assert fewer.dropped["predicted force error too large"] == 2


def test_every_run_has_its_own_seed(tmp_path):
    active_case.crystal().write(tmp_path / "crystal.extxyz")
    state = State.model_construct(
        name="crystal",
        structure=tmp_path / "crystal.extxyz",
        config_type="crystal",
        temperatures_K=[300, 600],
        volume_factors=[1.0, 1.2],
        repeat=(2, 1, 1),
    )
    config = types.SimpleNamespace(seed=1, states=[state])
    first, second = plan_runs(config, 1), plan_runs(config, 2)
    assert [run.name for run in first] == [
        "crystal-300K-v1.000",
        "crystal-300K-v1.200",
        "crystal-600K-v1.000",
        "crystal-600K-v1.200",
    ]
    assert len({run.seed for run in (*first, *second)}) == 8
    assert [run.seed for run in plan_runs(config, 1)] == [run.seed for run in first]
    assert first[1].start().get_volume() == pytest.approx(1.2 * 2 * active_case.EDGE**3)
    assert len(first[1].start()) == 24


def test_ends_of_a_path_must_fit(tmp_path):
    first = active_case.crystal()
    first.write(tmp_path / "first.extxyz")
    last = first.copy()
    last.set_cell(last.cell.array * 1.01)
    last.write(tmp_path / "last.extxyz")
    config = PathConfig.model_construct(
        name="jump", initial=tmp_path / "first.extxyz", final=tmp_path / "last.extxyz", images=5
    )
    with pytest.raises(InputError, match="same atoms in the same order and cell"):
        ends_of(config)


def test_known_labels_of_a_foreign_structure(truth, tmp_path):
    found = active_case.structures(2, truth, 9)
    write_structures(tmp_path / "known.extxyz", found[:1])
    labeller = KnownLabels(tmp_path / "known.extxyz")
    labeller.ready()
    assert labeller.label(found[0].atoms, tmp_path).energy == pytest.approx(found[0].energy, abs=1e-6)
    with pytest.raises(LabelError, match="not in it"):
        labeller.label(found[1].atoms, tmp_path)


def learning_record():
    def row(cycle, labelled, largest, mean, error):
        found = None if largest is None else {"count": 5, "largest": largest, "mean": mean, "atoms": 60}
        return {
            "cycle": cycle,
            "labelled": labelled,
            "withheld": {"force_rmse": error},
            "withheld_predicted": {"mean": 0.1, "largest": 0.5, "atoms": 10},
            "candidates": found,
        }

    rows = [row(1, 10, 2.0, 0.3, 250.0), row(2, 20, 0.8, 0.2, 180.0), row(3, 30, None, None, 150.0)]
    return LearningRecord("Li3PS4", "2 cycles done", False, "cycle-003/potential.uf3", rows)


def test_record_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "record.json"
    learning_record().write(path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["schema"], document["schema_version"]) == ("ufpnmr-learning", 1)
    again = LearningRecord.read(path)
    assert again.cycles == learning_record().cycles
    assert again.column("candidates", "largest") == [2.0, 0.8, None]
    assert again.column("labelled") == [10, 20, 30]


def test_learning_curve(tmp_path):
    ax = plots.learning_curve(learning_record())
    assert ax.get_xlabel() == "labelled structures"
    assert "eV" in ax.get_ylabel()
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["predicted, largest of the candidates"].get_ydata(), [2.0, 0.8])
    np.testing.assert_allclose(lines["withheld, root mean square"].get_ydata(), [0.25, 0.18, 0.15])
    np.testing.assert_allclose(lines["withheld, root mean square"].get_xdata(), [10, 20, 30])
    plots.save(ax, tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").stat().st_size > 1000
