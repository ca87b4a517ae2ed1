"""A program that owns both servers, and helpers that find what it left behind."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Both servers start in less than a second; two test processes may share two busy cores.
MAX_SECONDS = 180.0

# A shell starts its background commands with SIGINT ignored, and so they start theirs.
START_BOTH = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[1])
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
{before}
with LocalPostgres(fsync=False) as postgres, LocalNats() as nats:
    print(postgres.execute("SELECT 42").strip(), postgres.folder, nats.folder, flush=True)
    {afterwards}
"""


def start_both(*, before: str = "", afterwards: str = "pass") -> list[str]:
    """Return a command that starts both servers and prints 42 and their folders."""
    program = START_BOTH.format(before=before, afterwards=afterwards)
    return [sys.executable, "-c", program, str(ROOT)]


def processes_in(folder: str, command_part: str = "") -> list[int]:
    """Return the pids of all processes that name a folder in their command or environment."""
    command = ["ps", "axeww", "-o", "pid=,stat=,command="]
    lines = subprocess.check_output(command, text=True, timeout=MAX_SECONDS).splitlines()
    found = [line.split(None, 2) for line in lines if folder in line and command_part in line]
    return [int(pid) for pid, stat, _ in found if stat[0] != "Z"]


def are_gone(folders: list[str]) -> bool:
    """Return whether no folder exists and no process names one."""
    return not any(Path(folder).exists() or processes_in(folder) for folder in folders)


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether the condition becomes true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)  # to look at all processes, or at a whole page, costs CPU
    return True
