"""Run the HTTP service on granian in our own event loop, with a graceful stop."""

import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NoReturn

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.http.app import create_app
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.logs import configure_logs

logger = structlog.get_logger(__name__)

# Below the 30 s after which Kubernetes kills a process. Above the 20 s that a charge, a body or a
# request head may take.
STOP_SECONDS: Final = 25.0

# The timeout for a request head, and for an idle connection; browsers and proxies then reconnect.
HEAD_MILLISECONDS: Final = 20_000

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
        asyncio.run(_run(dependencies))
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


async def _run(opening: AbstractAsyncContextManager[HttpDependencies]) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with opening as dependencies:
        app = create_app(dependencies)
        address = free_address(dependencies.settings.host, dependencies.settings.port)
        async with app.lifespan():
            failure = await _serve(app, address, stop)
    if failure is not None:
        raise CannotListen(f"cannot listen on {_url(address)}: {failure}")
    logger.info("stopped")


async def _serve(app: Litestar, address: tuple[str, int], stop: asyncio.Event) -> str | None:
    """Serve until the stop event; return the error if the server ended before that."""
    server = Server(
        app,
        *address,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_MILLISECONDS),
        websockets=False,
        backlog=BACKLOG,
        backpressure=MAX_CONNECTIONS,
        log_level=LogLevels.error,
        log_dictconfig=_LOGS,
    )
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    announcing = asyncio.create_task(_announce(address))
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    announcing.cancel()
    stopping.cancel()
    if serving.done():
        # Another process may have bound the port after the check in free_address.
        return _first_line(serving.exception())
    logger.info("stopping")
    clock = asyncio.get_running_loop().time
    deadline = clock() + STOP_SECONDS
    server.stop()  # type: ignore[no-untyped-call]  # granian types its constructor only
    _, unfinished = await asyncio.wait((serving,), timeout=STOP_SECONDS)
    if unfinished:
        logger.warning("requests not finished in time; their connections are closed")
        serving.cancel()
    app.state.drain_seconds = max(0.0, deadline - clock())
    return None


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
