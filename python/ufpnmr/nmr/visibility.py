"""What a stimulated-echo experiment can see of a decay: its window of mixing times and its smallest coupling."""

from __future__ import annotations

import dataclasses
import math

from ufpnmr.errors import InputError
from ufpnmr.results.decay import DecayFit

__all__ = ["VERDICTS", "Experiment", "decay_verdict", "verdict"]

VERDICTS = {
    "visible": "the decay lies inside the window and is deep enough",
    "shallow": "the decay lies inside the window but is too shallow; the echo stays near its first amplitude",
    "residual": "the decay is over before the shortest mixing time: only the residual coupling is left",
    "narrowed": "the decay is over before the shortest mixing time and no coupling is left: no echo",
    "frozen": "the decay comes after the longest mixing time: an echo that does not decay",
    "uncoupled": "the coupling is below the sensitivity: no echo",
    "undecided": "no decay time, only bounds that do not exclude the window",
}
"""Verdict -> meaning."""

_S_PER_NS = 1e-9


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Limits of a stimulated-echo experiment.

    Attributes
    ----------
    shortest, longest : float
        Window of mixing times, s: by default 10 µs (pulses, dead time, 1/ω_Q) to 1 s (spin-lattice relaxation);
        Harper 2025, section II A.
    sensitivity : float
        Smallest coupling P_Q that gives an echo, kHz: 10, Harper 2025, section II E.
    depth : float
        Smallest 1 - b² that counts as a decay.
    """

    shortest: float = 10e-6
    longest: float = 1.0
    sensitivity: float = 10.0
    depth: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.shortest < self.longest or self.sensitivity <= 0 or not 0 < self.depth < 1:
            raise InputError(
                "expected 0 < shortest < longest mixing time, a positive sensitivity and a depth between 0 and 1, "
                f"found {self}"
            )


def verdict(tau: float, plateau: float, coupling: float, experiment: Experiment | None = None) -> str:
    """Return which of `VERDICTS` holds for a decay with τ and b².

    The coupling left after the decay is √(b²) P_Q, because b² = ``|<V>|²/<V:V>``.

    Parameters
    ----------
    tau : float
        Decay time, s; infinite for none.
    plateau : float
        b² of eq. 5.
    coupling : float
        Root mean square of P_Q before the decay, kHz.
    experiment : Experiment, optional
    """
    limits = experiment or Experiment()
    if not tau > 0 or not 0 <= plateau <= 1 or not coupling >= 0:
        raise InputError(f"expected tau > 0, 0 <= b² <= 1 and a coupling >= 0, found {tau}, {plateau}, {coupling}")
    if coupling < limits.sensitivity:
        return "uncoupled"
    if tau < limits.shortest:
        return "residual" if math.sqrt(plateau) * coupling >= limits.sensitivity else "narrowed"
    if tau > limits.longest:
        return "frozen"
    return "visible" if 1 - plateau >= limits.depth else "shallow"


def decay_verdict(fit: DecayFit, coupling: float, experiment: Experiment | None = None) -> str:
    """Return the verdict on a fitted decay; a fit that claims no τ is judged by its bound.

    Parameters
    ----------
    fit : DecayFit
    coupling : float
        Root mean square of P_Q, kHz, after the vibrations have been averaged.
    experiment : Experiment, optional
    """
    limits = experiment or Experiment()
    if fit.tau.value is not None and fit.plateau.value is not None:
        return verdict(fit.tau.value * _S_PER_NS, fit.plateau.value, coupling, limits)
    if coupling < limits.sensitivity:
        return "uncoupled"
    slowest_seen = fit.tau.ci_low is not None and fit.tau.ci_low * _S_PER_NS > limits.longest
    return "frozen" if slowest_seen else "undecided"
