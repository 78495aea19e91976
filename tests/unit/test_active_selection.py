"""Selection: gains against dense algebra, greedy choice against the naive one, budgets, gain over random choice."""

import dataclasses
import itertools
import warnings

import numpy as np
import pytest

import active_case
from ufpnmr.active.config import ActiveConfig
from ufpnmr.active.selection import Budget, Knowledge, force_deviation, scaled_rows, select
from ufpnmr.errors import InputError
from ufpnmr.potential.dataset import Dataset
from ufpnmr.potential.fit import fit
from ufpnmr.potential.fit_config import FitConfig, TypeWeights
from ufpnmr.potential.posterior import LowRank
from ufpnmr.toml_file import tomllib

SIGMA = {"energy": 0.01, "forces": 0.1, "stress": 0.1}
METHODS = ("information", "variance")


def fit_config():
    document = tomllib.loads(active_case.FIT)["fit"]
    document.pop("data")
    return FitConfig.model_construct(**FitConfig.model_validate({**document, "data": {"train": [__file__]}}).__dict__)


def fitted(structures, withheld=()):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # strained cells look like another unit
        return fit(fit_config(), Dataset(tuple(structures), tuple(withheld)), threads=1)


@pytest.fixture(scope="module")
def truth():
    return active_case.hidden_potential()


@pytest.fixture(scope="module")
def made(truth):
    return fitted(active_case.structures(4, truth, 1))


@pytest.fixture(scope="module")
def candidates(truth):
    return [s.atoms for s in active_case.structures(9, truth, 2)]


def dense_covariance(posterior):
    identity = np.eye(len(posterior.coefficients))
    return posterior.covariance(identity) / posterior.sigma0**2


def rows_of(basis, atoms):
    return scaled_rows(basis.features(atoms, threads=1), atoms.get_volume(), SIGMA)


def target_of(basis, candidates):
    x = np.vstack([basis.features(a, threads=1).forces.reshape(-1, basis.n_columns) for a in candidates])
    return x.T @ x / len(x)


def dense_gain(covariance, rows, target, method):
    """The formulas of the module, written with full matrices."""
    inner = np.eye(len(rows)) + rows @ covariance @ rows.T
    if method == "information":
        return 0.5 * np.linalg.slogdet(inner)[1]
    after = covariance - covariance @ rows.T @ np.linalg.solve(inner, rows @ covariance)
    return np.trace(target @ (covariance - after))


@pytest.mark.parametrize("method", METHODS)
def test_gain_is_the_dense_one_also_after_structures_were_added(made, candidates, method):
    covariance, target = dense_covariance(made.posterior), target_of(made.basis, candidates)
    knowledge = Knowledge(made.posterior, target if method == "variance" else None)
    for atoms in candidates[:3]:
        rows = rows_of(made.basis, atoms)
        assert knowledge.gain(rows) == pytest.approx(dense_gain(covariance, rows, target, method), rel=1e-6)
        knowledge.add(rows)
        inner = np.eye(len(rows)) + rows @ covariance @ rows.T
        covariance = covariance - covariance @ rows.T @ np.linalg.solve(inner, rows @ covariance)


@pytest.mark.parametrize("method", METHODS)
def test_lazy_choice_is_the_naive_greedy_one(made, candidates, method):
    covariance, target = dense_covariance(made.posterior), target_of(made.basis, candidates)
    rows, expected = [rows_of(made.basis, atoms) for atoms in candidates], []
    for _ in range(4):
        left = [k for k in range(len(candidates)) if k not in expected]
        best = max(left, key=lambda k: dense_gain(covariance, rows[k], target, method))
        inner = np.eye(len(rows[best])) + rows[best] @ covariance @ rows[best].T
        covariance = covariance - covariance @ rows[best].T @ np.linalg.solve(inner, rows[best] @ covariance)
        expected.append(best)
    picks = select(candidates, made.basis, made.posterior, SIGMA, Budget(4), method=method, threads=1)
    assert [pick.index for pick in picks] == expected


def test_sets_by_greedy_choice_are_near_the_best_ones(made, candidates):
    """At least 1 - 1/e of the information of the best set (Nemhauser, Wolsey, Fisher 1978)."""
    covariance = dense_covariance(made.posterior)
    rows = [rows_of(made.basis, atoms) for atoms in candidates]

    def information(indices):
        return dense_gain(covariance, np.vstack([rows[k] for k in indices]), None, "information")

    picks = select(candidates, made.basis, made.posterior, SIGMA, Budget(3), threads=1)
    assert sum(pick.gain for pick in picks) == pytest.approx(information([pick.index for pick in picks]), rel=1e-6)
    best = max(information(indices) for indices in itertools.combinations(range(len(candidates)), 3))
    assert sum(pick.gain for pick in picks) >= (1 - 1 / np.e) * best


def test_a_repeated_structure_is_not_chosen_twice_while_others_say_more(made, candidates):
    twins = [candidates[0], candidates[0].copy(), *candidates[1:5]]
    picks = [pick.index for pick in select(twins, made.basis, made.posterior, SIGMA, Budget(6), threads=1)]
    assert max(picks.index(0), picks.index(1)) == 5


