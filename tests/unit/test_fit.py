"""The fit as a whole: known potentials come back, errors and error bars are those of data that it did not see."""

import dataclasses
import json

import numpy as np
import pytest
from ase import Atoms

import fit_data
from ufpnmr.errors import InputError
from ufpnmr.potential import Potential
from ufpnmr.potential.accuracy import Comparison, compare
from ufpnmr.potential.dataset import Dataset, folds, read_dataset, targets
from ufpnmr.potential.fit import fit
from ufpnmr.potential.fit_config import basis_of, read_config
from ufpnmr.potential.fit_report import markdown
from ufpnmr.potential.gram import accumulate
from ufpnmr.potential.gram_file import read_equations, write_equations
from ufpnmr.potential.posterior_file import save
from ufpnmr.potential.uncertainty import deviations
from ufpnmr.structures import LabelledStructure, write_structures

NOISE = (0.002, 0.05, 0.0005)


def configure(tmp_path, text=fit_data.FIT, structures=None, **more):
    write_structures(tmp_path / "train.extxyz", structures or fit_data.labelled(30))
    for name, part in more.items():
        write_structures(tmp_path / f"{name}.extxyz", part)
    (tmp_path / "fit.toml").write_text(text)
    config = read_config(tmp_path / "fit.toml")
    return config, read_dataset(config.data)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """A fit to noisy labels of a potential outside of its span, judged on withheld runs."""
    folder = tmp_path_factory.mktemp("noisy")
    truth = fit_data.truth(intervals=10, seed=3)
    text = fit_data.FIT.replace('train = ["train.extxyz"]', 'train = ["train.extxyz"]\ntest = ["test.extxyz"]')
    config, dataset = configure(
        folder,
        text.replace("1e-6", "0.1"),
        fit_data.labelled(60, 1, truth, NOISE),
        test=fit_data.labelled(40, 2, truth, NOISE),
    )
    return config, dataset, fit(config, dataset)


def test_exact_labels_of_a_potential_in_the_span_are_reproduced(tmp_path):
    config, dataset = configure(tmp_path, fit_data.FIT.replace("1e-6", "1e-12"), fit_data.labelled(60))
    result = fit(config, dataset)
    fresh = compare(result.potential, fit_data.labelled(10, seed=9)).errors()
    assert fresh["force_rmse"] < 0.02 * fresh["force_rms_label"]
    train = result.train.errors()
    assert train["energy_rmse"] < 1e-3  # meV/atom
    assert train["force_rmse"] < 1e-3  # meV/Å
    assert result.potential.training["train"]["structures"] == 60


def test_errors_are_those_of_each_quantity_type_and_element(noisy):
    _, dataset, result = noisy
    c, errors = result.withheld, result.withheld.errors()
    assert errors["structures"] == 40
    assert errors["energy_rmse"] == pytest.approx(1e3 * np.sqrt(np.mean((c.energy - c.energy_label) ** 2)))
    forces = np.concatenate([result.potential.evaluate(s.atoms).forces - s.forces for s in dataset.test])
    assert errors["force_rmse"] == pytest.approx(1e3 * np.sqrt(np.mean(forces**2)))
    lithium = np.concatenate([np.array(s.atoms.symbols) == "Li" for s in dataset.test])
    assert errors["force_rmse_by_element"]["Li"] == pytest.approx(1e3 * np.sqrt(np.mean(forces[lithium] ** 2)))
    by_type = c.by_config_type()
    assert set(by_type) == {"a", "b"}
    squares = sum(e["atoms"] * e["force_rmse"] ** 2 for e in by_type.values())
    assert squares / errors["atoms"] == pytest.approx(errors["force_rmse"] ** 2)
    halves = [compare(result.potential, part) for part in (dataset.test[:15], dataset.test[15:])]
    joined = Comparison.joined(halves).errors()
    assert joined.pop("force_rmse_by_element") == pytest.approx(errors["force_rmse_by_element"])
    assert joined == pytest.approx({key: errors[key] for key in joined})


