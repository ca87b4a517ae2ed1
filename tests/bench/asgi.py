"""The floors of a read, on the server of the service: `python -m tests.bench.asgi PORT KIND`.

`bare` answers every request with the same bytes. `litestar` is a small service without a database:
it verifies the session's token with PyJWT and encodes a payment.
"""

import base64
import socket
import sys
from typing import Any, Final

import jwt
import msgspec
import uvicorn
from litestar import Litestar, MediaType, Request, Response, get

from entrypoints.event_loop import run_for_long
from tests.system.deployment import JWT_KEY

_PAYMENT: Final = {
    "id": "01a2b3c4d5e6f708192a3b4c5d6e7f80",
    "orderId": "bench1-1",
    "status": "succeeded",
    "amount": 1999,
    "currency": "usd",
    "gateway": "bench",
    "stripeId": "ch_01a2b3c4d5e6f708192a3b4c5d6e7f80",
}
_BODY: Final = msgspec.json.encode(_PAYMENT)


async def bare(scope: Any, _receive: Any, send: Any) -> None:
    """Answer without looking at the request."""
    if scope["type"] == "http":
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})


@get("/api/payments/{payment_id:str}")
async def get_payment(request: Request[Any, Any, Any], payment_id: str) -> Response[bytes]:
    """Verify the token and answer."""
    session = msgspec.json.decode(base64.b64decode(request.cookies["session"]))
    user = jwt.decode(session["jwt"], JWT_KEY, algorithms=["HS256"])["id"]
    body = msgspec.json.encode({**_PAYMENT, "id": payment_id, "userId": user})
    return Response(body, media_type=MediaType.JSON)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that connections are accepted."""
        await super().startup(sockets)
        print("listening", flush=True)


async def main(port: int, kind: str) -> None:
    """Serve until the process is ended."""
    app: Any = (
        bare
        if kind == "bare"
        else Litestar([get_payment], openapi_config=None, logging_config=None)
    )
    config = uvicorn.Config(
        app,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        access_log=False,
        log_config=None,
    )
    await _Server(config).serve()


if __name__ == "__main__":
    run_for_long(main(int(sys.argv[1]), sys.argv[2]))
