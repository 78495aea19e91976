"""The posterior: against the scatter of repeated fits, coverage, covariances, draws, files."""

import dataclasses

import h5py
import numpy as np
import pytest

import synthetic_fit
from ufpnmr.errors import InputError
from ufpnmr.potential import columns, formats, posterior_file, regularisation, solve
from ufpnmr.potential.calibration import Calibration, calibrate
from ufpnmr.potential.posterior import LowRank, Posterior, Triangle, evidence_scale, fingerprint
from ufpnmr.potential.regularisation import Regularisation

LAYOUT = synthetic_fit.small_layout()
SETTINGS = Regularisation(ridge={1: 1e-2, 2: 1.0, 3: 25.0}, curvature={2: 0.1, 3: 0.1})
PENALTY = regularisation.penalty(LAYOUT, SETTINGS)


def prior_matrix():
    out = np.zeros((LAYOUT.n_columns,) * 2)
    for where, matrix in PENALTY:
        out[where, where] = matrix
    return out


def prior_draw(generator):
    """Coefficients drawn from the prior."""
    root = np.linalg.cholesky(prior_matrix())
    return np.linalg.solve(root.T, generator.normal(size=LAYOUT.n_columns))


def fit(x, y, **kwargs):
    part = synthetic_fit.part(x, y)
    return solve.solve(part.gram, part.rhs, PENALTY, LAYOUT, **kwargs)


@pytest.fixture(scope="module")
def x():
    return synthetic_fit.rows().x


@pytest.fixture(scope="module")
def withheld():
    return synthetic_fit.rows(10, 77)


@pytest.fixture(scope="module")
def posterior(x):
    generator = np.random.default_rng(8)
    return Posterior.of(fit(x, x @ prior_draw(generator) + generator.normal(size=len(x))))


def covariance(x):
    return np.linalg.inv(x.T @ x + prior_matrix())


def test_scatter_over_noise_draws(x):
    """200 truths from the prior, each with new noise: c_hat - c has the covariance Sigma."""
    generator = np.random.default_rng(0)
    sigma = covariance(x)
    root = np.linalg.cholesky(np.linalg.inv(sigma))
    white = []
    for _ in range(200):
        c = prior_draw(generator)
        out = fit(x, x @ c + generator.normal(size=len(x)))
        white.append(root.T @ (out.coefficients - c))
    white = np.array(white)
    assert (white**2).mean() == pytest.approx(1, abs=4 * np.sqrt(2 / white.size))
    assert np.abs((white**2).mean(axis=0) - 1).max() < 4.5 * np.sqrt(2 / 200)
    correlation = white.T @ white / 200 - np.eye(LAYOUT.n_columns)
    assert correlation.std() == pytest.approx(np.sqrt(1 / 200), rel=0.1)
    posterior = Posterior.of(out)
    np.testing.assert_allclose(posterior.covariance(np.eye(LAYOUT.n_columns)), sigma, rtol=1e-7, atol=1e-10)


def test_scatter_with_a_weak_prior(x):
    """One truth, 200 noise draws, what data hardly touch held at the truth: c_hat scatters with Sigma."""
    generator, c = np.random.default_rng(5), prior_draw(np.random.default_rng(4))
    weak = regularisation.penalty(LAYOUT, Regularisation(ridge=dict.fromkeys((1, 2, 3), 1e-9), curvature={2: 0, 3: 0}))
    part = synthetic_fit.part(x, x @ c)
    ruled = np.diagonal(part.gram) > 1
    assert ruled.sum() > 50
    fixed = {int(column): c[column] for column in np.flatnonzero(~ruled)}
    fits = []
    for _ in range(200):
        rhs = part.rhs + x.T @ generator.normal(size=len(x))
        out = solve.solve(part.gram, rhs, weak, LAYOUT, fixed=fixed)
        fits.append(out.coefficients - c)
    sigma = Posterior.of(out).covariance(np.eye(LAYOUT.n_columns))
    root = np.linalg.cholesky(sigma[np.ix_(ruled, ruled)])
    white = np.linalg.solve(root, np.array(fits)[:, ruled].T)
    assert (white**2).mean() == pytest.approx(1, abs=4 * np.sqrt(2 / white.size))
    assert np.abs((white**2).mean(axis=1) - 1).max() < 4.5 * np.sqrt(2 / 200)


