"""Why something is in its state, as a part of a page."""

from datetime import datetime

from htpy import Node, bdi, code, dd, details, div, dl, dt, li, p, span, summary, ul

from entrypoints.console.elements import moment_of
from entrypoints.order_document import ExplanationBody


def explanation_of(explanation: ExplanationBody, now: datetime, *, is_open: bool = False) -> Node:
    """Return what is waited for, what ends it, the evidence, and who may do what.

    With `is_open`, the evidence is shown at once.
    """
    return div(class_="explanation")[
        _wait(explanation, now),
        _evidence(explanation, now, is_open=is_open),
        _commands(explanation),
    ]


def _wait(explanation: ExplanationBody, now: datetime) -> Node:
    if explanation.waiting_for is None:
        return p(class_="waiting over")["Nothing is waited for."]
    until = explanation.until
    return [
        p(class_="waiting")["Waiting for ", bdi[explanation.waiting_for], "."],
        dl(class_="facts")[
            div[dt["Until"], dd[moment_of(until, now)]] if until else None,
            div[dt["It ends when"], dd[ul[(li[bdi[each]] for each in explanation.ends_with)]]]
            if explanation.ends_with
            else None,
        ],
    ]


def _evidence(explanation: ExplanationBody, now: datetime, *, is_open: bool) -> Node:
    if not explanation.evidence:
        return None
    return details(class_="evidence", open=is_open)[
        summary["Evidence (", str(len(explanation.evidence)), ")"],
        ul[
            (
                li[
                    bdi[each.what],
                    span(class_="detail")[" ", bdi[each.source], " · ", moment_of(each.at, now)],
                ]
                for each in explanation.evidence
            )
        ],
    ]


def _commands(explanation: ExplanationBody) -> Node:
    if not explanation.actions:
        return None
    return details(class_="evidence")[
        summary["Who may do what (", str(len(explanation.actions)), ")"],
        ul[
            (
                li[span(class_="detail")[each.who], " ", code[bdi[each.command]]]
                for each in explanation.actions
            )
        ],
    ]
