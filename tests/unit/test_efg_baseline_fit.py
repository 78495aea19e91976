"""Ridge regression of the polarisable baseline, its configuration, and the regression on what it leaves."""

import dataclasses
import json
import tracemalloc

import numpy as np
import pytest

import efg_data
from efg_data import MOLECULES_BASELINE, POLARISABLE_BASELINE, make_model
from ufpnmr.efg.baseline import MolecularBond, PolarisableBaseline
from ufpnmr.efg.baseline_fit import fit_polarisable
from ufpnmr.efg.dataset import deal, read_dataset
from ufpnmr.efg.evaluation import evaluate
from ufpnmr.efg.fit_config import Baseline, FitConfig
from ufpnmr.efg.labels import read_tensors
from ufpnmr.efg.model import EFGModel
from ufpnmr.efg.model_file import read_arrays, write_arrays
from ufpnmr.efg.tensors import relative_rmse, to_matrix
from ufpnmr.efg.train import train
from ufpnmr.errors import InputError
from ufpnmr.isotopes import isotope

BOND = {"centre": "P", "ligand": "S", "cutoff": 2.6}
PLAIN = {"splines": 5, "surroundings": 0, "references": 0, "regularisation": [1e-9, 1e-2]}
CONFIG = Baseline(kind="polarisable", bonds=[BOND], **PLAIN)
CHARGES = dict(zip(("Li", "P", "S"), (0.3, 0.7, -0.9), strict=True))


def frames_of_molecules(count, seed=0, baseline=POLARISABLE_BASELINE):
    """Perturbed β-Li3PS4 whose labels are those of a baseline."""
    frames = efg_data.labelled(count, seed, displacement=0.15)
    for atoms in frames:
        V = baseline.gradients(atoms.cell.array, atoms.positions, list(map(str, atoms.symbols)), range(12))
        atoms.arrays["efg"][:12] = to_matrix(V).reshape(-1, 9)
    return frames


@pytest.fixture(scope="module")
def structures(tmp_path_factory):
    path = efg_data.save(tmp_path_factory.mktemp("labels") / "labels.extxyz", frames_of_molecules(12))
    return read_tensors(path, ["Li"])


def test_recovers_a_known_model(structures):
    fold = deal(structures, 4)
    fit = fit_polarisable(CONFIG, structures, CHARGES, fold)
    V, withheld = np.concatenate([s.V for s in structures]), np.concatenate(fit.withheld)
    assert relative_rmse(withheld, V) < 1e-3
    assert fit.record["regularisation"] == 1e-9
    assert fit.record["columns"] == fit.baseline.size == POLARISABLE_BASELINE.size
    errors = {row["regularisation"]: row["relative_tensor_rmse"] for row in fit.record["scan"]}
    assert errors[1e-9] == pytest.approx(relative_rmse(withheld, V), rel=1e-2)
    assert errors[1e-2] > 10 * errors[1e-9]
    # the bond length from which stretch counts differs, so do dipole and charge columns; predictions do not
    assert fit.baseline.bonds[0].length == pytest.approx(2.05, abs=0.05)
    other = frames_of_molecules(1, 77)[0]
    found = fit.baseline.gradients(other.cell.array, other.positions, list(map(str, other.symbols)), range(12))
    expected = other.arrays["efg"][:12].reshape(-1, 3, 3)
    assert np.linalg.norm(to_matrix(found) - expected) < 1e-3 * np.linalg.norm(expected)


def test_withheld_predictions_have_not_seen_their_fold(structures):
    fold = deal(structures, 3)
    fit = fit_polarisable(CONFIG, structures, CHARGES, fold)
    changed = [dataclasses.replace(s, V=5 * s.V) if f == 1 else s for s, f in zip(structures, fold, strict=True)]
    same = CONFIG.model_copy(update={"regularisation": [fit.record["regularisation"]]})
    again = fit_polarisable(same, changed, CHARGES, fold)
    for before, after, f in zip(fit.withheld, again.withheld, fold, strict=True):
        if f == 1:
            np.testing.assert_allclose(after, before, atol=1e-6)
        else:
            assert np.abs(after - before).max() > 1e-2


