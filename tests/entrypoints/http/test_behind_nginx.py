"""The service behind the real nginx, configured as docs/operations.md says."""

import asyncio
import re
import shutil
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from attrs import define, field

from payments_kit.servers.processes import free_port
from tests.entrypoints.http.service import ROOT, TIMEOUT_SECONDS, serving
from tests.entrypoints.http.world import pay
from tests.ports import wait_for_port

# Its usual place in Debian is not on everybody's PATH.
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/replies;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {documented}
}}
"""


@define
class Relay:
    """Forwards connections from nginx to the service, and records who ends each."""

    _port: int
    ended_by: list[str] = field(factory=list)
    ended: asyncio.Event = field(factory=asyncio.Event)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Yield the port."""
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies, service = await asyncio.open_connection("127.0.0.1", self._port)
        from_nginx = asyncio.create_task(_pump(reader, service), name="nginx")
        from_service = asyncio.create_task(_pump(replies, writer), name="the service")
        both = (from_nginx, from_service)
        done, pending = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        self.ended_by += [each.get_name() for each in done]
        for each in pending:
            each.cancel()
        writer.close()
        service.close()
        self.ended.set()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
    except OSError:
        pass


@asynccontextmanager
async def nginx(service_port: int, keepalive: str) -> AsyncIterator[str]:
    """Run nginx in front of the service; yield its address."""
    port = free_port()
    [documented] = re.findall(
        r"```nginx\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.S
    )
    servers = re.compile(r"(    server [0-9.]+:3000;\n)+")
    upstream = f"    server 127.0.0.1:{service_port};\n    keepalive_timeout {keepalive};\n"
    documented = servers.sub(upstream, documented)
    documented = documented.replace("server {\n", f"server {{\n    listen 127.0.0.1:{port};\n")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "nginx.conf"
        file.write_text(CONFIGURATION.format(folder=folder, documented=documented))
        assert NGINX is not None
        process = await asyncio.create_subprocess_exec(
            NGINX, "-p", folder, "-c", file, stdout=DEVNULL, stderr=DEVNULL
        )
        try:
            await wait_for_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("keepalive", "idle_seconds", "closer"),
    [
        ("1s", None, "nginx"),
        # What would lose a request that nginx sends at the same moment.
        ("60s", 3, "the service"),
    ],
)
async def test_an_idle_connection_is_ended_by_the_side_that_has_the_shorter_limit(
    keepalive: str, idle_seconds: float | None, closer: str
) -> None:
    limits = {} if idle_seconds is None else {"idle_seconds": idle_seconds}
    async with serving(**limits) as service:
        relay = Relay(service.port)
        async with (
            relay.listening() as port,
            nginx(port, keepalive) as address,
            httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS) as client,
        ):
            assert (await pay(client)).status_code == 201
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await relay.ended.wait()
            assert relay.ended_by == [closer]
            assert (await pay(client)).status_code == 409, "it is paid already"


async def test_nginx_passes_payments_on_and_nothing_else() -> None:
    async with (
        serving() as service,
        nginx(service.port, "60s") as address,
        httpx.AsyncClient(base_url=address, timeout=TIMEOUT_SECONDS) as client,
    ):
        assert (await pay(client)).status_code == 201
        for path in ("/metrics", "//metrics", "/api/payments/../../metrics", "/health/ready"):
            request = client.build_request("GET", address)
            request.url = request.url.copy_with(raw_path=path.encode())
            assert (await client.send(request)).status_code == 404