def test_coverage_of_withheld_labels(x, withheld):
    """68 and 95 % of withheld energies, forces and virials without noise, over truths from the prior."""
    generator = np.random.default_rng(1)
    inside = []
    for _ in range(60):
        c = prior_draw(generator)
        posterior = Posterior.of(fit(x, x @ c + generator.normal(size=len(x))))
        error = withheld.x @ (c - posterior.coefficients)
        inside.append(np.abs(error) / posterior.deviation(withheld.x))
    inside = np.array(inside)
    assert (inside < 1).mean() == pytest.approx(0.683, abs=0.03)
    assert (inside < 1.96).mean() == pytest.approx(0.95, abs=0.015)
    for kind in ("energy", "forces", "stress"):
        some = inside[:, withheld.kind == kind]
        assert (some < 1).mean() == pytest.approx(0.683, abs=0.06)


def test_evidence_finds_the_scale(x):
    generator = np.random.default_rng(3)
    scales = []
    for _ in range(20):
        y = 3.0 * (x @ prior_draw(generator) + generator.normal(size=len(x)))
        scales.append(evidence_scale(fit(x, y), float(y @ y), len(y)))
    assert np.mean(scales) == pytest.approx(3.0, rel=0.02)
    out = fit(x, y)
    assert Posterior.of(out, sigma0=3.0).deviation(x[0]) == pytest.approx(3 * Posterior.of(out).deviation(x[0]))


def test_variance_and_covariance_are_the_dense_ones(x, posterior):
    sigma, rows = covariance(x), np.random.default_rng(2).normal(size=(2100, LAYOUT.n_columns))
    np.testing.assert_allclose(posterior.variance(rows), ((rows @ sigma) * rows).sum(1), rtol=1e-8)
    np.testing.assert_allclose(posterior.covariance(rows[:3], rows[5:9]), rows[:3] @ sigma @ rows[5:9].T, rtol=1e-7)
    difference = posterior.variance(rows[0] - rows[1])
    pair = posterior.covariance(rows[:2])
    assert difference == pytest.approx(pair[0, 0] + pair[1, 1] - 2 * pair[0, 1], rel=1e-9)
    forces = rows[:18].reshape(6, 3, -1)
    out = posterior.force_covariance(forces, None)
    assert posterior.variance(forces).shape == (6, 3)
    np.testing.assert_allclose(out, forces @ sigma @ forces.transpose(0, 2, 1), rtol=1e-7)
    many = rows[:2097].reshape(699, 3, -1)
    np.testing.assert_allclose(
        np.einsum("nii->ni", posterior.force_covariance(many, None)), posterior.variance(many), rtol=1e-9
    )
    assert posterior.force_covariance(forces[:0], None).shape == (0, 3, 3)


def test_held_columns_have_no_variance(x):
    out = Posterior.of(fit(x, x @ np.ones(LAYOUT.n_columns), fixed={0: 1.0, 4: 2.0}))
    unit = np.eye(LAYOUT.n_columns)
    np.testing.assert_array_equal(out.variance(unit[[0, 4]]), 0)
    free = np.setdiff1d(np.arange(LAYOUT.n_columns), [0, 4])
    sigma = np.linalg.inv((x.T @ x + prior_matrix())[np.ix_(free, free)])
    np.testing.assert_allclose(out.covariance(unit[free]), sigma, rtol=1e-7, atol=1e-10)
    draws = out.draws(5, 0)
    assert (draws[:, 0] == 1).all()
    assert (draws[:, 4] == 2).all()


@pytest.mark.parametrize("rank", [None, 30])
def test_draws_have_the_covariance(posterior, rank):
    if rank:
        posterior = dataclasses.replace(posterior, factor=LowRank.of(posterior.factor, rank))
    draws = posterior.draws(20000, 4)
    sigma = posterior.covariance(np.eye(LAYOUT.n_columns))
    deviation = np.sqrt(np.diagonal(sigma))
    offset = (draws.mean(axis=0) - posterior.coefficients) / deviation
    assert np.abs(offset).max() < 4.5 / np.sqrt(len(draws))
    found = np.cov(draws.T) / np.outer(deviation, deviation)
    assert np.abs(found - sigma / np.outer(deviation, deviation)).max() < 5 * np.sqrt(2 / len(draws))
    np.testing.assert_array_equal(posterior.draws(3, 4), posterior.draws(3, 4))
    wider = posterior.draws(3, 4, inflation=2.0) - posterior.coefficients
    np.testing.assert_allclose(wider, 2 * (posterior.draws(3, 4) - posterior.coefficients), rtol=1e-9, atol=1e-15)


