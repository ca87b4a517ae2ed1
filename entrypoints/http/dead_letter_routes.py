"""`/api/operator/dead-letters`: operators read unusable events, and have them delivered again."""

from typing import Final

from attrs import frozen
from litestar import Response
from litestar.params import FromPath
from msgspec import UNSET

from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.dead_letter_access import DeadLetterAccess
from entrypoints.http.errors import NotFound
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.operator_bodies import (
    LISTED,
    MAX_LISTED,
    DeadLetterPage,
    dead_letter_body,
)
from entrypoints.http.operator_keys import OperatorKeys
from entrypoints.http.query_fields import QueryFields
from entrypoints.http.replies import json_reply
from entrypoints.http.request_bodies import parse_no_fields
from entrypoints.http.requests import read_optional_json, refuse_query
from entrypoints.http.responses import to_response

# More digits than the sequence of a stream has, which is a number of 64 bits.
_MAX_DIGITS: Final = 20


@frozen
class DeadLetterRoutes:
    """The routes for operators."""

    letters: DeadLetterAccess
    operators: OperatorKeys
    tasks: BackgroundTasks

    async def index(self, request: HttpRequest) -> Response[bytes]:
        """Return dead letters, oldest first."""
        self.operators.authenticate(request)
        fields = QueryFields.of(request)
        limit, after = fields.number("limit", 1, MAX_LISTED, LISTED), fields.cursor()
        fields.check()
        async with self.letters.opened() as letters:
            listed = await letters.list(limit, after)
        # A page may be short because its letters are large; only an empty one is the last.
        following = str(listed[-1].id) if listed else UNSET
        page = DeadLetterPage([dead_letter_body(each) for each in listed], following)
        return to_response(json_reply(200, page))

    async def replay(self, request: HttpRequest, letter_id: FromPath[str]) -> Response[bytes]:
        """Publish one again on its subject, byte for byte; it stays in the list."""
        self.operators.authenticate(request)
        if not (letter_id.isascii() and letter_id.isdecimal() and len(letter_id) < _MAX_DIGITS):
            raise NotFound
        refuse_query(request)
        parse_no_fields(await read_optional_json(request))
        [letter] = await self.tasks.run(self.letters.replay(int(letter_id)))
        return to_response(json_reply(200, dead_letter_body(letter)))
