"""Haven ratio and conductivity of walkers that are independent, in groups, or confined."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from ufpnmr.dynamics import charge_transport, mean_square_displacement
from ufpnmr.dynamics.charge import conductivity
from ufpnmr.errors import InputError
from ufpnmr.results.msd import MSDResult


def paths(positions, interval=1.0, drift="framework", box=30.0):
    n_frames, n_ions = positions.shape[:2]
    return SimpleNamespace(
        time=np.arange(n_frames) * interval,
        ids=np.arange(1, n_ions + 1),
        positions=positions,
        cell=np.tile(box * np.eye(3), (n_frames, 1, 1)),
        drift_mode=drift,
        selection="element Ag",
        source="synthetic",
    )


def walk(rng, n_frames, n_ions, group=1):
    """Brownian ions; members of a group move alike."""
    steps = np.repeat(rng.normal(0, 0.1, (n_frames, n_ions // group, 3)), group, axis=1)
    return np.cumsum(steps, axis=0)


@pytest.mark.parametrize(("group", "expected"), [(1, 1.0), (4, 0.25), (8, 0.125)])
def test_haven_ratio(group, expected):
    """Independent ions 1, groups of g 1/g: the mean of 40 replicas within 3 standard errors, the interval covers."""
    rng = np.random.default_rng(1)
    found = [charge_transport(paths(walk(rng, 1000, 32, group)), threads=1).records["haven_ratio"] for _ in range(40)]
    logs = np.log([record.value for record in found])
    assert abs(logs.mean() - np.log(expected)) < 3 * logs.std(ddof=1) / 40**0.5
    assert np.mean([record.ci_low < expected < record.ci_high for record in found]) >= 0.85


def test_charges_weigh_the_ions():
    """Opposite charges in a pair that moves together carry nothing; a neutral spectator changes nothing."""
    rng = np.random.default_rng(2)
    x = walk(rng, 2000, 24)
    spectators = np.concatenate([x, walk(rng, 2000, 8)], axis=1)
    bare = charge_transport(paths(x)).records["charge_diffusion"]
    charged = charge_transport(paths(spectators), [1.0] * 24 + [0.0] * 8).records["charge_diffusion"]
    assert charged.value == pytest.approx(bare.value, rel=1e-12)
    doubled = charge_transport(paths(x), 2.0).records["charge_diffusion"]
    assert doubled.value == pytest.approx(bare.value, rel=1e-12)
    pairs = np.repeat(x, 2, axis=1) + rng.normal(0, 0.05, (2000, 48, 3))
    ratio = charge_transport(paths(pairs), np.tile([1.0, -1.0], 24)).records["haven_ratio"]
    assert ratio.value is None or ratio.value > 20


def test_conductivity_known_answer():
    # n = 0.02 per Å³, q = 1, 300 K, 1e-6 cm²/s
    assert conductivity(1e-6, 20.0, 1000.0, 300.0) == pytest.approx(123.95, rel=1e-4)
    rng = np.random.default_rng(3)
    records = charge_transport(paths(walk(rng, 2000, 32)), 1.0, 500.0).records
    for name, source in (("conductivity", "charge_diffusion"), ("conductivity_nernst_einstein", "tracer_diffusion")):
        assert records[name].unit == "mS/cm"
        assert records[name].value == pytest.approx(conductivity(records[source].value, 32.0, 27_000.0, 500.0))
        assert records[name].ci_low < records[name].value < records[name].ci_high
    assert records["haven_ratio"].value == pytest.approx(
        records["conductivity_nernst_einstein"].value / records["conductivity"].value
    )


def test_collective_displacement_equals_the_loop():
    rng = np.random.default_rng(4)
    x, q = walk(rng, 600, 5), np.array([1.0, -2.0, 1.0, 3.0, 0.5])
    found = charge_transport(paths(x, interval=0.5), q)
    dipole = x @ np.eye(3)
    dipole = np.einsum("i,tic->tc", q, dipole)
    last = 600 - round(found.lag[-1] / 0.5)
    for lag, value in zip(np.rint(found.lag / 0.5).astype(int), found.msd, strict=True):
        expected = ((dipole[lag : lag + last] - dipole[:last]) ** 2).sum(axis=1)
        edges = np.rint(np.linspace(0, last, 11)).astype(int)
        blocks = [expected[a:b].mean() for a, b in itertools.pairwise(edges)]
        assert value == pytest.approx(np.mean(blocks) / (q @ q), rel=1e-10)


def test_confined_charge_is_refused():
    """Ions that hop while their sum stands still over the run: no ratio is claimed."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 0.2, (1000, 16, 3))
    record = charge_transport(paths(x)).records["haven_ratio"]
    assert record.value is None
    assert record.status == "window_too_short"


def test_result_carries_it(tmp_path):
    x = walk(np.random.default_rng(6), 2000, 32)
    result = mean_square_displacement(paths(x), charge=1.0, temperature=400.0)
    assert set(result.records) == {
        "diffusion",
        "haven_ratio",
        "charge_diffusion",
        "tracer_diffusion",
        "conductivity",
        "conductivity_nernst_einstein",
    }
    assert result.parameters["temperature_K"] == 400.0
    for name in ("msd.h5", "msd.json"):
        result.write(tmp_path / name)
        back = MSDResult.read(tmp_path / name)
        assert back.records == result.records
        np.testing.assert_array_equal(back.charge_msd, result.charge_msd)
    without = mean_square_displacement(paths(x))
    assert without.charge_msd is None
    without.write(tmp_path / "bare.h5")
    assert MSDResult.read(tmp_path / "bare.h5").charge == {}


def test_bad_input():
    x = walk(np.random.default_rng(7), 600, 6)
    with pytest.raises(InputError, match="one charge or one per ion"):
        charge_transport(paths(x), [1.0, 2.0])
    with pytest.raises(InputError, match="not all zero"):
        charge_transport(paths(x), 0.0)
    with pytest.raises(InputError, match="above 0 K"):
        charge_transport(paths(x), 1.0, 0.0)
    with pytest.raises(InputError, match="holds no box"):
        charge_transport(paths(x, box=0.0), 1.0, 300.0)
    with pytest.raises(InputError, match="at least 250 frames"):
        charge_transport(paths(x[:100]))
    still = x - x.mean(axis=1, keepdims=True)
    with pytest.raises(InputError, match="needs framework atoms"):
        charge_transport(paths(still, drift="com"))