def test_calibration_undoes_a_wrong_scale(x, withheld):
    """Sigmas of the fit too small by three: the factor says so, and coverage returns."""
    generator = np.random.default_rng(6)
    errors, variances, groups = [], [], []
    for trial in range(30):
        c = 3 * prior_draw(generator)
        posterior = Posterior.of(fit(x, x @ c + 3 * generator.normal(size=len(x))))
        errors.append(withheld.x @ (c - posterior.coefficients))
        variances.append(posterior.variance(withheld.x))
        groups.append(withheld.group + 100 * trial)
    errors, variances, groups = (np.concatenate(part) for part in (errors, variances, groups))
    found = calibrate(errors, variances, groups)
    assert found.factor == pytest.approx(3, rel=0.05)
    assert found.floor == 0
    assert found.within_one == pytest.approx(0.683, abs=0.03)
    assert found.within_two == pytest.approx(0.954, abs=0.02)
    assert (found.count, found.groups) == (len(errors), 300)
    assert calibrate(errors, variances, groups, floor=True).factor == pytest.approx(3, rel=0.1)


def test_floor_is_found():
    generator = np.random.default_rng(0)
    variance = 10 ** generator.uniform(-4, 0, 20000)
    error = np.sqrt(4 * variance + 0.05**2) * generator.normal(size=20000)
    found = calibrate(error, variance, np.repeat(np.arange(40), 500), floor=True)
    assert found.factor == pytest.approx(2, rel=0.03)
    assert found.floor == pytest.approx(0.05, rel=0.03)
    assert found.within_one == pytest.approx(0.683, abs=0.01)
    plain = calibrate(error, variance)
    assert plain.factor > 2.5
    assert plain.within_one > 0.71  # a factor alone cannot be right for small and large variances at once
    assert plain.apply(1.0) == pytest.approx(plain.factor**2)


def test_calibrated_kinds(posterior):
    known = posterior.calibrated({"forces": Calibration(2.0, 0.5, 0.7, 0.95, 100, 10)})
    rows = np.random.default_rng(1).normal(size=(3, 3, LAYOUT.n_columns))
    np.testing.assert_allclose(known.variance(rows, "forces"), 4 * posterior.variance(rows) + 0.25)
    np.testing.assert_allclose(np.einsum("nii->ni", known.force_covariance(rows)), known.variance(rows, "forces"))
    assert "forces: factor 2.00, 70% within one and 95% within two deviations of 100 withheld rows" in repr(known)
    with pytest.raises(InputError, match=r"calibrated kind of label \(forces\), found 'force' \(did you mean 'forces'"):
        known.variance(rows, "force")
    with pytest.raises(InputError, match="expected feature rows of 97 columns, found 5"):
        known.variance(np.ones(5))


def test_calibration_refuses():
    with pytest.raises(InputError, match="2 or more groups, found 1"):
        calibrate([1.0, 2.0], [1.0, 1.0], [0, 0])
    with pytest.raises(InputError, match="expected positive variances"):
        calibrate([1.0, 2.0], [1.0, 0.0])
    with pytest.raises(InputError, match="found 2, 1 and 2"):
        calibrate([1.0, 2.0], [1.0])
    assert calibrate([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], floor=True).factor == 0


def test_low_rank_keeps_its_bounds_and_the_mean(posterior):
    """Every row within the stated ratios; the mean variance of rows like those of the fit is kept."""
    generator = np.random.default_rng(9)
    low = LowRank.of(posterior.factor, 40)
    lower = np.tril(posterior.factor.lower)
    for rows in (generator.normal(size=(300, len(lower))), generator.normal(size=(300, len(lower))) @ lower.T):
        ratio = np.linalg.norm(low.whiten(rows), axis=1) / np.linalg.norm(posterior.factor.whiten(rows), axis=1)
        assert low.bounds[0] <= ratio.min()
        assert ratio.max() <= low.bounds[1]
    exact = np.linalg.inv(lower @ lower.T)
    white = low.whiten(np.eye(len(lower)))
    assert np.trace(white @ white.T @ lower @ lower.T) == pytest.approx(len(lower), rel=1e-9)
    full = LowRank.of(posterior.factor, len(lower) - 1).whiten(np.eye(len(lower)))
    np.testing.assert_allclose(full @ full.T, exact, rtol=1e-6, atol=1e-8 * exact.max())


