"""Run a command that must not outlive its caller: ``python guard.py COMMAND ...``, standard library only.

The wheel's ``lmp`` and ``mpiexec`` start further processes. This one leads their process group, is told by the kernel
when its caller dies (even by SIGKILL) and then ends the group: two runs must never write the same files.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1
_GRACE = 5.0


class _Ended(Exception):
    pass


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise _Ended


def main(command: list[str]) -> int:
    """Run `command`; return its exit code, or 128 + the signal that ended it or this process.

    Where the command was killed, what it had started is ended too.

    Parameters
    ----------
    command : list of str
    """
    signal.signal(signal.SIGTERM, _end)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    process = None
    try:
        process = subprocess.Popen(command, close_fds=False)
        code = process.wait()
        if code < 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)
        return code if code >= 0 else 128 - code
    except _Ended:
        os.killpg(0, signal.SIGTERM)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
        os.killpg(0, signal.SIGKILL)
        return 128 + signal.SIGTERM


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
