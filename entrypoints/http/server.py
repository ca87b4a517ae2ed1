"""Run the HTTP service on uvicorn in our own event loop, with a graceful stop."""

import asyncio
import contextlib
import signal
import socket
import sys
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Final, NoReturn, cast

import structlog
import uvicorn
from attrs import field, frozen
from litestar import Litestar

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.event_loop import run_for_long
from entrypoints.garbage import resume_collection
from entrypoints.http.app import create_app
from entrypoints.http.connection import HttpConnection
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.middleware import RequestMiddleware
from entrypoints.logs import configure_logs

logger = structlog.get_logger(__name__)

# Above the 20 s that a charge or a body may take. After the default of DRAIN_SECONDS, the process
# ends before the 30 s after which Kubernetes kills it.
STOP_SECONDS: Final = 24.0

# The timeout for an idle connection, and for a request head. A balancer must give a connection up
# before the service does, or a request is lost on it: nginx and AWS's keep one for 60 s.
# https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
IDLE_SECONDS: Final = 75.0

# The default limit of Linux (net.core.somaxconn).
BACKLOG: Final = 4096


class CannotListen(Exception):
    """The server cannot listen on its address; the text is one line."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers; _Stop has ours."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        await super().startup(sockets)
        for each in sockets or ():
            logger.info("listening", address=_url(each))

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave the signals alone."""
        return contextlib.nullcontext()

    def abort(self) -> None:
        """Close every connection at once."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()


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
    sys.exit(status)


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
        with bound_socket(settings.host, settings.port) as listener:
            resume_collection()
            async with app.lifespan():
                await _serve(app, listener, stop, settings.drain_seconds)
    logger.info("stopped")


async def _serve(app: Litestar, listener: socket.socket, stop: _Stop, drain_seconds: float) -> None:
    """Serve until a signal."""
    server = _server(app)
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.drain.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        await serving
        return
    await _drain(app, stop, drain_seconds)
    logger.info("stopping")
    clock = asyncio.get_running_loop().time
    deadline = clock() + STOP_SECONDS
    server.should_exit = True
    _, unfinished = await asyncio.wait((serving,), timeout=STOP_SECONDS)
    if unfinished:
        logger.warning("requests not finished in time; their connections are closed")
        server.abort()
        serving.cancel()
    app.state.stopping.finish_seconds = max(0.0, deadline - clock())


def _server(app: Litestar) -> _Server:
    refuse = cast(RequestMiddleware, app.asgi_handler).refuse
    return _Server(
        uvicorn.Config(
            app,
            http=partial(HttpConnection, refuse),  # type: ignore[arg-type]  # it is only called
            ws="none",
            lifespan="off",
            interface="asgi3",
            backlog=BACKLOG,
            timeout_keep_alive=IDLE_SECONDS,  # type: ignore[arg-type]  # a float for tests
            # Addresses of proxies are read in client_address.py only.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            # Its messages go to the same handlers as all others.
            log_config=None,
            log_level="error",
        )
    )


async def _drain(app: Litestar, stop: _Stop, seconds: float) -> None:
    """Go on serving while the balancers notice that this process is not ready any more."""
    app.state.stopping.has_begun = True
    if seconds and not stop.now.is_set():
        logger.info("draining", seconds=seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.now.wait()


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that has this address and no other process has; for port 0, any free port.

    Raises:
        CannotListen: the address is in use, or not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        try:
            # Connections closed recently (TIME_WAIT) do not count.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(BACKLOG)
        except OSError:
            found.close()
            raise
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise CannotListen(f"cannot listen on HOST={host} PORT={port}: {reason}") from None
    return found


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