def test_withheld_errors_lie_within_the_calibrated_deviations(noisy, tmp_path):
    _, _, result = noisy
    for kind in ("energy", "forces", "stress"):
        c = result.posterior.calibration[kind]
        assert 0.55 < c.within_one < 0.8
        assert 0.88 < c.within_two < 0.99
    # and for structures that took part in neither the fit nor the calibration
    result.potential.write(tmp_path / "LS.uf3")
    save(result.posterior, tmp_path / "LS.posterior.h5", result.basis)
    potential = Potential.read(tmp_path / "LS.uf3")
    inside = []
    for s in fit_data.labelled(20, 5, fit_data.truth(intervals=10, seed=3), NOISE):
        out = potential.evaluate(s.atoms, uncertainty=True)
        inside.append(np.abs(out.forces - s.forces) < 2 * out.deviations.forces)
        assert out.deviations.energy > 0
        assert out.deviations.stress.shape == (6,)
    assert 0.88 < np.concatenate(inside).mean() < 0.99


def test_uncertainty_grows_away_from_the_data(noisy):
    _, dataset, result = noisy

    def mean(atoms):
        return deviations(result.posterior, result.basis, atoms, calibrated=False).forces.mean()

    squeezed = dataset.test[0].atoms.copy()
    squeezed.set_cell(0.8 * squeezed.cell.array, scale_atoms=True)
    assert mean(squeezed) > 2 * np.mean([mean(s.atoms) for s in dataset.test])


def test_uncertainty_without_a_posterior_is_refused(noisy, tmp_path):
    _, dataset, result = noisy
    with pytest.raises(InputError, match="no posterior beside it"):
        result.potential.evaluate(dataset.test[0].atoms, uncertainty=True)
    uncalibrated = dataclasses.replace(result.posterior, calibration={})
    with pytest.raises(InputError, match="calibrated on withheld structures"):
        deviations(uncalibrated, result.basis, dataset.test[0].atoms)
    assert deviations(uncalibrated, result.basis, dataset.test[0].atoms, calibrated=False).energy > 0
    result.potential.write(tmp_path / "LS.uf3")
    save(result.posterior, tmp_path / "LS.posterior.h5", result.basis)
    other = result.basis.potential(result.posterior.coefficients * 1.01)
    other.write(tmp_path / "LS.uf3", force=True)
    with pytest.raises(InputError, match="belongs to another potential"):
        Potential.read(tmp_path / "LS.uf3").evaluate(dataset.test[0].atoms, uncertainty=True)


def test_search_improves_and_judges_by_groups(tmp_path):
    truth = fit_data.truth()
    text = fit_data.FIT.replace("1e-6", "10.0") + "\n[search]\nfolds = 3\nrounds = 2\n"
    config, dataset = configure(tmp_path, text, fit_data.labelled(30, 1, truth, NOISE))
    said = []
    result = fit(config, dataset, say=said.append)
    table = result.record["search"]["table"]
    start = next(row for row in table if row["regularisation"]["curvature"] == {"2": 10.0, "3": 10.0})
    assert result.record["search"]["chosen"]["error"] < 0.9 * start["error"]
    assert result.withheld.errors()["structures"] == 30
    assert result.withheld.errors()["force_rmse"] > result.train.errors()["force_rmse"]
    assert [p["structures"] for p in result.record["learning_curve"]] == sorted(
        p["structures"] for p in result.record["learning_curve"]
    )
    assert sum("withheld error" in line for line in said) == len(table)
    page = markdown(result.record, {"Forces": "forces.svg"})
    assert "## Cross-validation" in page
    assert "## Choice of the regularisation" in page
    assert json.loads(json.dumps(result.record)) == result.record


def test_folds_never_split_a_group_and_balance_types():
    structures = fit_data.labelled(36)
    parts = folds(structures, 4)
    assert sorted(i for part in parts for i in part) == list(range(36))
    groups = [{structures[i].group for i in part} for part in parts]
    assert all(not a & b for n, a in enumerate(groups) for b in groups[:n])
    assert {len(part) for part in parts} == {9}
    for part in parts:
        assert {structures[i].config_type for i in part} == {"a", "b"}
    with pytest.raises(InputError, match="at least 13 groups for 13 folds, found 12"):
        folds(structures, 13)


