"""Deployment: both servers and the payments service's own processes, as in production."""

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
from typing import Final, Self

from rich.console import Console

from payments_kit.demo.gateway_choice import check_gateway
from payments_kit.demo.payments_client import Keys
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User, free_port

DATABASE: Final = "payments"
# A process starts in about a second. On the first start Python compiles all modules, which takes
# much longer on a loaded machine.
START_SECONDS: Final = 90.0
# The readiness check takes milliseconds; while the service starts, nothing responds.
READY_SECONDS: Final = 2.0
# Another process may use the free port first; three failures in a row have another cause.
PORT_ATTEMPTS: Final = 3
# Python needs these to find and cache its modules; with those of OpenTelemetry, the demo can be
# traced. All other variables are the demo's own.
INHERITED_VARIABLES: Final = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
TRACING_PREFIX: Final = "OTEL_"


def _is_inherited(variable: str) -> bool:
    return variable in INHERITED_VARIABLES or variable.startswith(TRACING_PREFIX)


class ServiceProcess:
    """A `payments` command as a process that ends when the demo ends."""

    def __init__(self, name: str, folder: Path | None, environment: Mapping[str, str]) -> None:
        inherited = {key: os.environ[key] for key in os.environ if _is_inherited(key)}
        self.environment = {"PYTHONUNBUFFERED": "1", **inherited, **environment}
        process_folder = None if folder is None else folder / name
        self.process = SupervisedProcess(name, process_folder, User.current(), signal.SIGTERM)
        # An error message must show the log of this run only.
        self.process.log.unlink(missing_ok=True)

    def start(self, *arguments: str, **environment: str) -> None:
        """Start the command."""
        command = [sys.executable, "-m", "entrypoints.cli", *arguments]
        self.process.start(command, **self.environment | environment)

    def run(self, *arguments: str) -> None:
        """Run the command to its end.

        Raises:
            LocalServerError: its exit code was not 0.
        """
        self.start(*arguments)
        self.process.wait_until(lambda: not self.process.is_running(), START_SECONDS, "end")
        self.check(self.process.exit_code() == 0)

    def check(self, succeeded: bool) -> None:
        """Raise an error with the end of the log if the command did not succeed.

        Raises:
            LocalServerError: it did not succeed.
        """
        if not succeeded:
            code = self.process.exit_code()
            raise LocalServerError(self.process.with_log_tail(f"ended with exit code {code}"))


class Deployment:
    """PostgreSQL, NATS, `payments serve` and `payments worker`. Use it as a context manager.

    Without a data folder, all data is temporary and removed at the end. `gateway` has the variables
    of the gateway: PAYMENT_GATEWAY, RETURN_ORIGINS and those that a gateway needs.
    """

    def __init__(self, folder: Path | None, console: Console, gateway: Mapping[str, str]) -> None:
        self._folder = folder
        self._console = console
        self._gateway = gateway
        self._exit_stack = ExitStack()
        self.keys = Keys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self.postgres = LocalPostgres(self._folder_of("postgres"))
        self.nats = LocalNats(self._folder_of("nats"), sync_interval="always")
        self.address = ""
        self.environment: dict[str, str] = {}
        self._processes: list[SupervisedProcess] = []

    def _folder_of(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / name

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit_stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exit_stack.close()

    def _start(self) -> None:
        self._start_servers()
        check_gateway(self.environment)
        with self._step("payments migrate"):
            self._command("migrate").run("migrate")
        # Both start at the same time: their start time is mostly Python's imports.
        worker, serve = self._command("worker"), self._command("serve")
        roles = ("replicate", "relay", "recover", "reconcile", "complete")
        worker.start("worker", *(part for role in roles for part in ("--role", role)))
        self._processes.append(worker.process)
        with self._step("payments serve"):
            self.address = self._serve(serve)
            self._processes.append(serve.process)
        with self._step("payments worker"):
            worker.check(worker.process.is_running())

    def _start_servers(self) -> None:
        with self._step("starting PostgreSQL"):
            self._exit_stack.enter_context(self.postgres)
            if not self.postgres.has_database(DATABASE):
                self.postgres.create_database(DATABASE)
        with self._step("starting NATS"):
            self._exit_stack.enter_context(self.nats)
        self._processes = [self.postgres.process, self.nats.process]
        self.environment = {
            **self._gateway,
            "DATABASE_URL": self.postgres.url_of(DATABASE),
            "NATS_URL": self.nats.url,
            "JWT_KEY": self.keys.jwt_key,
            "OPERATOR_KEY": self.keys.operator_key,
            "HOST": "127.0.0.1",
            "WORKER_PORT": "0",
            "DRAIN_SECONDS": "0",  # no balancer has to notice that the demo ends
        }

    def _command(self, name: str) -> ServiceProcess:
        command = ServiceProcess(name, self._folder, self.environment)
        self._exit_stack.callback(command.process.release)
        return command

    def _serve(self, serve: ServiceProcess, attempts: int = PORT_ATTEMPTS) -> str:
        port = free_port()
        serve.start("serve", PORT=str(port))
        serve.process.wait_until(
            lambda: _is_ready(port) or not serve.process.is_running(), START_SECONDS, "become ready"
        )
        if serve.process.is_running():
            return f"http://127.0.0.1:{port}"
        serve.check(attempts > 1 and "in use" in serve.process.with_log_tail("").lower())
        return self._serve(serve, attempts - 1)

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self._console.print(f"{title} … ", end="")
        started_at = time.perf_counter()
        try:
            yield
        except Exception:
            self._console.print("[red]failed[/]")
            raise
        self._console.print(f"[green]ok[/] [dim]{time.perf_counter() - started_at:.1f} s[/]")

    def stop_nats(self) -> None:
        """Stop NATS; its data stays."""
        self._processes.remove(self.nats.process)
        self.nats.stop()

    def start_nats(self) -> None:
        """Start NATS again, at the same address and with the same data."""
        if self.nats.process not in self._processes:
            self.nats.start()
            self._processes.append(self.nats.process)

    def find_failure(self) -> str | None:
        """Return which process has ended, with the end of its log; None while all run."""
        for process in tuple(self._processes):
            # `stop_nats` may have removed and stopped it since the copy was made.
            if not process.is_running() and process in self._processes:
                return process.with_log_tail(f"ended with exit code {process.exit_code()}")
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
