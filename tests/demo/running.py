"""Run the command as a process, speak to its page, and see what it leaves behind."""

import json
import os
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

from attrs import field, frozen

from payments_kit.servers.processes import User, temporary_home
from tests.servers.programs import ROOT, eventually

# A command that starts, does something and stops takes some ten seconds; this is a hung one.
OVERDUE_SECONDS = 180.0
# `ps` takes milliseconds.
LIST_SECONDS = 30.0
# Stopping four processes takes a second; those that hang are killed after six.
GONE_SECONDS = 30.0
# The slowest thing a page waits for is recovery's first look, after five seconds.
ANSWER_SECONDS = 30.0

_ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@frozen
class Runner:
    """Whoever runs the command, and with which Python."""

    name: str
    python: Path
    user: User
    environment: Mapping[str, str] = field(factory=dict)


def ourselves() -> Runner:
    return Runner("ourselves", Path(sys.executable), User.ourselves())


def ordinary_user() -> Runner:
    """For root `nobody`, where it has a Python it can run; else ourselves."""
    nobody = User.unprivileged()
    packages = Path(sysconfig.get_path("purelib"))
    # Root's own Python may lie in its home; another one of the same version runs the same packages.
    system = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor_units}")
    for python in (Path(sys.executable).resolve(), system):
        reached = all(nobody.can_enter(folder) for folder in (python.parent, packages, ROOT))
        if nobody != User.ourselves() and python.exists() and reached:
            environment = {"PYTHONPATH": f"{ROOT}:{packages}"}
            return Runner("nobody", python, nobody, environment)
    return ourselves()


@frozen
class Place:
    """A folder to work in, with a temporary folder of its own, and a mark on all that runs there."""

    folder: Path
    user: User

    @classmethod
    def of(cls, user: User) -> Self:
        folder = Path(mkdtemp(dir=temporary_home(user), prefix="payments-demo-test-"))
        folder.chmod(0o711)
        temporary = folder / "tmp"
        temporary.mkdir()
        temporary.chmod(0o1777)
        os.chown(folder, user.uid, user.gid)
        return cls(folder, user)

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def processes(self, naming: str = "") -> list[int]:
        """The ids of all processes with our mark in their environment, which is part of PATH."""
        listed = subprocess.run(
            ["ps", "axeww", "-o", "pid=,stat=,command="],
            capture_output=True,
            text=True,
            check=True,
            timeout=LIST_SECONDS,
        ).stdout.splitlines()
        found = [line.split(None, 2) for line in listed if str(self.folder) in line]
        return [int(pid) for pid, stat, said in found if stat[0] != "Z" and naming in said]

    def is_clean(self) -> bool:
        """Whether no process and no temporary file is left."""
        return not self.processes() and not any(self.temporary.iterdir())

    def is_left_clean(self) -> bool:
        return eventually(self.is_clean, GONE_SECONDS)


@contextmanager
def started(place: Place, *arguments: str, runner: Runner | None = None) -> Iterator["Running"]:
    """The command `payments demo` in a place, ended at the end if it has not by then."""
    runner = runner or ourselves()
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}:{place.folder}"
    with subprocess.Popen(
        [runner.python, "-m", "entrypoints.cli", "demo", *arguments],
        cwd=place.folder,
        env={"PATH": path, "TMPDIR": str(place.temporary), **runner.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=runner.user.uid if runner.user != User.ourselves() else None,
        group=runner.user.gid if runner.user != User.ourselves() else None,
        extra_groups=[] if runner.user != User.ourselves() else None,
    ) as process:
        # Reading what it says has no timeout of its own.
        overdue = threading.Timer(OVERDUE_SECONDS, process.kill)
        overdue.start()
        try:
            yield BackgroundTasks(process)
        finally:
            overdue.cancel()
            process.kill()


@frozen
class BackgroundTasks:
    """A running command."""

    process: subprocess.Popen[str]
    said: list[str] = field(factory=list)

    def until(self, text: str) -> str:
        """Read on until a line with this text; that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if text in line:
                return line
        raise AssertionError(f"it never said {text!r}:\n{''.join(self.said)}")

    def page(self) -> "Page":
        line = self.until("Pay for an order at")
        return Page(next(word for word in line.split() if word.startswith("http")))

    def end(self, signal: int | None = None) -> tuple[int, str]:
        """Perhaps send a signal, then wait for the end: the exit status and all that was said."""
        if signal is not None:
            self.process.send_signal(signal)
        assert self.process.stdout is not None
        self.said.append(self.process.stdout.read())
        return self.process.wait(GONE_SECONDS), "".join(self.said)


@frozen
class Page:
    """What the page's script does, and nothing else."""

    address: str

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with _ask(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def text(self, path: str) -> str:
        with _ask(self.address + path, timeout=ANSWER_SECONDS) as answer:
            text: str = answer.read().decode()
            return text

    def state(self) -> dict[str, Any]:
        """What the stream says first: how everything stands."""
        with _ask(f"{self.address}/state", timeout=ANSWER_SECONDS) as stream:
            state: dict[str, Any] = json.loads(stream.readline().removeprefix(b"data: "))
            return state

    def new_order(self, price: float = 19.99, seconds: int = 600) -> str:
        status, order = self.ask("POST", "/orders", {"price": price, "seconds": seconds})
        assert status == 201, order
        return str(order["id"])

    def pay(self, order_id: str, token: str) -> tuple[int, dict[str, Any]]:
        """Pay, and again while the order has not reached the service yet."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            body = {"token": token, "orderId": order_id}
            status, answer = self.ask("POST", "/api/payments", body)
            if status != 404 or time.monotonic() > deadline:
                return status, answer
            time.sleep(0.02)

    def status_of(self, order_id: str) -> str | None:
        orders = {order["id"]: order["status"] for order in self.state()["orders"]}
        return orders.get(order_id)

    def becomes(self, order_id: str, status: str) -> bool:
        return eventually(lambda: self.status_of(order_id) == status, ANSWER_SECONDS)

    def hears(self, subject: str, fits: Callable[[dict[str, Any]], bool]) -> bool:
        def heard() -> bool:
            events = self.state()["events"]
            return any(event["subject"] == subject and fits(event["body"]) for event in events)

        return eventually(heard, ANSWER_SECONDS)
