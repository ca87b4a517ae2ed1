"""Keep one server's process and folder bound to the life of whoever started this script.

It runs in a process and a session of its own, so neither Ctrl-C nor a SIGKILL of its owner takes it
along: when the owner is gone it stops the server and takes a temporary folder away. It needs only
the standard library, because it is run by path, without the packages around it.
"""

import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

# How often to look whether the owner still lives, should a forked child of it hold the socket open.
OWNER_CHECK_SECONDS = 1.0
# PostgreSQL gives its own children five seconds after an immediate stop; one more for itself.
ABANDONED_STOP_SECONDS = 6.0
# A server takes some 50 ms to end.
POLL_SECONDS = 0.005
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>
IPC_RMID = 0  # <sys/ipc.h>
# Line of postmaster.pid that names the shared memory: "<key> <id>" (src/include/miscadmin.h).
PIDFILE_SHMEM_LINE = 6


class Supervisor:
    """One folder and at most one process in it, moved by the owner's orders."""

    def __init__(
        self, home: str, name: str, folder: str | None, uid: int, gid: int, stop: int
    ) -> None:
        self.stop_signal = stop
        self.user: dict[str, Any] = {}
        if os.geteuid() != uid:
            self.user = {"user": uid, "group": gid, "extra_groups": []}
        self.temporary = folder is None
        self.child: subprocess.Popen[bytes] | None = None
        self.folder = Path(folder or tempfile.mkdtemp(dir=home, prefix=f"payments-{name}-"))
        if not self.folder.exists():
            self.folder.mkdir(parents=True, mode=0o700)
            self._own(self.folder, uid, gid)
        elif self.temporary:
            self._own(self.folder, uid, gid)
        self.lock = (self.folder / "lock").open("w")

    def _own(self, path: Path, uid: int, gid: int) -> None:
        if os.geteuid() != uid:
            os.chown(path, uid, gid)

    def claim(self) -> str | None:
        """Take the folder for ourselves; the reason if someone else has it."""
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return f"{self.folder} is in use by another process"
        return None

    def start(self, command: list[str], environment: dict[str, str], log: str) -> dict[str, Any]:
        """Start the one process here."""
        with Path(log).open("ab") as output:
            try:
                self.child = subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    preexec_fn=self._die_with_me(),  # noqa: PLW1509 - there is one thread here
                    **self.user,
                )
            except (OSError, subprocess.SubprocessError) as error:
                return {"error": f"{command[0]}: {error}"}
        return {"pid": self.child.pid}

    def _die_with_me(self) -> Callable[[], None]:
        """Ask the kernel, where it can, to stop the child should someone kill this supervisor."""
        if sys.platform != "linux":
            return lambda: None
        prctl, death_signal = ctypes.CDLL(None).prctl, self.stop_signal
        return lambda: prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) and None

    def status(self) -> dict[str, Any]:
        """Tell whether it runs, and if not, how it ended."""
        code = self.child.poll() if self.child is not None else None
        return {"runs": self._runs(), "exit": code}

    def _runs(self) -> bool:
        """Whether the process, or an orphan that it left to us, still lives."""
        if self.child is None:
            return False
        if self.child.poll() is None:
            return True
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            return True
        return False

    def signal(self, number: int) -> dict[str, Any]:
        """Pass a signal on; a kill goes to the whole process group."""
        if self.child is not None and self._runs():
            with suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(self.child.pid, number)
                else:
                    self.child.send_signal(number)
        return {}

    def release(self) -> None:
        """Stop what runs and leave nothing that was not asked for."""
        self.signal(self.stop_signal)
        if not self._ends_within(ABANDONED_STOP_SECONDS):
            self.signal(signal.SIGKILL)
            self._ends_within(ABANDONED_STOP_SECONDS)
        if self.temporary:
            self._free_shared_memory()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._runs():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _free_shared_memory(self) -> None:
        """Give back the segment of a postmaster that could not do it itself."""
        with suppress(OSError, IndexError, ValueError):
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
            ctypes.CDLL(None).shmctl(int(lines[PIDFILE_SHMEM_LINE].split()[1]), IPC_RMID, None)


def orders(owner: socket.socket, owner_pid: int) -> Iterator[dict[str, Any]]:
    """Each order as it comes; the end of them when the owner is gone."""
    pending = b""
    while os.getppid() == owner_pid:
        if not select.select([owner], [], [], OWNER_CHECK_SECONDS)[0]:
            continue
        try:
            received = owner.recv(65536)
        except ConnectionError:  # the owner died with something of ours unread
            received = b""
        if not received:
            return
        *lines, pending = (pending + received).split(b"\n")
        yield from map(json.loads, lines)


def leave(_signal: int, _frame: object) -> NoReturn:
    """Turn a signal into a way out that runs what stands in `finally`."""
    sys.exit(1)


def main() -> None:
    """Obey the owner until it lets go, or is gone."""
    signal.signal(signal.SIGTERM, leave)
    if sys.platform == "linux":
        # Processes that a killed server leaves behind come to us, to be waited for.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    arguments = json.loads(sys.argv[1])
    owner_pid = arguments.pop("owner")
    owner = socket.socket(fileno=0)

    def answer(content: dict[str, Any]) -> None:
        with suppress(OSError):  # the owner may be gone; the next read says so
            owner.sendall(json.dumps(content).encode() + b"\n")

    try:
        supervisor = Supervisor(**arguments)
    except OSError as error:
        return answer({"error": str(error)})
    refusal = supervisor.claim()
    if refusal:
        return answer({"error": refusal})
    try:
        answer({"folder": str(supervisor.folder)})
        for order in orders(owner, owner_pid):
            answer(getattr(supervisor, order.pop("do"))(**order))
    finally:
        supervisor.release()


if __name__ == "__main__":
    main()
