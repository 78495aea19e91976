"""Velocities relative to the centre of mass, read or differenced, and the temperature they imply."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ufpnmr.errors import InputError
from ufpnmr.trajectory.frames import Frames
from ufpnmr.units import BOLTZMANN_EV, EV_PER_U_ANGSTROM2_PER_PS2

__all__ = ["Velocities", "mass_centred"]

LARGEST_NOISE = 0.1
"""Of rounding in differenced positions, relative to the motion."""


class Velocities(NamedTuple):
    """Velocities of all atoms.

    Attributes
    ----------
    values : ndarray (T, N, 3)
        Å/ps, centre of mass at rest.
    temperature : float or None
        K; as given, else kinetic (3N - 3 degrees of freedom), else None.
    differenced : bool
        Whether they are central differences of positions (T is then two frames shorter).
    """

    values: npt.NDArray[Any]
    temperature: float | None
    differenced: bool


def mass_centred(frames: Frames, interval: float, temperature: float | None = None) -> Velocities:
    """Return velocities of all atoms of `frames` with the centre of mass at rest.

    Parameters
    ----------
    frames : Frames
        With velocities, else unwrapped positions.
    interval : float
        Time between frames, ps.
    temperature : float, optional
        K.

    Raises
    ------
    InputError
        Positions so coarsely rounded that differences are noise, fewer than three frames, velocities that are not
        numbers, a temperature that is not positive.
    """
    if temperature is not None and not (np.isfinite(temperature) and temperature > 0):
        raise InputError(f"expected a positive temperature in K, found {temperature}")
    differenced = frames.velocities is None
    if frames.velocities is None:
        if len(frames.positions) < 3:
            raise InputError(f"{frames.source}: expected at least three frames to difference, found fewer")
        values: npt.NDArray[Any] = (frames.positions[2:] - frames.positions[:-2]) / (2 * interval)
        _refuse_rounded(frames, values, interval)
    else:
        values = frames.velocities.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{frames.source}: expected velocities that are finite numbers")
    mass = frames.masses
    values = values - (np.einsum("n,tnk->tk", mass, values) / mass.sum())[:, None]
    if temperature is None and not differenced and len(mass) > 1:
        kinetic = float(np.einsum("n,tnk,tnk->", mass, values, values)) / len(values)
        temperature = kinetic * EV_PER_U_ANGSTROM2_PER_PS2 / ((3 * len(mass) - 3) * BOLTZMANN_EV)
    return Velocities(values, temperature, differenced)


def _refuse_rounded(frames: Frames, values: npt.NDArray[np.float64], interval: float) -> None:
    """Refuse positions on a decimal grid whose rounding, differenced, is no longer small beside the motion."""
    steps = np.diff(frames.positions[:200, :50], axis=0)
    for digits in range(1, 6):
        grid = 10.0**-digits
        if np.abs(steps / grid - np.rint(steps / grid)).max() < 0.02:
            noise = grid / np.sqrt(6.0) / (2 * interval)
            motion = float(np.sqrt((values**2).mean()))
            if noise > LARGEST_NOISE * motion:
                raise InputError(
                    f"{frames.source}: positions are rounded to {grid:g} Å: velocities from them carry {noise:.2g} "
                    f"Å/ps of noise beside {motion:.2g} of motion; write velocities, or more digits"
                )
            return
