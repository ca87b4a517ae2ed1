"""The forms of the actions, and the page that asks to confirm one."""

from typing import Final
from urllib.parse import quote

from attrs import frozen
from htpy import (
    Element,
    Node,
    a,
    bdi,
    button,
    details,
    div,
    form,
    label,
    p,
    summary,
)
from htpy import (
    input as input_,
)

from domain.money import Money
from domain.payment import Payment
from entrypoints.console.action_kinds import ActionKind
from entrypoints.console.elements import amount, facts, id_of, payment_path
from entrypoints.console.layout import token_field
from entrypoints.console.operators import SignedIn
from entrypoints.console.texts import amount_text, step_of
from entrypoints.http.validation import MAX_CHARACTERS

CONFIRMED: Final = "confirmed"
"""The field of a form that was confirmed: an id, so that to send it twice does it once."""


@frozen
class ActionInput:
    """What an operator has entered."""

    reason: str = ""
    amount: str = ""
    """In major units, as it was entered."""


def action_menu(
    kind: ActionKind, payment: Payment, most: Money | None, operator: SignedIn
) -> Element:
    """Return an action that opens its form."""
    return details(class_="action")[
        summary(class_="button harmful" if kind.is_harmful else "button")[kind.title, " …"],
        action_form(kind, payment, most, operator),
    ]


def action_form(
    kind: ActionKind,
    payment: Payment,
    most: Money | None,
    operator: SignedIn,
    entered: ActionInput | None = None,
) -> Element:
    """Return the form of an action; it leads to the page that asks to confirm it."""
    name = f"{kind.name}-{payment.id}"
    return form(class_="action-form", method="post", action=_path(kind, payment))[
        token_field(operator),
        None if most is None else _amount_field(name, most, entered),
        label(for_=f"{name}-reason")["Reason, for the history"],
        input_(
            id=f"{name}-reason",
            name="reason",
            value=entered.reason if entered else "",
            required=True,
            maxlength=str(MAX_CHARACTERS),
            autocomplete="off",
        ),
        button(type="submit", class_="main")[f"{kind.title} …"],
        p(class_="hint")["The next page asks to confirm it."],
    ]


def confirmation(
    kind: ActionKind,
    payment: Payment,
    chosen: Money | None,
    entered: ActionInput,
    operator: SignedIn,
    action_id: str,
) -> Element:
    """Return the form that confirms an action."""
    sum_ = amount_text(chosen.minor_units, chosen.currency.code) if chosen else None
    pairs: list[tuple[str, Node]] = [
        ("Amount", amount(chosen.minor_units, chosen.currency.code) if chosen else None),
        ("Payment", id_of(payment.id, "payment id")),
        ("Order", id_of(payment.order_id, "order id")),
        ("User", bdi[payment.user_id]),
        ("Gateway", payment.gateway if payment.livemode else f"{payment.gateway}, test mode"),
        ("Reason", bdi[entered.reason]),
        ("Recorded as", operator.name),
    ]
    return form(class_="card confirm", method="post", action=_path(kind, payment))[
        p(class_="effect")[kind.effect],
        facts(*((name, value) for name, value in pairs if value is not None)),
        token_field(operator),
        input_(type="hidden", name=CONFIRMED, value=action_id),
        input_(type="hidden", name="reason", value=entered.reason),
        input_(type="hidden", name="amount", value=entered.amount),
        div(class_="buttons")[
            button(type="submit", class_="main harmful" if kind.is_harmful else "main")[
                f"{kind.title} {sum_}" if sum_ else f"{kind.title} this payment"
            ],
            a(class_="button quiet", href=payment_path(payment))["Back"],
        ],
    ]


def _path(kind: ActionKind, payment: Payment) -> str:
    return f"/ops/payments/{quote(payment.id, safe='')}/{kind.name}"


def _amount_field(name: str, most: Money, entered: ActionInput | None) -> Node:
    currency = most.currency.code
    return [
        label(for_=f"{name}-amount")[f"Amount in {currency.upper()}, at most {most.major}"],
        input_(
            id=f"{name}-amount",
            name="amount",
            type="number",
            inputmode="decimal",
            min=step_of(currency),
            max=f"{most.major:f}",
            step=step_of(currency),
            value=entered.amount if entered else f"{most.major:f}",
            required=True,
        ),
    ]
