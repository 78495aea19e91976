"""Frames of every format that ASE reads, with the time axis and the cut end that it does not tell."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ufpnmr.errors import InputError
from ufpnmr.trajectory.cells import Floats
from ufpnmr.trajectory.unwrap import Integers

LARGEST_IN_MEMORY = 2 * 2**30
"""Bytes of positions that are read into memory at most."""


@dataclass
class AseFrames:
    """Frames of a file.

    Attributes
    ----------
    images : list of ase.Atoms
        Complete frames.
    n_dropped : int
        Incomplete frames at the end, 0 or 1.
    steps : (T,) ndarray of int or None
        MD steps, if the file tells them.
    times : (T,) ndarray or None
        ps, if the file tells them.
    interval : float or None
        MD timestep in ps, if the file tells it.
    time_hint : str
        What would make the time known.
    """

    images: list[Any] = field(default_factory=list)
    n_dropped: int = 0
    steps: Integers | None = None
    times: Floats | None = None
    interval: float | None = None
    time_hint: str = 'give --timestep, or info["time"] in ps'


def read_frames(path: str) -> AseFrames:
    """Read every complete frame of a file that ASE reads.

    Raises
    ------
    InputError
        If it cannot be read, holds no complete frame, or is too large for memory.
    """
    from ase.io.formats import UnknownFileTypeError, filetype

    try:
        kind = filetype(path)
    except (UnknownFileTypeError, OSError) as error:
        raise InputError(f"{path}: cannot be read by ASE: {type(error).__name__}: {error}") from error
    frames = {"vasp-xdatcar": _xdatcar, "vasp-xml": _vasprun, "castep-md": _castep_md}.get(kind, _other)(path)
    if not frames.images:
        raise InputError(f"{path}: expected at least one complete frame, found none")
    return frames


def _images(path: str, source: Any, kind: str | None = None) -> tuple[list[Any], bool]:
    """Read frames up to the first that cannot be read, and tell whether there is one."""
    import ase.io

    images: list[Any] = []
    n_bytes = 0
    try:
        for atoms in ase.io.iread(source, index=":", format=kind):
            n_bytes += atoms.positions.nbytes
            if n_bytes > LARGEST_IN_MEMORY:
                raise InputError(f"{path}: more than {LARGEST_IN_MEMORY >> 30} GiB of positions; convert it to a dump")
            images.append(atoms)
    except InputError:
        raise
    except Exception as error:
        # the formats of ASE raise what they like on a cut or foreign file
        if not images:
            raise InputError(f"{path}: cannot be read by ASE: {type(error).__name__}: {error}") from error
        return images, True
    return images, False


def _other(path: str) -> AseFrames:
    images, broken = _images(path, path)
    if not broken and path.endswith((".xyz", ".extxyz")) and _end(path, 1) != "\n":
        # without a newline the last number may lack digits
        images.pop()
        broken = True
        if not images:
            raise InputError(f"{path}: expected a newline at the end, found none: its last number may be cut")
    steps = [atoms.info.get("step") for atoms in images]
    times = [atoms.info.get("time") for atoms in images]
    found = AseFrames(images, int(broken))
    if all(isinstance(step, (int, np.integer)) for step in steps) and (np.diff(np.array(steps)) > 0).all():
        found.steps = np.array(steps, dtype=np.int64)
    if all(isinstance(value, (int, float, np.integer, np.floating)) for value in times):
        found.times = np.array(times, dtype=np.float64)
        if not (np.diff(found.times) > 0).all():
            raise InputError(f'{path}: expected ascending info["time"], found it going back')
    return found


def _xdatcar(path: str) -> AseFrames:
    """XDATCAR of VASP: one block of positions per NBLOCK steps, without their length."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    starts = [match.start() for match in re.finditer(r"^.*Direct configuration=", text, re.MULTILINE)]
    if not starts:
        raise InputError(f"{path}: expected an XDATCAR with 'Direct configuration=', found none")
    atoms = re.findall(r"^\s*((?:\d+\s+)+)$", text[: starts[0]], re.MULTILINE)
    n_atoms = sum(map(int, atoms[-1].split())) if atoms else 0
    complete = text.count("\n", starts[-1]) > n_atoms
    if not complete:
        starts.pop()
        if not starts:
            raise InputError(f"{path}: expected at least one complete frame, found one that is cut")
        # up to the end of the block before; a cell that changes stands between the blocks
        lines = text[starts[-1] :].splitlines(keepends=True)
        text = text[: starts[-1]] + "".join(lines[: n_atoms + 1])
    images, broken = _images(path, StringIO(text), "vasp-xdatcar")
    numbers = np.array([int(text[at:].split("=", 1)[1].split(None, 1)[0]) for at in starts[: len(images)]])
    ascending = bool((np.diff(numbers) > 0).all())
    return AseFrames(
        images,
        int(broken or not complete),
        steps=numbers.astype(np.int64) if ascending else None,
        time_hint="an XDATCAR does not hold POTIM; give --timestep in ps",
    )


def _vasprun(path: str) -> AseFrames:
    """vasprun.xml: every step of the run, with POTIM in fs for IBRION = 0."""
    images, broken = _images(path, path, "vasp-xml")
    with open(path, encoding="utf-8", errors="replace") as stream:
        head = stream.read(2**20)
    found = {name: re.search(rf'name="{name}"[^>]*>\s*([-+\d.eE]+)\s*<', head) for name in ("POTIM", "IBRION")}
    motion, length = found["IBRION"], found["POTIM"]
    if motion is None or int(float(motion[1])) != 0:
        hint = "vasprun.xml is not of a molecular dynamics run (IBRION = 0); give --timestep in ps"
        return AseFrames(images, int(broken), time_hint=hint)
    cut = broken or "</modeling>" not in _end(path, 256)
    interval = None if length is None else 1e-3 * float(length[1])
    return AseFrames(images, int(cut), interval=interval, time_hint="vasprun.xml holds no POTIM; give --timestep in ps")


def _castep_md(path: str) -> AseFrames:
    """CASTEP .md: the time of every frame in atomic units, which ASE converts to its own unit."""
    from ase import units

    images, broken = _images(path, path, "castep-md")
    times = np.array([atoms.info.get("time", np.nan) for atoms in images]) / (1e3 * units.fs)
    if not np.isfinite(times).all():
        raise InputError(f"{path}: expected a time in every frame of a CASTEP .md file")
    if not (np.diff(times) > 0).all():
        raise InputError(f"{path}: expected ascending times, found them going back; cut the file at the restart")
    # frames end with an empty line
    cut = broken or re.search(r"\n[ \t\r]*\n[ \t\r]*$", _end(path, 256)) is None
    return AseFrames(images, int(cut), times=times)


def _end(path: str, size: int) -> str:
    """Return the last `size` bytes of a file."""
    with open(path, "rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - size))
        return stream.read().decode("utf-8", errors="replace")
