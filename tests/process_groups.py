"""End a test process, and everything that its tests have started, when its parent ends."""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>

# Waits until the test process has ended; a process of its own group may be left by then.
WATCH = """
import contextlib, os, signal, sys
sys.stdin.buffer.read()
with contextlib.suppress(ProcessLookupError):
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
"""

_watching: list["subprocess.Popen[bytes]"] = []


def end_with_parent(number: signal.Signals) -> None:
    """Have this signal sent to this process when its parent ends; only Linux can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def end_with_make(make: int) -> None:
    """End this process when `make`, which has started it, is killed or has been killed.

    Raises:
        ProcessLookupError: it has been killed.
    """
    end_with_parent(signal.SIGTERM)
    try:
        os.kill(make, 0)
    except PermissionError:
        return  # it runs, as another user


def end_group_with_this_process() -> None:
    """Lead a process group that is killed when this process has ended, however it ends."""
    os.setpgrp()
    _watching.append(
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", WATCH, str(os.getpgrp())],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
    )