def test_budgets(made, candidates):
    sizes = [len(atoms) for atoms in candidates]
    for budget in (Budget(atoms=30), Budget(2, 100), Budget(atoms=60, exponent=1.0)):
        picks = select(candidates, made.basis, made.posterior, SIGMA, budget, threads=1)
        chosen = [sizes[pick.index] for pick in picks]
        assert len(set(pick.index for pick in picks)) == len(picks) > 0
        assert budget.structures is None or len(chosen) <= budget.structures
        assert budget.atoms is None or sum(chosen) <= budget.atoms
    assert select(candidates, made.basis, made.posterior, SIGMA, Budget(atoms=5), threads=1) == []


def test_cost_favours_small_structures(made, candidates):
    large = candidates[1].repeat((2, 1, 1))
    large.rattle(0.1, seed=1)
    both = [large, *candidates[:4]]
    assert select(both, made.basis, made.posterior, SIGMA, Budget(1), threads=1)[0].index == 0
    assert select(both, made.basis, made.posterior, SIGMA, Budget(1, exponent=3.0), threads=1)[0].index != 0


def test_reserved_places_come_first(made, candidates):
    free = [pick.index for pick in select(candidates, made.basis, made.posterior, SIGMA, Budget(4), threads=1)]
    least = [k for k in range(len(candidates)) if k not in free]
    picks = select(candidates, made.basis, made.posterior, SIGMA, Budget(4), reserved=[(least, 2)], threads=1)
    indices = [pick.index for pick in picks]
    assert set(indices[:2]) <= set(least)
    assert len(indices) == 4
    for reserved in ([(least, 2)], []):
        drawn = select(
            candidates, made.basis, made.posterior, SIGMA, Budget(4), method="random", reserved=reserved, threads=1
        )
        assert len({pick.index for pick in drawn}) == 4
        assert all(pick.gain is None for pick in drawn)
        assert {pick.index for pick in drawn[: 2 * len(reserved)]} <= set(least)


def test_weights_of_a_type_scale_its_rows(made, candidates):
    nothing = {str(a.info["config_type"]): TypeWeights(energy=0, forces=0, stress=0) for a in candidates}
    picks = select(candidates, made.basis, made.posterior, SIGMA, Budget(1), weights=nothing, threads=1)
    assert picks[0].gain == pytest.approx(0, abs=1e-9)


def test_force_deviation_is_calibrated_where_the_posterior_is(truth):
    made = fitted(active_case.structures(4, truth, 1), active_case.structures(6, truth, 5))
    atoms = active_case.structures(1, truth, 6)[0].atoms
    features = made.basis.features(atoms, threads=1)
    bare = force_deviation(features, dataclasses.replace(made.posterior, calibration={}))
    known = made.posterior.calibration["forces"]
    np.testing.assert_allclose(
        force_deviation(features, made.posterior), np.sqrt(known.factor**2 * bare**2 + known.floor**2), rtol=1e-9
    )
    assert bare.shape == (len(atoms),)


def test_refusals(made, candidates):
    with pytest.raises(InputError, match=r"did you mean 'information'"):
        select(candidates, made.basis, made.posterior, SIGMA, Budget(1), method="informaton")
    low = dataclasses.replace(made.posterior, factor=LowRank.of(made.posterior.factor, 10))
    with pytest.raises(InputError, match="low-rank"):
        select(candidates, made.basis, low, SIGMA, Budget(1))
    assert select([], made.basis, made.posterior, SIGMA, Budget(1), threads=1) == []


def curve(seed, method, *, pool, initial, batch, rounds):
    """Withheld force error after each fit; the pool is labelled, the choice does not look at the labels."""
    truth = active_case.hidden_potential(seed + 3)
    structures = active_case.structures(pool, truth, 100 + seed)
    withheld = active_case.structures(30, truth, 500 + seed)
    chosen, errors = list(range(initial)), []
    for number in range(rounds + 1):
        made = fitted([structures[k] for k in chosen], withheld)
        errors.append(made.withheld.errors()["force_rmse"])
        if number == rounds:
            return errors
        left = [k for k in range(pool) if k not in chosen]
        picks = select(
            [structures[k].atoms for k in left],
            made.basis,
            made.posterior,
            SIGMA,
            Budget(batch),
            method=method,
            seed=1000 * seed + number,
            threads=1,
        )
        chosen += [left[pick.index] for pick in picks]


def gains(seeds, method, **settings):
    """Log of the ratio of withheld force errors, random over active, averaged over the rounds; one per seed."""
    out = []
    for seed in seeds:
        random, active = (np.array(curve(seed, m, **settings)) for m in ("random", method))
        assert random[0] == active[0]
        out.append(np.log(random[1:] / active[1:]).mean())
    return np.array(out)


def median_interval(values, confidence=0.95):
    """Median and its exact interval by order statistics (binomial)."""
    from scipy.stats import binom

    ordered, n = np.sort(values), len(values)
    low = int(binom.ppf((1 - confidence) / 2, n, 0.5))
    return float(np.median(values)), float(ordered[low - 1]), float(ordered[n - low])


def test_gain_over_random_choice_in_short():
    found = gains(range(6), "information", pool=100, initial=6, batch=4, rounds=3)
    assert np.median(found) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_gain_over_random_choice(method):
    """20 paired seeds: each its own hidden potential, pool, withheld set and beginning; the same budget for both."""
    found = gains(range(20), method, pool=150, initial=3, batch=3, rounds=4)
    median, low, high = median_interval(found)
    print(f"{method}: force error of random over active choice {np.exp([median, low, high])}")
    assert low > 0


def test_config_names_every_method():
    field = ActiveConfig.model_fields["selection"].annotation
    assert field.model_validate({"structures": 1}).method == "information"
