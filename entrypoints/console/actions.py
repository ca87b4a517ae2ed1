"""`/ops/payments/{id}/{action}`: an operator acts, through the handlers of the operator API."""

import re
import secrets
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from attrs import frozen
from htpy import Node, a, div, p
from litestar import Response

from application.acting import acting
from application.use_cases.find_order import FindOrder, FoundOrder
from domain.actor import Actor
from domain.money import InexactAmount, Money
from domain.order_reviews import ReviewDecision
from domain.payment import Payment
from entrypoints.console.action_forms import (
    CONFIRMED,
    ActionInput,
    action_form,
    confirmation,
)
from entrypoints.console.action_kinds import BY_NAME, ActionKind, amount_at_most, offered
from entrypoints.console.elements import note, payment_path
from entrypoints.console.forms import Form
from entrypoints.console.pages import Visit, html_response, problems_of, redirect
from entrypoints.console.payment_list import PATH
from entrypoints.console.texts import step_of, words
from entrypoints.http.captures import CaptureCommand, CaptureHandler, VoidCommand
from entrypoints.http.errors import BadRequest, NotFound, reply_to
from entrypoints.http.handlers import RefundCommand, RefundHandler
from entrypoints.http.replies import Reply
from entrypoints.http.reply_bodies import ErrorDetail
from entrypoints.http.reviews import ReviewCommand, ReviewHandler
from entrypoints.http.validation import is_payment_id

_ACTION_ID: Final = re.compile("[0-9a-f]{32}")
_ACTION_ID_BYTES: Final = 16

_REPEAT: Final = "It may be done already. Send it again from here: it is done once."

# Decimal would read `1_0` as 10, and digits of every script, which are mistyped more likely.
_AMOUNT: Final = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")


@frozen
class _Target:
    """The payment that an action is about."""

    found: FoundOrder
    payment: Payment
    kind: ActionKind

    @property
    def most(self) -> Money | None:
        return amount_at_most(self.kind, self.found.order, self.payment)


@frozen
class ActionPages:
    """The pages of all actions."""

    find_order: FindOrder
    refunds: RefundHandler
    captures: CaptureHandler
    reviews: ReviewHandler

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show the form of an action alone."""
        return _form(visit, await self._target(visit), None, ())

    async def act(self, visit: Visit, form: Form) -> Response[bytes]:
        """Ask to confirm an action; once it is confirmed, do it."""
        target = await self._target(visit)
        entered = ActionInput(form.text("reason"), form.text("amount"))
        try:
            reason = form.required("reason", "a reason")
            chosen = _chosen(target.most, entered.amount)
            action_id = form.text(CONFIRMED)
            if not _ACTION_ID.fullmatch(action_id):
                return _confirm(visit, target, chosen, entered)
        except BadRequest as error:
            problems = tuple(each.message for each in error.details)
            return _form(visit, target, entered, problems, HTTPStatus.BAD_REQUEST)
        with acting(Actor.operator(visit.operator.name, reason)):
            reply = await self._do(target, chosen, reason, f"console-{action_id}")
        if reply.is_problem and _may_be_done(reply):
            return _confirmation(visit, target, chosen, entered, action_id, reply)
        if reply.is_problem:
            now = await self._target(visit)
            return _form(visit, now, entered, problems_of(reply), reply.status)
        return redirect(payment_path(target.payment, done=target.kind.name))

    async def _target(self, visit: Visit) -> _Target:
        payment_id = visit.request.path_params["payment_id"]
        kind = BY_NAME.get(visit.request.path_params["action"])
        if kind is None or not is_payment_id(payment_id):
            raise NotFound
        found = await self.find_order(payment_id)
        if found.payment is None:
            raise NotFound
        return _Target(found, found.payment, kind)

    async def _do(self, target: _Target, chosen: Money | None, reason: str, key: str) -> Reply:
        payment_id = target.payment.id
        minor_units = None if chosen is None else chosen.minor_units
        try:
            match target.kind.name:
                case "capture":
                    capture = CaptureCommand(payment_id, minor_units, None)
                    return await self.captures.capture(capture, key)
                case "void":
                    return await self.captures.void(VoidCommand(payment_id, reason), key)
                case "refund":
                    refund = RefundCommand(payment_id, minor_units, reason)
                    return await self.refunds.refund(refund, key)
                case decided:
                    accepts = decided == "accept"
                    decision = ReviewDecision.ACCEPT if accepts else ReviewDecision.REFUND
                    review = ReviewCommand(payment_id, decision, reason)
                    return await self.reviews.review(review, key)
        except Exception as error:
            return reply_to(error)


def _form(
    visit: Visit,
    target: _Target,
    entered: ActionInput | None,
    problems: tuple[str, ...],
    status: int = HTTPStatus.OK,
) -> Response[bytes]:
    """Return the page with the form of an action, and what was wrong with the last one."""
    kind, payment, explanation = target.kind, target.payment, target.found.explanation
    form: Node = None
    if kind in offered(explanation, payment.id):
        form = action_form(kind, payment, target.most, visit.operator, entered)
    elif not problems:
        status = HTTPStatus.CONFLICT
        problems = (f"The payment is {words(explanation.status)}: this cannot be done now.",)
    page = visit.frame(f"{kind.title} a payment", PATH).around(
        note("bad", (p[each] for each in problems)) if problems else None,
        div(class_="card confirm")[form, a(href=payment_path(payment))["Back to the order"]],
    )
    return html_response(page, status)


def _confirm(
    visit: Visit, target: _Target, chosen: Money | None, entered: ActionInput
) -> Response[bytes]:
    """Return the page that asks to confirm an action.

    Raises:
        BadRequest: the amount is more than the payment has.
    """
    kind, payment, most = target.kind, target.payment, target.most
    if kind not in offered(target.found.explanation, payment.id):
        return _form(visit, target, entered, ())
    if chosen is not None and most is not None and chosen.exceeds(most):
        raise _bad_amount(f"At most {most} is possible")
    return _confirmation(visit, target, chosen, entered, secrets.token_hex(_ACTION_ID_BYTES))


def _may_be_done(reply: Reply) -> bool:
    """Whether an action may be done in spite of its reply, or be in progress: after a double click.

    It is repeated with its own id then. Filled in again, a refund would be a second one.
    """
    return reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or "Retry-After" in reply.headers


def _confirmation(
    visit: Visit,
    target: _Target,
    chosen: Money | None,
    entered: ActionInput,
    action_id: str,
    problem: Reply | None = None,
) -> Response[bytes]:
    """Return the form that confirms an action, or repeats it after a problem."""
    kind = target.kind
    page = visit.frame(f"{kind.title} a payment?", PATH).around(
        note("bad", (p[each] for each in problems_of(problem)), p[_REPEAT]) if problem else None,
        confirmation(kind, target.payment, chosen, entered, visit.operator, action_id),
    )
    return html_response(page, problem.status if problem else HTTPStatus.OK)


def _chosen(most: Money | None, entered: str) -> Money | None:
    """Return the amount that was entered; None if the action has none.

    Raises:
        BadRequest: it is no amount of the currency.
    """
    if most is None:
        return None
    try:
        is_amount = _AMOUNT.fullmatch(entered)
        chosen = Money.from_major(Decimal(entered if is_amount else 0), most.currency)
    except InexactAmount:
        chosen = Money(0, most.currency)
    if chosen.is_zero:
        step, code = step_of(most.currency.code), most.currency.code.upper()
        raise _bad_amount(f"Enter an amount of {code} in steps of {step}")
    return chosen


def _bad_amount(message: str) -> BadRequest:
    return BadRequest((ErrorDetail(message, "amount"),))
