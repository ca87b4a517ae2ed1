"""One payment on the page of its order: what is known of it, why, and what may be done."""

from htpy import Node, article, bdi, div, h2, span

from application.use_cases.find_order import FoundOrder
from domain.explain_payment import explain_payment
from domain.payment import Payment
from entrypoints.console.action_forms import action_menu
from entrypoints.console.action_kinds import amount_at_most, offered
from entrypoints.console.elements import amount, badge, facts, id_of, moment_of
from entrypoints.console.explanations import explanation_of
from entrypoints.console.pages import Visit
from entrypoints.order_document import OperatorPaymentBody


def payment_card(
    found: FoundOrder, payment: Payment, body: OperatorPaymentBody, visit: Visit
) -> Node:
    """Return the section of a payment."""
    name = f"payment-{payment.id}"
    return article(class_="card payment", id=name, aria_labelledby=f"{name}-title")[
        div(class_="card-head")[
            h2(id=f"{name}-title")["Payment of ", amount(body.amount, body.currency)],
            badge(body.status),
            None if body.livemode else span(class_="badge", data_tone="quiet")["Test mode"],
        ],
        facts(*_facts(body, visit)),
        explanation_of(body.explanation, visit.now, is_open=payment is found.order.payments[-1]),
        _actions(found, payment, visit),
    ]


def _facts(body: OperatorPaymentBody, visit: Visit) -> list[tuple[str, Node]]:
    currency = body.captured_currency
    possible: list[tuple[str, Node]] = [
        ("Payment", id_of(body.id, "payment id")),
        ("Created", moment_of(body.created_at, visit.now)),
        ("Gateway", bdi[body.gateway]),
        ("Charge", id_of(body.charge_id, "charge id") if body.charge_id else None),
        ("Reference", id_of(body.reference, "reference") if body.reference else None),
        ("Captured", amount(body.captured_amount, currency) if currency else None),
        (
            "Being captured",
            None
            if body.requested_capture is None
            else amount(body.requested_capture, body.currency),
        ),
        ("Code", bdi[body.code] if body.code else None),
        ("Held until", _moment(body.authorized_until, visit)),
        ("Next check", _moment(body.next_check_at, visit)),
    ]
    return [(title, value) for title, value in possible if value is not None]


def _moment(text: str | None, visit: Visit) -> Node:
    return None if text is None else moment_of(text, visit.now)


def _actions(found: FoundOrder, payment: Payment, visit: Visit) -> Node:
    kinds = offered(explain_payment(found.order, payment.id, found.now), payment.id)
    if not kinds:
        return None
    return div(class_="actions", role="group", aria_label="Actions")[
        (
            action_menu(each, payment, amount_at_most(each, found.order, payment), visit.operator)
            for each in kinds
        )
    ]
