"""SIGINT and SIGTERM as an exception with an exit code."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupted", "signals_as_interrupted"]


class Interrupted(BaseException):
    """SIGINT or SIGTERM; what is finished is kept and the next run continues.

    Attributes
    ----------
    exit_code : int
        128 + the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.exit_code = 128 + number


@contextmanager
def signals_as_interrupted() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Interrupted`, once: clean-up is not interrupted again."""

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
