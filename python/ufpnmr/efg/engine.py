"""What predicts field gradients along a trajectory: a trained model or point charges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Engine", "Precision", "error_text", "read_engine"]

Precision = Literal["single", "double"]


class Engine(Protocol):
    """See `ufpnmr.efg.model.EFGModel` and `ufpnmr.efg.point_charges.PointCharges`."""

    @property
    def error(self) -> dict[str, Any]:
        """Errors on structures withheld from the fit."""

    @property
    def centre(self) -> str:
        """Elements at which it predicts, separated by spaces."""

    @property
    def digest(self) -> str:
        """SHA-256 of what decides a prediction."""

    @property
    def engine(self) -> str:
        """One line for the `engine` of a tensor series."""

    @property
    def description(self) -> dict[str, Any]:
        """What the provenance of a tensor series says beside the digest."""

    def check(self, elements: Sequence[str], indices: Iterable[int]) -> None:
        """Refuse unknown elements and atoms that are no centres."""

    def precision(self, wanted: Precision) -> Precision:
        """Return the precision in which it predicts if `wanted` is asked for."""

    def gradients(
        self,
        cell: ArrayLike,
        positions: ArrayLike,
        elements: Sequence[str],
        centres: Sequence[int] | NDArray[np.intp],
        *,
        precision: Precision = "single",
        threads: int = 1,
    ) -> NDArray[np.float64]:
        """Return (n, 6) V/Å² of a periodic frame, or (F, n, 6) of cells (F, 3, 3) and positions (F, N, 3)."""


def read_engine(path: str | Path) -> Engine:
    """Read a model file of either kind.

    Raises
    ------
    InputError
        No such file, or neither kind; see the readers.
    """
    from ufpnmr.efg.model_file import MAGIC, read_model
    from ufpnmr.efg.point_charges import PointCharges

    path = Path(path)
    if path.suffix == ".efg" or _begins_with(path, MAGIC):
        return read_model(path)
    return PointCharges.read(path)


def error_text(engine: Engine) -> str:
    """Return in words how far the predictions were off on structures withheld from the fit."""
    error = engine.error
    if "relative_tensor_rmse" not in error:
        return "not stated in its file"
    frequency = f", {error['mae_omega_q_khz']:.1f} kHz of ω_Q on average" if "mae_omega_q_khz" in error else ""
    method = error.get("method", "method not stated")
    return f"{100 * error['relative_tensor_rmse']:.0f} % of the rms tensor{frequency} ({method})"


def _begins_with(path: Path, magic: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
