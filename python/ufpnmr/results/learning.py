"""The record of an active-learning run: one row per cycle."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from ufpnmr.results.storage import StoredResult

__all__ = ["LearningRecord"]


@dataclasses.dataclass(frozen=True, repr=False)
class LearningRecord(StoredResult):
    """What each cycle found; ``record.json`` of `ufp active run`.

    Attributes
    ----------
    title : str
    stop : str
        Why the run ended; empty while it goes on.
    converged : bool
        Whether it ended by a criterion on errors rather than by the number of cycles.
    potential : str
        Newest potential, relative to the record.
    cycles : list of dict
        ``cycle``; ``labelled``, ``labelled_atoms``: what the fit was trained on; ``withheld``: errors of the fit as in
        `ufpnmr.potential.accuracy.Comparison.errors` (meV, meV/Å, GPa); ``withheld_predicted`` and ``candidates``:
        ``mean`` and ``largest`` predicted force error, eV/Å, and ``atoms``; ``selected``: uid, gain, source,
        config_type, atoms and force error of each choice; ``new``: errors of the fit on the labels of this cycle before
        it had seen them; ``failed``: reason by uid; ``seconds`` of each stage.
    """

    schema: ClassVar[str] = "ufpnmr-learning"

    title: str
    stop: str
    converged: bool
    potential: str
    cycles: list[dict[str, Any]]

    def column(self, *keys: str) -> list[float | None]:
        """Return one number of each cycle, e.g. ``column("withheld", "force_rmse")``; None where there is none."""
        out: list[float | None] = []
        for row in self.cycles:
            value: Any = row
            for key in keys:
                value = None if value is None else value.get(key)
            out.append(None if value is None else float(value))
        return out
