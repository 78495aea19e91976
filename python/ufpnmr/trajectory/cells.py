"""Cells as (3, 3) arrays with rows a, b, c, in the frame that LAMMPS and MDAnalysis share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Box:
    """Cell of one frame; what follows from it is worked out once.

    Attributes
    ----------
    cell : (3, 3) ndarray, Å
        Rows a, b, c; a along x, b in the xy plane, right-handed. Zeros without a cell.
    origin : (3,) ndarray, Å
        Corner of the cell.
    periodic : (3,) ndarray of bool
        Whether the structure repeats along a, b, c.
    rotation : (3, 3) ndarray or None
        R with ``x = origin + R (x_file - origin)`` when the file orients the cell otherwise.
    """

    cell: Floats
    origin: Floats
    periodic: NDArray[np.bool_]
    rotation: Floats | None = None

    @cached_property
    def inverse(self) -> Floats:
        """Matrix that turns a row of Cartesian coordinates (Å) into fractional ones."""
        return np.asarray(np.linalg.inv(self.cell))

    @cached_property
    def dimensions(self) -> Floats | None:
        """``[a, b, c, alpha, beta, gamma]`` in Å and degrees, the rounded form that MDAnalysis keeps."""
        rows = self.cell.tolist()
        a, b, c = lengths = [math.hypot(*row) for row in rows]
        if not all(lengths):
            return None
        pairs = ((1, 2, b * c), (0, 2, a * c), (0, 1, a * b))
        cosines = [sum(x * y for x, y in zip(rows[i], rows[j], strict=True)) / product for i, j, product in pairs]
        return np.array([*lengths, *(math.degrees(math.acos(min(1.0, max(-1.0, x)))) for x in cosines)])

    @cached_property
    def smallest_height(self) -> float:
        """Smallest distance between opposite faces, Å, among the periodic directions; infinite without any."""
        if not self.periodic.any():
            return math.inf
        heights = 1.0 / np.linalg.norm(self.inverse, axis=0)
        return float(heights[self.periodic].min())


def restricted(cell: Floats, where: str) -> tuple[Floats, Floats | None]:
    """Turn a cell so that a lies along x and b in the xy plane.

    Parameters
    ----------
    cell : (3, 3) ndarray, Å
        Rows a, b, c in any orientation.
    where : str
        File and frame, for the message.

    Returns
    -------
    cell : (3, 3) ndarray, Å
        The input itself, bit for bit, if it is oriented that way already.
    rotation : (3, 3) ndarray or None
        R with ``cell = cell_file @ R.T``.

    Raises
    ------
    InputError
        If the cell is left-handed or has no volume.
    """
    if np.linalg.det(cell) <= 0.0:
        raise InputError(f"{where}: expected a right-handed cell, found volume <= 0; swap two cell vectors")
    if cell[0, 1] == cell[0, 2] == cell[1, 2] == 0.0 and (np.diag(cell) > 0).all():
        return cell, None
    lower = np.linalg.cholesky(cell @ cell.T)
    rotation = np.linalg.solve(cell, lower).T
    if np.abs(rotation - np.eye(3)).max() < 1e-12:
        return cell, None
    return lower, rotation
