"""Options of ``ufp acf``, ``ufp decay`` and ``ufp plot`` on ions that hop between two sites, as a user runs them."""

import csv
import json

import numpy as np
import pytest

from processes import axial, series, site_jumps
from ufpnmr import TensorSeries
from ufpnmr.dynamics import find_hops, site_labels
from ufpnmr.nmr import CorrelationResult
from ufpnmr.results.rate_distribution import RateDistribution
from ufpnmr.trajectory import IonPaths

FRAMES, IONS = 3000, 30
TAU = 100.0  # ps; frames every ps


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tensors, paths, site labels and hops of one run, and tensors of a second run."""
    folder = tmp_path_factory.mktemp("run")
    for name, seed in (("tensors.h5", 1), ("second.h5", 2)):
        rng = np.random.default_rng(seed)
        sites = site_jumps(rng, FRAMES, IONS, (1 - np.exp(-1 / TAU)) / 2)
        made = series(axial(40.0 + 60.0 * sites + 12.0 * rng.standard_normal(sites.shape)).astype(np.float32))
        cell = 20.0 * np.array(made.cell)
        TensorSeries(time=made.time, ids=made.ids, V=made.V, cell=cell, engine="synthetic", axes=made.axes).write(
            folder / name
        )
        if seed == 1:
            first = sites
            places = np.zeros((FRAMES, IONS, 3))
            places[..., 0] = 3.0 * sites + 10.0 * np.arange(IONS)
            paths = IonPaths(
                drift_mode="none",
                selection="all",
                source="synthetic",
                time=made.time,
                ids=made.ids,
                elements=np.array(["Li"] * 20 + ["Na"] * 10),
                positions=places + 0.1 * rng.standard_normal(places.shape),
                cell=cell,
                drift=np.zeros((FRAMES, 3)),
            )
    paths.write(folder / "paths.h5")
    labels = site_labels(4 + 2 * first, paths.time, paths.ids, names={4: "LiS4", 6: "LiS6"}, minimum_residence=0)
    labels.write(folder / "sites.h5")
    find_hops(paths, labels=labels).write(folder / "hops.h5")
    return folder


def correlated(ufp, folder, tmp_path, *options, inputs=("tensors.h5",)):
    done = ufp("acf", *(folder / name for name in inputs), "-o", tmp_path / "acf.h5", "--force", *options)
    assert done.returncode == 0, done.stderr
    return CorrelationResult.read(tmp_path / "acf.h5"), done.stderr


def test_multi_tau_in_little_memory_is_the_exact_curve_at_short_lags(ufp, folder, tmp_path):
    exact, _ = correlated(ufp, folder, tmp_path)
    ladder, _ = correlated(ufp, folder, tmp_path, "--method", "multi_tau", "--memory", "0.001")
    assert len(ladder.lag) < len(exact.lag) / 5
    short = ladder.lag <= 24
    np.testing.assert_allclose(ladder.mean[short], exact.mean[: short.sum()], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "n_ions", "warned"),
    [
        (("--ions", "1 2 7"), 3, True),
        (("--element", "paths.h5", "Na"), 10, False),
        (("--hopping", "hops.h5"), None, True),
        (("--site", "sites.h5", "LiS6"), IONS, False),
    ],
    ids=["ions", "element", "hopping", "site"],
)
def test_subsets(ufp, folder, tmp_path, options, n_ions, warned):
    options = tuple(str(folder / word) if word.endswith(".h5") else word for word in options)
    curve, said = correlated(ufp, folder, tmp_path, *options)
    if n_ions is not None:
        assert len(curve.ids) == n_ions
    assert any("average over" in warning for warning in curve.warnings) == warned
    assert ("warning: average over" in said) == warned
    assert set(curve.provenance["inputs"]) >= {"tensors.h5"}
    if options[0] == "--site":  # the value at the origin is that of LiS6, 100 of 40 and 100 kHz
        assert "origins on LiS6" in curve.parameters["origins"]


def test_two_choices_of_ions_are_refused(ufp, folder):
    done = ufp("acf", folder / "tensors.h5", "--ions", "1", "--hopping", folder / "hops.h5")
    assert done.returncode == 2
    assert "give one choice of ions" in done.stderr
    done = ufp("acf", folder / "tensors.h5", folder / "second.h5", "--hopping", folder / "hops.h5")
    assert done.returncode == 2
    assert "belong to one run" in done.stderr


def test_runs_are_merged(ufp, folder, tmp_path):
    both, _ = correlated(ufp, folder, tmp_path, inputs=("tensors.h5", "second.h5"))
    assert both.parameters["runs"] == 2
    one, _ = correlated(ufp, folder, tmp_path)
    two, _ = correlated(ufp, folder, tmp_path, inputs=("second.h5",))
    low, high = np.minimum(one.mean, two.mean), np.maximum(one.mean, two.mean)
    assert np.all((both.mean >= low - 0.02) & (both.mean <= high + 0.02))


def test_running_mean_moves_the_first_lag_of_the_fit(ufp, folder, tmp_path):
    plain, _ = correlated(ufp, folder, tmp_path)
    running, _ = correlated(ufp, folder, tmp_path, "--average", "5", "--averaging", "running")
    assert running.interval == plain.interval
    assert running.parameters["shortest_fit_lag_ps"] == 5
    assert running.mean[1] > plain.mean[1]
    done = ufp("decay", "acf.h5", "--json")
    assert json.loads(done.stdout)["tau"]["ci_low"] < TAU / 1e3 < json.loads(done.stdout)["tau"]["ci_high"]


def test_cross_correlation_and_signed_coupling(ufp, folder, tmp_path):
    cross, _ = correlated(ufp, folder, tmp_path, "--field", "c", "--cross", "omega_q", "--cross-field", "a")
    assert cross.observable == "omega_q x omega_q"
    assert cross.parameters["cross"]["observable"] == "omega_q"
    signed, _ = correlated(ufp, folder, tmp_path, "--observable", "cq", "--signed", "--normalisation", "raw")
    plain, _ = correlated(ufp, folder, tmp_path, "--observable", "cq", "--normalisation", "raw")
    np.testing.assert_allclose(signed.mean[0], plain.mean[0], rtol=1e-5)


def test_decay_compares_models_and_writes_the_distribution(ufp, folder, tmp_path):
    correlated(ufp, folder, tmp_path)
    options = ("--models", "--distribution", "rates.h5", "--hops", folder / "hops.h5")
    done = ufp("decay", "acf.h5", *options, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    models = {fit["name"]: fit for fit in document["models"]}
    assert {"exponential", "stretched", "2 exponentials"} <= models.keys()
    assert models["exponential"]["delta_bic"] < 6
    # two sites, equal rates: the curve decays twice as fast as ions hop
    ratio = document["rate_over_hop_rate"]
    assert ratio["ci_low"] < 2 < ratio["ci_high"]
    found = RateDistribution.read(tmp_path / "rates.h5")
    assert found.non_negative
    assert [peak.tau for peak in found.peaks] == pytest.approx([TAU], rel=0.4)

    again = ufp("decay", "acf.h5", "--distribution", "signed.h5", "--signed")
    assert again.returncode == 0, again.stderr
    assert not RateDistribution.read(tmp_path / "signed.h5").non_negative

    assert ufp("plot", "rates.h5", "-o", "rates.svg").returncode == 0
    assert ufp("plot", "rates.h5", "-o", "rates.csv").returncode == 0
    with open(tmp_path / "rates.csv", encoding="utf-8") as stream:
        assert next(csv.reader(stream))[:2] == ["tau / ps", "weight"]


def test_free_gamma_on_thirty_ions_is_a_status_with_bounds(ufp, folder, tmp_path):
    correlated(ufp, folder, tmp_path)
    done = ufp("decay", "acf.h5", "--gamma", "free", "--json")
    assert done.returncode == 3
    tau = json.loads(done.stdout)["tau"]
    assert (tau["value"], tau["status"]) == (None, "too_few_events")
    assert "needed for a free γ" in tau["method"]
    assert tau["ci_low"] < TAU / 1e3 < tau["ci_high"]


def test_single_ions_and_one_origin_are_drawn(ufp, folder, tmp_path):
    correlated(ufp, folder, tmp_path, "--observable", "cq")
    assert ufp("decay", "acf.h5", "-o", "decay.json").returncode == 0
    sites, hops = ("--sites", folder / "sites.h5"), ("--hops", folder / "hops.h5")
    mean = ufp("plot", "acf.h5", "--kind", "ions", *sites, "--fit", "decay.json", "-o", "ions.svg")
    assert mean.returncode == 0, mean.stderr
    kind = ("--kind", "first-origin", "--isotope", "7Li")
    steps = ufp("plot", folder / "tensors.h5", *kind, *sites, *hops, "-o", "steps.svg")
    assert steps.returncode == 0, steps.stderr


def test_labelled_structures_are_drawn_by_site(ufp, repository):
    labels = repository / "inputs" / "lps" / "labels" / "pbe-efg.extxyz.xz"
    nucleus = ("--isotope", "7Li", "--centre", "Li")
    done = ufp("plot", labels, "--kind", "cq", *nucleus, "--bonds", "S", "3.2", "-o", "cq.svg")
    assert done.returncode == 0, done.stderr
    done = ufp("plot", labels, "--kind", "omega_q", *nucleus, "--field", "b", "-o", "omega.svg")
    assert done.returncode == 0, done.stderr
    for options, words in (
        ((*nucleus, "--kind", "angles"), "--kind: expected one of omega_q, cq"),
        (("--isotope", "7Li", "--kind", "cq"), "need --centre"),
        ((*nucleus, "--kind", "cq", "--bonds", "S", "far"), "--bonds: expected an element and a radius"),
        ((*nucleus, "--kind", "cq", "--bonds", "O", "3"), "expected O among Li, P, S"),
    ):
        wrong = ufp("plot", labels, *options, "-o", "wrong.svg")
        assert wrong.returncode == 2
        assert words in wrong.stderr
