"""What a study will cost, before it runs."""

from __future__ import annotations

import dataclasses
import re

from ufpnmr.errors import UfpError
from ufpnmr.study.runner import Study

__all__ = ["StageCost", "costs"]

_MD_SECONDS = 1e-5
"""Per atom and step on one core; LPS.uf3, measured with inputs/lps/in.md."""
_EFG_SECONDS = 3e-5
"""Per atom and frame on one core; Ewald sum of point charges."""
_ANALYSIS_SECONDS = 2e-6
"""Per ion and frame."""
_BYTES = {
    **{"trajectory": 24, "efg": 24, "acf": 80, "msd": 48, "sites": 30, "hops": 48, "figure": 60},
    **{"rdf": 24, "vdos": 84, "angles": 24, "vanhove": 48},
}
"""Memory per atom and frame."""


@dataclasses.dataclass(frozen=True)
class StageCost:
    """One row of the table of ``--dry-run``.

    Attributes
    ----------
    name, state : str
        Stage and its state.
    frames : int or None
        Frames it handles; None where unknown.
    memory : float or None
        MB.
    seconds : float or None
        From the last run, or from typical speeds.
    measured : bool
        Whether `seconds` comes from the last run.
    """

    name: str
    state: str
    frames: int | None
    memory: float | None
    seconds: float | None
    measured: bool


def costs(study: Study) -> list[StageCost]:
    """Return the cost of every stage; with an [md] section nothing is read but the header of the data file.

    Parameters
    ----------
    study : Study
    """
    frames, atoms = _size(study)
    rows = []
    for name, state in study.states().items():
        stamp = study.ledger.stamp(name) or {}
        last = stamp.get("seconds")
        kind = name.split()[0]
        typical = _typical(study, kind, frames, atoms)
        per_atom = _BYTES.get(kind)
        memory = per_atom * frames * atoms / 1e6 if per_atom and frames and atoms else None
        rows.append(
            StageCost(
                name,
                state,
                frames if kind not in ("decay", "directions", "results", "report") else None,
                memory,
                last if last is not None else typical,
                last is not None,
            )
        )
    return rows


def _typical(study: Study, kind: str, frames: int | None, atoms: int | None) -> float | None:
    md = study.config.md
    if kind == "md" and md is not None and atoms is not None:
        return _MD_SECONDS * md.steps * atoms / (md.ranks * md.threads)
    if kind in ("decay", "directions", "figure", "results", "report"):
        return 2.0
    if frames is None or atoms is None:
        return None
    if kind == "efg":
        return _EFG_SECONDS * frames * atoms / study.shop.threads
    return _ANALYSIS_SECONDS * frames * atoms


def _size(study: Study) -> tuple[int | None, int | None]:
    """Frames and atoms of the trajectory, as far as they are known before it exists."""
    md = study.config.md
    if md is not None:
        with open(md.data, encoding="utf-8", errors="replace") as stream:
            head = stream.read(4096)
        found = re.search(r"^\s*(\d+)\s+atoms", head, re.MULTILINE)
        return md.steps // md.dump_every + 1, int(found.group(1)) if found else None
    try:
        universe = study.shop.universe()
    except UfpError:
        return None, None
    return universe.trajectory.n_frames, universe.atoms.n_atoms
