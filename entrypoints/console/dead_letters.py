"""`/ops/dead-letters`: unusable events, and how to have them delivered again."""

from collections.abc import Sequence
from typing import Final

import structlog
from attrs import frozen
from htpy import Node, Renderable, a, bdi, button, code, div, form, h1, p, pre
from htpy import input as input_
from litestar import Response

from application.ports.inbound_events import DeadLetter
from entrypoints.console.elements import Column, card, facts, listing, moment, note
from entrypoints.console.forms import Form
from entrypoints.console.layout import token_field
from entrypoints.console.pages import Visit, html_response, redirect
from entrypoints.console.payment_list import pager
from entrypoints.console.texts import bytes_text, size_text
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.dead_letter_access import DeadLetterAccess
from entrypoints.http.errors import BadRequest, NotFound
from entrypoints.http.operator_bodies import LISTED, MAX_LISTED
from entrypoints.http.query_fields import QueryFields
from entrypoints.http.reply_bodies import ErrorDetail

logger = structlog.get_logger(__name__)

PATH: Final = "/ops/dead-letters"

CONFIRMED: Final = "confirmed"

# More digits than the sequence of a stream has, which is a number of 64 bits.
_MAX_DIGITS: Final = 20

_COLUMNS: Final = (
    *(Column("Choose", is_hidden=True), Column("Number", is_number=True), Column("Recorded")),
    *(Column("Subject"), Column("Reason"), Column("Size", is_number=True, is_minor=True)),
)
_ABOUT: Final = (
    "Events that could not be used. Once the cause is repaired, have them delivered again; "
    "what was applied already changes nothing. They stay in the list."
)
_EMPTY: Final = "There are no dead letters: every event could be used."
_EFFECT: Final = "They are published again on their subjects, byte for byte, with their headers."


@frozen
class DeadLetterPages:
    """The pages."""

    letters: DeadLetterAccess
    tasks: BackgroundTasks

    async def index(self, visit: Visit) -> Response[bytes]:
        """Show one page of dead letters, oldest first."""
        fields = QueryFields.of(visit.request)
        limit, after = fields.number("limit", 1, MAX_LISTED, LISTED), fields.cursor()
        done = fields.number("done", 0, MAX_LISTED, 0)
        fields.check()
        async with self.letters.opened() as letters:
            listed = await letters.list(limit, after)
            # A page may be short because its letters are large.
            more = await letters.list(1, listed[-1].id) if listed else ()
        following = str(listed[-1].id) if more else None
        query = {name: values[0] for name, values in fields.values.items() if name != "done"}
        page = visit.frame("Dead letters", PATH).around(
            p(class_="lead")[_ABOUT],
            note("good", f"Delivered again: {done}.") if done else None,
            _list(listed, visit),
            pager(query, following),
        )
        return html_response(page)

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show a dead letter with its headers and its body."""
        letter = await self.letters.show(_id(str(visit.request.path_params["letter_id"])))
        heading = [p(class_="eyebrow")["Dead letter"], h1[str(letter.id)]]
        page = visit.frame(f"Dead letter {letter.id}", PATH, heading).around(
            div(class_="stacked")[
                card("Why", *_about(letter, visit), name="why"),
                card("Headers", _headers(letter), name="headers"),
                card(
                    f"Body, {size_text(len(letter.data))}",
                    pre(tabindex="0")[bytes_text(letter.data)],
                    name="body",
                ),
            ]
        )
        return html_response(page)

    async def replay(self, visit: Visit, fields: Form) -> Response[bytes]:
        """Ask to confirm that some are delivered again; then do it."""
        chosen = [_id(each) for each in dict.fromkeys(fields.all("id"))]
        if not chosen:
            raise BadRequest((ErrorDetail("Choose at least one dead letter", "id"),))
        if not fields.text(CONFIRMED):
            return html_response(_confirm(chosen, visit))
        await self.tasks.run(self.letters.replay(*chosen))
        logger.info("an operator has replayed dead letters", numbers=chosen)
        return redirect(f"{PATH}?done={min(len(chosen), MAX_LISTED)}")


def _id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < _MAX_DIGITS):
        raise NotFound
    return int(text)


def _list(listed: Sequence[DeadLetter], visit: Visit) -> Node:
    rows = (
        (
            input_(type="checkbox", name="id", value=str(each.id), aria_label=f"Choose {each.id}"),
            a(href=f"{PATH}/{each.id}")[str(each.id)],
            moment(each.recorded_at, visit.now),
            code[bdi[each.subject]],
            div(class_="wrapped")[bdi[each.reason]],
            size_text(len(each.data)),
        )
        for each in listed
    )
    table = listing("Dead letters", _COLUMNS, rows, _EMPTY)
    if not listed:
        return table
    return form(method="post", action=f"{PATH}/replay")[
        token_field(visit.operator),
        table,
        div(class_="buttons below")[
            button(type="submit", class_="main")["Deliver the chosen ones again …"]
        ],
    ]


def _about(letter: DeadLetter, visit: Visit) -> Sequence[Node]:
    return (
        p(class_="waiting")[bdi[letter.reason]],
        facts(
            ("Subject", code[bdi[letter.subject]]),
            ("Recorded", moment(letter.recorded_at, visit.now)),
        ),
        form(class_="actions", method="post", action=f"{PATH}/replay")[
            token_field(visit.operator),
            input_(type="hidden", name="id", value=str(letter.id)),
            button(type="submit")["Deliver again …"],
        ],
    )


def _headers(letter: DeadLetter) -> Node:
    if not letter.headers:
        return p(class_="hint")["It has no headers."]
    pairs = sorted(letter.headers.items())
    return facts(*((name, code[bdi[value]]) for name, value in pairs))


def _confirm(chosen: Sequence[int], visit: Visit) -> Renderable:
    number = "this event" if len(chosen) == 1 else f"these {len(chosen)} events"
    return visit.frame(f"Deliver {number} again?", PATH).around(
        form(class_="card confirm", method="post", action=f"{PATH}/replay")[
            p(class_="effect")[_EFFECT],
            facts(("Numbers", ", ".join(map(str, chosen))), ("Recorded as", visit.operator.name)),
            token_field(visit.operator),
            input_(type="hidden", name=CONFIRMED, value="yes"),
            (input_(type="hidden", name="id", value=str(each)) for each in chosen),
            div(class_="buttons")[
                button(type="submit", class_="main")[f"Deliver {number} again"],
                a(class_="button quiet", href=PATH)["Back"],
            ],
        ]
    )
