"""Run `payments demo` as a process, use its page, and find what it leaves behind."""

import json
import os
import shlex
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

from attrs import field, frozen

from payments_kit.servers.processes import User, temporary_home
from tests.servers.owner_program import ROOT, eventually, processes_in

# A demo that starts, does something and stops takes about ten seconds; this ends one that hangs.
MAX_RUN_SECONDS = 600.0
# Stopping four processes takes a second; those that hang are killed after six. The slowest event is
# recovery's first check of a payment, after five seconds.
MAX_WAIT_SECONDS = 120.0

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@frozen
class Runner:
    """The user and the Python that run the demo."""

    python: Path
    user: User
    environment: Mapping[str, str] = field(factory=dict)


def current_user() -> Runner:
    return Runner(Path(sys.executable), User.current())


def ordinary_user() -> Runner:
    """Return `nobody` if this is root and there is a Python that `nobody` can run."""
    nobody = User.unprivileged()
    packages = Path(sysconfig.get_path("purelib"))
    # Root's own Python may be in its home folder; another one of the same version can use the same
    # packages.
    system = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    for python in (Path(sys.executable).resolve(), system):
        can_run = all(nobody.can_enter(folder) for folder in (python.parent, packages, ROOT))
        if nobody != User.current() and python.exists() and can_run:
            return Runner(python, nobody, {"PYTHONPATH": f"{ROOT}:{packages}"})
    return current_user()


@frozen
class Workspace:
    """A working folder with its own temporary folder; all processes in it can be found."""

    folder: Path
    runner: Runner

    @classmethod
    def create(cls, runner: Runner) -> Self:
        folder = Path(mkdtemp(dir=temporary_home(runner.user), prefix="payments-demo-test-"))
        folder.chmod(0o711)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        os.chown(folder, runner.user.uid, runner.user.gid)
        return cls(folder, runner)

    def processes(self, command_part: str = "") -> list[int]:
        """Return the pids of all processes with this folder in their environment (in PATH)."""
        return processes_in(str(self.folder), command_part)

    def becomes_clean(self) -> bool:
        """Return whether soon no process and no temporary file is left."""
        return eventually(
            lambda: not self.processes() and not any((self.folder / "tmp").iterdir()),
            MAX_WAIT_SECONDS,
        )


@frozen
class DemoProcess:
    """A running `payments demo`."""

    process: subprocess.Popen[str]
    output: list[str] = field(factory=list)

    def read_until(self, text: str) -> str:
        """Read the output up to a line with this text, and return that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} was not printed:\n{''.join(self.output)}")

    def servers(self) -> dict[str, str]:
        """Return DATABASE_URL and NATS_URL, which `--servers` prints."""
        lines = [self.read_until(f"{name}=") for name in ("DATABASE_URL", "NATS_URL")]
        return dict(shlex.split(line)[0].split("=", 1) for line in lines)

    def page(self) -> "Page":
        line = self.read_until("Pay for an order at")
        return Page(next(part for part in line.split() if part.startswith("http")))

    def end(self, signal: int | None = None) -> tuple[int, str]:
        """Send a signal, if any, and wait for the end; return the exit status and all output."""
        if signal is not None:
            self.process.send_signal(signal)
        assert self.process.stdout is not None
        self.output.append(self.process.stdout.read())
        output = "".join(self.output)
        assert "Traceback" not in output
        return self.process.wait(MAX_WAIT_SECONDS), output


@contextmanager
def started(workspace: Workspace, *arguments: str) -> Iterator[DemoProcess]:
    """Run `payments demo` in a workspace, and kill it at the end if it still runs."""
    runner = workspace.runner
    is_other = runner.user != User.current()
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}:{workspace.folder}"
    with subprocess.Popen(
        [runner.python, "-m", "entrypoints.cli", "demo", *arguments],
        cwd=workspace.folder,
        env={"PATH": path, "TMPDIR": str(workspace.folder / "tmp"), **runner.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=runner.user.uid if is_other else None,
        group=runner.user.gid if is_other else None,
        extra_groups=[] if is_other else None,
    ) as process:
        # Reading its output has no timeout of its own.
        timer = threading.Timer(MAX_RUN_SECONDS, process.kill)
        timer.start()
        try:
            yield DemoProcess(process)
        finally:
            timer.cancel()
            process.kill()


@frozen
class Page:
    """The requests that the page's script sends."""

    address: str

    def send(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with _open(request, timeout=MAX_WAIT_SECONDS) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def state(self) -> dict[str, Any]:
        """Return the first message of the event stream: all orders and events."""
        with _open(f"{self.address}/state", timeout=MAX_WAIT_SECONDS) as stream:
            state: dict[str, Any] = json.loads(stream.readline().removeprefix(b"data: "))
            return state

    def read(self, address: str) -> str:
        """Return another page of the same server."""
        with _open(address, timeout=MAX_WAIT_SECONDS) as reply:
            return str(reply.read().decode())

    def submit(self, address: str, **fields: str) -> str:
        """Send a form as a browser does, and return where that leads."""
        request = urllib.request.Request(address, urllib.parse.urlencode(fields).encode())
        with _open(request, timeout=MAX_WAIT_SECONDS) as reply:
            return str(reply.url)

    def new_order(self, price: float = 19.99, seconds: int = 600, **fields: str) -> str:
        body = {"price": price, "seconds": seconds, **fields}
        status, order = self.send("POST", "/orders", body)
        assert status == 201, order
        return str(order["id"])

    def pay(self, order_id: str, token: str, **fields: str) -> tuple[int, dict[str, Any]]:
        """Pay an order; retry while it has not reached the service yet."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while True:
            body = {"token": token, "orderId": order_id, **fields}
            status, reply = self.send("POST", "/api/payments", body)
            if status != 404 or time.monotonic() > deadline:
                return status, reply
            time.sleep(0.02)

    def shows(self, order_id: str, status: str) -> bool:
        """Return whether the order soon has this status."""
        item = {"id": order_id, "status": status}
        return self._shows("orders", lambda order: item.items() <= order.items())

    def shows_event(self, order_id: str, subject: str) -> bool:
        """Return whether there soon is an event of this subject about the order."""
        return self._shows(
            "events",
            lambda event: event["subject"] == subject and event["body"].get("orderId") == order_id,
        )

    def shows_payments(self, order_id: str, *statuses: str) -> bool:
        """Return whether the payments of an order, the oldest first, soon have these statuses."""

        def matches() -> bool:
            payments = self.send("GET", f"/api/payments?orderId={order_id}")[1]
            return [each["status"] for each in payments] == list(statuses)

        return eventually(matches, MAX_WAIT_SECONDS)

    def _shows(self, kind: str, matches: Callable[[dict[str, Any]], bool]) -> bool:
        return eventually(lambda: any(map(matches, self.state()[kind])), MAX_WAIT_SECONDS)
