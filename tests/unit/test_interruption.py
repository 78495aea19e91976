"""Signals as exceptions, also where Python would drop them."""

import os
import signal

import pytest

from ufpnmr.interruption import Interrupted, signals_as_interrupted


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_an_exception_with_an_exit_code(number, code):
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=number.name) as caught, signals_as_interrupted() as check:
        check()
        os.kill(os.getpid(), number)
        pytest.fail("not reached")
    assert caught.value.exit_code == code
    assert signal.getsignal(number) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_in_a_destructor_is_not_lost():
    class Falling:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    reached = []
    with pytest.raises(Interrupted) as caught, signals_as_interrupted() as check:
        Falling()
        reached.append(True)  # what was raised in the destructor is gone
        check()
    assert reached
    assert caught.value.exit_code == 143
