"""One correlation function from several independent runs of the same system."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ufpnmr import provenance
from ufpnmr.errors import InputError
from ufpnmr.results.correlation import CorrelationResult

__all__ = ["merge_runs"]

_ENOUGH_RUNS = 5
_SAME = ("observable", "isotope", "convention", "field", "axes", "normalisation", "sums_unit", "removed", "interval")


def merge_runs(results: Sequence[CorrelationResult]) -> CorrelationResult:
    """Average the correlation functions of independent runs (replicas), each run with the same weight.

    With five runs or more the runs take the place of time blocks: the errors are those between runs. With two to four
    the error is the larger of the one between runs and the one within them (spec analysis 1.7). Ions are averaged over
    their curves in all runs, in the order of the ids.

    Parameters
    ----------
    results : sequence of CorrelationResult
        Same observable, isotope, convention, field, axes, normalisation, lags and ions; at least two.

    Raises
    ------
    InputError
        Fewer than two runs, or runs that differ; the message names the field and the run.
    """
    if len(results) < 2:
        raise InputError(f"expected at least two runs to merge, found {len(results)}")
    first = results[0]
    for k, other in enumerate(results[1:], start=2):
        for name in _SAME:
            if getattr(other, name) != getattr(first, name):
                raise InputError(
                    f"run {k} differs from run 1 in {name}: expected {getattr(first, name)!r}, "
                    f"found {getattr(other, name)!r}"
                )
        if not np.array_equal(other.ids, first.ids):
            raise InputError(f"run {k} has other ions than run 1: expected the same {len(first.ids)} ids in one order")
        if other.lag.shape != first.lag.shape or other.sums.shape != first.sums.shape:
            raise InputError(
                f"run {k} differs from run 1 in length: expected {len(first.lag)} lags and {first.sums.shape[0]} "
                f"blocks, found {len(other.lag)} and {other.sums.shape[0]}"
            )
    n_runs = len(results)
    curves = np.array([result.mean for result in results])
    between = curves.std(axis=0, ddof=1) / np.sqrt(n_runs)
    within = np.sqrt(np.mean([result.std_error**2 for result in results], axis=0) / n_runs)
    if n_runs >= _ENOUGH_RUNS:
        sums = np.array([result.sums.sum(axis=0) for result in results])
        counts = np.array([result.counts.sum(axis=0) for result in results])
        std_error, words = between, "between runs"
    else:
        sums = np.concatenate([result.sums for result in results])
        counts = np.concatenate([result.counts for result in results])
        std_error, words = np.maximum(between, within), "the larger of between and within runs"
    parameters = {
        **first.parameters,
        "runs": n_runs,
        "error": words,
        "n_blocks": len(sums),
        "between_run_error_at_first_lag": float(between[1]),
        "within_run_error_at_first_lag": float(within[1]),
    }
    return dataclasses.replace(
        first,
        mean=curves.mean(axis=0),
        std_error=std_error,
        n_origins=np.sum([result.n_origins for result in results], axis=0),
        per_ion=np.asarray(np.mean([result.per_ion for result in results], axis=0), dtype=np.float32),
        sums=sums,
        counts=counts,
        warnings=list(dict.fromkeys(warning for result in results for warning in result.warnings)),
        parameters=parameters,
        provenance=provenance.collect(**parameters, merged=[result.provenance for result in results]),
    )
