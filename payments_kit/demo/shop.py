"""The whole shop on this machine: both servers, and the service's own processes as in production."""

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console

from payments_kit.demo.service import Keys
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User, free_port

DATABASE: Final = "payments"
# They start in about a second; the first time Python compiles everything, which takes a loaded
# machine much longer.
START_SECONDS: Final = 90.0
# The service answers whether it is ready within milliseconds, or not at all while it starts.
READY_SECONDS: Final = 2.0
# Somebody else may take the free port first; thrice in a row is another fault.
PORT_TRIES: Final = 3
# How Python finds the code and keeps it compiled; all other settings are the demo's own.
PASSED_ON: Final = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


class Command:
    """One of our own commands as a process that ends when the demo does."""

    def __init__(self, name: str, folder: Path | None, environment: Mapping[str, str]) -> None:
        passed_on = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        self.environment = {"PYTHONUNBUFFERED": "1", **passed_on, **environment}
        place = None if folder is None else folder / name
        self.process = SupervisedProcess(name, place, User.ourselves(), signal.SIGTERM)
        # What it complains of is to be of this run.
        self.process.log.unlink(missing_ok=True)

    def start(self, *arguments: str, **environment: str) -> None:
        """Start it."""
        command = [sys.executable, "-m", "entrypoints.cli", *arguments]
        self.process.start(command, **self.environment | environment)

    def run(self, *arguments: str) -> None:
        """Run it to its end, and see it end well."""
        self.start(*arguments)
        self.process.wait_until(lambda: not self.process.runs(), START_SECONDS, "end")
        self.expect(self.process.exit_code() == 0)

    def expect(self, well: bool) -> None:
        """Complain with the last lines of the log if it is not well.

        Raises:
            LocalServerError: it is not.
        """
        if not well:
            code = self.process.exit_code()
            raise LocalServerError(self.process.detail(f"ended with exit code {code}"))


class Shop:
    """Everything but the page and the orders side. Use it as a context manager.

    Without a folder everything is temporary and nothing is left behind.
    """

    def __init__(self, folder: Path | None, console: Console) -> None:
        self._folder = folder
        self._console = console
        self._closing = ExitStack()
        self.keys = Keys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self.postgres = LocalPostgres(self._place("postgres"))
        self.nats = LocalNats(self._place("nats"), sync_interval="always")
        self.address = ""
        self.environment: dict[str, str] = {}
        self._processes: list[SupervisedProcess] = []

    def _place(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / name

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.close()

    def _start(self) -> None:
        with self._step("starting PostgreSQL"):
            self._closing.enter_context(self.postgres)
            if not self.postgres.has_database(DATABASE):
                self.postgres.create_database(DATABASE)
        with self._step("starting NATS"):
            self._closing.enter_context(self.nats)
        self._processes = [self.postgres.process, self.nats.process]
        self.environment = {
            "DATABASE_URL": self.postgres.url_of(DATABASE),
            "NATS_URL": self.nats.url,
            "JWT_KEY": self.keys.jwt_key,
            "OPERATOR_KEY": self.keys.operator_key,
            "PAYMENT_GATEWAY": "fake",
            "HOST": "127.0.0.1",
        }
        with self._step("payments migrate"):
            self._command("migrate").run("migrate")
        # Both at once: what takes them time is Python's imports.
        worker = self._command("worker")
        roles = ("replicate", "relay", "recover", "complete")
        worker.start("worker", *(part for role in roles for part in ("--role", role)))
        self._processes.append(worker.process)
        with self._step("payments serve"):
            serve = self._command("serve")
            self.address = self._serve(serve)
            self._processes.append(serve.process)
        with self._step("payments worker"):
            worker.expect(worker.process.runs())

    def _command(self, name: str) -> Command:
        command = Command(name, self._folder, self.environment)
        self._closing.callback(command.process.release)
        return command

    def _serve(self, serve: Command, tries: int = PORT_TRIES) -> str:
        port = free_port()
        serve.start("serve", PORT=str(port))
        serve.process.wait_until(
            lambda: _is_ready(port) or not serve.process.runs(), START_SECONDS, "become ready"
        )
        if serve.process.runs():
            return f"http://127.0.0.1:{port}"
        serve.expect(tries > 1 and "in use" in serve.process.detail("").lower())
        return self._serve(serve, tries - 1)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self._console.print(f"{what} … ", end="")
        begun = time.perf_counter()
        try:
            yield
        except Exception:
            self._console.print("[red]failed[/]")
            raise
        self._console.print(f"[green]ok[/] [dim]{time.perf_counter() - begun:.1f} s[/]")

    def stop_nats(self) -> None:
        """Do without NATS for a while."""
        self._processes.remove(self.nats.process)
        self.nats.stop()

    def start_nats(self) -> None:
        """Have it back, at the same address and with everything it had."""
        if self.nats.process not in self._processes:
            self.nats.start()
            self._processes.append(self.nats.process)

    def detail(self) -> str | None:
        """Which process has died and the last it said; None while all live."""
        for process in tuple(self._processes):
            if not process.runs():
                return process.detail(f"ended with exit code {process.exit_code()}")
        return None


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
