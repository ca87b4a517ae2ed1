"""Bugs of an order's terms: merged field by field, or replaced by the configuration."""

from typing import Any, Final

from attrs import evolve

from domain.order import Order
from domain.replica import Terms
from tests.simulation.bug import Bug

_newest = Terms.newest
_claim = Order.claim


def _an_expiry_is_kept(self: Terms, other: Terms | None) -> Terms:
    newest = _newest(self, other)
    older = None if other is None else other.expires_at or self.expires_at
    return evolve(newest, expires_at=newest.expires_at or older)


def _captured_as_configured(self: Order, *args: Any) -> Order:
    terms = self.replica.terms
    unsaid = None if terms is None else evolve(terms, capture=None)
    claimed = _claim(evolve(self, replica=evolve(self.replica, terms=unsaid)), *args)
    return evolve(claimed, replica=self.replica)


TERMS_BUGS: Final = (
    Bug("an expiry is kept for ever", Terms, "newest", _an_expiry_is_kept),
    Bug("captured as it is configured", Order, "claim", _captured_as_configured),
)
