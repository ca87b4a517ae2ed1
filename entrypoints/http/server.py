"""granian in our own event loop: listen, serve, and stop without losing anything."""

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

from entrypoints.http.app import create_app
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.logs import configure_logs
from entrypoints.settings import InvalidSetting, Settings

logger = structlog.get_logger(__name__)

# Below the 30 s that Kubernetes waits before it kills; above everything that a request may take:
# 20 s for a charge, for a body or for a head.
STOP_SECONDS: Final = 25.0

# For a request's head, and how long an idle connection is kept; browsers and proxies open another.
HEAD_MILLISECONDS: Final = 20_000

# Idle connections count, too. A file descriptor each; systemd and container runtimes allow more.
MAX_CONNECTIONS: Final = 8192

# What Linux queues at most without being told otherwise (net.core.somaxconn).
BACKLOG: Final = 4096

# Until a socket that was bound listens; it takes milliseconds.
LISTEN_SECONDS: Final = 10.0

# granian's own complaints go where all others go.
_LOGS: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "incremental": True,
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}


class CannotListen(Exception):
    """The address cannot be listened at; the text is one line."""


def serve(opening: AbstractAsyncContextManager[HttpDependencies]) -> NoReturn:
    """Run the HTTP service until SIGTERM or SIGINT, then end the process: 0, or 1 if it failed.

    The dependencies are opened inside the server's event loop.
    """
    configure_logs()
    status = 1
    try:
        asyncio.run(_run(opening))
        status = 0
    except (InvalidSetting, CannotListen) as problem:
        print(f"payments: {problem}", file=sys.stderr)  # noqa: T201 - said to whoever started it
    except Exception:
        logger.exception("failed")
    # Everything is closed by now. Threads of granian's may still look for the interpreter, which
    # aborts the process while Python takes itself down (9 of 60 stops, when measured);
    # granian's own workers end so as well, as processes of multiprocessing do.
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
            detail = await _serve(app, address, stop)
    if detail is not None:
        raise CannotListen(f"cannot listen at {_url(address)}: {detail}")
    logger.info("stopped")


async def _serve(app: Litestar, address: tuple[str, int], stop: asyncio.Event) -> str | None:
    """Listen until told to stop; what was wrong if it ended before that."""
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
        # Somebody else took the port in the moment since free_address looked.
        return _first_line(serving.exception())
    logger.info("stopping")
    clock = asyncio.get_running_loop().time
    deadline = clock() + STOP_SECONDS
    server.stop()  # type: ignore[no-untyped-call]  # granian types its constructor only
    _, late = await asyncio.wait((serving,), timeout=STOP_SECONDS)
    if late:
        logger.warning("requests were cut short")
        serving.cancel()
    app.state.drain_seconds = max(0.0, deadline - clock())
    return None


def free_address(host: str, port: int) -> tuple[str, int]:
    """The numeric address of a host, and the port; any free one for 0.

    granian shares ports (SO_REUSEPORT), so that a second service would silently take half of
    the first one's requests: hence this look whether somebody listens.

    Raises:
        CannotListen: somebody does, or the address is not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # What is left of connections closed lately does not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            found = probe.getsockname()
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise CannotListen(f"cannot listen at HOST={host} PORT={port}: {reason}") from None
    return str(found[0]), int(found[1])


async def _announce(address: tuple[str, int]) -> None:
    """Say where the service is to be found, as soon as it is."""
    host, port = address
    nearest = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only looked for
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
    return (str(error).splitlines() or ["the server ended by itself"])[0]


def _url(address: tuple[str, int]) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
