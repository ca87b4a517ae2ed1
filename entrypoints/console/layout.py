"""The frame of every page: head, navigation, search and the operator's name."""

import json
from typing import Final

from attrs import frozen
from htpy import (
    Node,
    Renderable,
    a,
    body,
    button,
    div,
    form,
    h1,
    head,
    header,
    html,
    label,
    li,
    link,
    main,
    meta,
    nav,
    script,
    span,
    ul,
)
from htpy import (
    input as input_,
)
from htpy import (
    title as title_,
)

from entrypoints.console.forms import TOKEN_FIELD
from entrypoints.console.operators import SignedIn

SECTIONS: Final = (
    ("/ops", "Overview"),
    ("/ops/payments", "Payments"),
    ("/ops/reviews", "Reviews"),
    ("/ops/dead-letters", "Dead letters"),
    ("/ops/differences", "Differences"),
    ("/ops/health", "Health"),
)
"""The pages of the navigation."""


def section_of(path: str) -> tuple[str, str]:
    """Return the page of the navigation that a path belongs to; the payments if to none."""
    overview, *others = SECTIONS
    belongs = [each for each in others if path == each[0] or path.startswith(f"{each[0]}/")]
    return belongs[0] if belongs else overview if path == overview[0] else others[0]


# htmx evaluates nothing and adds no style of its own, so that no policy has to allow it. Pages of
# errors are shown, too, and nothing is kept in the browser's storage.
_HTMX: Final = json.dumps(
    {
        "allowEval": False,
        "includeIndicatorStyles": False,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "...", "swap": True},
        ],
    }
)


@frozen
class Frame:
    """What is around the content of a page."""

    title: str
    operator: SignedIn | None = None
    section: str | None = None
    """The path of the page in the navigation that this one belongs to."""
    heading: Node = None
    """Instead of the title."""
    query: str = ""
    """What was searched for."""

    def around(self, *content: Node) -> Renderable:
        """Return the whole page."""
        return html(lang="en")[
            self._head(),
            body(class_=None if self.operator else "alone")[
                a(class_="skip", href="#content")["Skip to the content"],
                self._bar() if self.operator else None,
                main(id="content", tabindex="-1")[
                    self._heading() if self.operator else None,
                    content,
                ],
            ],
        ]

    def _head(self) -> Node:
        return head[
            meta(charset="utf-8"),
            meta(name="viewport", content="width=device-width, initial-scale=1"),
            meta(name="color-scheme", content="light dark"),
            meta(name="htmx-config", content=_HTMX),
            title_[f"{self.title} · Payments console"],
            link(rel="icon", href="/ops/static/icon.svg", type="image/svg+xml"),
            link(rel="stylesheet", href="/ops/static/console.css"),
            script(src="/ops/static/htmx.min.js", defer=True),
            script(src="/ops/static/htmx-sse.min.js", defer=True),
            script(src="/ops/static/console.js", defer=True),
        ]

    def _heading(self) -> Node:
        return div(class_="page-head")[self.heading or h1[self.title]]

    def _bar(self) -> Node:
        return header(class_="bar")[
            a(class_="brand", href="/ops")[span(class_="mark", aria_hidden="true"), "Payments"],
            self._search(),
            self._sign_out(),
            nav(aria_label="Console")[ul[(self._entry(path, name) for path, name in SECTIONS)]],
        ]

    def _entry(self, path: str, name: str) -> Node:
        is_here = path == self.section
        return li[a(href=path, aria_current="page" if is_here else None)[name]]

    def _search(self) -> Node:
        return form(class_="search", role="search", action="/ops/search")[
            label(class_="visually-hidden", for_="search")[
                "Any id: order, payment, charge, refund, user"
            ],
            input_(
                id="search",
                name="q",
                type="search",
                value=self.query,
                placeholder="Order, payment, charge, refund, user",
                maxlength="255",
                required=True,
                autocomplete="off",
                spellcheck="false",
            ),
            button(type="submit", class_="quiet")["Search"],
        ]

    def _sign_out(self) -> Node:
        if self.operator is None:
            return None
        return form(class_="operator", method="post", action="/ops/sign-out")[
            token_field(self.operator),
            span(class_="name", title="Signed in")[self.operator.name],
            button(type="submit", class_="quiet")["Sign out"],
        ]


def token_field(operator: SignedIn) -> Node:
    """Return the field that every form of a session has."""
    return input_(type="hidden", name=TOKEN_FIELD, value=operator.form_token)