def test_file_of_the_triangle(posterior, withheld, tmp_path):
    known = posterior.calibrated({"energy": Calibration(1.5, 0.0, 0.7, 0.95, 100, 10)})
    small = posterior_file.compressed(known, probes=withheld.x)
    assert isinstance(small.factor, Triangle)
    assert max(small.loss.values()) < 1e-5
    path = formats.sidecar(tmp_path / "LS.uf3")
    assert path.name == "LS.posterior.h5"
    posterior_file.save(small, path, LAYOUT, provenance={"date": "today"})
    back = posterior_file.load(path, LAYOUT, posterior.coefficients)
    np.testing.assert_allclose(back.deviation(withheld.x), posterior.deviation(withheld.x), rtol=1e-5)
    assert back.calibration == known.calibration
    assert back.loss == small.loss
    with pytest.raises(InputError, match="exists"):
        posterior_file.save(small, path, LAYOUT)
    posterior_file.save(known, path, LAYOUT, force=True)
    again = posterior_file.load(path, LAYOUT, posterior.coefficients)
    np.testing.assert_array_equal(again.variance(withheld.x), back.variance(withheld.x))


def test_file_of_a_low_rank_states_its_loss(posterior, withheld, tmp_path):
    small = posterior_file.compressed(posterior, rank=40, probes=withheld.x)
    path = tmp_path / "LS.posterior.h5"
    posterior_file.save(small, path, LAYOUT)
    back = posterior_file.load(path, LAYOUT, posterior.coefficients)
    error = np.abs(back.deviation(withheld.x) / posterior.deviation(withheld.x) - 1)
    assert error.max() == pytest.approx(back.loss["given largest"], rel=1e-6)
    assert np.median(error) == pytest.approx(back.loss["given median"], rel=1e-6)
    assert back.loss["least"] < 1 < back.loss["largest"]
    np.testing.assert_allclose(back.draws(4, 1), small.draws(4, 1), rtol=1e-12)
    with pytest.raises(InputError, match="whole triangle"):
        posterior_file.compressed(back)


def test_size_of_a_file(posterior, tmp_path):
    limit = 90_000
    size = LAYOUT.n_columns
    big = Posterior(np.zeros(400), np.ones(400), Triangle(np.eye(400)))
    small = posterior_file.compressed(big, limit)
    assert isinstance(small.factor, LowRank)
    posterior_file.save(small, tmp_path / "a.h5", SimpleColumns(400))
    assert (tmp_path / "a.h5").stat().st_size <= limit
    assert isinstance(posterior_file.compressed(posterior, 2 * size * (size + 1)).factor, Triangle)
    with pytest.raises(InputError, match="hold no direction"):
        posterior_file.compressed(big, 60_000)


@dataclasses.dataclass
class SimpleColumns:
    n_columns: int
    blocks: tuple = ()


def test_file_of_another_potential(posterior, tmp_path):
    path = tmp_path / "LS.posterior.h5"
    posterior_file.save(posterior, path, LAYOUT)
    changed = posterior.coefficients.copy()
    changed[3] += 1e-12
    assert fingerprint(LAYOUT, changed) != fingerprint(LAYOUT, posterior.coefficients)
    with pytest.raises(InputError, match="belongs to another potential: expected the coefficients' hash"):
        posterior_file.load(path, LAYOUT, changed)
    fewer = SimpleColumns(5, columns.stack(LAYOUT.blocks[:2]))
    with pytest.raises(InputError, match="belongs to another potential: expected 5 columns as this potential has, f"):
        posterior_file.load(path, fewer, changed[:5])
    with pytest.raises(InputError, match="no such file"):
        posterior_file.load(tmp_path / "no.posterior.h5", LAYOUT, changed)
    (tmp_path / "text").write_text("x")
    with pytest.raises(InputError, match="HDF5"):
        posterior_file.load(tmp_path / "text", LAYOUT, changed)
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 9
    with pytest.raises(InputError, match="version 9 is newer"):
        posterior_file.load(path, LAYOUT, posterior.coefficients)
    with h5py.File(path, "a") as file:
        file.attrs["schema"] = "ufpnmr.msd"
    with pytest.raises(InputError, match=r"expected a ufpnmr\.posterior file, found ufpnmr\.msd"):
        posterior_file.load(path, LAYOUT, posterior.coefficients)
