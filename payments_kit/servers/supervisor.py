"""Supervise one server process and its folder, and stop both when the owner process ends.

This script runs in a process and a session of its own, so that Ctrl-C or a SIGKILL of its owner
does not end it: when the owner has ended, it stops the server and removes a temporary folder. It
uses only the standard library, because it is run by path, without the packages around it.
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

# How often to check that the owner runs: a forked child of it may keep the socket open.
OWNER_CHECK_SECONDS = 1.0
# PostgreSQL gives its own children five seconds after an immediate stop; one more for itself.
STOP_TIMEOUT_SECONDS = 6.0
# A server takes about 50 ms to end.
POLL_SECONDS = 0.005
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>
IPC_RMID = 0  # <sys/ipc.h>
# Line of postmaster.pid that names the shared memory: "<key> <id>" (src/include/miscadmin.h).
PIDFILE_SHMEM_LINE = 6


class Supervisor:
    """One folder and at most one process in it; the owner's requests name its methods."""

    def __init__(
        self, home: str, name: str, folder: str | None, uid: int, gid: int, stop_signal: int
    ) -> None:
        self.stop_signal = stop_signal
        self.user: dict[str, Any] = {}
        if os.geteuid() != uid:
            self.user = {"user": uid, "group": gid, "extra_groups": []}
        self.is_temporary = folder is None
        self.child: subprocess.Popen[bytes] | None = None
        self.folder = Path(folder or tempfile.mkdtemp(dir=home, prefix=f"payments-{name}-"))
        is_new = self.is_temporary or not self.folder.exists()
        self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        if is_new and self.user:
            os.chown(self.folder, uid, gid)
        self.lock_file = (self.folder / "lock").open("w")

    def lock(self) -> str | None:
        """Lock the folder for this process; return an error message if another one holds it."""
        try:
            fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return f"{self.folder} is in use by another process"
        return None

    def start(self, command: list[str], environment: dict[str, str], log: str) -> dict[str, Any]:
        """Start the process."""
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
                    preexec_fn=self._set_death_signal(),  # noqa: PLW1509 - one thread only
                    **self.user,
                )
            except (OSError, subprocess.SubprocessError) as error:
                return {"error": f"{command[0]}: {error}"}
        return {"pid": self.child.pid}

    def _set_death_signal(self) -> Callable[[], None]:
        """Return a function for the child: on Linux, it is stopped if this supervisor is killed."""
        if sys.platform != "linux":
            return lambda: None
        prctl, death_signal = ctypes.CDLL(None).prctl, self.stop_signal
        return lambda: prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) and None

    def status(self) -> dict[str, Any]:
        """Return whether the process runs, and its exit code if it has ended."""
        code = self.child.poll() if self.child is not None else None
        return {"is_running": self._is_running(), "exit_code": code}

    def _is_running(self) -> bool:
        """Return whether the process, or an orphan that it left behind, runs."""
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
        """Send a signal to the process; SIGKILL goes to its whole process group."""
        if self.child is not None and self._is_running():
            with suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(self.child.pid, number)
                else:
                    self.child.send_signal(number)
        return {}

    def release(self) -> None:
        """Stop the process, and remove a temporary folder."""
        self.signal(self.stop_signal)
        if not self._ends_within(STOP_TIMEOUT_SECONDS):
            self.signal(signal.SIGKILL)
            self._ends_within(STOP_TIMEOUT_SECONDS)
        if self.is_temporary:
            self._free_shared_memory()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _free_shared_memory(self) -> None:
        """Free the shared memory segment of a PostgreSQL server that was killed."""
        with suppress(OSError, IndexError, ValueError):
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
            ctypes.CDLL(None).shmctl(int(lines[PIDFILE_SHMEM_LINE].split()[1]), IPC_RMID, None)


def read_requests(owner: socket.socket, owner_pid: int) -> Iterator[dict[str, Any]]:
    """Yield the owner's requests until the owner has ended or closed the socket."""
    pending = b""
    while os.getppid() == owner_pid:
        if not select.select([owner], [], [], OWNER_CHECK_SECONDS)[0]:
            continue
        try:
            received = owner.recv(65536)
        except ConnectionError:  # the owner was killed before it read a reply
            received = b""
        if not received:
            return
        *lines, pending = (pending + received).split(b"\n")
        yield from map(json.loads, lines)


def exit_on_signal(_signal: int, _frame: object) -> NoReturn:
    """Exit with an exception, so that `finally` blocks run."""
    sys.exit(1)


def main() -> None:
    """Serve the owner's requests until it has ended or closed the socket, then clean up."""
    signal.signal(signal.SIGTERM, exit_on_signal)
    if sys.platform == "linux":
        # Processes that a killed server leaves behind become children of this process.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    arguments = json.loads(sys.argv[1])
    owner_pid = arguments.pop("owner")
    owner = socket.socket(fileno=0)

    def reply(content: dict[str, Any]) -> None:
        with suppress(OSError):  # if the owner has ended, the next read detects it
            owner.sendall(json.dumps(content).encode() + b"\n")

    try:
        supervisor = Supervisor(**arguments)
    except OSError as error:
        return reply({"error": str(error)})
    error_message = supervisor.lock()
    if error_message:
        return reply({"error": error_message})
    try:
        reply({"folder": str(supervisor.folder)})
        for request in read_requests(owner, owner_pid):
            reply(getattr(supervisor, request.pop("method"))(**request))
    finally:
        supervisor.release()


if __name__ == "__main__":
    main()
