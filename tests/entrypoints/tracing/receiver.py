"""A receiver of OTLP over HTTP, as a collector is."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web
from attrs import define, field
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PATH: Final = "/v1/traces"


@define
class Receiver:
    """Keeps what it receives."""

    url: str = ""
    spans: list[tuple[dict[str, str], Span]] = field(factory=list)
    """Each with the attributes of its resource."""
    headers: list[dict[str, str]] = field(factory=list)

    async def _receive(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        self.headers.append(dict(request.headers))
        received = ExportTraceServiceRequest.FromString(await request.read())
        for group in received.resource_spans:
            resource = {each.key: each.value.string_value for each in group.resource.attributes}
            for scope in group.scope_spans:
                self.spans += [(resource, span) for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")


@contextlib.asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    """Receive until the block ends."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post(PATH, receiver._receive)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield receiver
    finally:
        await runner.cleanup()
