"""When an active-learning run ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ufpnmr.active.config import Stopping

__all__ = ["Stop", "after_fit", "after_sampling"]


@dataclasses.dataclass(frozen=True)
class Stop:
    """Why a run ends.

    Attributes
    ----------
    reason : str
    converged : bool
        Whether a criterion on errors was met.
    """

    reason: str
    converged: bool


def after_fit(cycle: int, force_rmse: Sequence[float | None], rule: Stopping) -> Stop | None:
    """Judge the withheld errors.

    Parameters
    ----------
    cycle : int
        The one whose fit is done, from 1: cycle - 1 rounds of labelling are done.
    force_rmse : sequence of float
        Withheld force errors of all fits up to this one, any unit.
    rule : Stopping
    """
    change = _relative_change(force_rmse, rule.patience)
    if rule.force_rmse_change is not None and change is not None and -change < rule.force_rmse_change:
        if change > rule.force_rmse_change:
            return Stop(
                f"withheld force error rose by {change:.1%} over {rule.patience} cycles: what is learnt does not help the "
                "withheld structures; compare their configuration types and weights with those of the new labels",
                False,
            )
        return Stop(f"withheld force error converged: changed by {change:+.1%} over {rule.patience} cycles", True)
    if cycle > rule.maximum_cycles:
        return Stop(f"{rule.maximum_cycles} cycles done", False)
    return None


def after_sampling(candidates: int, mean: Sequence[float | None], largest: float | None, rule: Stopping) -> Stop | None:
    """Judge the predicted errors of the candidates.

    Parameters
    ----------
    candidates : int
        How many there are in this cycle.
    mean : sequence of float
        Mean predicted force error of the candidates of each cycle up to this one.
    largest : float
        Largest one of this cycle, eV/Å.
    rule : Stopping
    """
    if candidates == 0:
        return Stop("no candidates left", False)
    if rule.largest_force_error is not None and largest is not None and largest < rule.largest_force_error:
        return Stop(f"no candidate has a predicted force error above {rule.largest_force_error:g} eV/Å", True)
    change = _relative_change(mean, rule.patience)
    if rule.uncertainty_change is not None and change is not None and abs(change) < rule.uncertainty_change:
        return Stop(f"predicted force error stable: changed by {change:+.1%} over {rule.patience} cycles", True)
    return None


def _relative_change(values: Sequence[float | None], patience: int) -> float | None:
    if len(values) <= patience:
        return None
    old, new = values[-1 - patience], values[-1]
    return None if not old or new is None else new / old - 1
