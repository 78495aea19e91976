"""Which columns of a dump are used, and which of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError
from ufpnmr.trajectory.unwrap import Integers

FLAGS = ("ix", "iy", "iz")
VELOCITIES = ("vx", "vy", "vz")
KEPT = ("fx", "fy", "fz", "q", "mass", "mux", "muy", "muz")
KEPT_PREFIXES = ("c_", "f_", "v_", "i_", "d_", "i2_", "d2_")


class PositionStyle(NamedTuple):
    """How a dump writes positions: column names, whether fractional, whether unwrapped."""

    columns: tuple[str, str, str]
    fractional: bool
    unwrapped: bool


STYLES = (
    PositionStyle(("xu", "yu", "zu"), False, True),
    PositionStyle(("xsu", "ysu", "zsu"), True, True),
    PositionStyle(("x", "y", "z"), False, False),
    PositionStyle(("xs", "ys", "zs"), True, False),
)


@dataclass(frozen=True)
class Columns:
    """Columns that every frame has.

    Attributes
    ----------
    present : tuple of str
        All of them.
    style : PositionStyle
        The positions.
    flags, velocities : tuple of str
        Image flags and velocities, or nothing.
    extra : tuple of str
        Columns kept in ``ts.data`` by name.
    """

    present: tuple[str, ...]
    style: PositionStyle
    flags: tuple[str, ...]
    velocities: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def numeric(self) -> tuple[str, ...]:
        """Columns to read, in this order: positions, flags, velocities, further ones."""
        return (*self.style.columns, *self.flags, *self.velocities, *self.extra)


def choose_columns(lists: list[list[str]], used: Integers, steps: Integers, where: str) -> Columns:
    """Choose among the columns that are in every frame; InputError if none of them are positions.

    Parameters
    ----------
    lists : list of list of str
        Column lists of the file.
    used : (T,) ndarray of int
        Which of them each frame has.
    steps : (T,) ndarray of int
        MD steps, for the message.
    where : str
        File, for the message.
    """
    first = lists[used[0]]
    common = [name for name in first if all(name in lists[i] for i in np.unique(used))]
    usable = [style for style in STYLES if all(name in common for name in style.columns)]
    if not usable:
        lacking = (i for i, c in enumerate(used) if not any(set(s.columns) <= set(lists[c]) for s in STYLES))
        at = next(lacking, None)
        found = f"step {steps[0 if at is None else at]}: found {' '.join(lists[used[at or 0]])}"
        if at is None:
            found = "the style of positions changes within the file"
        raise InputError(f"{where}: expected xu yu zu, xsu ysu zsu, x y z or xs ys zs; {found}")
    style = usable[0]
    has_flags = all(name in common for name in FLAGS) and not style.unwrapped
    has_velocities = all(name in common for name in VELOCITIES)
    return Columns(
        present=tuple(common),
        style=style,
        flags=FLAGS if has_flags else (),
        velocities=VELOCITIES if has_velocities else (),
        extra=tuple(name for name in common if name in KEPT or name.startswith(KEPT_PREFIXES)),
    )


def newest_branch(steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, int]:
    """Frames that remain when a restart repeats steps: what was written last counts.

    Parameters
    ----------
    steps : (F,) ndarray of int
        MD steps in the order of the file.

    Returns
    -------
    kept : (T,) ndarray of int
        Frames with ascending steps.
    n_repeated : int
        Frames written again with the same step.
    n_discarded : int
        Frames of an older branch, beyond the step the run went back to.
    """
    if (np.diff(steps) > 0).all():
        return np.arange(steps.size, dtype=np.int64), 0, 0
    kept: list[int] = []
    n_repeated = n_discarded = 0
    for frame, step in enumerate(steps.tolist()):
        while kept and steps[kept[-1]] >= step:
            if steps[kept.pop()] == step:
                n_repeated += 1
            else:
                n_discarded += 1
        kept.append(frame)
    return np.array(kept, dtype=np.int64), n_repeated, n_discarded


def check_counts(counts: Integers, steps: Integers, on_change: str, where: str) -> int:
    """Return how many frames have as many atoms as the first.

    Parameters
    ----------
    counts, steps : (T,) ndarray of int
        Atoms and MD step of each frame.
    on_change : {"error", "stop"}
        Whether another number of atoms is an error or ends the trajectory.
    where : str
        File, for the message.

    Raises
    ------
    InputError
        If the number changes, or is 0.
    """
    if counts[0] == 0:
        raise InputError(f"{where}: expected atoms, found frames without any")
    changed = np.flatnonzero(counts != counts[0])
    if changed.size == 0:
        return int(counts.size)
    if on_change == "stop":
        return int(changed[0])
    raise InputError(
        f"{where}: step {steps[changed[0]]}: expected {counts[0]} atoms as in the first frame, found "
        f'{counts[changed[0]]}; dump a static group, or read up to there with on_change="stop"'
    )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """Return one of the choices; InputError otherwise."""
    if value not in choices:
        raise InputError(f"{name}: expected one of {', '.join(choices)}, found {value!r}")
    return value


def coarse_digits(values: Any, scale: float) -> float:
    """Return the largest rounding error of six significant digits, Å; 0 if the numbers have more of them.

    Parameters
    ----------
    values : (N, 3) ndarray
        Numbers as written.
    scale : float
        Å per unit of `values`.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return 0.0
    error = 0.5 * 10.0 ** (np.floor(np.log10(largest)) - 5) * scale
    if error <= 1e-3 or any(float(f"{value:.6g}") != value for value in np.ravel(values)[:300].tolist()):
        return 0.0
    return float(error)
