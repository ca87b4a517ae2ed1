"""Small programs that run in a Python of their own, and how to see what they left behind."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Both servers start in less than a second; two test processes may share two busy cores.
ENOUGH_SECONDS = 60.0

START_BOTH = """
import sys, time
sys.path.insert(0, sys.argv[1])
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
{before}
with LocalPostgres(fsync=False) as postgres, LocalNats() as nats:
    print(postgres.execute("SELECT 42").strip(), postgres.folder, nats.folder, flush=True)
    {afterwards}
"""


def start_both(*, before: str = "", afterwards: str = "pass") -> list[str]:
    """The command for a Python that starts both servers and tells their folders."""
    program = START_BOTH.format(before=before, afterwards=afterwards)
    return [sys.executable, "-c", program, str(ROOT)]


def processes_in(folder: str) -> list[str]:
    """The command lines of all processes that name a folder."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "stat=,command="],
        capture_output=True,
        text=True,
        check=True,
        timeout=ENOUGH_SECONDS,
    ).stdout.splitlines()
    return [line for line in listed if folder in line and not line.startswith("Z")]


def gone(folder: str) -> bool:
    """Whether a folder and all processes that name it have gone."""
    return not Path(folder).exists() and not processes_in(folder)


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it becomes so within the time given."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
