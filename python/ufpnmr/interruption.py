"""SIGINT and SIGTERM as an exception with an exit code."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
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
def signals_as_interrupted() -> Iterator[Callable[[], None]]:
    """Turn SIGINT and SIGTERM into `Interrupted`, once: clean-up is not interrupted again.

    Yields
    ------
    callable
        Raises `Interrupted` if a signal has come. Python drops an exception that a signal raises while a destructor or
        the callback of a weak reference runs; a loop that calls this ends all the same.
    """
    came: list[int] = []

    def check() -> None:
        if came:
            raise Interrupted(came[0])

    def interrupt(number: int, _: FrameType | None) -> None:
        came.append(number)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