def test_withheld_groups_are_whole_and_of_every_type(tmp_path):
    text = fit_data.FIT.replace('train = ["train.extxyz"]', 'train = ["train.extxyz"]\nwithhold = 0.25\nseed = 3')
    _, dataset = configure(tmp_path, text, fit_data.labelled(48))
    assert len(dataset.test) == 12
    assert not {s.group for s in dataset.train} & {s.group for s in dataset.test}
    assert {s.config_type for s in dataset.test} == {"a", "b"}


def test_weights_of_a_type_are_its_repetition(tmp_path):
    structures = fit_data.labelled(12, noise=NOISE)
    config, _ = configure(tmp_path, fit_data.FIT + "\n[weights.b]\nenergy = 2\nforces = 2\nstress = 2\n", structures)
    basis = basis_of(config.splines, ("Li", "S"))
    sigma = {"energy": 0.01, "forces": 0.1, "stress": 0.1}
    weighted = accumulate(basis, targets(structures, config.weights)).total(sigma)
    again = [s for s in structures if s.config_type == "b"]
    repeated = accumulate(basis, targets([*structures, *again], {})).total(sigma)
    np.testing.assert_allclose(np.tril(weighted.gram), np.tril(repeated.gram), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(weighted.rhs, repeated.rhs, rtol=1e-12, atol=1e-9)
    assert weighted.yy == pytest.approx(repeated.yy)


def test_one_body_energies_fixed_or_from_isolated_atoms(tmp_path):
    fixed = fit_data.FIT + '\n[one_body]\nmode = "fixed"\nenergies = { Li = -3.0, S = -5.0 }\n'
    config, dataset = configure(tmp_path, fixed)
    assert fit(config, dataset).potential.one_body == {"Li": -3.0, "S": -5.0}
    atoms = [Atoms(e, [(0, 0, 0)], cell=np.eye(3) * 12, pbc=True) for e in ("Li", "S")]
    alone = [
        LabelledStructure(a, e, np.zeros((1, 3)), index=i)
        for i, (a, e) in enumerate(zip(atoms, (-2.5, -4.5), strict=True))
    ]
    isolated = fit_data.FIT + '\n[one_body]\nmode = "isolated"\n'
    config, dataset = configure(tmp_path, isolated, [*fit_data.labelled(12), *alone])
    assert fit(config, dataset).potential.one_body == {"Li": -2.5, "S": -4.5}
    config, dataset = configure(tmp_path, isolated, [*fit_data.labelled(12), alone[0]])
    with pytest.raises(InputError, match="found none of S"):
        fit(config, dataset)


def test_sums_of_a_dask_cluster_are_those_of_one_process(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask (distributed) is not installed")
    config, dataset = configure(tmp_path, fit_data.FIT, fit_data.labelled(13, noise=NOISE))
    expected = fit(config, dataset)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        found = fit(config, dataset, threads=1, dask=cluster.scheduler_address)
    assert found.equations.structures == 13
    np.testing.assert_allclose(found.posterior.coefficients, expected.posterior.coefficients, rtol=1e-6, atol=1e-8)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        fit(config, dataset, dask="tcp://127.0.0.1:1")


def test_a_later_fit_adds_to_the_sums_of_an_earlier_one(tmp_path):
    first, second = fit_data.labelled(18, 1), fit_data.labelled(18, 2)
    config, dataset = configure(tmp_path, fit_data.FIT, first)
    earlier = fit(config, dataset)
    write_equations(tmp_path / "first.gram.h5", earlier.equations, earlier.basis, earlier.covered, {})
    # at the top of the file: a key after a table would belong to it
    added, dataset = configure(tmp_path, 'start_from = ["first.gram.h5"]\n' + fit_data.FIT, second)
    found = fit(added, dataset)
    config, dataset = configure(tmp_path, fit_data.FIT, [*first, *second])
    expected = fit(config, dataset)
    assert found.equations.structures == 36
    np.testing.assert_allclose(found.posterior.coefficients, expected.posterior.coefficients, atol=1e-6)
    other = basis_of(config.splines.model_copy(update={"triplet": None}), ("Li", "S"))
    with pytest.raises(InputError, match="block Li-Li-Li is not in this fit"):
        read_equations(tmp_path / "first.gram.h5", other)


def test_sums_of_a_basis_with_fewer_elements_enter_where_they_belong(tmp_path):
    config, dataset = configure(tmp_path)
    earlier = fit(config, dataset)
    write_equations(tmp_path / "LS.gram.h5", earlier.equations, earlier.basis, earlier.covered, {})
    larger = basis_of(config.splines, ("Li", "P", "S"))
    moved = read_equations(tmp_path / "LS.gram.h5", larger)[0].total({"energy": 1, "forces": 1, "stress": 1})
    small = earlier.equations.total({"energy": 1, "forces": 1, "stress": 1})
    c = np.random.default_rng(0).normal(size=earlier.basis.n_columns)
    potential = earlier.basis.potential(c)
    wide = np.zeros(larger.n_columns)
    for block in larger.blocks:
        if set(block.elements) <= {"Li", "S"} or block.order == 1:
            wide[block.columns] = larger.block_coefficients(block, potential)
    assert moved.error(wide) == pytest.approx(small.error(c), rel=1e-9)


def test_prior_potential_fills_what_the_data_leave_open(tmp_path):
    truth = fit_data.truth()
    truth.write(tmp_path / "prior.uf3")
    text = fit_data.FIT.replace("1e-6", "1.0") + '\n[prior]\npotential = "prior.uf3"\n'
    config, dataset = configure(tmp_path, text, fit_data.labelled(3))
    result = fit(config, dataset)
    np.testing.assert_allclose(
        result.basis.coefficients(result.potential)[2:], result.basis.coefficients(truth)[2:], atol=0.02
    )


def test_drawn_potentials_scatter_as_the_posterior_says(noisy):
    _, dataset, result = noisy
    atoms = dataset.test[0].atoms
    members = [result.basis.potential(c) for c in result.posterior.draws(200, seed=1)]
    scatter = np.std([m.evaluate(atoms).forces for m in members], axis=0)
    expected = result.posterior.deviation(result.basis.features(atoms).forces)
    np.testing.assert_allclose(scatter / expected, 1, atol=0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[noise]", "[noises]"), r"unknown key 'noises'"),
        (
            ("cutoff = 4.5", "cutof = 4.5"),
            r"fit.toml:\d+: \[splines.pair\]: unknown key 'cutof' \(did you mean 'cutoff'\?\)",
        ),
        (("energy = 0.002", "energy = 0"), r"noise.energy"),
        (('"train.extxyz"', '"none.extxyz"'), r"no such file"),
        (("first_knot = 1.5", "first_knot = 5.5"), r"pair Li-Li: expected a first knot below the cutoff 4.5"),
        (("[noise]", "[splines.pairs.Li-Na]\ncutoff = 4\n[noise]"), r"splines.pairs.Li-Na: expected elements of Li S"),
        (("[noise]", "[weights.c]\nforces = 2\n[noise]"), r"weights: no structure of type 'c'"),
        (("[noise]", '[one_body]\nmode = "fixed"\n[noise]'), r"expected energies with mode 'fixed'"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path, change, message):
    assert change[0] in fit_data.FIT
    with pytest.raises(InputError, match=message):
        fit(*configure(tmp_path, fit_data.FIT.replace(*change)))


def test_bad_structures_are_named(tmp_path):
    config, dataset = configure(tmp_path)
    bad = list(dataset.train)
    twice = [*bad, dataclasses.replace(bad[2], index=99)]
    with pytest.raises(InputError, match=r"structure 99"):
        fit(config, Dataset(tuple(twice), ()))
    unlabelled = dataclasses.replace(bad[4], energy=None, forces=None)
    with pytest.raises(InputError, match=r"structure 4.*energy"):
        fit(config, Dataset((*bad[:4], unlabelled, *bad[5:]), ()))
    sodium = dataclasses.replace(bad[0], atoms=Atoms("NaLi", [(0, 0, 0), (2, 0, 0)], cell=np.eye(3) * 9, pbc=True))
    with pytest.raises(InputError, match="expected elements Li S, found Na"):
        fit(config, Dataset(tuple(bad), (dataclasses.replace(sodium, forces=np.zeros((2, 3))),)))
    close = bad[0].atoms.copy()
    close.positions[1] = close.positions[0] + [1.0, 0, 0]
    with pytest.raises(InputError, match=r"structure 0.*1\.000? Å"):
        fit(config, Dataset((dataclasses.replace(bad[0], atoms=close), *bad[1:]), ()))
