"""`/ops/sign-in` and `/ops/sign-out`: a session begins with an operator's key, and ends."""

import re
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import structlog
from attrs import frozen
from htpy import Node, button, div, form, h1, label, p, span
from htpy import input as input_
from litestar import Response

from entrypoints.console.attempts import SignInAttempts
from entrypoints.console.elements import note
from entrypoints.console.forms import Form
from entrypoints.console.layout import Frame
from entrypoints.console.operators import OperatorDesk
from entrypoints.console.origin import (
    NotEncrypted,
    SessionCookie,
    check_origin,
    session_cookie,
)
from entrypoints.console.pages import SIGN_IN, Visit, error_page, html_response, redirect
from entrypoints.http.client_address import client_source
from entrypoints.http.errors import CHALLENGE
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.sign_in_refusals import Refusal, RefusalLog, RefusalReason

logger = structlog.get_logger(__name__)

HOME: Final = "/ops"

CLEARED: Final = '"cache"'
"""What a browser forgets at the end of a session: pages that its Back button would show. Cookies
and storage of the host may be the shop's. https://www.w3.org/TR/clear-site-data/"""

_WRONG: Final = "This is no operator's key."
_NOT_ENCRYPTED: Final = (
    "The console needs https, unless it is opened on this machine: "
    "over http, others in the network can read the key. This one was sent; replace it."
)

# A path of the console; nothing that a browser could take for another host.
_TARGET: Final = re.compile(r"/ops(/[A-Za-z0-9_./%-]*)?(\?[A-Za-z0-9_.~%&=+:-]*)?")


@frozen
class SignInRoutes:
    """The routes of operators who are not signed in yet, or no longer want to be."""

    desk: OperatorDesk
    attempts: SignInAttempts
    refusals: RefusalLog
    trusted_proxies: int

    async def show(self, request: HttpRequest) -> Response[bytes]:
        """Show the form."""
        target = request.query_params.get("next", "")
        return _page(target)

    async def sign_in(self, request: HttpRequest) -> Response[bytes]:
        """Begin a session, in a new cookie; a session that the browser has already is ended."""
        try:
            check_origin(request)
            fields = await Form.of(request)
            return await self._begin(request, fields.text("key"), fields.text("next"))
        except NotEncrypted:
            return _page("", _NOT_ENCRYPTED, HTTPStatus.FORBIDDEN)
        except Exception as error:
            return error_page(error, None)

    async def sign_out(self, visit: Visit, _fields: Form) -> Response[bytes]:
        """End the session on the server, and delete the cookie."""
        cookie = session_cookie(visit.request)
        await self.desk.sign_out(visit.operator.token)
        logger.info("an operator has signed out")
        headers = {"Clear-Site-Data": CLEARED}
        if cookie is not None:
            headers["Set-Cookie"] = cookie[0].end()
        return redirect(SIGN_IN, headers)

    async def _begin(self, request: HttpRequest, key: str, target: str) -> Response[bytes]:
        address = client_source(request, self.trusted_proxies)
        wait = self.attempts.wait_of(address)
        if wait is not None:
            text = "too many attempts to sign in at the console from one address"
            self.refusals.record(Refusal(RefusalReason.OPERATOR_KEY, text))
            return _too_many(target, wait)
        cookie = SessionCookie.for_sign_in(request)
        operator = await self.desk.sign_in(key)
        if operator is None:
            self.attempts.add(address)
            text = "a sign-in at the console has a key that is no operator's"
            self.refusals.record(Refusal(RefusalReason.OPERATOR_KEY, text))
            return _page(target, _WRONG, HTTPStatus.UNAUTHORIZED)
        before = session_cookie(request)
        if before is not None:
            await self.desk.sign_out(before[1])
        logger.info("an operator has signed in", operator=operator.name)
        return redirect(_target(target), {"Set-Cookie": cookie.begin(operator.token)})


def _target(wanted: str) -> str:
    return wanted if _TARGET.fullmatch(wanted) else HOME


def _too_many(target: str, wait: timedelta) -> Response[bytes]:
    seconds = int(wait.total_seconds()) + 1
    text = f"Too many attempts. Try again in {seconds} seconds."
    return _page(target, text, HTTPStatus.TOO_MANY_REQUESTS, seconds)


def _page(
    target: str, problem: str | None = None, status: int = HTTPStatus.OK, wait: int = 0
) -> Response[bytes]:
    headers = dict(CHALLENGE) if status == HTTPStatus.UNAUTHORIZED else {}
    if wait:
        headers["Retry-After"] = str(wait)
    return html_response(Frame("Sign in").around(_form(target, problem)), status, headers)


def _form(target: str, problem: str | None) -> Node:
    return div(class_="card sign-in")[
        p(class_="brand")[span(class_="mark", aria_hidden="true"), "Payments"],
        h1["Sign in"],
        None if problem is None else note("bad", problem),
        form(method="post", action=SIGN_IN)[
            input_(type="hidden", name="next", value=_target(target)),
            # For password managers, which else warn of a form without a name.
            input_(name="username", autocomplete="username", hidden=True),
            label(for_="key")["Operator key"],
            input_(
                id="key",
                name="key",
                type="password",
                required=True,
                autofocus=True,
                autocomplete="current-password",
                maxlength="1000",
            ),
            button(type="submit", class_="main")["Sign in"],
        ],
        p(class_="hint")[
            "The session ends after 30 minutes without a request, and after 12 hours."
        ],
    ]