def test_memory_does_not_grow_with_the_set(structures):
    """Of what more structures bring only their labels and predictions stay; their columns do not."""

    def peak(copies):
        many = [s for _ in range(copies) for s in structures]
        fold = np.tile(deal(structures, 3), copies)
        tracemalloc.start()
        fit = fit_polarisable(CONFIG, many, CHARGES, fold)
        fit.refitted(np.arange(0, len(many), 2))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found, fit.record["columns"]

    peak(1)
    (small, columns), (large, _) = peak(1), peak(9)
    added = 8 * sum(len(s.centres) for s in structures)
    assert large - small < 0.25 * (added * columns * 5 * 8)


def test_a_bond_that_does_not_occur_is_refused(structures):
    config = CONFIG.model_copy(update={"bonds": (CONFIG.bonds[0].model_copy(update={"cutoff": 1.2}),)})
    with pytest.raises(InputError, match=r"no S lies within 1.2 Å of a P in any training structure"):
        fit_polarisable(config, structures, CHARGES, deal(structures, 3))


def test_ligands_without_a_centre_are_counted(structures):
    config = CONFIG.model_copy(update={"bonds": (CONFIG.bonds[0].model_copy(update={"cutoff": 2.05}),)})
    record = fit_polarisable(config, structures, CHARGES, deal(structures, 3)).record
    assert record["bonds"][0]["found"] + record["ligands_without_centre"] == 12 * 16
    assert 0 < record["structures_with_such"] <= 12


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"cutoff": 5.0}, "cutoff is for kind = 'polarisable'"),
        ({"kind": "polarisable"}, "needs bonds"),
        ({"kind": "polarisable", "bonds": [BOND, BOND]}, "each pair of elements once"),
        ({"kind": "polarisable", "bonds": [{**BOND, "ligand": "P"}]}, "of two elements"),
        ({"kind": "polarisable", "bonds": [BOND], "first": 6.0}, "first below the cutoff"),
        ({"kind": "polarizable"}, "'charges' or 'polarisable'"),
    ],
)
def test_sections_that_mean_nothing(section, message):
    with pytest.raises(ValueError, match=message):
        Baseline.model_validate(section)


def test_training_on_what_it_leaves(tmp_path):
    train_file = efg_data.save(tmp_path / "train.extxyz", frames_of_molecules(12))
    test_file = efg_data.save(tmp_path / "test.extxyz", frames_of_molecules(3, 9))
    config = FitConfig.model_validate(
        {
            "title": "molecules",
            "data": {"train": [str(train_file)], "test": [str(test_file)]},
            "model": {"centres": ["Li"], "tensors": 30, "invariants": 15, "selection_environments": 60},
            "descriptor": {"cutoff": 4.5, "n_max": 4, "l_max": 3},
            "solver": {"regularisation": [1e-2, 1.0], "iterations": 60},
            "folds": 4,
            "committee": None,
            "baseline": {**CONFIG.model_dump(), "subtract": True},
        }
    )
    dataset = read_dataset(config)
    result = train(config, dataset)
    assert isinstance(result.model.baseline, PolarisableBaseline)
    json.dumps(result.record)
    baseline = result.record["baseline"]
    assert baseline["cross_validation"]["relative_tensor_rmse"] < 1e-3
    assert result.record["cross_validation"]["relative_tensor_rmse"] < 1e-3
    metrics = evaluate(result.model, dataset.test, isotope("7Li"), samples=20).record
    assert metrics["metrics"]["relative_tensor_rmse"] < 1e-3
    assert metrics["point_charges"]["relative_tensor_rmse"] > 0.05
    assert metrics["baseline"]["relative_tensor_rmse"] < 1e-3
    kept = config.model_copy(update={"baseline": config.baseline.model_copy(update={"subtract": False})})
    plain = train(kept, dataset)
    assert plain.model.baseline is None
    assert plain.record["baseline"]["columns"] == baseline["columns"]


