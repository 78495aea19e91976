"""Candidates of a cycle from all sources, without what is known, repeated or unfit to be labelled."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr.active.assessment import Assessor
from ufpnmr.active.config import ActiveConfig
from ufpnmr.active.hop_frames import hop_steps
from ufpnmr.active.paths import run_path
from ufpnmr.active.sampling import Trajectory, plan_runs, run_md
from ufpnmr.errors import InputError
from ufpnmr.structures import content_uid, read_atoms
from ufpnmr.structures.matching import duplicates

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Gathered", "gather"]

Say = Callable[[str], object]
_ABOUT_LABELS = re.compile(r"energy|force|stress|virial|^label_", re.IGNORECASE)
_LAST = 3
"""Frames at the end of a run that ended before its time: candidates in any case."""


@dataclasses.dataclass(frozen=True, eq=False)
class Gathered:
    """Candidates and how they came about.

    Attributes
    ----------
    candidates : list of ase.Atoms
        ``info`` has uid, config_type, group, source (md, hops, neb, pool or folder), and the mean and largest predicted
        error of its forces, ``force_error_mean`` and ``force_error_largest`` (eV/Å).
    runs : list of dict
        Name, number of frames and end of each run and path.
    dropped : dict
        Number of structures left out, by reason.
    """

    candidates: list[Atoms]
    runs: list[dict[str, Any]]
    dropped: dict[str, int]


def gather(
    config: ActiveConfig,
    cycle: int,
    assessor: Assessor,
    folder: Path,
    known: Sequence[Atoms],
    refused: set[str],
    say: Say,
) -> Gathered:
    """Run what is to be run and return the candidates.

    Parameters
    ----------
    config : ActiveConfig
    cycle : int
        From 1.
    assessor : Assessor
        Of this cycle.
    folder : Path
        Of this cycle.
    known : sequence of ase.Atoms
        Labelled and withheld structures: they are no candidates again.
    refused : set of str
        uids that could not be labelled.
    say : callable
        Takes one line of log.
    """
    found: list[Atoms] = []
    runs: list[dict[str, Any]] = []
    for run in plan_runs(config, cycle):
        assert config.md is not None
        before = folder.parent / f"cycle-{cycle - 1:03d}" / "md" / run.name if config.md.continued else None
        trajectory = run_md(run, config.md, assessor, folder / "md" / run.name, before)
        steps: set[int] = set()
        remark = ""
        if config.hops is not None:
            steps, remark = hop_steps(trajectory, config.hops, config.md.timestep_ps, list(assessor.potential.elements))
        frames = _frames(config, cycle, trajectory, steps)
        say(f"  {run.name}: {len(trajectory.frames)} frames, {trajectory.end}" + (f"; {remark}" if remark else ""))
        runs.append(
            {
                "name": run.name,
                "seed": run.seed,
                "frames": len(trajectory.frames),
                "candidates": len(frames),
                "end": trajectory.end,
                "hops": remark,
                "largest_force_error": max(trajectory.largest, default=None),
            }
        )
        found += frames
    for path in config.paths:
        images = run_path(path, assessor, folder / "paths" / path.name)
        say(f"  {path.name}: {len(images.images)} images, {images.end}")
        runs.append({"name": path.name, "candidates": len(images.images), "end": images.end})
        for number, atoms in enumerate(images.images, 2):
            uid = f"c{cycle:03d}-{path.name}-{number}"
            found.append(_named(atoms, uid, path.config_type, f"c{cycle:03d}-{path.name}", "neb", images.info))
    found += _from_files(config.candidates.pool, config.candidates.config_type, "pool")
    inside = [path for folder in config.candidates.folders for path in sorted(folder.iterdir()) if path.is_file()]
    found += _from_files(inside, config.candidates.config_type, "folder", say)
    return _sifted(found, runs, assessor, known, refused, config.candidates.largest_force_error)


def _frames(config: ActiveConfig, cycle: int, trajectory: Trajectory, hop: set[int]) -> list[Atoms]:
    """Frames of a run that are candidates: every n-th, those around hops, and the last sane ones."""
    md, run = config.md, trajectory.run
    assert md is not None
    out = []
    errors = zip(trajectory.largest, trajectory.mean, strict=True)
    for number, ((step, atoms), (largest, mean)) in enumerate(zip(trajectory.frames, errors, strict=True)):
        regular = number >= md.skip_frames and (number - md.skip_frames) % md.candidate_every == 0
        last = number >= len(trajectory.frames) - _LAST and trajectory.end != "complete"
        if regular or last or step in hop:
            name = f"c{cycle:03d}-{run.name}"
            source = "hops" if step in hop else "md"
            named = _named(atoms, f"{name}-{step}", run.state.config_type, name, source, trajectory.info)
            named.info.update(temperature=run.temperature, force_error_largest=largest, force_error_mean=mean)
            out.append(named)
    return out


def _from_files(paths: Iterable[Path], config_type: str, source: str, say: Say | None = None) -> list[Atoms]:
    """Structures of files; those of a folder that ASE cannot read are named and passed over."""
    out = []
    for path in paths:
        try:
            frames = read_atoms(path)
        except InputError as error:
            if say is None:
                raise
            say(f"  passed over: {error}")
            continue
        for atoms in frames:
            uid = str(atoms.info.get("uid", content_uid(atoms)))
            kind = str(atoms.info.get("config_type", config_type))
            out.append(_named(atoms, uid, kind, atoms.info.get("group"), source, atoms.info))
    return out


def _named(atoms: Atoms, uid: str, config_type: str, group: object, source: str, info: Mapping[str, Any]) -> Atoms:
    """Return a bare copy with what a candidate carries, and of `info` what is neither a label nor about labels."""
    from ase import Atoms

    out = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    out.info.update({key: value for key, value in info.items() if not _ABOUT_LABELS.search(key)})
    out.info.update(uid=uid, config_type=config_type, source=source)
    if group is not None:
        out.info["group"] = str(group)
    return out


def _sifted(
    found: list[Atoms],
    runs: list[dict[str, Any]],
    assessor: Assessor,
    known: Sequence[Atoms],
    refused: set[str],
    largest_force_error: float | None,
) -> Gathered:
    dropped: dict[str, int] = {}

    def drop(reason: str) -> None:
        dropped[reason] = dropped.get(reason, 0) + 1

    sane, uids = [], set()
    for atoms in found:
        uid = atoms.info["uid"]
        if uid in refused:
            drop("could not be labelled")
        elif uid in uids:
            drop("uid twice")
        elif not set(map(str, atoms.symbols)) <= set(assessor.potential.elements):
            drop("element that the potential does not know")
        elif assessor.insane(atoms) is not None:
            drop("contact below the first knots")
        else:
            uids.add(uid)
            sane.append(atoms)
    repeated = {j - len(known) for _, j in duplicates([*known, *sane])}
    for _ in range(len([j for j in repeated if j >= 0])):
        drop("labelled already, withheld or repeated")
    candidates = []
    for atoms in (atoms for number, atoms in enumerate(sane) if number not in repeated):
        if "force_error_mean" not in atoms.info:
            deviation = assessor.force_deviation(atoms)
            atoms.info.update(force_error_largest=float(deviation.max()), force_error_mean=float(deviation.mean()))
        if largest_force_error is None or atoms.info["force_error_largest"] <= largest_force_error:
            candidates.append(atoms)
        else:
            drop("predicted force error too large")
    return Gathered(candidates, runs, dropped)
