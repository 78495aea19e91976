"""Molecular dynamics on a leash: LAMMPS runs a few frames, the posterior looks at them, and so on.

A run is a folder of chunks. Each is one start of `lmp` from the restart of the chunk before, and is done when its JSON
is there:

    chunk-0002.in  chunk-0002.lammpstrj  chunk-0002.restart  chunk-0002.json

A kill loses the chunk in work; it begins again from the same restart and gives the same frames. A run ends after its
last step, with the first frame that has a larger predicted force error than allowed, before the first frame that has a
contact below the first knots or numbers that are not finite, or where LAMMPS gives up.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufpnmr.active.assessment import Assessor
from ufpnmr.active.config import ActiveConfig, MDConfig, State
from ufpnmr.active.lammps_files import carried, head, in_lammps_frame, read_frames, write_data
from ufpnmr.lmp_process import error_line, lmp_command, run_lmp
from ufpnmr.results.storage import write_text_atomically
from ufpnmr.structures import read_atoms

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Run", "Trajectory", "plan_runs", "run_md"]

_HOT = 10.0
"""Times the temperature asked for, from which on LAMMPS is told to give up."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a cycle.

    Attributes
    ----------
    name : str
        State, temperature and volume: ``beta-600K-v1.00``.
    state : State
    temperature : float
        K.
    volume_factor : float
    seed : int
        Of the velocities.
    """

    name: str
    state: State
    temperature: float
    volume_factor: float
    seed: int

    def start(self) -> Atoms:
        """Return the structure it starts from, in the frame of LAMMPS."""
        atoms: Atoms = read_atoms(self.state.structure)[-1].copy()  # type: ignore[no-untyped-call]
        atoms = atoms.repeat(self.state.repeat)  # type: ignore[no-untyped-call]
        if "charge" in atoms.info:
            atoms.info["charge"] *= int(np.prod(self.state.repeat))
        atoms.set_cell(atoms.cell.array * self.volume_factor ** (1 / 3), scale_atoms=True)  # type: ignore[no-untyped-call]
        return in_lammps_frame(atoms)


@dataclasses.dataclass(frozen=True, eq=False)
class Trajectory:
    """What a run left behind.

    Attributes
    ----------
    run : Run
    frames : list of (int, ase.Atoms)
        Step and structure, the sane ones only.
    largest : list of float
        Largest predicted force error of each, eV/Å.
    mean : list of float
        Mean predicted force error of each, eV/Å.
    end : str
        "complete", or why it ended before.
    files : list of Path
        Dumps in their order.
    info : dict
        What its start carries and each frame of it too: the charge.
    """

    run: Run
    frames: list[tuple[int, Atoms]]
    largest: list[float]
    mean: list[float]
    end: str
    files: list[Path]
    info: dict[str, Any]


def plan_runs(config: ActiveConfig, cycle: int) -> list[Run]:
    """Return the runs of a cycle; every cycle has other velocities."""
    runs: list[Run] = []
    for state in config.states:
        for temperature in state.temperatures_K:
            for factor in state.volume_factors:
                seed = np.random.SeedSequence([config.seed, cycle, len(runs)]).generate_state(1)[0]
                name = f"{state.name}-{temperature:g}K-v{factor:.3f}"
                runs.append(Run(name, state, temperature, factor, int(seed % 899_999_999) + 1))
    return runs


def run_md(run: Run, md: MDConfig, assessor: Assessor, folder: Path, before: Path | None = None) -> Trajectory:
    """Run or continue one run in `folder`.

    Parameters
    ----------
    run : Run
    md : MDConfig
    assessor : Assessor
        The potential and its posterior.
    folder : Path
        Made if it is not there.
    before : Path, optional
        Folder of the same run in the cycle before: start where it ended, if it was complete.

    Raises
    ------
    InputError
        A start that is not periodic or holds an element that the potential does not know.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = Trajectory(run, [], [], [], "complete", [], carried(run.start()))
    for number, steps in enumerate(_chunks(md)):
        done = folder / f"chunk-{number:04d}.json"
        if not done.is_file():
            start = None
            if number == 0:
                start = (None if before is None else _end_of(before, assessor)) or run.start()
            record = _run_chunk(run, md, assessor, folder, number, steps, start)
            write_text_atomically(done, json.dumps(record, indent=1) + "\n")
        end = _take(out, done, assessor)
        if end is not None:
            return dataclasses.replace(out, end=end)
    return out