def test_learns_ligands_that_lack_a_bond_and_a_kernel(tmp_path):
    known = dataclasses.replace(MOLECULES_BASELINE, bonds=(MolecularBond("P", "S", 2.2, 2.05),))
    path = efg_data.save(tmp_path / "labels.extxyz", frames_of_molecules(16, 3, known))
    structures = read_tensors(path, ["Li"])
    fold, V = deal(structures, 4), np.concatenate([s.V for s in structures])
    error = {}
    for name, changed in {
        "plain": {},
        "wide": {"surroundings": 3},
        "all": {"surroundings": 3, "references": 40},
    }.items():
        update = {"bonds": (CONFIG.bonds[0].model_copy(update={"cutoff": 2.2}),), "regularisation": [1e-9, 1e-6, 1e-3]}
        fit = fit_polarisable(CONFIG.model_copy(update={**update, **changed}), structures, CHARGES, fold)
        assert fit.record["references"] == changed.get("references", 0)
        error[name] = relative_rmse(np.concatenate(fit.withheld), V)
        assert np.isfinite(fit.baseline.coefficients).all()
    assert error["wide"] < 0.6 * error["plain"]
    assert error["all"] < 0.6 * error["wide"]
    again = fit.refitted(np.flatnonzero(fold != 2))
    for k in np.flatnonzero(fold == 2):
        np.testing.assert_allclose(again[1][k], fit.withheld[k], atol=1e-9)
    other = frames_of_molecules(1, 5, known)[0]
    arguments = other.cell.array, other.positions, list(map(str, other.symbols)), range(12)
    whole = fit.refitted(np.arange(len(structures)))[0]
    seen = dataclasses.replace(fit.baseline, coefficients=whole)
    np.testing.assert_allclose(seen.gradients(*arguments), fit.baseline.gradients(*arguments), atol=1e-6)


def test_every_member_has_a_baseline_of_its_own(tmp_path):
    train_file = efg_data.save(tmp_path / "train.extxyz", efg_data.labelled(12, 4, displacement=0.15, noise=0.02))
    config = FitConfig.model_validate(
        {
            "title": "molecules",
            "data": {"train": [str(train_file)]},
            "model": {"centres": ["Li"], "tensors": 30, "invariants": 15, "selection_environments": 60},
            "descriptor": {"cutoff": 4.5, "n_max": 4, "l_max": 3},
            "solver": {"regularisation": [1e-2, 1.0], "iterations": 60},
            "folds": 4,
            "committee": {"members": 3, "calibration_folds": 4},
            "baseline": {**CONFIG.model_dump(), "subtract": True},
        }
    )
    model = train(config, read_dataset(config)).model
    assert model.baseline_members is not None
    assert model.baseline_members.shape == (3, model.baseline.size)
    model.write(tmp_path / "m.efg")
    read = EFGModel.read(tmp_path / "m.efg")
    atoms = efg_data.labelled(1, 40, displacement=0.15)[0]
    V, sigma = read.predict_with_error(atoms)
    np.testing.assert_allclose(sigma, model.predict_with_error(atoms)[1], rtol=1e-9)
    np.testing.assert_allclose(V, model.predict(atoms), atol=1e-10)
    shared = dataclasses.replace(model, baseline_members=None)
    assert np.all(sigma > shared.predict_with_error(atoms)[1])
    assert model.digest == shared.digest
    with pytest.raises(InputError, match="baseline_members: expected shape"):
        dataclasses.replace(model, baseline_members=model.baseline_members[:2])


def test_the_entry_of_a_file_is_versioned(tmp_path):
    path = tmp_path / "m.efg"
    make_model(baseline=POLARISABLE_BASELINE).write(path)
    header, arrays = read_arrays(path)
    assert {"polarisable", "polarisable_coefficients"} <= set(header["required"])
    header["polarisable"]["version"] = 3
    write_arrays(path, header, arrays, force=True)
    with pytest.raises(InputError, match="polarisable baseline of version 3; this ufpnmr reads versions up to 2"):
        EFGModel.read(path)
    header["polarisable"]["version"] = 1
    assert not {"surroundings", "kernel"} & set(header["polarisable"])  # as files from before them
    del header["polarisable"]["bonds"]
    write_arrays(path, header, arrays, force=True)
    with pytest.raises(InputError, match="the header lacks or misstates an entry: KeyError: 'bonds'"):
        EFGModel.read(path)


def test_old_files_know_no_molecules(tmp_path):
    make_model().write(tmp_path / "m.efg")
    assert "polarisable" not in read_arrays(tmp_path / "m.efg")[0]
