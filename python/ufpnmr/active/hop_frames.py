"""Which frames of a run lie around hops of ions."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

from ufpnmr.active.config import Hops
from ufpnmr.active.sampling import Trajectory
from ufpnmr.dynamics import find_hops
from ufpnmr.errors import InputError
from ufpnmr.trajectory import ion_paths
from ufpnmr.trajectory import open as open_trajectory

__all__ = ["hop_steps"]


def hop_steps(trajectory: Trajectory, hops: Hops, timestep: float, elements: list[str]) -> tuple[set[int], str]:
    """Return the steps of the frames around hops, and a remark.

    Parameters
    ----------
    trajectory : Trajectory
        Of one run; its dumps are joined to ``trajectory.lammpstrj`` beside them.
    hops : Hops
    timestep : float
        ps.
    elements : list of str
        Of the LAMMPS types.
    """
    if not trajectory.files:
        return set(), "no frames"
    steps = [step for step, _ in trajectory.frames]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # repeated frames of chunks, a trajectory that was cut
            universe = open_trajectory(_joined(trajectory.files), timestep=timestep, elements=elements)
            found = find_hops(
                ion_paths(universe, f"element {hops.element}"),
                minimum_residence=hops.minimum_residence_ps,
                outer_radius=hops.outer_radius_A,
            )
    except InputError as error:
        return set(), f"hops not looked for: {str(error).partition(';')[0]}"
    around: set[int] = set()
    for time in found.time:
        middle = min(range(len(steps)), key=lambda k: abs(steps[k] * timestep - time))
        around |= set(steps[max(0, middle - hops.frames) : middle + hops.frames + 1])
    return around, f"{len(found.time)} hops"


def _joined(files: list[Path]) -> Path:
    target = files[0].with_name("trajectory.lammpstrj")
    partial = target.with_name(target.name + ".partial")
    with open(partial, "wb") as stream:
        for path in files:
            with open(path, "rb") as part:
                shutil.copyfileobj(part, stream)
    partial.replace(target)
    return target
