"""Run the HTTP service on granian in our own event loop, with a graceful stop."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NoReturn

import structlog
from attrs import field, frozen
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.event_loop import run_for_long
from entrypoints.garbage import resume_collection
from entrypoints.http.app import create_app
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.logs import configure_logs

logger = structlog.get_logger(__name__)

# Above the 20 s that a charge or a body may take. After the default of DRAIN_SECONDS, the process
# ends before the 30 s after which Kubernetes kills it.
STOP_SECONDS: Final = 24.0

# The timeout for an idle connection, and for a request head: granian has one for both. A balancer
# must give a connection up before the service does, or a request is lost on it: nginx and AWS's
# keep one for 60 s. https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
IDLE_MILLISECONDS: Final = 75_000

# Idle connections included. Each takes a file descriptor; systemd and container runtimes allow
# more.
MAX_CONNECTIONS: Final = 8192

# The default limit of Linux (net.core.somaxconn).
BACKLOG: Final = 4096

# The timeout until the server accepts connections; it takes milliseconds.
LISTEN_SECONDS: Final = 10.0

# granian's own log messages go to the same handlers as all others.
_LOGS: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "incremental": True,
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}


class CannotListen(Exception):
    """The server cannot listen on its address; the text is one line."""


def serve(dependencies: AbstractAsyncContextManager[HttpDependencies]) -> NoReturn:
    """Run the HTTP service until SIGTERM or SIGINT, then exit: with 0, or with 1 if it failed.

    The dependencies are opened inside the server's event loop, and closed at its end.
    """
    configure_logs()
    status = 1
    try:
        run_for_long(_run(dependencies))
        status = 0
    except (InvalidSetting, CannotListen) as error:
        for line in str(error).splitlines():
            print(f"payments: {line}", file=sys.stderr)  # noqa: T201 - the message of a command
    except Exception:
        logger.exception("the HTTP service failed")
    # Everything is closed by now. A granian thread may still use the interpreter, which aborts the
    # process if Python finalizes meanwhile (measured: 9 of 60 stops). granian's own workers exit in
    # the same way, like processes of multiprocessing.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@frozen
class _Stop:
    """What a process was told by signals."""

    drain: asyncio.Event = field(factory=asyncio.Event)
    """To stop when the balancers have had time to notice."""
    now: asyncio.Event = field(factory=asyncio.Event)
    """To stop without waiting for the balancers: Ctrl-C, or a second signal."""

    @classmethod
    def on_signals(cls) -> "_Stop":
        stop, loop = cls(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop._on_sigterm)
        loop.add_signal_handler(signal.SIGINT, stop._on_sigint)
        return stop

    def _on_sigterm(self) -> None:
        if self.drain.is_set():
            self.now.set()
        self.drain.set()

    def _on_sigint(self) -> None:
        self.drain.set()
        self.now.set()


async def _run(opening: AbstractAsyncContextManager[HttpDependencies]) -> None:
    stop = _Stop.on_signals()
    async with opening as dependencies:
        app, settings = create_app(dependencies), dependencies.settings
        address = free_address(settings.host, settings.port)
        resume_collection()
        async with app.lifespan():
            failure = await _serve(app, address, stop, settings.drain_seconds)
    if failure is not None:
        raise CannotListen(f"cannot listen on {_url(address)}: {failure}")
    logger.info("stopped")


async def _serve(
    app: Litestar, address: tuple[str, int], stop: _Stop, drain_seconds: float
) -> str | None:
    """Serve until a signal; return the error if the server ended before that."""
    server = _server(app, address)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.drain.wait())
    announcing = asyncio.create_task(_announce(address))
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    announcing.cancel()
    stopping.cancel()
    if serving.done():
        # Another process may have bound the port after the check in free_address.
        return _first_line(serving.exception())
    await _drain(app, stop, drain_seconds)
    logger.info("stopping")
    clock = asyncio.get_running_loop().time
    deadline = clock() + STOP_SECONDS
    server.stop()  # type: ignore[no-untyped-call]  # granian types its constructor only
    _, unfinished = await asyncio.wait((serving,), timeout=STOP_SECONDS)
    if unfinished:
        logger.warning("requests not finished in time; their connections are closed")
        serving.cancel()
    app.state.finish_seconds = max(0.0, deadline - clock())
    return None


def _server(app: Litestar, address: tuple[str, int]) -> Server:
    return Server(
        app,
        *address,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_MILLISECONDS),
        websockets=False,
        backlog=BACKLOG,
        backpressure=MAX_CONNECTIONS,
        log_level=LogLevels.error,
        log_dictconfig=_LOGS,
    )


async def _drain(app: Litestar, stop: _Stop, seconds: float) -> None:
    """Go on serving while the balancers notice that this process is not ready any more."""
    app.state.is_stopping = True
    if seconds and not stop.now.is_set():
        logger.info("draining", seconds=seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.now.wait()


def free_address(host: str, port: int) -> tuple[str, int]:
    """Return the numeric address of the host, and the port; for port 0, any free one.

    granian shares ports (SO_REUSEPORT), so a second service would silently get half of the
    requests of the first. Therefore this checks that no process listens there.

    Raises:
        CannotListen: the address is in use, or not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # Connections closed recently (TIME_WAIT) do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            found = probe.getsockname()
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise CannotListen(f"cannot listen on HOST={host} PORT={port}: {reason}") from None
    return str(found[0]), int(found[1])


async def _announce(address: tuple[str, int]) -> None:
    """Log the address as soon as the server accepts connections."""
    host, port = address
    nearest = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a lookup only
    deadline = asyncio.get_running_loop().time() + LISTEN_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection(nearest, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            logger.info("listening", address=_url(address))
            return


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or ["the server ended without an error"])[0]


def _url(address: tuple[str, int]) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
