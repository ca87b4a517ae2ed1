"""Promises about declined cards: too many of them block their user or address, and nobody else."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from payments_kit.simulation.model.records import History
from payments_kit.simulation.model.reports import Attempt, DeclineLimits

_TOO_MANY: Final = 429
_DECLINED: Final = 402
_MAY_BE_DECLINED: Final = (_DECLINED, 202, None)
"""The replies after which a card may have been declined; None: none came."""

_NO_CARD: Final = ("canceled", "debit_not_authorized")
"""The codes of a payment that failed while the request was in flight, although no card was
declined: it was cancelled at the gateway, such as with its order, or a bank returned the debit that
the gateway had accepted. The reply is 402."""

_LONGEST: Final = timedelta(minutes=12)
"""A request may take so long until its card is declined: a process is paused for ten minutes."""

_MARGIN: Final = timedelta(seconds=10)
"""Clocks differ, and a reply takes a moment."""


def declines_limit_their_source(history: History) -> Iterable[str]:
    """Check that 429 has a reason (8), and that the limit is kept while declines are counted (10).

    A decline is not counted if the database fails just then, because the reply is more urgent.
    """
    limits = history.decline_limits
    if limits is None:
        return
    for attempt in history.attempts:
        if attempt.status == _TOO_MANY and not _has_a_reason(attempt, history, limits):
            yield f"8: {attempt.sources} were refused without so many declined cards of their own"
        begun = [each for each in attempt.started if each in history.payments]
        if not limits.counts_all or not begun:
            continue
        for source, most in _limits_of(attempt, limits):
            declined = _certain_declines(source, attempt, history, limits)
            if declined >= most:
                yield f"10: {source} has {declined} declined cards, and {begun} began"


def _limits_of(attempt: Attempt, limits: DeclineLimits) -> list[tuple[str, int]]:
    most = limits.most
    kinds = [(source, source.partition(":")[0]) for source in attempt.sources]
    return [(source, most[kind]) for source, kind in kinds if kind in most]


def _has_a_reason(attempt: Attempt, history: History, limits: DeclineLimits) -> bool:
    since, until = attempt.asked_at - limits.window - _MARGIN, attempt.replied_at
    for source, most in _limits_of(attempt, limits):
        possible = [
            each
            for each in history.attempts
            if source in each.sources
            and each.status in _MAY_BE_DECLINED
            and since < _latest_decline(each)
            and (until is None or each.asked_at <= until)
        ]
        if len(possible) >= most:
            return True
    return False


def _latest_decline(attempt: Attempt) -> datetime:
    """Return until when a card may have been declined: until the reply, if that says so."""
    if attempt.status == _DECLINED and attempt.replied_at is not None:
        return attempt.replied_at
    return attempt.asked_at + _LONGEST


def _certain_declines(
    source: str, attempt: Attempt, history: History, limits: DeclineLimits
) -> int:
    """Return how many cards were certainly declined within the window, before an attempt began."""
    until = attempt.replied_at
    return sum(
        each.status == _DECLINED
        and each.code not in _NO_CARD
        and source in each.sources
        and each.replied_at is not None
        and each.replied_at < attempt.asked_at
        and until is not None
        and each.asked_at > until - limits.window
        and each.declined in each.started
        for each in history.attempts
    )
