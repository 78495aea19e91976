"""Means over runs and comparisons of sets of runs: known answers, refusals, files."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from ufpnmr.dynamics import average_runs
from ufpnmr.dynamics.compare import compare_runs
from ufpnmr.errors import InputError
from ufpnmr.results import Record
from ufpnmr.results.comparison import Comparison
from ufpnmr.results.msd import MSDResult
from ufpnmr.results.rdf import RDFResult
from ufpnmr.results.runs import RunAverage

R = np.linspace(0.5, 5, 10)


def run(g, error=0.1, peak=2.5, peak_error=0.05, **changes):
    """A g(r) result with one pair and given values."""
    values = {
        "r": R,
        "pairs": np.array([["Li", "S"]]),
        "g": np.atleast_2d(g),
        "g_std_error": np.full((1, len(R)), error),
        "n": np.atleast_2d(g) * 2,
        "n_std_error": np.full((1, len(R)), 2 * error),
        "values": {"Li-S first peak": Record(peak, "angstrom", "made", std_error=peak_error)},
        "parameters": {"norm": "g"},
    }
    return RDFResult(**{**values, **changes})


def test_five_runs():
    rng = np.random.default_rng(1)
    curves, peaks = rng.normal(1, 0.2, (5, len(R))), rng.normal(2.5, 0.1, 5)
    mean = average_runs([run(g, peak=p) for g, p in zip(curves, peaks, strict=True)])
    np.testing.assert_allclose(mean.mean["g"][0], curves.mean(axis=0))
    np.testing.assert_allclose(mean.std["g"][0], curves.std(axis=0, ddof=1))
    np.testing.assert_allclose(mean.sem["g"][0], curves.std(axis=0, ddof=1) / np.sqrt(5))
    record = mean.values["Li-S first peak"]
    low, high = stats.t.interval(0.95, 4, loc=peaks.mean(), scale=stats.sem(peaks))
    assert (record.value, record.ci_low, record.ci_high) == pytest.approx((peaks.mean(), low, high))
    assert mean.n_runs == 5
    assert mean.run_values["Li-S first peak"] == peaks.tolist()


def test_few_runs_take_the_larger_error_and_one_its_blocks():
    equal = average_runs([run(np.ones(10), error=0.3)] * 3)
    np.testing.assert_allclose(equal.sem["g"], 0.3 / np.sqrt(3))
    np.testing.assert_allclose(equal.std["g"], 0.0)
    apart = average_runs([run(np.full(10, x), error=0.01) for x in (0.0, 1.0)])
    np.testing.assert_allclose(apart.sem["g"], 0.5)
    single = average_runs([run(np.ones(10), error=0.3)])
    np.testing.assert_allclose(single.sem["g"], 0.3)
    assert np.isnan(single.std["g"]).all()
    assert single.values["Li-S first peak"].value == 2.5


def test_runs_that_contradict_their_block_errors_are_named():
    rng = np.random.default_rng(2)
    quiet = average_runs([run(R, peak=p, peak_error=0.05) for p in rng.normal(2.5, 0.05, 5)])
    assert quiet.notes == []
    loud = average_runs([run(R, peak=p, peak_error=0.01) for p in rng.normal(2.5, 0.1, 5)])
    assert "F test" in loud.notes[0]


def test_a_number_that_one_run_does_not_claim_is_not_claimed():
    silent = {"Li-S first peak": Record(None, "angstrom", "made", status="too_few_events")}
    mean = average_runs([run(R), run(R, values=silent)])
    record = mean.values["Li-S first peak"]
    assert (record.value, record.status) == (None, "too_few_events")
    assert mean.run_values["Li-S first peak"] == [2.5, None]


def test_what_differs_is_named():
    with pytest.raises(InputError, match="run 2: field r differs"):
        average_runs([run(R), run(R, r=R + 0.1)])
    with pytest.raises(InputError, match="run 3: field pairs differs"):
        average_runs([run(R), run(R), run(R, pairs=np.array([["P", "S"]]))])
    with pytest.raises(InputError, match="parameter norm is 'paper', in run 1 it is 'g'"):
        average_runs([run(R), run(R, parameters={"norm": "paper"})])
    with pytest.raises(InputError, match="at least one run"):
        average_runs([])


@pytest.mark.parametrize("name", ["x.h5", "x.json"])
def test_files_give_back_what_was_written(tmp_path, name):
    mean = average_runs([run(R), run(R + 0.1)])
    other = average_runs([run(R * 1.1), run(R * 1.2)])
    for result, kind in ((mean, RunAverage), (compare_runs({"rdf": mean}, {"rdf": other}), Comparison)):
        result.write(tmp_path / name)
        again = kind.read(tmp_path / name)
        for field in dataclasses.fields(kind):
            a, b = getattr(result, field.name), getattr(again, field.name)
            if isinstance(a, dict) and a and isinstance(next(iter(a.values())), np.ndarray):
                assert a.keys() == b.keys()
                for key in a:
                    np.testing.assert_array_equal(a[key], b[key])
            else:
                assert a == b, field.name


def test_equal_sets_differ_by_chance_only_and_shifted_ones_by_their_shift():
    rng = np.random.default_rng(3)

    def noisy(shift):
        return average_runs(
            [run(rng.normal(1 + shift, 0.1, 10), error=0.1, peak=2.5 + shift + rng.normal(0, 0.05)) for _ in range(8)]
        )

    same = compare_runs({"rdf": noisy(0)}, {"rdf": noisy(0)})
    rms = next(row["rms_pull"] for row in same.curves if row["curve"] == "g")
    assert 0.4 < rms < 2.2
    apart = compare_runs({"rdf": noisy(0)}, {"rdf": noisy(0.5)}, names=("a", "b"))
    row = next(row for row in apart.curves if row["curve"] == "g")
    assert row["rms_pull"] > 5
    assert row["beyond_two"] == 1.0
    assert row["label"] == "Li-S"
    (number,) = apart.numbers
    assert number["difference"] == pytest.approx(0.5, abs=0.15)
    assert number["pull"] == pytest.approx(number["difference"] / number["combined_std_error"])
    text = apart.markdown()
    assert "| rdf: Li-S first peak / angstrom |" in text
    assert apart.records["rdf: Li-S first peak"].value == number["difference"]


def msd(lag, scale=1.0):
    n = len(lag)
    return MSDResult(
        ids=np.arange(3),
        lag=lag,
        msd=scale * lag,
        msd_axis=np.ones((n, 3)),
        std_error=np.full(n, 0.1),
        alpha=np.ones(n),
        alpha_std_error=np.full(n, 0.1),
        msd_ion=np.ones((3, n), dtype=np.float32),
        full_lag=lag,
        full_msd=lag,
        full_msd_axis=np.ones((n, 3)),
        diffusion_tensor=None,
        diffusion_tensor_std_error=None,
        diffusion=Record(scale * 1e-5, "cm2/s", "made", std_error=1e-6),
        parameters={"origins": "all", "drift": "none", "selection": "element Li", "n_frames": n},
    )


def test_runs_of_another_length_are_compared_at_their_common_lags():
    a = average_runs([msd(np.array([1.0, 2.0, 3.0, 5.0]))])
    b = average_runs([msd(np.array([1.0, 2.0, 5.0, 9.0]), scale=2.0)])
    result = compare_runs({"msd": a}, {"msd": b})
    assert result.grid["msd.lag"].tolist() == [1.0, 2.0, 5.0]
    np.testing.assert_allclose(result.pull["msd.msd"], np.array([1, 2, 5]) / np.hypot(0.1, 0.1))
    assert "at the 3 values of lag" in result.notes[0]
    with pytest.raises(InputError, match="share no lag"):
        compare_runs({"msd": a}, {"msd": average_runs([msd(np.array([1.5, 2.5]))])})


def test_sets_that_cannot_be_compared():
    a = average_runs([run(R)])
    with pytest.raises(InputError, match="nothing to compare"):
        compare_runs({"rdf": a}, {})
    with pytest.raises(InputError, match="field r differs between the sets"):
        compare_runs({"rdf": a}, {"rdf": average_runs([run(R, r=R + 1)])})
    with pytest.raises(InputError, match="parameter norm"):
        compare_runs({"rdf": a}, {"rdf": average_runs([run(R, parameters={"norm": "paper"})])})
    with pytest.raises(InputError, match="same analysis"):
        compare_runs({"x": a}, {"x": average_runs([msd(np.array([1.0, 2.0]))])})
    assert compare_runs({"rdf": a, "msd": a}, {"rdf": a}).notes == ["msd: only in reference"]