def _chunks(md: MDConfig) -> Iterator[int]:
    """Yield the steps of each chunk."""
    per_chunk, left = md.frame_every * md.look_every, md.steps
    while left > 0:
        yield min(per_chunk, left)
        left -= per_chunk


def _end_of(folder: Path, assessor: Assessor) -> Atoms | None:
    """Return the last frame of a run that was complete; None of any other."""
    chunks = sorted(folder.glob("chunk-*.json"))
    if not chunks or json.loads(chunks[-1].read_text(encoding="utf-8"))["end"] is not None:
        return None
    return read_frames(chunks[-1].with_suffix(".lammpstrj"), assessor.potential.elements)[-1][1]


def _run_chunk(
    run: Run, md: MDConfig, assessor: Assessor, folder: Path, number: int, steps: int, beginning: Atoms | None
) -> dict[str, Any]:
    """Run `lmp` once, from `beginning` or the restart of the chunk before, and judge its frames."""
    name, before = f"chunk-{number:04d}", f"chunk-{number - 1:04d}"
    elements = assessor.potential.elements
    start = "start.data"
    if beginning is not None:
        write_data(folder / start, beginning, elements)
    dump = folder / f"{name}.lammpstrj"
    dump.unlink(missing_ok=True)
    text = head(
        f"read_data {start}" if beginning is not None else f"read_restart {before}.restart",
        assessor.path.resolve(),
        elements,
        assessor.potential.degree,
        md.timestep_ps,
    )
    if beginning is not None:
        text += f"velocity all create {run.temperature!r} {run.seed} mom yes rot no dist gaussian\n"
    text += f"""fix integrate all nvt temp {run.temperature!r} {run.temperature!r} {md.damping_ps!r}
thermo {md.frame_every}
thermo_modify flush yes lost error
variable T equal temp
fix sane all halt {md.frame_every} v_T > {_HOT * run.temperature!r} error hard
dump frames all custom {md.frame_every} {name}.lammpstrj id type element xu yu zu
dump_modify frames sort id element {" ".join(elements)} format float %.8f flush yes
run {steps}
write_restart {name}.restart
"""
    (folder / f"{name}.in").write_text(text, encoding="utf-8")
    command = lmp_command(["-in", f"{name}.in", "-log", f"{name}.log"], md.ranks)
    code = run_lmp(command, folder, folder / f"{name}.out", threads=md.threads)
    frames = []
    end = None if code == 0 else _complaint(folder / f"{name}.out")
    for step, atoms in read_frames(dump, elements):
        wrong = assessor.insane(atoms)
        if wrong is not None:
            end = f"step {step}: {wrong}"
            break
        deviation = assessor.force_deviation(atoms)
        frames.append({"step": step, "largest": float(deviation.max()), "mean": float(deviation.mean())})
        if md.largest_force_error is not None and deviation.max() > md.largest_force_error:
            end = f"step {step}: predicted force error {deviation.max():.3g} eV/Å"
            break
    return {"frames": frames, "end": end, "exit_code": code}


def _complaint(output: Path) -> str:
    """Say why LAMMPS gave up."""
    line = error_line(output)
    return f"hotter than {_HOT:g} times the temperature" if "fix-id sane" in line else f"LAMMPS: {line}"


def _take(out: Trajectory, done: Path, assessor: Assessor) -> str | None:
    """Add the frames of a chunk; return why the run ended, if it did."""
    record = json.loads(done.read_text(encoding="utf-8"))
    dump = done.with_suffix(".lammpstrj")
    kept = {frame["step"]: frame for frame in record["frames"]}
    seen = {step for step, _ in out.frames}  # a chunk begins with the last frame of the one before
    for step, atoms in read_frames(dump, assessor.potential.elements):
        if step in kept and step not in seen:
            out.frames.append((step, atoms))
            out.largest.append(kept[step]["largest"])
            out.mean.append(kept[step]["mean"])
    out.files.append(dump)
    end: str | None = record["end"]
    return end
