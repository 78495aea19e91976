"""The time of every frame: from the user, the dump or the run's log; never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError

PS_PER_UNIT = {"metal": 1.0, "real": 1e-3}
"""Unit of time of the LAMMPS unit styles whose lengths are Å, in ps."""


@dataclass(frozen=True)
class LogTiming:
    """What a LAMMPS log says about time.

    Attributes
    ----------
    units : str
        Unit style, ``metal`` or ``real``.
    timestep : float
        MD timestep, ps.
    """

    units: str
    timestep: float


def check_units(units: str, where: str) -> str:
    """Return the unit style if its lengths are Å; raise InputError otherwise."""
    if units not in PS_PER_UNIT:
        raise InputError(f"{where}: expected units metal or real, found {units}; convert lengths to Å and time to ps")
    return units


def check_timestep(timestep: float | None) -> float | None:
    """Return a positive, finite timestep (ps) or None; raise InputError otherwise."""
    if timestep is not None and not (np.isfinite(timestep) and timestep > 0.0):
        raise InputError(f"timestep: expected a positive number of ps, found {timestep}")
    return timestep


def read_log(path: str | Path) -> LogTiming:
    """Read unit style and timestep from the log of a LAMMPS run.

    LAMMPS states both before every run (``Unit style``, ``Time step``); a log without these lines is searched for the
    commands ``units`` and ``timestep``.

    Parameters
    ----------
    path : str or Path
        Log file.

    Raises
    ------
    InputError
        If the log has no timestep, several, or units whose length is not Å.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    units = re.findall(r"^\s*Unit style\s*:\s*(\w+)", text, re.MULTILINE) or re.findall(
        r"^\s*units\s+(\w+)", text, re.MULTILINE
    )
    found = re.findall(r"^\s*Time step\s*:\s*(\S+)", text, re.MULTILINE) or re.findall(
        r"^\s*timestep\s+([-+.\deE]+)\s*(?:#.*)?$", text, re.MULTILINE
    )
    if not units:
        raise InputError(f"{path}: expected a LAMMPS log with the unit style of the run, found none; give --timestep")
    if len(set(units)) > 1:
        raise InputError(f"{path}: expected one unit style, found {', '.join(sorted(set(units)))}; give --timestep")
    check_units(units[0], str(path))
    try:
        steps = sorted({float(step) for step in found})
    except ValueError:
        raise InputError(f"{path}: expected a number as timestep, found {found}; give --timestep") from None
    if not steps:
        raise InputError(f"{path}: expected a LAMMPS log with the timestep of the run, found none; give --timestep")
    if len(steps) > 1:
        raise InputError(
            f"{path}: expected one timestep, found {', '.join(map(str, steps))}; give --timestep for this trajectory, "
            "or write the time with `dump_modify ID time yes units yes`"
        )
    timestep = check_timestep(steps[0] * PS_PER_UNIT[units[0]])
    assert timestep is not None
    return LogTiming(units[0], timestep)


def times_of_steps(
    steps: NDArray[np.int64],
    written: NDArray[np.float64] | None,
    units: str | None,
    timestep: float | None,
    where: str,
) -> NDArray[np.float64] | None:
    """Time of every frame since the first, ps; None if nothing tells it.

    Parameters
    ----------
    steps : (T,) ndarray of int
        MD steps, ascending.
    written : (T,) ndarray or None
        ``ITEM: TIME`` of the frames in the unit of time of `units`.
    units : str or None
        Unit style, if known.
    timestep : float or None
        MD timestep, ps.
    where : str
        File, for the message.

    Raises
    ------
    InputError
        If the written times contradict the timestep.
    """
    counted = None if timestep is None else (steps - steps[0]) * timestep
    if written is None or units is None or not np.isfinite(written).all():
        return counted
    times = (written - written[0]) * PS_PER_UNIT[units]
    if counted is not None and not np.allclose(times, counted, rtol=1e-6, atol=1e-6 * float(timestep or 0.0)):
        worst = int(np.abs(times - counted).argmax())
        raise InputError(
            f"{where}: step {steps[worst]} is at {times[worst]:g} ps by its ITEM: TIME and at {counted[worst]:g} ps by "
            f"a timestep of {timestep:g} ps; give the right timestep or none"
        )
    return np.asarray(times)


def time_axis(universe: Any) -> NDArray[np.float64]:
    """Time of every frame of a trajectory.

    Parameters
    ----------
    universe : MDAnalysis.Universe
        From `ufpnmr.trajectory.open`, or any other whose reader states its times.

    Returns
    -------
    (T,) ndarray
        ps; the first frame of an `open`-ed trajectory is at 0.

    Raises
    ------
    InputError
        If the time is unknown.
    """
    reader = universe.trajectory
    times = getattr(reader, "times", None)
    if times is not None:
        return np.array(times, dtype=np.float64)
    if hasattr(reader, "has_time") or not {"dt", "time"} & set(reader.ts.data):
        raise InputError(f"{reader.filename}: time unknown: {getattr(reader, 'time_hint', 'give --timestep or --log')}")
    frame = reader.ts.frame
    found = np.array([ts.time for ts in reader], dtype=np.float64)
    reader[frame]
    return found
