"""Escape from polyanions of planted ions."""

import numpy as np
import pytest

from ufpnmr.dynamics import escape_survival
from ufpnmr.dynamics.coordination import CoordinationPaths
from ufpnmr.dynamics.escape import escape_visits, polyanions
from ufpnmr.errors import InputError
from ufpnmr.results.sites import EscapeSurvival

TETRAHEDRON = 2.05 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
CENTRES = np.stack(np.meshgrid(*[[4.0, 14.0]] * 3), -1).reshape(-1, 3)
BOX = 20.0 * np.eye(3)


def walkers(rng, n_frames, n_ions, rate):
    """Ions beside one of eight tetrahedra that leave for another with a probability per frame."""
    at = rng.integers(0, 8, n_ions)
    x = np.empty((n_frames, n_ions, 3))
    events = 0
    for t in range(n_frames):
        moves = (rng.random(n_ions) < rate) & (t > 0)
        at = np.where(moves, (at + rng.integers(1, 8, n_ions)) % 8, at)
        events += int(moves.sum())
        x[t] = CENTRES[at] + [3.2, 0, 0]
    return x + rng.normal(0, 0.1, x.shape), events


def arrays(rng, n_frames, n_ions, rate, interval=1.0):
    ions, events = walkers(rng, n_frames, n_ions, rate)
    ligands = np.concatenate([centre + TETRAHEDRON for centre in CENTRES])
    ligands = ligands + rng.normal(0, 0.05, (n_frames, 32, 3))
    cell = np.tile(BOX, (n_frames, 1, 1))
    return CoordinationPaths(np.arange(n_frames) * interval, np.arange(n_ions), ions, ligands, cell), events


def test_polyanions():
    ligands = np.concatenate([centre + TETRAHEDRON for centre in CENTRES] + [[[9.0, 9.0, 9.0]]])
    assert polyanions(CENTRES, ligands, BOX).tolist() == [*np.repeat(np.arange(8), 4).tolist(), 8]
    with pytest.raises(InputError, match="found 0 and 33 atoms"):
        polyanions(CENTRES[:0], ligands, BOX)


def test_visits_by_hand():
    far, near, nearer = 5.0, 2.5, 2.0
    one = [near, near, far, far, near, far, far, far, far, near]
    other = [far] * 5 + [near, nearer, near, near, far]
    distance = np.array([one, other])
    starts, ends = escape_visits(distance, 3.0, 2)
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [(0, 5), (5, 10)]
    starts, ends = escape_visits(distance, 3.0, 0)
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [(0, 2), (4, 5), (5, 9), (9, 10)]
    assert len(escape_visits(np.full((2, 9), far), 3.0, 2)[0]) == 0


def test_rate_and_survival_of_planted_escapes():
    rng = np.random.default_rng(1)
    source, events = arrays(rng, 4000, 40, 4e-3)
    groups = np.repeat(np.arange(8), 4)
    result = escape_survival(source, groups, replicas=50)
    assert result.rate.n_events == pytest.approx(events, rel=0.03)
    k = events / (40 * 4000)
    assert result.rate.value == pytest.approx(k * 1e12, rel=0.03)
    assert result.rate.ci_low < 4e9 < 1.03 * result.rate.ci_high
    inside = (result.time > 20) & (result.time < 500)
    assert np.all(np.abs(result.survival - np.exp(-k * result.time))[inside] < 0.06)
    assert result.median.ci_low < np.log(2) / k < result.median.ci_high
    assert result.parameters["short_fraction"] == pytest.approx(1 - np.exp(-4e-3 * 10), abs=0.04)
    assert result.parameters["slowest_rate_seen"] == pytest.approx(1e12 / 4000)
    assert result.parameters["fastest_rate_seen"] == pytest.approx(1e12 / 5)
    assert result.parameters["n_polyanions"] == 8


def test_excursions_are_forgiven():
    rng = np.random.default_rng(2)
    source, _ = arrays(rng, 1000, 10, 0.0)
    away = rng.random((1000, 10)) < 5e-3
    away[0] = False
    source.ions[away] += 4.0
    groups = np.repeat(np.arange(8), 4)
    still = escape_survival(source, groups, replicas=5)
    assert still.rate.value is None
    assert still.rate.ci_high == pytest.approx(2.9957e12 / (10 * 1000), rel=1e-3)
    assert still.parameters["entry_seen"] is False
    assert still.parameters["n_censored"] == 10
    assert still.median.value is None
    with pytest.raises(InputError, match="give a larger radius"):
        escape_survival(source, groups, radius=0.5)
    strict = escape_survival(source, groups, minimum_residence=0, replicas=5)
    assert strict.rate.n_events > 0


def test_storage_and_bad_input(tmp_path):
    source, _ = arrays(np.random.default_rng(3), 800, 10, 1e-2)
    result = escape_survival(source, np.repeat(np.arange(8), 4), replicas=10)
    result.write(tmp_path / "escape.h5")
    assert EscapeSurvival.read(tmp_path / "escape.h5").records == result.records
    with pytest.raises(InputError, match="one polyanion per ligand"):
        escape_survival(source, [0, 1])
    with pytest.raises(InputError, match="positive radius"):
        escape_survival(source, np.repeat(np.arange(8), 4), radius=0)
